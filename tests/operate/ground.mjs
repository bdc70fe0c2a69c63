// ground.mjs - what the proofs of docs/operate.md stand on: the page's own blocks with
// folders and addresses of a test, nodes of any program, a crowd that buys and remembers
// what it was told, and the audit of what no fault may break.
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { crowd } from '../api/crowd.mjs';
import { binary, root, run, Server, sleep, until } from '../api/harness.mjs';

export { assert, binary, randomUUID, root, sleep, until };

// Whatever ends the test, nothing of it is left.
export const folder = mkdtempSync(join(tmpdir(), 'tickettoken-operate-'));
chmodSync(folder, 0o711);                         // root's engines pass through as nobody
const alive = new Set();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
  if (!process.env.KEEP) rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

export const isRoot = process.getuid() === 0;
const nobody = isRoot ? ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups'] : [];

export function free() {
  return new Promise((done) => {
    const s = net.createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => done(port)); });
  });
}

// ---- the page and the files beside it ---------------------------------------------

const page = readFileSync(join(root, 'docs/operate.md'), 'utf8');

// change(text, {from: to}): each must be there, so that a test can't pass by its own words.
export function change(text, changes) {
  for (const [from, to] of Object.entries(changes)) {
    assert.ok(text.includes(from), `not there: ${from}`);
    text = text.replaceAll(from, to);
  }
  return text;
}

export function block(name, changes = {}) {
  const found = new RegExp('^```\\w+ ' + name + '\\n(.*?)^```', 'ms').exec(page);
  assert.ok(found, `the page has no block ${name}`);
  return change(found[1], changes);
}

export const ops = (name, changes) => change(readFileSync(join(root, 'ops', name), 'utf8'), changes);

// Words that a test machine lacks, as scripts that stand in the way of the real ones.
export function shims(dir, scripts) {
  mkdirSync(dir, { recursive: true });
  for (const [name, text] of Object.entries(scripts))
    writeFileSync(join(dir, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return dir;
}

export async function shell(text, { env = {}, shim } = {}) {
  const path = (shim ? shim + ':' : '') + process.env.PATH;
  const { stdout } = await promisify(execFile)('sh', ['-euc', text], { cwd: folder,
    env: { ...process.env, ...env, PATH: path }, maxBuffer: 1 << 26 });
  return stdout;
}

// ---- PostgreSQL -------------------------------------------------------------------

const admin = new URL(process.env.TEST_PG_ADMIN ?? 'postgresql://tests-services.sh-is-missing/');
export const pg = { host: admin.hostname, port: admin.port, env: { PGHOST: admin.hostname, PGPORT: admin.port,
  PGUSER: admin.username, PGPASSWORD: admin.password, PGDATABASE: 'postgres' } };

export const psql = (text, database = 'postgres') =>
  execFileSync('psql', ['-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', database],
    { input: text, env: { ...process.env, ...pg.env }, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] }).trim();

// A database as the page makes it, under another name: {server, owner} urls.
export function makeDatabase(name) {
  const [server, owner] = [randomBytes(12).toString('hex'), randomBytes(12).toString('hex')];
  const text = block('roles', { tickettoken: name, 'OWNER-PASSWORD': owner, 'SERVER-PASSWORD': server });
  execFileSync('psql', ['-Xq', '-v', 'ON_ERROR_STOP=1'], { input: text, env: { ...process.env, ...pg.env } });
  return { name, passwords: { server, owner }, server: `postgresql://${name}:${server}@${pg.host}:${pg.port}/${name}`,
    owner: `postgresql://${name}_owner:${owner}@${pg.host}:${pg.port}/${name}` };
}

// ---- processes ----------------------------------------------------------------------

export class Process {
  constructor(command, args, options = {}) {
    this.log = '';
    this.child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: folder, ...options });
    alive.add(this.child);
    this.ended = new Promise((done) => this.child.on('close', (code, signal) => { alive.delete(this.child); done({ code, signal }); }));
    this.child.on('error', (e) => { this.log += e; });
    this.child.stderr.on('data', (d) => { this.log += d; });
    this.child.stdout.on('data', (d) => { this.log += d; });
  }

  get runs() { return this.child.exitCode === null && this.child.signalCode === null; }

  async says(what, within = 20_000) {
    await until(`${what}\n${this.log}`, () => {
      if (!this.runs && !what.test(this.log)) throw new Error(`ended without saying ${what}:\n${this.log}`);
      return what.test(this.log);
    }, within).catch((e) => { throw new Error(`${e.message}\n${this.log}`); });
    return this;
  }

  stop(signal = 'SIGTERM') {
    if (this.runs) this.child.kill(signal);
    return this.ended;
  }
}

export const asNobody = (command, args) => new Process(...(isRoot ? [nobody[0], [...nobody.slice(1), command, ...args]] : [command, args]));

// A NATS of its own, as the page has it, with a certificate of a private authority.
export class Bus {
  constructor(name) { this.dir = join(folder, `${name}-nats`); }

  async open() {
    if (!this.port) await this.make();
    this.process = await asNobody('nats-server', ['-c', join(this.dir, 'conf')]).says(/Server is ready/);
    return this;
  }

  async make() {
    const word = randomBytes(12).toString('hex');
    this.port = await free();
    mkdirSync(this.dir);
    await shell(`cd ${this.dir}; ( ${block('certificate', { 'db.internal': 'localhost' })} ) 2>&1; chmod 644 ca.crt`);
    writeFileSync(join(this.dir, 'conf'), block('nats', { '10.0.0.20:4222': `127.0.0.1:${this.port}`, '/var/lib/nats': join(this.dir, 'store'),
      '/etc/nats': this.dir, 'NATS-PASSWORD': word }));
    if (isRoot) await shell(`chown -R nobody ${this.dir}; chmod 711 ${this.dir}`);
    this.url = `tls://tickettoken:${word}@localhost:${this.port}?ca=${join(this.dir, 'ca.crt')}`;
  }

  async stop() { return this.process?.stop(); }
}

// One node: a program, a folder, a port that stays.
export class Node {
  constructor(name, env, program = binary) {
    Object.assign(this, { name, program, env, dir: join(folder, name) });
    mkdirSync(this.dir, { recursive: true, mode: 0o700 });
  }

  async open() {
    this.port ??= await free();
    const env = { PATH: process.env.PATH, LOG_LEVEL: 'info', ...this.env };
    this.process = new Process(this.program, ['serve', '--port', String(this.port), '--data', this.dir], { env, cwd: this.dir });
    await this.process.says(/^listening on /m, 40_000);
    this.url = `http://127.0.0.1:${this.port}`;
    return this;
  }

  // A start that must be refused; gives what it said.
  async refuses() {
    const env = { PATH: process.env.PATH, ...this.env };
    const p = new Process(this.program, ['serve', '--port', '0', '--data', this.dir], { env, cwd: this.dir });
    const end = await Promise.race([p.ended, p.says(/^listening on /m, 60_000)]);
    if (end === p) await p.stop();
    assert.notEqual(end, p, 'it was to be refused, and serves');
    assert.equal(end.code, 1, p.log);
    return p.log;
  }

  async stop(signal) { return this.process?.stop(signal); }

  async version() { return /tickettoken_build_info\{version="([^"]*)"/.exec(await (await fetch(`${this.url}/metrics`,
    { headers: { authorization: `Bearer ${this.env.METRICS}` } })).text())?.[1]; }
}

// A url as a node in production may use it without TLS: over the local socket.
export const bySocket = (url) => {
  const u = new URL(url), socket = encodeURIComponent(join(process.env.SERVICES_DIR, 'postgres'));
  return `postgresql://${u.username}:${u.password}@${u.pathname}?host=${socket}&port=${u.port}`;
};

// What production asks for, hashes as cheap as it allows; one person buys much, and answers name one address.
export const production = () => ({ NODE_ENV: 'production', PUBLIC_URL: 'https://tickets.example',
  MAX_TICKETS_PER_CUSTOMER: '100000', HASH_MEMORY_KIB: '19456', ...Object.fromEntries(['QR_ENCRYPTION_KEY', 'INTERNAL_SERVICE_SECRET',
  'INTERNAL_WEBHOOK_SECRET'].map((n) => [n, randomBytes(24).toString('hex')])) });

// ---- people ---------------------------------------------------------------------------

// The verbs of the API suite, at an address that stays while nodes come and go.
export class Site extends Server {
  constructor(url, node) {
    super(node.dir, node.env);
    this.at = url;
    this.node = node;
  }

  now() { return Date.now(); }

  cli(args, options = {}) {
    return run([...args, '--data', this.dir], { ...options, env: { ...this.env, ...options.env } });
  }

  async api(method, path, { token, body, key, headers = {} } = {}) {
    const h = { accept: 'application/json', ...headers, ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(key ? { 'idempotency-key': key } : {}), ...(body !== undefined ? { 'content-type': 'application/json' } : {}) };
    const r = await fetch(this.at + path, { method, headers: h, body: body === undefined ? undefined : JSON.stringify(body) });
    const text = await r.text();
    let json;
    try { json = JSON.parse(text); } catch { json = undefined; }
    return { status: r.status, headers: r.headers, text, body: json };
  }
}

// Buyers that buy until stop(): what they were told, how often they had to ask again, and
// what they were refused although they should not have been.
export class Crowd {
  constructor(site, offers) {
    Object.assign(this, { site, offers, told: new Map(), paid: new Set(), again: [], wrong: [], slowest: 0 });
  }

  async start(count = 16) {
    this.people = await crowd(this.site, count);
    this.going = true;
    this.working = this.people.map((p) => this.shop(p));
    return this;
  }

  // Asks until there is an answer that is one: as a client does that knows 503.
  async ask(path, { token, body, key }) {
    const begun = Date.now();
    for (let patience = Date.now() + 40_000; ;) {
      let r, broke;
      try { r = await this.site.api('POST', path, { token, body, key }); } catch (e) { broke = e.cause?.code ?? e.message; }
      if (r && r.status !== 503 && r.status !== 504) {
        this.slowest = Math.max(this.slowest, Date.now() - begun);
        return r;
      }
      this.again.push(broke ?? `${r.status} ${r.body?.code ?? 'of the load balancer'}`);
      if (Date.now() > patience) throw new Error(`no answer to ${path} for 40 s: ${broke ?? r.text}`);
      await sleep(100 + Math.random() * 200);
    }
  }

  async buy(person) {
    const offer = this.offers[Math.floor(Math.random() * this.offers.length)], key = randomUUID();
    const body = { eventId: offer.event.id, tickets: [{ ticketTypeId: offer.type.id, quantity: 1 + Math.floor(Math.random() * 2) }] };
    const o = await this.ask('/api/v1/purchase', { token: person.token, body, key });
    if (o.status !== 201) return void this.wrong.push(`purchase: ${o.status} ${o.text}`);
    this.told.set(key, { person, body, answer: o.text });
    const c = await this.ask(`/api/v1/payments/sandbox/${o.body.payment.intentId}/confirm`, { body: { outcome: 'succeeded' } });
    if (c.status === 200 || c.status === 409) this.paid.add(o.body.order.id);
    else this.wrong.push(`confirm: ${c.status} ${c.text}`);
  }

  async shop(person) {
    while (this.going)
      try { await this.buy(person); } catch (e) { this.wrong.push(e.message); }
  }

  async stop() {
    this.going = false;
    await Promise.all(this.working);
    return this;
  }

  // A retried purchase gets the first one's answer, to the letter.
  async checkAnswers(count = 20) {
    for (const [key, t] of [...this.told].slice(-count)) {
      const r = await this.ask('/api/v1/purchase', { token: t.person.token, body: t.body, key });
      assert.equal(r.text, t.answer, 'a retried purchase got another answer');
    }
  }
}

// One person's stream, which reconnects where it was whenever it ends, as a browser does.
export class Listener {
  constructor(site, person) {
    Object.assign(this, { site, person, ids: [], gaps: 0, times: 0, broken: 0, heard: [] });
    this.follow();
  }

  follow() {
    let text = '';
    const again = () => { if (!this.done) setTimeout(() => this.follow(), 100); };
    const rq = (this.site.at.startsWith('https:') ? https : http).get(`${this.site.at}/events/stream`, { agent: false, rejectUnauthorized: false, headers: { authorization: `Bearer ${this.person.token}`,
      ...(this.last === undefined ? {} : { 'last-event-id': this.last }) } });
    this.request = rq;
    rq.on('error', () => { this.broken += 1; });
    rq.on('close', again);
    rq.on('response', (r) => {
      r.on('error', () => {});
      if (r.statusCode !== 200) return void r.resume();
      this.times += 1;
      r.on('data', (part) => {
        text += part.toString();
        for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) this.take(text.slice(0, end));
      });
    });
  }

  take(frame) {
    const f = Object.fromEntries(frame.split('\n').map((l) => [l.slice(0, l.indexOf(':')), l.slice(l.indexOf(':') + 2)]));
    if (f.id) this.last = f.id;
    if (f.event) this.heard.push({ event: f.event, at: Date.now() });
    if (f.event === 'gap') this.gaps += 1;
    if (f.event === 'connected') this.since ??= Number(f.id);
    else if (f.id) this.ids.push(Number(f.id));
  }

  stop() { this.done = true; this.request.destroy(); }
}

// ---- what no fault may break ------------------------------------------------------------

const bad = (from, where) => `SELECT count(*) FROM ${from} WHERE ${where}`;
const AUDIT = {
  'stock does not add up': bad('ticket_type',
    'quantity <> available + held + sold + blocked OR available < 0 OR held < 0 OR sold < 0 OR blocked < 0'),
  'held is not what ACTIVE holds hold': bad('ticket_type t', `held <> (SELECT coalesce(sum(l.quantity), 0) FROM hold_line l
    JOIN hold h ON h.tenant = l.tenant AND h.id = l.hold WHERE l.type = t.id AND h.status = 'ACTIVE')`),
  'sold is not the number of tickets': bad('ticket_type t', 'sold <> (SELECT count(*) FROM ticket k WHERE k.type = t.id)'),
  'an order has tickets without being completed, or the other way round': bad('orders o', `(o.status = 'COMPLETED') <>
    (SELECT count(*) > 0 FROM ticket k WHERE k.tenant = o.tenant AND k.orders = o.id)`),
  'an order line has not one set of tickets': bad('orders o', `o.status = 'COMPLETED' AND (SELECT count(*) FROM ticket k
    WHERE k.orders = o.id) <> (SELECT sum(quantity) FROM hold_line l WHERE l.hold = o.hold)`),
  'an order was paid twice': bad(`(SELECT orders FROM payment WHERE status = 'TAKEN' GROUP BY orders HAVING count(*) > 1) t`, 'true'),
};

// `sql` runs a query and gives its one value as text.
export function audit(sql) {
  for (const [what, query] of Object.entries(AUDIT)) assert.equal(Number(sql(query)), 0, what);
}

export const tally = (list) => list.reduce((t, x) => ({ ...t, [x]: (t[x] ?? 0) + 1 }), {});
