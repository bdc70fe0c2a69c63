// kv-away.test.mjs - the Redis behind a server dies and comes back: limits let through,
// what is good once stays shut, the sale goes on. Left out, visibly, without redis-server.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PASSWORD, run, start, until } from './harness.mjs';

const program = 'redis-server';
const skip = process.env.PATH.split(':').some((d) => existsSync(join(d, program))) ? false : 'no redis-server here';
const folder = mkdtempSync(join(tmpdir(), 'tickettoken-redis-'));
const socket = join(folder, 's'), url = `unix:${socket}`;
const operator = 'operators-token-of-a-test-0123456789';
let redis, s, buyer, sale;

async function redisOn(...more) {
  redis = spawn(program, ['--port', '0', '--unixsocket', socket, '--save', '', '--dir', folder, ...more], { stdio: 'ignore' });
  await until('redis listens', () => existsSync(socket));
}

async function redisOff() {
  if (!redis) return;
  const ended = new Promise((done) => redis.on('close', done));
  redis.kill('SIGKILL');
  await ended;
  rmSync(socket, { force: true });
  redis = undefined;
}

const login = (password = PASSWORD, email = buyer.email) => s.api('POST', '/auth/login', { body: { email, password } });

// Of all nodes together.
async function metric(line) {
  const all = await Promise.all(s.nodes.map((node) => s.api('GET', '/metrics', { token: operator, node })));
  return all.map((r) => Number(r.text.split('\n').find((l) => l.startsWith(line + ' ')).split(' ').pop())).reduce((a, b) => a + b);
}

function away(r) {
  assert.equal(r.status, 503, r.text);
  assert.equal(r.body.code, 'KV_UNAVAILABLE');
  assert.ok(Number(r.headers.get('retry-after')) >= 1);
  assert.ok(!/redis|socket|kv is|GETDEL/i.test(r.text.replace('KV_UNAVAILABLE', '')), r.text);
}

before(async () => {
  if (skip) return;
  await redisOn();
  writeFileSync(join(folder, 'token'), operator, { mode: 0o600 });
  s = await start({ REDIS_URL: url, METRICS_TOKEN_FILE: join(folder, 'token') });
  buyer = await s.register();
  sale = await s.sale();
});
after(async () => { await s?.close(); await redisOff(); rmSync(folder, { recursive: true, force: true }); });

test('with a Redis everything is as it was', { skip }, async () => {
  assert.equal((await login()).status, 200);
  const { token } = await s.must(200, 'POST', '/events/token', { token: buyer.token });
  const open = async () => {
    const cut = new AbortController();
    const r = await fetch(`${s.url}/events/stream?token=${token}`, { signal: cut.signal });
    cut.abort();
    return r.status;
  };
  assert.equal(await open(), 200);
  assert.equal(await open(), 401, 'a token works once');
  for (let i = 0; i < 5; i++) assert.equal((await login('wrong', 'nobody@example.com')).status, 401);
  assert.equal((await login('wrong', 'nobody@example.com')).status, 429);
});

test('windows are shared by two nodes', { skip }, async () => {
  const other = await start({ REDIS_URL: url });
  const guess = (node) => node.api('POST', '/auth/login', { body: { email: 'shared@example.com', password: 'wrong' } });
  const seen = [];
  for (let i = 0; i < 6; i++) seen.push((await guess(i % 2 ? other : s)).status);
  assert.deepEqual(seen, [401, 401, 401, 401, 401, 429]);
  await other.close();
});

test('doctor asks it', { skip }, async () => {
  assert.match((await s.cli(['doctor'], { env: { REDIS_URL: url } })).out, /ok {4}kv +Redis answers/);
  assert.match((await s.cli(['doctor'], { env: { REDIS_URL: 'unix:/nonexistent' } })).out, /FAIL {2}kv .*nonexistent/);
});

test('without it one-use things and passwords are refused with 503, and limits let through', { skip }, async () => {
  const stream = (await s.must(200, 'POST', '/events/token', { token: buyer.token })).token;
  const opened = await metric('tickettoken_kv_failed_open_total{limit="login"}');
  await redisOff();
  away(await s.api('POST', '/events/token', { token: buyer.token }));
  away(await s.api('GET', `/events/stream?token=${stream}`, { headers: { accept: 'text/event-stream' } }));
  away(await login());
  away(await login('wrong', 'nobody@example.com'));
  assert.equal(await metric('tickettoken_kv_failed_open_total{limit="login"}'), opened + 2);
  assert.equal(await metric('tickettoken_kv_up'), 0);
  const ready = await s.api('GET', '/health/ready');
  assert.deepEqual([ready.status, ready.body.kv], [200, 'away']);
});

test('whoever is signed in buys, and whoever registers is in', { skip }, async () => {
  assert.equal((await s.buy(buyer, sale)).status, 'COMPLETED');
  await s.must(200, 'POST', '/auth/refresh', { body: { refreshToken: buyer.refresh } });
  assert.ok((await s.register()).token);
});

test('a command works meanwhile', { skip }, async () => {
  const made = await s.cli(['user', 'add', '--email', 'op@example.com', '--role', 'admin', '--password-stdin'],
    { input: PASSWORD + '\n', env: { REDIS_URL: url } });
  assert.equal(made.code, 0, made.err);
});

test('when it is back within seconds all is well', { skip }, async () => {
  await redisOn();
  await until('people sign in again', async () => (await login()).status === 200, 20_000);
  await s.everywhere('it is up', async (node) => (await s.api('GET', '/health/ready', { node })).body.kv === 'ok');
  assert.equal(await metric('tickettoken_kv_up'), s.nodes.length);
  assert.ok(await metric('tickettoken_kv_reconnects_total') >= 1);
  assert.equal((await s.api('GET', '/health/ready')).body.kv, 'ok');
  assert.match(s.log, /kv is away/);
  assert.match(s.log, /kv is back/);
});

test('a wrong password stops the start at once and is not shown', { skip }, async () => {
  await redisOff();
  await redisOn('--requirepass', 'right');
  const begun = Date.now();
  const r = await run(['serve', '--port', '0', '--data', join(folder, 'data')],
    { env: { NODE_ENV: 'test', REDIS_URL: `unix://:planted-redis@${socket}` } });
  assert.equal(r.code, 1);
  assert.match(r.err, /kv: REDIS_URL: Redis at .*the password was refused/);
  assert.ok(!r.err.includes('planted-redis') && Date.now() - begun < 20_000);
  const shown = await run(['config', '--data', join(folder, 'data')], { env: { REDIS_URL: 'redis://:planted-redis@cache/0' } });
  assert.ok(!shown.out.includes('planted-redis'));
});
