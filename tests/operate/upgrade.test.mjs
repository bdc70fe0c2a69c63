// upgrade.test.mjs - docs/operate.md, "Upgrading": three nodes behind haproxy are renewed
// one by one by the page's own block while people buy and a stream listens; the next
// program brings a schema step. Then a step that old programs can't bear, and SQLite.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import test from 'node:test';
import { assert, audit, binary, block, bySocket, Crowd, folder, Listener, Node, Process, production, root, sleep, tally, until } from './ground.mjs';
import { Balanced } from './balanced.mjs';

const build = (dir, ...oldest) => Number(execFileSync(join(root, 'tests/operate/next.sh'), [join(folder, dir), ...oldest.map(String)], { encoding: 'utf8' }));
const next = join(folder, 'next/build/tickettoken');
const step = build('next'), today = step - 1;

test('nodes are renewed one by one while people buy, and nobody is refused for long', async (t) => {
  const world = await new Balanced(['node1', 'node2', 'node3'], 'operate_upgrade').open();
  t.after(() => world.close());
  const { site } = world, organiser = await site.organiser();
  const offers = [await site.sale({ organiser, quantity: 1_000_000 }), await site.sale({ organiser, quantity: 1_000_000 })];
  const crowd = await new Crowd(site, offers).start(), ears = new Listener(site, crowd.people[0]);
  t.after(() => ears.stop());
  await sleep(1500);
  const before = crowd.told.size;
  assert.ok(before > 20, 'the sale hardly ran');

  const seen = [];
  world.onRestart = (node) => seen.push({ node: node.name, told: crowd.told.size, schema: world.sql('SELECT version FROM schema_version') });
  world.nodes[0].env = { ...world.nodes[0].env, DATABASE_OWNER_URL: bySocket(world.database.owner) };    // the first brings the step
  await world.shell(block('upgrade', { '/root/tickettoken-new': next }));
  assert.deepEqual(seen.map((s) => [s.node, Number(s.schema)]), [['node1', today], ['node2', step], ['node3', step]]);
  for (const n of world.nodes) assert.equal(await n.version(), '9.9.9-next');
  assert.ok(seen[2].told > seen[1].told + 20 && seen[1].told > seen[0].told, 'hardly anything was sold beside the newer schema');

  await sleep(1000);
  await crowd.stop();
  assert.deepEqual(tally(crowd.wrong), {});
  await crowd.checkAnswers();
  audit((q) => world.sql(q));
  const lost = world.sql(`SELECT count(*) FROM orders WHERE id IN (${[...crowd.paid].map((id) => `'${id}'`).join(',')}) AND status <> 'COMPLETED'`);
  assert.equal(Number(lost), 0, 'a paid order was forgotten');

  // The stream went from node to node and missed nothing.
  const rows = world.sql(`SELECT id FROM outbox WHERE person = '${crowd.people[0].id}' AND id > ${ears.since} ORDER BY id`).split('\n').map(Number);
  await until('the stream has caught up', () => ears.ids.at(-1) >= rows.at(-1));
  assert.deepEqual(ears.ids, rows);
  assert.equal(ears.gaps, 0);

  // And an old node beside the newer schema may also be started anew.
  const old = world.node('old');
  await old.open();
  assert.notEqual(await old.version(), '9.9.9-next');
  await old.stop();
  t.diagnostic(`${crowd.told.size} purchases, ${crowd.paid.size} paid; asked again: ${JSON.stringify(tally(crowd.again))}; slowest answer ${
    crowd.slowest} ms; haproxy sent ${world.redispatched()} requests to another node; the stream connected ${ears.times} times, heard ${ears.ids.length}`);
});

test('a step that old programs cannot bear keeps them from starting, and they say why', async (t) => {
  const number = build('breaking', step), breaking = join(folder, 'breaking/build/tickettoken');
  const world = new Balanced(['alone'], 'operate_breaking');
  await world.openBus();
  t.after(() => world.close());
  await world.migrate(binary);
  await world.nodes[0].open();
  await world.nodes[0].stop();
  assert.match(await world.migrate(breaking), new RegExp(`from version ${today} to ${number}`));
  assert.match(await world.nodes[0].refuses(), new RegExp(`the database has schema ${number}, which this program \\(${today}\\) is too old for: use the newer program`));
  world.nodes[0].program = breaking;
  await world.nodes[0].open();
});

test('a new program without the owner does not start before the schema is there, and says what to do', async (t) => {
  const world = new Balanced(['early'], 'operate_early');
  await world.openBus();
  t.after(() => world.close());
  await world.migrate(binary);
  world.nodes[0].program = next;
  assert.match(await world.nodes[0].refuses(), new RegExp(`the database has schema ${today}, this program needs ${step}: run .tickettoken migrate`));
  await world.migrate(next);
  await world.nodes[0].open();
});

test('a step gives up when a long query holds its table, and nobody waits behind it', async (t) => {
  const world = new Balanced(['patient'], 'operate_patient');
  t.after(() => world.close());
  await world.migrate(binary);
  const reader = new Process('psql', ['-Xq', '-d', world.database.server, '-c', 'BEGIN; SELECT count(*) FROM ticket_type; SELECT pg_sleep(30)']);
  await until('it reads', () => Number(world.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)%' AND pid <> pg_backend_pid() AND state = 'active'")) > 0);
  const begun = Date.now();
  await assert.rejects(world.migrate(next), /schema step \d+ \(next\): .*lock timeout/);
  assert.ok(Date.now() - begun < 15_000);
  await reader.stop('SIGKILL');
  assert.equal(world.sql("SELECT count(*) FROM pg_class WHERE relname = 'seat'"), '0');
  world.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)%' AND pid <> pg_backend_pid()");
  assert.match(await world.migrate(next), new RegExp(`to ${step}`));
});

test('SQLite: the next program takes the file over, and the old one then refuses it', async () => {
  const node = new Node('embedded', production());
  await node.open();
  await node.stop();
  node.program = next;
  await node.open();
  await node.stop();
  node.program = binary;
  assert.match(await node.refuses(), new RegExp(`the database has schema ${step}, which this program \\(${today}\\) is too old for`));
});
