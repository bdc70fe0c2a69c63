// trust.test.mjs - a credential of a machine, used for what nobody meant it for: to be its
// maker, to be the person that it brings along, to reach another tenant, to outlive a fall.
import assert from 'node:assert/strict';
import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { start, TENANT, until } from './harness.mjs';
import { listenTo } from './listen.mjs';

const SECRET = randomBytes(24).toString('hex'), list = join(mkdtempSync(join(tmpdir(), 'trust-')), 'services.json');
writeFileSync(list, JSON.stringify({ services: [{ id: 'gateway', scopes: ['events:read', 'events:write', 'orders:read', 'users:read'] },
  { id: 'keeper', scopes: ['admin:*'] }] }));

let s, admin, chief;
before(async () => {
  s = await start({ SERVICES_FILE: list, SERVICE_SECRET: SECRET });
  [admin, chief] = await Promise.all([s.somebody('admin'), s.somebody('super-admin')]);
});
after(() => s.close());

async function service(claims = {}) {
  const iat = Math.floor(await s.now() / 1000);
  const body = { iss: 'gateway', sub: 'gateway', iat, exp: iat + 300, nonce: randomBytes(16).toString('hex'), env: 'test',
    scopes: ['events:read', 'events:write', 'orders:read', 'users:read'], ...claims };
  return Buffer.from(JSON.stringify({ ...body, sig: createHmac('sha256', SECRET).update(JSON.stringify(body)).digest('hex') })).toString('base64');
}
const key = async (scopes, by = admin) => (await s.must(201, 'POST', '/auth/admin/api-keys', { token: by.token, body: { name: 'k', scopes } })).key;

test('no machine opens a stream: not as who made its key, nor as whom its token names', async () => {
  for (const headers of [{ 'x-api-key': await key(['events:read']) }, { 'x-service-token': await service({ tenantId: TENANT, userId: admin.id }) }]) {
    const r = await fetch(`${s.url}/events/stream`, { headers });
    await r.body?.cancel();
    assert.equal(r.status, 401, Object.keys(headers)[0]);
  }
});

test('where anybody may look, a machine sees what anybody sees', async () => {
  const draft = await s.event(admin), look = (headers, token) => s.api('GET', `/api/v1/events/${draft.id}`, { headers, token });
  assert.equal((await look({}, admin.token)).status, 200);
  assert.equal((await look({})).status, 404);
  assert.equal((await look({ 'x-api-key': await key(['orders:read']) })).status, 404);
  assert.equal((await look({ 'x-service-token': await service({ tenantId: TENANT, userId: admin.id }) })).status, 404);
});

test('a person whom a service brings along may what he may, not what the service may', async () => {
  const boss = await s.organiser(), guest = await s.register(), event = await s.event(boss);
  const put = (by, headers) => s.api('PUT', `/api/v1/events/${event.id}`, { token: by?.token, body: { name: 'changed' }, headers });
  const vouched = { 'x-service-token': await service(), 'x-tenant-id': TENANT };
  assert.equal((await put(guest)).status, 404);
  assert.equal((await put(guest, vouched)).status, 404);
  assert.equal((await put(guest, { 'x-api-key': await key(['events:write']) })).status, 404);
  assert.equal((await put(boss, vouched)).status, 200);
  assert.equal((await put(undefined, vouched)).status, 200);
});

test('a token that names a tenant publishes to no other, also not by the body', async () => {
  const foreign = await s.stranger(), mine = await s.register();
  const say = async (claims, tenantId, userId, headers = {}) => (await s.api('POST', '/internal/events', {
    headers: { 'x-service-token': await service(claims), ...headers }, body: { type: 'a.word', data: {}, tenantId, userId } })).status;
  assert.equal(await say({ tenantId: TENANT }, foreign.tenantId, foreign.id), 403);
  assert.equal(await say({ tenantId: TENANT }, TENANT, mine.id), 202);
  assert.equal(await say({ tenantId: TENANT }, undefined, mine.id), 202);
  assert.equal(await say({}, foreign.tenantId, foreign.id), 202);
});

test('an API key ends within a second of its maker being admin, on every node', async () => {
  for (const fall of [['role', { role: 'customer' }], ['status', { status: 'SUSPENDED' }]]) {
    const maker = await s.somebody('admin'), k = await key(['orders:read'], maker);
    const uses = (node) => s.api('GET', '/api/v1/orders', { headers: { 'x-api-key': k }, node });
    for (const node of s.nodes) assert.equal((await uses(node)).status, 200);
    await s.must(200, 'PUT', `/auth/admin/users/${maker.id}/${fall[0]}`, { token: chief.token, body: fall[1] });
    await Promise.all(s.nodes.map((node) => until(`it is refused after ${fall[0]}`, async () => (await uses(node)).body.code === 'INVALID_API_KEY')));
  }
});

test('a key that may write events says what happened to its own tenant, and to no other', async () => {
  const k = await key(['events:write']), guest = await s.register(), foreign = await s.stranger();
  const say = (body, { with: by = k, path = '', headers } = {}) => s.api('POST', `/internal/events${path}`, { headers: { 'x-api-key': by, ...headers }, body });
  const m = { id: randomUUID(), type: 'seat.upgraded', data: { row: 'A' }, userId: guest.id };
  const l = listenTo(s, { token: guest.token, also: [m.type] });
  await l.hears('connected');
  assert.equal((await say(m)).status, 202);
  assert.deepEqual((await l.hears(m.type)).data, m.data);
  l.close();
  assert.equal((await say({ events: [{ ...m, id: randomUUID() }] }, { path: '/batch' })).status, 202);
  assert.equal((await say({ ...m, id: randomUUID(), tenantId: TENANT })).status, 202);
  assert.equal((await say({ ...m, tenantId: foreign.tenantId, userId: foreign.id })).body.code, 'FORBIDDEN');
  assert.equal((await say({ ...m, userId: foreign.id }, { headers: { 'x-tenant-id': foreign.tenantId } })).body.code, 'FORBIDDEN');
  assert.equal((await say({ ...m, id: randomUUID(), userId: foreign.id })).status, 404);
  assert.equal((await say(m, { with: await key(['events:read']) })).body.code, 'INSUFFICIENT_SCOPE');
});

test('nobody closes a stream by a word of its own, and no key says what only the house can know', async () => {
  const k = await key(['events:write']), guest = await s.register(), l = listenTo(s, { token: guest.token });
  await l.hears('connected');
  const say = (type, headers) => s.api('POST', '/internal/events', { headers, body: { type, data: {}, userId: guest.id, tenantId: TENANT } });
  const house = { 'x-service-token': await service() };
  for (const type of ['closed', 'reconnect', 'staff.changed', 'connected', 'gap'])
    for (const headers of [house, { 'x-api-key': k }]) assert.equal((await say(type, headers)).status, 400, type);
  for (const type of ['order.paid', 'ticket.used', 'event.cancelled', 'reservation.expired', 'refund.requested', 'webhook.test', 'availability.x'])
    assert.equal((await say(type, { 'x-api-key': k })).status, 400, type);
  assert.equal((await say('order.paid', house)).status, 202, 'a service may be who knows');
  await l.hears('order.paid');
  assert.deepEqual(l.heard.map((h) => h.event), ['connected', 'order.paid']);
  l.close();
});

test('the keys of one tenant publish only so much, and others pay nothing for it', async () => {
  const paced = await start({ SERVICES_FILE: list, SERVICE_SECRET: SECRET, RATE_LIMITS: 'on', RATE_LIMIT_REGISTER: '100', RATE_LIMIT_PUBLISH: '120' });
  try {
    const node = paced.nodes[0], boss = await paced.somebody('admin'), other = await paced.stranger(), theirs = await paced.somebody('admin', other.tenantId);
    const make = async (by) => (await paced.must(201, 'POST', '/auth/admin/api-keys', { token: by.token, body: { name: 'k', scopes: ['events:write'] } })).key;
    const mine = await make(boss), again = await make(boss), his = await make(theirs);
    const many = (n, userId = boss.id) => ({ events: Array.from({ length: n }, () => ({ type: 'a.word', data: {}, userId })) });
    const say = (headers, body, path = '/batch') => paced.api('POST', `/internal/events${path}`, { node, headers, body });
    assert.equal((await say({ 'x-api-key': mine }, many(100))).status, 202);
    const r = await say({ 'x-api-key': again }, many(100));
    assert.deepEqual([r.status, r.body.code], [429, 'RATE_LIMIT_EXCEEDED']);
    assert.ok(Number(r.headers.get('retry-after')) >= 30 && Number(r.headers.get('retry-after')) <= 60);
    assert.equal((await say({ 'x-api-key': again }, many(20))).status, 202, 'a refused batch costs nothing');
    const singles = await Promise.all(Array.from({ length: 30 }, () => say({ 'x-api-key': mine }, many(1).events[0], '')));
    assert.ok(singles.some((one) => one.status === 429), 'one by one as well');
    assert.equal((await say({ 'x-api-key': his }, many(100, theirs.id))).status, 202);
    const trusted = { 'x-service-token': await service(), 'x-tenant-id': TENANT };
    assert.equal((await say(trusted, many(100))).status, 202);
  } finally { await paced.close(); }
});

test('a token that names a tenant does not run the installation, whatever its scope', async () => {
  const keeper = (more) => service({ iss: 'keeper', sub: 'keeper', scopes: ['admin:*'], ...more });
  const list = async (more) => (await s.api('GET', '/auth/admin/tenants', { headers: { 'x-service-token': await keeper(more) } })).body;
  assert.ok((await list()).data.length > 0);
  assert.equal((await list({ tenantId: TENANT })).code, 'SERVICE_NOT_ALLOWED');
});
