// passed.test.mjs - services and tenants' programs that ask for what services behind answer: as
// far as the scope that the row names, and for no other tenant. With WORLD=cluster each
// request goes to the other node.
import assert from 'node:assert/strict';
import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import http2 from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import * as jose from 'jose';
import { plain } from './behind.mjs';
import { start, TENANT, until } from './harness.mjs';

const SECRET = randomBytes(24).toString('hex');
const dir = mkdtempSync(join(tmpdir(), 'passed-'));
const behind = await plain();
const row = (name, more = {}) => ({ name, prefix: `/api/${name}`, urls: `http://127.0.0.1:${behind.port}`, ...more });
const file = (name, what) => { writeFileSync(join(dir, name), JSON.stringify(what)); return join(dir, name); };

const ISSUER = 'https://id.example', pair = await jose.generateKeyPair('ES256', { extractable: true });
const jwks = JSON.stringify({ keys: [{ ...await jose.exportJWK(pair.publicKey), kid: 'ec', use: 'sig', alg: 'ES256' }] });
const idp = createServer((q, r) => r.end(jwks));
await new Promise((done) => idp.listen(0, '127.0.0.1', done));

let s, admin, person;
before(async () => {
  s = await start({ SERVICE_SECRET: SECRET, RATE_LIMITS: 'on', RATE_LIMIT_PROXY: '60', RATE_LIMIT_REGISTER: '1000', HTTP2: 'always',
    ISSUERS_FILE: file('issuers.json', { issuers: [{ issuer: ISSUER, audience: 'tickettoken', tenant: TENANT,
      jwksUrl: `http://127.0.0.1:${idp.address().port}/jwks.json` }] }),
    SERVICES_FILE: file('services.json', { services: [
      { id: 'shop-service', scopes: ['proxy:*', 'tickets:read'] }, { id: 'door-service', scopes: ['tickets:read'] },
      { id: 'chief-service', scopes: ['admin:*'] }, { id: 'lost-service', scopes: ['proxy:*'] }] }),
    PROXY_FILE: file('proxy.json', { upstreams: [row('any'), row('tickets', { scope: 'tickets:read' }), row('open', { access: 'open' })] }) });
  admin = await s.somebody('admin');
  person = await s.register();
});
after(async () => { await s.close(); behind.close(); idp.close(); rmSync(dir, { recursive: true, force: true }); });

function token(iss, claims = {}) {
  const iat = Math.floor(Date.now() / 1000);
  const body = { iss, sub: iss, iat, exp: iat + 300, nonce: randomBytes(16).toString('hex'), env: 'test',
    scopes: ['proxy:*', 'tickets:read', 'admin:*'], ...claims };
  const sig = createHmac('sha256', SECRET).update(JSON.stringify(body)).digest('hex');
  return Buffer.from(JSON.stringify({ ...body, sig })).toString('base64');
}
const ask = (path, headers, { tenant = TENANT, ...more } = {}) => s.api('GET', path, { ...more, headers: { ...(tenant ? { 'x-tenant-id': tenant } : {}), ...headers } });
const as = (iss, claims) => ({ 'x-service-token': token(iss, claims) });
const told = (r) => { assert.equal(r.status, 200, r.text); return JSON.parse(Buffer.from(r.body.headers['x-service-token'], 'base64').toString()); };
const refused = async (asked, ...outcome) => { const r = await asked; assert.deepEqual([r.status, r.body.code], outcome, r.text); return r; };

test('a service with the scope is passed on, for the tenant that it names and in our own name', async () => {
  const t = told(await ask('/api/any/x', as('shop-service')));
  assert.deepEqual([t.iss, t.aud, t.tenantId, t.userId], ['tickettoken', 'any', TENANT, undefined]);
  assert.equal(told(await ask('/api/any/x', as('shop-service', { userId: person.id, tenantId: TENANT }), { tenant: null })).userId, person.id);
  told(await ask('/api/tickets/x', as('door-service')));
  told(await ask('/api/any/x', as('chief-service')));
  const jwt = await new jose.SignJWT({ iss: 'shop-service', aud: 'tickettoken', scope: 'proxy:*' }).setIssuedAt().setExpirationTime('300s')
    .setProtectedHeader({ alg: 'HS256', typ: 'st+jwt', kid: 'shop-service' }).sign(Buffer.from(SECRET));
  told(await ask('/api/any/x', { authorization: `Bearer ${jwt}` }));
});

test('without the scope of the row, with a false token or without a tenant it is not', async () => {
  const before_ = behind.count.requests;
  assert.equal((await refused(ask('/api/any/x', as('door-service')), 403, 'INSUFFICIENT_SCOPE')).body.detail, 'Missing scope: proxy:*');
  await refused(ask('/api/any/x', as('shop-service', { scopes: ['tickets:read'] })), 403, 'INSUFFICIENT_SCOPE');
  await refused(ask('/api/tickets/x', as('lost-service')), 403, 'INSUFFICIENT_SCOPE');
  await refused(ask('/api/any/x', as('shop-service', { aud: 'door-service' })), 401, 'INVALID_SERVICE_TOKEN');
  await refused(ask('/api/any/x', as('mallory')), 401, 'UNTRUSTED_SERVICE');
  await refused(ask('/api/any/x', { 'x-service-token': 'x' }), 401, 'INVALID_SERVICE_TOKEN');
  await refused(ask('/api/any/x', as('shop-service'), { tenant: null }), 400, 'MISSING_TENANT_HEADER');
  await refused(ask('/api/any/x', as('shop-service', { tenantId: TENANT }), { tenant: randomUUID() }), 403, 'FORBIDDEN');
  await refused(ask('/api/any/x', { 'x-internal-service': 'shop-service' }), 401, 'UNAUTHORIZED');
  assert.equal(behind.count.requests, before_, 'nothing of it arrived');
  assert.equal((await s.cli(['service', 'revoke', 'lost-service', '--reason', 'a test'], { env: { SERVICES_FILE: join(dir, 'services.json') } })).code, 0);
  for (const node of s.nodes)
    await until('it is refused', async () => (await ask('/api/any/x', as('lost-service'), { node })).body.code === 'SERVICE_REVOKED', 3000);
});

test('who shows a person beside it is that person, and on an open row a machine is nobody', async () => {
  const t = told(await ask('/api/any/x', { ...as('shop-service'), authorization: `Bearer ${person.token}` }));
  assert.equal(t.userId, person.id);
  await refused(ask('/api/any/x', { ...as('shop-service'), authorization: 'Bearer no.such.token' }), 401, 'INVALID_TOKEN');
  assert.equal(told(await ask('/api/open/x', { 'x-service-token': 'a lie' })).userId, undefined);
});

test('a service asks for no tenant that is suspended', async () => {
  const chief = await s.somebody('super-admin'), tenant = (await s.stranger()).tenantId;
  told(await ask('/api/any/x', as('shop-service'), { tenant }));
  await s.must(200, 'PUT', `/auth/admin/tenants/${tenant}/status`, { token: chief.token, body: { status: 'SUSPENDED' } });
  for (const node of s.nodes)
    await until('it is refused', async () => (await ask('/api/any/x', as('shop-service'), { tenant, node })).body.code === 'INVALID_TENANT', 3000);
});

test("a tenant's program is passed on with a key that has the scope, at its first request", async () => {
  const make = async (scopes) => s.must(201, 'POST', '/auth/admin/api-keys', { token: admin.token, body: { name: 'shop', scopes } });
  const good = await make(['proxy:*']), other = await make(['tickets:read']);
  const comes = (key, path = '/api/any/x', node = undefined, tenant = null) => ask(path, { 'x-api-key': key }, { tenant, node });
  for (const node of s.nodes) {
    const posted = await fetch(`http://127.0.0.1:${node.port}/api/any/x`, { method: 'POST', body: 'all of it', headers: { 'x-api-key': good.key } });
    assert.deepEqual([posted.status, (await posted.json()).text], [200, 'all of it']);
  }
  const t = told(await comes(good.key));
  assert.deepEqual([t.tenantId, t.userId], [TENANT, admin.id]);
  await refused(comes(good.key, '/api/any/x', undefined, randomUUID()), 403, 'FORBIDDEN');
  await refused(comes(good.key, '/api/tickets/x'), 403, 'INSUFFICIENT_SCOPE');
  await refused(comes(other.key), 403, 'INSUFFICIENT_SCOPE');
  for (const node of s.nodes) told(await comes(other.key, '/api/tickets/x', node));
  await refused(comes('ttk_short'), 401, 'INVALID_API_KEY');
  for (const node of s.nodes) await refused(comes(`ttk_${'A'.repeat(43)}`, '/api/any/x', node), 401, 'INVALID_API_KEY');
  await s.clock.advance(300_000);                 // who calls every five minutes hears of it no more than others
  for (const node of s.nodes) assert.equal((await comes(good.key, '/api/any/x', node)).status, 200);
  assert.equal((await s.api('DELETE', `/auth/admin/api-keys/${good.apiKey.id}`, { token: admin.token })).status, 204);
  for (const node of s.nodes)
    await until('it is revoked', async () => (await comes(good.key, '/api/any/x', node)).body.code === 'INVALID_API_KEY', 3000);
});

test('over HTTP/2 too, with its body', async () => {
  const made = await s.must(201, 'POST', '/auth/admin/api-keys', { token: admin.token, body: { name: 'h2', scopes: ['proxy:*'] } });
  const body = 'x'.repeat(700_000);
  for (const node of s.nodes) {
    const session = http2.connect(`http://127.0.0.1:${node.port}`);
    const post = async (key) => {
      const stream = session.request({ ':method': 'POST', ':path': '/api/any/x', 'x-api-key': key });
      stream.end(body);
      const [headers] = await once(stream, 'response'), parts = [];
      for await (const p of stream) parts.push(p);
      return [headers[':status'], JSON.parse(Buffer.concat(parts))];
    };
    const [status, answer] = await post(made.key);
    assert.deepEqual([status, answer.bytes], [200, body.length]);
    const [wrong, problem] = await post(`ttk_${'B'.repeat(43)}`);
    assert.deepEqual([wrong, problem.code], [401, 'INVALID_API_KEY']);
    session.destroy();
  }
});

test("another issuer's token is good at its first request", async () => {
  const sub = randomUUID(), iat = Math.floor(await s.now() / 1000);
  const sign = (key, subject = sub) => new jose.SignJWT({ iss: ISSUER, aud: 'tickettoken', sub: subject, iat, exp: iat + 300 })
    .setProtectedHeader({ alg: 'ES256', kid: 'ec', typ: 'JWT' }).sign(key);
  await s.must(201, 'POST', `/auth/admin/users/${person.id}/identities`, { token: admin.token, body: { issuer: ISSUER, subject: sub } });
  const good = await sign(pair.privateKey), other = (await jose.generateKeyPair('ES256')).privateKey;
  for (const node of s.nodes) {
    assert.equal(told(await ask('/api/any/x', {}, { token: good, node })).userId, person.id);
    await refused(ask('/api/any/x', {}, { token: await sign(other), node }), 401, 'INVALID_TOKEN');
    await refused(ask('/api/any/x', {}, { token: await sign(pair.privateKey, randomUUID()), node }), 403, 'NOT_LINKED');
    await refused(ask('/api/any/x', {}, { token: good, node, tenant: randomUUID() }), 403, 'FORBIDDEN');
  }
});

test("on an open row another issuer's token is somebody's at its first request too, and a bad one nobody's", async () => {
  const other = await s.register(), sub = randomUUID(), iat = Math.floor(await s.now() / 1000);
  const sign = (key, subject) => new jose.SignJWT({ iss: ISSUER, aud: 'tickettoken', sub: subject, iat, exp: iat + 300, jti: randomUUID() })
    .setProtectedHeader({ alg: 'ES256', kid: 'ec', typ: 'JWT' }).sign(key);
  await s.must(201, 'POST', `/auth/admin/users/${other.id}/identities`, { token: admin.token, body: { issuer: ISSUER, subject: sub } });
  const forger = (await jose.generateKeyPair('ES256')).privateKey;
  for (const node of s.nodes) {
    const good = await sign(pair.privateKey, sub);
    for (let i = 0; i < 3; i++) assert.equal(told(await ask('/api/open/x', {}, { token: good, node })).userId, other.id);
    for (const bad of [await sign(forger, sub), await sign(pair.privateKey, randomUUID())])
      for (let i = 0; i < 3; i++) assert.equal(told(await ask('/api/open/x', {}, { token: bad, node })).userId, undefined);
    const posted = await s.api('POST', '/api/open/x', { token: await sign(pair.privateKey, sub), node, body: { much: 'x'.repeat(50_000) } });
    assert.deepEqual([told(posted).userId, posted.body.bytes], [other.id, 50_011]);
  }
});

test('a service is not counted as a person is', async () => {
  const iat = Math.floor(await s.now() / 1000), [node] = s.nodes, fresh = await s.register();
  const many = async (headers, more) => new Set(await Promise.all(Array.from({ length: 90 }, async () =>
    (await ask('/api/any/x', headers, { node, ...more })).status)));
  assert.deepEqual([...await many(as('shop-service', { iat, exp: iat + 300 }))], [200]);
  assert.ok((await many({}, { token: fresh.token })).has(429));
});

test('a tenant that was suspended long ago is still so, also after a restart', async () => {
  const chief = await s.somebody('super-admin'), [tenant, back] = [randomUUID(), randomUUID()];
  for (const t of [tenant, back]) await s.somebody('customer', t);
  for (const t of [tenant, back]) await s.must(200, 'PUT', `/auth/admin/tenants/${t}/status`, { token: chief.token, body: { status: 'SUSPENDED' } });
  await s.must(200, 'PUT', `/auth/admin/tenants/${back}/status`, { token: chief.token, body: { status: 'ACTIVE' } });
  await s.clock.advance(20 * 60_000);
  await new Promise((done) => setTimeout(done, 1500));
  const look = async (node, of) => {
    const iat = Math.floor(await s.now() / 1000);
    return ask('/api/any/x', as('shop-service', { iat, exp: iat + 300 }), { tenant: of, node });
  };
  for (let round = 0; round < 2; round++) {
    for (const node of s.nodes) {
      await refused(look(node, tenant), 400, 'INVALID_TENANT');
      told(await look(node, back));
    }
    if (round === 0) { await s.stop(); await s.open(); }
  }
});
