// cli.test.mjs - the commands: what they print, what they refuse, how they end.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { cluster, PASSWORD, run, sleep, start, Server } from './harness.mjs';

const folders = [];
const folder = () => { folders.push(mkdtempSync(join(tmpdir(), 'tickettoken-cli-'))); return folders.at(-1); };
after(() => folders.forEach((f) => rmSync(f, { recursive: true, force: true })));
const commands = ['serve', 'migrate', 'demo', 'doctor', 'routes', 'openapi', 'keys', 'user', 'config'];

test('help teaches every command, with an example', async () => {
  const all = await run(['help']);
  for (const words of [['help', '--help'], ['help', 'version']]) assert.deepEqual(await run(words), all);
  assert.equal(all.code, 0);
  for (const c of commands) {
    assert.match(all.out, new RegExp(`^  ${c} `, 'm'));
    const one = await run([c, '--help']);
    assert.equal(one.code, 0, c);
    assert.match(one.out, new RegExp(`  tickettoken ${c}`), `${c} has an example`);
    assert.equal((await run(['help', c])).out, one.out);
  }
  assert.match((await run(['version'])).out, /^tickettoken \d+\.\d+\.\d+\n$/);
});

test('who looks at what is there begins no folder that was misspelt', async () => {
  const nowhere = join(tmpdir(), `tickettoken-nowhere-${process.pid}`);
  for (const args of [['deadletters', 'list'], ['user', 'list'], ['api-key']]) {
    const r = await run([...args, '--data', nowhere]);
    assert.equal(r.code, 1, args.join(' '));
    assert.match(r.err, /there is no folder .*nowhere.*serve --data/);
    assert.ok(!existsSync(nowhere));
  }
});

test('what is not known is refused with a hint, exit 2', async () => {
  const hints = [[['serv'], /did you mean serve/], [['serve', '--prot', '1'], /did you mean --port/],
    [['config', '--set', 'PROT=1'], /did you mean PORT/], [['user', 'ad'], /add, list, role or token/],
    [['serve', '--port'], /wants N/], [['routes', '--json=yes'], /takes no value/], [['routes', 'extra'], /what is "extra"\? usage/], [['serve', '--x'], /Try: tickettoken help serve/], [[], /Usage/]];
  for (const [args, hint] of hints) {
    const r = await run(args);
    assert.equal(r.code, 2, args.join(' '));
    assert.match(r.err, hint);
    assert.equal(r.out, '');
  }
});

test('wrong settings are told all at once, exit 1', async () => {
  const r = await run(['serve', '--data', folder(), '--port', '99999'], { env: { LOG_LEVEL: 'loud', NODE_ENV: 'prod' } });
  assert.equal(r.code, 1);
  for (const name of ['PORT', 'LOG_LEVEL', 'NODE_ENV']) assert.match(r.err, new RegExp(`^${name}: `, 'm'));
});

test('production refuses to start without its secrets and names each', async () => {
  const data = folder();
  const r = await run(['serve', '--data', data, '--port', '0'], { env: { NODE_ENV: 'production' } });
  assert.equal(r.code, 1);
  for (const name of ['QR_ENCRYPTION_KEY', 'INTERNAL_SERVICE_SECRET', 'INTERNAL_WEBHOOK_SECRET']) assert.match(r.err, new RegExp(name));
  assert.ok(!existsSync(join(data, 'secrets.env')));
  const clock = await run(['serve', '--data', data], { env: { NODE_ENV: 'production', CLOCK: 'test' } });
  assert.match(clock.err, /CLOCK: test is refused/);
});

test('config shows what is in force and no secret', async () => {
  const data = folder();
  const r = await run(['config', '--data', data], { env: { PORT: '9123', JWT_ALGORITHM: 'EdDSA' } });
  assert.equal(r.code, 0);
  assert.match(r.out, /^PORT=9123$/m);
  assert.match(r.out, /^JWT_ALGORITHM=EdDSA$/m);
  assert.match(r.out, /^QR_ENCRYPTION_KEY=\[redacted\]$/m);
  const kept = readFileSync(join(data, 'secrets.env'), 'utf8').match(/=(.+)/g).map((x) => x.slice(1));
  for (const secret of kept) assert.ok(!r.out.includes(secret) && !r.err.includes(secret));
});

test('migrate says what it did and does it once', async () => {
  const data = folder();
  assert.match((await run(['migrate', '--data', data])).out, /brought from version 0 to \d+/);
  assert.match((await run(['migrate', '--data', data])).out, /already/);
});

test('demo makes one sale, keeps its logins to itself, and its three lines work', async () => {
  const s = await start({ CLOCK: 'system', NODE_ENV: 'development' });
  try {
    const one = await s.cli(['demo']), two = await s.cli(['demo']);
    assert.equal(one.code, 0, one.err);
    assert.equal(two.out, one.out, 'the same again');
    const file = join(s.dir, 'demo.json');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const kept = JSON.parse(readFileSync(file, 'utf8'));
    for (const who of [kept.organiser, kept.buyer])
      assert.equal((await s.api('POST', '/auth/login', { body: { email: who.email, password: who.password } })).status, 200);
    const lines = one.out.split('\n').filter((l) => l.startsWith('  curl '));
    assert.equal(lines.length, 3);
    for (const line of lines) {
      const out = await new Promise((done, no) => execFile('sh', ['-c', line], (e, o) => (e ? no(e) : done(o))));
      const answer = JSON.parse(out);
      assert.ok(answer.data || answer.tokens || answer.reservation, out);
    }
    const all = await s.must(200, 'GET', '/api/v1/events?status=ON_SALE');
    assert.equal(all.data.length, 1);
    assert.equal((await s.types(all.data[0])).length, 2);
    const mail = await s.api('GET', '/mail');
    assert.equal(mail.status, 200, 'letters are shown in development');
    await s.register({ email: 'reader@example.com' });
    const name = await (async () => { for (;;) { const m = /href="(\/mail\/[^"]+)"/.exec((await s.api('GET', '/mail')).text); if (m) return m[1]; await sleep(50); } })();
    assert.match((await s.api('GET', name)).text, /reader@example\.com/);
    for (const bad of ['/mail/x.eml', '/mail/..%2fdemo.json', '/mail/demo.json']) assert.ok((await s.api('GET', bad)).status >= 400, bad);
  } finally { await s.close(); }
});

test('people are added to a running and to a stopped installation', async () => {
  const s = await start();
  try {
    const add = (email, role, more = []) => s.cli(['user', 'add', '--email', email, '--role', role, '--password-stdin', ...more], { input: PASSWORD + '\n' });
    assert.equal((await add('ann@example.com', 'admin')).code, 0);
    assert.equal((await s.login('ann@example.com')).role, 'admin');
    assert.equal((await add('ann@example.com', 'admin')).code, 1, 'there already');
    assert.equal((await add('bob@example.com', 'emperor')).code, 2);
    assert.equal((await s.cli(['user', 'add', '--email', 'x@example.com', '--role', 'admin'])).code, 2, 'no password');
    const weak = await s.cli(['user', 'add', '--email', 'x@example.com', '--role', 'admin', '--password-stdin'], { input: 'weak\n' });
    assert.equal(weak.code, 1);
    assert.match(weak.err, /password: /);
    const token = (await s.cli(['user', 'token', '--email', 'ann@example.com'])).out.trim();
    assert.equal((await s.api('GET', '/auth/me', { token })).body.user.email, 'ann@example.com');
    assert.match((await s.cli(['user', 'list'])).out, /admin +ACTIVE +ann@example\.com/);
    assert.equal((await s.cli(['user', 'role', '--email', 'ann@example.com', '--role', 'customer'])).code, 0);
    assert.equal((await s.login('ann@example.com')).role, 'customer');
    assert.equal((await s.cli(['user', 'role', '--email', 'nobody@example.com', '--role', 'customer'])).code, 1);
    await s.stop();
    assert.equal((await add('cyd@example.com', 'venue_manager')).code, 0);
    await s.open();
    assert.equal((await s.login('cyd@example.com')).role, 'venue_manager');
  } finally { await s.close(); }
});

test('the signing keys can be listed and rotated', async () => {
  const data = folder();
  const before = await run(['keys', '--data', data]);
  assert.match(before.out, /^next .*\nactive /m);
  assert.equal((await run(['keys', 'rotate', '--data', data])).code, 1, 'the next key is too young');
  assert.equal((await run(['keys', 'rotate', '--at-once', '--data', data])).code, 1, 'even at once');
  await sleep(3100);
  const rotated = await run(['keys', 'rotate', '--at-once', '--data', data]);
  assert.match(rotated.out, /^retiring /m);
  assert.equal(JSON.parse((await run(['keys', 'jwks', '--data', data])).out).keys.length, 3);
});

test('doctor is content with a healthy installation, running and stopped', async () => {
  const s = await start();
  try {
    const up = await s.cli(['doctor']);
    assert.equal(up.code, 0, up.out);
    assert.match(up.out, /ok +server .* is ready/);
    assert.match(up.out, cluster ? /ok +database +schema \d+, the role/ : /ok +database +schema \d+, integrity/);
    await s.stop();
    const down = await s.cli(['doctor', '--set', 'PORT=0']);
    assert.equal(down.code, 0, down.out);
    assert.match(down.out, /note +server +none runs/);
  } finally { await s.close(); }
});

test('doctor sees what is wrong and says what to do, exit 1', async () => {
  const s = await start();
  try {
    await s.stop();
    const { chmodSync } = await import('node:fs');
    chmodSync(join(s.dir, 'secrets.env'), 0o644);
    chmodSync(s.dir, 0o755);
    writeFileSync(join(s.dir, 'keys/index.json'), 'nonsense');
    if (cluster) await s.engines.sql('DROP TABLE ticket CASCADE');
    else {
      const db = readFileSync(join(s.dir, 'tickettoken.db'));
      writeFileSync(join(s.dir, 'tickettoken.db'), db.fill(0xff, 4096, 40_000));
    }
    const r = await s.cli(['doctor']);
    assert.equal(r.code, 1);
    for (const what of ['data folder', 'secrets', 'keys', 'database']) assert.match(r.out, new RegExp(`FAIL +${what}`), r.out);
    assert.match(r.out, /chmod 600/);
    for (const url of [s.env.DATABASE_URL, s.env.DATABASE_OWNER_URL])
      assert.ok(!url || !(r.out + r.err).includes(new URL(url).password), 'a password is shown');
  } finally { await s.close(); }
});

test('a second server on one data directory is refused', async () => {
  const s = await start();
  try {
    const second = await s.cli(['serve', '--port', '0']);
    assert.equal(second.code, 1);
    assert.match(second.err, /another server runs/);
  } finally { await s.close(); }
});

test('a port that is taken is told, exit 1', async () => {
  const s = await start();
  try {
    const { port } = s;
    const r = await run(['serve', '--port', String(port), '--data', folder()]);
    assert.equal(r.code, 1);
    assert.match(r.err, new RegExp(String(port)));
  } finally { await s.close(); }
});

for (const signal of ['SIGTERM', 'SIGINT'])
  test(`${signal} finishes what is in flight and ends with 0`, async () => {
    const s = await start({ LOGIN_FLOOR_MS: '2000' });       // so long it is in flight
    await s.api('GET', '/health');
    const login = s.api('POST', '/auth/login', { body: { email: 'nobody@example.com', password: PASSWORD } });
    await sleep(1000);
    const end = s.stop(signal);
    assert.equal((await login).status, 401);
    assert.deepEqual(await end, { code: 0, signal: null });
    assert.match(s.log, /stopped/);
    await s.close();
  });

test('what was acknowledged is there after kill -9', async () => {
  const s = await start();
  const p = await s.register();
  await s.kill9();
  await s.open();
  assert.equal((await s.login(p.email)).id, p.id);
  await s.close();
});

test('a setting in .env counts, the environment counts more', async () => {
  const data = folder();
  writeFileSync(join(data, '.env'), 'MAIL_FROM=file@example.com\nJWT_ISSUER=file\n');
  const s = await new Server(data, { JWT_ISSUER: 'environment' }).open();
  try {
    const { token } = await s.register();
    const claims = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
    assert.equal(claims.iss, 'environment');
  } finally { await s.close(); }
});
