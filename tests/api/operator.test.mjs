// operator.test.mjs - what an operator gets wrong stops the start with a line that names the
// setting, the place and what to do; and what only may be wrong is said without stopping.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chownSync, linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test as always } from 'node:test';
import { binary, cluster } from './harness.mjs';

const test = cluster ? always.skip : always;      // a start is the same there, but for its engines

const folders = [];
const folder = () => { folders.push(mkdtempSync(join(tmpdir(), 'tickettoken-operator-'))); return folders.at(-1); };
after(() => folders.forEach((f) => rmSync(f, { recursive: true, force: true })));

// A command in a folder of its own: {code, out, err, child}; `stop` ends it when it says that.
function run(args, { cwd = folder(), env = {}, stop } = {}) {
  return new Promise((done) => {
    const child = spawn(binary, args, { cwd, env: { PATH: process.env.PATH, HASH_MEMORY_KIB: '1024', ...env } });
    let out = '', err = '';
    const heard = () => { if (stop?.test(out + err)) { child.kill('SIGTERM'); stop = undefined; } };
    child.stdout.on('data', (d) => { out += d; heard(); });
    child.stderr.on('data', (d) => { err += d; heard(); });
    child.on('close', (code, signal) => done({ code, signal, out, err }));
  });
}
const serve = (env, more) => run(['serve', '--data', 'd', '--port', '0'], { env, ...more });

// A self-signed pair that ends `days` from now.
function certificate(cwd, days) {
  const o = (line) => execFileSync('openssl', line.split(' '), { cwd, stdio: 'pipe' });
  o('req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout key.pem -out csr.pem');
  o(`x509 -req -in csr.pem -signkey key.pem -days ${days} -out cert.pem`);
  return { TLS_CERT_FILE: join(cwd, 'cert.pem'), TLS_KEY_FILE: join(cwd, 'key.pem') };
}

test('a setting that can not be used stops the start and is named', async () => {
  for (const [env, line] of [
    [{ SECRETS_DIR: '/nowhere' }, /^SECRETS_DIR: \/nowhere: No such file/m],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }, /^OTEL_EXPORTER_OTLP_ENDPOINT: must begin with http/m],
    [{ QR_ENCRYPTION_KEY_FILE: '/nowhere' }, /^QR_ENCRYPTION_KEY_FILE: \/nowhere: No such file/m],
    [{ TLS_CERT_FILE: '/nowhere', TLS_KEY_FILE: '/nowhere' }, /TLS_CERT_FILE \/nowhere: No such file/],
    [{ PROXY_FILE: '/nowhere' }, /PROXY_FILE \/nowhere: No such file/],
    [{ HOST: '203.0.113.9' }, /HOST must be an address of this machine/],
  ]) {
    const r = await serve(env);
    assert.equal(r.code, 1, r.err);
    assert.match(r.err, line);
    assert.equal(r.out, '');
  }
});

test('a line of .env that is none stops the start; a name that is near a setting is said', async () => {
  const cwd = folder();
  writeFileSync(join(cwd, '.env'), 'PORT 9000\nLOG_LEVEL="info\n');
  const bad = await serve({}, { cwd });
  assert.equal(bad.code, 1);
  assert.match(bad.err, /^\.env line 1: expected NAME=value$/m);
  assert.match(bad.err, /^\.env line 2: LOG_LEVEL: its quote is not closed$/m);
  writeFileSync(join(cwd, '.env'), 'PROT=9000\nPOSTGRES_PASSWORD=x\nPORT=0\n');
  const near = await serve({}, { cwd, stop: /listening/ });
  assert.equal(near.code, 0, near.err);
  assert.match(near.err, /misspelt\? names=PROT \(PORT\?\)$/m);
  assert.doesNotMatch(near.err, /POSTGRES_PASSWORD/, 'another program’s');
  const around = await serve({ WEBHOOK_TIMEOUTS: '5s', PGPORT: '1', LOGNAME: 'a' }, { stop: /listening/ });
  assert.match(around.err, /misspelt\? names=WEBHOOK_TIMEOUTS \(WEBHOOK_TIMEOUT\?\)$/m);
  assert.match((await run(['doctor', '--data', 'd'], { env: { WEBHOOK_TIMEOUTS: '5s' } })).out, /note {2}misspelt +WEBHOOK_TIMEOUTS/);
  assert.match((await run(['doctor', '--data', 'd'], { cwd })).out, /names that are no settings: PROT POSTGRES_PASSWORD/);
});

test('what stands in a file that a setting names is told by doctor before it stops a start', async () => {
  const cwd = folder(), file = (name, text, mode = 0o600) => { writeFileSync(join(cwd, name), text, { mode }); return join(cwd, name); };
  for (const [env, line] of [
    [{ SERVICES_FILE: file('services', '{"services":[{"id":"x","scopes":["events:fly"]}]}') }, /services .*"x": there is no scope events:fly/],
    [{ TRUSTED_SERVICES: 'nobody' }, /services .*"nobody": TRUSTED_SERVICES names what the file does not/],
    [{ ISSUERS_FILE: file('issuers', '{') }, /issuers .*ISSUERS_FILE/],
    [{ PROXY_FILE: file('proxy', '{') }, /proxy .*PROXY_FILE/],
    [{ METRICS_TOKEN_FILE: file('open', 'a'.repeat(40), 0o644) }, /operator .*others can read it/],
    [{ MAIL_URL: 'smtp://' }, /mail .*MAIL_URL: write smtp:/],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_TRACES_SAMPLER_ARG: '7' }, /traces .*OTEL_TRACES_SAMPLER_ARG/],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_EXPORTER_OTLP_HEADERS: 'a b' }, /traces .*OTEL_EXPORTER_OTLP_HEADERS/],
  ]) {
    const told = await run(['doctor', '--data', 'd'], { cwd, env }), started = await serve(env, { cwd, stop: /listening/ });
    const checked = await run(['config', '--check', '--data', 'd'], { cwd, env });
    assert.deepEqual([told.code, checked.code, started.code], [1, 1, 1], JSON.stringify(env));
    assert.match(told.out, new RegExp(`FAIL {2}${line.source}`));
    assert.match(checked.err, new RegExp(line.source.replace(' .*', ': .*')));
    assert.equal(checked.out, '');
  }
  const bare = await run(['config', '--check', '--data', 'd'], { cwd });
  assert.deepEqual([bare.code, bare.out], [0, 'all settings can be used\n'], bare.err);
  const well = await run(['doctor', '--data', 'd'], { cwd, env: { SERVICE_SECRET: 's'.repeat(32), MAIL_URL: 'smtp://u:the-password@127.0.0.1:9' } });
  assert.match(well.out, /ok {4}services +those of ops\/services.json\n/);
  assert.ok(!well.out.includes('the-password'));
});

test('a port that is taken is told, by serve and by doctor', async () => {
  const taken = net.createServer().listen(0, '127.0.0.1');
  await new Promise((done) => taken.on('listening', done));
  const port = String(taken.address().port), cwd = folder();
  try {
    const r = await run(['serve', '--data', 'd', '--port', port], { cwd });
    assert.equal(r.code, 1);
    assert.match(r.err, new RegExp(`127.0.0.1:${port}: Address already in use; stop what listens there, or give another PORT`));
    assert.match((await run(['doctor', '--data', 'd', '--set', `PORT=${port}`], { cwd })).out, /FAIL {2}port/);
  } finally { taken.close(); }
});

test('a certificate that has expired or does not fit is told, by serve and by doctor', async () => {
  const cwd = folder();
  const good = certificate(cwd, 90);
  assert.match((await run(['doctor', '--data', 'd'], { cwd, env: good })).out, /ok {4}certificate .*good for (89|90) days/);
  assert.match((await run(['doctor', '--data', 'd'], { cwd, env: certificate(cwd, 3) })).out, /note {2}certificate .*good for [23] days/);
  const old = certificate(cwd, -1);
  const doctor = await run(['doctor', '--data', 'd'], { cwd, env: old });
  assert.equal(doctor.code, 1);
  assert.match(doctor.out, /FAIL {2}certificate .*has expired/);
  const r = await serve(old, { cwd, stop: /listening/ });
  assert.equal(r.code, 0);
  assert.match(r.err, /the certificate has expired/);
  const other = folder();
  const misfit = await serve({ ...old, TLS_KEY_FILE: certificate(other, 1).TLS_KEY_FILE }, { cwd });
  assert.equal(misfit.code, 1);
  assert.match(misfit.err, /TLS_KEY_FILE .*key values mismatch/);
});

test('who waits for an engine at the start can be stopped at once', async () => {
  for (const [env, waits] of [
    [{ DATABASE_URL: 'postgresql://a:b@127.0.0.1:1/c' }, /can't be reached yet/],
    [{ REDIS_URL: 'redis://127.0.0.1:1' }, /kv does not answer/],
    [{ NATS_URL: 'nats://127.0.0.1:1' }, /attempt=1/],
  ]) {
    const begun = Date.now();
    const r = await serve(env, { stop: waits });
    assert.equal(r.code, 0, r.err);
    assert.match(r.err, /told to stop before it had started/);
    assert.ok(Date.now() - begun < 20_000, `${Date.now() - begun} ms`);
  }
});

test('what it makes is its owner’s alone', async () => {
  const cwd = folder();
  await serve({}, { cwd, stop: /listening/ });
  for (const name of ['', 'tickettoken.db', 'secrets.env', 'keys', 'mail'])
    assert.equal(statSync(join(cwd, 'd', name)).mode & 0o077, 0, name);
});

test('a schema that is too old or too new is told in a line', async () => {
  const cwd = folder();
  await run(['migrate', '--data', 'd'], { cwd });
  const schema = (n) => execFileSync('sqlite3', [join(cwd, 'd/tickettoken.db'), `PRAGMA user_version=${n}`]);
  const database = async () => /^ +(\w+) +database +(.*)$/m.exec((await run(['doctor', '--data', 'd'], { cwd })).out).slice(1);
  assert.match((await database()).join(), /^ok,schema \d+, integrity_check finds nothing$/);
  schema(5);
  assert.match((await database()).join(), /^FAIL,the database has schema 5, this program needs \d+: run `tickettoken migrate`$/);
  schema(9999);
  assert.match((await database()).join(), /^FAIL,the database has schema 9999, which this program \(\d+\) is too old for/);
  const r = await serve({}, { cwd });
  assert.equal(r.code, 1);
  assert.match(r.err, /the database has schema 9999, which this program \(\d+\) is too old for: use the newer program/);
});

test('root leaves nothing in another’s folder that its owner can’t open', { skip: process.getuid() !== 0 && 'not root' }, async () => {
  const nobody = 65534, cwd = folder(), victim = join(cwd, 'victim');
  const all = (dir) => [dir, ...readdirSync(dir, { recursive: true }).map((n) => join(dir, n))];
  mkdirSync(join(cwd, 'd'), { mode: 0o700 });
  chownSync(join(cwd, 'd'), nobody, nobody);
  for (const args of [['migrate'], ['user', 'add', '--email', 'a@example.com', '--role', 'admin'], ['keys'], ['demo']])
    await run([...args, '--data', 'd'], { cwd });
  await serve({}, { cwd, stop: /listening/ });
  assert.ok(all(join(cwd, 'd')).length > 8);
  assert.deepEqual(all(join(cwd, 'd')).filter((f) => statSync(f).uid !== nobody), []);

  // A name there that leads to a file of root's is not given away, whichever kind of link it is.
  for (const link of [symlinkSync, linkSync]) {
    const trap = join(cwd, link.name);
    mkdirSync(trap);
    chownSync(trap, nobody, nobody);
    writeFileSync(victim, '');
    link(victim, join(trap, 'server.lock'));
    await run(['serve', '--data', trap, '--port', '0'], { cwd, stop: /listening/ });
    assert.equal(statSync(victim).uid, 0, link.name);
  }
});
