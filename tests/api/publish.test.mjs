// publish.test.mjs - what other services say reaches whom it concerns, once.
import assert from 'node:assert/strict';
import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { cluster, start, TENANT, until } from './harness.mjs';
import { listenTo } from './listen.mjs';

const SECRET = randomBytes(24).toString('hex'), list = join(mkdtempSync(join(tmpdir(), 'services-')), 'services.json');
writeFileSync(list, JSON.stringify({ services: [{ id: 'seat-service', scopes: ['events:write'] }, { id: 'gate-service', scopes: ['events:write'] }, { id: 'reader', scopes: ['events:read'] }] }));

let s, chief, ann, bob;
before(async () => {
  s = await start({ SERVICES_FILE: list, SERVICE_SECRET: SECRET });
  [chief, ann, bob] = await Promise.all([s.somebody('super-admin'), s.register(), s.register()]);
});
after(() => s.close());

const say = (body, { by = chief, path = '', ...more } = {}) => s.api('POST', `/internal/events${path}`, { token: by.token, body, ...more });
const message = (more = {}) => ({ id: randomUUID(), type: 'seat.upgraded', data: { row: 'A' }, userId: ann.id, ...more });
async function peer(id, scopes = ['events:write']) {
  const iat = Math.floor(await s.now() / 1000), body = { iss: id, sub: id, iat, exp: iat + 300, nonce: randomBytes(16).toString('hex'), env: 'test', scopes };
  return { 'x-service-token': Buffer.from(JSON.stringify({ ...body, sig: createHmac('sha256', SECRET).update(JSON.stringify(body)).digest('hex') })).toString('base64') };
}
const types = ['seat.upgraded', 'doors.open', 'once.only', 'once.more', 'last.word', 'raced.for', 'race.over', 'batch.part', 'half.done', 'my.own'];
const listening = async (who, query) => { const l = listenTo(s, { token: who.token, query, also: types }); await l.hears('connected'); return l; };
const heard = (l, type) => l.heard.filter((h) => h.event === type);

test('a message reaches its person on every node, and nobody else', async () => {
  const mine = await listening(ann), again = await listening(ann), his = await listening(bob);
  const r = await say({ eventId: 'evt-1', type: 'seat.upgraded', payload: { b: 1, a: [2] }, userId: ann.id, timestamp: '2026-01-02T03:04:05Z', tenantId: TENANT });
  assert.equal(r.status, 202);
  assert.deepEqual(r.body, { id: 'evt-1', type: 'seat.upgraded', subject: `events.${TENANT}.${ann.id}`, timestamp: '2026-01-02T03:04:05.000Z' });
  for (const l of [mine, again]) assert.deepEqual((await l.hears('seat.upgraded')).data, { b: 1, a: [2] });
  assert.equal(heard(his, 'seat.upgraded').length, 0);
  for (const l of [mine, again, his]) l.close();
});

test('who watches an event hears what is said of it', async () => {
  const sale = await s.sale(), l = await listening(bob, `?topics=event:${sale.event.id}`);
  const r = await say({ type: 'doors.open', data: {}, topic: `event:${sale.event.id}` });
  assert.equal(r.status, 202);
  assert.match(r.body.id, /^[0-9a-f-]{36}$/);
  assert.ok(Math.abs(Date.parse(r.body.timestamp) - await s.now()) < 60_000);
  await l.hears('doors.open');
  l.close();
});

test('the same id is the same message, whatever its spelling; another content is refused', async () => {
  const l = await listening(ann), m = message({ type: 'once.only', data: { a: 1, b: { c: 2, d: 3 } } });
  const first = await say(m), second = await say({ ...m, data: { b: { d: 3, c: 2 }, a: 1 } });
  assert.deepEqual([second.status, second.body], [202, first.body]);
  assert.equal(second.headers.get('idempotency-replayed'), 'true');
  const [first_event, other_event] = await Promise.all([s.sale(), s.sale()]).then((all) => all.map((x) => x.event));
  const watched = { ...m, id: randomUUID(), userId: undefined, topic: `event:${first_event.id}` };
  assert.equal((await say(watched)).status, 202);
  assert.equal((await say({ ...watched, topic: `event:${other_event.id}` })).body.code, 'MESSAGE_ID_REUSED');
  for (const other of [{ data: { a: 2 } }, { type: 'once.more' }, { userId: bob.id }, { timestamp: '2026-01-01T00:00:00Z' }, { userId: undefined, topic: `event:${first_event.id}` }]) {
    const r = await say({ ...m, ...other });
    assert.deepEqual([r.status, r.body.code], [422, 'MESSAGE_ID_REUSED'], JSON.stringify(other));
  }
  await say(message({ type: 'last.word' }));
  await l.hears('last.word');
  assert.equal(heard(l, 'once.only').length, 1);
  l.close();
});

test('an id is its publisher\'s: two services, or two keys, of one tenant that choose the same get in nobody\'s way', async () => {
  const admin = await s.somebody('admin');
  const key = async () => (await s.must(201, 'POST', '/auth/admin/api-keys', { token: admin.token, body: { name: 'a till', scopes: ['events:write'] } })).key;
  const by = [{ 'x-api-key': await key() }, { 'x-api-key': await key() }, 'seat-service', 'gate-service'];
  const publish = async (who, m) => say({ ...m, tenantId: TENANT }, { by: {}, headers: typeof who === 'string' ? await peer(who) : who });
  const l = await listening(ann), m = message({ id: 'order-1001', type: 'my.own' });
  for (const [n, who] of by.entries()) {
    const r = await publish(who, { ...m, data: { n } });
    assert.deepEqual([r.status, r.headers.get('idempotency-replayed')], [202, null], r.text);
  }
  await until('all four are told', () => heard(l, 'my.own').length === 4);
  assert.deepEqual(heard(l, 'my.own').map((h) => h.data.n).sort(), [0, 1, 2, 3]);
  for (const [n, who] of by.entries()) {
    const again = await publish(who, { ...m, data: { n } });
    assert.deepEqual([again.status, again.headers.get('idempotency-replayed')], [202, 'true'], again.text);
    assert.equal((await publish(who, { ...m, data: { n: n + 1 } })).body.code, 'MESSAGE_ID_REUSED');
  }
  await say(message({ type: 'last.word' }));
  await l.hears('last.word');
  assert.equal(heard(l, 'my.own').length, 4);
  l.close();
});

test('one id, 32 times at once on every node: told once, one answer', async () => {
  const l = await listening(ann), m = message({ type: 'raced.for' });
  const all = await Promise.all(Array.from({ length: 32 }, () => say(m)));
  assert.deepEqual([...new Set(all.map((r) => r.status))], [202]);
  assert.equal(new Set(all.map((r) => r.text)).size, 1);
  assert.equal(all.filter((r) => r.headers.get('idempotency-replayed') !== 'true').length, 1);
  await say(message({ type: 'race.over' }));
  await l.hears('race.over');
  assert.equal(heard(l, 'raced.for').length, 1);
  l.close();
});

test('a batch is told in its order, all of it or nothing', async () => {
  const l = await listening(ann), many = Array.from({ length: 100 }, (_, n) => message({ type: 'batch.part', data: { n } }));
  const r = await say({ events: many }, { path: '/batch' });
  assert.deepEqual([r.status, r.body.events.length, r.body.events[7].id], [202, 100, many[7].id]);
  await until('all are heard', () => heard(l, 'batch.part').length === 100);
  assert.deepEqual(heard(l, 'batch.part').map((h) => h.data.n), many.map((m) => m.data.n));
  const bad = [message({ type: 'half.done' }), message({ type: 'half.done', userId: randomUUID() })];
  assert.equal((await say({ events: bad }, { path: '/batch' })).status, 404);
  assert.equal((await say({ events: [...many, message()] }, { path: '/batch' })).status, 400);
  assert.equal((await say({ events: [] }, { path: '/batch' })).status, 400);
  assert.equal((await say(bad[0])).headers.get('idempotency-replayed'), null, 'the refused batch left nothing');
  l.close();
});

test('a message that nobody could hear, or that would break a stream, is refused', async () => {
  const stranger = await s.stranger();
  const cases = [[{ userId: undefined }, 400], [{ topic: `event:${randomUUID()}` }, 400], [{ userId: undefined, topic: 'all' }, 400],
    [{ userId: undefined, topic: `event:${randomUUID()}` }, 404], [{ userId: randomUUID() }, 404], [{ userId: stranger.id }, 404],
    [{ type: undefined }, 400], [{ type: 'a b' }, 400], [{ type: 'x\nid: 9' }, 400], [{ type: 'connected' }, 400], [{ type: 'é' }, 400],
    [{ data: undefined }, 400], [{ data: [1] }, 400], [{ data: 'x' }, 400], [{ data: { x: 'y'.repeat(66_000) } }, 400],
    [{ id: 'a b' }, 400], [{ id: 'x'.repeat(129) }, 400], [{ timestamp: 'soon' }, 400], [{ tenantId: randomUUID() }, 400]];
  for (const [more, status] of cases) assert.equal((await say(message(more))).status, status, JSON.stringify(more).slice(0, 80));
  assert.equal((await say(message({ tenantId: stranger.tenantId, userId: stranger.id }))).status, 202, 'who serves all may say whose it is');
  const theirs = await s.event(await s.somebody('venue_manager', stranger.tenantId));
  assert.equal((await say(message({ userId: undefined, topic: `event:${theirs.id}` }))).status, 404, "another tenant's event");
  const leaver = await s.register();
  await s.must(200, 'POST', '/auth/gdpr/delete', { token: leaver.token, body: { confirmEmail: leaver.email } });
  assert.equal((await say(message({ userId: leaver.id }))).status, 404, 'nothing new is kept of who wants to be forgotten');
  for (const by of [await s.somebody('admin'), ann, {}])
    for (const [path, body] of [['', message()], ['/batch', { events: [message()] }]])
      assert.equal((await say(body, { by, path })).status, by.token ? 403 : 401);
});

test('a service with the scope says whose message it is; one without may not', async () => {
  const l = await listening(ann);
  const as = async (id, scopes, m, headers = {}) => say(m, { by: {}, headers: { ...await peer(id, scopes), ...headers } });
  const good = ['seat-service', ['events:write']];
  assert.equal((await as(...good, message({ type: 'last.word', tenantId: TENANT }))).status, 202);
  await l.hears('last.word');
  assert.equal((await as(...good, message(), { 'x-tenant-id': TENANT })).status, 202);
  assert.equal((await as(...good, message())).body.code, 'VALIDATION_ERROR', 'it serves all, so it must say');
  assert.equal((await as(...good, message({ tenantId: randomUUID() }))).body.code, 'INVALID_TENANT');
  assert.equal((await as('reader', ['events:read'], message({ tenantId: TENANT }))).body.code, 'INSUFFICIENT_SCOPE');
  l.close();
});

test('dead letters are for admins, of their own tenant, and from the command line', async () => {
  const admin = await s.somebody('admin'), stranger = await s.somebody('admin', (await s.stranger()).tenantId);
  const ask = (method, path, by = admin, more = {}) => s.api(method, `/api/v1/dead-letters${path}`, { token: by.token, ...more });
  assert.deepEqual((await ask('GET', '')).body.data, []);
  for (const [q, code] of [['?state=X', 'VALIDATION_ERROR'], ['?userId=7', 'VALIDATION_ERROR'], ['?cursor=x', 'INVALID_CURSOR']])
    assert.equal((await ask('GET', q)).body.code, code);
  for (const [method, path] of [['GET', '/9'], ['GET', '/x'], ['POST', '/9/retry'], ['DELETE', '/9']]) {
    assert.equal((await ask(method, path, stranger)).status, 404);
    assert.equal((await ask(method, path, ann)).status, 403);
  }
  const r = await s.cli(['deadletters', 'list']);
  assert.deepEqual([r.code, r.out], [0, '']);
  for (const [args, code] of [[['show', '9'], 1], [['retry', '9'], 1], [['discard', '9'], 1], [['show'], 2], [['lose', '9'], 2], [['show', 'x'], 2]])
    assert.equal((await s.cli(['deadletters', ...args])).code, code, args.join(' '));
});

// The embedded bus refuses nothing, so the rows are put there as the relay would
// (tests/unit/deadletter_test.c shows it doing so, on NATS).
function bury(id, type, person) {
  const hex = (uuid) => `x'${uuid.replaceAll('-', '')}'`;
  execFileSync('sqlite3', ['-cmd', '.timeout 5000', join(s.dir, 'tickettoken.db'), `INSERT INTO dead_letter (tenant, id, person, type, payload, attempts, last_error, created_at, moved_at)
    VALUES (${hex(TENANT)}, ${id}, ${hex(person)}, '${type}', '{"n":${id}}', 3, 'too large', ${Date.now()}, ${Date.now()})`]);
}

test('a dead letter is looked at, told anew once, or let go, on record', { skip: cluster }, async () => {
  const admin = await s.somebody('admin'), stranger = await s.somebody('admin', (await s.stranger()).tenantId), l = await listening(ann);
  const ask = (method, path, more = {}) => s.api(method, `/api/v1/dead-letters${path}`, { token: admin.token, ...more });
  for (const id of [9000001, 9000002, 9000003]) bury(id, 'last.word', ann.id);
  const page = await ask('GET', '?limit=2&type=last.word');
  assert.deepEqual(page.body.data.map((d) => d.id), ['9000003', '9000002']);
  assert.equal((await ask('GET', `?cursor=${page.body.pagination.nextCursor}&userId=${ann.id}`)).body.data[0].id, '9000001');
  const { deadLetter } = (await ask('GET', '/9000001')).body;
  assert.deepEqual([deadLetter.subject, deadLetter.payload, deadLetter.attempts, deadLetter.lastError, deadLetter.state], [`events.${TENANT}.${ann.id}`, { n: 9000001 }, 3, 'too large', 'DEAD']);
  for (const [method, path] of [['GET', ''], ['POST', '/retry'], ['DELETE', '']])
    assert.equal((await ask(method, `/9000001${path}`, { token: stranger.token, foreign: true })).status, 404);
  const all = await Promise.all(Array.from({ length: 8 }, () => ask('POST', '/9000001/retry')));
  assert.deepEqual(all.map((r) => r.status).sort(), [200, ...Array(7).fill(409)]);
  await l.hears('last.word', (d) => d.n === 9000001);
  assert.equal((await ask('DELETE', '/9000002')).body.deadLetter.state, 'DISCARDED');
  assert.match((await s.cli(['deadletters', 'list'])).out, /^9000003 /);
  assert.match((await s.cli(['deadletters', 'show', '9000003'])).out, /"payload":\{"n":9000003\}/);
  assert.equal((await s.cli(['deadletters', 'retry', '9000003'])).code, 0);
  await l.hears('last.word', (d) => d.n === 9000003);
  assert.equal((await s.cli(['deadletters', 'discard', '9000003'])).code, 1);
  assert.equal(heard(l, 'last.word').filter((h) => h.data.n > 9000000).length, 2);
  const audit = await s.api('GET', '/auth/admin/audit?action=deadletter.retried', { token: admin.token });
  assert.deepEqual(audit.body.data.map((a) => a.target).sort(), ['9000001', '9000003']);
  l.close();
});
