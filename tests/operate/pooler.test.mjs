// pooler.test.mjs - docs/operate.md, "PgBouncer": two nodes sell through it in transaction
// mode, with few sessions for many connections; nothing is kept in a session, and what is
// written adds up. Its connections are taken away meanwhile.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { asNobody, assert, audit, block, bySocket, Crowd, folder, free, isRoot, makeDatabase, Node, ops, pg, production, psql, randomUUID,
  shell, shims, Site, sleep, tally, until } from './ground.mjs';

const name = 'operate_pooler', database = makeDatabase(name), dir = join(folder, 'pgbouncer'), port = await free();

async function openPooler(mode = 'transaction') {
  mkdirSync(dir, { recursive: true });
  await shell(`cd ${dir}; ( ${block('certificate', { 'db.internal': 'localhost' })} ) 2>&1; chmod 644 ca.crt`);
  await shell(block('pooler', { "'tickettoken'": `'${name}'`, "'tickettoken_owner'": `'${name}_owner'`, '/etc/pgbouncer': dir }),
    { shim: shims(join(folder, 'pooler-shim'), { sudo: 'shift 2; exec "$@"' }), env: pg.env });
  writeFileSync(join(dir, 'ini'), ops('pgbouncer.ini', { 'tickettoken = host=127.0.0.1 port=5432 dbname=tickettoken':
    `${name} = host=${pg.host} port=${pg.port} dbname=${name}`, '10.0.0.20': '127.0.0.1', 6432: String(port), '/var/run/postgresql': dir,
    '/var/log/postgresql': dir, '/etc/pgbouncer': dir, 'pool_mode = transaction': `pool_mode = ${mode}` }));
  if (isRoot) await shell(`chown -R nobody ${dir}; chmod 711 ${dir}`);
  return asNobody('pgbouncer', [join(dir, 'ini')]).says(/process up/);
}

const through = (role, password) => `postgresql://${role}:${password}@localhost:${port}/${name}?sslmode=verify-full&sslrootcert=${join(dir, 'ca.crt')}`;
const env = { ...production(), KEYS_DIR: join(folder, 'pooler-keys'), DATABASE_URL: through(name, database.passwords.server),
  DATABASE_OWNER_URL: through(`${name}_owner`, database.passwords.owner) };

test('two nodes sell through PgBouncer, and are cut off in the middle of it', async (t) => {
  const pooler = await openPooler();
  t.after(() => pooler.stop('SIGINT'));
  const nodes = [await new Node('pooled-1', env).open(), await new Node('pooled-2', env).open()];     // the schema through it too
  t.after(() => Promise.all(nodes.map((n) => n.stop())));
  for (const n of nodes) assert.equal(n.process.log.match(/leads through a pooler/g)?.length, 1);

  const sites = nodes.map((n) => new Site(n.url, n)), organiser = await sites[0].organiser();
  for (const s of sites) s.dir = nodes[0].dir;
  mkdirSync(join(nodes[0].dir, 'keys'), { recursive: true });
  await shell(`cp -a ${env.KEYS_DIR}/. ${nodes[0].dir}/keys/`);
  const offers = [await sites[0].sale({ organiser, quantity: 1_000_000 }), await sites[1].sale({ organiser, quantity: 1_000_000 })];
  const crowds = await Promise.all(sites.map((s) => new Crowd(s, offers).start(12)));
  await sleep(2500);
  const before = crowds[0].told.size + crowds[1].told.size;
  assert.ok(before > 50, 'the sale hardly ran');
  const sessions = Number(psql(`SELECT count(*) FROM pg_stat_activity WHERE usename = '${name}'`));
  assert.ok(sessions <= 30);
  assert.equal(psql(`SELECT count(*) FROM pg_stat_activity WHERE usename = '${name}' AND state LIKE 'idle in%' AND state_change < now() - interval '2 s'`), '0');

  psql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${name}'`);
  await sleep(2500);
  await Promise.all(crowds.map((c) => c.stop()));
  for (const c of crowds) {
    assert.deepEqual(tally(c.wrong), {});
    await c.checkAnswers();
    assert.equal(psql(`SELECT count(*) FROM orders WHERE id IN (${[...c.paid].map((id) => `'${id}'`).join(',')}) AND status <> 'COMPLETED'`, name), '0');
  }
  const sold = crowds[0].told.size + crowds[1].told.size;
  assert.ok(sold > before + 20, 'it did not come back');
  audit((q) => psql(q, name));

  // One last ticket, wanted through both at the same instant: nothing hangs on a session.
  const last = await sites[0].sale({ organiser, quantity: 1 });
  const answers = await Promise.all(crowds.flatMap((c, i) => c.people.map((p) => sites[i].api('POST', '/api/v1/purchase', { token: p.token,
    key: randomUUID(), body: { eventId: last.event.id, tickets: [{ ticketTypeId: last.type.id, quantity: 1 }] } }))));
  assert.deepEqual(tally(answers.map((a) => a.status)), { 201: 1, 409: answers.length - 1 });
  t.diagnostic(`${sold} purchases over ${sessions} sessions, ${Math.round(before / 2.5)}/s; cut off once, asked again: ${JSON.stringify(tally(crowds.flatMap((c) => c.again)))}`);
});

// Control: where nothing can be right, it is not taken for right.
test('statement pooling is refused at the start', async (t) => {
  const pooler = await openPooler('statement');
  t.after(() => pooler.stop('SIGINT'));
  const said = await new Node('statement', env).refuses();
  assert.match(said, /statement pooling/i);
  t.diagnostic(said.trim().split('\n').at(-1));
});
