// http2.test.mjs - HTTP/2 under TLS through clients nobody here wrote: curl, Node.js' http2,
// h2load, and Chromium, whose tabs share one connection. And certificates that change.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomUUID, X509Certificate } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { Browser, chromium } from './authenticator.mjs';
import { PASSWORD, sleep, start, until } from './harness.mjs';

process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';   // the harness asks with fetch()
process.removeAllListeners('warning');

const dir = mkdtempSync(join(tmpdir(), 'tickettoken-h2-'));
const cert = join(dir, 'cert.pem'), key = join(dir, 'key.pem');

// A certificate of its own authority, in place at once, as certbot does it.
function certify(name) {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
    '-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key + '.new', '-out', cert + '.new'], { stdio: 'ignore' });
  renameSync(key + '.new', key);
  renameSync(cert + '.new', cert);
}

let server, url, node;
const given = { TLS_CERT_FILE: cert, TLS_KEY_FILE: key, SSE_HEARTBEAT: '1s', SSE_MAX_PER_USER: '20' };
before(async () => {
  certify('first');
  server = await start(given);
  [node] = server.nodes;
  url = node.url;
});
after(async () => {
  await server.close();
  rmSync(dir, { recursive: true, force: true });
});

const curl = (...args) => spawnSync('curl', ['-sk', '--max-time', '10', ...args], { encoding: 'utf8' }).stdout;
const version = '%{http_version} %{http_code}';

// A session of Node.js' own client.
function connect(to = url) {
  const session = http2.connect(to, { rejectUnauthorized: false });
  session.goaways = [];
  session.on('goaway', (code) => session.goaways.push(code));
  session.on('error', () => {});
  return session;
}

function ask(session, fields, body) {
  return new Promise((done, no) => {
    const s = session.request({ ':path': '/', ...fields }, { endStream: body === undefined });
    let head, text = '';
    s.on('response', (h) => { head = h; });
    s.setEncoding('utf8').on('data', (d) => { text += d; });
    s.on('error', no);
    const whole = () => done({ status: head?.[':status'], head, text, body: head?.['content-type']?.includes('json') && text ? JSON.parse(text) : undefined });
    s.on('close', whole);
    if (body !== undefined) s.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
}

const post = (session, path, body, fields = {}) => ask(session, { ':method': 'POST', ':path': path, 'content-type': 'application/json', ...fields }, body);
const get = (session, path, fields = {}) => ask(session, { ':path': path, ...fields });

// An event stream: what it has heard as text.
function listen(session, token, fields = {}) {
  const s = session.request({ ':path': '/events/stream', accept: 'text/event-stream', authorization: `Bearer ${token}`, ...fields });
  const live = { s, text: '', ended: false };
  s.setEncoding('utf8').on('data', (d) => { live.text += d; });
  s.on('error', () => {}).on('close', () => { live.ended = true; });
  live.hears = (part) => until(`hears ${part}`, () => live.text.includes(part));
  return live;
}

test('curl is answered in HTTP/2, and in HTTP/1.1 when it asks for that', () => {
  assert.equal(curl('--http2', '-o', '/dev/null', '-w', version, `${url}/health`), '2 200');
  assert.equal(curl('--http1.1', '-o', '/dev/null', '-w', version, `${url}/health`), '1.1 200');
  assert.equal(curl('--http2', '-I', '-o', '/dev/null', '-w', version, `${url}/health`), '2 200');
  assert.equal(curl('--http2', '-o', '/dev/null', '-w', version, `${url}/nothing/here`), '2 404');
  assert.match(curl('--http2', '-H', 'content-type: application/json', '-d', '{"email":1}', `${url}/auth/register`), /"code":"VALIDATION_ERROR"/);
  assert.equal(curl('--http2', '-H', 'expect: 100-continue', '-H', 'content-type: application/json', '-d', '{', '-o', '/dev/null', '-w', version, `${url}/auth/login`), '2 400');
});

test('a sale goes through one connection, a hundred requests at once', async () => {
  const session = connect();
  const sale = await server.sale({ quantity: 50 });
  const email = `h2-${randomUUID()}@example.com`;
  const made = await post(session, '/auth/register', { email, password: PASSWORD, firstName: 'Ada', lastName: 'Byron' });
  assert.equal(made.status, 201, made.text);
  const authorization = `Bearer ${made.body.tokens.accessToken}`;
  const held = await Promise.all(Array.from({ length: 100 }, () => post(session, '/api/v1/tickets/purchase',
    { eventId: sale.event.id, tickets: [{ ticketTypeId: sale.type.id, quantity: 1 }] }, { authorization })));
  assert.equal(held.filter((r) => r.status === 201).length, 50);
  assert.equal(held.filter((r) => r.status === 409).length, 50);
  const [me, nobody] = await Promise.all([get(session, '/auth/me', { authorization }), get(session, '/auth/me')]);
  assert.equal(me.body.user?.email ?? me.body.email, email);
  assert.equal(nobody.status, 401);
  assert.equal(me.head['x-content-type-options'], 'nosniff');
  assert.equal(me.head.connection, undefined);
  session.close();
});

test('a large body is refused while it comes, and the connection stays', async () => {
  for (let i = 0; i < 20; i++) {
    const session = connect();
    const huge = await post(session, '/auth/login', 'x'.repeat(3 << 20)).catch((e) => ({ status: e.code }));
    assert.equal(huge.status, 413);
    assert.equal((await get(session, '/health')).status, 200);
    session.close();
  }
  const session = connect();
  assert.equal((await get(session, '/health', { 'x-long': 'y'.repeat(20000) })).status, 431);
  assert.equal((await get(session, '/health')).status, 200);
  session.close();
});

test('event streams share a connection, each with its own cursor, and resume', async () => {
  const session = connect(), sale = await server.sale({ quantity: 100 });
  const [ada, bob] = [await server.register(), await server.register()];
  const lives = [listen(session, ada.token), listen(session, ada.token), listen(session, bob.token)];
  await Promise.all(lives.map((l) => l.hears('event: connected')));
  await server.buy(ada, sale, 1);
  await Promise.all(lives.slice(0, 2).map((l) => l.hears('event: order.completed')));
  assert.ok(!lives[2].text.includes('order.'));
  assert.ok(!lives[0].text.includes('event: order.expired'));
  const ids = [...lives[0].text.matchAll(/^id: (\d+)$/gm)].map((m) => Number(m[1]));
  assert.deepEqual([...lives[1].text.matchAll(/^id: (\d+)$/gm)].map((m) => Number(m[1])), ids);
  lives[0].s.close(http2.constants.NGHTTP2_CANCEL);
  await server.buy(ada, sale, 1);
  await until('the second order is there', () => lives[1].text.split('event: order.completed').length === 3);
  const again = listen(session, ada.token, { 'last-event-id': String(ids.at(-1)) });
  await again.hears('event: order.completed');
  const since = (l) => [...l.text.matchAll(/^id: (\d+)\nevent: (\S+)/gm)].filter((m) => m[2] !== 'connected' && Number(m[1]) > ids.at(-1)).map((m) => m[0]);
  assert.ok(since(again).length >= 5);
  assert.deepEqual(since(again), since(lives[1]));
  await lives[2].hears(': ping');
  assert.equal((await get(session, '/health')).status, 200);
  session.destroy();
});

test('h2load is answered every time', { skip: !existsSync('/usr/bin/h2load') && 'no h2load here' }, () => {
  const { stdout } = spawnSync('h2load', ['-n', '5000', '-c', '5', '-m', '50', `${url}/health`], { encoding: 'utf8' });
  assert.match(stdout, /Application protocol: h2/);
  assert.match(stdout, /status codes: 5000 2xx, 0 3xx, 0 4xx, 0 5xx/);
});

test('who resets what he asks for is told to calm down', async () => {
  const session = connect();
  await get(session, '/health');
  for (let i = 0; i < 5000 && !session.goaways.length && !session.destroyed; i++) {
    const s = session.request({ ':path': '/.well-known/jwks.json' });
    s.on('error', () => {});
    s.close(http2.constants.NGHTTP2_CANCEL);
    if (i % 50 === 0) await sleep(1);
  }
  await until('it is told', () => session.goaways.length || session.destroyed);
  assert.deepEqual(session.goaways, [http2.constants.NGHTTP2_ENHANCE_YOUR_CALM]);
  assert.equal(curl('--http2', '-o', '/dev/null', '-w', version, `${url}/health`), '2 200');
});

// `count` tabs of one browser, each with an event stream; and what they hear.
async function tabs(count, at, token) {
  const browser = new Browser();
  browser.origin = `${at}/health`;
  browser.page = { close() {} };
  await browser.open('--ignore-certificate-errors');
  const evaluate = async (sessionId, expression) => {
    const { result } = await browser.ask('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true }, sessionId);
    return result.value;
  };
  try {
    const sessions = [];
    for (let i = 0; i < count; i++) {
      const { targetId } = await browser.ask('Target.createTarget', { url: `${at}/health` }, null);
      sessions.push((await browser.ask('Target.attachToTarget', { targetId, flatten: true }, null)).sessionId);
    }
    for (const s of sessions) {
      await until('the tab is there', () => evaluate(s, "document.readyState === 'complete' && location.protocol === 'https:'"));
      await evaluate(s, `(window.heard = [], window.live = new EventSource('/events/stream?token=${await token()}'),
        live.addEventListener('connected', (e) => heard.push(e.type)), live.addEventListener('ticket.issued', (e) => heard.push(e.type)), 1)`);
    }
    const protocol = await evaluate(sessions[0], "performance.getEntriesByType('navigation')[0].nextHopProtocol");
    const heard = async (name) => (await Promise.all(sessions.map((s) => evaluate(s, `heard.includes('${name}')`)))).filter(Boolean).length;
    const answered = () => evaluate(sessions[0], "fetch('/health', { signal: AbortSignal.timeout(2000) }).then((r) => r.status, () => 'waits')");
    return { protocol, heard, answered, close: () => browser.close() };
  } catch (e) {
    await browser.close();
    throw e;
  }
}

const tokensOf = (s, person, n) => async () => (await s.must(200, 'POST', '/events/token', { token: person.token, node: n })).token;

test('a browser has more than six tabs with a stream each', { skip: !chromium && 'no chromium here' }, async () => {
  const person = await server.register(), sale = await server.sale({ quantity: 10 });
  const eight = await tabs(8, url.replace('127.0.0.1', 'localhost'), tokensOf(server, person, node));
  try {
    assert.equal(eight.protocol, 'h2');
    await until('all are connected', async () => await eight.heard('connected') === 8);
    await server.buy(person, sale, 1);
    await until('all hear it', async () => await eight.heard('ticket.issued') === 8);
    assert.equal(await eight.answered(), 200);
  } finally {
    await eight.close();
  }
});

test('without HTTP/2 six tabs hold up every other request, which is why it is there', { skip: !chromium && 'no chromium here' }, async (t) => {
  const old = await start({ ...given, HTTP2: 'off' });
  t.after(() => old.close());
  const [n] = old.nodes, person = await old.register();
  assert.equal(curl('--http2', '-o', '/dev/null', '-w', version, `${n.url}/health`), '1.1 200');
  const six = await tabs(6, n.url.replace('127.0.0.1', 'localhost'), tokensOf(old, person, n));
  try {
    assert.equal(six.protocol, 'http/1.1');
    await until('six are connected', async () => await six.heard('connected') === 6);
    assert.equal(await six.answered(), 'waits');
  } finally {
    await six.close();
  }
});

// The name in the certificate that a new connection is shown.
const shown = () => new Promise((done, no) => {
  const s = tls.connect({ port: node.port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] }, () => {
    done(/CN=(\S+)/.exec(new X509Certificate(s.getPeerCertificate().raw).subject)[1]);
    s.destroy();
  });
  s.on('error', no);
});

test('a new certificate is shown to new connections, and old ones go on', async () => {
  const person = await server.register(), session = connect(), live = listen(session, person.token);
  await live.hears('event: connected');
  assert.equal(await shown(), 'first');
  certify('second');
  node.child.kill('SIGHUP');
  await until('the second is shown', async () => await shown() === 'second');
  assert.equal((await get(session, '/health')).status, 200);
  assert.equal(live.ended, false);
  writeFileSync(cert, 'no certificate');
  node.child.kill('SIGHUP');
  await until('the log says so', () => node.log.includes('the certificate that was there stays'));
  assert.equal(await shown(), 'second');
  assert.equal((await get(session, '/health')).status, 200);
  certify('third');                                // and nobody says anything
  await until('it is seen', async () => await shown() === 'third');
  session.destroy();
});

test('an end in order says goodbye, finishes and reconnects streams elsewhere', async (t) => {
  const leaving = await start({ ...given, LOGIN_FLOOR_MS: '800' });
  t.after(() => leaving.close());
  const [n] = leaving.nodes, session = connect(n.url), person = await leaving.register();
  const live = listen(session, person.token);
  await live.hears('event: connected');
  const slow = post(session, '/auth/login', { email: person.email, password: PASSWORD });
  await sleep(200);
  n.child.kill('SIGTERM');
  await live.hears('event: reconnect');
  assert.equal((await slow).status, 200);
  await until('the session has ended', () => session.destroyed);
  assert.deepEqual([...new Set(session.goaways)], [http2.constants.NGHTTP2_NO_ERROR]);
  assert.equal((await n.ended).code, 0);
});
