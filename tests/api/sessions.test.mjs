// sessions.test.mjs - where one is signed in, what is on record, one's profile.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PASSWORD, start } from './harness.mjs';

let s;
before(async () => { s = await start(); });
after(() => s.close());

const get = (path, token, more = {}) => s.api('GET', `/auth/${path}`, { token, ...more });
const end = (path, token, more = {}) => s.api('DELETE', `/auth/sessions/${path}`, { token, ...more });
const login = async (email, agent) => (await s.must(200, 'POST', '/auth/login',
  { body: { email, password: PASSWORD }, headers: { 'user-agent': agent } })).tokens;
const ended = (token) => s.everywhere('its token opens nothing', async (node) => (await get('me', token, { node })).status === 401);

test('one sees where one is signed in, and signs out there, elsewhere and everywhere', async () => {
  const p = await s.register(), stranger = await s.stranger(), other = await s.register();
  const phone = await login(p.email, 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Safari/604.1');
  const laptop = await login(p.email, 'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0');
  const { data, pagination } = (await get('sessions', laptop.accessToken)).body;
  assert.deepEqual(data.map((d) => [d.name, d.current]), [['Firefox on Linux', true], ['Safari on iPhone', false], ['unknown', false]]);
  assert.ok(data.every((d) => d.ip && d.createdAt && d.expiresAt && d.lastUsedAt) && !pagination.nextCursor);
  const page = (await get('sessions?limit=2', laptop.accessToken)).body;
  const rest = (await get(`sessions?limit=2&cursor=${page.pagination.nextCursor}`, laptop.accessToken)).body;
  assert.deepEqual([...page.data, ...rest.data].map((d) => d.id), data.map((d) => d.id));
  assert.equal((await get('sessions?cursor=x', laptop.accessToken)).body.code, 'INVALID_CURSOR');

  for (const [who, token] of [['stranger', stranger.token], ['other', other.token]])
    assert.equal((await end(data[1].id, token, { foreign: who === 'stranger' })).status, 404, who);
  assert.equal((await end(data[1].id, laptop.accessToken)).status, 204);
  assert.equal((await end(data[1].id, laptop.accessToken)).status, 404, 'it has ended');
  await ended(phone.accessToken);
  assert.equal((await s.api('POST', '/auth/refresh', { body: { refreshToken: phone.refreshToken } })).status, 401);

  assert.deepEqual((await end('others', laptop.accessToken)).body, { ended: 1 });
  await ended(p.token);
  assert.equal((await get('me', laptop.accessToken)).status, 200);
  const again = await login(p.email, 'curl/8.0');
  assert.deepEqual((await end('all', again.accessToken)).body, { ended: 2 });
  await ended(laptop.accessToken);
  await ended(again.accessToken);
  for (const path of ['all', 'others', data[0].id]) assert.equal((await end(path)).status, 401);
  assert.equal((await get('sessions')).status, 401);
});

test('the record says why somebody was not let in, and of a locked account no more than that', async () => {
  const p = await s.register(), chief = await s.somebody('super-admin');
  const tries = (password) => s.api('POST', '/auth/login', { body: { email: p.email, password } });
  const wrong = await tries('Wrong-Password-7-Here');
  const status = (value) => s.must(200, 'PUT', `/auth/admin/users/${p.id}/status`, { token: chief.token, body: { status: value } });
  await status('SUSPENDED');
  assert.deepEqual((await tries(PASSWORD)).body.detail, wrong.body.detail, 'he hears the same');
  await status('ACTIVE');
  await s.clock.advance(61_000);                  // five a minute from one address
  for (let i = 0; i < 3; i++) await tries('Wrong-Password-7-Here');
  assert.equal((await tries(PASSWORD)).status, 401);
  const rows = (await s.must(200, 'GET', `/auth/admin/audit?subject=${p.id}&action=user.login_failed`, { token: chief.token })).data;
  assert.deepEqual(rows.map((r) => r.details.reason),
    ['account_locked', 'wrong_password', 'wrong_password', 'wrong_password', 'account_not_active', 'wrong_password']);
});

test('who tried to sign in is on record, for its owner and for admins of the shop', async () => {
  const p = await s.register(), admin = await s.somebody('admin'), stranger = await s.stranger();
  await s.api('POST', '/auth/login', { body: { email: p.email, password: 'Wrong-Password-7-Here' } });
  await s.login(p.email);
  const own = (await get('login-attempts', p.token)).body.data;
  assert.deepEqual(own.map((r) => [r.action, r.success]), [['user.login', true], ['user.login_failed', false]]);
  assert.ok(own.every((r) => r.ip && r.subject === p.id && r.at));
  assert.deepEqual(own.map((r) => r.details), [{}, { reason: 'wrong_password' }]);
  assert.equal((await get('login-attempts')).status, 401);

  const audit = (query, token = admin.token) => get(`admin/audit?${query}`, token);
  const all = (await audit(`subject=${p.id}`)).body.data;
  assert.deepEqual(all.map((r) => r.action), ['user.login', 'user.login_failed', 'user.registration']);
  assert.deepEqual((await audit(`subject=${p.id}&success=false`)).body.data.map((r) => r.action), ['user.login_failed']);
  assert.deepEqual((await audit(`subject=${p.id}&action=user.login`)).body.data.length, 1);
  assert.deepEqual((await audit(`actor=${p.id}&success=true`)).body.data.length, 2);
  assert.deepEqual((await audit(`subject=${p.id}&from=${new Date(Date.now() + 9e8).toISOString()}`)).body.data, []);
  assert.deepEqual((await audit(`subject=${p.id}&to=${all[0].at}`)).body.data.every((r) => r.at < all[0].at), true);
  const first = (await audit(`subject=${p.id}&limit=2`)).body;
  const second = (await audit(`subject=${p.id}&limit=2&cursor=${first.pagination.nextCursor}`)).body;
  assert.deepEqual([...first.data, ...second.data].map((r) => r.id), all.map((r) => r.id));
  for (const bad of ['action=dance', 'subject=x', 'from=yesterday', 'success=perhaps']) assert.equal((await audit(bad)).status, 400, bad);
  assert.equal((await audit('', p.token)).status, 403);

  const lines = await get(`admin/audit/export?subject=${p.id}`, admin.token);
  assert.match(lines.headers.get('content-type'), /ndjson/);
  assert.deepEqual(lines.text.trim().split('\n').map((l) => JSON.parse(l).id), all.map((r) => r.id).reverse());
  assert.equal((await audit('action=audit.read')).body.data[0].actor, admin.id, 'the export is on record');
  assert.equal((await get('admin/audit/export', p.token)).status, 403);
  const boss = await s.somebody('admin', stranger.tenantId);
  assert.deepEqual((await audit(`subject=${p.id}`, boss.token)).body.data, [], 'another shop sees nothing');
});

test('of two who change one profile the second is told', async () => {
  const p = await s.register();
  const put = (body, token = p.token) => s.api('PUT', '/auth/profile', { token, body });
  const { user } = (await get('profile', p.token)).body;
  const changed = await put({ lastName: 'Lovelace', phone: '+41441234567', version: user.version });
  assert.deepEqual([changed.body.user.firstName, changed.body.user.lastName, changed.body.user.phone, changed.body.user.version],
    ['Ada', 'Lovelace', '+41441234567', user.version + 1]);
  assert.equal((await put({ firstName: 'Augusta', version: user.version })).body.code, 'CONFLICT');
  const all = await Promise.all(Array.from({ length: 32 }, (_, i) => put({ firstName: `A${i}`, version: user.version + 1 })));
  assert.deepEqual([200, 409].map((c) => all.filter((r) => r.status === c).length), [1, 31]);
  assert.equal((await put({ firstName: 'Augusta', role: 'admin', email: 'x@example.com' })).body.user.role, 'customer');
  assert.equal((await put({ firstName: '' })).body.code, 'VALIDATION_ERROR');
  assert.equal((await put({}, null)).status, 401);
  assert.equal((await get('profile')).status, 401);
});
