// publish.test.mjs - what other services say reaches whom it concerns, once.
import assert from 'node:assert/strict';
import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { start, TENANT, until } from './harness.mjs';
import { listenTo } from './listen.mjs';

const SECRET = randomBytes(24).toString('hex'), list = join(mkdtempSync(join(tmpdir(), 'services-')), 'services.json');
writeFileSync(list, JSON.stringify({ services: [{ id: 'seat-service', scopes: ['events:write'] }, { id: 'reader', scopes: ['events:read'] }] }));

let s, chief, ann, bob;
before(async () => {
  s = await start({ SERVICES_FILE: list, SERVICE_SECRET: SECRET });
  [chief, ann, bob] = await Promise.all([s.somebody('super-admin'), s.register(), s.register()]);
});
after(() => s.close());

const say = (body, { by = chief, path = '', ...more } = {}) => s.api('POST', `/internal/events${path}`, { token: by.token, body, ...more });
const message = (more = {}) => ({ id: randomUUID(), type: 'seat.upgraded', data: { row: 'A' }, userId: ann.id, ...more });
const types = ['seat.upgraded', 'doors.open', 'once.only', 'once.more', 'last.word', 'raced.for', 'race.over', 'batch.part', 'half.done'];
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
  for (const other of [{ data: { a: 2 } }, { type: 'once.more' }, { userId: bob.id }, { timestamp: '2026-01-01T00:00:00Z' }]) {
    const r = await say({ ...m, ...other });
    assert.deepEqual([r.status, r.body.code], [422, 'MESSAGE_ID_REUSED'], JSON.stringify(other));
  }
  await say(message({ type: 'last.word' }));
  await l.hears('last.word');
  assert.equal(heard(l, 'once.only').length, 1);
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
  for (const by of [await s.somebody('admin'), ann, {}])
    for (const [path, body] of [['', message()], ['/batch', { events: [message()] }]])
      assert.equal((await say(body, { by, path })).status, by.token ? 403 : 401);
});

test('a service with the scope says whose message it is; one without may not', async () => {
  const l = await listening(ann), iat = Math.floor(await s.now() / 1000);
  const credential = (id, scopes) => {
    const body = { iss: id, sub: id, iat, exp: iat + 300, nonce: randomBytes(16).toString('hex'), env: 'test', scopes };
    return Buffer.from(JSON.stringify({ ...body, sig: createHmac('sha256', SECRET).update(JSON.stringify(body)).digest('hex') })).toString('base64');
  };
  const as = (id, scopes, m, headers = {}) => say(m, { by: {}, headers: { 'x-service-token': credential(id, scopes), ...headers } });
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
