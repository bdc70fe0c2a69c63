// letters.test.mjs - a letter that was promised comes, whatever dies in between.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SMTPServer } from 'smtp-server';
import { cluster, PASSWORD, sleep, start, until } from './harness.mjs';

const open = [];
after(async () => { for (const close of open.reverse()) await close(); });

async function shop(env) {
  const s = await start(env);
  open.push(() => s.close());
  return s;
}

const freePort = () => new Promise((done) => {
  const s = net.createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => done(port)); });
});

// A relay that keeps what it gets, or says "later" to all.
async function relay(port, { away = false } = {}) {
  const got = [];
  const server = new SMTPServer({ logger: false, closeTimeout: 200, authOptional: true, hideSTARTTLS: true,
    onData: (stream, session, done) => {
      let text = '';
      stream.on('data', (d) => { text += d; });
      stream.on('end', () => {
        if (away) return done(Object.assign(new Error('later'), { responseCode: 451 }));
        got.push({ to: session.envelope.rcptTo[0].address, text });
        done();
      });
    } });
  server.on('error', () => {});
  await new Promise((done) => server.listen(port, '127.0.0.1', done));
  open.push(() => new Promise((done) => server.close(done)));
  return got;
}

// All bytes of the database, where it is a file.
const bytes = (s) => Buffer.concat(readdirSync(s.dir).filter((n) => n.startsWith('tickettoken.db')).map((n) => readFileSync(join(s.dir, n))));
const waiting = (s) => s.engines.sql('SELECT count(*) FROM letter');

test('a letter outlives kill -9 of who promised it, and no secret of it is in the database', async () => {
  const port = await freePort(), s = await shop({ MAIL_URL: `smtp://127.0.0.1:${port}` });
  const p = await s.register();
  await until('the relay was asked in vain', () => s.log.includes('letter not handed over'));
  const before = cluster ? Buffer.from(await s.engines.sql(`SELECT sealed FROM letter WHERE person = '${p.id}'`)) : bytes(s);
  await s.kill9();
  const got = await relay(port);
  await s.open();
  await s.clock.advance(61_000);                   // who died with it in hand left it for a minute
  const letter = await until('it came', () => got.find((l) => l.to === p.email));
  const token = /verify-email\?token=([\w-]{64})/.exec(letter.text.replace(/=\r\n/g, '').replace(/=3D/g, '='))[1];
  assert.ok(!before.includes(token) && !before.includes('verify-email?token'), 'what waits is sealed');
  assert.equal((await s.api('POST', '/auth/verify-email', { body: { token } })).status, 200);
  await sleep(1500);
  assert.equal(got.length, 1);
  if (cluster) assert.equal(await waiting(s), '0');
});

test('who kills again and again loses no letter, and hardly one comes twice', async () => {
  const s = await shop(), people = [];
  for (let round = 0; round < 4; round++) {
    const joining = Array.from({ length: 12 }, () => s.register().then((p) => people.push(p), () => {}));
    await sleep(15 + 25 * round);
    await until('somebody is in', () => people.length > round);
    await s.kill9();
    await Promise.all(joining);
    await s.open();
  }
  await s.register().then((p) => people.push(p));
  await s.clock.advance(61_000);
  await until('all are there', () => people.every((p) => s.letters(p.email).length > 0));
  const twice = people.filter((p) => s.letters(p.email).length > 1).length;
  assert.ok(people.length > 4 && twice <= 8, `${people.length} people, ${twice} letters twice`);
});

test('many letters at once come once each, whichever node carries them', async () => {
  const s = await shop(), people = await Promise.all(Array.from({ length: 30 }, () => s.register()));
  await until('all are there', () => people.every((p) => s.letters(p.email).length > 0));
  await sleep(300);
  assert.deepEqual(people.map((p) => s.letters(p.email).length), people.map(() => 1));
});

test('a letter that nobody takes is given up after ten tries, and the audit says so', async () => {
  const port = await freePort(), got = await relay(port, { away: true });
  const s = await shop({ MAIL_URL: `smtp://127.0.0.1:${port}` }), p = await s.register(), admin = await s.somebody('admin');
  const lost = async () => {
    const { body } = await s.api('POST', '/auth/login', { body: { email: admin.email, password: PASSWORD } });
    return (await s.must(200, 'GET', `/auth/admin/audit?action=letter.given_up&subject=${p.id}`, { token: body.tokens.accessToken })).data;
  };
  const row = await until('it is given up', async () => { await s.clock.advance(3600_000); await sleep(50); return (await lost())[0]; });
  assert.deepEqual([row.target, row.success, got.length], ['verify', false, 0]);
  assert.match(s.log, /letter given up/);
  if (cluster) assert.equal(await waiting(s), '0');
  await s.must(200, 'POST', '/auth/resend-verification', { token: (await s.login(p.email)).token });
});
