// tokens.test.mjs - tokens that somebody would like us to take. Whoever wrote them had the
// signing key or the public one: each is refused for what it says, not for a bad signature.
import assert from 'node:assert/strict';
import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { start, TENANT } from './harness.mjs';

let s, somebody, kid, key, pub, claims;
const b64 = (v) => Buffer.from(typeof v === 'string' ? v : JSON.stringify(v)).toString('base64url');
const part = (token, i) => JSON.parse(Buffer.from(token.split('.')[i], 'base64url'));
const me = (token) => s.api('GET', '/auth/me', { token });

// A token as its header and payload say, signed by `how` (default: the server's own key).
const signed = (head, body, how = (text) => sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })) => {
  const text = `${b64(head)}.${b64(body)}`;
  return `${text}.${how(text).toString('base64url')}`;
};
const head = (more = {}) => ({ alg: 'ES256', kid, typ: 'at+jwt', ...more });
const body = (more = {}) => ({ ...claims, ...more });

async function refused(what, token, code = 'INVALID_TOKEN') {
  const r = await me(token);
  assert.equal(r.status, 401, `${what}: ${r.text}`);
  assert.equal(r.body.code, code, what);
  assert.ok(!/kid|alg|signature|audience/.test(r.text), `${what}: the answer explains nothing`);
}

before(async () => {
  s = await start();
  somebody = await s.register();
  kid = part(somebody.token, 0).kid;
  claims = part(somebody.token, 1);
  key = createPrivateKey(readFileSync(join(s.dir, 'keys', `${kid}.pem`)));
  pub = createPublicKey(key);
});
after(() => s.close());

test('a token that we would have made is taken, so the others are refused for what they say', async () => {
  for (let i = 0; i < 2; i++) assert.equal((await me(signed(head(), body()))).status, 200);
});

test('alg none, in any spelling, with and without a signature', async () => {
  for (const alg of ['none', 'None', 'NONE', 'nOnE', '', null])
    for (const tail of ['', '.', `.${somebody.token.split('.')[2]}`])
      await refused(`alg ${alg} ${tail}`, `${b64(head({ alg }))}.${b64(body())}${tail}`);
});

test('HS256 with the public key as its secret: PEM, DER and JWK', async () => {
  const jwk = pub.export({ format: 'jwk' }), pem = pub.export({ format: 'pem', type: 'spki' });
  const published = (await s.must(200, 'GET', '/.well-known/jwks.json')).keys.find((k) => k.kid === kid);
  for (const secret of [pem, pem.trim(), pub.export({ format: 'der', type: 'spki' }), JSON.stringify(jwk),
    JSON.stringify(published), jwk.x, '', kid])
    await refused('HS256', signed(head({ alg: 'HS256' }), body(), (text) => createHmac('sha256', secret).update(text).digest()),
      'UNTRUSTED_SERVICE');                        // it is a service's algorithm, and this issuer is none
});

test('a header that brings its own key', async () => {
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' }), jwk = own.publicKey.export({ format: 'jwk' });
  const by = (text) => sign('sha256', Buffer.from(text), { key: own.privateKey, dsaEncoding: 'ieee-p1363' });
  for (const more of [{ jwk }, { jwk, kid: undefined }, { jku: 'http://127.0.0.1:9/jwks' }, { x5u: 'http://127.0.0.1:9/x' }, { x5c: ['AA=='] }]) {
    await refused('own key', signed(head(more), body(), by));
    await refused('our key, but the header would choose', signed(head(more), body()));
  }
});

test('a kid that is a path, a query, another type or unknown', async () => {
  for (const odd of [`../${kid}`, `../keys/${kid}`, '/dev/null', '../../../../dev/null', "' OR '1'='1", `${kid}'--`, `${kid}\0`,
    '', 7, null, [kid], { kid }, 'x'.repeat(65), randomUUID()])
    await refused(`kid ${JSON.stringify(odd)}`, signed(head({ kid: odd }), body()));
});

test('extensions that change what a signature covers', async () => {
  for (const more of [{ crit: ['b64'], b64: false }, { crit: ['exp'] }, { crit: [] }, { b64: false }, { b64: true }, { zip: 'DEF' }])
    await refused(JSON.stringify(more), signed(head(more), body()));
});

test('an ES256 signature that is too long, too short, DER, zero or padded', async () => {
  const [h, p, sig] = somebody.token.split('.'), raw = Buffer.from(sig, 'base64url');
  const der = sign('sha256', Buffer.from(`${h}.${p}`), key);
  for (const other of [Buffer.concat([raw, Buffer.from([0])]), Buffer.concat([Buffer.from([0]), raw]), raw.subarray(0, 63),
    der, Buffer.alloc(64), Buffer.alloc(0)])
    await refused('signature', `${h}.${p}.${other.toString('base64url')}`);
  for (const text of [`${sig}A`, `${sig}==`, `${sig}.`, `${sig}.${sig}`, `${sig.slice(0, 20)} ${sig.slice(20)}`, sig.replaceAll('_', '/')+'+'])
    await refused('its text', `${h}.${p}.${text}`);
});

test('a time that is over or has not come', async () => {
  const now = Math.floor(await s.now() / 1000);
  await refused('expired', signed(head(), body({ iat: now - 2000, nbf: now - 2000, exp: now - 60 })), 'TOKEN_EXPIRED');
  await refused('not yet valid', signed(head(), body({ nbf: now + 120 })));
  await refused('from the future', signed(head(), body({ iat: now + 120 })));
  for (const exp of [undefined, null, '9999999999', 1e300, -1, 0]) await refused(`exp ${exp}`, signed(head(), body({ exp })));
});

test('another audience, issuer or class', async () => {
  await refused('audience', signed(head(), body({ aud: 'another' })));
  await refused('audiences', signed(head(), body({ aud: ['tickettoken'] })));
  await refused('no audience', signed(head(), body({ aud: undefined })));
  await refused('issuer', signed(head(), body({ iss: 'https://another.example' })));
  for (const typ of ['rt+jwt', 'st+jwt', 'JWT', 'AT+JWT', undefined]) await refused(`typ ${typ}`, signed(head({ typ }), body()));
  await refused('a refresh token', somebody.refresh);
  const stream = await s.must(200, 'POST', '/events/token', { token: somebody.token });
  await refused('a stream token', stream.token);
  const { code, status } = (await s.api('POST', '/auth/refresh', { body: { refreshToken: somebody.token } })).body;
  assert.deepEqual([status, code], [401, 'INVALID_TOKEN'], 'an access token refreshes nothing');
  for (const token of [somebody.token, somebody.refresh])
    assert.equal((await s.api('GET', `/events/stream?token=${token}`, { headers: { accept: 'text/event-stream' } })).status, 401, 'nor does it open a stream');
});

test('claims that are missing, double or bent', async () => {
  for (const more of [{ sub: undefined }, { sub: 'me' }, { tenant_id: undefined }, { sid: undefined }, { jti: undefined },
    { role: undefined }, { role: 'root' }, { role: ['admin'] }, { tenant_id: '00000000-0000-0000-0000-000000000000' }])
    await refused(JSON.stringify(more), signed(head(), body(more)));
  const twice = JSON.stringify(body()).replace('"role":', '"role":"super-admin","role":');
  await refused('a member twice', signed(head(), twice));
});

test('a token says which tenant, and the header can not say otherwise', async () => {
  const other = await s.stranger();
  const ask = (token, tenant) => s.api('GET', '/auth/me', { token, headers: { 'x-tenant-id': tenant } });
  assert.equal((await ask(somebody.token, TENANT)).status, 200);
  assert.equal((await ask(somebody.token, other.tenantId)).body.code, 'FORBIDDEN');
  assert.equal((await ask(other.token, TENANT)).body.code, 'FORBIDDEN');
  assert.equal((await me(signed(head(), body({ tenant_id: other.tenantId })))).status, 404, 'and there nobody has that id');
});
