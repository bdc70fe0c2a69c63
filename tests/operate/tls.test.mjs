// tls.test.mjs - docs/operate.md, "PostgreSQL": in production the connection is TLS with a
// certificate that was verified for the host's name, or a local socket, or there is none.
import { join } from 'node:path';
import test from 'node:test';
import { assert, binary, block, bySocket, folder, isRoot, makeDatabase, Node, pg, Process, production, psql, shell, until } from './ground.mjs';

const database = makeDatabase('operate_tls'), at = join(folder, 'certificates');
await shell(`mkdir ${at}; cd ${at}; ( ${block('certificate', { 'db.internal': 'localhost' })} ) 2>&1
  chmod 711 .; chmod 644 ca.crt${isRoot ? '; chown nobody server.key server.crt' : ''}`);
for (const [name, value] of [['ssl_cert_file', join(at, 'server.crt')], ['ssl_key_file', join(at, 'server.key')], ['ssl', 'on']])
  psql(`ALTER SYSTEM SET ${name} = '${value}'`);
psql('SELECT pg_reload_conf()');
await until('the database speaks TLS', () => psql('SHOW ssl') === 'on');
test.after(() => { psql('ALTER SYSTEM SET ssl = off'); psql('SELECT pg_reload_conf()'); });

const on = (host, query) => `${database.server.replace(pg.host, host)}${query ? '?' + query : ''}`;
const ca = `sslrootcert=${join(at, 'ca.crt')}`;
let count = 0;
const node = (url, more = {}) => new Node(`tls-${count += 1}`, { ...production(), DATABASE_URL: url, ...more });

const migrated = new Process(binary, ['migrate', '--data', join(folder, 'tls-owner')],
  { env: { ...production(), PATH: process.env.PATH, DATABASE_URL: bySocket(database.server), DATABASE_OWNER_URL: bySocket(database.owner) } });
assert.equal((await migrated.ended).code, 0, migrated.log);

test('a certificate that is verified for the name is taken, and every connection is TLS', async (t) => {
  for (const query of [`sslmode=verify-full&${ca}`, ca]) {
    const n = await node(on('localhost', query)).open();
    t.after(() => n.stop());
    assert.equal((await fetch(`${n.url}/health/ready`)).status, 200);
    assert.equal(psql("SELECT count(*) FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid) WHERE a.usename = 'operate_tls' AND NOT s.ssl"), '0');
    assert.ok(Number(psql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'operate_tls'")) > 0);
    await n.stop();
  }
});

test('a weaker mode is refused with a sentence', async () => {
  for (const mode of ['require', 'prefer', 'allow', 'disable', 'verify-ca'])
    assert.match(await node(on('localhost', `sslmode=${mode}&${ca}`)).refuses(),
      new RegExp(`sslmode=${mode} is refused in production: write verify-full`));
  assert.match(await node(on('localhost', ca), { PGSSLMODE: 'require' }).refuses(), /sslmode=require is refused in production/);
});

test('another name, another authority, or none is refused at once', async () => {
  const begun = Date.now();
  assert.match(await node(on('127.0.0.1', `sslmode=verify-full&${ca}`)).refuses(), /certificate for "localhost".* does not match host name "127\.0\.0\.1"/);
  await shell(`cd ${at}; openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=other -keyout other.key -out other.crt 2>&1`);
  assert.match(await node(on('localhost', `sslrootcert=${join(at, 'other.crt')}`)).refuses(), /certificate verify failed/);
  assert.match(await node(on('localhost')).refuses(), /root certificate file .* does not exist/);
  assert.ok(Date.now() - begun < 3000, 'it tried again, as if a certificate could become right');
});

test('no way of naming the host leads around it', async () => {
  const name = database.server.replace(/@[^/]*/, '@');
  assert.match(await node(`${name}?hostaddr=127.0.0.1&port=${pg.port}`).refuses(), /host name must be specified|certificate/);
  assert.match(await node(`${name}?host=/nowhere,127.0.0.1&port=${pg.port}&${ca}`).refuses(), /nowhere/);   // the server would speak plainly
  assert.match(await node(name, { PGHOSTADDR: '127.0.0.1', PGPORT: pg.port }).refuses(), /host name must be specified|certificate/);
});

test('a local socket needs none', async (t) => {
  const n = await node(bySocket(database.server)).open();
  t.after(() => n.stop());
  assert.equal((await fetch(`${n.url}/health/ready`)).status, 200);
});

test('outside production the mode is the operator\'s', async (t) => {
  const n = await node(on('127.0.0.1', 'sslmode=disable'), { NODE_ENV: 'development' }).open();
  t.after(() => n.stop());
});
