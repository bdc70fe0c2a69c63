// tenants.test.mjs - tenants are made, pause and go on; their admins arrange what is theirs.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { PASSWORD, start, TENANT } from './harness.mjs';

let s, chief;
before(async () => { s = await start(); chief = await s.somebody('super-admin'); });
after(() => s.close());

const ask = (method, path, { by = chief, body, ...more } = {}) => s.api(method, `/auth/admin${path}`, { token: by.token, body, ...more });
const slug = () => `shop-${randomUUID().slice(0, 8)}`;
const made = async () => (await ask('POST', '/tenants', { body: { name: 'A shop', slug: slug() } })).body.tenant;
const everywhere = (what, token, status) => s.everywhere(what, async (node) => (await s.api('GET', '/auth/me', { token, node })).status === status);

test('a tenant is made, listed and shown, by a super-admin alone', async () => {
  const name = slug(), r = await ask('POST', '/tenants', { body: { name: 'Zum Löwen', slug: name } });
  assert.equal(r.status, 201);
  assert.deepEqual([r.body.tenant.slug, r.body.tenant.status, r.body.tenant.settings], [name, 'ACTIVE', {}]);
  assert.equal((await ask('POST', '/tenants', { body: { name: 'Another', slug: name } })).status, 409);
  for (const bad of ['', 'A', '-a', 'a-', 'a b', 'ä', 'x'.repeat(64)])
    assert.equal((await ask('POST', '/tenants', { body: { name: 'x', slug: bad } })).body.code, 'VALIDATION_ERROR', bad);
  const seen = [];
  for (let cursor = ''; cursor !== undefined;) {
    const page = (await ask('GET', `/tenants?limit=1${cursor && `&cursor=${cursor}`}`)).body;
    seen.push(...page.data.map((t) => t.id));
    cursor = page.pagination.nextCursor;
  }
  assert.ok(seen.includes(TENANT) && seen.includes(r.body.tenant.id) && new Set(seen).size === seen.length);
  assert.equal((await ask('GET', `/tenants/${r.body.tenant.id}`)).body.tenant.name, 'Zum Löwen');
  assert.equal((await ask('GET', `/tenants/${randomUUID()}`)).status, 404);
  assert.equal((await ask('GET', '/tenants?cursor=x')).body.code, 'INVALID_CURSOR');
  const admin = await s.somebody('admin', r.body.tenant.id);
  for (const [method, path, body] of [['GET', '/tenants'], ['POST', '/tenants', { name: 'x', slug: slug() }],
    ['GET', `/tenants/${TENANT}`], ['PUT', `/tenants/${TENANT}/status`, { status: 'SUSPENDED' }]])
    assert.equal((await ask(method, path, { by: admin, body })).status, 403);
});

test('a tenant that is suspended pauses on every node within a second, and goes on', async () => {
  const tenant = await made(), buyer = await s.somebody('customer', tenant.id), other = await s.register();
  const status = (value) => ask('PUT', `/tenants/${tenant.id}/status`, { body: { status: value } });
  const login = () => s.api('POST', '/auth/login', { body: { email: buyer.email, password: PASSWORD, tenantId: tenant.id } });
  const refresh = () => s.api('POST', '/auth/refresh', { body: { refreshToken: buyer.refresh } });
  const join = () => s.api('POST', '/auth/register', { body: { email: `${randomUUID()}@example.com`, password: PASSWORD, firstName: 'A', lastName: 'B', tenantId: tenant.id } });
  await everywhere('it is open', buyer.token, 200);
  assert.equal((await status('SUSPENDED')).body.tenant.status, 'SUSPENDED');
  await everywhere('it pauses', buyer.token, 401);
  for (const r of [await login(), await refresh(), await join()]) assert.ok([400, 401].includes(r.status), r.text);
  await everywhere('others go on', other.token, 200);
  assert.equal((await status('ACTIVE')).body.tenant.status, 'ACTIVE');
  await everywhere('it goes on', buyer.token, 200);
  for (const r of [await refresh(), await login(), await join()]) assert.ok(r.status < 300, r.text);
});

test('nobody suspends his own tenant, or gives a status that is none', async () => {
  assert.equal((await ask('PUT', `/tenants/${TENANT}/status`, { body: { status: 'SUSPENDED' } })).body.code, 'INVALID_STATE');
  assert.equal((await ask('PUT', `/tenants/${randomUUID()}/status`, { body: { status: 'ACTIVE' } })).status, 404);
  assert.equal((await ask('PUT', `/tenants/${(await made()).id}/status`, { body: { status: 'GONE' } })).body.code, 'VALIDATION_ERROR');
});

test('admins arrange the settings of their own tenant', async () => {
  const tenant = await made(), by = await s.somebody('admin', tenant.id);
  const settings = { fees: { serviceBps: 250 }, passwordPolicy: 'classic' };
  assert.deepEqual((await ask('PUT', '/tenant/settings', { by, body: { settings } })).body.tenant.settings, settings);
  assert.deepEqual((await ask('GET', '/tenant', { by })).body.tenant, { ...tenant, settings });
  assert.deepEqual((await ask('GET', `/tenants/${TENANT}`)).body.tenant.settings, {}, 'and of no other');
  assert.equal((await ask('GET', '/tenant', { by, headers: { 'x-tenant-id': TENANT } })).status, 403);
  for (const bad of [[], 'x', 7, null, { long: 'x'.repeat(9000) }])
    assert.equal((await ask('PUT', '/tenant/settings', { by, body: { settings: bad } })).body.code, 'VALIDATION_ERROR');
  for (const [method, path, body] of [['GET', '/tenant'], ['PUT', '/tenant/settings', { settings }]])
    assert.equal((await ask(method, path, { by: await s.register(), body })).status, 403);
});
