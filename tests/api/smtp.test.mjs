// smtp.test.mjs - letters through a relay that nobody here wrote, in the clear and by TLS.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { SMTPServer } from 'smtp-server';
import { start, until } from './harness.mjs';

const USER = 'shop@relay', WORD = 'p@ss:word/1';
const login = `${encodeURIComponent(USER)}:${encodeURIComponent(WORD)}@`;
let dir, ca, key, cert, open = [];

before(() => {
  dir = mkdtempSync(join(tmpdir(), 'tickettoken-smtp-'));
  ca = join(dir, 'ca.pem');
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
    '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', join(dir, 'key.pem'), '-out', ca], { stdio: 'ignore' });
  key = readFileSync(join(dir, 'key.pem'));
  cert = readFileSync(ca);
});
after(async () => {
  for (const close of open.reverse()) await close();
  rmSync(dir, { recursive: true, force: true });
});

// A relay that keeps what it gets: {port, got, sessions}.
async function relay(options) {
  const got = [], state = { got, failing: 0 };
  const server = new SMTPServer({ logger: false, closeTimeout: 200, key, cert, authOptional: true, ...options,
    onAuth: (auth, session, done) => (auth.username === USER && auth.password === WORD
      ? done(null, { user: USER }) : done(new Error('no such user'))),
    onData: (stream, session, done) => {
      let text = '';
      stream.on('data', (d) => { text += d; });
      stream.on('end', () => {
        if (state.failing-- > 0) return done(Object.assign(new Error('later'), { responseCode: 451 }));
        got.push({ text, secure: session.secure, user: session.user, to: session.envelope.rcptTo.map((r) => r.address),
          from: session.envelope.mailFrom.address });
        done();
      });
    } });
  server.on('error', () => {});
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  state.port = server.server.address().port;
  open.push(() => new Promise((done) => server.close(done)));
  return state;
}

async function shop(url, more = {}) {
  const s = await start({ MAIL_URL: url, ...more });
  open.push(() => s.close());
  return s;
}

test('a letter goes by TLS with a login, in text and HTML, and its link is good', async () => {
  const [late, first] = [await relay({}), await relay({ secure: true })];
  for (const [url, r] of [[`smtp://${login}localhost:${late.port}?ca=${ca}`, late], [`smtps://${login}localhost:${first.port}?ca=${ca}`, first]]) {
    const s = await shop(url), p = await s.register();
    const letter = await until('the relay has it', () => r.got[0]);
    assert.deepEqual([letter.secure, letter.user, letter.to, letter.from], [true, USER, [p.email], 'tickets@localhost'], url);
    assert.match(letter.text, /multipart\/alternative[^]*text\/plain[^]*text\/html/);
    const text = letter.text.replace(/=\r\n/g, '').replace(/=3D/g, '=');
    const token = /verify-email\?token=([\w-]{64})/.exec(text)[1];
    await s.must(200, 'POST', '/auth/verify-email', { body: { token } });
    assert.ok(!s.log.includes(WORD) && !s.log.includes('p%40ss'), 'the password is in no log');
  }
});

test('a relay that says "later" is asked again', async () => {
  const r = await relay({ hideSTARTTLS: true }), s = await shop(`smtp://localhost:${r.port}`);
  r.failing = 2;
  await s.register();
  await until('the third try', () => r.got.length === 1);
  assert.equal(r.got[0].secure, false, 'without a password to show, TLS is taken when it is offered');
});

test('no password goes over a line in the clear, to a stranger, or to who has another name', async () => {
  const clear = await relay({ hideSTARTTLS: true, allowInsecureAuth: true }), r = await relay({});
  const shops = await Promise.all([shop(`smtp://${login}localhost:${clear.port}`), shop(`smtp://${login}localhost:${r.port}`),
    shop(`smtp://${login}127.0.0.1:${r.port}?ca=${ca}`), shop(`smtp://${encodeURIComponent(USER)}:wrong@localhost:${r.port}?ca=${ca}`)]);
  for (const s of shops) {
    await s.register();                       // nobody who registers waits for it, or hears of it
    await until('it is logged', () => s.log.includes('letter not handed over'));
  }
  assert.deepEqual([clear.got.length, r.got.length], [0, 0]);
});
