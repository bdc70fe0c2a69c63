// mfa.test.mjs - the second factor, with otplib as the app on the phone.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { authenticator } from 'otplib';
import jsqr from 'jsqr';
import { PASSWORD, start } from './harness.mjs';

const MINUTE = 60_000;
let s;
before(async () => { s = await start(); });
after(() => s.close());

const login = (email, more = {}) => s.api('POST', '/auth/login', { body: { email, password: PASSWORD, ...more } });
const verify = (challenge, token) => s.api('POST', '/auth/mfa/verify', { body: { challenge, token } });
const post = (path, token, body) => s.api('POST', path, { token, body });

// The app at the server's time, which the test clock moves.
async function codeOf(secret) {
  const app = authenticator.clone({ epoch: await s.now() });
  return app.generate(secret);
}

async function enrolled() {
  const p = await s.register();
  const setup = await s.must(200, 'POST', '/auth/mfa/setup', { token: p.token });
  const on = await s.must(200, 'POST', '/auth/mfa/verify-setup', { token: p.token, body: { token: await codeOf(setup.secret) } });
  await s.clock.advance(MINUTE);   // that step is used
  return { ...p, ...setup, codes: on.backupCodes };
}

test('an app reads the picture, and its code turns the second factor on', async () => {
  const p = await s.register();
  const setup = await s.must(200, 'POST', '/auth/mfa/setup', { token: p.token });
  assert.deepEqual(new URL(setup.otpauthUrl).searchParams.get('issuer'), 'TicketToken');
  assert.equal(decodeQr(setup.qrCode), setup.otpauthUrl);
  assert.equal((await post('/auth/mfa/verify-setup', p.token, { token: '000000' })).status, 401);
  const on = await post('/auth/mfa/verify-setup', p.token, { token: await codeOf(setup.secret) });
  assert.equal(on.status, 200);
  assert.equal(on.headers.get('cache-control'), 'no-store');
  assert.equal(new Set(on.body.backupCodes).size, 10);
  for (const c of on.body.backupCodes) assert.match(c, /^[0-9A-F]{4}-[0-9A-F]{4}$/);
  assert.equal((await s.must(200, 'GET', '/auth/me', { token: p.token })).user.mfaEnabled, true);
  assert.equal((await post('/auth/mfa/setup', p.token)).body.code, 'INVALID_STATE');
  assert.equal((await post('/auth/mfa/setup')).status, 401);
});

// Draws the SVG's one path into pixels.
function decodeQr(svg) {
  const side = Number(/viewBox="0 0 (\d+)/.exec(svg)[1]), scale = 4, width = side * scale;
  const pixels = new Uint8ClampedArray(width * width * 4).fill(255);
  for (const [, x, y, run] of svg.matchAll(/M(\d+) (\d+)h(\d+)v1/g))
    for (let py = y * scale; py < (Number(y) + 1) * scale; py++)
      for (let px = x * scale; px < (Number(x) + Number(run)) * scale; px++)
        pixels.fill(0, (py * width + px) * 4, (py * width + px) * 4 + 3);
  return jsqr(pixels, width, width).data;
}

test('a password alone gives no tokens, a code with the challenge does, once', async () => {
  const p = await enrolled();
  const asked = await login(p.email);
  assert.equal(asked.status, 200);
  assert.deepEqual(Object.keys(asked.body).sort(), ['challenge', 'requiresMfa']);
  assert.equal(asked.body.requiresMfa, true);
  assert.equal((await verify(asked.body.challenge, '0000-0000')).body.code, 'AUTHENTICATION_FAILED');
  const token = await codeOf(p.secret);
  const done = await verify(asked.body.challenge, token);
  assert.equal(done.status, 200);
  assert.equal(done.body.user.id, p.id);
  assert.equal((await post('/auth/refresh', undefined, { refreshToken: done.body.tokens.refreshToken })).status, 200);
  assert.equal((await verify(asked.body.challenge, p.codes[0])).body.code, 'INVALID_TOKEN');
  const again = await login(p.email);
  assert.equal((await verify(again.body.challenge, token)).status, 401, 'the step is used');
  assert.equal((await verify(again.body.challenge, p.codes[0])).status, 200);
  const third = await login(p.email);
  assert.equal((await verify(third.body.challenge, p.codes[0])).status, 401, 'the backup code is used');
});

test('password and code may come together', async () => {
  const p = await enrolled();
  assert.equal((await login(p.email, { mfaToken: '000000' })).status, 401);
  const r = await login(p.email, { mfaToken: await codeOf(p.secret) });
  assert.equal(r.status, 200);
  assert.ok(r.body.tokens.accessToken);
});

test('a challenge of this shop is none in another, and none after five minutes', async () => {
  const p = await enrolled(), { tenantId } = await s.stranger();
  const asked = (await login(p.email)).body;
  const r = await s.api('POST', '/auth/mfa/verify', { body: { challenge: asked.challenge, token: p.codes[0] },
    headers: { 'x-tenant-id': tenantId } });
  assert.equal(r.body.code, 'INVALID_TOKEN');
  await s.clock.advance(5 * MINUTE + 1000);
  assert.equal((await verify(asked.challenge, p.codes[0])).body.code, 'INVALID_TOKEN');
});

test('five wrong codes lock the account for fifteen minutes', async () => {
  const p = await enrolled();
  const { challenge } = (await login(p.email)).body;
  for (let i = 0; i < 5; i++) assert.equal((await verify(challenge, 'FFFF-000' + i)).body.code, 'AUTHENTICATION_FAILED');
  assert.equal((await verify(challenge, p.codes[0])).body.code, 'INVALID_TOKEN', 'the challenge is gone');
  assert.equal((await login(p.email)).body.code, 'AUTHENTICATION_FAILED', 'and so is the right password');
  await s.clock.advance(15 * MINUTE + 1000);
  assert.equal((await login(p.email)).body.requiresMfa, true);
});

test('sensitive changes ask for the second factor of the last five minutes', async () => {
  const p = await enrolled();
  await s.clock.advance(5 * MINUTE);
  const token = (await post('/auth/refresh', undefined, { refreshToken: p.refresh })).body.accessToken;
  const r = await post('/auth/mfa/regenerate-backup-codes', token);
  assert.equal(r.status, 403);
  assert.equal(r.body.code, 'MFA_REQUIRED');
  assert.equal((await post('/auth/mfa/step-up', token, { token: '000000' })).status, 401);
  const up = await s.must(200, 'POST', '/auth/mfa/step-up', { token, body: { token: await codeOf(p.secret) } });
  assert.deepEqual(up, { valid: true, expiresIn: 300 });
  const codes = (await s.must(200, 'POST', '/auth/mfa/regenerate-backup-codes', { token })).backupCodes;
  assert.equal(codes.filter((c) => p.codes.includes(c)).length, 0);
  assert.equal((await post('/auth/mfa/step-up', token, { token: p.codes[0] })).status, 401, 'the old ones are gone');
  assert.equal((await post('/auth/mfa/step-up', token, { token: codes[0] })).status, 200);
});

test('it is turned off by password and code together', async () => {
  const p = await enrolled();
  const off = (body) => s.api('DELETE', '/auth/mfa/disable', { token: p.token, body });
  assert.equal((await off({ password: 'Wrong-Password-7-Here', token: p.codes[0] })).status, 401);
  assert.equal((await off({ password: PASSWORD, token: '0000-0000' })).status, 401);
  assert.equal((await off({ password: PASSWORD, token: p.codes[0] })).status, 200);
  assert.ok((await login(p.email)).body.tokens.accessToken);
});

test('of thirty-two at once with one code, one backup code or one challenge one is in', async () => {
  const p = await enrolled();
  const many = async (ask) => (await Promise.all(Array.from({ length: 32 }, (_, i) => ask(i))))
    .filter((r) => r.status === 200).length;
  const stepUp = (token) => post('/auth/mfa/step-up', p.token, { token });
  const code = await codeOf(p.secret);
  assert.equal(await many(() => stepUp(code)), 1);
  await s.clock.advance(16 * MINUTE);
  p.token = (await login(p.email, { mfaToken: await codeOf(p.secret) })).body.tokens.accessToken;
  assert.equal(await many(() => stepUp(p.codes[0])), 1);
  await s.clock.advance(16 * MINUTE);
  const { challenge } = (await login(p.email)).body;
  assert.equal(await many((i) => verify(challenge, p.codes[1 + i % 9])), 1);
});

test('no secret of the second factor stands in the log', async () => {
  const p = await enrolled();
  for (const secret of [p.secret, ...p.codes]) assert.ok(!s.log.includes(secret));
  assert.ok(!s.log.includes(randomUUID()));
});
