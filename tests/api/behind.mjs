// behind.mjs - services that stand behind the server: real ones (node's http and https), and
// one that sends bytes as a test wrote them.
import { execFileSync } from 'node:child_process';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const listening = (server) => new Promise((done) => server.listen(0, '127.0.0.1', () => done(server.address().port)));

async function read(request) {
  const parts = [];
  for await (const p of request) parts.push(p);
  return Buffer.concat(parts);
}

// Says what it was asked; ?status=, ?bytes= and other words of the query make it do more.
const answer = (request, response) => reply(request, response).catch(() => response.destroy());   // who asked left

async function reply(request, response) {
  const q = new URL(request.url, 'http://x').searchParams;
  response.setMaxListeners(0);
  if (q.has('early')) return response.writeHead(413, { 'content-length': 5 }).end('large');
  if (q.has('hints')) response.writeEarlyHints({ link: '</style.css>; rel=preload' });
  const body = await read(request);
  if (q.has('wait')) await new Promise((done) => setTimeout(done, Number(q.get('wait'))));
  if (q.has('die')) {
    response.writeHead(200, { 'content-length': 100_000 });
    return response.write('x'.repeat(1000), () => request.socket.destroy());
  }
  if (q.has('bytes')) {
    const n = Number(q.get('bytes'));
    if (!q.has('chunked')) response.setHeader('content-length', n);
    for (let left = n; left > 0 && !response.destroyed; left -= 65536)
      if (!response.write(Buffer.alloc(Math.min(left, 65536), 'x')))
        await new Promise((done) => { response.once('drain', done); response.once('close', done); });
    return response.end();
  }
  for (const [name, value] of q) if (name.startsWith('h.')) response.setHeader(name.slice(2), value);
  response.statusCode = Number(q.get('status') ?? 200);
  if (q.has('trailer')) {
    response.setHeader('Trailer', 'Digest');
    response.write('body'.repeat(Number(q.get('trailer') || 1)));
    response.addTrailers({ Digest: 'abc', 'Set-Cookie': 'evil=1' });
    return response.end();
  }
  const said = { method: request.method, url: request.url, headers: request.headers, bytes: body.length,
    text: body.subarray(0, 100).toString(), trailers: request.trailers };
  response.end([204, 304].includes(response.statusCode) ? undefined : JSON.stringify(said));
}

class Behind {
  constructor(server, count) { Object.assign(this, { server, count }); }

  static async open(server) {
    const behind = new Behind(server, { connections: 0, requests: 0 });
    server.on('connection', () => { behind.count.connections += 1; });
    server.on('request', () => { behind.count.requests += 1; });
    behind.port = await listening(server);
    return behind;
  }

  close() { this.server.closeAllConnections?.(); this.server.close(); }
}

export const plain = () => Behind.open(http.createServer({ keepAliveTimeout: 60_000 }, answer));

// A certificate for localhost that its own authority has signed: {ca, key, cert} are files.
export function certificate(dir, name = 'localhost') {
  const file = (n) => join(dir, `${name}-${n}.pem`);
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
    '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`, '-keyout', file('key'), '-out', file('cert')], { stdio: 'ignore' });
  return { ca: file('cert'), key: file('key'), cert: file('cert') };
}

export const secure = (c, more = {}) => Behind.open(https.createServer({ key: readFileSync(c.key), cert: readFileSync(c.cert), ...more }, answer));

// Takes a whole head (and body, by its length) and sends what `script` says: bytes, or a
// function of the socket and the request's text.
export async function scripted() {
  const behind = await Behind.open(net.createServer());
  behind.script = '';
  behind.seen = [];
  behind.server.on('connection', (socket) => {
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (d) => {
      text += d.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
      if (end < 0 || text.length < end + 4 + length) return;
      const request = text;
      text = '';
      behind.seen.push(request);
      if (typeof behind.script === 'function') behind.script(socket, request);
      else socket.end(Buffer.from(behind.script, 'latin1'));
    });
  });
  return behind;
}

// A port where nobody listens.
export async function nobody() {
  const server = net.createServer(), port = await listening(server);
  await new Promise((done) => server.close(done));
  return port;
}
