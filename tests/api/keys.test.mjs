// keys.test.mjs - signing keys change under people who are signed in, and none of them hears
// a refusal; with WORLD=cluster each token is made on one node and shown to the other.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as jose from 'jose';
import { sleep, start, until } from './harness.mjs';

const MINUTE = 60_000;
let s, chief;
before(async () => { s = await start(); chief = await s.somebody('super-admin'); });
after(() => s.close());

const keys = async (node) => (await s.must(200, 'GET', '/.well-known/jwks.json', { node })).keys.map((k) => k.kid).sort();
const rotate = (body = {}, more = {}) => s.api('POST', '/auth/admin/keys/rotate', { token: chief.token, body, ...more });
const kid = (token) => jose.decodeProtectedHeader(token).kid;
const again = async () => { chief = await s.login(chief.email); };

test('the key set says how long it may be kept, and by which name it is the same', async () => {
  const r = await s.api('GET', '/.well-known/jwks.json');
  assert.equal(r.headers.get('cache-control'), 'public, max-age=300');
  const tag = r.headers.get('etag');
  assert.equal((await s.api('GET', '/.well-known/jwks.json', { headers: { 'if-none-match': tag } })).status, 304);
  assert.equal((await s.api('GET', '/.well-known/jwks.json', { headers: { 'if-none-match': '"x"' } })).status, 200);
  for (const k of r.body.keys) assert.deepEqual(Object.keys(k).filter((n) => ['d', 'k', 'p', 'q'].includes(n)), []);
});

test('only who runs the installation sees the list and changes it', async () => {
  const admin = await s.somebody('admin');
  for (const token of [undefined, (await s.register()).token, admin.token]) {
    const status = token ? 403 : 401;
    assert.equal((await s.api('GET', '/auth/admin/keys', { token })).status, status);
    assert.equal((await rotate({}, { token })).status, status);
  }
  const { data } = await s.must(200, 'GET', '/auth/admin/keys', { token: chief.token });
  assert.deepEqual(data.map((k) => k.state).sort(), ['active', 'next']);
});

test('a key that was not published for long does not sign', async () => {
  assert.equal((await rotate()).body.code, 'INVALID_STATE');
  assert.equal((await rotate({ atOnce: 'yes' })).body.code, 'VALIDATION_ERROR');
});

// Verifiers of others keep the set for its max-age: here for as long as it may be kept.
test('a rotation in its stages refuses nobody, also not who keeps the old key set', async () => {
  const old = chief.token, set = jose.createLocalJWKSet(await s.must(200, 'GET', '/.well-known/jwks.json'));
  await s.clock.advance(5 * MINUTE + 1000);
  const { activeKid } = await s.must(200, 'POST', '/auth/admin/keys/rotate', { token: chief.token, body: {} });
  assert.notEqual(activeKid, kid(old));
  const { data: [deed] } = await s.must(200, 'GET', '/auth/admin/audit?action=keys.rotated', { token: chief.token });
  assert.deepEqual([deed.actor, deed.target], [chief.id, activeKid]);
  const p = await s.register();
  for (const node of s.nodes) for (const token of [old, p.token])
    assert.equal((await s.api('GET', '/auth/me', { token, node })).status, 200);
  await s.everywhere('each signs with it', async (node) => {
    const r = await s.must(200, 'POST', '/auth/login', { body: { email: p.email, password: 'Correct-Horse-7-Battery' }, node });
    return kid(r.tokens.accessToken) === activeKid;
  });
  const fresh = await s.login(p.email);
  await jose.jwtVerify(fresh.token, set, { currentDate: new Date(await s.now()) });
  const next = await s.must(200, 'POST', '/auth/refresh', { body: { refreshToken: p.refresh } });
  assert.equal(kid(next.accessToken), activeKid, 'who refreshes gets the new key');
});

// The worst case: a theft, at once, twice, while people sign in and ask everywhere.
test('rotations at once, under load on every node, refuse no token', async () => {
  await again();
  const people = await Promise.all(Array.from({ length: 4 }, () => s.register())), refusals = [];
  let on = true, asked = 0, used = new Set();
  const ask = async (p) => {
    let { refresh, token } = p;
    while (on) {
      for (const node of s.nodes) {
        const r = await s.api('GET', '/auth/me', { token, node });
        if (r.status !== 200) refusals.push(r.text);
        asked++;
      }
      const r = await s.api('POST', '/auth/refresh', { body: { refreshToken: refresh } });
      if (r.status !== 200) { refusals.push(r.text); return; }
      ({ accessToken: token, refreshToken: refresh } = r.body);
      used.add(kid(token));
    }
  };
  const all = people.map(ask);
  for (let i = 0; i < 2; i++) {
    let r;
    await until('the next key may sign', async () => {
      r = await rotate({ atOnce: true });
      if (r.status !== 200) await s.clock.advance(500);
      return r.status === 200;
    });
    await sleep(1200);
  }
  on = false;
  await Promise.all(all);
  assert.deepEqual(refusals, []);
  assert.ok(used.size >= 3 && asked > 20, `${used.size} keys, ${asked} requests`);
});

test('two rotations at the same instant are one', async () => {
  await again();
  await s.clock.advance(5 * MINUTE + 1000);
  const before_ = (await keys(s.nodes[0])).length;
  const all = await Promise.all(s.nodes.concat(s.nodes).map((node) => rotate({}, { node })));
  assert.deepEqual(all.map((r) => r.status).sort(), [200, ...all.slice(1).map(() => 409)]);
  await s.everywhere('the set is one', async (node) => (await keys(node)).length === before_ + 1);
});

test('the command line rotates a running server', async () => {
  const r = await s.cli(['keys', 'list']);
  assert.equal(r.code, 0, r.err);
  assert.match(r.out, /^next /m);
  assert.match(r.out, /^retiring /m);
});
