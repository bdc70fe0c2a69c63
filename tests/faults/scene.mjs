// scene.mjs - a sale that goes on while something breaks, and the audit after it.
//
// Two nodes on PostgreSQL, Redis and NATS (or one on SQLite), buyers who ask both in
// turn, holds that lapse after five seconds, streams that change nodes every few seconds.
// Three events, each with plenty of one ticket and few of another, so that several lanes
// are at work and somebody is always late.
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cluster, Server, sleep, until } from '../api/harness.mjs';
import { crowd } from '../api/crowd.mjs';
import { checkBook, checkHeard, checkRows, countStock, postgres, sqlite } from './audit.mjs';
import { Follower } from './follow.mjs';
import { Notebook } from './notebook.mjs';

const buyers = 24, pause = 60, seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;
const settings = { RESERVATION_TIMEOUT: '5s', MAX_TICKETS_PER_CUSTOMER: '100000', CLOCK: 'system', SSE_HEARTBEAT: '1s',
  PUBLIC_URL: 'http://tickets.test' };

// The nodes are told apart in PostgreSQL by application_name.
async function openServer(dir, env) {
  const server = new Server(dir, { ...settings, ...env });
  if (cluster) {
    await server.joinNodes();
    server.nodes.forEach((n, i) => { n.env = { ...n.env, DATABASE_URL: `${n.env.DATABASE_URL}?application_name=node${i + 1}` }; });
  }
  server.nodes.forEach((n, i) => { n.name = `node${i + 1}`; });
  await server.open();
  server.now = async () => Date.now();
  return server;
}

function databaseOf(server) {
  if (!cluster) return sqlite(join(server.dir, 'tickettoken.db'));
  const url = new URL(process.env.TEST_PG_ADMIN);
  url.pathname = `/${server.engines.name}`;
  return postgres(url.href);
}

export class Scene {
  lines = [];                                     // of the report

  static async open({ dir = mkdtempSync(join(tmpdir(), 'tickettoken-drill-')), env, within } = {}) {
    const scene = new Scene();
    scene.server = await openServer(dir, env);
    scene.db = databaseOf(scene.server);
    scene.book = new Notebook(scene.server, { within });
    const organiser = await scene.server.organiser();
    const types = [{ quantity: 1_000_000, maxPerPurchase: 10 }, { quantity: 60, maxPerPurchase: 10 }];
    scene.sales = [];
    for (let i = 0; i < 3; i++) scene.sales.push(await scene.server.sale({ organiser, types }));
    scene.people = await crowd(scene.server, buyers);
    scene.followers = scene.people.slice(0, 16).map((p) => new Follower(scene.server, p, { silent: 3000, roam: 6000 }).start());
    scene.shopping = scene.people.map((p) => scene.book.shop(p, scene.sales, { pause }));
    await until('every stream is open', () => scene.followers.every((f) => f.since !== undefined));
    return scene;
  }

  say(what, text) { this.lines.push([what, text]); }

  // ---- figures --------------------------------------------------------------------

  now() { return performance.now(); }

  // Waits for the first write begun after `from` to be acknowledged; ms since `from`.
  async sold(from, node, within = 60_000) {
    return until(`somebody buys again${node ? ` at ${node.name}` : ''}`, () => this.book.firstAfter(from, node), within);
  }

  // The same, until that is so for each of the events.
  async soldAll(from, node, within = 60_000) {
    const events = this.sales.map((s) => s.event.id), first = (id) => this.book.firstAfter(from, node, id);
    return until('every event sells again', () => events.every(first) && Math.max(...events.map(first)), within);
  }

  // Waits until each stream has heard what was told up to now; ms since `from`.
  async caughtUp(from, within = 60_000) {
    const rows = await this.db.ask(`SELECT ${this.db.id('person')}, max(id) FROM outbox WHERE person IS NOT NULL GROUP BY person`);
    const most = new Map(rows.split('\n').map((l) => l.split('|')).map(([p, id]) => [p, Number(id)]));
    await until('every stream has caught up', () => this.followers.every((f) =>
      (f.heard.at(-1) ?? f.since) >= (most.get(f.buyer.id) ?? 0)), within);
    return this.now() - from;
  }

  async recovery(from, node) {
    const [sold, caught] = await Promise.all([this.sold(from, node), this.caughtUp(from)]);
    return `sells again after ${seconds(sold)}, streams complete after ${seconds(caught)}`;
  }

  silence(from, to = this.now()) { return seconds(this.book.silence(from, to)); }

  // ---- the end ----------------------------------------------------------------------

  // Everybody is answered, every hold has ended, every stream is complete; then all is counted.
  async audit() {
    for (const n of this.server.nodes) assert.ok(n.child.exitCode === null && n.child.signalCode === null, `${n.name} has ended:\n${n.log.slice(-2000)}`);
    this.book.over = true;
    await until('every key has its answer', async () => Promise.race([Promise.all(this.shopping).then(() => true), sleep(100)]), 90_000);
    await until('every hold has ended', async () => await this.db.ask("SELECT count(*) FROM hold WHERE status = 'ACTIVE'") === '0', 30_000);
    await checkRows(this.db);
    await checkBook(this.db, this.book);
    for (const f of this.followers) await checkHeard(this.db, f);
    await Promise.all(this.followers.map((f) => f.stop()));
    assert.deepEqual(this.book.wrong.slice(0, 5), [], 'answers that nobody should get');
    assert.ok(this.book.slowest < 36_000, `an answer took ${seconds(this.book.slowest)}`);
    const stock = await countStock(this.db);
    assert.deepEqual(stock, { oversold: 0, stranded: 0 });
    await this.count(stock);
  }

  async count({ oversold, stranded }) {
    const tally = (list) => Object.entries(list).map(([what, n]) => `${what} ${n}`).join(', ') || 'none';
    const streams = {};
    for (const f of this.followers)
      for (const [what, n] of Object.entries(f.errors)) streams[what] = (streams[what] ?? 0) + n;
    const lapsed = await this.db.ask("SELECT count(*) FROM outbox WHERE type = 'reservation.expired'");
    const heard = this.followers.reduce((n, f) => n + f.heard.length, 0), connects = this.followers.reduce((n, f) => n + f.connects, 0);
    this.say('errors', `${tally(this.book.errors)}; streams: ${tally(streams)}; slowest answer ${seconds(this.book.slowest)}`);
    this.say('audit', `${this.book.answers.size} keys, each worked once and its rows are there; ${this.book.confirmed.size} payments`);
    this.say('', `${lapsed} holds lapsed, once each; oversold ${oversold}, stranded ${stranded}`);
    this.say('', `${heard} tidings heard by ${this.followers.length} streams in ${connects} connections, each once, in order`);
    assert.ok(this.book.answers.size > 500 && heard > 500, 'the sale hardly ran: this proves nothing');
  }

  async close(good) {
    this.book.over = this.book.closed = true;
    if (!good) writeFileSync(join(tmpdir(), 'tickettoken-drill.log'), this.server.log);
    await Promise.all(this.followers.map((f) => f.stop()));
    this.book.close();
    for (const n of this.server.nodes) n.child.kill('SIGCONT');
    const end = await this.server.close();
    if (good) assert.equal(end.code, 0, 'a node did not end in order');
  }
}

export { seconds };
