// auth.test.mjs - accounts and tokens, checked with jose, which nobody here wrote.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import * as jose from 'jose';
import { PASSWORD, start, TENANT, until } from './harness.mjs';

const MINUTE = 60_000;
let s, jwks;
before(async () => {
  s = await start();
  jwks = jose.createRemoteJWKSet(new URL('/.well-known/jwks.json', s.url));
});
after(() => s.close());

const me = (token, more = {}) => s.api('GET', '/auth/me', { token, ...more });
const refresh = (refreshToken) => s.api('POST', '/auth/refresh', { body: { refreshToken } });
const login = (email, password = PASSWORD, more = {}) => s.api('POST', '/auth/login', { body: { email, password, ...more } });
const register = (body) => s.api('POST', '/auth/register',
  { body: { email: `p${randomUUID()}@example.com`, password: PASSWORD, firstName: 'Ada', lastName: 'Byron', ...body } });

test('who registers is signed in', async () => {
  const r = await register({ email: 'Ada@Example.com', phone: '+41441234567' });
  assert.equal(r.status, 201);
  assert.equal(r.body.user.email, 'ada@example.com');
  assert.deepEqual([r.body.user.role, r.body.user.tenantId, r.body.user.emailVerified, r.body.user.mfaEnabled],
    ['customer', TENANT, false, false]);
  assert.equal(r.body.tokens.expiresIn, 900);
  const mine = await me(r.body.tokens.accessToken);
  assert.equal(mine.status, 200);
  assert.ok(!/argon2|hash/i.test(mine.text));
  assert.equal((await register({ email: 'ADA@example.com' })).body.code, 'DUPLICATE_EMAIL');
});

test('a password that is easy to guess is refused, and said why', async () => {
  for (const password of ['short-1A', 'alllowercaseletters', 'Password123!', 'Aaaa-Correct-Horse-7', 'x'.repeat(129)]) {
    const r = await register({ password });
    assert.equal(r.status, 400, password);
    assert.equal(r.body.errors[0].field, 'password');
  }
});

test('unknown, wrong and locked give one answer', async () => {
  const p = await s.register();
  const unknown = await login(`nobody${randomUUID()}@example.com`);
  assert.equal(unknown.status, 401);
  const same = (r) => { assert.equal(r.status, 401); assert.deepEqual({ ...r.body }, unknown.body); };
  for (let i = 0; i < 5; i++) same(await login(p.email, 'Wrong-Password-7-Here'));
  await s.clock.advance(MINUTE + 1000);
  same(await login(p.email));
  await s.clock.advance(15 * MINUTE);
  assert.equal((await login(p.email)).status, 200, 'the lock has run out');
});

test('too many attempts a minute wait', async () => {
  const p = await s.register();
  const all = [];
  for (let i = 0; i < 5; i++) all.push((await login(p.email, 'Wrong-Password-7-Here')).status);
  assert.deepEqual(all, [401, 401, 401, 401, 401]);
  const r = await login(p.email, 'Wrong-Password-7-Here');
  assert.equal(r.body.code, 'RATE_LIMIT_EXCEEDED');
  assert.ok(Number(r.headers.get('retry-after')) > 0);
});

test('an access token is a JWT that jose verifies by the published keys', async () => {
  const p = await s.register();
  const { payload, protectedHeader } = await jose.jwtVerify(p.token, jwks,
    { issuer: 'tickettoken', audience: 'tickettoken', algorithms: ['ES256'], currentDate: new Date(await s.now()) });
  assert.equal(payload.sub, p.id);
  assert.equal(payload.tenant_id, TENANT);
  assert.equal(payload.exp - payload.iat, 900);
  assert.equal(protectedHeader.typ, 'at+jwt');
  const { keys } = await s.must(200, 'GET', '/.well-known/jwks.json');
  assert.ok(keys.length >= 2, 'the next key is published before it signs');
  for (const k of keys) assert.deepEqual(['d', 'p', 'q', 'k'].filter((m) => m in k), []);
});

test('nothing that is no token of ours opens anything', async () => {
  const p = await s.register();
  const [head, body, mark] = p.token.split('.');
  const part = (o) => Buffer.from(JSON.stringify(o)).toString('base64url');
  const claims = jose.decodeJwt(p.token), header = jose.decodeProtectedHeader(p.token);
  const { privateKey } = await jose.generateKeyPair('ES256');
  const pem = JSON.stringify((await (await fetch(new URL('/.well-known/jwks.json', s.url))).json()).keys[0]);
  const forged = {
    'another key': await new jose.SignJWT(claims).setProtectedHeader(header).sign(privateKey),
    'alg none': `${part({ ...header, alg: 'none' })}.${body}.`,
    'HMAC with the public key': await new jose.SignJWT(claims).setProtectedHeader({ ...header, alg: 'HS256' }).sign(Buffer.from(pem)),
    'another role': `${head}.${part({ ...claims, role: 'super-admin' })}.${mark}`,
    'a key of its own in the head': await new jose.SignJWT(claims)
      .setProtectedHeader({ ...header, jwk: await jose.exportJWK(privateKey).then(({ d, ...k }) => k) }).sign(privateKey),
    'one letter more': p.token + 'A',
    'a refresh token': p.refresh,
    'no signature': `${head}.${body}.`,
    'two parts': `${head}.${body}`,
    'nothing': '',
  };
  for (const [what, token] of Object.entries(forged)) {
    const r = await s.api('GET', '/auth/me', { headers: { authorization: `Bearer ${token}` } });
    assert.equal(r.status, 401, what);
    assert.match(r.headers.get('www-authenticate'), /^Bearer/);
  }
  assert.equal((await me(p.token)).status, 200, 'the real one does');
});

test('a token ends after 15 minutes, by the calendar', async () => {
  const p = await s.register();
  await s.clock.advance(14 * MINUTE);
  assert.equal((await me(p.token)).status, 200);
  await s.clock.advance(2 * MINUTE);
  const r = await me(p.token);
  assert.equal(r.status, 401);
  assert.equal(r.body.code, 'TOKEN_EXPIRED');
});

test('a refresh token works once; a lost answer may be asked for again, for a while', async () => {
  const p = await s.register();
  const one = await refresh(p.refresh);
  assert.equal(one.status, 200);
  assert.notEqual(one.body.refreshToken, p.refresh);
  const again = await refresh(p.refresh);
  assert.equal(again.body.refreshToken, one.body.refreshToken, 'the same successor');
  await s.clock.advance(31_000);
  assert.equal((await refresh(p.refresh)).body.code, 'TOKEN_REUSED');
  assert.equal((await refresh(one.body.refreshToken)).status, 401, 'the whole family has ended');
  await s.everywhere('so does its access token', async (node) => (await me(one.body.accessToken, { node })).status === 401);
});

test('of a hundred refreshes at once all get the one successor', async () => {
  const p = await s.register();
  const all = await Promise.all(Array.from({ length: 100 }, () => refresh(p.refresh)));
  assert.deepEqual([...new Set(all.map((r) => r.status))], [200]);
  assert.equal(new Set(all.map((r) => r.body.refreshToken)).size, 1);
});

test('signing out ends the session and nothing else', async () => {
  const p = await s.register(), other = await s.login(p.email);
  assert.equal((await s.api('POST', '/auth/logout')).status, 401);
  assert.equal((await s.api('POST', '/auth/logout', { token: p.token })).status, 200);
  await s.everywhere('its token opens nothing', async (node) => (await me(p.token, { node })).status === 401);
  assert.equal((await refresh(p.refresh)).status, 401);
  assert.equal((await me(other.token)).status, 200);
});

test('a person is a tenant\'s: the same email may live in two', async () => {
  const stranger = await s.stranger();
  const here = await register({ email: stranger.email });
  assert.equal(here.status, 201);
  assert.notEqual(here.body.user.id, stranger.id);
  const r = await me(here.body.tokens.accessToken, { headers: { 'x-tenant-id': stranger.tenantId } });
  assert.equal(r.status, 403, 'the token says which tenant');
  assert.equal((await me(here.body.tokens.accessToken, { headers: { 'x-tenant-id': TENANT } })).status, 200);
});

test('nobody makes himself an administrator', async () => {
  const r = await register({ role: 'admin', isAdmin: true });
  assert.equal(r.body.user.role, 'customer');
  assert.equal((await register({ tenantId: randomUUID() })).body.code, 'INVALID_TENANT');
});

test('a rotated key signs, and what the old one signed still holds', async () => {
  const p = await s.register();
  const old = jose.decodeProtectedHeader(p.token).kid;
  await until('the next key is published for three seconds', async () =>
    (await s.cli(['keys', 'rotate', '--at-once'])).code === 0);
  const fresh = await until('the server signs with the new key', async () => {
    const { token } = await s.register();
    return jose.decodeProtectedHeader(token).kid !== old && token;
  });
  assert.equal((await me(p.token)).status, 200);
  assert.equal((await me(fresh)).status, 200);
});
