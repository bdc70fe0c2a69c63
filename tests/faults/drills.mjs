// drills.mjs - breaks one thing at a time in the middle of a sale, says how long it took
// until people could buy again, and counts what must be right afterwards (scene.mjs).
//
//   node drills.mjs [NAME...]     those of the table at the end; all without a name
//
// Each drill is a process of its own, with nodes and engines of its own; the PostgreSQL is
// that of tests/services.sh, which is started if nobody has.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statfsSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const here = fileURLToPath(import.meta.url), services = resolve(dirname(here), '../services.sh');
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const away = 20_000;

// What the world is decides what these are (WORLD), so they come when it is known.
let Scene, crowd, seconds, until, PASSWORD;

// How often a log line was written by any node.
const logged = (scene, what) => scene.server.log.split(what).length - 1;

// ---- nodes ------------------------------------------------------------------------

const relays = (node) => node.log.lastIndexOf('this node relays now') > node.log.lastIndexOf('another node relays now');

// The node that brings the outbox to the bus, and the other one.
const relayAndOther = (scene) => scene.server.nodes.toSorted((a, b) => relays(b) - relays(a));

async function nodeKilled(scene) {
  const [node, other] = relayAndOther(scene);
  await node.stop('SIGKILL');
  const from = scene.now();
  scene.say('recovery', `the other node ${await scene.recovery(from, other)}; longest silence ${scene.silence(from)}`);
  await sleep(1000);
  const again = scene.now();
  await node.open(node.port);
  const listens = scene.now() - again;
  scene.say('', `started again the node listens after ${seconds(listens)} and sells after ${seconds(await scene.sold(again, node))}`);
}

// Stops the node at a moment in which it has a transaction with a lock that the other
// will want.
async function freeze(scene, node) {
  const locks = `SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' AND l.granted
    AND a.datname = current_database() AND a.application_name = '${node.name}' AND a.wait_event = 'ClientRead'`;
  for (let tries = 1; tries <= 300; tries++) {
    node.child.kill('SIGSTOP');
    await sleep(20);                              // what is on its way to the database arrives
    if (await scene.db.ask(locks) !== '0') return;
    node.child.kill('SIGCONT');
    await sleep(20 + 60 * Math.random());
  }
  throw new Error('the node never stood still in a transaction');
}

async function nodeFrozen(scene) {
  const [node, other] = relayAndOther(scene);
  await freeze(scene, node);
  const from = scene.now();
  scene.book.stay = true;                         // or everybody would soon wait at the frozen one
  const [every, recovery] = await Promise.all([scene.soldAll(from, other), scene.recovery(from, other)]);
  scene.say('recovery', `the other node ${recovery}; every event sells after ${seconds(every)}; longest silence ${scene.silence(from)}`);
  await sleep(from + 30_000 - scene.now());
  scene.book.stay = false;
  const log = node.log.length, back = scene.now();
  node.child.kill('SIGCONT');
  scene.say('', `woken after 30 s it ${await scene.recovery(back, node)}`);
  await sleep(4000);
  assert.ok(relays(other) && !relays(node), 'both relay, or none');
  const said = (what) => node.log.slice(log).split(what).length - 1;
  scene.say('', `what it believed: ${said('a batch of writes broke')} batches broke, ${said('a commit was not answered')} commits unanswered, `
    + `${said('another node published meanwhile')} publishes refused by the stream`);
}

// ---- PostgreSQL ---------------------------------------------------------------------

const database = (what) => promisify(execFile)(services, [what, process.env.SERVICES_DIR, 'postgres']);

function sayFates(scene) {
  const fates = ['committed', 'undone', 'unknown'].map((f) =>
    `${[...scene.server.log.matchAll(/a commit was not answered.*?fate\W+(\w+)/g)].filter((m) => m[1] === f).length} ${f}`);
  scene.say('', `commits that were not answered: ${fates.join(', ')}`);
}

async function restart(scene, how, pause) {
  const from = scene.now();
  await database(how);
  await sleep(pause);
  await database('start');
  const back = scene.now();
  scene.say('did', `it was away for ${seconds(back - from)}`);
  scene.say('recovery', `${await scene.recovery(back)}; longest silence ${scene.silence(from)}`);
  await sleep(2000);
  sayFates(scene);
}

const databaseRestarted = (scene) => restart(scene, 'stop', 0);
const databaseKilled = (scene) => restart(scene, 'kill', 5000);

// Every session, again and again, so that some are hit between COMMIT and its answer.
const hail = `DO $$ BEGIN FOR i IN 1..50 LOOP PERFORM pg_stat_clear_snapshot(); PERFORM pg_terminate_backend(pid)
  FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid(); PERFORM pg_sleep(0.02 + random() * 0.04); END LOOP; END $$`;

async function sessionsEnded(scene) {
  const from = scene.now(), rounds = 5, sold = [];
  let ended = 0;
  for (let i = 0; i < rounds; i++) {
    ended += Number(await scene.db.ask(`SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()`));
    sold.push(await scene.sold(scene.now()));
    await sleep(500);
  }
  scene.say('did', `${rounds} times, ${ended} sessions; then every 40 ms for 2 s`);
  scene.say('recovery', `sells again after ${seconds(Math.max(...sold))} at worst, longest silence ${scene.silence(from)}`);
  await scene.db.ask(hail);
  scene.say('', `after the 2 s it ${await scene.recovery(scene.now())}`);
  sayFates(scene);
}

// ---- Redis and NATS -------------------------------------------------------------------

const undisturbed = (scene) => assert.deepEqual(scene.book.errors, {}, 'the sale does not need it');

async function letThrough(scene) {
  const [operator] = await crowd(scene.server, 1, 'super-admin');
  let sum = 0;
  for (const node of scene.server.nodes) {
    const r = await scene.server.api('GET', '/metrics', { token: operator.token, node });
    sum += r.text.split('\n').filter((l) => l.startsWith('tickettoken_kv_failed_open_total')).reduce((n, l) => n + Number(l.split(' ').pop()), 0);
  }
  return sum;
}

async function redisGone(scene) {
  const { server, people } = scene, person = await server.register();
  const ask = async (node) => [await server.api('POST', '/events/token', { token: people[0].token, node }),
    await server.api('POST', '/auth/login', { body: { email: person.email, password: PASSWORD }, node })];
  const before = await letThrough(scene);
  await server.engines.end('redis', 'SIGKILL');
  const from = scene.now();
  let refused = 0, slowest = 0;
  while (scene.now() - from < away) {
    const begun = scene.now();
    for (const r of await ask(server.next())) {
      assert.deepEqual([r.status, r.body.code], [503, 'KV_UNAVAILABLE'], r.text);
      assert.ok(r.headers.get('retry-after') >= 1);
      refused += 1;
    }
    slowest = Math.max(slowest, scene.now() - begun);
    assert.equal((await server.must(200, 'GET', '/health/ready')).kv, 'away');
    await sleep(300);
  }
  const through = await letThrough(scene) - before;
  assert.ok(through > 0, 'no limit let through');
  await server.engines.startRedis();
  const back = scene.now();
  for (const node of server.nodes) await until('one-use tokens and sign-in are back', async () => (await ask(node)).every((r) => r.status === 200));
  scene.say('recovery', `tokens and sign-in work on both nodes ${seconds(scene.now() - back)} after it is back; longest silence of the sale ${scene.silence(from)}`);
  scene.say('', `meanwhile ${refused} tokens and sign-ins refused (503), the slowest pair in ${seconds(slowest)}; limits let through ${through} times`);
  undisturbed(scene);
}

async function natsGone(scene) {
  const { engines } = scene.server, newest = () => scene.db.ask('SELECT max(id) FROM outbox').then(Number);
  await engines.end('nats', 'SIGKILL');
  const from = scene.now(), first = await newest();
  await sleep(away);
  const waiting = await newest() - first;
  await engines.startNats();
  const back = scene.now();
  scene.say('recovery', `${waiting} tidings waited; streams complete ${seconds(await scene.caughtUp(back))} after it is back; `
    + `longest silence of the sale ${scene.silence(from)}`);
  undisturbed(scene);
}

// ---- a full disk ------------------------------------------------------------------------

// A small file system of its own, where one may be made; nothing otherwise.
function smallDisk() {
  const dir = mkdtempSync(join(tmpdir(), 'tickettoken-disk-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=96m,mode=700', 'tickettoken', dir]).status === 0;
  if (!mounted) rmSync(dir, { recursive: true });
  return mounted ? dir : undefined;
}

function leave(dir, bytes) {
  const { bavail, bsize } = statfsSync(dir), file = openSync(join(dir, 'ballast'), 'w'), block = Buffer.alloc(65536);
  for (let n = bavail * bsize - bytes; n > 0; n -= block.length) writeSync(file, block, 0, Math.min(n, block.length));
  closeSync(file);
  return () => unlinkSync(join(dir, 'ballast'));
}

// Until a write is refused, and a while longer.
async function fill(scene) {
  const before = scene.book.errors['503 DATABASE_CONNECTION_ERROR'] ?? 0;
  const makeRoom = leave(scene.server.dir, 256 << 10);
  await until('a write is refused', () => (scene.book.errors['503 DATABASE_CONNECTION_ERROR'] ?? 0) > before);
  const from = scene.now();
  await sleep(4000);
  await scene.server.must(200, 'GET', `/api/v1/tickets/events/${scene.sales[0].event.id}/types`);
  assert.equal(await scene.db.ask('PRAGMA integrity_check'), 'ok');
  return { makeRoom, from };
}

async function diskFull(scene) {
  const node = scene.server.nodes[0], refused = () => scene.book.errors['503 DATABASE_CONNECTION_ERROR'];
  const { makeRoom, from } = await fill(scene);
  assert.ok(!scene.book.acks.some((a) => a.begun > from + 1000), 'the disk was never full');
  makeRoom();
  const back = scene.now();
  scene.say('did', `full for ${seconds(back - from)}: ${refused()} writes refused, reading went on`);
  scene.say('recovery', `sells again ${seconds(await scene.sold(back))} after there is room`);
  await sleep(2000);

  const second = await fill(scene);
  await node.stop('SIGKILL');
  const started = await node.open(node.port).then(() => 'starts', (e) => `does not start: ${/.*(?:disk|full|space).*/i.exec(e.message)?.[0] ?? e.message}`);
  scene.say('', `killed on a full disk it ${started}`);
  second.makeRoom();
  const again = scene.now();
  if (started !== 'starts') await node.open(node.port);
  scene.say('', `with room it sells after ${seconds(await scene.sold(again))}`);
  await sleep(2000);
  assert.equal(await scene.db.ask('PRAGMA integrity_check'), 'ok');
}

// ---- the table ------------------------------------------------------------------------------

const drills = {
  'node-killed': { run: nodeKilled, says: 'kill -9 of the node that relays, one of two' },
  'sessions-ended': { run: sessionsEnded, says: 'pg_terminate_backend of every session of the database' },
  'postgres-restarted': { run: databaseRestarted, says: 'PostgreSQL is stopped and started' },
  'postgres-killed': { run: databaseKilled, says: 'PostgreSQL is killed with -9 and started 5 s later' },
  'redis-gone': { run: redisGone, says: 'Redis is gone for 20 s' },
  'nats-gone': { run: natsGone, says: 'NATS is gone for 20 s' },
  'node-frozen': { run: nodeFrozen, says: 'the node that relays stands still for 30 s in the middle of a batch', within: 8000 },
  'disk-full': { run: diskFull, says: 'the disk under the SQLite file is full', alone: true },
};

function print(name, lines) {
  console.log(`${name}: ${drills[name].says}`);
  for (const [what, text] of lines) console.log(`  ${what.padEnd(10)}${text}`);
}

async function one(name) {
  const drill = drills[name], dir = drill.alone ? smallDisk() : undefined;
  if (drill.alone && !dir) {
    print(name, [['skipped', 'no file system may be mounted here']]);
    return;
  }
  ({ Scene, seconds } = await import('./scene.mjs'));
  ({ until, PASSWORD } = await import('../api/harness.mjs'));
  ({ crowd } = await import('../api/crowd.mjs'));
  const data = dir && join(dir, 'data');
  if (data) mkdirSync(data, { mode: 0o700 });
  const scene = await Scene.open({ dir: data, within: drill.within });
  let good = false;
  try {
    await sleep(3000);
    await drill.run(scene);
    await sleep(2000);
    await scene.audit();
    good = true;
  } finally {
    print(name, scene.lines);
    if (!good) console.log(`  FAILED    after errors ${JSON.stringify(scene.book.errors)}, wrong: ${scene.book.wrong.slice(0, 3).join('\n')}; the nodes' logs are in ${tmpdir()}/tickettoken-drill.log`);
    await scene.close(good).finally(() => {
      if (dir && spawnSync('umount', [dir]).status === 0) rmSync(dir, { recursive: true });
    });
  }
}

function all(names) {
  const unknown = names.find((n) => !(n in drills));
  if (unknown) {
    console.error(`no drill ${unknown}; there are ${Object.keys(drills).join(', ')}`);
    return 2;
  }
  if (!process.env.SERVICES_DIR) return spawnSync(services, ['run', process.execPath, here, ...names], { stdio: 'inherit' }).status;
  const failed = names.filter((name) => spawnSync(process.execPath, [here], { stdio: 'inherit',
    env: { ...process.env, DRILL: name, WORLD: drills[name].alone ? '' : 'cluster' } }).status !== 0);
  console.log(`${names.length} drills, ${failed.length} failed${failed.length ? `: ${failed.join(', ')}` : ''}`);
  return failed.length ? 1 : 0;
}

if (process.env.DRILL) await one(process.env.DRILL);
else process.exitCode = all(process.argv.length > 2 ? process.argv.slice(2) : Object.keys(drills));
