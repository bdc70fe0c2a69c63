// proxy.test.mjs - what nobody answers here is answered by the services behind, as PROXY_FILE
// says; asked by fetch (undici), node's http, curl and bytes as they are.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { certificate, nobody, plain, scripted, secure } from './behind.mjs';
import { binary, raw, run, sleep, start, statusOf, TENANT, until } from './harness.mjs';

const exec = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'tickettoken-proxy-'));
const own = certificate(folder), other = certificate(folder, 'elsewhere');
const behind = await plain(), second = await plain(), bytes = await scripted(), dead = await nobody();
const tls = await secure(own, { requestCert: true, ca: [readFileSync(own.cert)], rejectUnauthorized: false });
const wrong = await secure(other);
const url = (b, path = '') => `http://127.0.0.1:${b.port ?? b}${path}`;

const open = { access: 'open' };
const upstreams = [
  { name: 'shop', prefix: '/api/shop', urls: url(behind, '/v2') },
  { name: 'open', prefix: '/api/open', urls: url(behind), ...open, pass: 'authorization, cookie, set-cookie', forbid: '' },
  { name: 'small', prefix: '/api/open/small', urls: url(behind), ...open, bodyLimit: 1000 },
  { name: 'hasty', prefix: '/api/hasty', urls: url(behind), ...open, firstByteMs: 300, idleMs: 300 },
  { name: 'narrow', prefix: '/api/narrow', urls: url(behind), ...open, connections: 4, connectMs: 20_000 },
  { name: 'bytes', prefix: '/api/bytes', urls: url(bytes), ...open, breakerFailures: 100_000 },
  { name: 'dead', prefix: '/api/dead', urls: url(dead), ...open, breakerFailures: 3, breakerOpenMs: 600_000 },
  { name: 'two', prefix: '/api/two', urls: `${url(behind)}, ${url(dead)}, ${url(second)}`, ...open },
  { name: 'flaky', prefix: '/api/flaky', urls: url(bytes), ...open, breakerFailures: 3, breakerOpenMs: 200 },
  { name: 'tls', prefix: '/api/tls', urls: `https://localhost:${tls.port}`, ...open, caFile: own.ca, certFile: own.cert, keyFile: own.key },
  { name: 'unsigned', prefix: '/api/unsigned', urls: `https://localhost:${tls.port}`, ...open },
  { name: 'misnumbered', prefix: '/api/misnumbered', urls: `https://127.0.0.1:${tls.port}`, ...open, caFile: own.ca },
  { name: 'misnamed', prefix: '/api/misnamed', urls: `https://localhost:${wrong.port}`, ...open, caFile: other.ca },
];
const file = join(folder, 'proxy.json');
writeFileSync(file, JSON.stringify({ upstreams }));

let server, node, person;
before(async () => {
  server = await start({ PROXY_FILE: file, TRUSTED_PROXIES: '192.0.2.0/24', SERVICE_SECRET: randomBytes(24).toString('hex') });
  node = server.nodes[0];
  person = await server.register();
});
after(async () => {
  await server.close();
  for (const b of [behind, second, bytes, tls, wrong]) b.close();
  rmSync(folder, { recursive: true, force: true });
});

const get = (path, options = {}) => server.api('GET', path, { node, ...options });
const said = async (path, options) => JSON.parse((await get(path, options)).text);

test('a request goes behind with its method, query and body, and the answer comes back', async () => {
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
    const body = method === 'GET' ? undefined : { a: 1 };
    const r = await server.api(method, '/api/shop/a/b.c~d?x=1&y=%20', { token: person.token, body });
    assert.equal(r.status, 200);
    assert.equal(r.body.method, method);
    assert.equal(r.body.url, '/v2/a/b.c~d?x=1&y=%20');
    assert.equal(r.body.bytes, body ? 7 : 0);
    assert.equal(r.headers.get('x-request-id'), r.body.headers['x-request-id']);
  }
  assert.equal((await get('/api/open?status=201')).status, 201);
  assert.equal((await get('/api/open?status=204')).text, '');
  assert.equal((await get('/api/open?status=304')).status, 304);
  const head = await server.api('HEAD', '/api/open?bytes=5000', { node });
  assert.equal(head.headers.get('content-length'), '5000');
});

test('it needs a token where the row says nothing else, and paths that are served here stay', async () => {
  assert.equal((await get('/api/shop/x')).status, 401);
  assert.equal((await get('/api/shop/x', { token: 'no.such.token' })).status, 401);
  assert.equal((await get('/api/shop/x', { token: person.token, headers: { 'x-tenant-id': '11111111-1111-4111-8111-111111111111' } })).status, 403);
  assert.equal((await get('/api/nobody/x', { token: person.token })).status, 404);
  assert.equal((await get('/api/shopping', { token: person.token })).status, 404);
  assert.equal((await server.api('PATCH', '/api/v1/venues', { node, body: {} })).status, 405);
  assert.equal((await server.api('OPTIONS', '/api/shop/x', { node })).status, 204);
});

test('what says who asks is ours alone', async () => {
  const lies = { 'x-service-token': 'a', X_Service_Token: 'b', 'X-Internal-Role': 'c', 'x-tenant-id': TENANT, X_User_Id: 'd', 'x-user-id': 'e',
    'x-forwarded-for': '6.6.6.6', forwarded: 'for=6.6.6.6', 'x-forwarded-proto': 'gopher', 'x-forwarded-host': 'evil', 'x-real-ip': '6.6.6.6',
    'x-original-url': '/admin', 'x-rewrite-url': '/admin', 'x-http-method-override': 'DELETE', 'x-request-id': 'mine', cookie: 'a=b', 'x-kept': 'yes' };
  const { headers } = await said('/api/shop/x', { token: person.token, headers: lies });
  for (const gone of ['x-service-token', 'x_service_token', 'x-internal-role', 'x-tenant-id', 'x_user_id', 'x-user-id', 'x-real-ip',
    'x-original-url', 'x-rewrite-url', 'x-http-method-override', 'cookie', 'authorization'])
    assert.ok(!(gone in headers) || gone === 'x-service-token', gone);
  const token = JSON.parse(Buffer.from(headers['x-service-token'], 'base64').toString());
  assert.deepEqual([token.aud, token.tenantId, token.userId, headers['x-service-id']], ['shop', TENANT, person.id, 'tickettoken']);
  const stranger = await server.stranger();
  const theirs = await said('/api/shop/x', { token: stranger.token });
  const their = JSON.parse(Buffer.from(theirs.headers['x-service-token'], 'base64').toString());
  assert.deepEqual([their.tenantId, their.userId], [stranger.tenantId, stranger.id]);
  const nobody_ = await said('/api/open/x');
  assert.equal(JSON.parse(Buffer.from(nobody_.headers['x-service-token'], 'base64').toString()).userId, undefined);
  assert.equal(headers['x-kept'], 'yes');
  assert.equal(headers['x-forwarded-for'], '127.0.0.1');
  assert.equal(headers['x-forwarded-proto'], 'http');
  assert.match(headers['x-forwarded-host'], /^127\.0\.0\.1:\d+$/);
  assert.match(headers.forwarded, /^for=127\.0\.0\.1;proto=http;host="127\.0\.0\.1:\d+"$/);
  assert.equal(headers.host, `127.0.0.1:${behind.port}`);
  assert.match(headers.traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$/);
  assert.notEqual(headers['x-request-id'], 'mine');
  const through = await said('/api/open/x', { token: person.token, headers: { cookie: 'a=b' } });
  assert.equal(through.headers.cookie, 'a=b');
  assert.equal(through.headers.authorization, `Bearer ${person.token}`);
});

test('the trace goes on as the caller decided, and a state without a trace ends here', async () => {
  const id = randomBytes(16).toString('hex'), span = randomBytes(8).toString('hex');
  const told = async (traceparent, tracestate) => (await said('/api/open/x', { headers: { traceparent, tracestate } })).headers;
  for (const flags of ['00', '01']) {
    const t = await told(`00-${id}-${span}-${flags}`, 'team=shop,other=1');
    assert.match(t.traceparent, new RegExp(`^00-${id}-[0-9a-f]{16}-${flags}$`));
    assert.equal(t.tracestate, 'team=shop,other=1');
  }
  for (const wrong of [`00-${id}-${span}`, `ff-${id}-${span}-01`, `00-${'0'.repeat(32)}-${span}-01`, 'x']) {
    const t = await told(wrong, 'team=shop');
    assert.ok(!t.traceparent.includes(id) && t.tracestate === undefined, wrong);
  }
  assert.equal((await told(`00-${id}-${span}-01`, 'no state')).tracestate, undefined);
  const r = await raw(node.port, `GET /api/open/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\ntraceparent: 00-${id}-${span}-01\r\n` +
    'tracestate: team=shop\r\nTraceState: other=1\r\n\r\n');
  assert.match(r.text, /"tracestate":"team=shop,other=1"/, 'a list in two fields is one list');
});

test('fields of one hop end here, both ways', async () => {
  const r = await raw(node.port, 'GET /api/open/x HTTP/1.1\r\nHost: a\r\nConnection: close, X-Secret\r\nX-Secret: s\r\nKeep-Alive: 5\r\n' +
    'Proxy-Authorization: p\r\nProxy-Connection: k\r\nTE: gzip\r\nUpgrade: h2c\r\nHTTP2-Settings: q\r\n\r\n');
  const { headers } = JSON.parse(/\{.*\}/s.exec(r.text)[0]);
  for (const gone of ['x-secret', 'keep-alive', 'proxy-authorization', 'proxy-connection', 'te', 'upgrade', 'http2-settings']) assert.ok(!(gone in headers), gone);
  bytes.script = 'HTTP/1.1 200 OK\r\nConnection: X-Inner\r\nX-Inner: i\r\nKeep-Alive: 5\r\nServer: old\r\nX-Powered-By: p\r\nAccess-Control-Allow-Origin: *\r\n' +
    'Set-Cookie: a=b\r\nX-Service-Name: n\r\nX-Outer: o\r\nContent-Length: 2\r\n\r\nok';
  const back = await get('/api/bytes/x');
  assert.equal(back.text, 'ok');
  for (const gone of ['x-inner', 'keep-alive', 'server', 'x-powered-by', 'access-control-allow-origin', 'set-cookie', 'x-service-name']) assert.equal(back.headers.get(gone), null, gone);
  assert.equal(back.headers.get('x-outer'), 'o');
  assert.equal(back.headers.get('cache-control'), 'no-store');
  assert.equal((await get('/api/open?h.Cache-Control=max-age%3D5&h.Set-Cookie=c%3Dd')).headers.get('cache-control'), 'max-age=5');
  assert.equal((await get('/api/open?h.Set-Cookie=c%3Dd')).headers.get('set-cookie'), 'c=d');
  const moved = await get(`/api/shop/x?status=302&h.Location=http%3A%2F%2F127.0.0.1%3A${behind.port}%2Fv2%2Fthere`, { token: person.token });
  assert.equal(moved.headers.get('location'), '/api/shop/there');
  const ws = await raw(node.port, 'GET /api/open/x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  assert.equal(statusOf(ws), 501);
});

test('a path that could be read as another is not passed on', async () => {
  const before_ = behind.count.requests;
  for (const path of ['/api/open/../x', '/api/open/%2e%2e/x', '/api/open/a%2fb', '/api/open/a%5cb', '/api/open/a\\b', '/api/open/%252e%252e/x', '/api/open//x',
    '/api/open/./x', '/api/open/a%00b', '/api/open/a;b', '/api/open/%41', '/api/open/a:b', '/api/open/%c3%a9', '/api/shop/../../admin', '/api/open/..%2fx', '/api/open/x/..', '/api/open/.../x']) {
    const r = await raw(node.port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    assert.ok([400, 404].includes(statusOf(r)), `${path}: ${statusOf(r)}`);
  }
  assert.equal(statusOf(await raw(node.port, 'GET /api/open/a%20b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')), 400);
  for (const path of ['/admin', '/Admin/users', '/internal/x', '/INTERNAL', '/admin.json'])
    assert.equal((await get(`/api/shop${path}`, { token: person.token })).status, 403, path);
  assert.equal(behind.count.requests, before_);
  assert.equal((await get('/api/open/admin')).status, 200);
});

test('what could frame an answer in two ways is no answer', async () => {
  const ok = 'HTTP/1.1 200 OK\r\n';
  for (const [why, answer] of Object.entries({
    'two lengths': `${ok}Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc`, 'the same length twice': `${ok}Content-Length: 2\r\nContent-Length: 2\r\n\r\nab`,
    'length and coding': `${ok}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 'another coding': `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    'chunked twice': `${ok}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 'chunked in 1.0': 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'a folded line': `${ok}X-A: b\r\n c\r\nContent-Length: 0\r\n\r\n`, 'a bare LF': 'HTTP/1.1 200 OK\nContent-Length: 0\n\n', 'a bare LF in a field': `${ok}X-A: b\nContent-Length: 0\r\n\r\n`,
    'space before the colon': `${ok}Content-Length : 0\r\n\r\n`, 'a signed length': `${ok}Content-Length: +2\r\n\r\nab`, 'NUL in a value': `${ok}X-A: a\0b\r\nContent-Length: 0\r\n\r\n`,
    'CR in a value': `${ok}X-A: a\rb\r\nContent-Length: 0\r\n\r\n`, 'no status': 'HTTP/1.1 OK\r\n\r\n', 'status 99': 'HTTP/1.1 099 OK\r\n\r\n', 'another version': 'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n',
    'no HTTP': 'SSH-2.0-OpenSSH\r\n\r\n', 'switching protocols': 'HTTP/1.1 101 Switching\r\n\r\n', 'too many fields': ok + 'A: b\r\n'.repeat(101) + '\r\n', 'too large': `${ok}A: ${'b'.repeat(20000)}\r\n\r\n`,
    'a length for 204': 'HTTP/1.1 204 No\r\nContent-Length: 3\r\n\r\nabc', 'nothing': '', 'half a head': 'HTTP/1.1 200 OK\r\nContent-Le' })) {
    bytes.script = answer;
    const r = await get('/api/bytes/x');
    assert.equal(r.status, 502, why);
    assert.equal(r.body.code, 'BAD_GATEWAY');
    assert.equal(r.headers.get('content-type'), 'application/problem+json');
  }
  bytes.script = (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
  for (let i = 0; i < 5; i++) assert.equal((await get('/api/bytes/x')).text, 'ok');
});

test('what could frame a request in two ways never goes behind', async () => {
  const before_ = behind.count.requests;
  for (const fields of ['Content-Length: 5\r\nContent-Length: 6', 'Content-Length: 5\r\nTransfer-Encoding: chunked', 'Transfer-Encoding: xchunked', 'Transfer-Encoding : chunked',
    'Content-Length: +5', 'X: a\0b', 'X: a\rb', 'X: a\r\n b', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity']) {
    const r = await raw(node.port, `POST /api/open/x HTTP/1.1\r\nHost: a\r\n${fields}\r\n\r\n0\r\n\r\nhello`);
    assert.equal(statusOf(r), 400, fields);
  }
  const broken = await raw(node.port, 'POST /api/open/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n');
  assert.equal(statusOf(broken), 400);
  await sleep(50);
  assert.ok(behind.count.requests <= before_ + 1);                // the last one's head had gone already
});

test('bodies pass in both codings, with trailers for who takes them', async () => {
  const all = await Promise.all([10, 70_000, 3_000_000].map(async (n) => {
    const stream = new ReadableStream({ start(c) { c.enqueue(Buffer.alloc(n, 'y')); c.close(); } });
    const up = await fetch(`${node.url}/api/open/x`, { method: 'POST', body: stream, duplex: 'half' }).then((r) => r.json());
    assert.equal(up.headers['transfer-encoding'], 'chunked');
    const sized = await fetch(`${node.url}/api/open/x`, { method: 'POST', body: Buffer.alloc(n, 'z') }).then((r) => r.json());
    const down = await fetch(`${node.url}/api/open/x?bytes=${n}`).then((r) => r.arrayBuffer());
    const chunks = await fetch(`${node.url}/api/open/x?bytes=${n}&chunked`).then((r) => r.arrayBuffer());
    return [up.bytes, sized.bytes, down.byteLength, chunks.byteLength].every((k) => k === n);
  }));
  assert.deepEqual(all, [true, true, true, true].slice(0, 3));
  const trailers = await new Promise((done) => http.get(`${node.url}/api/open/x?trailer`, { headers: { TE: 'trailers' } },
    (r) => r.resume().on('end', () => done(r.trailers))));
  assert.deepEqual({ ...trailers }, { digest: 'abc' });
  const plainly = await raw(node.port, 'GET /api/open/x?trailer HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  assert.ok(plainly.text.endsWith('4\r\nbody\r\n0\r\n\r\n'));
  const old = await raw(node.port, 'GET /api/open/x?bytes=10&chunked HTTP/1.0\r\n\r\n');
  assert.ok(old.closed && old.text.endsWith('\r\n\r\nxxxxxxxxxx') && !/transfer-encoding/i.test(old.text));
  const up = await raw(node.port, 'POST /api/open/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhi\r\n0\r\nDigest: q\r\nX-User-Id: 1\r\nContent-Length: 9\r\n\r\n');
  const request = JSON.parse(/\{.*\}/s.exec(up.text)[0]);
  assert.deepEqual([request.text, request.trailers], ['hi', { digest: 'q' }]);
});

test('100-continue is asked of the service behind, 103 comes through', async () => {
  const body = join(folder, 'body');
  writeFileSync(body, Buffer.alloc(200_000, 'c'));
  const { stdout, stderr } = await exec('curl', ['-sv', '-H', 'Expect: 100-continue', '--data-binary', `@${body}`, `${node.url}/api/open/x`]);
  assert.match(stderr, /< HTTP\/1.1 100 Continue/);
  assert.equal(JSON.parse(stdout).bytes, 200_000);
  const early = await exec('curl', ['-s', '-w', '%{http_code}', '-H', 'Expect: 100-continue', '--data-binary', `@${body}`, `${node.url}/api/open/x?early`]);
  assert.equal(early.stdout, 'large413');
  const hints = await raw(node.port, 'GET /api/open/x?hints HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  assert.match(hints.text, /^HTTP\/1.1 103 Early Hints\r\nLink: <\/style.css>; rel=preload\r\n\r\nHTTP\/1.1 200 OK\r\n/i);
});

test('a body may not be larger than the row says', async () => {
  assert.equal((await server.api('POST', '/api/open/small/x', { node, body: 'x'.repeat(1001) })).status, 413);
  const chunked = await raw(node.port, `POST /api/open/small/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n${'x'.repeat(1001)}\r\n0\r\n\r\n`);
  assert.equal(statusOf(chunked), 413);
  assert.equal((await server.api('POST', '/api/open/small/x', { node, body: 'x'.repeat(1000) })).status, 200);
});

test('connections are used again, and a stale one costs a request nothing', async () => {
  await get('/api/open/x');
  const before_ = behind.count.connections;
  for (let i = 0; i < 50; i++) await get('/api/open/x');
  assert.ok(behind.count.connections - before_ <= 2 * node_threads(), `${behind.count.connections - before_} opened`);
  bytes.script = (socket) => { socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'); bytes.script = (again) => {
    again.destroy();                              // what it says to the next request on that connection
    bytes.script = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfresh';
  }; };
  assert.equal((await get('/api/bytes/x')).text, 'ok');
  assert.equal((await get('/api/bytes/x')).text, 'fresh');
});
const node_threads = () => 8;

test('a request that may not be sent twice is not', async () => {
  bytes.script = (socket) => { bytes.seen.length = 0; socket.destroy(); };
  for (const [method, times] of [['POST', 1], ['PUT', 1]]) {
    let asked = 0;
    bytes.script = (socket) => { asked += 1; socket.destroy(); };
    assert.equal((await server.api(method, '/api/bytes/x', { node, body: '{}' })).status, 502);
    assert.equal(asked, times, method);
  }
  let asked = 0;
  bytes.script = (socket) => { asked += 1; socket.destroy(); };
  assert.equal((await get('/api/bytes/x')).status, 502);
  assert.equal(asked, 2);
});

test('several addresses take turns, and one that is down costs nobody his request', async () => {
  const a = behind.count.requests, b = second.count.requests;
  const all = await Promise.all(Array.from({ length: 60 }, () => get('/api/two/x')));
  assert.ok(all.every((r) => r.status === 200));
  assert.ok(behind.count.requests - a >= 15 && second.count.requests - b >= 15);
});

test('who is slow is told of, and what stops in the middle is cut', async () => {
  const late = await get('/api/hasty/x?wait=1500');
  assert.equal(late.status, 504);
  assert.equal(late.body.code, 'GATEWAY_TIMEOUT');
  assert.ok(late.headers.get('retry-after'));
  await assert.rejects(fetch(`${node.url}/api/open/x?die`).then((r) => r.arrayBuffer()));
  bytes.script = (socket) => { socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'); setTimeout(() => socket.destroy(), 20); };
  const cut = await raw(node.port, 'GET /api/bytes/x HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.ok(cut.closed && cut.text.endsWith('3\r\nabc\r\n'));
  const slow = net.connect(node.port, '127.0.0.1');
  slow.write('POST /api/hasty/x HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc');
  const text = await new Promise((done) => { let t = ''; slow.on('data', (d) => { t += d; }); slow.on('close', () => done(t)); });
  assert.match(text, /^HTTP\/1.1 408 /);
});

test('a breaker opens, spares the service, probes it and closes again', async () => {
  for (let i = 0; i < 3; i++) assert.equal((await get('/api/dead/x')).status, 502);
  const r = await get('/api/dead/x');
  assert.equal(r.status, 503);
  assert.equal(r.body.code, 'UPSTREAM_UNAVAILABLE');
  assert.ok(Number(r.headers.get('retry-after')) > 100);

  const operator = await server.somebody('super_admin');
  assert.equal((await server.api('GET', '/health/circuit-breakers', { token: person.token, node })).status, 403);
  assert.equal((await server.api('POST', '/health/circuit-breakers/reset', { node, body: {} })).status, 401);
  const list = await server.api('GET', '/health/circuit-breakers', { token: operator.token, node });
  assert.equal(list.body.data.find((b) => b.name === 'dead').state, 'open');
  assert.equal((await server.api('POST', '/health/circuit-breakers/reset', { token: operator.token, node, body: { name: 'none' } })).status, 404);
  assert.deepEqual((await server.api('POST', '/health/circuit-breakers/reset', { token: operator.token, node, body: { name: 'dead' } })).body, { reset: 1 });
  const bare = await raw(node.port, `POST /health/circuit-breakers/reset HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${operator.token}\r\nConnection: close\r\n\r\n`);
  assert.match(bare.text, /{"reset":([2-9]|\d\d)}$/, 'all of them, as by curl -X POST, which says no length');
  assert.equal((await get('/api/dead/x')).status, 502);

  bytes.script = (socket) => socket.end('HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n');
  for (let i = 0; i < 3; i++) assert.equal((await get('/api/flaky/x')).status, 503);
  let asked = 0;
  bytes.script = (socket) => { asked += 1; setTimeout(() => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'), 100); };
  assert.equal((await get('/api/flaky/x')).body.code, 'UPSTREAM_UNAVAILABLE');
  assert.equal(asked, 0);
  await sleep(250);
  const burst = await Promise.all(Array.from({ length: 10 }, () => get('/api/flaky/x')));
  assert.deepEqual([burst.filter((b) => b.status === 200).length, asked], [1, 1]);
  assert.equal((await get('/api/flaky/x')).status, 200);

  const metrics = (await server.api('GET', '/metrics', { token: operator.token, node, headers: { accept: '*/*' } })).text;
  assert.match(metrics, /tickettoken_upstream_breaker\{upstream="flaky"\} 0\n/);
  assert.match(metrics, /tickettoken_upstream_breaker_opened_total\{upstream="flaky"\} 1\n/);
  assert.match(metrics, /tickettoken_upstream_failures_total\{upstream="dead",kind="unreachable"\} 4\n/);
});

test('https is spoken to who can show that he is the one, with our certificate', async () => {
  assert.equal((await get('/api/tls/x')).status, 200);
  assert.equal((await server.api('POST', '/api/tls/x', { node, body: 'x'.repeat(500_000) })).body.bytes, 500_000);
  assert.equal((await fetch(`${node.url}/api/tls/x?bytes=2000000`).then((r) => r.arrayBuffer())).byteLength, 2_000_000);
  assert.equal((await get('/api/unsigned/x')).status, 502);
  assert.equal((await get('/api/misnamed/x')).status, 502);
  assert.equal((await get('/api/misnumbered/x')).status, 502);   // good for the name, not for the address
});

test('a thousand at once share the few connections that a row allows', async () => {
  const before_ = behind.count.connections, agent = new http.Agent({ keepAlive: true, maxSockets: 1000 });
  const one = () => new Promise((done, no) => http.get(`${node.url}/api/narrow/x`, { agent }, (r) => r.resume().on('end', () => done(r.statusCode))).on('error', no));
  const all = await Promise.all(Array.from({ length: 1000 }, one));
  agent.destroy();
  assert.deepEqual([...new Set(all)], [200]);
  assert.ok(behind.count.connections - before_ <= 8, `${behind.count.connections - before_} connections`);
});

// What a sanitizer keeps of freed memory is no matter here.
const slack = /build-(address|thread)/.test(binary) ? 600 : 16;
const memory = (pid = node.child.pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;

test('what passes through is not kept: a slow reader and large bodies cost no memory', async () => {
  await fetch(`${node.url}/api/open/x?bytes=1000000`).then((r) => r.arrayBuffer());
  const before_ = memory(), stalled = [];
  for (let i = 0; i < 20; i++) {
    const s = net.connect(node.port, '127.0.0.1');
    s.on('error', () => {});
    s.pause();
    s.write('GET /api/open/x?bytes=100000000 HTTP/1.1\r\nHost: a\r\n\r\n');
    stalled.push(s);
  }
  const { stdout } = await exec('sh', ['-c', `head -c 9000000 /dev/zero | curl -s -T - ${node.url}/api/open/x`]);
  assert.equal(JSON.parse(stdout).bytes, 9_000_000);
  const got = await exec('sh', ['-c', `curl -s '${node.url}/api/open/x?bytes=150000000' | wc -c`]);
  assert.equal(Number(got.stdout), 150_000_000);
  assert.ok(memory() - before_ < slack, `${before_} -> ${memory()} MiB`);
  for (const s of stalled) s.destroy();
  assert.equal((await get('/api/open/x')).status, 200);
});

test('who leaves takes nothing of others with him', async () => {
  for (let i = 0; i < 20; i++) {
    const s = net.connect(node.port, '127.0.0.1');
    s.on('error', () => {});
    s.write('GET /api/narrow/x?wait=300 HTTP/1.1\r\nHost: a\r\n\r\n');
    setTimeout(() => s.resetAndDestroy(), 20 + i);
  }
  await sleep(100);
  const r = await Promise.all(Array.from({ length: 10 }, () => get('/api/narrow/x')));
  assert.ok(r.every((a) => a.status === 200));
});

test('requests that were sent together are answered in their order', async () => {
  let text = '';
  for (let i = 0; i < 30; i++) text += `GET /api/open/n${i} HTTP/1.1\r\nHost: a\r\n\r\nGET /health HTTP/1.1\r\nHost: a\r\n\r\nPOST /api/open/p${i} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi`;
  const r = await raw(node.port, text);
  const order = [...r.text.matchAll(/"url":"\/([np]\d+)"|"status":"(ok)"/g)].map((m) => m[1] ?? m[2]);
  assert.deepEqual(order, Array.from({ length: 30 }, (_, i) => [`n${i}`, 'ok', `p${i}`]).flat());
});

test('HTTP/2 goes behind as well, each stream for itself', async () => {
  const over = await start({ PROXY_FILE: file, TLS_CERT_FILE: own.cert, TLS_KEY_FILE: own.key });
  const pid = over.nodes[0].child.pid, client = http2.connect(over.nodes[0].url, { ca: readFileSync(own.cert), servername: 'localhost', maxSessionMemory: 64 });
  const ask = (headers, body) => new Promise((done, no) => {
    const s = client.request(headers), parts = [];
    s.on('response', (h) => { s.head = h; });
    s.on('data', (d) => parts.push(d));
    s.on('error', no);
    s.on('close', () => s.rstCode ? no(new Error(`reset ${s.rstCode}`)) : done({ status: s.head[':status'], headers: s.head, body: Buffer.concat(parts) }));
    if (body) s.end(body); else s.end();
  });
  const first = await ask({ ':path': '/api/open/x?a=1', 'x-kept': 'k', 'x-service-token': 'lie' });
  const heard = JSON.parse(first.body);
  assert.deepEqual([first.status, heard.url, heard.headers['x-kept']], [200, '/x?a=1', 'k']);
  assert.notEqual(heard.headers['x-service-token'], 'lie');
  const large = await Promise.all(Array.from({ length: 20 }, (_, i) => ask({ ':path': '/api/open/x', ':method': 'POST' }, Buffer.alloc(i * 40_000, 'u'))));
  assert.deepEqual(large.map((r) => JSON.parse(r.body).bytes), Array.from({ length: 20 }, (_, i) => i * 40_000));
  for (const more of ['', '&chunked']) assert.equal((await ask({ ':path': `/api/open/x?bytes=3000000${more}` })).body.length, 3_000_000);
  assert.equal((await ask({ ':path': '/api/open/x?status=204' })).status, 204);
  assert.equal((await ask({ ':path': '/api/shop/x' })).status, 401);
  assert.equal((await ask({ ':path': '/api/open/%2e%2e/x' })).status, 400);
  assert.equal((await ask({ ':path': '/api/open/small/x', ':method': 'POST' }, Buffer.alloc(2000))).status, 413);
  await assert.rejects(ask({ ':path': '/api/open/x?die' }));
  assert.equal((await ask({ ':path': '/api/hasty/x?wait=1500' })).status, 504);

  const before_ = memory(pid), hold = (socket) => socket.pause();
  bytes.server.prependListener('connection', hold);               // takes what its kernel does, and no more
  const senders = Array.from({ length: 5 }, () => http2.connect(over.nodes[0].url, { ca: readFileSync(own.cert), servername: 'localhost', maxSessionMemory: 64 }));
  for (const s of senders) s.on('error', () => {}).request({ ':path': '/api/bytes/x', ':method': 'POST' }).on('error', () => {}).write(Buffer.alloc(9_000_000));
  await sleep(300);
  assert.ok(memory(pid) - before_ < slack, `${before_} -> ${memory(pid)} MiB`);
  for (const s of senders) s.destroy();
  bytes.server.off('connection', hold);
  assert.equal((await ask({ ':path': '/api/open/x' })).status, 200);
  client.close();
  await over.close();
});

// A request of Node.js' own client, with trailers where there are any; what comes, with its trailers.
function trailing(session, fields, { body, trailers, window } = {}) {
  return new Promise((done, no) => {
    const s = session.request(fields, { endStream: body === undefined, waitForTrailers: Boolean(trailers) });
    const got = { text: '', order: [] };
    s.on('wantTrailers', () => s.sendTrailers(trailers));
    s.on('response', (h) => { got.status = h[':status']; got.headers = h; });
    s.on('trailers', (t) => { got.order.push('trailers'); got.trailers = Object.fromEntries(Object.entries(t)); });
    s.setEncoding('utf8').on('data', (d) => { got.text += d; got.order.push('data'); }).on('error', no).on('close', () => done(got));
    if (window) { s.pause(); setTimeout(() => s.resume(), window); }
    if (body !== undefined) s.end(body);
  });
}

test('trailers pass to and from HTTP/2', async (t) => {
  const over = await start({ PROXY_FILE: file, TLS_CERT_FILE: own.cert, TLS_KEY_FILE: own.key, WORLD: '' });
  t.after(() => over.close());
  const at = over.nodes[0].url, client = http2.connect(at, { ca: readFileSync(own.cert), servername: 'localhost' }), te = { te: 'trailers' };
  t.after(() => client.destroy());
  const down = await trailing(client, { ':path': '/api/open/x?trailer', ...te });
  assert.deepEqual([down.text, down.headers.trailer, down.trailers], ['body', 'Digest', { digest: 'abc' }]);
  const plainly = await trailing(client, { ':path': '/api/open/x?trailer' });
  assert.deepEqual([plainly.text, plainly.headers.trailer, plainly.trailers], ['body', undefined, undefined]);
  const slow = await trailing(client, { ':path': '/api/open/x?trailer=200000', ...te }, { window: 300 });
  assert.deepEqual([slow.text.length, slow.trailers, slow.order.at(-1)], [800_000, { digest: 'abc' }, 'trailers']);
  const { stdout } = await exec('curl', ['-sk', '--http2', '-D', '-', '-H', 'te: trailers', `${at}/api/open/x?trailer`]);
  assert.match(stdout, /\r\n\r\nbodydigest: abc\r\n/);

  const post = { ':method': 'POST', ':path': '/api/open/x', ...te };
  const up = async (trailers, fields = {}) => JSON.parse((await trailing(client, { ...post, ...fields }, { body: 'hi', trailers })).text);
  const heard = await up({ digest: 'q', 'x-user-id': '1', 'x-real-ip': '6.6.6.6', authorization: 'Bearer x', host: 'b', 'x_service_token': 'z' });
  assert.deepEqual([heard.text, heard.trailers, heard.headers.te], ['hi', { digest: 'q' }, 'trailers']);
  assert.deepEqual((await up({ digest: 'q' }, { 'content-length': '2' })).trailers, {});
  await assert.rejects(trailing(client, post, { body: 'hi', trailers: { 'content-length': '9' } }));
  const many = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`t${i}`, 'v']));
  assert.deepEqual((await up(many)).trailers, {});
  assert.equal((await trailing(client, post, { body: 'hi', trailers: { digest: 'q'.repeat(5000) } })).status, 431);
  assert.match((await trailing(client, { ...post, ':path': '/auth/login', 'content-type': 'application/json' }, { body: '{}', trailers: { digest: 'q' } })).text, /VALIDATION_ERROR/);

  const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n';
  const from = async (lines) => { bytes.script = `${head}0\r\n${lines}\r\n`; return trailing(client, { ':path': '/api/bytes/x', ...te }); };
  assert.deepEqual((await from('A: 1\r\nConnection: A\r\nHost: b\r\nContent-Length: 3\r\nSet-Cookie: c\r\nX-Request-Id: r\r\nServer: s\r\nAccess-Control-Allow-Origin: *\r\n')).trailers, { a: '1' });
  assert.equal((await from('A: 1\r\n'.repeat(101))).trailers, undefined);
  await assert.rejects(from(`A: ${'1'.repeat(5000)}\r\n`));
  assert.equal((await get('/health', {})).status, 200);
});

test('an answer that goes wrong behind its head leaves nothing for whoever asks next', async () => {
  bytes.script = 'HTTP/1.1 200 OK\r\nX-Secret: of one\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nbody\r\n0\r\n\r\n';
  for (let i = 0; i < 8; i++) {
    await get('/api/bytes/x').catch(() => {});
    const next = await Promise.all(Array.from({ length: 8 }, () => raw(node.port, 'GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')));
    for (const r of next) assert.ok(r.text.startsWith('HTTP/1.1 200') && !r.text.includes('X-Secret'), r.text);
  }
});

test('a table with mistakes stops the start and names them all', async () => {
  const bad = join(folder, 'bad.json');
  writeFileSync(bad, JSON.stringify({ upstreams: [{ name: 'A b', prefix: '/app', urls: 'ftp://x' }, { name: 'two', prefix: '/api/a', urls: 'http://a, https://b' }, { name: 'two', prefix: '/api/a', urls: 'http://x:1', pass: 'everything' }] }));
  const r = await run(['serve', '--port', '0', '--data', join(folder, 'data')], { env: { PROXY_FILE: bad, NODE_ENV: 'test' } });
  assert.notEqual(r.code, 0);
  for (const part of ['upstreams[0].name', 'upstreams[0].prefix', 'upstreams[0].urls', 'upstreams[1].urls', 'upstreams[2].name', 'upstreams[2].prefix', 'upstreams[2].pass']) assert.ok(r.err.includes(part), part);
  const doctor = await run(['doctor', '--data', join(folder, 'data')], { env: { PROXY_FILE: file, NODE_ENV: 'test' } });
  assert.match(doctor.out, /proxy +\/api\/shop goes to http:/);
});

test('the end of the server waits for what is with a service behind', async () => {
  const own = await start({ PROXY_FILE: file, WORLD: '' });
  const one = own.nodes[0];
  const answer = fetch(`${one.url}/api/open/x?wait=600`);
  await until('it is behind', async () => (await sleep(150), true));
  const end = own.stop();
  assert.equal((await answer).status, 200);
  assert.equal((await end).code, 0);
  await own.close();
});
