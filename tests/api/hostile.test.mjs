// hostile.test.mjs - requests that are wrong on purpose, to our server, to node's own and
// to nginx. Where both of those refuse, ours must; where ours takes a request, so must
// they: nobody may read a request as two that another reads as one.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { raw, root, sleep, start, statusOf, until } from './harness.mjs';

const H = 'Host: x\r\n';
const post = (fields, body = '') => `POST /internal/test/clock HTTP/1.1\r\n${H}Content-Type: application/json\r\n${fields}\r\n${body}`;
// A body that ours would take: so a 400 is for the framing alone.
const BODY = '{"advanceMs":0}', L = BODY.length, X = L.toString(16);
const get = (fields, path = '/health') => `GET ${path} HTTP/1.1\r\n${fields}\r\n`;

// name, bytes, what ours says; a list when several statuses are right.
const cases = [
  ['two equal Content-Length', post(`Content-Length: ${L}\r\nContent-Length: ${L}\r\n`, BODY), 400],
  ['two different Content-Length', post(`Content-Length: ${L}\r\nContent-Length: ${L + 1}\r\n`, BODY), 400],
  ['a list in Content-Length', post(`Content-Length: ${L}, ${L}\r\n`, BODY), 400],
  ['Content-Length and Transfer-Encoding', post(`Content-Length: ${L}\r\nTransfer-Encoding: chunked\r\n`, `${X}\r\n${BODY}\r\n0\r\n\r\n`), 400],
  ['Transfer-Encoding and Content-Length', post(`Transfer-Encoding: chunked\r\nContent-Length: ${L}\r\n`, `${X}\r\n${BODY}\r\n0\r\n\r\n`), 400],
  ['a signed Content-Length', post(`Content-Length: +${L}\r\n`, BODY), 400],
  ['a negative Content-Length', post(`Content-Length: -${L}\r\n`, BODY), 400],
  ['a hexadecimal Content-Length', post(`Content-Length: 0x${X}\r\n`, BODY), 400],
  ['an empty Content-Length', post('Content-Length:\r\n', '{}'), 400],
  ['a Content-Length beyond 64 bits', post('Content-Length: 99999999999999999999\r\n', '{}'), [400, 413]],
  ['an unknown coding', post('Transfer-Encoding: xchunked\r\n', `${X}\r\n${BODY}\r\n0\r\n\r\n`), [400, 501]],
  ['identity coding', post('Transfer-Encoding: identity\r\n', `${X}\r\n${BODY}\r\n0\r\n\r\n`), [400, 501]],
  ['chunked not last', post('Transfer-Encoding: chunked, gzip\r\n', `${X}\r\n${BODY}\r\n0\r\n\r\n`), [400, 501]],
  ['chunked twice', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', `${X}\r\n${BODY}\r\n0\r\n\r\n`), [400, 501]],
  ['a coding with a tab before it', post('Transfer-Encoding:\x0bchunked\r\n', `${X}\r\n${BODY}\r\n0\r\n\r\n`), [400, 501]],
  ['a chunk size with a sign', post('Transfer-Encoding: chunked\r\n', `+${X}\r\n${BODY}\r\n0\r\n\r\n`), 400],
  ['a chunk size with 0x', post('Transfer-Encoding: chunked\r\n', `0x${X}\r\n${BODY}\r\n0\r\n\r\n`), 400],
  ['a chunk size beyond 64 bits', post('Transfer-Encoding: chunked\r\n', `fffffffffffffffff\r\n${BODY}\r\n0\r\n\r\n`), [400, 413]],
  ['a chunk longer than it says', post('Transfer-Encoding: chunked\r\n', `1\r\n${BODY}\r\n0\r\n\r\n`), 400],
  ['a chunk that ends in a bare LF', post('Transfer-Encoding: chunked\r\n', `${X}\n${BODY}\n0\n\n`), 400],
  ['a space before the colon', get(`${H}X-A : b\r\n`), 400],
  ['a space in a name', get(`${H}X A: b\r\n`), 400],
  ['a field without a colon', get(`${H}X-A\r\n`), 400],
  ['a field without a name', get(`${H}: b\r\n`), 400],
  ['a folded field', get(`${H}X-A: b\r\n c\r\n`), 400],
  ['a fold on the first field', get(` X-A: b\r\n${H}`), 400],
  ['NUL in a value', get(`${H}X-A: b\0c\r\n`), 400],
  ['CR in a value', get(`${H}X-A: b\rc\r\n`), 400],
  ['NUL in a name', get(`${H}X\0A: b\r\n`), 400],
  ['a control letter in a value', get(`${H}X-A: b\x01c\r\n`), 400],
  ['lines that end in a bare LF', 'GET /health HTTP/1.1\nHost: x\n\n', 400],
  ['a bare LF among CRLF', `GET /health HTTP/1.1\r\n${H}X-A: b\nX-B: c\r\n\r\n`, 400],
  ['no Host', get(''), 400],
  ['two Host', get('Host: x\r\nHost: y\r\n'), 400],
  ['two equal Host', get('Host: x\r\nHost: x\r\n'), 400],
  ['a Host with a path', get('Host: x/y\r\n'), 400],
  ['HTTP/1.9', `GET /health HTTP/1.9\r\n${H}\r\n`, [400, 505]],
  ['HTTP/2.0', `GET /health HTTP/2.0\r\n${H}\r\n`, [400, 505]],
  ['HTTP/0.9', 'GET /health\r\n', [400, 505]],
  ['http in lower case', `GET /health http/1.1\r\n${H}\r\n`, [400, 505]],
  ['two spaces after the method', `GET  /health HTTP/1.1\r\n${H}\r\n`, 400],
  ['a space at the end of the line', `GET /health HTTP/1.1 \r\n${H}\r\n`, 400],
  ['a tab between the parts', `GET\t/health\tHTTP/1.1\r\n${H}\r\n`, 400],
  ['a target with a space', `GET /he alth HTTP/1.1\r\n${H}\r\n`, 400],
  ['a target without a slash', `GET health HTTP/1.1\r\n${H}\r\n`, 400],
  ['a method with a strange letter', `G@T /health HTTP/1.1\r\n${H}\r\n`, [400, 501]],
  ['a target with a raw NUL', `GET /hea\0lth HTTP/1.1\r\n${H}\r\n`, 400],
  ['too many fields', get(H + Array.from({ length: 120 }, (_, i) => `X-${i}: y\r\n`).join('')), [400, 431]],
  ['one field of 20 KB', get(`${H}X-A: ${'b'.repeat(20_000)}\r\n`), 431],
  ['a target of 20 KB', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\n${H}\r\n`, [414, 431]],
  ['a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  ['an HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400, 505]],
];

// What is right, however odd it looks: all three must take it.
const fine = [
  ['a plain request', get(H), 200],
  ['an empty value', get(`${H}X-A:\r\n`), 200],
  ['spaces around a value', get(`${H}X-A:   b  \r\n`), 200],
  ['an upper-case chunked', post('Transfer-Encoding: Chunked\r\nConnection: close\r\n', `${X}\r\n${BODY}\r\n0\r\n\r\n`), 200],
  ['a chunk extension', post('Transfer-Encoding: chunked\r\nConnection: close\r\n', `${X};a=b\r\n${BODY}\r\n0\r\n\r\n`), 200],
  ['a trailer', post('Transfer-Encoding: chunked\r\nConnection: close\r\n', `${X}\r\n${BODY}\r\n0\r\nX-A: b\r\n\r\n`), 200],
  ['leading zeros in Content-Length', post(`Content-Length: 00${L}\r\nConnection: close\r\n`, BODY), 200],
  ['an absolute target', `GET http://x/health HTTP/1.1\r\n${H}\r\n`, 200],
  ['HTTP/1.0 without Host', 'GET /health HTTP/1.0\r\n\r\n', 200],
];

let ours, nodes, nginx, nginxPort, dir;

const free = () => new Promise((done) => {
  const s = http.createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => done(port)); });
});

async function startNginx() {
  const binary = [join(root, 'build/nginx/usr/sbin/nginx'), '/usr/sbin/nginx'].find(existsSync);
  if (!binary) return;
  dir = mkdtempSync(join(tmpdir(), 'tickettoken-nginx-'));
  nginxPort = await free();
  writeFileSync(join(dir, 'nginx.conf'), `daemon off; error_log stderr; pid ${dir}/pid; master_process off;
events {} http { access_log off; client_body_temp_path ${dir}/a; proxy_temp_path ${dir}/b; fastcgi_temp_path ${dir}/c;
uwsgi_temp_path ${dir}/d; scgi_temp_path ${dir}/e; server { listen 127.0.0.1:${nginxPort}; location / { return 200 "ok"; } } }`);
  nginx = spawn(binary, ['-p', dir, '-c', join(dir, 'nginx.conf'), '-e', 'stderr'], { stdio: 'ignore' });
  for (let i = 0; i < 50 && statusOf(await raw(nginxPort, get(H), { quiet: 200 })) !== 200; i++) await sleep(100);
}

before(async () => {
  ours = await start();
  nodes = http.createServer((rq, rs) => { rq.resume(); rq.on('end', () => rs.end('ok')); });
  await new Promise((done) => nodes.listen(0, '127.0.0.1', done));
  await startNginx();
});

after(async () => {
  await ours.close();
  nodes.closeAllConnections();
  nodes.close();
  nginx?.kill('SIGKILL');
  if (dir) rmSync(dir, { recursive: true, force: true });
});

const ask = async (port, bytes) => statusOf(await raw(port, Buffer.from(bytes, 'latin1')));
// Refused: a 4xx or 5xx, or hung up without a word, or still waiting for more.
const refused = (status) => status === 0 || status >= 400;

test('nginx is there to compare with', () => assert.ok(nginx, './test fetches it'));

for (const [name, bytes, want] of cases) {
  test(`refused: ${name}`, async () => {
    const answer = await raw(ours.port, Buffer.from(bytes, 'latin1'), { quiet: 1500 });
    const wants = [want].flat();
    assert.ok(wants.includes(statusOf(answer)), `says ${statusOf(answer)}, not ${wants}: ${answer.text}`);
    assert.equal([...answer.text.matchAll(/HTTP\/1\.[01] \d{3} /g)].length, 1, 'one answer and no second');
    assert.ok(answer.closed, 'and closes, as nothing after it can be trusted');
  });
}

test('what a strict server takes, all take; what ours takes, strict ones take', async () => {
  for (const [name, bytes, want] of fine) {
    assert.equal(await ask(ours.port, bytes), want, `ours: ${name}`);
    assert.ok(!refused(await ask(nodes.address().port, bytes)), `node: ${name}`);
    assert.ok(!refused(await ask(nginxPort, bytes)), `nginx: ${name}`);
  }
});

test('what node or nginx refuses is refused here', async () => {
  for (const [name, bytes] of cases) {
    const [node, ngx, us] = await Promise.all([ask(nodes.address().port, bytes), ask(nginxPort, bytes), ask(ours.port, bytes)]);
    if (refused(node) || refused(ngx)) assert.ok(refused(us), `${name}: node ${node}, nginx ${ngx}, ours ${us}`);
  }
});

test('one address may not take all connections, and the others notice nothing', async (t) => {
  const few = await start({ CONNECTIONS_PER_ADDRESS: '20' });
  t.after(() => few.close());
  const open = (localAddress) => new Promise((done) => {
    const socket = net.connect({ port: few.port, host: '127.0.0.1', localAddress });
    socket.on('error', () => done({ socket, status: 0 }));
    socket.on('close', () => done({ socket, status: 0 }));
    socket.on('data', (text) => done({ socket, status: statusOf({ text: text.toString() }) }));
    socket.write(get(H));
  });
  const many = await Promise.all(Array.from({ length: 60 }, () => open('127.0.0.77')));
  assert.equal(many.filter((c) => c.status === 200).length, 20);
  assert.equal(many.filter((c) => c.status === 0).length, 40);
  const other = await open('127.0.0.78');
  assert.equal(other.status, 200);
  const metrics = await few.api('GET', '/metrics', { token: (await few.somebody('super_admin')).token });
  assert.equal(metrics.status, 200);
  assert.equal(Number(/^tickettoken_http_connections_dropped_total\{reason="address"\} (\d+)$/m.exec(metrics.text)?.[1]), 40);
  for (const c of many) c.socket.destroy();
  const freed = await until('its connections are free again', async () => { const c = await open('127.0.0.77'); return c.status === 200 && c; });
  freed.socket.destroy();
  other.socket.destroy();
});

test('the server is none the worse for it', async () => {
  assert.equal((await ours.api('GET', '/health/ready')).status, 200);
});
