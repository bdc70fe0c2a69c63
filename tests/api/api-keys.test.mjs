// api-keys.test.mjs - a tenant's own programs: a key that is shown once, may what its scopes
// say and no more, and is gone everywhere within a second when it is revoked.
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { cluster, start, TENANT, until } from './harness.mjs';

let s, admin;
before(async () => { s = await start(); admin = await s.somebody('admin'); });
after(() => s.close());

const make = (body, token = admin.token) => s.api('POST', '/auth/admin/api-keys', { token, body: { name: 'shop', ...body } });
const made = async (scopes, more) => { const r = await make({ scopes, ...more }); assert.equal(r.status, 201, r.text); return r.body; };
const use = (key, method, path, { headers, ...more } = {}) => s.api(method, path, { ...more, headers: { 'x-api-key': key, ...headers } });
const list = async () => (await s.must(200, 'GET', '/auth/admin/api-keys', { token: admin.token })).data;
const gone = (what, key) => Promise.all(s.nodes.map((node) =>
  until(what, async () => (await use(key, 'GET', '/api/v1/orders', { node })).body.code === 'INVALID_API_KEY')));

test('a key is shown once, and what is kept of it is no key', async () => {
  const { key, apiKey } = await made(['events:write', 'events:read']);
  assert.match(key, /^ttk_[A-Za-z0-9_-]{43}$/);
  assert.equal(apiKey.prefix, key.slice(0, 12));
  assert.deepEqual(apiKey.scopes, ['events:read', 'events:write']);
  const row = (await list()).find((r) => r.id === apiKey.id);
  assert.deepEqual([row.prefix, row.createdBy], [apiKey.prefix, admin.id]);
  assert.ok(!JSON.stringify(await list()).includes(key));
  assert.ok(!s.log.includes(key));
  if (cluster) return;
  for (const f of readdirSync(s.dir).filter((n) => n.startsWith('tickettoken.db')))
    assert.ok(!readFileSync(join(s.dir, f)).includes(key), `${f} holds the key`);
});

test('with events:write a program runs an event, in the name of who made the key', async () => {
  const { key } = await made(['events:write', 'tickets:write']);
  const boss = await s.organiser(), venue = await s.venue(boss), day = 86400_000, now = await s.now();
  const body = { name: 'By a program', venueId: venue.id, startsAt: new Date(now + 30 * day).toISOString(), endsAt: new Date(now + 31 * day).toISOString() };
  const r = await use(key, 'POST', '/api/v1/events', { body, key: randomUUID() });
  assert.equal(r.status, 201, r.text);
  const { event } = r.body;
  const type = await use(key, 'POST', '/api/v1/tickets/types', { body: { eventId: event.id, name: 'Floor', priceCents: 100, currency: 'EUR', quantity: 5 } });
  assert.equal(type.status, 201, type.text);
  assert.equal((await use(key, 'POST', `/api/v1/events/${event.id}/publish`)).body.event.status, 'PUBLISHED');
  assert.equal((await use(key, 'DELETE', `/api/v1/events/${event.id}`)).body.code, 'INSUFFICIENT_SCOPE');
  assert.equal((await use(key, 'POST', '/api/v1/tickets/purchase', { body: {} })).body.code, 'SERVICE_NOT_ALLOWED');
});

test('a key is for its tenant alone', async () => {
  const { key, apiKey } = await made(['events:write', 'events:read']);
  const foreign = await s.stranger(), theirs = await s.event(foreign);
  const put = (headers) => use(key, 'PUT', `/api/v1/events/${theirs.id}`, { body: { name: 'mine now' }, headers, foreign: true });
  assert.equal((await put()).status, 404);
  assert.equal((await put({ 'x-tenant-id': foreign.tenantId })).body.code, 'FORBIDDEN');
  assert.equal((await use(key, 'GET', '/api/v1/orders', { headers: { 'x-tenant-id': TENANT } })).body.code, 'INSUFFICIENT_SCOPE');
  const their = await s.somebody('admin', foreign.tenantId);
  assert.equal((await s.api('DELETE', `/auth/admin/api-keys/${apiKey.id}`, { token: their.token, foreign: true })).status, 404);
});

test('no key does what runs the installation, and only admins make keys', async () => {
  for (const scopes of [['admin:*'], [], ['events:raed'], 'events:read', [1]]) assert.equal((await make({ scopes })).status, 400);
  assert.equal((await make({ scopes: ['events:read'], expiresAt: '2020-01-01T00:00:00Z' })).status, 400);
  assert.equal((await make({ scopes: ['events:read'] }, (await s.organiser()).token)).status, 403);
  assert.equal((await s.api('GET', '/auth/admin/api-keys', { token: (await s.register()).token })).status, 403);
  const chief = await s.somebody('super-admin'), foreign = await s.stranger();
  assert.equal((await s.api('POST', '/auth/admin/api-keys', { token: chief.token, headers: { 'x-tenant-id': foreign.tenantId },
    body: { name: 'x', scopes: ['events:read'] } })).status, 404);        // he is nobody there
  const { key } = await made(['events:read']);
  assert.equal((await use(key, 'GET', '/auth/admin/services')).body.code, 'SERVICE_NOT_ALLOWED');
  assert.equal((await use(key, 'GET', '/auth/admin/users')).body.code, 'INSUFFICIENT_SCOPE');
  const asks = (await made(['users:read'])).key;
  assert.equal((await use(asks, 'GET', `/auth/internal/users/${admin.id}`)).status, 200);
  assert.equal((await use(asks, 'GET', `/auth/internal/user-tenant/${foreign.id}`)).body.code, 'SERVICE_NOT_ALLOWED', 'whose tenant is of no tenant\u2019s keys');
});

test('a tenant has a hundred keys, and a key retries for itself', async () => {
  const { tenantId } = await s.stranger(), boss = await s.somebody('admin', tenantId), key = (await make({ scopes: ['events:write'] }, boss.token)).body.key;
  const all = await Promise.all(Array.from({ length: 105 }, () => make({ scopes: ['events:read'] }, boss.token)));
  assert.deepEqual([all.filter((r) => r.status === 201).length, all.filter((r) => r.body.code === 'CONFLICT').length], [99, 6]);
  const venue = await s.venue(await s.organiser(tenantId)), now = await s.now(), day = 86400_000, again = randomUUID();
  const body = { name: 'Twice', venueId: venue.id, startsAt: new Date(now + 30 * day).toISOString(), endsAt: new Date(now + 31 * day).toISOString() };
  const by = (how) => s.api('POST', '/api/v1/events', { ...how, key: again, body });
  const one = await by({ headers: { 'x-api-key': key } }), two = await by({ headers: { 'x-api-key': key } }), his = await by({ token: boss.token });
  assert.deepEqual([one.status, two.text === one.text, his.status], [201, true, 201]);
  assert.notEqual(his.body.event.id, one.body.event.id, 'its maker with the same idempotency key is somebody else');
});

test('an address that shows keys that are none is stopped, and a key that is one goes on', async () => {
  const own = await start({ RATE_LIMITS: 'on', RATE_LIMIT_REGISTER: '100' });
  try {
    const boss = await own.somebody('admin'), { key } = await own.must(201, 'POST', '/auth/admin/api-keys', { token: boss.token, body: { name: 'k', scopes: ['orders:read'] } });
    const tries = (k) => own.api('GET', '/api/v1/orders', { headers: { 'x-api-key': k } });
    const codes = [];
    for (let i = 0; i < 22; i++) codes.push((await tries(`ttk_${randomBytes(32).toString('base64url')}`)).status);
    assert.deepEqual([...codes.slice(0, 20), codes[21]], [...Array(20).fill(401), 429]);
    assert.equal((await tries(key)).status, 200);
  } finally { await own.close(); }
});

test('what is no key is refused, also where none is needed', async () => {
  for (const key of ['x', 'ttk_', `ttk_${randomBytes(32).toString('base64url')}`, 'ttk_' + 'A'.repeat(9000).slice(0, 500)])
    assert.deepEqual([(await use(key, 'GET', '/api/v1/events')).status, (await use(key, 'GET', '/api/v1/orders')).body.code], [401, 'INVALID_API_KEY']);
  const { key } = await made(['orders:read']);
  assert.equal((await use(key.slice(0, -1) + (key.endsWith('A') ? 'B' : 'A'), 'GET', '/api/v1/orders')).status, 401);
  assert.equal((await use(key, 'GET', '/api/v1/orders')).status, 200);
});

test('a revoked key is refused on every node within a second, and says when it was used', async () => {
  const { key, apiKey } = await made(['orders:read']);
  for (const node of s.nodes) assert.equal((await use(key, 'GET', '/api/v1/orders', { node })).status, 200);
  assert.ok((await list()).find((r) => r.id === apiKey.id).lastUsedAt);
  assert.equal((await s.api('DELETE', `/auth/admin/api-keys/${apiKey.id}`, { token: admin.token })).status, 204);
  await gone('it is refused', key);
  assert.equal((await s.api('DELETE', `/auth/admin/api-keys/${apiKey.id}`, { token: admin.token })).status, 404);
  assert.ok(!(await list()).some((r) => r.id === apiKey.id));
});

test('a key ends with its time, with its maker and with its tenant', async () => {
  const second = await s.somebody('admin');
  const { key } = (await make({ scopes: ['orders:read'] }, second.token)).body;
  assert.equal((await use(key, 'GET', '/api/v1/orders')).status, 200);
  await s.must(200, 'PUT', `/auth/admin/users/${second.id}/role`, { token: (await s.somebody('super-admin')).token, body: { role: 'customer' } });
  const short = await made(['orders:read'], { expiresAt: new Date(await s.now() + 40_000).toISOString() });
  for (const node of s.nodes) assert.equal((await use(short.key, 'GET', '/api/v1/orders', { node })).status, 200);
  await s.clock.advance(41_000);
  for (const node of s.nodes) assert.equal((await use(short.key, 'GET', '/api/v1/orders', { node })).body.code, 'INVALID_API_KEY', 'also while it is remembered');
  assert.equal((await use(short.key, 'GET', '/api/v1/orders')).body.code, 'INVALID_API_KEY');
  assert.equal((await use(key, 'GET', '/api/v1/orders')).body.code, 'INVALID_API_KEY');
});

test('the command line makes, lists and revokes keys under a running server', async () => {
  const boss = await s.somebody('admin'), guest = await s.register();
  const create = (...more) => s.cli(['api-key', 'create', '--name', 'by hand', ...more]);
  const key = (await create('--scopes', 'orders:read,events:read', '--as', boss.email)).out.trim();
  assert.equal((await use(key, 'GET', '/api/v1/orders')).status, 200);
  const id = /^(\S+) ttk_\S+\.\.\. \["events:read","orders:read"\] by hand$/m.exec((await s.cli(['api-key'])).out)[1];
  assert.equal((await s.cli(['api-key', 'revoke', id])).code, 0);
  await gone('it is refused', key);
  for (const wrong of [['--scopes', 'admin:*', '--as', boss.email], ['--scopes', 'x', '--as', boss.email], ['--as', boss.email], ['--scopes', 'orders:read'],
    ['--scopes', 'orders:read', '--as', guest.email], ['--scopes', 'orders:read', '--as', 'nobody@example.com']])
    assert.notEqual((await create(...wrong)).code, 0);
  assert.notEqual((await s.cli(['api-key', 'revoke', randomUUID()])).code, 0);
});
