// services.test.mjs - another service calls us: with tokens that node:crypto signs by what
// is documented, and with all the tokens that must not be taken. With WORLD=cluster what
// one node revokes is shown to the other.
import assert from 'node:assert/strict';
import { createHash, createHmac, randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import * as jose from 'jose';
import { root, start, TENANT, until } from './harness.mjs';

const SECRET = randomBytes(24).toString('hex'), BEFORE = randomBytes(24).toString('hex');
const OWN = randomBytes(24).toString('hex');
const dir = mkdtempSync(join(tmpdir(), 'services-'));
const list = join(dir, 'services.json');
writeFileSync(join(dir, 'scanner.key'), OWN + '\n', { mode: 0o600 });
writeFileSync(list, JSON.stringify({ services: [
  { id: 'auth-service', scopes: ['events:read', 'venues:read', 'admin:*'] },
  { id: 'ticket-service', scopes: ['events:read', 'tickets:read', 'tickets:write', 'users:read'] },
  { id: 'search-service', scopes: ['events:read', 'venues:read'] },
  { id: 'scanner', scopes: ['users:read'], secretFile: join(dir, 'scanner.key') },
] }));

let s, chief;
before(async () => {
  s = await start({ SERVICES_FILE: list, SERVICE_SECRET: SECRET, SERVICE_SECRET_PREVIOUS: BEFORE,
    SERVICE_SECRET_ROTATED_AT: new Date().toISOString(), RATE_LIMITS: 'on', RATE_LIMIT_DEFAULT: '30',
    RATE_LIMIT_LOGIN: '1000', RATE_LIMIT_REGISTER: '1000' });
  chief = await s.somebody('super-admin');
});
after(() => s.close());

// File 000, "Token Format": the claims in this order, sig last, the whole in base64.
const hmac = (text, key) => createHmac('sha256', key).update(text).digest('hex');
async function token(claims = {}, key = SECRET) {
  const iat = Math.floor(await s.now() / 1000);
  const body = { iss: 'ticket-service', sub: 'ticket-service', iat, exp: iat + 300, nonce: randomBytes(16).toString('hex'),
    env: 'test', scopes: ['events:read', 'users:read'], ...claims };
  return Buffer.from(JSON.stringify({ ...body, sig: hmac(JSON.stringify(body), key) })).toString('base64');
}

const WHO = '/auth/internal/users/by-email/nobody@example.com';
const ask = (t, { path = WHO, method = 'GET', tenant = TENANT, ...more } = {}) => s.api(method, path, { ...more,
  headers: { ...(t === undefined ? {} : { 'x-service-token': t }), ...(tenant ? { 'x-tenant-id': tenant } : {}), ...more.headers } });
const refused = async (t, status, code, detail, options) => {
  const r = await ask(t, options);
  assert.deepEqual([r.status, r.body.code, r.body.detail], [status, code, detail]);
};
const INVALID = [401, 'INVALID_SERVICE_TOKEN', 'Invalid token format'];
const SIGNATURE = [401, 'INVALID_SERVICE_SIGNATURE', 'Invalid signature'];

test('a token that anybody can compute from the description is taken, again and again', async () => {
  const t = await token();
  for (let i = 0; i < 4; i++) assert.deepEqual((await ask(t)).body, { found: false });
  assert.equal((await ask(await token({ extra: { a: [1, 'é'] } }))).status, 200);
});

test('the example of docs/operate.md makes tokens that are taken', async () => {
  const page = readFileSync(join(root, 'docs/operate.md'), 'utf8');
  writeFileSync(join(dir, 'token.mjs'), /^```js token\n(.*?)^```/ms.exec(page)[1]);
  const { serviceToken } = await import(join(dir, 'token.mjs'));
  const say = (env, secret) => serviceToken('ticket-service', ['users:read'], { secret, env });
  assert.equal((await ask(say('test', SECRET))).status, 200);
  await refused(say(undefined, SECRET), ...INVALID);
  await refused(say('test', BEFORE + 'x'), ...SIGNATURE);
});

test('a token is refused with the words of the document and no others', async () => {
  const now = Math.floor(await s.now() / 1000);
  await refused(undefined, 401, 'MISSING_SERVICE_TOKEN', 'This is for services: it needs a valid X-Service-Token.');
  await refused(await token({ iat: now - 301, exp: now - 1 }), 401, 'SERVICE_TOKEN_EXPIRED', 'Token expired');
  await refused(await token({ iss: 'mallory' }), 401, 'UNTRUSTED_SERVICE', 'Untrusted service');
  await refused(await token({}, 'x'.repeat(48)), ...SIGNATURE);
  await refused(await token({ iat: now + 120, exp: now + 400 }), ...INVALID);
  await refused(await token({ exp: now + 4000 }), ...INVALID);
  await refused(await token({ env: 'production' }), ...INVALID);
  await refused(await token({ aud: 'order-service' }), ...INVALID);
  await refused(await token({ nonce: 'short' }), ...INVALID);
  await refused(await token({ scopes: 'admin:*' }), ...INVALID);
  await refused('%%%', ...INVALID);
  await refused('', ...INVALID);
  await refused('A'.repeat(6000), ...INVALID);
  await refused(Buffer.from('{}').toString('base64'), ...INVALID);
  assert.equal((await ask(await token({ aud: 'tickettoken' }))).status, 200);
});

test('scopes, names and signatures can not be altered, nor the same bytes written otherwise', async () => {
  const t = await token(), text = Buffer.from(t, 'base64').toString();
  const changed = (from, to) => Buffer.from(text.replace(from, to)).toString('base64');
  await refused(changed('"users:read"', '"users:read","admin:*"'), ...SIGNATURE);
  await refused(changed('"iss":"ticket-service"', '"iss":"auth-service"'), ...SIGNATURE);
  await refused(changed(/"exp":(\d+)/, (_, n) => `"exp":${Number(n) + 1}`), ...SIGNATURE);
  await refused(changed(/"sig":"./, (m) => m.slice(0, -1) + (m.endsWith('0') ? '1' : '0')), ...SIGNATURE);
  await refused(changed(/"sig":"[0-9a-f]+/, (m) => m.toUpperCase().replace('SIG', 'sig')), ...INVALID);
  await refused(changed('{', '{"iss":"auth-service",'), ...INVALID);
  await refused(t + '=', ...INVALID);
  await refused(t.replace(/=*$/, '') + (t.endsWith('=') ? '' : '='), ...INVALID);
});

test('a service may no more than the list says, and is told which scope it lacks', async () => {
  const greedy = await token({ iss: 'search-service', scopes: ['admin:*', 'users:read', 'events:read'] });
  await refused(greedy, 403, 'INSUFFICIENT_SCOPE', 'Missing scope: users:read');
  await refused(greedy, 403, 'INSUFFICIENT_SCOPE', 'Missing scope: admin:*', { path: '/auth/admin/services' });
  await refused(await token({ scopes: ['events:read'] }), 403, 'INSUFFICIENT_SCOPE', 'Missing scope: users:read');
  assert.equal((await ask(await token({ iss: 'auth-service', scopes: ['admin:*'] }))).status, 200);
  await refused(await token(), 403, 'SERVICE_NOT_ALLOWED', 'This is for people, or for other services.', { path: '/auth/me' });
});

test('a service says for which tenant it asks, and a token that names one is for no other', async () => {
  const t = await token();
  await refused(t, 400, 'MISSING_TENANT_HEADER', 'A service must say for which tenant: X-Tenant-Id.', { tenant: null });
  await refused(t, 400, 'INVALID_TENANT', 'There is no such tenant.', { tenant: 'shop' });
  await refused(t, 400, 'INVALID_TENANT', 'There is no such tenant.', { tenant: randomUUID() });
  const bound = await token({ tenantId: TENANT });
  assert.equal((await ask(bound, { tenant: null })).status, 200);
  assert.equal((await ask(bound, { tenant: (await s.stranger()).tenantId })).body.code, 'FORBIDDEN');
});

test('a secret that was replaced is taken for a day', async () => {
  assert.equal((await ask(await token({}, BEFORE))).status, 200);
  const self = (await s.api('GET', '/auth/admin/services/self', { token: chief.token })).body;
  assert.equal(self.previousAccepted, true);
  assert.match(self.instance, /^tickettoken-.+-\d+-[0-9a-f]{16}$/);
  assert.ok(!JSON.stringify(self).includes(SECRET));
});

test('with a secret of its own a service is spoken for by nobody else', async () => {
  const claims = { iss: 'scanner', sub: 'scanner', scopes: ['users:read'] };
  await refused(await token(claims), ...SIGNATURE);
  await refused(await token(claims, OWN), ...INVALID);                    // for whom?
  await refused(await token({ ...claims, aud: 'ticket-service' }, OWN), ...INVALID);
  await refused(await token({ iss: 'ticket-service', aud: 'tickettoken' }, OWN), ...SIGNATURE);
  assert.equal((await ask(await token({ ...claims, aud: 'tickettoken' }, OWN))).status, 200);
});

const everywhere = (what, t, code) => Promise.all(s.nodes.map((node) =>
  until(what, async () => (await ask(t, { node })).body.code === code)));

test('one token is taken back by its hash, and its service speaks on', async () => {
  const t = await token({ iss: 'auth-service', scopes: ['admin:*'] }), other = await token();
  const tokenHash = createHash('sha256').update(t).digest('hex');
  assert.equal((await ask(t)).status, 200);
  const made = await s.api('POST', '/auth/admin/services/revocations', { token: chief.token, body: { tokenHash, reason: 'found in a log' } });
  assert.equal(made.status, 201);
  await everywhere('the token is refused', t, 'SERVICE_TOKEN_REVOKED');
  await refused(t, 401, 'SERVICE_TOKEN_REVOKED', 'Token revoked: found in a log');
  assert.equal((await ask(other)).status, 200);
  const rows = (await s.api('GET', '/auth/admin/services/revocations', { token: chief.token })).body.data;
  assert.ok(rows.some((r) => r.name === tokenHash && r.kind === 'token'));
});

test('a token that is sent whole is taken back, and its hash is no token', async () => {
  const t = await token(), path = '/auth/admin/services/revocations';
  const tokenHash = createHash('sha256').update(t).digest('hex');
  for (const wrong of [tokenHash, `${t}\n`, t.slice(0, -4), 'x'])
    assert.equal((await s.api('POST', path, { token: chief.token, body: { token: wrong, reason: 'x' } })).status, 400, wrong);
  assert.equal((await ask(t)).status, 200);
  const made = await s.api('POST', path, { token: chief.token, body: { token: t, reason: 'in a log' } });
  assert.deepEqual([made.status, made.body.name], [201, tokenHash]);
  await everywhere('the token is refused', t, 'SERVICE_TOKEN_REVOKED');
});

test('a service is taken back with a reason, over a restart, and let go on', async () => {
  const t = await token(), admin = await token({ iss: 'auth-service', scopes: ['admin:*'] });
  const made = await ask(admin, { method: 'POST', path: '/auth/admin/services/revocations', body: { service: 'ticket-service', reason: 'stolen laptop' } });
  assert.equal(made.status, 201);
  await everywhere('the service is refused', t, 'SERVICE_REVOKED');
  await refused(t, 401, 'SERVICE_REVOKED', 'Service revoked: stolen laptop');
  await refused(await token({}, 'y'.repeat(48)), ...SIGNATURE);           // a forger hears nothing of it
  await s.stop();
  await s.open();
  await refused(await token(), 401, 'SERVICE_REVOKED', 'Service revoked: stolen laptop');
  const row = (await s.api('GET', '/auth/admin/services', { token: chief.token })).body.data.find((r) => r.id === 'ticket-service');
  assert.equal(row.revoked, 'stolen laptop');
  assert.equal((await s.api('DELETE', '/auth/admin/services/revocations/ticket-service', { token: chief.token })).status, 204);
  await Promise.all(s.nodes.map((node) => until('it speaks again', async () => (await ask(t, { node })).status === 200)));
  const audit = (await s.api('GET', '/auth/admin/audit?action=service.revoked', { token: chief.token })).body.data;
  assert.ok(audit.some((a) => a.target === 'ticket-service'));
});

test('only who runs the installation takes back, and what is not there can not be', async () => {
  const admin = await s.somebody('admin');
  const path = '/auth/admin/services/revocations', body = { service: 'ticket-service', reason: 'x' };
  for (const [method, p] of [['GET', '/auth/admin/services'], ['GET', '/auth/admin/services/self'], ['GET', path], ['POST', path], ['DELETE', `${path}/scanner`]])
    assert.equal((await s.api(method, p, { token: admin.token, body: method === 'POST' ? body : undefined })).status, 403);
  for (const wrong of [{ reason: 'x' }, { service: 'scanner' }, { service: 'scanner', token: 'x', reason: 'x' }, { tokenHash: 'z'.repeat(64), reason: 'x' }])
    assert.equal((await s.api('POST', path, { token: chief.token, body: wrong })).status, 400);
  assert.equal((await s.api('POST', path, { token: chief.token, body: { service: 'nobody', reason: 'x' } })).status, 404);
  assert.equal((await s.api('DELETE', `${path}/nobody`, { token: chief.token })).status, 404);
});

test('why a token was not taken is in the log, not in the answer', async () => {
  const env = { SERVICES_FILE: list, SERVICE_SECRET: SECRET, NODE_ENV: 'staging' };
  const r = await ask((await s.cli(['service', 'token', 'ticket-service'], { env })).out.trim());
  assert.deepEqual([r.status, r.body.detail], [401, 'Invalid token format']);
  await until('it is in the log', () => s.log.includes('why=made under another NODE_ENV'));
});

test('the command line lists, makes a token and takes back under a running server', async () => {
  const env = { SERVICES_FILE: list, SERVICE_SECRET: SECRET, NODE_ENV: 'test' };
  assert.match((await s.cli(['service'], { env })).out, /scanner +own +trusted +users:read\n/);
  const t = (await s.cli(['service', 'token', 'ticket-service'], { env })).out.trim();
  assert.equal((await ask(t)).status, 200);
  const back = await s.cli(['service', 'revoke', createHash('sha256').update(t).digest('hex'), '--reason', 'by hand'], { env });
  assert.equal(back.code, 0, back.err);
  await everywhere('it is refused', t, 'SERVICE_TOKEN_REVOKED');
  for (const wrong of [['token'], ['token', 'nobody'], ['revoke', 'ticket-service'], ['revoke', 'nobody', '--reason', 'x'], ['dance']])
    assert.notEqual((await s.cli(['service', ...wrong], { env })).code, 0);
});

test('what other services ask about people is answered for their tenant only', async () => {
  const p = await s.register(), foreign = await s.stranger(), t = await token();
  const one = await ask(t, { path: `/auth/internal/users/${p.id}` });
  assert.deepEqual([one.body.user.email, one.body.user.role, one.body.user.tenantId], [p.email, 'customer', TENANT]);
  assert.equal((await ask(await token({ scopes: [] }), { path: `/auth/internal/users/${p.id}` })).status, 403);
  assert.ok(!/hash|password|phone/i.test(JSON.stringify(one.body)));
  assert.equal((await ask(t, { path: `/auth/internal/users/${foreign.id}`, foreign: true })).status, 404);
  assert.equal((await ask(t, { path: `/auth/internal/users/by-email/${encodeURIComponent(p.email)}` })).body.user.id, p.id);
  assert.equal((await ask(t, { path: `/auth/internal/users/by-email/${encodeURIComponent(foreign.email)}` })).body.found, false);
  const some = (userIds) => ask(t, { method: 'POST', path: '/auth/internal/validate-users', body: { userIds } });
  assert.deepEqual([(await some([p.id])).body.valid, (await some([p.id, foreign.id])).body.missing], [true, [foreign.id]]);
  for (const wrong of ['x', [1], ['x'], Array(101).fill(p.id)]) assert.equal((await some(wrong)).status, 400);
});

test('another service finds who runs a tenant, and of which somebody is', async () => {
  const boss = await s.somebody('admin'), foreign = await s.stranger(), t = await token();
  const admins = (query = '', how = {}) => ask(t, { path: `/auth/internal/users/admins${query}`, ...how });
  const ids = async (...how) => (await admins(...how)).body.users.map((u) => u.id);
  assert.ok((await ids()).includes(boss.id) && (await ids()).includes(chief.id));
  assert.ok((await ids('?roles=admin')).includes(boss.id) && !(await ids('?roles=admin')).includes(chief.id));
  assert.ok((await ids('?roles=super-admin,admin')).includes(chief.id));
  assert.deepEqual(await ids('', { tenant: foreign.tenantId }), [], 'a tenant of another sees its own');
  for (const wrong of ['?roles=customer', '?roles=', '?roles=admin,x']) assert.equal((await admins(wrong)).status, 400, wrong);
  assert.equal((await ask(await token({ scopes: ['events:read'] }), { path: '/auth/internal/users/admins' })).body.code, 'INSUFFICIENT_SCOPE');
  await s.must(200, 'PUT', `/auth/admin/users/${boss.id}/status`, { token: chief.token, body: { status: 'SUSPENDED' } });
  assert.ok(!(await ids()).includes(boss.id));

  const whose = (id, how) => ask(t, { path: `/auth/internal/user-tenant/${id}`, tenant: null, ...how });
  assert.deepEqual((await whose(foreign.id)).body, { userId: foreign.id, tenantId: foreign.tenantId });
  assert.equal((await whose(boss.id)).body.tenantId, TENANT);
  assert.equal((await whose(foreign.id, { tenant: TENANT, foreign: true })).status, 404);
  assert.equal((await ask(await token({ tenantId: TENANT }), { path: `/auth/internal/user-tenant/${foreign.id}`, tenant: null, foreign: true })).status, 404);
  assert.equal((await whose(randomUUID())).status, 404);
  const { key } = await s.must(201, 'POST', '/auth/admin/api-keys', { token: (await s.somebody('admin')).token, body: { name: 'k', scopes: ['users:read'] } });
  assert.equal((await s.api('GET', `/auth/internal/user-tenant/${boss.id}`, { headers: { 'x-api-key': key } })).body.code, 'SERVICE_NOT_ALLOWED');
});

test('whether somebody may do something is asked by his role in the tenant and at a venue', async () => {
  const boss = await s.organiser(), guest = await s.register(), foreign = await s.stranger();
  const venue = await s.venue(boss), theirs = await s.venue(foreign), t = await token();
  const may = (userId, permissions, venueId) => ask(t, { method: 'POST', path: '/auth/internal/validate-permissions', body: { userId, permissions, venueId } });
  assert.deepEqual((await may(boss.id, ['events:update', 'tickets:sell'], venue.id)).body,
    { valid: true, userId: boss.id, role: 'venue_manager', venueRole: 'venue-owner', tenantId: TENANT });
  assert.equal((await may(guest.id, ['events:update'], venue.id)).body.valid, false);
  assert.equal((await may(guest.id, ['tickets:purchase'])).body.valid, true);
  assert.equal((await may(boss.id, ['world:end'])).body.valid, false);
  assert.equal((await may(foreign.id, ['tickets:purchase'])).status, 404);
  assert.equal((await may(boss.id, ['events:update'], theirs.id)).status, 404);
  assert.equal((await may(boss.id, 'events:update')).status, 400);
});

// RFC 7519 with the same secret, made by npm jose.
async function jwt(claims = {}, { key = SECRET, kid = 'ticket-service', alg = 'HS256', typ = 'st+jwt', order } = {}) {
  const iat = Math.floor(await s.now() / 1000);
  const head = order === 'last' ? { typ, kid, alg } : { alg, typ, kid };
  return new jose.SignJWT({ iss: kid, aud: 'tickettoken', iat, exp: iat + 300, jti: randomUUID(), scope: 'events:read users:read', ...claims })
    .setProtectedHeader(head).sign(new TextEncoder().encode(key));
}
const bearer = (t, path = WHO) => s.api('GET', path, { token: t, headers: { 'x-tenant-id': TENANT } });

test('a service that speaks JWT is judged by the same rules', async () => {
  const now = Math.floor(await s.now() / 1000), t = await jwt();
  assert.equal((await bearer(t)).status, 200);
  assert.equal((await bearer(await jwt({}, { order: 'last' }))).status, 200);
  assert.equal((await bearer(await jwt({}, { key: BEFORE }))).status, 200);
  assert.equal((await bearer(await jwt({}, { kid: 'scanner', key: OWN }))).status, 200);
  const codes = [];
  for (const [claims, how] of [[{ iat: now - 400, exp: now - 100 }], [{ exp: now + 9000 }], [{ aud: 'other' }], [{ aud: undefined }], [{ iss: 'auth-service' }],
    [{}, { kid: 'nobody' }], [{}, { kid: 'scanner' }], [{}, { typ: 'at+jwt' }], [{ nbf: now + 100 }], [{ scope: 'events:read' }]])
    codes.push((await bearer(await jwt(claims, how))).body.code);
  assert.deepEqual(codes, ['SERVICE_TOKEN_EXPIRED', 'INVALID_SERVICE_TOKEN', 'INVALID_SERVICE_TOKEN', 'INVALID_SERVICE_TOKEN', 'INVALID_SERVICE_TOKEN',
    'UNTRUSTED_SERVICE', 'INVALID_SERVICE_SIGNATURE', 'INVALID_SERVICE_SIGNATURE', 'INVALID_SERVICE_TOKEN', 'INSUFFICIENT_SCOPE']);
  assert.equal((await bearer(t, '/auth/me')).body.code, 'SERVICE_NOT_ALLOWED');
  const body = { token: t, reason: 'by its text' };
  await s.must(201, 'POST', '/auth/admin/services/revocations', { token: chief.token, body });
  await Promise.all(s.nodes.map((node) => until('it is refused', async () =>
    (await s.api('GET', WHO, { token: t, node })).body.code === 'SERVICE_TOKEN_REVOKED')));
});

test('a token of a person is no service, and that of a service no person, with whatever key', async () => {
  const p = await s.register(), jwks = await s.must(200, 'GET', '/.well-known/jwks.json');
  assert.equal((await bearer(p.token)).body.code, 'MISSING_SERVICE_TOKEN');
  for (const key of [JSON.stringify(jwks.keys[0]), jwks.keys[0].x])       // the public key as a secret
    for (const kid of ['ticket-service', jwks.keys[0].kid])
      assert.equal((await bearer(await jwt({ sub: p.id, tenant_id: TENANT }, { key, kid, typ: 'at+jwt' }), '/auth/me')).status, 401);
});

// A signed request: by header, whatever the path and body are.
async function signed(method, path, { body, key = SECRET, service = 'ticket-service', nonce = randomBytes(16).toString('hex'),
  at = 0, text = body === undefined ? undefined : JSON.stringify(body), ...over } = {}) {
  const timestamp = String(await s.now() + at), hash = text === undefined ? undefined : createHash('sha256').update(text).digest('hex');
  const headers = { 'x-internal-service': service, 'x-internal-timestamp': timestamp, 'x-internal-nonce': nonce,
    'x-internal-signature': hmac([service, timestamp, nonce, method, path, hash ?? ''].join(':'), key),
    ...(hash ? { 'x-internal-body-hash': hash } : {}), 'x-tenant-id': TENANT, ...over.headers };
  return { headers, send: (as = {}) => s.api(as.method ?? method, as.path ?? path, { headers: { ...headers, ...as.headers }, body: as.text ?? text }) };
}

test('a request that is signed by itself is taken once, and as it was signed', async () => {
  const p = await s.register(), path = '/auth/internal/validate-users', body = { userIds: [p.id] };
  const r = await signed('POST', path, { body });
  assert.equal((await r.send({ text: JSON.stringify({ userIds: [] }) })).body.code, 'INVALID_SERVICE_SIGNATURE');
  assert.equal((await r.send({ path: `${path}?x=1` })).body.code, 'INVALID_SERVICE_SIGNATURE');
  assert.equal((await r.send({ headers: { 'x-internal-service': 'auth-service' } })).body.code, 'INVALID_SERVICE_SIGNATURE');
  assert.equal((await r.send()).body.valid, true);                        // none of those has spent it
  assert.equal((await r.send()).body.code, 'INVALID_SERVICE_SIGNATURE');
  assert.equal((await (await signed('GET', WHO)).send()).status, 200);
  const codes = [];
  for (const o of [{ at: -90_000 }, { at: 90_000 }, { key: BEFORE.slice(1) + 'x' }, { service: 'nobody' }, { nonce: 'a:b' }, { service: 'search-service' }])
    codes.push((await (await signed('GET', WHO, o)).send()).body.code);
  assert.deepEqual(codes, ['INVALID_SERVICE_SIGNATURE', 'INVALID_SERVICE_SIGNATURE', 'INVALID_SERVICE_SIGNATURE', 'UNTRUSTED_SERVICE',
    'INVALID_SERVICE_TOKEN', 'INSUFFICIENT_SCOPE']);
  assert.equal((await (await signed('GET', '/auth/me')).send()).body.code, 'UNAUTHORIZED');   // not a way to anything else
});

test('a body that was not signed, and a service that was taken back, are refused in a signed request', async () => {
  const path = '/auth/internal/validate-users', p = await s.register();
  const bare = await signed('POST', path);
  assert.equal((await bare.send({ text: JSON.stringify({ userIds: [p.id] }) })).body.code, 'INVALID_SERVICE_TOKEN');
  await s.must(201, 'POST', '/auth/admin/services/revocations', { token: chief.token, body: { service: 'ticket-service', reason: 'over' } });
  await Promise.all(s.nodes.map((node) => until('it is refused', async () =>
    (await s.api('GET', WHO, { headers: (await signed('GET', WHO)).headers, node })).body.code === 'SERVICE_REVOKED')));
  await s.must(204, 'DELETE', '/auth/admin/services/revocations/ticket-service', { token: chief.token });
  await Promise.all(s.nodes.map((node) => until('it speaks again', async () =>
    (await s.api('GET', WHO, { headers: (await signed('GET', WHO)).headers, node })).status === 200)));
});

test('after that day it is taken in no form', async () => {
  const old = await start({ SERVICES_FILE: list, SERVICE_SECRET: SECRET, SERVICE_SECRET_PREVIOUS: BEFORE,
    SERVICE_SECRET_ROTATED_AT: new Date(Date.now() - 25 * 3600_000).toISOString() });
  try {
    for (const [key, status] of [[SECRET, 200], [BEFORE, 401]])
      for (const headers of [{ 'x-service-token': await token({}, key) }, { authorization: `Bearer ${await jwt({}, { key })}` }, (await signed('GET', WHO, { key })).headers])
        assert.equal((await old.api('GET', WHO, { headers: { 'x-tenant-id': TENANT, ...headers } })).status, status, Object.keys(headers)[0]);
  } finally { await old.close(); }
});

test('of 32 copies of one signed request at once, exactly one is served', async () => {
  const r = await signed('GET', WHO);
  const all = await Promise.all(Array.from({ length: 32 }, () => r.send()));
  assert.deepEqual(all.map((a) => a.status).sort().filter((x) => x === 200), [200]);
});

// The last one: it uses up what this address may ask.
test('services are not counted by the limits of people', async () => {
  const t = await token(), path = '/auth/revoke', body = { token: 'x' }, limited = [];
  for (let i = 0; i < 40; i++) limited.push((await s.api('POST', path, { body })).status);
  assert.ok(limited.includes(429));
  for (let i = 0; i < 5; i++) assert.equal((await ask(t, { path, method: 'POST', body })).status, 200);
});

test('a server that runs for weeks gets another name before the first one ends', async () => {
  const self = () => s.must(200, 'GET', '/auth/admin/services/self', { token: chief.token, node: s.nodes[0] });
  await s.clock.advance(61_000);                  // past the limits of the test before
  const first = await self();
  await s.clock.advance(21 * 86400_000);
  chief = await s.login(chief.email);
  const second = await until('another name', async () => { const i = await self(); return i.instance !== first.instance && i; });
  assert.ok(Date.parse(second.validUntil) - await s.now() > 29 * 86400_000);
  assert.equal(second.fingerprint, first.fingerprint);
  assert.ok(s.log.includes(second.instance));
});
