// balance.test.mjs - docs/operate.md, "The nodes" and "haproxy": keys that are copied and
// changed, who asks, streams, and a node that is killed.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import test from 'node:test';
import { assert, audit, Crowd, folder, Listener, Process, shell, sleep, tally, until } from './ground.mjs';
import { Balanced } from './balanced.mjs';

const world = await new Balanced(['node1', 'node2', 'node3'], 'operate_balance', { env: { SSE_HEARTBEAT: '1s' },
  haproxy: { 'timeout client 60s': 'timeout client 3s', 'timeout server 60s': 'timeout server 3s' } }).open();
test.after(() => world.close());
const { site } = world;
const at = (node, path, token) => fetch(node.url + path, { headers: { authorization: `Bearer ${token}` } });

test('who signed in at one node is known at all, also after the keys were changed and copied', async () => {
  const person = await site.register();
  const kids = async (node) => (await (await fetch(`${node.url}/.well-known/jwks.json`)).json()).keys.map((k) => k.kid).sort().join();
  for (const n of world.nodes) assert.equal((await at(n, '/auth/me', person.token)).status, 200);

  const before = await kids(world.nodes[0]);
  // A key that is younger than three seconds is not known everywhere yet, and says so.
  await until('the keys are rotated', async () => (await site.cli(['keys', 'rotate', '--at-once'])).code === 0, 10_000);
  await until('the first node has noticed', async () => (await kids(world.nodes[0])) !== before);
  // Before the copy: the new key was the next one, which all know already.
  const fresh = await site.cli(['user', 'token', '--email', person.email]);
  assert.equal(fresh.code, 0, fresh.err);
  for (const n of world.nodes) assert.equal((await at(n, '/auth/me', fresh.out.trim())).status, 200);
  await world.copyKeys();
  await until('the others have noticed', async () => (await kids(world.nodes[1])) === (await kids(world.nodes[0]))
    && (await kids(world.nodes[2])) === (await kids(world.nodes[0])), 15_000);
  for (const n of world.nodes) assert.equal((await at(n, '/auth/me', person.token)).status, 200, 'an older token is no longer known');
});

test('a node knows who asks, and does not believe what he writes himself', async () => {
  await shell(`curl -fsk --interface 127.0.0.2 -H 'X-Forwarded-For: 6.6.6.6' ${site.at}/api/v1/events`);
  await until('it is logged', () => world.nodes.some((n) => n.process.log.includes('"peer":"127.0.0.2"')));
  assert.ok(!world.nodes.some((n) => n.process.log.includes('6.6.6.6')));
});

test('what is for the inside is not there from outside', async () => {
  for (const path of ['/metrics', '/internal/test/clock'])
    assert.equal((await fetch(site.at + path)).status, 404);
});

test('a silent stream is kept alive by its pings, and comes through at once', async () => {
  const organiser = await site.organiser(), offer = await site.sale({ organiser }), buyer = await site.register();
  const ears = new Listener(site, buyer);
  await until('connected', () => ears.times === 1);
  await sleep(7000);                              // twice the time-outs of this test
  assert.equal(ears.times, 1, 'the stream was cut');
  const begun = Date.now();
  await site.buy(buyer, offer);
  await until('heard', () => ears.heard.some((h) => h.event === 'order.completed'));
  assert.ok(ears.heard.find((h) => h.event === 'reservation.created').at - begun < 1500, 'something on the way kept it back');
  ears.stop();
});

test('a node is killed: people ask again and nothing is lost', async (t) => {
  const organiser = await site.organiser(), offer = await site.sale({ organiser, quantity: 1_000_000 });
  const crowd = await new Crowd(site, [offer]).start(12), ears = new Listener(site, crowd.people[0]);
  await sleep(1000);
  await world.nodes[1].stop('SIGKILL');
  const killed = crowd.told.size;
  await sleep(3000);
  await world.nodes[1].open();
  await sleep(1500);
  await crowd.stop();
  assert.deepEqual(tally(crowd.wrong), {});
  assert.ok(crowd.told.size > killed + 20);
  await crowd.checkAnswers();
  audit((q) => world.sql(q));
  const rows = world.sql(`SELECT id FROM outbox WHERE person = '${crowd.people[0].id}' AND id > ${ears.since} ORDER BY id`).split('\n').map(Number);
  await until('the stream has caught up', () => ears.ids.at(-1) >= rows.at(-1));
  assert.deepEqual(ears.ids, rows);
  ears.stop();
  t.diagnostic(`${crowd.told.size} purchases; asked again: ${JSON.stringify(tally(crowd.again))}; slowest answer ${crowd.slowest} ms`);
});

// A request over a connection that was open before: it is answered, and told to leave.
test('a node that is being stopped says so to whoever is still connected', async () => {
  const node = world.nodes[2], agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const ask = (path) => new Promise((done, no) => http.get(node.url + path, { agent }, (r) => { r.resume(); r.on('end', () => done(r.statusCode)); }).on('error', no));
  assert.equal(await ask('/health/ready'), 200);
  const login = site.login.call(Object.assign(Object.create(Object.getPrototypeOf(site)), site, { at: node.url }), (await site.register()).email);
  await sleep(20);                                // Argon2 is at work: the server stays for it
  const end = node.stop();
  assert.equal((await login).email.includes('@'), true, 'a sign-in in flight was cut off');
  assert.equal((await end).code, 0);
  await assert.rejects(fetch(`${node.url}/health/ready`));
  agent.destroy();
});

test('a database that is away at the start is tried five times, then the start fails and says why', async (t) => {
  const dir = join(folder, 'nowhere'), begun = Date.now();
  const p = new Process(world.nodes[0].program, ['serve', '--port', '0', '--data', dir], { env: { ...world.env, PATH: process.env.PATH,
    DATABASE_URL: 'postgresql://a:b@/x?host=/nowhere' } });
  const end = await p.ended, lasted = Date.now() - begun;
  assert.equal(end.code, 1);
  assert.equal(p.log.match(/can't be reached yet/g).length, 4);
  assert.match(p.log.trim().split('\n').at(-1), /^tickettoken: .*\/nowhere/);
  assert.ok(lasted >= 20_000 && lasted < 26_000, `${lasted} ms`);
  t.diagnostic(`${lasted} ms: 2, 4, 6 and 8 s with up to a second more each`);
});
