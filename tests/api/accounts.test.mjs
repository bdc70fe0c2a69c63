// accounts.test.mjs - what a person does about his account: letters, passwords, sessions.
// Who reads the letters is these tests.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { PASSWORD, start, until } from './harness.mjs';

const MINUTE = 60_000, HOUR = 60 * MINUTE;
const OTHER = 'Another-Horse-8-Battery';
let s;
before(async () => { s = await start(); });
after(() => s.close());

const post = (path, body, more = {}) => s.api('POST', `/auth/${path}`, { body, ...more });
const login = (email, password = PASSWORD) => post('login', { email, password });
const me = (token, more = {}) => s.api('GET', '/auth/me', { token, ...more });
const many = (n, f) => Promise.all(Array.from({ length: n }, (_, i) => f(i)));
const count = (all, status) => all.filter((r) => r.status === status).length;

// The n-th letter of that kind to an address: {token, code}.
async function letter(email, what, n = 1) {
  const link = new RegExp(`/auth/${what}\\?token=([\\w-]{64})`);
  const text = await until(`letter ${n} (${what}) is there`, () => s.letters(email).filter((l) => link.test(l.text))[n - 1]?.text);
  return { token: link.exec(text)[1], code: /: (\d{6})\r?\n/.exec(text)?.[1], text };
}
const lettersOf = (email, what) => s.letters(email).filter((l) => l.text.includes(`/auth/${what}?`)).length;

test('a link is not used up by looking at it; its button confirms the mailbox, once', async () => {
  const p = await s.register(), { token, text } = await letter(p.email, 'verify-email');
  assert.match(text, /Content-Type: text\/plain[^]*Content-Type: text\/html/);
  for (let i = 0; i < 2; i++) {
    const page = await s.api('GET', `/auth/verify-email?token=${token}`);
    assert.equal(page.status, 200);
    assert.match(page.headers.get('content-type'), /^text\/html/);
  }
  assert.equal((await s.api('GET', '/account.js')).status, 200);
  assert.equal((await me(p.token)).body.user.emailVerified, false);
  const all = await many(32, () => post('verify-email', { token }));
  assert.deepEqual([count(all, 200), count(all, 400)], [1, 31]);
  assert.equal(all.find((r) => r.status === 400).body.code, 'INVALID_CODE');
  assert.equal((await me(p.token)).body.user.emailVerified, true);
  for (const bad of [token, token.replace(/.$/, (c) => (c === 'A' ? 'E' : 'A')), 'x', 'A'.repeat(64)])
    assert.equal((await post('verify-email', { token: bad })).status, 400);
  assert.equal((await post('verify-email', {})).body.code, 'VALIDATION_ERROR');
});

test('the code of the letter may be typed, five times and for ten minutes', async () => {
  const [p, q, r] = await many(3, () => s.register());
  const { code } = await letter(p.email, 'verify-email');
  const wrong = code === '123456' ? '123457' : '123456';
  assert.equal((await post('verify-email', { email: p.email, code: wrong })).status, 400);
  assert.equal((await post('verify-email', { email: q.email, code })).status, 400, 'it is another\'s');
  assert.equal((await post('verify-email', { email: `nobody${randomUUID()}@example.com`, code })).status, 400);
  const all = await many(32, () => post('verify-email', { email: p.email, code }));
  assert.ok(count(all, 200) === 1, 'one of many at once');
  const tried = await letter(q.email, 'verify-email');
  for (let i = 0; i < 5; i++) await post('verify-email', { email: q.email, code: tried.code === '000000' ? '000001' : '000000' });
  assert.equal((await post('verify-email', { email: q.email, code: tried.code })).status, 400, 'five tries');
  assert.equal((await post('verify-email', { token: tried.token })).status, 200, 'the link is still good');
  const late = await letter(r.email, 'verify-email');
  await s.clock.advance(10 * MINUTE + 1000);
  assert.equal((await post('verify-email', { email: r.email, code: late.code })).status, 400);
});

test('another letter may be asked for three times an hour, and ends the one before', async () => {
  const p = await s.register();
  const first = await letter(p.email, 'verify-email');
  await s.clock.advance(1000);
  const all = await many(6, () => post('resend-verification', undefined, { token: p.token }));
  assert.deepEqual([count(all, 200), count(all, 429)], [3, 3]);
  assert.ok(Number(all.find((r) => r.status === 429).headers.get('retry-after')) > 3000);
  assert.equal((await post('verify-email', { token: first.token })).status, 400);
  await until('four letters', () => lettersOf(p.email, 'verify-email') === 4);
  const tokens = await many(3, async (i) => (await letter(p.email, 'verify-email', i + 2)).token);
  assert.equal(count(await many(3, (i) => post('verify-email', { token: tokens[i] })), 200), 1);
  const fresh = await login(p.email);
  assert.equal((await post('resend-verification', undefined, { token: fresh.body.tokens.accessToken })).body.code, 'INVALID_STATE');
  assert.equal((await post('resend-verification')).status, 401);
});

test('who has forgotten his password gets one letter in 15 minutes, and nobody learns who is here', async () => {
  const p = await s.register(), nobody = `nobody${randomUUID()}@example.com`;
  const answers = await many(32, (i) => post('forgot-password', { email: i % 2 ? p.email.toUpperCase() : nobody }));
  assert.equal(new Set(answers.map((r) => `${r.status} ${r.text}`)).size, 1);
  assert.equal((await post('forgot-password', {})).status, 400);
  const first = await letter(p.email, 'reset-password');
  assert.equal(lettersOf(p.email, 'reset-password'), 1);
  assert.equal(s.letters(nobody).length, 0);
  await s.clock.advance(16 * MINUTE);
  await post('forgot-password', { email: p.email });
  const second = await letter(p.email, 'reset-password', 2);
  assert.equal((await post('reset-password', { token: first.token, newPassword: OTHER })).status, 400, 'superseded');
  await s.clock.advance(HOUR);
  assert.equal((await post('reset-password', { token: second.token, newPassword: OTHER })).body.code, 'INVALID_CODE', 'an hour');
});

test('of many resets by one link one sets the password, ends every session and the lock', async () => {
  const p = await s.register(), other = await s.login(p.email);
  for (let i = 0; i < 5; i++) await login(p.email, 'Wrong-Password-7-Here');
  await s.clock.advance(MINUTE + 1000);
  assert.equal((await login(p.email)).status, 401, 'locked');
  await post('forgot-password', { email: p.email });
  const { token } = await letter(p.email, 'reset-password');
  assert.equal((await s.api('GET', `/auth/reset-password?token=${token}`)).status, 200);
  assert.equal((await post('reset-password', { token, newPassword: 'weak' })).body.code, 'VALIDATION_ERROR', 'and costs nothing');
  const all = await many(6, (i) => post('reset-password', { token, newPassword: `${OTHER}-${i}` }));
  const won = all.findIndex((r) => r.status === 200);
  assert.equal(count(all, 200), 1, all.map((r) => r.status).join());
  assert.ok(all.every((r) => [200, 400, 503].includes(r.status)));
  for (const who of [p, other]) {
    await s.everywhere('its access token has ended', async (node) => (await me(who.token, { node })).status === 401);
    assert.equal((await post('refresh', { refreshToken: who.refresh })).status, 401);
  }
  assert.equal((await login(p.email)).status, 401);
  await s.clock.advance(15 * MINUTE);
  const now = await login(p.email, `${OTHER}-${won}`);
  assert.equal(now.status, 200);
  assert.equal(now.body.user.emailVerified, true, 'the mailbox was reached');
  await until('a letter says so', () => s.letters(p.email).some((l) => /was changed/.test(l.text)));
});

test('who changes his password must have it, choose another, and signs in anew', async () => {
  const p = await s.register(), other = await s.login(p.email);
  const change = (currentPassword, newPassword, token = p.token) =>
    s.api('PUT', '/auth/change-password', { token, body: { currentPassword, newPassword } });
  assert.equal((await change('Wrong-Password-7-Here', OTHER)).body.code, 'AUTHENTICATION_FAILED');
  assert.equal((await change(PASSWORD, PASSWORD)).body.code, 'SAME_PASSWORD');
  assert.equal((await change(PASSWORD, 'password')).body.code, 'VALIDATION_ERROR');
  assert.equal((await s.api('POST', '/auth/change-password', { body: {} })).status, 401);
  const all = await many(4, (i) => change(PASSWORD, `${OTHER}-${i}`));
  assert.equal(count(all, 200), 1, all.map((r) => r.status).join());
  for (const who of [p, other]) {
    await s.everywhere('its access token has ended', async (node) => (await me(who.token, { node })).status === 401);
    assert.equal((await post('refresh', { refreshToken: who.refresh })).status, 401);
  }
  const again = await s.register();
  assert.equal((await post('change-password', { currentPassword: PASSWORD, newPassword: OTHER }, { token: again.token })).status, 200);
  assert.equal((await login(again.email)).status, 401);
  assert.equal((await login(again.email, OTHER)).status, 200);
});

test('a letter of one shop opens nothing in another', async () => {
  const stranger = await s.stranger(), p = await s.register({ email: stranger.email });
  const { token } = await letter(p.email, 'verify-email');
  const claimed = Buffer.from(token, 'base64url');
  Buffer.from(stranger.tenantId.replaceAll('-', ''), 'hex').copy(claimed);
  assert.equal((await post('verify-email', { token: claimed.toString('base64url') })).status, 400);
  assert.equal((await post('verify-email', { token }, { headers: { 'x-tenant-id': stranger.tenantId } })).status, 200, 'the token says which');
  assert.equal((await me(p.token)).body.user.emailVerified, true);
});
