// one-use.test.mjs - whatever is good once is good once for thirty-two who come with it at the
// same instant; of two nodes each gets half of them (WORLD=cluster).
//
// With RACE_CONTROL=1 each race must be lost, as in races.test.mjs.
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import http from 'node:http';
import { after, before } from 'node:test';
import { Wallet } from 'ethers';
import { authenticator as totp } from 'otplib';
import { SoftKey } from './authenticator.mjs';
import { atOnce, control, race, tally, verdict } from './crowd.mjs';
import { PASSWORD, start, until } from './harness.mjs';

const MANY = 32, MINUTE = 60_000, ORIGIN = 'https://shop.example';
let s;
before(async () => { s = await start({ PUBLIC_URL: ORIGIN, TRUSTED_PROXIES: '127.0.0.0/8', HASH_QUEUE_MAX: '100' }); });
after(() => s.close());

const post = (path, body, more = {}) => ({ method: 'POST', path: `/auth/${path}`, body, ...more });
// What the crowd was answered when each sent `ask` (its number).
const all = (ask) => atOnce(s, Array.from({ length: MANY }, (_, i) => ask(i)));
const won = (answers) => answers.filter((a) => a.status === 200);
const one = (answers) => verdict(won(answers).length === 1, JSON.stringify(tally(answers)));
const auth = (path, body, token) => s.must(200, 'POST', `/auth/${path}`, { body, token });
// A request as if it came from an address of its own.
const from = (i) => ({ headers: { 'x-forwarded-for': `10.7.${i >> 8}.${i & 255}` } });

async function letter(email, what) {
  const link = new RegExp(`/auth/${what}\\?token=([\\w-]{64})`);
  const text = await until(`a letter (${what})`, () => s.letters(email).find((l) => link.test(l.text))?.text);
  return { token: link.exec(text)[1], code: /: (\d{6})\r?\n/.exec(text)?.[1] };
}

async function enrolled() {
  const p = await s.register();
  const { secret } = await auth('mfa/setup', undefined, p.token);
  p.code = async () => totp.clone({ epoch: await s.now() }).generate(secret);
  p.codes = (await auth('mfa/verify-setup', { token: await p.code() }, p.token)).backupCodes;
  await s.clock.advance(MINUTE);
  return p;
}

race('refresh: one successor, however many ask', async () => {
  const p = await s.register();
  const answers = won(await all(() => post('refresh', { refreshToken: p.refresh })));
  verdict(answers.length === MANY && new Set(answers.map((a) => a.body.refreshToken)).size === 1,
    `${new Set(answers.map((a) => a.body.refreshToken)).size} successors`);
});

race('a link to confirm, and its code', async () => {
  const [p, q] = [await s.register(), await s.register()];
  const { token } = await letter(p.email, 'verify-email');
  one(await all(() => post('verify-email', { token })));
  const { code } = await letter(q.email, 'verify-email');
  one(await all(() => post('verify-email', { email: q.email, code })));
});

race('of a code five tries are looked at', async () => {
  const p = await s.register(), { code } = await letter(p.email, 'verify-email');
  await all((i) => post('verify-email', { email: p.email, code: String((Number(code) + 1 + i) % 1000000).padStart(6, '0') }));
  const last = await s.api('POST', '/auth/verify-email', { body: { email: p.email, code } });
  verdict(last.status === 400, `the right code after ${MANY} wrong ones: ${last.status}`);
});

race('a link to reset: one password is set', async () => {
  const p = await s.register();
  await auth('forgot-password', { email: p.email });
  const { token } = await letter(p.email, 'reset-password');
  one(await all((i) => post('reset-password', { token, newPassword: `Another-Horse-8-Battery-${i}` })));
});

race('a code of the app, a backup code, a challenge', async () => {
  const p = await enrolled(), code = await p.code();
  const stepUp = (token) => post('mfa/step-up', { token }, { token: p.token });
  one(await all(() => stepUp(code)));
  await s.clock.advance(16 * MINUTE);              // the tries that were lost come back
  p.token = (await auth('refresh', { refreshToken: p.refresh })).accessToken;
  one(await all(() => stepUp(p.codes[0])));
  await s.clock.advance(16 * MINUTE);
  const { challenge } = await auth('login', { email: p.email, password: PASSWORD });
  one(await all((i) => post('mfa/verify', { challenge, token: p.codes[1 + i % 9] })));
});

race('what a wallet signed', async () => {
  const p = await s.register(), w = Wallet.createRandom(), chain = 'ethereum', publicKey = w.address;
  const shown = async (purpose, token) => {
    const { nonce, message } = await auth('wallet/nonce', { publicKey, chain, purpose }, token);
    return { publicKey, chain, nonce, signature: await w.signMessage(message) };
  };
  await auth('wallet/link', await shown('link', p.token), p.token);
  const body = await shown('login');
  one(await all(() => post('wallet/login', body)));
});

race('what a passkey signed', async () => {
  const p = await s.register(), key = new SoftKey(ORIGIN);
  const { publicKey } = await auth('passkeys/register/options', undefined, p.token);
  await s.must(201, 'POST', '/auth/passkeys/register', { token: p.token, body: { credential: key.create(publicKey) } });
  const credential = key.get((await auth('passkeys/login/options')).publicKey);
  one(await all(() => post('passkeys/login', { credential })));
});

race('what a phone signed', async () => {
  const p = await s.register(), deviceId = randomUUID(), pair = generateKeyPairSync('ed25519');
  const key = pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  const { credentialId } = await s.must(201, 'POST', '/auth/biometric/register',
    { token: p.token, body: { publicKey: key, deviceId, biometricType: 'faceId' } });
  const { challenge, message } = await auth('biometric/challenge', { credentialId, deviceId });
  const signature = sign(null, Buffer.from(message), pair.privateKey).toString('base64');
  one(await all(() => post('biometric/authenticate', { credentialId, challenge, signature })));
});

// The status with which a stream begins; those that began are closed.
const opens = (path) => new Promise((done, no) => {
  const r = http.get(s.url + path, (a) => { done(a.statusCode); r.destroy(); });
  r.on('error', no);
});

race('a token that opens a stream', async () => {
  const p = await s.register();
  const { token } = await s.must(200, 'POST', '/events/token', { token: p.token });
  const got = await Promise.all(Array.from({ length: MANY }, () => opens(`/events/stream?token=${token}`)));
  verdict(got.filter((status) => status === 200).length === 1, got.join());
});

const WRONG = 'Wrong-Password-7-Here';
const deeds = async (action, p) => {
  const admin = await s.somebody('admin');
  return (await s.must(200, 'GET', `/auth/admin/audit?action=${action}&subject=${p.id}&limit=100`, { token: admin.token })).data.length;
};

race('two admins who demote each other: one remains', async () => {
  const rounds = control ? 12 : 4;
  let bare = 0;
  for (let round = 0; round < rounds; round++) {
    const pair = await Promise.all([s.somebody('admin'), s.somebody('admin')]);
    const demote = (by, p) => ({ method: 'PUT', path: `/auth/admin/users/${p.id}/role`, token: by.token, body: { role: 'customer' } });
    const answers = await atOnce(s, [demote(pair[0], pair[1]), demote(pair[1], pair[0])]);
    bare += won(answers).length !== 1;
  }
  verdict(bare === 0, `${bare} of ${rounds} pairs did not leave exactly one`);
});

race('wrong passwords from as many places: one lock, and the right one is late', async () => {
  const p = await s.register();
  const t = tally(await all((i) => post('login', { email: p.email, password: WRONG }, from(i))));
  const late = await s.api('POST', '/auth/login', { body: { email: p.email, password: PASSWORD } });
  const locks = await deeds('user.account_locked', p);
  verdict(t.AUTHENTICATION_FAILED === MANY && late.status === 401 && locks === 1, JSON.stringify({ t, late: late.status, locks }));
});

race('wrong passwords from one place: five are looked at', { skip: control }, async () => {
  const p = await s.register();
  const t = tally(await all(() => post('login', { email: p.email, password: WRONG })));
  verdict(t.AUTHENTICATION_FAILED === 5 && t.RATE_LIMIT_EXCEEDED === MANY - 5, JSON.stringify(t));
});

race('wrong codes: five are looked at, one lock, and the right one is late', { skip: control }, async () => {
  const p = await enrolled();
  await all(() => post('mfa/step-up', { token: 'FFFF-0000' }, { token: p.token }));
  const late = await s.api('POST', '/auth/mfa/step-up', { token: p.token, body: { token: p.codes[0] } });
  const locks = await deeds('user.account_locked', p);
  verdict(late.status === 401 && locks === 1, JSON.stringify({ late: late.status, locks }));
});
