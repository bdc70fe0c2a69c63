// proxy-hostile.test.mjs - a client, or a service behind, that means harm: to the service behind,
// to the other clients, or to the thread that carries them all.
// With RACE_CONTROL=1 (make CONTROL=1) a POST must be seen twice, and no limit be felt.
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import * as jose from 'jose';
import { certificate, plain, scripted } from './behind.mjs';
import { control } from './crowd.mjs';
import { raw, sleep, start, statusOf, TENANT } from './harness.mjs';

const folder = mkdtempSync(join(tmpdir(), 'tickettoken-hostile-'));
const behind = await plain(), bytes = await scripted(), own = certificate(folder);
const url = (b) => `http://127.0.0.1:${b.port}`;
const open = { access: 'open' }, long = `/api/${'l'.repeat(195)}`;
const upstreams = [
  { name: 'shop', prefix: '/api/shop', urls: url(behind) },
  { name: 'open', prefix: '/api/open', urls: url(behind), ...open },
  { name: 'keys', prefix: '/api/keys', urls: url(behind), ...open, pass: 'authorization' },
  { name: 'bytes', prefix: '/api/bytes', urls: url(bytes), ...open, breakerFailures: 100_000 },
  { name: 'long', prefix: long, urls: url(bytes), ...open },
  { name: 'touchy', prefix: '/api/touchy', urls: url(behind), ...open, idleMs: 200, breakerFailures: 3, breakerOpenMs: 60_000 },
  { name: 'mute', prefix: '/api/mute', urls: url(bytes), ...open, idleMs: 200, breakerFailures: 3, breakerOpenMs: 60_000 },
  { name: 'probed', prefix: '/api/probed', urls: url(bytes), ...open, breakerFailures: 3, breakerOpenMs: 1000 },
];
const file = join(folder, 'proxy.json');
writeFileSync(file, JSON.stringify({ upstreams }));

// An issuer of other tokens that never says its keys.
const silent = http.createServer(() => {});
await new Promise((done) => silent.listen(0, '127.0.0.1', done));
const issuers = join(folder, 'issuers.json'), ISSUER = 'https://id.example';
writeFileSync(issuers, JSON.stringify({ issuers: [{ issuer: ISSUER, audience: 'tickettoken', tenant: TENANT, jwksUrl: `${url(silent.address())}/jwks` }] }));

const base = { PROXY_FILE: file, SERVICE_SECRET: randomBytes(24).toString('hex') };
let server, node;
before(async () => {
  server = await start({ ...base, ISSUERS_FILE: issuers, TRUSTED_PROXIES: '127.0.0.1' });
  node = server.nodes[0];
});
after(async () => {
  await server.close();
  for (const b of [behind, bytes]) b.close();
  silent.closeAllConnections();
  silent.close();
  rmSync(folder, { recursive: true, force: true });
});

const get = (path, options = {}) => server.api('GET', path, { node, ...options });
const ask = (text) => raw(node.port, text);
const said = (r) => JSON.parse(/\{.*\}/s.exec(r.text)[0]);

test('who promises a body and does not send it is late himself, and opens no breaker', async () => {
  bytes.script = () => assert.fail('no body came');
  for (const path of ['/api/touchy/x', '/api/mute/x']) {   // one says 100, the other waits
    const all = await Promise.all(Array.from({ length: 6 }, () => ask(`POST ${path} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`)));
    for (const r of all) assert.match(r.text, /HTTP\/1.1 (408|504) /);
    if (path === '/api/touchy/x') assert.equal((await get(path)).status, 200);
  }
  bytes.script = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
  assert.equal((await get('/api/mute/x')).text, 'ok');
});

test('a probe that lasts keeps nobody else out for longer than the breaker would', async () => {
  bytes.script = 'HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n';
  for (let i = 0; i < 3; i++) assert.equal((await get('/api/probed/x')).status, 503);
  bytes.script = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
  await sleep(1100);
  const slow = net.connect(node.port, '127.0.0.1');
  slow.on('error', () => {}).write('POST /api/probed/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc');
  await sleep(100);
  assert.equal((await get('/api/probed/x')).status, 503);
  await sleep(1100);
  assert.equal((await get('/api/probed/x')).status, 200);
  assert.equal((await get('/api/probed/x')).status, 200);
  slow.destroy();
});

test('no field frames a body, names an asker or carries a key under another spelling', async () => {
  const lies = ['Transfer_Encoding: chunked', 'Content_Length: 3', 'Proxy: http://evil', 'X-API-Key: k', 'X_Api_Key: k', 'Remote-User: a', 'Remote_User: a',
    'X-Remote-User: a', 'X-Authenticated-User: a', 'X-Auth-Request-Email: a', 'X-SSL-Client-Verify: SUCCESS', 'Ssl_Client_Verify: SUCCESS', 'X-Client-Cert: c',
    'CF-Connecting-IP: 6.6.6.6', 'X-Cluster-Client-IP: 6.6.6.6', 'Fastly-Client-IP: 6.6.6.6', 'X-Envoy-External-Address: 6.6.6.6', 'X_Forwarded_For: 6.6.6.6',
    'X-Host: evil', 'X-Accel-Redirect: /etc', 'X-Sendfile: /etc', 'Client-IP: 6.6.6.6', 'Client_Ip: 6.6.6.6', 'Proxy-Client-IP: 6.6.6.6', 'WL-Proxy-SSL: true',
    'X-Originating-IP: 6.6.6.6', 'CF-Connecting-IPv6: ::6', 'Fly-Client-IP: 6.6.6.6', 'X-Azure-ClientIP: 6.6.6.6', 'X-Scheme: https', 'Front-End-Https: on',
    'X-HTTP-Host-Override: evil', 'X-Script-Name: /admin', 'X-WebAuth-User: a', 'X-Goog-Authenticated-User-Email: a', 'X-MS-Client-Principal: a',
    'X-Amzn-OIDC-Identity: a', 'Impersonate-User: a', 'X-Scope-OrgID: a', 'X-Jwt-Assertion: a', 'X-Role: admin', 'X-Roles: admin', 'X-Scopes: all'];
  const before_ = await said(await ask('POST /api/open/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi'));
  const r = said(await ask(`POST /api/open/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n${lies.join('\r\n')}\r\n\r\nhi`));
  assert.deepEqual(Object.keys(r.headers).sort(), Object.keys(before_.headers).sort());
  const kept = said(await ask('GET /api/keys/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-API-Key: k\r\n\r\n'));
  assert.equal(kept.headers['x-api-key'], 'k');
  bytes.script = 'HTTP/1.1 200 OK\r\nX-Accel-Redirect: /secret\r\nX-Sendfile: /etc/passwd\r\nX_Accel_Buffering: no\r\nContent-Length: 2\r\n\r\nok';
  const back = await get('/api/bytes/x');
  for (const gone of ['x-accel-redirect', 'x-sendfile', 'x_accel_buffering']) assert.equal(back.headers.get(gone), null, gone);
});

test('an answer may grow on its way: a hundred places that are told anew', async () => {
  bytes.script = `HTTP/1.1 200 OK\r\n${'Location: /\r\n'.repeat(97)}Content-Length: 2\r\n\r\nok`;
  for (let i = 0; i < 3; i++) {
    const r = await ask(`GET ${long}/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    assert.equal(statusOf(r), 200);
    assert.equal(r.text.split(`Location: ${long}/\r\n`).length, 98);
    assert.ok(r.text.endsWith('\r\n\r\nok'));
  }
});

test('a token whose issuer is silent holds up nobody else', async () => {
  const { privateKey } = await jose.generateKeyPair('ES256');
  const iat = Math.floor(await server.now() / 1000);
  const token = await new jose.SignJWT({ iss: ISSUER, aud: 'tickettoken', sub: 'x', iat, exp: iat + 600 }).setProtectedHeader({ alg: 'ES256', kid: randomUUID() }).sign(privateKey);
  let settled = 0;
  const asked = Array.from({ length: 8 }, () => get('/api/shop/x', { token }).finally(() => { settled++; }));
  await sleep(50);
  const times = await Promise.all(Array.from({ length: 16 }, async () => {
    const begun = Date.now();
    assert.equal(statusOf(await ask('GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')), 200);
    return Date.now() - begun;
  }));
  assert.ok(settled === 0 || Math.max(...times) < 2000, `${Math.max(...times)} ms`);
  silent.closeAllConnections();
  for (const r of await Promise.all(asked)) assert.ok([502, 504].includes(r.status), r.status);
});

test('a load balancer of ours says who asked, and only what can be said', async () => {
  const from = async (more) => said(await ask(`GET /api/open/x HTTP/1.1\r\nHost: inner:1\r\nConnection: close\r\n${more}\r\n\r\n`)).headers;
  let h = await from('X-Forwarded-For: 6.6.6.6, 203.0.113.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example');
  assert.deepEqual([h['x-forwarded-for'], h['x-forwarded-proto'], h['x-forwarded-host']], ['203.0.113.7, 127.0.0.1', 'https', 'shop.example']);
  assert.equal(h.forwarded, 'for=203.0.113.7;proto=https;host="shop.example", for=127.0.0.1');
  h = await from('X-Forwarded-For: 2001:db8::7\r\nX-Forwarded-Proto: gopher\r\nX-Forwarded-Host: a";for=6.6.6.6;x="');
  assert.equal(h.forwarded, 'for="[2001:db8::7]";proto=http;host="inner:1", for=127.0.0.1');
  assert.deepEqual([h['x-forwarded-proto'], h['x-forwarded-host']], ['http', 'inner:1']);
  h = await from('X-Forwarded-For: nonsense\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil');
  assert.deepEqual([h['x-forwarded-for'], h['x-forwarded-proto'], h['x-forwarded-host']], ['127.0.0.1', 'http', 'inner:1']);
  assert.equal(h.forwarded, 'for=127.0.0.1;proto=http;host="inner:1"');
  h = await from('Forwarded: for=6.6.6.6\r\nX-Forwarded-For: 203.0.113.9, 127.0.0.1');
  assert.equal(h['x-forwarded-for'], '203.0.113.9, 127.0.0.1');
});

test('answers without a body leave their connection good for the next one', async () => {
  const answers = ['HTTP/1.1 204 No\r\n\r\n', 'HTTP/1.1 304 Same\r\nContent-Length: 500\r\nETag: "a"\r\n\r\n', 'HTTP/1.1 304 Same\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 'HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n'];
  for (const answer of answers) {
    bytes.script = (socket) => socket.write(answer);
    const r = await ask('GET /api/bytes/x HTTP/1.1\r\nHost: a\r\n\r\nGET /api/open/next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    assert.equal(r.text.split('HTTP/1.1 ').length, 3, answer);
    assert.equal(said(r).url, '/next');
  }
  for (const answer of ['HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', 'HTTP/1.1 200 OK\r\n\r\n']) {
    bytes.script = (socket) => socket.write(answer);
    const r = await ask('HEAD /api/bytes/x HTTP/1.1\r\nHost: a\r\n\r\nGET /api/open/next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    assert.equal(r.text.split('HTTP/1.1 ').length, 3, answer);
    assert.equal(said(r).url, '/next');
  }
  bytes.script = `${'HTTP/1.1 103 Hints\r\n\r\n'.repeat(40)}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n`;
  assert.match((await ask('GET /api/bytes/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).text, /HTTP\/1.1 502 /);
});

test('what an answer brings too much is nobody\'s answer, and a body behind a refusal is no request', async () => {
  bytes.script = (socket) => { socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'); setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'), 30); };
  for (let i = 0; i < 5; i++) { assert.equal((await get('/api/bytes/x')).text, 'ok'); await sleep(60); }
  const inner = 'GET /api/open/smuggled HTTP/1.1\r\nHost: a\r\n\r\n', before_ = behind.count.requests;
  for (const head of ['POST /api/shop/x', 'POST /api/open/a;b', 'POST /api/none/x', 'POST /api/open/x?early']) {
    const r = await ask(`${head} HTTP/1.1\r\nHost: a\r\nContent-Length: ${inner.length}\r\n\r\n${inner}GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    assert.ok(!r.text.includes('smuggled'), head);
  }
  assert.ok(behind.count.requests <= before_ + 1);
});

test('a POST without a body is not sent twice either, though its connection was stale', async () => {
  let asked = [];
  const dies = (socket, request) => { asked.push(request.split(' ')[0]); socket.destroy(); };
  for (const [method, times] of [['POST', control ? 2 : 1], ['PATCH', control ? 2 : 1], ['DELETE', 2]]) {
    bytes.script = (socket) => { socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'); bytes.script = dies; };
    asked = [];
    const r = await ask(`GET /api/bytes/x HTTP/1.1\r\nHost: a\r\n\r\n${method} /api/bytes/x HTTP/1.1\r\nHost: a\r\n${method === 'DELETE' ? '' : 'Content-Length: 0\r\n'}Connection: close\r\n\r\n`);
    assert.match(r.text, /HTTP\/1.1 502 /);
    assert.ok(asked.length === times, `${method}: ${asked.length}`);
  }
});

test('one person or one address asks only so often, and pays for nobody else', async () => {
  const paced = await start({ ...base, RATE_LIMITS: 'on', RATE_LIMIT_REGISTER: '100', RATE_LIMIT_PROXY: '5', RATE_LIMIT_PROXY_ADDRESS: '20', TRUSTED_PROXIES: '127.0.0.1' });
  const at = paced.nodes[0], one = await paced.register(), two = await paced.register();
  const call = (token, from, path = '/api/shop/x') => paced.api('GET', path, { node: at, token, headers: { 'x-forwarded-for': from } });
  const codes = async (n, ...how) => { const all = []; for (let i = 0; i < n; i++) all.push((await call(...how)).status); return all; };
  assert.deepEqual(await codes(6, one.token, '203.0.113.1'), [200, 200, 200, 200, 200, control ? 200 : 429]);
  if (control) return paced.close();
  const r = await call(one.token, '203.0.113.2');
  assert.deepEqual([r.status, r.body.code], [429, 'RATE_LIMIT_EXCEEDED']);
  assert.ok(Number(r.headers.get('retry-after')) >= 1 && Number(r.headers.get('retry-after')) <= 12);
  assert.deepEqual(await codes(1, two.token, '203.0.113.1'), [200]);
  const crowd = await codes(22, undefined, '2001:db8:1:2::7', '/api/open/x');
  assert.deepEqual([crowd.filter((c) => c === 200).length, crowd.at(-1)], [20, 429]);
  assert.equal((await call(undefined, '2001:db8:1:2::8', '/api/open/x')).status, 429);      // of the same /64
  assert.equal((await call(undefined, '2001:db8:1:3::8', '/api/open/x')).status, 200);
  assert.equal((await call('no.such.token', '203.0.113.9')).status, 401);
  await paced.close();
});

test('HTTP/2 says its words only in their place, and a hundred fields come down', async () => {
  const over = await start({ ...base, TLS_CERT_FILE: own.cert, TLS_KEY_FILE: own.key });
  const client = http2.connect(over.nodes[0].url, { ca: readFileSync(own.cert), servername: 'localhost' });
  const one = (headers, body) => new Promise((done, no) => {
    const s = client.request(headers), parts = [];
    s.on('response', (h) => { s.head = h; }).on('data', (d) => parts.push(d)).on('error', no).on('close', () => done({ head: s.head, text: Buffer.concat(parts).toString() }));
    s.end(body);
  });
  const r = await one({ ':path': '/api/open/x', 'x-odd': 'a:method: HEAD' });
  assert.equal(JSON.parse(r.text).headers['x-odd'], 'a:method: HEAD');
  const odd = await one({ ':path': '/api/open/x', ':method': 'POST', 'transfer_encoding': 'chunked', 'content_length': '1', expect: '100-continue' }, 'hello');
  assert.deepEqual([JSON.parse(odd.text).text, JSON.parse(odd.text).headers.transfer_encoding], ['hello', undefined]);
  bytes.script = `HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(99)}Content-Length: 2\r\n\r\nok`;
  assert.equal((await one({ ':path': '/api/bytes/x' })).text, 'ok');
  bytes.script = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: X-Inner\r\nX-Inner: a\r\n\r\n2\r\nok\r\n0\r\nDigest: a\r\n\r\n`;
  const chunks = await one({ ':path': '/api/bytes/x' });
  assert.deepEqual([chunks.text, chunks.head['x-inner'], chunks.head['transfer-encoding']], ['ok', undefined, undefined]);
  client.close();
  await over.close();
});
