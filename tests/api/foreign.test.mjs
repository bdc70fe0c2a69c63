// foreign.test.mjs - people who come with another issuer's token: npm jose is that issuer, and
// publishes its keys on a server of the test. With WORLD=cluster each node fetches them.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import * as jose from 'jose';
import { run, sleep, start, TENANT, until } from './harness.mjs';

const ISSUER = 'https://id.example', keys = {};
let s, admin, idp, fetches = 0, published = [], answer;

async function add(kid, alg, extra = {}) {
  const pair = await jose.generateKeyPair(alg, { extractable: true });
  keys[kid] = { ...pair, alg, kid };
  const jwk = { ...await jose.exportJWK(pair.publicKey), kid, ...extra };
  published.push(jwk);
  return jwk;
}

before(async () => {
  await add('ec', 'ES256', { use: 'sig', alg: 'ES256' });
  await add('rsa', 'RS256');
  await add('ed', 'EdDSA');
  idp = createServer((q, r) => {
    fetches += 1;
    if (answer) { answer(r); return; }
    r.end(JSON.stringify({ keys: published }));
  });
  await new Promise((done) => idp.listen(0, '127.0.0.1', done));
  const dir = mkdtempSync(join(tmpdir(), 'issuers-')), file = join(dir, 'issuers.json');
  const jwksUrl = `http://127.0.0.1:${idp.address().port}/jwks.json`;
  writeFileSync(file, JSON.stringify({ issuers: [
    { issuer: ISSUER, audience: 'tickettoken', tenant: TENANT, jwksUrl },
    { issuer: 'https://staff.example', audience: 'desk', tenant: TENANT, jwksUrl, role: 'admin' },
  ] }));
  s = await start({ ISSUERS_FILE: file });
  admin = await s.somebody('admin');
});
after(async () => { await s.close(); idp.close(); });

const now = async () => Math.floor(await s.now() / 1000);
async function token(sub, { kid = 'ec', header = {}, key, ...claims } = {}) {
  const iat = await now();
  return new jose.SignJWT({ iss: ISSUER, aud: 'tickettoken', sub, iat, exp: iat + 3600, email: admin.email, ...claims })
    .setProtectedHeader({ alg: keys[kid]?.alg ?? 'ES256', kid, typ: 'JWT', ...header }).sign(key ?? keys[kid].privateKey);
}
const me = (t, node) => s.api('GET', '/auth/me', { token: t, node });
const identities = (id) => `/auth/admin/users/${id}/identities`;
const link = (id, subject, { by = admin, issuer = ISSUER, ...more } = {}) => s.api('POST', identities(id), { token: by.token, body: { issuer, subject }, ...more });
async function linked(role) {
  const p = role ? await s.somebody(role) : await s.register(), sub = randomUUID();
  return { ...p, sub, made: (await link(p.id, sub, { by: role ? await s.somebody('super-admin') : admin })).body };
}

test('a subject that is linked is that person, whichever kind of key signed', async () => {
  const p = await linked();
  for (const kid of ['ec', 'rsa', 'ed']) {
    const r = await me(await token(p.sub, { kid }));
    assert.deepEqual([r.status, r.body.user?.id, r.body.user?.role], [200, p.id, 'customer'], r.text);
  }
  assert.equal((await me(await token(p.sub, { aud: ['other', 'tickettoken'] }))).status, 200);
});

test('no token makes an account, and no email links one', async () => {
  const r = await me(await token(randomUUID(), { email: admin.email, email_verified: true, role: 'super-admin', tenant_id: TENANT }));
  assert.deepEqual([r.status, r.body.code], [403, 'NOT_LINKED']);
  const p = await s.register();
  assert.equal((await me(await token(p.id))).body.code, 'NOT_LINKED');
});

test('through an issuer nobody is more than it may make him', async () => {
  const chief = await linked('admin');
  const t = await token(chief.sub);
  assert.equal((await me(t)).status, 200);
  assert.equal((await s.api('GET', '/auth/admin/users', { token: t })).status, 403);
  const su = await s.somebody('super-admin');
  await link(chief.id, chief.sub, { by: su, issuer: 'https://staff.example' });
  assert.equal((await s.api('GET', '/auth/admin/users', { token: await token(chief.sub, { iss: 'https://staff.example', aud: 'desk' }) })).status, 200);
  assert.equal((await me(await token(chief.sub, { iss: 'https://staff.example' }))).body.code, 'INVALID_TOKEN');
});

test('every other token is refused', async () => {
  const p = await linked(), t = await now(), sub = p.sub;
  const other = (await jose.generateKeyPair('ES256')).privateKey;
  const codes = [];
  for (const o of [{ exp: t - 31 }, { nbf: t + 100 }, { iat: t + 100 }, { aud: 'x' }, { aud: undefined }, { key: other }, { exp: undefined }, { sub: 'x'.repeat(300) },
    { kid: 'ed', header: { alg: 'EdDSA', kid: 'ec' } }, { header: { jwk: published[0] } }, { iss: 'https://evil.example' }])
    codes.push((await me(await token(o.sub ?? sub, o))).body.code);
  assert.deepEqual(codes, ['TOKEN_EXPIRED', ...Array(10).fill('INVALID_TOKEN')]);
  const pub = new TextEncoder().encode(JSON.stringify(published[0]));       // the public key as a secret
  assert.equal((await me(await token(sub, { key: pub, header: { alg: 'HS256' } }))).status, 401);
  const [, payload] = (await token(sub)).split('.');
  assert.equal((await me(`${Buffer.from('{"alg":"none","kid":"ec"}').toString('base64url')}.${payload}.`)).status, 401);
});

test('what ends a person ends it within a second: another role, another state, no link', async () => {
  const p = await linked(), t = await token(p.sub);
  for (const node of s.nodes) assert.equal((await me(t, node)).status, 200);
  const gone = (what) => Promise.all(s.nodes.map((node) => until(what, async () => (await me(t, node)).body.code === 'NOT_LINKED')));
  await s.must(200, 'PUT', `/auth/admin/users/${p.id}/status`, { token: admin.token, body: { status: 'SUSPENDED' } });
  await gone('he is suspended');
  await s.must(200, 'PUT', `/auth/admin/users/${p.id}/status`, { token: admin.token, body: { status: 'ACTIVE' } });
  await Promise.all(s.nodes.map((node) => until('he is back', async () => (await me(t, node)).status === 200)));
  const rows = (await s.must(200, 'GET', identities(p.id), { token: admin.token })).data;
  assert.deepEqual([rows[0].issuer, rows[0].subject], [ISSUER, p.sub]);
  assert.equal((await s.api('DELETE', `${identities(p.id)}/${rows[0].id}`, { token: admin.token })).status, 204);
  await gone('the link is gone');
});

test('who links may touch that account, in his own tenant, and a subject is one person', async () => {
  const p = await linked(), other = await s.register(), boss = await s.somebody('super-admin');
  const foreign = await s.stranger(), their = await s.somebody('admin', foreign.tenantId);
  assert.equal((await link(other.id, p.sub)).status, 409);
  assert.equal((await link(boss.id, randomUUID())).status, 403);
  assert.equal((await link(other.id, randomUUID(), { by: other })).status, 403);
  assert.equal((await link(other.id, randomUUID(), { issuer: 'https://evil.example' })).status, 400);
  assert.equal((await link(p.id, randomUUID(), { by: their, foreign: true })).status, 404);
  assert.equal((await s.api('GET', identities(p.id), { token: their.token, foreign: true })).status, 404);
  assert.equal((await s.api('GET', identities(p.id), { token: other.token })).status, 403);
  assert.equal((await s.api('DELETE', `${identities(p.id)}/${p.made.id}`, { token: their.token, foreign: true })).status, 404);
  assert.equal((await s.api('DELETE', `${identities(p.id)}/${randomUUID()}`, { token: admin.token })).status, 404);
  assert.equal((await s.api('DELETE', `${identities(other.id)}/${p.made.id}`, { token: admin.token })).status, 404, "another person's link");
  assert.equal((await s.must(200, 'GET', identities(p.id), { token: admin.token })).data.length, 1);
});

test('what is remembered of a token ends with the token', async () => {
  const p = await linked(), t = await token(p.sub, { exp: await now() + 5 });
  for (const node of s.nodes) assert.equal((await me(t, node)).status, 200);
  await s.clock.advance(40_000);
  for (const node of s.nodes) assert.equal((await me(t, node)).body.code, 'TOKEN_EXPIRED');
});

// Last: it changes what the issuer publishes.
test('a new key is asked for once, and forged kids can not make us ask again', async () => {
  const p = await linked(), before = fetches, nodes = s.nodes.length;
  await add('next', 'ES256');
  const t = await token(p.sub, { kid: 'next' });
  const all = await Promise.all(Array.from({ length: 16 }, () => me(t)));
  assert.deepEqual(new Set(all.map((r) => r.status)), new Set([200]));
  for (let i = 0; i < 20; i++)
    assert.equal((await me(await token(p.sub, { kid: `forged-${i}`, key: keys.ec.privateKey, header: { alg: 'ES256', kid: `forged-${i}` } }))).status, 401);
  assert.ok(fetches - before <= nodes, `${fetches - before} fetches`);
  assert.equal((await me(await token(p.sub))).status, 200);
});

test('while the issuer is away, those whose keys are known come in', async () => {
  const p = await linked();
  answer = (r) => { r.statusCode = 500; r.end('{}'); };
  assert.equal((await me(await token(p.sub, { kid: 'rsa' }))).status, 200);
});

test('tokens of an issuer whose keys do not come leave workers to others', async () => {
  const silent = createServer(() => {});
  await new Promise((done) => silent.listen(0, '127.0.0.1', done));
  const file = join(mkdtempSync(join(tmpdir(), 'issuers-')), 'issuers.json');
  writeFileSync(file, JSON.stringify({ issuers: [{ issuer: ISSUER, audience: 'tickettoken', tenant: TENANT, jwksUrl: `http://127.0.0.1:${silent.address().port}/` }] }));
  const own = await start({ ISSUERS_FILE: file, WORKERS: '64' }), node = own.nodes[0], forged = await token(randomUUID());
  try {
    let settled = 0;
    const all = Array.from({ length: 100 }, () => own.api('GET', '/auth/me', { token: forged, node }).finally(() => { settled++; }));
    await sleep(300);
    const begun = Date.now();
    assert.equal((await own.api('GET', '/api/v1/events', { node })).status, 200);
    assert.ok(settled === 0 || Date.now() - begun < 2000, `${Date.now() - begun} ms, after ${settled} of the others`);
    for (const r of await Promise.all(all)) assert.ok([502, 504].includes(r.status), String(r.status));
  } finally {
    await own.close();
    silent.closeAllConnections();
    silent.close();
  }
});

test('a list of issuers that makes no sense stops the start', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'issuers-')), file = join(dir, 'issuers.json');
  const good = { issuer: ISSUER, audience: 'a', tenant: TENANT, jwksUrl: 'https://id.example/jwks' };
  for (const issuers of ['x', [{}], [{ ...good, jwksUrl: 'file:///etc/passwd' }], [{ ...good, tenant: 'x' }], [{ ...good, role: 'king' }], [{ ...good, issuer: 'tickettoken' }]]) {
    writeFileSync(file, JSON.stringify({ issuers }));
    const r = await run(['user', 'list', '--data', dir], { env: { NODE_ENV: 'test', ISSUERS_FILE: file } });
    assert.notEqual(r.code, 0);
    assert.match(r.err, /ISSUERS_FILE/);
  }
});
