// odd.test.mjs - requests that nobody in his right mind makes, to every route there is:
// somebody else's ids, values at the edge, bodies that are no bodies. Whatever comes, it
// is refused by its reason, in one form, and nothing of ours shows in the answer.
import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { atOnce, tally } from './crowd.mjs';
import { routes, sleep, start, TENANT, until } from './harness.mjs';

let server, organiser, buyer, other, stranger, admin, sale, order, ids;
before(async () => {
  server = await start({ SSE_HEARTBEAT: '1s' });
  organiser = await server.organiser();
  admin = await server.somebody('super-admin');
  buyer = await server.register();
  other = await server.register();
  stranger = await server.stranger();
  sale = await server.sale({ quantity: 1000, organiser });
  order = await server.buy(buyer, sale, 2);
  const { reservation } = (await server.hold(buyer, sale)).body;
  ids = { venue: sale.event.venueId, event: sale.event.id, type: sale.type.id, order: order.id, hold: reservation.id,
          ticket: order.tickets[0].id, kept: order.tickets[1].id, person: buyer.id };
});
after(() => server.close());

const code = (r) => `${r.status} ${r.body?.code}`;
const NIL = '00000000-0000-0000-0000-000000000000';

// What must never be seen from outside: our files, our statements, our words for the log.
const ours = /src\/|\.c:\d|SELECT |UPDATE |INSERT |sqlite|ticket_type|person_by|0x[0-9a-f]{6}|assert|broken invariant/i;
function decent(r, what) {
  assert.ok(r.status < 500 && r.status >= 200, `${what}: ${r.status} ${r.text}`);
  if (r.status < 400) return;
  assert.match(r.headers.get('content-type'), /^application\/problem\+json/, what);
  assert.equal(r.body?.status, r.status, what);
  assert.doesNotMatch(r.text, ours, what);
}

// ---- every route ----------------------------------------------------------------

const values = [undefined, null, true, 0, -1, 1.5, 1e308, 9007199254740993n, '', ' ', '\u0000', '\u2028\ud83d\ude00',
  'x'.repeat(70_000), NIL, 'ffffffff-ffff-ffff-ffff-ffffffffffff', '1970-01-01T00:00:00Z', '9999-12-31T23:59:59Z',
  '-1', '\r\nX-Evil: 1', "' OR 1=1 --", '%00', [], [[]], {}, { a: {} }];
const text = (v) => JSON.stringify(v, (_, x) => (typeof x === 'bigint' ? `#${x}#` : x))?.replace(/"#(\d+)#"/g, '$1');

// An answer with a stream would not end.
const asked = routes.filter((r) => r.path !== '/events/stream' && !r.path.startsWith('/internal/'));
const withIds = (path, id) => path.replace(/:\w+/g, () => encodeURIComponent(id));

test('hostile ids in the path of every route', async () => {
  for (const r of asked.filter((a) => a.path.includes(':')))
    for (const id of [NIL, randomUUID(), ids.event, ids.ticket, 'x', '..', '%', '\u0000', 'a'.repeat(4000), "'--", '\u00ff', '{}'])
      await Promise.all([undefined, buyer, organiser, stranger, admin].map(async (who) =>
        decent(await server.api(r.method, withIds(r.path, id), { token: who?.token, key: randomUUID(),
          body: ['POST', 'PUT'].includes(r.method) ? {} : undefined }), `${r.method} ${r.path} ${id.slice(0, 40)}`)));
});

test('hostile members in the body of every route', async () => {
  const schemas = await server.must(200, 'GET', '/openapi.json');
  for (const r of asked.filter((a) => ['POST', 'PUT'].includes(a.method) && a.path !== '/auth/logout')) {
    const path = r.path.replace(/:(\w+)/g, '{$1}');
    const ref = schemas.paths[path]?.[r.method.toLowerCase()]?.requestBody?.content?.['application/json']?.schema;
    const schema = ref?.$ref ? schemas.components.schemas[ref.$ref.split('/').pop()] : ref;
    const names = Object.keys(schema?.properties ?? { a: 1 });
    const bodies = ['', 'null', '[]', '"x"', '1', '{', '{"a":1}}', '\ufeff{}', '{"a":1,"a":2}', '{"a":"\\ud800"}', '{"a":01}', '{"a":NaN}',
      '['.repeat(5000), '{"a":'.repeat(100) + '1' + '}'.repeat(100), Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), '{"a":1\u0000}'];
    for (const v of values) bodies.push(`{${names.map((n) => [n, text(v)]).filter(([, t]) => t).map(([n, t]) => `"${n}":${t}`).join(',')}}`);
    await Promise.all(bodies.map(async (body) => {
      const answers = await Promise.all([undefined, buyer, organiser].map((who) => fetch(server.url + withIds(r.path, ids.event), {
        method: r.method, body, headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID(),
          ...(who ? { authorization: `Bearer ${who.token}` } : {}) } }).then(async (a) => {
        const t = await a.text();
        let json;
        try { json = JSON.parse(t); } catch { json = undefined; }
        return { status: a.status, headers: a.headers, text: t, body: json };
      })));
      for (const a of answers) decent(a, `${r.method} ${r.path} ${String(body).slice(0, 60)}`);
    }));
  }
});

test('hostile queries and headers', async () => {
  const queries = ['limit=0', 'limit=101', 'limit=-1', 'limit=1e3', 'limit=', 'limit=99999999999999999999', 'cursor=', 'cursor=%00', 'cursor=AAAA',
    `cursor=${'A'.repeat(600)}`, `cursor=${'_'.repeat(32)}`, 'status=', 'status=x', 'venueId=', `venueId=${NIL}`, 'from=', 'from=1', 'search=%25', 'search=%ff',
    `search=${'%f0%9f%98%80'.repeat(60)}`, 'search=%00', 'search=\'', '%=%', 'a=%zz', '&&&==='];
  for (const path of ['/api/v1/events', '/api/v1/venues', '/api/v1/orders', '/api/v1/tickets'])
    for (const q of queries) decent(await server.api('GET', `${path}?${q}`, { token: buyer.token }), `${path}?${q}`);
  for (const [name, v] of [['x-tenant-id', NIL], ['x-tenant-id', 'x'], ['x-tenant-id', ''], ['x-tenant-id', stranger.tenantId], ['authorization', 'Bearer'],
    ['authorization', 'Bearer '], ['authorization', 'Basic x'], ['authorization', `Bearer ${'a.'.repeat(3000)}`], ['traceparent', '00-0-0-0'],
    ['idempotency-key', ''], ['idempotency-key', 'a'.repeat(256)], ['idempotency-key', 'a b'], ['accept', ';;,,q='], ['last-event-id', '-5'], ['origin', 'null']])
    for (const [method, path, body] of [['GET', '/api/v1/events'], ['GET', '/auth/me'], ['POST', '/api/v1/purchase', {}], ['OPTIONS', '/api/v1/purchase']])
      decent(await server.api(method, path, { token: buyer.token, headers: { [name]: v }, body }), `${method} ${path} ${name}: ${v}`);
});

// A good body for each write, of which one member at a time goes wrong.
const good = () => {
  const at = (days) => new Date(Date.now() + days * 86400_000).toISOString();
  const lines = [{ ticketTypeId: ids.type, quantity: 1 }];
  return [
    ['POST', '/auth/register', { email: `x${randomUUID()}@example.com`, password: 'Correct-Horse-7-Battery', firstName: 'A', lastName: 'B', phone: '12345', tenantId: TENANT }],
    ['POST', '/auth/login', { email: 'nobody@example.com', password: 'x', tenantId: TENANT, mfaToken: '123456' }],
    ['POST', '/auth/refresh', { refreshToken: buyer.refresh }],
    ['POST', '/api/v1/venues', { name: 'Hall', timezone: 'Europe/Zurich', capacity: 10, country: 'CH', city: 'Bern' }],
    ['PUT', `/api/v1/venues/${ids.venue}`, { name: 'Hall', timezone: 'Europe/Zurich', capacity: 10000, country: 'CH', city: 'Bern', status: 'ACTIVE' }],
    ['POST', `/api/v1/venues/${ids.venue}/staff`, { personId: ids.person, role: 'door-staff', expiresAt: at(1) }],
    ['POST', '/api/v1/events', { name: 'E', venueId: ids.venue, description: 'd', timezone: 'Europe/Zurich', startsAt: at(30), endsAt: at(31),
      doorsOpenAt: at(29), salesStartAt: at(1), salesEndAt: at(28) }],
    ['PUT', `/api/v1/events/${ids.event}`, { name: 'E', description: 'd', doorsOpenAt: at(29) }],
    ['PUT', `/api/v1/events/${ids.event}/content`, { content: { lineup: [] } }],
    ['POST', '/api/v1/tickets/types', { eventId: ids.event, name: `T${randomUUID()}`, description: 'd', priceCents: 100, currency: 'EUR', quantity: 5,
      maxPerPurchase: 2, saleStartDate: at(0), saleEndDate: at(1) }],
    ['PUT', `/api/v1/tickets/types/${ids.type}`, { name: 'Type 1', description: 'd', priceCents: 2500, quantity: 1000, maxPerPurchase: 10 }],
    ['POST', '/api/v1/tickets/purchase', { eventId: ids.event, tickets: lines }],
    ['POST', '/api/v1/purchase', { eventId: ids.event, tickets: lines }],
    ['POST', '/api/v1/transfer', { ticketId: ids.ticket, toUserId: other.id, reason: 'r' }],
    ['POST', '/api/v1/validation/scan', { qrCode: 'x', eventId: ids.event, gate: 'g', deviceId: 'd' }],
    ['POST', `/api/v1/events/${ids.event}/transitions`, { action: 'APPROVE', reason: 'r' }],
  ];
};

test('one hostile member in a good body', async () => {
  for (const [method, path, body] of good())
    for (const name of Object.keys(body))
      await Promise.all(values.map(async (v) => {
        const t = `{${Object.entries({ ...body, [name]: v }).map(([n, x]) => [n, text(x)]).filter(([, x]) => x).map(([n, x]) => `"${n}":${x}`).join(',')}}`;
        for (const who of path.includes('/purchase') || path.includes('/transfer') ? [buyer] : [organiser, buyer]) {
          const r = await server.api(method, path, { token: who.token, key: randomUUID(), body: t });
          decent(r, `${method} ${path} ${name}=${String(text(v)).slice(0, 60)}`);
        }
      }));
});

// ---- whose is it ------------------------------------------------------------------

test('with every id of a tenant in hand, another tenant gets nowhere on any route', async () => {
  const far = await server.somebody('admin', stranger.tenantId);
  const own = await server.venue(far), draft = await server.event(far, { venueId: own.id });
  for (const who of [stranger, far]) {
    for (const r of asked.filter((a) => a.path.includes(':') && a.path.startsWith('/api/')))
      await Promise.all(Object.values(ids).map(async (id) => {
        const a = await server.api(r.method, withIds(r.path, id), { token: who.token, key: randomUUID(), foreign: true,
          body: ['POST', 'PUT'].includes(r.method) ? { action: 'CANCEL', reason: 'x', personId: who.id, role: 'venue-owner', content: {}, outcome: 'succeeded' } : undefined });
        const rank = who === stranger && r.access === 'admin' ? [403] : [];
        assert.ok([400, 404, 405, ...rank].includes(a.status), `${r.method} ${r.path}: ${a.status} ${a.text}`);
      }));
    for (const [method, path, body] of good().filter(([, p]) => !p.startsWith('/auth/') && p !== '/api/v1/venues')) {
      const a = await server.api(method, path, { token: who.token, key: randomUUID(), body });
      assert.equal(a.status, 404, `${method} ${path}: ${a.status} ${a.text}`);
    }
    for (const [path, body] of [['/api/v1/events', { name: 'E', venueId: ids.venue, startsAt: '2100-01-01T00:00:00Z', endsAt: '2100-01-02T00:00:00Z' }]])
      assert.equal((await server.api('POST', path, { token: who.token, body })).status, 404);
    assert.equal((await server.api('PUT', `/api/v1/events/${draft.id}`, { token: who.token, body: { venueId: ids.venue } })).status, 404);
    assert.equal((await server.api('POST', `/api/v1/venues/${own.id}/staff`, { token: far.token, body: { personId: ids.person, role: 'door-staff' } })).status, 404);
    for (const path of ['/api/v1/orders', '/api/v1/tickets'])
      assert.deepEqual((await server.must(200, 'GET', path, { token: who.token })).data, []);
    for (const path of [`/api/v1/events?venueId=${ids.venue}`, '/api/v1/events', '/api/v1/venues'])
      assert.doesNotMatch((await server.api('GET', path, { token: who.token })).text, new RegExp(`${ids.venue}|${ids.event}`));
    assert.equal(code(await server.api('GET', '/api/v1/orders', { token: who.token, headers: { 'x-tenant-id': TENANT } })), '403 FORBIDDEN');
    assert.equal((await server.api('GET', `/events/stream?topics=event:${ids.event}`, { token: who.token, headers: { accept: 'text/event-stream' } })).status, 404);
  }
});

test('another person of the same tenant sees and moves nothing that is one’s own', async () => {
  for (const [method, path] of [['GET', `/api/v1/orders/${ids.order}`], ['GET', `/api/v1/tickets/${ids.kept}`], ['GET', `/api/v1/qr/${ids.kept}`],
    ['GET', `/api/v1/tickets/reservations/${ids.hold}`], ['DELETE', `/api/v1/tickets/reservations/${ids.hold}`]])
    for (const who of [other, organiser, admin])
      assert.equal((await server.api(method, path, { token: who.token })).status, 404, `${method} ${path}`);
  assert.equal((await server.api('POST', '/api/v1/transfer', { token: other.token, body: { ticketId: ids.kept, toUserId: other.id } })).status, 404);
});

test('no role is had by asking for it', async () => {
  for (const more of [{ role: 'admin' }, { role: 'super-admin', status: 'ACTIVE', emailVerified: true, id: randomUUID() }]) {
    const p = await server.register(more);
    assert.deepEqual([p.role, p.emailVerified], ['customer', false]);
    assert.equal((await server.api('POST', '/api/v1/venues', { token: p.token, body: { name: 'Mine', timezone: 'UTC', capacity: 1 } })).status, 403);
  }
  const manager = await server.register(), path = `/api/v1/venues/${ids.venue}/staff`;
  const grant = (who, personId, role, more = {}) => server.api('POST', path, { token: who.token, body: { personId, role, ...more } });
  assert.equal((await grant(organiser, manager.id, 'venue-manager')).status, 201);
  assert.equal((await grant(manager, manager.id, 'venue-owner')).status, 403);
  assert.equal((await grant(manager, organiser.id, 'door-staff')).status, 403);
  assert.equal((await grant(manager, other.id, 'door-staff')).status, 201);
  assert.equal((await grant(other, other.id, 'box-office')).status, 403);
  assert.equal((await server.api('DELETE', `${path}/${organiser.id}`, { token: manager.token })).status, 403);
  assert.equal((await server.api('PUT', `/api/v1/events/${ids.event}`, { token: other.token, body: { name: 'Mine' } })).status, 403);
});

// ---- a key is one request of one person ----------------------------------------------

test('an idempotency key is one person’s, one route’s, one request’s, also at once', async () => {
  const key = randomUUID(), s = await server.sale({ quantity: 50, organiser });
  const body = { eventId: s.event.id, tickets: [{ ticketTypeId: s.type.id, quantity: 1 }] };
  const buy = (who, more = {}) => ({ method: 'POST', path: '/api/v1/purchase', token: who.token, key, body, ...more });
  const answers = await atOnce(server, [buy(buyer), buy(other), buy(buyer, { body: { ...body, tickets: [{ ticketTypeId: s.type.id, quantity: 2 }] } }),
    buy(buyer, { path: '/api/v1/tickets/purchase' }), buy(buyer), buy(other)]);
  const mine = answers.filter((a, i) => [0, 4].includes(i) && a.status === 201), his = [answers[1], answers[5]];
  assert.equal(his[0].body.order.id, his[1].body.order.id);
  assert.ok(answers[3].body.reservation);
  const t = tally([answers[0], answers[2], answers[4]]);
  assert.ok(t.IDEMPOTENCY_KEY_MISMATCH === 1 || t.IDEMPOTENCY_KEY_MISMATCH === 2, JSON.stringify(t));
  for (const m of mine) assert.notEqual(m.body.order.id, his[0].body.order.id);
  const [left] = await server.types(s.event);
  assert.equal(left.held, (mine.length > 0 ? 1 : 2) + 1 + 1);
});

test('a transfer that is asked for again has its first answer', async () => {
  const path = '/api/v1/transfer', key = randomUUID();
  const { tickets: [t] } = await server.buy(buyer, await server.sale({ organiser }));
  const body = { ticketId: t.id, toUserId: other.id };
  const first = await server.api('POST', path, { token: buyer.token, key, body });
  assert.equal(first.status, 200);
  const again = await server.api('POST', path, { token: buyer.token, key, body });
  assert.deepEqual([again.status, again.text, again.headers.get('idempotency-replayed')], [200, first.text, 'true']);
  assert.equal((await server.api('POST', path, { token: buyer.token, key: randomUUID(), body })).status, 404);
});

// ---- an event that is called off ------------------------------------------------------

test('a cancelled event gives back what was held, ends its orders and takes no money for them', async () => {
  const s = await server.sale({ quantity: 10, organiser });
  const held = (await server.hold(buyer, s, 2)).body.reservation;
  const bought = await server.must(201, 'POST', '/api/v1/purchase', { token: other.token, key: randomUUID(),
    body: { eventId: s.event.id, tickets: [{ ticketTypeId: s.type.id, quantity: 3 }] } });
  await server.must(200, 'POST', `/api/v1/events/${s.event.id}/cancel`, { token: organiser.token, body: { reason: 'rain' } });
  assert.equal(code(await server.api('POST', '/api/v1/purchase', { token: buyer.token, key: randomUUID(), body: { reservationId: held.id } })), '410 RESERVATION_EXPIRED');
  await server.must(200, 'POST', `/api/v1/payments/sandbox/${bought.payment.intentId}/confirm`, { body: { outcome: 'succeeded' } });
  await until('the stock is back', async () => (await server.types(s.event))[0].available === 10);
  const after = await server.must(200, 'GET', `/api/v1/orders/${bought.order.id}`, { token: other.token });
  assert.deepEqual([after.order.status, after.order.tickets?.length ?? 0], ['CANCELLED', 0]);
  assert.equal((await server.must(200, 'GET', `/api/v1/tickets/reservations/${held.id}`, { token: buyer.token })).reservation.status, 'CANCELLED');
});

test('cancelled, paid, released and refused at once: stock and tickets agree', async () => {
  for (let round = 0; round < 10; round++) {
    const s = await server.sale({ quantity: 20, organiser });
    const orders = [];
    for (const who of [buyer, other]) orders.push(await server.must(201, 'POST', '/api/v1/purchase', { token: who.token, key: randomUUID(),
      body: { eventId: s.event.id, tickets: [{ ticketTypeId: s.type.id, quantity: 3 }] } }));
    const pay = (o, outcome) => ({ method: 'POST', path: `/api/v1/payments/sandbox/${o.payment.intentId}/confirm`, body: { outcome } });
    const answers = await atOnce(server, [pay(orders[0], 'succeeded'), pay(orders[1], round % 2 ? 'failed' : 'succeeded'),
      { method: 'POST', path: `/api/v1/events/${s.event.id}/cancel`, token: organiser.token, body: { reason: 'x' } },
      { method: 'DELETE', path: `/api/v1/tickets/reservations/${orders[1].order.reservationId}`, token: other.token }, pay(orders[1], 'succeeded')]);
    for (const a of answers) assert.ok(a.status < 500, JSON.stringify(a));
    const left = await until('nothing is held', async () => { const [t] = await server.types(s.event); return t.held === 0 && t; });
    let sold = 0;
    for (const [i, who] of [buyer, other].entries()) {
      const { order: o } = await server.must(200, 'GET', `/api/v1/orders/${orders[i].order.id}`, { token: who.token });
      assert.notEqual(o.status, 'PENDING');
      assert.equal(o.tickets?.length ?? 0, o.status === 'COMPLETED' ? 3 : 0);
      sold += o.tickets?.length ?? 0;
    }
    assert.deepEqual([left.sold, left.available], [sold, 20 - sold]);
  }
});

test('several holds of one customer at once stay within his share', async () => {
  const s = await server.sale({ quantity: 1000, organiser }), who = await server.register();
  const answers = await atOnce(server, Array.from({ length: 12 }, () => ({ method: 'POST', path: '/api/v1/tickets/purchase', token: who.token,
    body: { eventId: s.event.id, tickets: [{ ticketTypeId: s.type.id, quantity: 10 }] } })));
  assert.deepEqual(tally(answers), { 201: 5, LIMIT_PER_CUSTOMER: 7 });
});

// ---- the provider's word -----------------------------------------------------------------

const sorted = (v) => (v && typeof v === 'object' ? Object.fromEntries(Object.keys(v).sort().map((k) => [k, v[k]])) : v);
async function webhook(what, body, nonce = randomUUID()) {
  const key = /^INTERNAL_WEBHOOK_SECRET=(.+)$/m.exec(readFileSync(join(server.dir, 'secrets.env'), 'utf8'))[1];
  const at = await server.now();
  const signature = createHmac('sha256', key).update(`${at}:${nonce}:${JSON.stringify(sorted(body))}`).digest('hex');
  return server.api('POST', `/api/v1/webhooks/payment-${what}`, { body, headers: {
    'x-internal-signature': signature, 'x-webhook-timestamp': String(at), 'x-webhook-nonce': nonce } });
}

const pending = async (s, quantity = 1) => (await server.must(201, 'POST', '/api/v1/purchase', { token: buyer.token, key: randomUUID(),
  body: { eventId: s.event.id, tickets: [{ ticketTypeId: s.type.id, quantity }] } })).order;

test('a word of failure can not be sent again as one of success', async () => {
  const s = await server.sale({ quantity: 5, organiser }), o = await pending(s), p = await pending(s), nonce = randomUUID();
  const word = (x) => ({ orderId: x.id, paymentId: `py_${x.id}`, tenantId: TENANT, amountCents: x.totalCents, currency: 'EUR', reason: 'declined' });
  assert.equal((await webhook('failed', word(o), nonce)).status, 200);
  assert.equal(code(await webhook('success', word(p), nonce)), '401 INVALID_SIGNATURE');
});

test('success after failure and failure after success change nothing that was settled', async () => {
  const s = await server.sale({ quantity: 5, organiser });
  const status = async (o) => (await server.must(200, 'GET', `/api/v1/orders/${o.id}`, { token: buyer.token })).order.status;
  const word = (x, id) => ({ orderId: x.id, paymentId: id, tenantId: TENANT, amountCents: x.totalCents, currency: 'EUR' });
  const a = await pending(s), b = await pending(s);
  assert.equal((await webhook('success', word(a, 'py_a'))).status, 200);
  assert.equal((await webhook('failed', { ...word(a, 'py_a'), reason: 'late' })).status, 200);
  assert.equal(await status(a), 'COMPLETED');
  assert.equal((await webhook('failed', { ...word(b, 'py_b'), reason: 'no' })).status, 200);
  assert.equal((await webhook('success', word(b, 'py_b'))).status, 200);
  assert.equal((await webhook('success', word(b, 'py_b'))).status, 200);
  assert.equal(await status(b), 'PAYMENT_FAILED');
  const c = await pending(s);
  assert.equal(code(await webhook('success', word(c, 'py_a'))), '409 CONFLICT');
  for (const wrong of [{ amountCents: -1 }, { amountCents: 2500.5 }, { amountCents: 0 }, { amountCents: 2501 }, { currency: 'USD' }, { currency: 'eur' },
    { orderId: NIL }, { tenantId: NIL }])
    assert.match(code(await webhook('success', { ...word(c, 'py_c'), ...wrong })), /^400 VALIDATION_ERROR$/, JSON.stringify(wrong));
  assert.equal(await status(c), 'PENDING');
  const [t] = await server.types(s.event);
  assert.deepEqual([t.available, t.held, t.sold], [3, 1, 1]);
});

// ---- streams --------------------------------------------------------------------------------

test('a topic that is named twice is replayed once', async () => {
  const s = await server.sale({ quantity: 5, organiser });
  await server.move(organiser, s.event, 'PAUSE_SALES');
  const r = await fetch(`${server.url}/events/stream?lastEventId=0&topics=event:${s.event.id},event:${s.event.id}`,
    { headers: { authorization: `Bearer ${other.token}` } });
  let heard = '';
  const reader = r.body.getReader();
  while (!heard.includes('event.paused')) heard += Buffer.from((await reader.read()).value).toString();
  await reader.cancel();
  assert.equal(heard.split('event: event.paused').length - 1, 1, heard);
});

test('who signs out hears no more, and the token of an ended session opens nothing', async () => {
  const who = await server.register();
  const { token } = await server.must(200, 'POST', '/events/token', { token: who.token });
  const r = await fetch(`${server.url}/events/stream`, { headers: { authorization: `Bearer ${who.token}` } });
  const reader = r.body.getReader();
  await server.must(200, 'POST', '/auth/logout', { token: who.token });
  await server.everywhere('it is known', async (node) => (await server.api('GET', '/auth/me', { token: who.token, node })).status === 401);
  assert.equal((await fetch(`${server.url}/events/stream?token=${token}`)).status, 401);
  const end = await Promise.race([(async () => { while (!(await reader.read()).done); return 'ended'; })(), sleep(30_000).then(() => 'still open')]);
  assert.equal(end, 'ended');
});
