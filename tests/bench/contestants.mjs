// contestants.mjs - what sells in engines.mjs. Each is opened for a run and closed after it,
// so that nobody pays for another's idling; its data stays for the next round.
//
// A contestant has: name, open(), targets() for the load generator, keys (the folder whose
// signing key its tokens are of), offers(count, quantity) -> ["event:type"], cpu() -> CPU
// microseconds so far by part, audit() -> {oversold, stranded, held}, close().
import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, run, Server, TENANT } from '../api/harness.mjs';

const { TEST_PG_URL, TEST_PG_OWNER_URL, TEST_PG_ADMIN, TEST_REDIS_URL, SERVICES_DIR } = process.env;
const PLENTY = 1_000_000;

export const folder = mkdtempSync(join(tmpdir(), 'tickettoken-engines-'));

// Whatever ends the run, nothing of it is left.
const children = new Set();
const mine = (child) => { children.add(child); child.on('close', () => children.delete(child)); return child; };
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));

// ---- CPU ------------------------------------------------------------------------

const TICK_US = 1e6 / Number(execFileSync('getconf', ['CLK_TCK']));

function stat(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ').map(Number);
  } catch {
    return [];
  }
}

const spent = (pid, from, to) => stat(pid).slice(from, to).reduce((n, t) => n + t, 0) * TICK_US;
const own = (pid) => spent(pid, 11, 13);
const parentOf = (pid) => stat(pid)[1];

// A process and its children, also those that have ended.
function family(pid) {
  const children = readdirSync('/proc').filter((p) => /^\d+$/.test(p) && parentOf(p) === pid);
  return spent(pid, 11, 15) + children.reduce((n, p) => n + own(p), 0);
}

const pidOf = (service) => Number(readFileSync(join(SERVICES_DIR, `${service}.pid`), 'utf8'));
const postgresCpu = () => family(pidOf('postgres'));

// ---- databases ------------------------------------------------------------------

const adminUrl = (database) => TEST_PG_ADMIN.replace(/[^/]*$/, database);
export const psql = (database, sql) =>
  execFileSync('psql', ['-qAtX', '-v', 'ON_ERROR_STOP=1', adminUrl(database), '-c', sql], { encoding: 'utf8' }).trim();
const pgUrl = (database) => TEST_PG_URL + database;

function makeDatabase(name) {
  psql('postgres', `CREATE DATABASE ${name} OWNER ${new URL(TEST_PG_OWNER_URL).username}`);
}

// The schema alone with one sale in it, and no node that would relay what is written.
export async function bareDatabase() {
  const [venue, event, type] = [randomUUID(), randomUUID(), randomUUID()], dir = join(folder, 'bare');
  makeDatabase('bare');
  const made = await run(['migrate', '--data', dir], { env: { NODE_ENV: 'test', DATABASE_URL: pgUrl('bare'),
    DATABASE_OWNER_URL: TEST_PG_OWNER_URL + 'bare' } });
  if (made.code !== 0) throw new Error(`migrate: ${made.err}`);
  psql('bare', `INSERT INTO venue (tenant, id, name, timezone, capacity, status, created_by, created_at, updated_at)
      VALUES ('${TENANT}', '${venue}', 'x', 'UTC', 1000000, 'ACTIVE', '${venue}', now(), now());
    INSERT INTO event (tenant, id, venue, name, timezone, starts_at, ends_at, status, created_by, created_at, updated_at)
      VALUES ('${TENANT}', '${event}', '${venue}', 'x', 'UTC', now(), now() + interval '1 hour', 'ON_SALE', '${venue}',
        now(), now());
    INSERT INTO ticket_type (tenant, id, event, name, price_cents, currency, quantity, available, most, created_at,
      updated_at) VALUES ('${TENANT}', '${type}', '${event}', 'x', 5000, 'USD', 100000000, 100000000, 10, now(), now())`);
  return { url: pgUrl('bare'), offer: `${event}:${type}` };
}

const AUDIT = `SELECT sum(CASE WHEN held + sold > quantity THEN held + sold - quantity ELSE 0 END),
  sum(held) - (SELECT coalesce(sum(quantity), 0) FROM hold WHERE status = 'ACTIVE'), sum(held) FROM ticket_type`;
const PEER_AUDIT = `SELECT sum(greatest(0, reserved_quantity + sold_quantity - quantity)), sum(reserved_quantity)
  - (SELECT coalesce(sum(total_quantity), 0) FROM reservations WHERE status = 'ACTIVE'), sum(reserved_quantity)
  FROM ticket_types`;
const audited = (row) => { const [oversold, stranded, held] = row.split('|').map(Number); return { oversold, stranded, held }; };

// ---- ours -----------------------------------------------------------------------

class Node extends Server {
  cli(args, options = {}) {
    return run([...args, '--data', this.dir], { ...options, env: { NODE_ENV: 'test', ...this.env } });
  }
  now() { return Date.now(); }
}

class Ours {
  constructor(name, count) {
    Object.assign(this, { name, count, holds: 30_000, warm: 4000 });
    this.dirs = Array.from({ length: count }, (_, i) => join(folder, `${name.replaceAll(' ', '-')}-${i}`));
    for (const dir of this.dirs) mkdirSync(dir);
    this.keys = this.dirs[0];
  }

  settings() { return { CLOCK: 'system', LOG_LEVEL: 'warn' }; }

  async open() {
    this.nodes = [];
    for (const dir of this.dirs) {
      const node = await new Node(dir, this.settings()).open();
      mine(node.child);
      this.nodes.push(node);
    }
    this.organiser ??= await this.nodes[0].organiser();
    this.venue ??= await this.nodes[0].venue(this.organiser);
  }

  targets() { return this.nodes.map((n) => n.port); }

  async offers(count, quantity = PLENTY) {
    const one = async () => {
      const s = await this.nodes[0].sale({ organiser: this.organiser, quantity, priceCents: 5000,
        event: { venueId: this.venue.id, name: `Sale ${randomUUID()}` } });
      return `${s.event.id}:${s.type.id}`;
    };
    const made = [];
    while (made.length < count) made.push(...await Promise.all(Array.from({ length: Math.min(8, count - made.length) }, one)));
    return made;
  }

  cpu() { return { server: this.nodes.reduce((n, s) => n + own(s.child.pid), 0) }; }
  audit() { return audited(execFileSync('sqlite3', ['-readonly', join(this.keys, 'tickettoken.db'), AUDIT], { encoding: 'utf8' })); }
  async close() { for (const n of this.nodes) await n.stop(); }
}

export const embedded = () => new Ours('embedded', 1);

// On PostgreSQL, Redis and NATS; a NATS of its own, because the stream is one a server.
class OnEngines extends Ours {
  constructor(name, count, redisDb) {
    super(name, count);
    this.database = name.replaceAll(' ', '_');
    this.redisDb = redisDb;
    makeDatabase(this.database);
  }

  settings() {
    const secret = (letter) => letter.repeat(40);
    return { ...super.settings(), DATABASE_URL: pgUrl(this.database), DATABASE_OWNER_URL: TEST_PG_OWNER_URL + this.database,
      REDIS_URL: TEST_REDIS_URL.replace(/\d+$/, this.redisDb), NATS_URL: this.nats.url, KEYS_DIR: join(this.keys, 'keys'),
      MAIL_URL: `folder:${join(this.keys, 'mail')}`, QR_ENCRYPTION_KEY: secret('q'), INTERNAL_SERVICE_SECRET: secret('s'),
      INTERNAL_WEBHOOK_SECRET: secret('w') };
  }

  async open() {
    this.nats = await openNats(join(this.keys, 'nats'));
    await super.open();
  }

  cpu() { return { ...super.cpu(), postgres: postgresCpu(), 'redis+nats': own(pidOf('redis')) + own(this.nats.child.pid) }; }
  audit() { return audited(psql(this.database, AUDIT)); }
  async close() {
    await super.close();
    await ended(this.nats.child);
  }
}

export const nodes = (name, count, redisDb) => new OnEngines(name, count, redisDb);

function openNats(dir) {
  const child = mine(spawn('nats-server', ['-a', '127.0.0.1', '-p', '-1', '-js', '-sd', dir],
    { stdio: ['ignore', 'ignore', 'pipe'] }));
  return new Promise((done, no) => {
    let said = '';
    child.on('error', no);
    child.on('close', () => no(new Error(`nats-server: ${said}`)));
    child.stderr.on('data', (d) => {
      said += d;
      const port = /Listening for client connections on 127\.0\.0\.1:(\d+)/.exec(said)?.[1];
      if (port && said.includes('Server is ready')) done({ child, url: `nats://127.0.0.1:${port}` });
    });
  });
}

function ended(child) {
  return new Promise((done) => { child.on('close', done); child.kill(); });
}

// ---- the peer -------------------------------------------------------------------

class Peer {
  constructor(keys, jwks) {
    Object.assign(this, { name: 'peer', keys, jwks, holds: 6000, warm: 4000, processes: 1 });
    makeDatabase('peer');
    psql('peer', readFileSync(join(root, 'tests/bench/peer-node/schema.sql'), 'utf8'));
  }

  async open() {
    const env = { PATH: process.env.PATH, NODE_ENV: 'production', JWKS: this.jwks, PG_URL: adminUrl('peer'),
      REDIS_URL: TEST_REDIS_URL.replace(/\d+$/, '9') };
    this.replicas = await Promise.all(Array.from({ length: this.processes }, () => openReplica(env)));
  }

  targets() { return this.replicas.map((r) => r.port); }

  async offers(count, quantity = PLENTY) {
    const made = Array.from({ length: count }, () => [randomUUID(), randomUUID()]);
    psql('peer', `INSERT INTO ticket_types (id, tenant_id, event_id, name, price_cents, quantity, available_quantity) VALUES ${
      made.map(([event, type]) => `('${type}', '${TENANT}', '${event}', 'x', 5000, ${quantity}, ${quantity})`)}`);
    return made.map((ids) => ids.join(':'));
  }

  cpu() {
    return { server: this.replicas.reduce((n, r) => n + own(r.child.pid), 0), postgres: postgresCpu(), 'redis+nats': own(pidOf('redis')) };
  }
  audit() { return audited(psql('peer', PEER_AUDIT)); }
  async close() { for (const r of this.replicas) await ended(r.child); }
}

export const peer = (keys, jwks) => new Peer(keys, jwks);

function openReplica(env) {
  const child = mine(spawn('node', [join(root, 'tests/bench/peer-node/server.mjs')],
    { env, stdio: ['ignore', 'pipe', 'inherit'] }));
  return new Promise((done, no) => {
    child.on('close', (code) => no(new Error(`the peer ended with ${code}`)));
    child.stdout.once('data', (line) => done({ child, port: Number(String(line).trim()) }));
  });
}
