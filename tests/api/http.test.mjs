// http.test.mjs - what holds for every route: forms, headers, problems, CORS, trace.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { raw, routes, start, statusOf } from './harness.mjs';

const SHOP = 'https://shop.example';
let s, plain;
before(async () => {
  s = await start({ CORS_ORIGINS: `${SHOP}, https://admin.example:8443` });
  plain = await start();
});
after(async () => { await s.close(); await plain.close(); });

const problem = (r, status, code) => {
  assert.equal(r.status, status, r.text);
  assert.match(r.headers.get('content-type'), /^application\/problem\+json/);
  assert.equal(r.body.code, code);
  assert.equal(r.body.status, status);
  assert.ok(r.body.title && r.body.detail && r.body.type);
};

test('health answers at once and touches nothing', async () => {
  for (const path of ['/health', '/health/live'])
    assert.deepEqual((await s.api('GET', path)).body, { status: 'ok' });
  assert.deepEqual((await s.api('GET', '/health/ready')).body, { status: 'ok', store: 'ok', kv: 'ok', bus: 'ok' });
});

test('every page is there, and its links lead somewhere', async () => {
  const pages = routes.filter((r) => r.page && !r.path.includes(':') && r.path !== '/mail');
  assert.ok(pages.length >= 5);
  for (const p of pages) {
    const r = await s.api('GET', p.path);
    assert.equal(r.status, 200, p.path);
    for (const [, link] of r.text.matchAll(/(?:href|src)="(\/[^"]*)"/g))
      if (link !== '/mail') assert.equal((await s.api('GET', link)).status, 200, `${p.path} links ${link}`);
  }
});

test('a problem type explains itself', async () => {
  const r = await s.api('GET', '/nothing');
  problem(r, 404, 'NOT_FOUND');
  assert.equal(r.body.instance, '/nothing');
  const page = await s.api('GET', r.body.type);
  assert.equal(page.status, 200);
  assert.match(page.text, /NOT_FOUND/);
  problem(await s.api('GET', '/problems/NO_SUCH'), 404, 'NOT_FOUND');
});

test('a wrong method is told which are right', async () => {
  const r = await s.api('POST', '/health');
  problem(r, 405, 'METHOD_NOT_ALLOWED');
  const allow = r.headers.get('allow').split(', ').sort();
  assert.deepEqual(allow, ['GET', 'HEAD', 'OPTIONS']);
});

test('HEAD is GET without the body', async () => {
  const get = await fetch(s.url + '/health'), head = await fetch(s.url + '/health', { method: 'HEAD' });
  assert.equal(head.status, 200);
  assert.equal(head.headers.get('content-length'), get.headers.get('content-length'));
  assert.equal(await head.text(), '');
});

test('Accept decides: JSON or 406', async () => {
  const get = (accept) => s.api('GET', '/api/v1/events', { headers: { accept } });
  for (const good of ['*/*', 'application/json', 'application/*;q=0.5', 'text/html, application/json;q=0.1', 'application/problem+json'])
    assert.equal((await get(good)).status, 200, good);
  for (const bad of ['text/html', 'application/xml', 'application/json;q=0'])
    problem(await get(bad), 406, 'NOT_ACCEPTABLE');
});

test('a body is JSON in UTF-8 or 415', async () => {
  const post = (type) => s.api('POST', '/auth/login', { body: '{}', headers: { 'content-type': type } });
  for (const good of ['application/json', 'application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"'])
    problem(await post(good), 400, 'VALIDATION_ERROR');
  for (const bad of ['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=latin1', 'application/jsonx'])
    problem(await post(bad), 415, 'UNSUPPORTED_MEDIA_TYPE');
});

test('a body that came encoded is not taken for what it is not', async () => {
  const post = (coding) => s.api('POST', '/auth/login', { body: '{}', headers: { 'content-encoding': coding } });
  problem(await post('identity'), 400, 'VALIDATION_ERROR');
  for (const bad of ['gzip', 'br', 'gzip, identity']) problem(await post(bad), 415, 'UNSUPPORTED_MEDIA_TYPE');
});

test('what is no JSON is BAD_JSON, what is wrong JSON names each field', async () => {
  problem(await s.api('POST', '/auth/login', { body: '{"email":' }), 400, 'BAD_JSON');
  problem(await s.api('POST', '/auth/login', { body: '{"email":"a@b.c","email":"a@b.c"}' }), 400, 'BAD_JSON');
  const r = await s.api('POST', '/auth/register', { body: { email: 'nobody', password: 7 } });
  problem(r, 400, 'VALIDATION_ERROR');
  assert.deepEqual(r.body.errors.map((e) => e.field).sort(), ['email', 'firstName', 'lastName', 'password']);
});

test('a body over the limit is 413 and the limit is the route\'s', async () => {
  problem(await s.api('POST', '/auth/login', { body: JSON.stringify({ email: 'x'.repeat(2_000_000) }) }), 413, 'CONTENT_TOO_LARGE');
});

test('security headers are on every kind of answer', async () => {
  for (const path of ['/', '/health', '/nothing', '/api/v1/events', '/openapi.json']) {
    const { headers } = await s.api('GET', path);
    assert.equal(headers.get('x-content-type-options'), 'nosniff', path);
    assert.equal(headers.get('x-frame-options'), 'DENY', path);
    assert.equal(headers.get('referrer-policy'), 'no-referrer', path);
    assert.match(headers.get('content-security-policy'), /default-src 'none'/, path);
    assert.ok(!/unsafe/.test(headers.get('content-security-policy')), path);
    assert.ok(headers.get('cache-control'), path);
    assert.equal(headers.get('strict-transport-security'), null, 'plain HTTP in a test');
  }
  assert.equal((await s.api('GET', '/api/v1/events')).headers.get('cache-control'), 'no-store');
});

test('a trace that came goes on, what is no trace is replaced', async () => {
  const id = '0af7651916cd43dd8448eb211c80319c';
  const sent = async (traceparent) =>
    (await s.api('GET', '/health', { headers: { traceparent } })).headers.get('x-request-id');
  assert.equal(await sent(`00-${id}-b7ad6b7169203331-01`), id);
  assert.equal(await sent(`01-${id}-b7ad6b7169203331-01-later`), id);
  for (const bad of [`00-${id}-b7ad6b7169203331-01-more`, `ff-${id}-b7ad6b7169203331-01`, `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
    `00-${id}-${'0'.repeat(16)}-01`, `00-${id.toUpperCase()}-b7ad6b7169203331-01`, `00-${id}-b7ad6b7169203331`, 'x', '']) {
    const got = await sent(bad);
    assert.match(got, /^[0-9a-f]{32}$/);
    assert.notEqual(got, id, bad);
  }
  const twice = `traceparent: 00-${id}-b7ad6b7169203331-01\r\n`;
  const got = /^x-request-id: (\w+)/im.exec((await raw(s.port, `GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${twice}${twice}\r\n`)).text)[1];
  assert.ok(got.length === 32 && got !== id, 'of two nobody knows which');
});

test('an origin of the list may call, with credentials', async () => {
  const r = await s.api('GET', '/health', { headers: { origin: SHOP } });
  assert.equal(r.headers.get('access-control-allow-origin'), SHOP);
  assert.equal(r.headers.get('access-control-allow-credentials'), 'true');
  assert.match(r.headers.get('vary'), /Origin/);
  const problemToo = await s.api('GET', '/nothing', { headers: { origin: SHOP } });
  assert.equal(problemToo.headers.get('access-control-allow-origin'), SHOP);
});

test('any other origin may not, and no answer ever says *', async () => {
  for (const origin of ['https://evil.example', 'https://shop.example.evil.example', 'http://shop.example', 'null', `${SHOP}:444`]) {
    const r = await s.api('GET', '/health', { headers: { origin } });
    assert.equal(r.headers.get('access-control-allow-origin'), null, origin);
    assert.match(r.headers.get('vary'), /Origin/);
  }
  const none = await plain.api('GET', '/health', { headers: { origin: SHOP } });
  assert.equal(none.headers.get('access-control-allow-origin'), null);
});

const preflight = (server, origin, path) => fetch(server.url + path, { method: 'OPTIONS',
  headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type' } });

test('a preflight is answered for the list only', async () => {
  const yes = await preflight(s, SHOP, '/api/v1/events');
  assert.equal(yes.status, 204);
  assert.equal(yes.headers.get('access-control-allow-origin'), SHOP);
  assert.match(yes.headers.get('access-control-allow-methods'), /POST/);
  assert.match(yes.headers.get('access-control-allow-headers'), /Authorization/);
  assert.match(yes.headers.get('access-control-allow-headers'), /Idempotency-Key/);
  const no = await preflight(s, 'https://evil.example', '/api/v1/events');
  assert.equal(no.headers.get('access-control-allow-origin'), null);
  assert.equal(no.headers.get('access-control-allow-methods'), null);
});

test('OPTIONS tells what may be done', async () => {
  const r = await fetch(s.url + '/api/v1/events', { method: 'OPTIONS' });
  assert.equal(r.status, 204);
  assert.deepEqual(r.headers.get('allow').split(', ').sort(), ['GET', 'HEAD', 'OPTIONS', 'POST']);
});

test('a 5xx tells an id and nothing more', async () => {
  const busy = await start({ WORKERS: '1', QUEUE_MAX: '1' });
  try {
    const answers = await Promise.all(Array.from({ length: 60 }, () =>
      busy.api('POST', '/auth/login', { body: { email: 'a@example.com', password: 'x'.repeat(20) } })));
    const full = answers.filter((r) => r.status === 503);
    assert.ok(full.length > 0, 'a full queue says so');
    for (const r of full) {
      problem(r, 503, 'BUSY');
      assert.ok(Number(r.headers.get('retry-after')) >= 1);
      assert.equal(r.body.errorId, r.headers.get('x-request-id'));
      assert.deepEqual(Object.keys(r.body).sort(), ['code', 'detail', 'errorId', 'instance', 'status', 'title', 'type']);
    }
  } finally { await busy.close(); }
});

test('pipelined requests are answered in their order', async () => {
  const one = (path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
  const r = await raw(s.port, one('/health') + one('/nothing') + one('/health/ready') + one('/health'));
  assert.deepEqual([...r.text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((m) => m[1]), ['200', '404', '200', '200']);
});

test('a path is settled before it is routed', async () => {
  const get = async (path) => statusOf(await raw(s.port, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`));
  assert.equal(await get('/a/../health'), 200);
  assert.equal(await get('/%68ealth'), 200);
  assert.equal(await get('/./health'), 200);
  for (const bad of ['/../health', '/%2e%2e/%2e%2e/etc/passwd', '/health%00', '/a%2fb', '/%zz', '/\\health'])
    assert.ok([400, 404].includes(await get(bad)), bad);
});

test('the test clock moves the calendar only ahead, and only here', async () => {
  const was = await s.now();
  const is = await s.clock.advance(3600_000);
  assert.ok(is - was >= 3600_000 && is - was < 3700_000);
  problem(await s.api('POST', '/internal/test/clock', { body: { advanceMs: -1 } }), 400, 'VALIDATION_ERROR');
  const real = await start({ CLOCK: 'system' });
  try {
    problem(await real.api('POST', '/internal/test/clock', { body: { advanceMs: 1 } }), 404, 'NOT_FOUND');
  } finally { await real.close(); }
});

test('letters are nobody\'s business outside development', async () => {
  problem(await s.api('GET', '/mail'), 404, 'NOT_FOUND');
  problem(await s.api('GET', '/mail/x.eml'), 404, 'NOT_FOUND');
});
