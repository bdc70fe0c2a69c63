// members.test.mjs - who may change what people may, and how soon it is felt.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { PASSWORD, start, until } from './harness.mjs';

let s, chief, admin, stranger;
before(async () => {
  s = await start();
  [chief, admin, stranger] = await Promise.all([s.somebody('super-admin'), s.somebody('admin'), s.somebody('admin', randomUUID())]);
});
after(() => s.close());

const path = (p, what = '') => `/auth/admin/users/${p.id}${what}`;
const put = (by, p, what, body, more) => s.api('PUT', path(p, `/${what}`), { token: by.token, body, ...more });
const me = (token, node) => s.api('GET', '/auth/me', { token, node });
const gone = (what, token, code) => s.everywhere(what, async (node) => (await me(token, node)).body.code === code);

test('admins list and find the people of their tenant and of no other', async () => {
  const p = await s.register(), seen = [];
  for (let cursor = ''; cursor !== undefined;) {
    const r = await s.must(200, 'GET', `/auth/admin/users?limit=2${cursor && `&cursor=${cursor}`}`, { token: admin.token });
    seen.push(...r.data.map((u) => u.email));
    cursor = r.pagination.nextCursor;
  }
  assert.equal(new Set(seen).size, seen.length);
  assert.ok(seen.includes(p.email) && !seen.includes(stranger.email));
  const found = await s.must(200, 'GET', `/auth/admin/users?email=${p.email.toUpperCase()}`, { token: admin.token });
  assert.deepEqual(found.data.map((u) => u.id), [p.id]);
  const one = await s.api('GET', path(p), { token: admin.token });
  assert.deepEqual([one.body.user.role, one.body.user.status], ['customer', 'PENDING']);
  assert.ok(!/argon2|hash/i.test(one.text));
  assert.equal((await s.api('GET', '/auth/admin/users?cursor=x', { token: admin.token })).body.code, 'INVALID_CURSOR');
  const open = await s.must(200, 'GET', path(stranger), { token: chief.token, headers: { 'x-tenant-id': stranger.tenantId } });
  assert.equal(open.user.email, stranger.email, 'a super-admin looks into any tenant');
});

test('only admins, and nobody of another tenant', async () => {
  const p = await s.register();
  for (const [method, what, body] of [['GET', ''], ['PUT', '/role', { role: 'admin' }], ['PUT', '/status', { status: 'SUSPENDED' }], ['DELETE', '/sessions']]) {
    assert.equal((await s.api(method, path(p, what), { token: p.token, body })).status, 403);
    assert.equal((await s.api(method, path(p, what), { token: stranger.token, body, foreign: true })).status, 404);
  }
  assert.equal((await s.api('GET', '/auth/admin/users', { token: p.token })).status, 403);
  assert.equal((await me(p.token)).body.user.role, 'customer');
});

test('a role that is given or taken is felt on every node within a second', async () => {
  const p = await s.register();
  assert.equal((await put(admin, p, 'role', { role: 'venue_manager' })).body.user.role, 'venue_manager');
  await gone('the old token sends to refresh', p.token, 'TOKEN_EXPIRED');
  const next = await s.must(200, 'POST', '/auth/refresh', { body: { refreshToken: p.refresh } });
  const venue = await s.venue({ token: next.accessToken });
  const { data } = await s.must(200, 'GET', `/api/v1/venues/${venue.id}/staff`, { token: next.accessToken });
  assert.deepEqual(data.map((x) => [x.personId, x.role]), [[p.id, 'venue-owner']], 'who makes a venue owns it');
  assert.equal((await put(admin, p, 'role', { role: 'customer' })).status, 200);
  await gone('and back', next.accessToken, 'TOKEN_EXPIRED');
  assert.equal((await put(admin, p, 'role', { role: 'customer' })).status, 200, 'the same again is no change');
});

test('nobody gives more than he has, touches who is above him, or changes himself', async () => {
  const p = await s.register();
  assert.equal((await put(admin, p, 'role', { role: 'super-admin' })).status, 403);
  assert.equal((await put(admin, chief, 'role', { role: 'customer' })).status, 403);
  assert.equal((await put(admin, chief, 'status', { status: 'SUSPENDED' })).status, 403);
  assert.equal((await s.api('DELETE', path(chief, '/sessions'), { token: admin.token })).status, 403);
  assert.equal((await put(chief, chief, 'role', { role: 'customer' })).status, 403);
  assert.equal((await put(admin, admin, 'status', { status: 'SUSPENDED' })).status, 403);
  for (const role of ['anyone', 'root', '', 3]) assert.equal((await put(chief, p, 'role', { role })).body.code, 'VALIDATION_ERROR');
  assert.equal((await me(chief.token)).status, 200);
});

test('who is suspended is out everywhere at once and comes back only when he may', async () => {
  const p = await s.somebody('customer'), elsewhere = await s.login(p.email);
  const login = () => s.api('POST', '/auth/login', { body: { email: p.email, password: PASSWORD } });
  const cli = (await s.cli(['user', 'token', '--email', p.email])).out.trim();
  assert.equal((await put(admin, p, 'status', { status: 'SUSPENDED', reason: 'sells what he has not' })).body.user.status, 'SUSPENDED');
  for (const token of [p.token, elsewhere.token]) await gone('his sessions end', token, 'INVALID_TOKEN');
  await gone('and a token of no session', cli, 'TOKEN_EXPIRED');
  assert.equal((await s.api('POST', '/auth/refresh', { body: { refreshToken: p.refresh } })).status, 401);
  assert.equal((await login()).status, 401);
  assert.equal((await put(admin, p, 'status', { status: 'ACTIVE' })).status, 200);
  assert.equal((await s.api('POST', '/auth/refresh', { body: { refreshToken: p.refresh } })).status, 401, 'old sessions stay ended');
  assert.equal((await login()).status, 200);
  assert.equal((await put(admin, p, 'status', { status: 'DELETED' })).body.code, 'VALIDATION_ERROR');
});

test('who has not confirmed his mailbox can be suspended, and is as before when that is over', async () => {
  const p = await s.register();
  assert.equal((await put(admin, p, 'status', { status: 'SUSPENDED' })).body.user.status, 'SUSPENDED');
  assert.equal((await put(admin, p, 'status', { status: 'ACTIVE' })).body.user.status, 'PENDING');
});

test('an admin signs somebody out everywhere', async () => {
  const p = await s.somebody('customer');
  await s.must(204, 'DELETE', path(p, '/sessions'), { token: admin.token });
  await gone('it is over', p.token, 'INVALID_TOKEN');
  assert.equal((await s.login(p.email)).role, 'customer');
});

test('what one may at a venue stands in one table, by one\'s role there', async () => {
  const owner = await s.organiser(), venue = await s.venue(owner), p = await s.register(), where = `/api/v1/venues/${venue.id}`;
  const may = async (token) => (await s.must(200, 'GET', `${where}/permissions`, { token }));
  assert.equal((await may(owner.token)).permissions.length, 16);
  assert.deepEqual(await may(p.token), { role: 'none',
    permissions: ['tickets:purchase', 'tickets:view-own', 'tickets:transfer-own', 'profile:update-own'] });
  const soon = new Date(await s.now() + 3_600_000).toISOString();
  const given = (await s.must(201, 'POST', `${where}/staff`, { token: owner.token, body: { personId: p.id, role: 'box-office', expiresAt: soon } })).staff;
  assert.equal(given.grantedBy, owner.id);
  const record = async (action) => (await s.must(200, 'GET', `/auth/admin/audit?action=${action}&subject=${p.id}`, { token: admin.token })).data.map((r) => [r.actor, r.target]);
  assert.deepEqual(await record('role.granted'), [[owner.id, `box-office ${venue.id}`]]);
  const gone = await s.register();
  await s.must(201, 'POST', `${where}/staff`, { token: owner.token, body: { personId: gone.id, role: 'door-staff' } });
  await s.must(204, 'DELETE', `${where}/staff/${gone.id}`, { token: owner.token });
  const taken = (await s.must(200, 'GET', `/auth/admin/audit?action=role.revoked&subject=${gone.id}`, { token: admin.token })).data;
  assert.deepEqual(taken.map((r) => [r.actor, r.target]), [[owner.id, `none ${venue.id}`]]);
  const has = (await may(p.token)).permissions;
  for (const word of ['tickets:sell', 'tickets:validate', 'payments:process', 'reports:daily']) assert.ok(has.includes(word), word);
  for (const word of ['events:update', 'roles:manage', 'reports:export']) assert.ok(!has.includes(word), word);
  await s.clock.advance(3_700_000);
  const again = await s.login(p.email);
  assert.equal((await may(again.token)).role, 'none', 'it has lapsed');
  assert.equal((await s.api('GET', `${where}/permissions`)).status, 401);
  assert.equal((await s.api('GET', `${where}/permissions`, { token: (await s.stranger()).token, foreign: true })).status, 404);
});

test('who is told that he may not is on record, once for many times', async () => {
  admin = await s.login(admin.email);
  const p = await s.register(), on = async (by) => (await s.must(200, 'GET', `/auth/admin/audit?action=permission.denied&subject=${p.id}`, { token: by.token })).data;
  const [node] = s.nodes, ask = async (where) => assert.equal((await s.api('GET', where, { token: p.token, node })).status, 403);
  await ask('/auth/admin/users');
  const [first] = await until('it is on record', async () => { const rows = await on(admin); return rows.length === 1 && rows; });
  assert.deepEqual([first.actor, first.target, first.success, first.details.count], [p.id, 'GET /auth/admin/users', false, 1]);
  for (let i = 0; i < 30; i += 1) await ask('/auth/admin/audit');
  await ask('/health/detailed');
  await until('another right is another row', async () => (await on(admin)).length === 2);
  await s.clock.advance(3_700_000);
  admin = await s.login(admin.email);
  const rows = await until('the hour is over', async () => { const r = await on(admin); return r.length === 3 && r; });
  assert.deepEqual(rows.map((r) => r.details.count).sort((a, b) => a - b), [1, 1, 30]);
  stranger = await s.login(stranger.email, { tenantId: stranger.tenantId });
  assert.deepEqual(await on(stranger), [], 'another tenant sees none of it');
});
