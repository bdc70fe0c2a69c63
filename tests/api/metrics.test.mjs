// metrics.test.mjs - what is counted is shown to operators alone, in the form that
// Prometheus reads.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { run, start } from './harness.mjs';

const folder = mkdtempSync(join(tmpdir(), 'tickettoken-metrics-'));
const file = join(folder, 'token'), token = 'operators-token-of-a-test-0123456789';
let s;
before(async () => {
  writeFileSync(file, token + '\n', { mode: 0o600 });
  s = await start({ METRICS_TOKEN_FILE: file });
});
after(async () => { await s.close(); rmSync(folder, { recursive: true, force: true }); });

// Every line is one that the format knows: {name: {labels: value}}.
function read(text) {
  const values = {}, typed = new Set();
  assert.ok(text.endsWith('\n'));
  for (const line of text.trimEnd().split('\n')) {
    const help = /^# (HELP|TYPE) ([a-z_]+) (.+)$/.exec(line);
    if (help) {
      if (help[1] === 'TYPE') { assert.ok(!typed.has(help[2]), line); typed.add(help[2]); }
      continue;
    }
    const value = /^([a-z_]+)(?:\{([a-z_]+="[^"]*"(?:,[a-z_]+="[^"]*")*)\})? (-?\d+(?:\.\d+)?)$/.exec(line);
    assert.ok(value, line);
    assert.ok(typed.has(value[1]) || typed.has(value[1].replace(/_(bucket|sum|count)$/, '')), `${line} comes after its TYPE`);
    (values[value[1]] ??= {})[value[2] ?? ''] = Number(value[3]);
  }
  return values;
}

test('the operator\'s token opens it, and it counts', async () => {
  const [node] = s.nodes;                         // each counts its own
  const first = await s.api('GET', '/metrics', { token, node });
  assert.equal(first.status, 200);
  assert.equal(first.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  assert.equal(first.headers.get('cache-control'), 'no-store');
  for (let i = 0; i < 3; i++) await s.api('GET', '/nothing', { node });
  const then = read(first.text), now = read((await s.api('GET', '/metrics', { token, node })).text);
  assert.equal(now.tickettoken_http_answers_total['class="4xx"'] - then.tickettoken_http_answers_total['class="4xx"'], 3);
  assert.equal(now.tickettoken_http_answers_total['class="2xx"'] - then.tickettoken_http_answers_total['class="2xx"'], 1);
  assert.equal(now.tickettoken_faults_total['code="NOT_FOUND"'] - then.tickettoken_faults_total['code="NOT_FOUND"'], 3);
  assert.equal(now.tickettoken_faults_total['code="RATE_LIMIT_EXCEEDED"'], 0, 'also what did not happen yet');
  assert.equal(now.tickettoken_kv_up[''], 1);
  assert.equal(now.tickettoken_kv_failed_open_total['limit="login"'], 0);
  assert.match(Object.keys(now.tickettoken_build_info)[0], /^version="\d+\.\d+\.\d+"$/);
});

test('a stream that the server ends is counted by its reason', async () => {
  const [node] = s.nodes, p = await s.register();
  const ended = async () => read((await s.api('GET', '/metrics', { token, node })).text).tickettoken_sse_ended_total;
  const before_ = await ended();
  assert.deepEqual(Object.keys(before_).sort(), ['LIFETIME', 'SESSION_ENDED', 'SHUTDOWN', 'TOO_MANY_STREAMS'].map((r) => `reason="${r}"`));
  const stream = await fetch(`${node.url}/events/stream`, { headers: { authorization: `Bearer ${p.token}` } });
  await s.must(200, 'POST', '/auth/logout', { token: p.token, body: { refreshToken: p.refresh } });
  assert.match(await stream.text(), /SESSION_ENDED/);
  assert.equal((await ended())['reason="SESSION_ENDED"'] - before_['reason="SESSION_ENDED"'], 1);
});

test('a super-admin may see it, an admin of one tenant may not', async () => {
  assert.equal((await s.api('GET', '/metrics', { token: (await s.somebody('super_admin')).token })).status, 200);
  assert.equal((await s.api('GET', '/metrics', { token: (await s.somebody('admin')).token })).status, 403);
});

test('nobody else may, whatever address they seem to come from', async () => {
  assert.equal((await s.api('GET', '/metrics')).status, 401);
  const r = await s.api('GET', '/metrics', { headers: { 'x-forwarded-for': '127.0.0.1' } });
  assert.equal(r.status, 401);
  for (const wrong of [token.slice(1), token + 'x', token.toUpperCase()])
    assert.equal((await s.api('GET', '/metrics', { token: wrong })).status, 401, wrong);
});

test('the operator\'s token opens nothing else', async () => {
  assert.equal((await s.api('GET', '/auth/me', { token })).status, 401);
  assert.equal((await s.api('GET', '/api/v1/orders', { token })).status, 401);
  assert.ok(!s.log.includes(token));
});

test('a token that others can read, that is short or not there stops the start', async () => {
  const data = join(folder, 'data');
  const refused = async (why) => {
    const r = await run(['serve', '--port', '0', '--data', data], { env: { NODE_ENV: 'test', METRICS_TOKEN_FILE: file } });
    assert.equal(r.code, 1);
    assert.match(r.err, /METRICS_TOKEN_FILE/);
    assert.match(r.err, why);
    assert.ok(!r.err.includes(token));
  };
  chmodSync(file, 0o644);
  await refused(/others can read it/);
  rmSync(file);
  await refused(/No such file/);
  writeFileSync(file, 'short\n', { mode: 0o600 });
  await refused(/24 letters/);
});
