// devices.test.mjs - keys that phones open for a face or a finger; node's crypto is the phone.
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { after, before, test } from 'node:test';
import { authenticator as totp } from 'otplib';
import { start } from './harness.mjs';

let s;
before(async () => { s = await start({ PUBLIC_URL: 'https://shop.example' }); });
after(() => s.close());

const kinds = {
  'P-256': ['ec', { namedCurve: 'P-256' }, 'sha256'],
  Ed25519: ['ed25519', {}, null],
  RSA: ['rsa', { modulusLength: 2048 }, 'sha256'],
};

function phone(kind = 'P-256') {
  const [type, options, hash] = kinds[kind], pair = generateKeyPairSync(type, options);
  return { deviceId: randomUUID(), sign: (text) => sign(hash, Buffer.from(text), pair.privateKey).toString('base64'),
    pem: pair.publicKey.export({ type: 'spki', format: 'pem' }), der: pair.publicKey.export({ type: 'spki', format: 'der' }) };
}

const add = (p, d, more = {}) => s.api('POST', '/auth/biometric/register', { token: p.token,
  body: { publicKey: d.der.toString('base64'), deviceId: d.deviceId, biometricType: 'faceId', ...more } });
const ask = (d, more) => s.must(200, 'POST', '/auth/biometric/challenge', { body: { credentialId: d.id, deviceId: d.deviceId }, ...more });
const enter = (d, { challenge, message }, more = {}) => s.api('POST', '/auth/biometric/authenticate',
  { body: { credentialId: d.id, challenge, signature: d.sign(message), ...more } });
const mine = async (p) => (await s.must(200, 'GET', '/auth/biometric/devices', { token: p.token })).data;

async function owner(kind, more) {
  const p = await s.register(), d = phone(kind), r = await add(p, d, more);
  assert.equal(r.status, 201, r.text);
  d.id = r.body.credentialId;
  return { p, d };
}

for (const kind of Object.keys(kinds))
  test(`a ${kind} key signs its owner in, once a challenge`, async () => {
    const { p, d } = await owner(kind), asked = await ask(d);
    const r = await enter(d, asked);
    assert.equal(r.status, 200, r.text);
    assert.equal(r.body.user.id, p.id);
    assert.equal((await enter(d, asked)).body.code, 'INVALID_TOKEN');
  });

test('keys come in PEM and in both alphabets of base64', async () => {
  const forms = [(d) => d.pem, (d) => d.pem.replaceAll('\n', '\r\n'), (d) => d.der.toString('base64url'), (d) => d.der.toString('base64')];
  for (const form of forms) {
    const p = await s.register(), d = phone(), r = await add(p, d, { publicKey: form(d) });
    assert.equal(r.status, 201, r.text);
    d.id = r.body.credentialId;
    assert.equal((await enter(d, await ask(d))).status, 200);
  }
});

test('what is no key of ours is refused', async () => {
  const p = await s.register(), d = phone();
  const other = (type, options) => generateKeyPairSync(type, options).publicKey.export({ type: 'spki', format: 'pem' });
  const bad = [other('ec', { namedCurve: 'P-384' }), other('ec', { namedCurve: 'secp256k1' }), other('rsa', { modulusLength: 1024 }),
    other('ed448'), d.der.subarray(1).toString('base64'), Buffer.concat([d.der, Buffer.from([0])]).toString('base64'), 'x'.repeat(60)];
  for (const publicKey of bad) {
    const r = await add(p, d, { publicKey });
    assert.deepEqual([r.status, r.body.errors[0].field], [400, 'publicKey'], publicKey);
  }
  assert.equal((await add(p, d, { biometricType: 'voice' })).status, 400);
  assert.equal((await add(p, d, { deviceId: 'a\nb' })).body.errors[0].field, 'deviceId');
  assert.equal((await s.api('POST', '/auth/biometric/register', { body: {} })).status, 401);
});

test('a device has one key, is listed, renamed and revoked by its owner alone', async () => {
  const { p, d } = await owner('P-256', { biometricType: 'touchId' }), stranger = await s.stranger(), other = await s.register();
  assert.equal((await add(p, d)).status, 409);
  assert.equal((await add(other, d)).status, 201, 'another person may have the same device');
  const [row] = await mine(p);
  assert.deepEqual([row.credentialId, row.deviceId, row.biometricType, row.name], [d.id, d.deviceId, 'touchId', 'touchId']);
  assert.ok(!('publicKey' in row) && !('person' in row));
  const path = `/auth/biometric/devices/${d.id}`;
  assert.equal((await s.must(200, 'PUT', path, { token: p.token, body: { name: 'My phone' } })).device.name, 'My phone');
  for (const q of [stranger, other]) {
    assert.equal((await s.api('PUT', path, { token: q.token, body: { name: 'x' }, foreign: q === stranger })).status, 404);
    assert.equal((await s.api('DELETE', path, { token: q.token, foreign: q === stranger })).status, 404);
  }
  assert.equal((await s.api('PUT', path, { token: p.token, body: {} })).status, 400);
  const asked = await ask(d);
  assert.equal((await s.api('DELETE', path, { token: p.token })).status, 204);
  assert.equal((await enter(d, asked)).body.code, 'AUTHENTICATION_FAILED', 'also with a challenge from before');
  assert.equal((await mine(p)).length, 0);
  assert.equal((await s.api('GET', '/auth/biometric/devices')).status, 401);
});

test('only the key over this message is taken', async () => {
  const { d } = await owner(), { d: other } = await owner();
  const wrong = async (what, code, make) => {
    const asked = await ask(d), r = await enter(d, asked, await make(asked));
    assert.equal(r.body.code, code, what);
    assert.equal((await enter(d, asked)).body.code, 'INVALID_TOKEN', 'and it was one guess');
  };
  const hash = (text) => createHash('sha256').update(text).digest('base64');
  await wrong('the old hash of what everybody knows', 'INVALID_SIGNATURE', (a) => ({ signature: hash(a.challenge + d.der.toString('base64')) }));
  await wrong('another key', 'INVALID_SIGNATURE', (a) => ({ signature: other.sign(a.message) }));
  await wrong('the challenge alone', 'INVALID_SIGNATURE', (a) => ({ signature: d.sign(a.challenge) }));
  for (const [from, to] of [['shop.example', 'evil.example'], ['sign-in', 'payment'], [d.deviceId, randomUUID()]])
    await wrong(to, 'INVALID_SIGNATURE', (a) => ({ signature: d.sign(a.message.replace(from, to)) }));
  const theirs = await ask(other);
  assert.equal((await enter(d, { challenge: theirs.challenge, message: theirs.message })).body.code, 'INVALID_TOKEN', 'another key\'s challenge');
  assert.equal((await enter(d, { challenge: 'A'.repeat(43), message: 'x' })).body.code, 'INVALID_TOKEN', 'one of the caller\'s own');
  assert.equal((await enter(d, await ask(d), { signature: '!' })).status, 400);
  const nobody = { ...d, id: randomUUID() };
  assert.equal((await enter(nobody, await ask(nobody))).body.code, 'AUTHENTICATION_FAILED');
  assert.equal((await s.api('POST', '/auth/biometric/challenge', { body: {} })).status, 400);
});

test('a challenge ends after five minutes and is its shop\'s', async () => {
  const { d } = await owner(), { tenantId } = await s.stranger();
  assert.equal((await enter(d, await ask(d, { headers: { 'x-tenant-id': tenantId } }))).body.code, 'INVALID_TOKEN');
  const there = await s.must(200, 'POST', '/auth/biometric/challenge', { body: { credentialId: d.id, deviceId: d.deviceId, tenantId } });
  assert.equal((await enter(d, there, { tenantId })).body.code, 'AUTHENTICATION_FAILED');
  const asked = await ask(d);
  await s.clock.advance(301_000);
  assert.equal((await enter(d, asked)).body.code, 'INVALID_TOKEN');
});

test('of thirty-two with one signature one is in', async () => {
  const { d } = await owner(), asked = await ask(d);
  const all = await Promise.all(Array.from({ length: 32 }, () => enter(d, asked)));
  assert.equal(all.filter((r) => r.status === 200).length, 1);
});

test('with a second factor on, a device is one factor, and adding one asks for a recent code', async () => {
  const { p, d } = await owner();
  const code = async () => totp.clone({ epoch: await s.now() }).generate(secret);
  const { secret } = await s.must(200, 'POST', '/auth/mfa/setup', { token: p.token });
  await s.must(200, 'POST', '/auth/mfa/verify-setup', { token: p.token, body: { token: await code() } });
  assert.equal((await enter(d, await ask(d))).body.requiresMfa, true);
  await s.clock.advance(301_000);
  assert.equal((await add(p, phone())).body.code, 'MFA_REQUIRED');
  await s.must(200, 'POST', '/auth/mfa/step-up', { token: p.token, body: { token: await code() } });
  assert.equal((await add(p, phone())).status, 201);
});
