// passkeys.test.mjs - WebAuthn: a key of a few lines that can lie, Chromium's virtual
// authenticator with @simplewebauthn/browser, and @simplewebauthn/server as second opinion.
import { webcrypto } from 'node:crypto';
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server';
import { authenticator as totp } from 'otplib';
import { Browser, chromium, SoftKey } from './authenticator.mjs';
import { start } from './harness.mjs';

globalThis.crypto ??= webcrypto;                 // Node.js 18 does not have it there by itself

let s, browser;
before(async () => {
  browser = await new Browser().serve();
  s = await start({ PASSKEY_RP_ID: 'localhost', PASSKEY_ORIGINS: `https://shop.example, ${browser.origin}` });
});
after(() => Promise.allSettled([browser.close(), s.close()]));

const newOptions = async (p) => (await s.must(200, 'POST', '/auth/passkeys/register/options', { token: p.token })).publicKey;
const loginOptions = async (more) => (await s.must(200, 'POST', '/auth/passkeys/login/options', more)).publicKey;
const register = (p, credential, name) => s.api('POST', '/auth/passkeys/register', { token: p.token, body: { name, credential } });
const login = (credential, more) => s.api('POST', '/auth/passkeys/login', { body: { credential }, ...more });
const mine = async (p) => (await s.must(200, 'GET', '/auth/passkeys', { token: p.token })).data;

async function owner(options) {
  const p = await s.register(), key = new SoftKey(browser.origin, options);
  const { passkey } = await s.must(201, 'POST', '/auth/passkeys/register',
    { token: p.token, body: { credential: key.create(await newOptions(p)) } });
  return { ...p, key, passkey };
}

// Whether @simplewebauthn/server takes it.
const agrees = (verify, response, challenge, more) => verify({ response, expectedChallenge: challenge, expectedOrigin: browser.origin,
  expectedRPID: 'localhost', requireUserVerification: false, ...more }).then((r) => r.verified, () => false);

test('a browser makes a passkey and signs in with it, telling no name', { skip: !chromium && 'no chromium here' }, async () => {
  await browser.open();
  const p = await s.register();
  const asked = await newOptions(p);
  const made = await browser.create(asked);
  assert.ok(await agrees(verifyRegistrationResponse, made, asked.challenge), 'the second opinion');
  const r = await register(p, made, 'My laptop');
  assert.equal(r.status, 201, r.text);
  assert.equal(r.body.passkey.name, 'My laptop');
  const options = await loginOptions();
  assert.equal(options.allowCredentials, undefined);
  const shown = await browser.get(options);
  const entered = await login(shown);
  assert.equal(entered.status, 200, entered.text);
  assert.equal(entered.body.user.id, p.id);
  assert.equal((await login(shown)).body.code, 'INVALID_TOKEN', 'once');
  assert.equal((await login(await browser.get(await loginOptions()))).status, 200, 'its counter rises');
  await assert.rejects(browser.create(await newOptions(p)), /InvalidState|previously registered/, 'it is excluded');
});

test('a key registers once, is listed, renamed and forgotten', async () => {
  const p = await owner(), other = await s.stranger();
  assert.equal((await register(p, p.key.create(await newOptions(p)))).body.code, 'CONFLICT');
  const thief = await s.register();
  assert.equal((await register(thief, p.key.create(await newOptions(thief)))).body.code, 'CONFLICT', 'nor for another');
  assert.deepEqual((await mine(p)).map((k) => k.id), [p.passkey.id]);
  assert.ok(!/publicKey|credential|counter/.test(JSON.stringify(await mine(p))));
  const path = `/auth/passkeys/${p.passkey.id}`;
  const renamed = await s.must(200, 'PUT', path, { token: p.token, body: { name: 'Key ring' } });
  assert.equal(renamed.passkey.name, 'Key ring');
  for (const q of [other, thief]) {
    assert.equal((await s.api('PUT', path, { token: q.token, body: { name: 'x' }, foreign: q === other })).status, 404);
    assert.equal((await s.api('DELETE', path, { token: q.token, foreign: q === other })).status, 404);
  }
  assert.equal((await s.api('PUT', path, { token: p.token, body: { name: '' } })).status, 400);
  assert.equal((await s.api('DELETE', path, { token: p.token })).status, 204);
  assert.equal((await s.api('DELETE', path, { token: p.token })).status, 404);
  assert.equal((await login(p.key.get(await loginOptions()))).body.code, 'AUTHENTICATION_FAILED');
  assert.equal((await s.api('GET', '/auth/passkeys')).status, 401);
  assert.equal((await s.api('POST', '/auth/passkeys/register/options')).status, 401);
});

test('what lies about anything is refused, here and by the second opinion', async () => {
  const p = await owner({ counter: 7 });
  const credential = {};
  {
    const key = new SoftKey(browser.origin), q = await s.register(), o = await newOptions(q);
    for (const [what, lie] of Object.entries({ type: { type: 'webauthn.get' }, origin: { origin: 'https://evil.example' },
      challenge: { challenge: 'AAAA' }, 'a frame': { crossOrigin: true } })) {
      const fresh = await newOptions(q), r = await register(q, key.create(fresh, lie));
      assert.equal(r.status, 401, what);
      if (what !== 'a frame') assert.ok(!await agrees(verifyRegistrationResponse, key.create(fresh, lie), fresh.challenge), what);
    }
    const info = await verifyRegistrationResponse({ response: p.key.create(o), expectedChallenge: o.challenge,
      expectedOrigin: browser.origin, expectedRPID: 'localhost', requireUserVerification: false });
    Object.assign(credential, info.registrationInfo);
    p.key.user = Buffer.from(p.id.replaceAll('-', ''), 'hex').toString('base64url');
  }
  const opinion = (response, challenge) => agrees(verifyAuthenticationResponse, response, challenge, { authenticator:
    { credentialID: credential.credentialID, credentialPublicKey: credential.credentialPublicKey, counter: 7 } });
  const lies = {
    type: [{ type: 'webauthn.create' }], origin: [{ origin: 'http://localhost' }], challenge: [{ challenge: 'AAAA' }],
    'nobody present': [{ flags: 4 }], 'backed up without being able to': [{ flags: 21 }],
    'another party': [{}, { rpId: 'evil.example' }], 'a counter that stood still': [{}, {}, 7], 'a counter that fell': [{}, {}, 3],
  };
  for (const [what, [lie, party = {}, counter = 8]] of Object.entries(lies)) {
    const o = await loginOptions();
    p.key.counter = counter;
    const shown = p.key.get({ ...o, ...party }, lie);
    assert.equal((await login(shown)).status, 401, what);
    assert.ok(!await opinion(shown, o.challenge), `${what}: the second opinion`);
  }
  p.key.counter = 8;
  const o = await loginOptions(), good = p.key.get(o);
  assert.ok(await opinion(good, o.challenge));
  const forged = structuredClone(good);
  forged.response.userHandle = Buffer.alloc(16, 7).toString('base64url');
  assert.equal((await login(forged)).status, 401, 'another owner');
  assert.equal((await login(p.key.get(await loginOptions()))).status, 200);
});

test('a key that could not be backed up does not learn it', async () => {
  const p = await owner();
  assert.equal((await login(p.key.get(await loginOptions(), { flags: 0x0d }))).body.code, 'INVALID_SIGNATURE');
});

test('a challenge is its asker\'s, its shop\'s, and ends after five minutes', async () => {
  const p = await owner(), q = await s.register(), { tenantId } = await s.stranger();
  const other = new SoftKey(browser.origin);
  assert.equal((await register(q, other.create(await newOptions(p)))).body.code, 'INVALID_TOKEN');
  assert.equal((await register(q, other.create({ ...await newOptions(q), challenge: (await loginOptions()).challenge }))).body.code, 'INVALID_TOKEN');
  const o = await loginOptions({ headers: { 'x-tenant-id': tenantId } });
  assert.equal((await login(p.key.get(o))).body.code, 'INVALID_TOKEN');
  const there = await loginOptions({ headers: { 'x-tenant-id': tenantId } });
  const r = await login(p.key.get(there), { headers: { 'x-tenant-id': tenantId } });
  assert.equal(r.body.code, 'AUTHENTICATION_FAILED', 'the key is unknown there');
  const late = await loginOptions();
  await s.clock.advance(301_000);
  assert.equal((await login(p.key.get(late))).body.code, 'INVALID_TOKEN');
});

test('with a second factor on, only a key that looked at its owner needs no code', async () => {
  const p = await owner({ flags: 1 });
  const app = async (secret) => totp.clone({ epoch: await s.now() }).generate(secret);
  const { secret } = await s.must(200, 'POST', '/auth/mfa/setup', { token: p.token });
  await s.must(200, 'POST', '/auth/mfa/verify-setup', { token: p.token, body: { token: await app(secret) } });
  const asked = (await login(p.key.get(await loginOptions()))).body;
  assert.equal(asked.requiresMfa, true);
  await s.clock.advance(60_000);
  const done = await s.api('POST', '/auth/mfa/verify', { body: { challenge: asked.challenge, token: await app(secret) } });
  assert.equal(done.status, 200);
  const seen = (await login(p.key.get(await loginOptions(), { flags: 5 }))).body;
  assert.equal(seen.user.id, p.id);
  const change = await s.api('POST', '/auth/mfa/regenerate-backup-codes', { token: seen.tokens.accessToken });
  assert.equal(change.status, 200, 'and it counts as recent');
  await s.clock.advance(301_000);
  assert.equal((await s.api('POST', '/auth/passkeys/register/options', { token: seen.tokens.accessToken })).body.code, 'MFA_REQUIRED');
});

test('of thirty-two that show one signature at once one is in', async () => {
  const p = await owner();
  const shown = p.key.get(await loginOptions());
  const all = await Promise.all(Array.from({ length: 32 }, () => login(shown)));
  assert.equal(all.filter((r) => r.status === 200).length, 1);
});

test('what is no credential is told so', async () => {
  const p = await s.register();
  for (const credential of [{}, { id: 'a', response: {} }, { id: '!!', response: { clientDataJSON: 'e30', attestationObject: 'oA' } },
    { id: 'AA', response: { clientDataJSON: 'e30' } }, { id: 'AA', response: { clientDataJSON: 'AAAA', attestationObject: 'oA' } }])
    assert.equal((await register(p, credential)).status, 400, JSON.stringify(credential));
  assert.equal((await login({ id: 'AA', response: { clientDataJSON: 'e30' } })).status, 400);
  const mark = await register(p, { id: 'AA', response: { clientDataJSON: 'e30', attestationObject: '!' } });
  assert.equal(mark.body.errors[0].field, 'credential.response.attestationObject');
  const nowhere = await s.api('POST', '/auth/passkeys/login/options', { headers: { 'x-tenant-id': 'shop' } });
  assert.equal(nowhere.body.code, 'INVALID_TENANT');
});
