// events.test.mjs - venues and events: who may, the states, and what other tenants see.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { start } from './harness.mjs';

const DAY = 86_400_000, HOUR = 3_600_000, MINUTE = 60_000;
let s, organiser, buyer, stranger, admin;
before(async () => {
  s = await start();
  [organiser, buyer, stranger, admin] = [await s.organiser(), await s.register(), await s.stranger(), await s.somebody('admin')];
});
after(() => s.close());

const V = '/api/v1/venues', E = '/api/v1/events';
const at = async (ms) => new Date(await s.now() + ms).toISOString();
const as = (who, method, path, body, more) => s.api(method, path, { token: who?.token, body, ...more });
const status = async (...all) => (await as(...all)).status;

test('an organiser opens a venue; a customer and nobody do not', async () => {
  const body = { name: 'Hall', timezone: 'Europe/Zurich', capacity: 500, country: 'CH', city: 'Zürich' };
  const r = await as(organiser, 'POST', V, body);
  assert.equal(r.status, 201);
  assert.equal(r.body.venue.city, 'Zürich');
  assert.equal(await status(buyer, 'POST', V, body), 403);
  assert.equal(await status(null, 'POST', V, body), 401);
  const bad = await as(organiser, 'POST', V, { name: '', timezone: 'Mars/Olympus', capacity: 0 });
  assert.equal(bad.status, 400);
});

test('a venue is shown, listed and changed by its own', async () => {
  const venue = await s.venue(organiser);
  assert.equal((await as(null, 'GET', `${V}/${venue.id}`)).body.venue.name, 'The Hall');
  assert.ok((await as(null, 'GET', V)).body.data.some((v) => v.id === venue.id));
  assert.equal(await status(organiser, 'GET', `${V}?limit=0`), 400);
  assert.equal(await status(organiser, 'GET', `${V}/${randomUUID()}`), 404);
  assert.equal(await status(organiser, 'GET', `${V}/nonsense`), 404);
  const r = await as(organiser, 'PUT', `${V}/${venue.id}`, { name: 'The Great Hall' });
  assert.equal(r.body.venue.name, 'The Great Hall');
  assert.equal(await status(buyer, 'PUT', `${V}/${venue.id}`, { name: 'Mine' }), 403);
});

test('a venue\'s owner gives roles there and takes them back', async () => {
  const venue = await s.venue(organiser);
  const helper = await s.register();
  const path = `${V}/${venue.id}/staff`;
  assert.equal(await status(helper, 'GET', path), 403);
  assert.equal(await status(buyer, 'POST', path, { personId: helper.id, role: 'door-staff' }), 403);
  const r = await as(organiser, 'POST', path, { personId: helper.id, role: 'door-staff' });
  assert.equal(r.status, 201, r.text);
  assert.ok((await as(organiser, 'GET', path)).body.data.some((p) => p.personId === helper.id));
  assert.equal(await status(organiser, 'POST', path, { personId: randomUUID(), role: 'door-staff' }), 404);
  assert.equal(await status(buyer, 'DELETE', `${path}/${helper.id}`), 403);
  assert.equal(await status(organiser, 'DELETE', `${path}/${helper.id}`), 204);
});

test('a draft is seen by who manages it and by nobody else', async () => {
  const event = await s.event(organiser);
  assert.equal(event.status, 'DRAFT');
  assert.equal(await status(organiser, 'GET', `${E}/${event.id}`), 200);
  assert.equal(await status(buyer, 'GET', `${E}/${event.id}`), 404);
  assert.equal(await status(null, 'GET', `${E}/${event.id}`), 404);
  await s.move(organiser, event, 'PUBLISH');
  assert.equal(await status(null, 'GET', `${E}/${event.id}`), 200);
});

test('an event needs a venue, a future and an end after its start', async () => {
  const venue = await s.venue(organiser);
  const good = { name: 'E', venueId: venue.id, startsAt: await at(DAY), endsAt: await at(DAY + HOUR) };
  assert.equal(await status(organiser, 'POST', E, { ...good, endsAt: await at(HOUR) }), 400);
  assert.equal(await status(organiser, 'POST', E, { ...good, name: undefined }), 400);
  assert.equal(await status(organiser, 'POST', E, { ...good, venueId: randomUUID() }), 404);
  assert.equal(await status(buyer, 'POST', E, good), 403);
  assert.equal(await status(null, 'POST', E, good), 401);
  assert.equal(await status(organiser, 'POST', E, good), 201);
});

test('the states follow their table', async () => {
  const event = await s.event(organiser);
  const move = (action) => as(organiser, 'POST', `${E}/${event.id}/transitions`, { action });
  assert.equal((await move('START_SALES')).body.code, 'INVALID_STATE');
  assert.equal((await move('PUBLISH')).body.event.status, 'PUBLISHED');
  assert.equal((await move('PUBLISH')).body.code, 'INVALID_STATE');
  assert.equal((await move('START_SALES')).body.event.status, 'ON_SALE');
  assert.equal((await move('PAUSE_SALES')).body.event.status, 'SALES_PAUSED');
  assert.equal((await move('START_SALES')).status === 200 || (await move('RESUME_SALES')).status === 200, true);
  assert.equal((await move('FLY')).status, 400);
  assert.equal((await as(buyer, 'POST', `${E}/${event.id}/transitions`, { action: 'PAUSE_SALES' })).status, 403);
});

test('of two organisers who publish at once one does it', async () => {
  const event = await s.event(organiser);
  const all = await Promise.all(Array.from({ length: 10 }, () => status(organiser, 'POST', `${E}/${event.id}/publish`)));
  assert.equal(all.filter((x) => x === 200).length, 1, all.join());
  assert.equal(all.filter((x) => x === 409).length, 9);
});

test('publish and cancel have routes of their own', async () => {
  const event = await s.event(organiser);
  assert.equal((await as(organiser, 'POST', `${E}/${event.id}/publish`)).body.event.status, 'PUBLISHED');
  assert.equal(await status(organiser, 'POST', `${E}/${event.id}/publish`), 409);
  assert.equal(await status(buyer, 'POST', `${E}/${event.id}/cancel`, { reason: 'rain' }), 403);
  const r = await as(organiser, 'POST', `${E}/${event.id}/cancel`, { reason: 'rain' });
  assert.equal(r.body.event.status, 'CANCELLED');
  assert.equal(await status(organiser, 'POST', `${E}/${event.id}/cancel`, { reason: 'again' }), 409);
});

test('a change must know the present version, and a deleted draft is gone', async () => {
  const event = await s.event(organiser);
  const put = (body) => as(organiser, 'PUT', `${E}/${event.id}`, body);
  const changed = await put({ name: 'Renamed', version: event.version });
  assert.equal(changed.body.event.name, 'Renamed');
  assert.equal((await put({ name: 'Late', version: event.version })).body.code, 'CONFLICT');
  assert.equal(await status(buyer, 'DELETE', `${E}/${event.id}`), 404, 'he cannot see it');
  assert.equal(await status(organiser, 'DELETE', `${E}/${event.id}`), 204);
  assert.equal(await status(organiser, 'GET', `${E}/${event.id}`), 404);
});

test('content is a document that is kept whole', async () => {
  const event = await s.event(organiser);
  const content = { lineup: [{ name: 'The Long Strings', at: '20:00' }], gallery: ['https://img.example/1.jpg'] };
  const put = await as(organiser, 'PUT', `${E}/${event.id}/content`, { content });
  assert.equal(put.status, 200, put.text);
  assert.deepEqual((await as(organiser, 'GET', `${E}/${event.id}/content`)).body.content, content);
  assert.equal(await status(organiser, 'PUT', `${E}/${event.id}/content`, { nothing: 1 }), 400);
  assert.equal(await status(buyer, 'GET', `${E}/${event.id}/content`), 404);
});

test('a list goes on after its cursor, repeats nothing and skips nothing', async () => {
  const venue = await s.venue(organiser);
  const made = [];
  for (let i = 0; i < 5; i++) {
    const e = await s.event(organiser, { venueId: venue.id, name: `Page ${i}` });
    await s.move(organiser, e, 'PUBLISH');
    made.push(e.id);
  }
  const seen = [];
  for (let cursor = ''; cursor !== undefined;) {
    const { body } = await as(null, 'GET', `${E}?venueId=${venue.id}&limit=2${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    seen.push(...body.data.map((e) => e.id));
    cursor = body.pagination.nextCursor ?? undefined;
  }
  assert.deepEqual(seen.sort(), made.sort());
  assert.equal((await as(null, 'GET', `${E}?cursor=nonsense`)).body.code, 'INVALID_CURSOR');
  assert.deepEqual((await as(null, 'GET', `${E}?venueId=${venue.id}&status=ON_SALE`)).body.data, []);
});

test('sales begin and end by the calendar, with nobody at a button', async () => {
  const event = await s.event(organiser, { salesStartAt: await at(3 * MINUTE), salesEndAt: await at(6 * MINUTE) });
  await s.must(201, 'POST', '/api/v1/tickets/types', { token: organiser.token,
    body: { eventId: event.id, name: 'T', priceCents: 100, currency: 'EUR', quantity: 5 } });
  await s.move(organiser, event, 'PUBLISH');
  const now = async () => (await as(null, 'GET', `${E}/${event.id}`)).body.event.status;
  assert.equal(await now(), 'PUBLISHED');
  await s.clock.advance(3 * MINUTE + 1000);
  assert.equal(await now(), 'ON_SALE');
  await s.clock.advance(3 * MINUTE);
  assert.notEqual(await now(), 'ON_SALE');
});

test('a retried write with its key is done once', async () => {
  const key = randomUUID(), body = { name: 'Once', timezone: 'UTC', capacity: 10 };
  const one = await as(organiser, 'POST', V, body, { key }), two = await as(organiser, 'POST', V, body, { key });
  assert.equal(one.status, 201);
  assert.equal(two.body.venue.id, one.body.venue.id);
  assert.equal(two.headers.get('idempotency-replayed'), 'true');
  assert.equal((await as(organiser, 'POST', V, { ...body, capacity: 11 }, { key })).body.code, 'IDEMPOTENCY_KEY_MISMATCH');
  assert.equal((await as(organiser, 'POST', V, body, { key: 'with space' })).body.code, 'INVALID_IDEMPOTENCY_KEY');
});

test('an id of another tenant is not there, whatever is done with it', async () => {
  const venue = await s.venue(organiser);
  const sale = await s.sale({ organiser });
  const id = sale.event.id;
  const foreign = [
    ['GET', `${V}/${venue.id}`], ['PUT', `${V}/${venue.id}`, { name: 'Mine' }],
    ['GET', `${V}/${venue.id}/staff`], ['POST', `${V}/${venue.id}/staff`, { personId: stranger.id, role: 'door-staff' }],
    ['DELETE', `${V}/${venue.id}/staff/${organiser.id}`],
    ['GET', `${E}/${id}`], ['PUT', `${E}/${id}`, { name: 'Mine' }], ['DELETE', `${E}/${id}`],
    ['POST', `${E}/${id}/publish`], ['POST', `${E}/${id}/transitions`, { action: 'PAUSE_SALES' }],
    ['POST', `${E}/${id}/cancel`, { reason: 'spite' }], ['GET', `${E}/${id}/content`],
    ['PUT', `${E}/${id}/content`, { content: {} }],
  ];
  const other = await s.somebody('admin', stranger.tenantId);
  for (const who of [stranger, other])
    for (const [method, path, body] of foreign)
      assert.equal(await status(who, method, path, body, { foreign: true }), 404, `${method} ${path}`);
  assert.ok(!(await as(stranger, 'GET', E)).body.data.some((e) => e.id === id));
  assert.ok(!(await as(stranger, 'GET', V)).body.data.some((v) => v.id === venue.id));
  assert.equal((await as(organiser, 'GET', `${E}/${id}`)).body.event.status, 'ON_SALE', 'nothing happened');
});

test('an administrator of the tenant may do what its organisers may', async () => {
  const event = await s.event(organiser);
  assert.equal((await as(admin, 'POST', `${E}/${event.id}/publish`)).body.event?.status, 'PUBLISHED');
});
