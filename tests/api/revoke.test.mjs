// revoke.test.mjs - authority that is taken back is gone on every node within a second,
// and no request asks the database for it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { start, until } from './harness.mjs';

let s;
before(async () => { s = await start(); });
after(() => s.close());

const me = (token, node) => s.api('GET', '/auth/me', { token, node });
const refresh = (refreshToken) => s.api('POST', '/auth/refresh', { body: { refreshToken } });
const revoke = (token) => s.must(200, 'POST', '/auth/revoke', { body: { token } });
const gone = (what, token, code) => s.everywhere(what, async (node) => (await me(token, node)).body.code === code);
// By another process: the server looks twice a second.
const goneElsewhere = (what, token, code) => Promise.all(s.nodes.map((node) =>
  until(what, async () => (await me(token, node)).body.code === code)));
const works = async (token) => { for (const node of s.nodes) assert.equal((await me(token, node)).status, 200); };

test('one access token is taken back; the session and its next token go on', async () => {
  const p = await s.register(), other = (await refresh(p.refresh)).body;
  await works(p.token);
  await revoke(p.token);
  await gone('it is refused', p.token, 'INVALID_TOKEN');
  await works(other.accessToken);
  assert.equal((await refresh(other.refreshToken)).status, 200);
});

test('a refresh token is taken back with its session', async () => {
  const p = await s.register(), elsewhere = await s.login(p.email);
  await revoke(p.refresh);
  await gone('its access token too', p.token, 'INVALID_TOKEN');
  assert.equal((await refresh(p.refresh)).status, 401);
  await works(elsewhere.token);
});

test('what is no token is taken back as well, and a body without one is not', async () => {
  for (const token of ['x', 'a.b.c', '.'.repeat(8000)]) await revoke(token);
  assert.equal((await s.api('POST', '/auth/revoke', { body: {} })).status, 400);
});

test('a token of the command line has no session and is ended everywhere by logging out', async () => {
  const p = await s.register();
  const cli = async () => (await s.cli(['user', 'token', '--email', p.email])).out.trim();
  const [token, other] = [await cli(), await cli()];
  await s.must(200, 'POST', '/auth/logout', { token });
  await gone('it is refused', token, 'INVALID_TOKEN');
  await works(other);
});

test('another role voids the tokens of the old one; refreshing brings the new', async () => {
  const p = await s.register();
  await works(p.token);
  const r = await s.cli(['user', 'role', '--email', p.email, '--role', 'venue_manager']);
  assert.equal(r.code, 0, r.err);
  await goneElsewhere('a client is sent to refresh', p.token, 'TOKEN_EXPIRED');
  const next = (await refresh(p.refresh)).body;
  await works(next.accessToken);
  await s.venue({ token: next.accessToken });
  assert.equal((await s.cli(['user', 'role', '--email', p.email, '--role', 'customer'])).code, 0);
  await goneElsewhere('and so is who lost a role', next.accessToken, 'TOKEN_EXPIRED');
});
