// harness.mjs - a server of its own for each test file, and the first steps of people.
//
// start() runs build/tickettoken on a free port and an empty folder, with the test clock.
// Answers to sign-ins are not held back, or the whole suite would wait for its people; what
// is to be seen of that is in accounts.test.mjs.
// With WORLD=cluster a server is two nodes on PostgreSQL, Redis and NATS, and every request
// goes to the other node than the one before: `url` and `port` alternate.
// Every answered request is noted by route and outcome in $API_COVERAGE, where
// coverage.mjs looks for routes without a test.
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { wrongWith } from './conform.mjs';
import { alive, Engines } from './engines.mjs';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const binary = process.env.TICKETTOKEN ?? join(root, 'build/tickettoken');
export const TENANT = '00000000-0000-0000-0000-000000000001';
export const cluster = process.env.WORLD === 'cluster';
export const PASSWORD = 'Correct-Horse-7-Battery';
const lawless = process.env.RACE_CONTROL === '1';    // a build without guards says what can't be

const patience = 60_000;                            // a busy machine is no failure
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Asks `fact` again and again until it is true; fails with `what` after a while.
export async function until(what, fact, within = patience) {
  for (const end = Date.now() + within; ;) {
    const value = await fact();
    if (value) return value;
    if (Date.now() > end) throw new Error(`never came true: ${what}`);
    await sleep(50);
  }
}

export const routes = JSON.parse(execFileSync(binary, ['routes', '--json', '--test-clock'], { encoding: 'utf8' }))
  .map((r) => ({ ...r, pattern: new RegExp('^' + r.path.replace(/[.]/g, '\\.').replace(/:\w+/g, '[^/]+').replace('*', '.*') + '/?$') }));

export function routeOf(method, path) {
  const plain = path.split('?')[0];
  const fits = routes.filter((r) => [method, 'ALL'].includes(r.method) && r.pattern.test(plain));
  return fits.find((r) => !/[:*]/.test(r.path)) ?? fits.find((r) => r.method === method) ?? fits[0];
}

// Notes that a route was seen to succeed, to refuse, or to hide another tenant's things.
export function note(method, path, outcome) {
  const route = routeOf(method, path);
  if (!route || !process.env.API_COVERAGE) return;
  mkdirSync(process.env.API_COVERAGE, { recursive: true });
  appendFileSync(join(process.env.API_COVERAGE, `${process.pid}.txt`), `${outcome} ${route.method} ${route.path}\n`);
}

export function run(args, { input = '', env = {} } = {}) {
  const clean = Object.fromEntries(['PATH', 'HOME', 'ASAN_OPTIONS', 'TSAN_OPTIONS'].filter((n) => n in process.env)
    .map((n) => [n, process.env[n]]));
  return new Promise((done) => {
    const child = spawn(binary, args, { env: { HASH_MEMORY_KIB: '1024', ...clean, ...env }, cwd: tmpdir() });
    let out = '', err = '';
    child.stdout.on('data', (d) => { out += d; });
    child.stderr.on('data', (d) => { err += d; });
    child.on('close', (code, signal) => done({ code, signal, out, err }));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

// One process.
class Node {
  constructor(dir, env) {
    this.dir = dir;
    this.env = env;
    this.log = '';
  }

  async open(port) {
    const env = { PATH: process.env.PATH, NODE_ENV: 'test', CLOCK: 'test', LOG_LEVEL: 'info',
      HASH_MEMORY_KIB: '1024', LOGIN_FLOOR_MS: '0', FORGOT_FLOOR_MS: '0', FLOOR_JITTER_MS: '0', ...this.env };
    for (const n of ['ASAN_OPTIONS', 'TSAN_OPTIONS']) if (process.env[n]) env[n] = process.env[n];
    this.child = spawn(binary, ['serve', '--port', String(port), '--data', this.dir], { env, cwd: this.dir });
    alive.add(this.child);
    this.child.on('exit', () => alive.delete(this.child));
    this.ended = new Promise((done) => this.child.on('close', (code, signal) => done({ code, signal })));
    this.child.stderr.on('data', (d) => { this.log += d; });
    const line = await new Promise((done, no) => {
      let out = '';
      const late = setTimeout(() => no(new Error(`no line after ${patience} ms:\n${this.log}`)), patience);
      this.child.stdout.on('data', (d) => {
        out += d;
        if (!out.includes('\n')) return;
        clearTimeout(late);
        done(out.split('\n')[0]);
      });
      this.ended.then((e) => { clearTimeout(late); no(new Error(`ended with ${JSON.stringify(e)}:\n${this.log}`)); });
    });
    this.url = /^listening on (https?:\/\/\S+)$/.exec(line)?.[1];
    if (!this.url) throw new Error(`not the line that was promised: ${line}`);
    this.port = Number(new URL(this.url).port);
  }

  async stop(signal = 'SIGTERM') {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
    return this.ended;
  }
}

export class Server {
  constructor(dir, env) {
    this.dir = dir;
    this.env = env;
    this.nodes = [new Node(dir, env)];
    this.turn = 0;
  }

  // The second node: its own data folder, the same secrets, keys and letters.
  async joinNodes() {
    const secrets = Object.fromEntries(['QR_ENCRYPTION_KEY', 'INTERNAL_SERVICE_SECRET', 'INTERNAL_WEBHOOK_SECRET']
      .map((n) => [n, randomBytes(24).toString('hex')]));
    const text = Object.entries(secrets).map(([n, v]) => `${n}=${v}\n`).join('');
    writeFileSync(join(this.dir, 'secrets.env'), text, { mode: 0o600 });
    const second = join(this.dir, 'second');
    mkdirSync(second, { mode: 0o700 });
    this.engines = await new Engines(this.dir).open();
    this.env = { KEYS_DIR: join(this.dir, 'keys'), MAIL_URL: `folder:${join(this.dir, 'mail')}`, ...this.engines.env, ...this.env };
    this.nodes = [new Node(this.dir, this.env), new Node(second, { ...secrets, ...this.env })];
  }

  async open(port = 0) {
    if (cluster && !this.engines) await this.joinNodes();
    const opened = await Promise.allSettled(this.nodes.map((n) => n.open(port)));
    const failed = opened.find((o) => o.status === 'rejected');
    if (failed) {
      await this.stop('SIGKILL');
      await this.engines?.close();
      throw failed.reason;
    }
    return this;
  }

  // Holds at once on one node; of several, on each within a second, or on a busy machine ten.
  everywhere(what, fact) { return Promise.all(this.nodes.map((n) => until(what, () => fact(n), cluster ? 10_000 : 0))); }

  next() { return this.nodes[this.turn++ % this.nodes.length]; }

  get url() { return this.next().url; }

  get port() { return this.next().port; }

  get child() { return this.nodes[0].child; }

  get log() { return this.nodes.map((n) => n.log).join(''); }

  // Of several ends the one that was not in order.
  async stop(signal) {
    const ends = await Promise.all(this.nodes.map((n) => n.stop(signal)));
    return ends.find((e) => e.code !== 0) ?? ends[0];
  }

  kill9() { return this.stop('SIGKILL'); }

  async close() {
    const end = await this.stop();
    await this.engines?.close();
    rmSync(this.dir, { recursive: true, force: true });
    return end;
  }

  // One request, to `node` or to whose turn it is; `foreign` says that what is asked for
  // belongs to another tenant.
  async api(method, path, { token, body, key, headers = {}, foreign = false, node } = {}) {
    const h = { accept: 'application/json', ...headers };
    if (token) h.authorization = `Bearer ${token}`;
    if (key) h['idempotency-key'] = key;
    const send = { method, headers: h, redirect: 'manual' };
    if (body !== undefined) {
      h['content-type'] ??= 'application/json';
      send.body = typeof body === 'string' ? body : JSON.stringify(body);
    }
    const r = await fetch((node ?? this.next()).url + path, send);
    const text = await r.text();
    let json;
    try { json = JSON.parse(text); } catch { json = undefined; }
    const route = routeOf(method, new URL(path, 'http://any').pathname);
    const wrong = json === undefined || !route || lawless ? undefined : wrongWith(method, route.path, r.status, json);
    if (wrong) throw new Error(`${method} ${path}: ${r.status} is not as the document says: ${wrong}: ${text.slice(0, 500)}`);
    if (foreign && r.status === 404) note(method, path, 'foreign');
    else if (r.status < 400) note(method, path, 'success');
    else note(method, path, 'refusal');
    return { status: r.status, headers: r.headers, text, body: json };
  }

  // The same, and it must give `status`.
  async must(status, method, path, options) {
    const r = await this.api(method, path, options);
    if (r.status !== status) throw new Error(`${method} ${path}: ${r.status} in place of ${status}: ${r.text}`);
    return r.body;
  }

  cli(args, { env, ...more } = {}) {
    return run([...args, '--data', this.dir], { env: { ...(cluster ? this.env : {}), ...env }, ...more });
  }

  // A person who registered: {id, email, token, refresh}.
  async register({ email = `p${randomUUID()}@example.com`, ...more } = {}) {
    const b = await this.must(201, 'POST', '/auth/register',
      { body: { email, password: PASSWORD, firstName: 'Ada', lastName: 'Byron', ...more } });
    return { ...b.user, token: b.tokens.accessToken, refresh: b.tokens.refreshToken };
  }

  async login(email, more = {}) {
    const b = await this.must(200, 'POST', '/auth/login', { body: { email, password: PASSWORD, ...more } });
    return { ...b.user, token: b.tokens.accessToken, refresh: b.tokens.refreshToken };
  }

  // Somebody with a role, made by the CLI as an operator would.
  async somebody(role, tenant = TENANT) {
    const email = `${role.replaceAll('_', '-')}-${randomUUID()}@example.com`;
    const made = await this.cli(['user', 'add', '--email', email, '--role', role, '--tenant', tenant, '--password-stdin'],
      { input: PASSWORD + '\n' });
    if (made.code !== 0) throw new Error(`user add: ${made.err}`);
    return this.login(email, { tenantId: tenant });
  }

  organiser(tenant = TENANT) { return this.somebody('venue_manager', tenant); }

  // An organiser of a second tenant, made once.
  async stranger() {
    this.strange ??= await this.organiser(randomUUID());
    return this.strange;
  }

  async venue(organiser, more = {}) {
    return (await this.must(201, 'POST', '/api/v1/venues', { token: organiser.token,
      body: { name: 'The Hall', timezone: 'Europe/Zurich', capacity: 10000, ...more } })).venue;
  }

  async event(organiser, more = {}) {
    const venue = more.venueId ? { id: more.venueId } : await this.venue(organiser);
    const day = 86400_000, now = await this.now();
    return (await this.must(201, 'POST', '/api/v1/events', { token: organiser.token,
      body: { name: 'A Night of Tests', venueId: venue.id, startsAt: new Date(now + 30 * day).toISOString(),
              endsAt: new Date(now + 30.2 * day).toISOString(), ...more } })).event;
  }

  async move(organiser, event, action, reason) {
    return (await this.must(200, 'POST', `/api/v1/events/${event.id}/transitions`,
      { token: organiser.token, body: { action, reason } })).event;
  }

  // An event on sale with one ticket type or several: {organiser, event, type, types}.
  async sale({ quantity = 100, priceCents = 2500, types = [{}], organiser, event: like, ...more } = {}) {
    organiser ??= await this.organiser();
    let event = await this.event(organiser, like);
    const made = [];
    for (const [i, t] of types.entries())
      made.push((await this.must(201, 'POST', '/api/v1/tickets/types', { token: organiser.token,
        body: { eventId: event.id, name: `Type ${i + 1}`, priceCents, currency: 'EUR', quantity, ...more, ...t } })).ticketType);
    await this.move(organiser, event, 'PUBLISH');
    event = await this.move(organiser, event, 'START_SALES');
    return { organiser, event, type: made[0], types: made };
  }

  hold(buyer, sale, quantity = 1, options = {}) {
    return this.api('POST', '/api/v1/tickets/purchase', { token: buyer.token, ...options,
      body: { eventId: sale.event.id, tickets: [{ ticketTypeId: sale.type.id, quantity }] } });
  }

  // Hold, order, payment: the order with its tickets.
  async buy(buyer, sale, quantity = 1) {
    const o = await this.must(201, 'POST', '/api/v1/purchase', { token: buyer.token, key: randomUUID(),
      body: { eventId: sale.event.id, tickets: [{ ticketTypeId: sale.type.id, quantity }] } });
    await this.must(200, 'POST', `/api/v1/payments/sandbox/${o.payment.intentId}/confirm`,
      { body: { outcome: 'succeeded' } });
    return until('the order has its tickets', async () => {
      const { order } = await this.must(200, 'GET', `/api/v1/orders/${o.order.id}`, { token: buyer.token });
      return order.status === 'COMPLETED' && order;
    });
  }

  async types(event) { return (await this.must(200, 'GET', `/api/v1/tickets/events/${event.id}/types`)).data; }

  // The letters to an address, the newest last, as {subject, text}.
  letters(email) {
    const folder = join(this.dir, 'mail');
    if (!existsSync(folder)) return [];
    return readdirSync(folder).filter((n) => n.endsWith('.eml')).sort()
      .map((n) => readFileSync(join(folder, n), 'utf8')).filter((t) => t.includes(`To: ${email}`) || t.includes(`<${email}>`))
      .map((t) => ({ text: t.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, (_, x) => String.fromCharCode(parseInt(x, 16))) }));
  }

  clock = {
    advance: async (ms) => {
      const all = await Promise.all(this.nodes.map((node) =>
        this.must(200, 'POST', '/internal/test/clock', { body: { advanceMs: ms }, node })));
      return Math.max(...all.map((r) => Date.parse(r.now)));
    },
  };

  now() { return this.clock.advance(0); }
}

export async function start(env = {}) {
  return new Server(mkdtempSync(join(tmpdir(), 'tickettoken-api-')), env).open();
}

// Sends bytes as they are and gives all that came back until the other side closed, or
// until `quiet` ms passed without a byte: {text, closed}.
export function raw(port, bytes, { quiet = 400, host = '127.0.0.1' } = {}) {
  return new Promise((done) => {
    const s = net.connect(port, host);
    let text = '', timer;
    const finish = (closed) => { clearTimeout(timer); s.destroy(); done({ text, closed }); };
    const wait = () => { clearTimeout(timer); timer = setTimeout(() => finish(false), quiet); };
    s.on('connect', () => { s.write(bytes); wait(); });
    s.on('data', (d) => { text += d.toString('latin1'); wait(); });
    s.on('close', () => finish(true));
    s.on('error', () => finish(true));
  });
}

export const statusOf = (answer) => Number(/^HTTP\/1\.[01] (\d{3})/.exec(answer.text)?.[1] ?? 0);
