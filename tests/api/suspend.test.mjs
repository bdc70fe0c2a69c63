// suspend.test.mjs - who is suspended, or of a tenant that is, hears nothing more: streams that
// run are closed on every node, and no token opens another one.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { start, until } from './harness.mjs';

const SOON = 5000;                                 // a beat of each: of sessions, and of the stream
let s, chief;
before(async () => { s = await start({ SSE_HEARTBEAT: '1s' }); chief = await s.somebody('super-admin'); });
after(() => s.close());

// A stream on that node: {status, over}.
function listen(node, token) {
  const stream = { over: false };
  return new Promise((done, no) => {
    const r = http.get(`${node.url}/events/stream`, { headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream' } }, (a) => {
      stream.status = a.statusCode;
      a.on('data', () => {});
      a.on('close', () => { stream.over = true; });
      done(stream);
    });
    r.on('error', no);
  });
}

// The streams of `token` on all nodes end soon after `act`, and those of `other` do not.
async function ends(token, other, act) {
  const [mine, theirs] = await Promise.all([token, other].map((t) => Promise.all(s.nodes.map((n) => listen(n, t)))));
  for (const stream of [...mine, ...theirs]) assert.equal(stream.status, 200);
  await act();
  await until('its streams are closed', () => mine.every((x) => x.over), SOON);
  assert.ok(theirs.every((x) => !x.over), 'others hear on');
  for (const node of s.nodes) {
    assert.equal((await listen(node, token)).status, 401);
    assert.equal((await s.api('POST', '/events/token', { token, node })).status, 401);
  }
}

const suspend = (p) => s.must(200, 'PUT', `/auth/admin/users/${p.id}/status`, { token: chief.token, body: { status: 'SUSPENDED' } });

test('a person', async () => {
  const p = await s.register(), other = await s.register();
  const opener = await s.must(200, 'POST', '/events/token', { token: p.token });
  await ends(p.token, other.token, () => suspend(p));
  assert.equal((await s.api('GET', `/events/stream?token=${opener.token}`, { headers: { accept: 'text/event-stream' } })).status, 401, 'nor what he had for later');
});

test('a person with a token of no session', async () => {
  const p = await s.somebody('customer'), other = await s.register();
  const token = (await s.cli(['user', 'token', '--email', p.email])).out.trim();
  await ends(token, other.token, () => suspend(p));
});

test('everybody of a tenant, who come back when it goes on', async () => {
  const { tenant } = await s.must(201, 'POST', '/auth/admin/tenants', { token: chief.token, body: { name: 'A shop', slug: `shop-${randomUUID().slice(0, 8)}` } });
  const p = await s.somebody('customer', tenant.id), other = await s.register();
  const set = (status) => s.must(200, 'PUT', `/auth/admin/tenants/${tenant.id}/status`, { token: chief.token, body: { status } });
  const opener = await s.must(200, 'POST', '/events/token', { token: p.token });
  await ends(p.token, other.token, () => set('SUSPENDED'));
  assert.equal((await s.api('GET', `/events/stream?token=${opener.token}`, { headers: { accept: 'text/event-stream' } })).status, 401);
  await set('ACTIVE');
  await s.everywhere('it goes on', async (n) => (await s.api('GET', '/auth/me', { token: p.token, node: n })).status === 200);
  assert.equal((await listen(s.next(), p.token)).status, 200);
});
