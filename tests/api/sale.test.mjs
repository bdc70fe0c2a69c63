// sale.test.mjs - types, holds, orders and payments as an organiser and a buyer see them.
import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { start, TENANT } from './harness.mjs';

let server, organiser, buyer, other, foreigner;
before(async () => {
  server = await start();
  organiser = await server.organiser();
  buyer = await server.register();
  other = await server.register();
  foreigner = await server.stranger();
});
after(() => server.close());

const wish = (sale, quantity = 1) => ({ eventId: sale.event.id, tickets: [{ ticketTypeId: sale.type.id, quantity }] });
const code = (r) => `${r.status} ${r.body?.code}`;

test('a ticket type is made by who manages the event, and by nobody else', async () => {
  const event = await server.event(organiser);
  const body = { eventId: event.id, name: 'Floor', priceCents: 5000, currency: 'EUR', quantity: 10, maxPerPurchase: 4 };
  const { ticketType: t } = await server.must(201, 'POST', '/api/v1/tickets/types', { token: organiser.token, body });
  assert.deepEqual([t.available, t.held, t.sold, t.maxPerPurchase], [10, 0, 0, 4]);
  assert.equal(code(await server.api('POST', '/api/v1/tickets/types', { token: organiser.token, body })), '409 CONFLICT');
  assert.equal(code(await server.api('POST', '/api/v1/tickets/types', { token: buyer.token, body: { ...body, name: 'B' } })), '404 NOT_FOUND');
  assert.equal(code(await server.api('POST', '/api/v1/tickets/types', { body })), '401 UNAUTHORIZED');
  assert.equal(code(await server.api('POST', '/api/v1/tickets/types', { token: foreigner.token, body, foreign: true })), '404 NOT_FOUND');
  const wrong = await server.api('POST', '/api/v1/tickets/types', { token: organiser.token, body: { eventId: event.id, name: '', priceCents: -1, currency: 'eur', quantity: 0 } });
  assert.equal(code(wrong), '400 VALIDATION_ERROR');
  assert.deepEqual(wrong.body.errors.map((e) => e.field).sort(), ['name', 'priceCents', 'quantity']);
});

test('a type can be looked at and changed, not below what is promised', async () => {
  const sale = await server.sale({ quantity: 10, organiser });
  const path = `/api/v1/tickets/types/${sale.type.id}`;
  await server.must(200, 'GET', path);
  assert.equal((await server.api('GET', path, { token: foreigner.token, foreign: true })).status, 404);
  assert.equal((await server.api('GET', `/api/v1/tickets/types/${randomUUID()}`)).status, 404);
  await server.must(201, 'POST', '/api/v1/tickets/purchase', { token: buyer.token, body: wish(sale, 3) });
  const { ticketType } = await server.must(200, 'PUT', path, { token: organiser.token, body: { quantity: 5, name: 'Rest' } });
  assert.deepEqual([ticketType.quantity, ticketType.available, ticketType.held, ticketType.name], [5, 2, 3, 'Rest']);
  assert.equal(code(await server.api('PUT', path, { token: organiser.token, body: { quantity: 2 } })), '400 VALIDATION_ERROR');
  assert.equal((await server.must(200, 'PUT', path, { token: organiser.token, body: { isActive: false } })).ticketType.isActive, false);
  assert.equal(code(await server.api('POST', '/api/v1/tickets/purchase', { token: buyer.token, body: wish(sale, 1) })), '409 NOT_ON_SALE');
  assert.equal((await server.must(200, 'PUT', path, { token: organiser.token, body: { isActive: true } })).ticketType.version, 4);
  assert.equal(code(await server.api('PUT', path, { token: organiser.token, body: { name: 'x', version: 1 } })), '409 CONFLICT');
  assert.equal(code(await server.api('PUT', path, { token: buyer.token, body: { name: 'x' } })), '403 FORBIDDEN');
  assert.equal((await server.api('PUT', path, { token: foreigner.token, body: { name: 'x' }, foreign: true })).status, 404);
});

test('the types of an event are listed for everybody once it is published', async () => {
  const sale = await server.sale({ quantity: 10, types: [{ name: 'A', priceCents: 900 }, { name: 'B', priceCents: 100 }], organiser });
  const path = `/api/v1/tickets/events/${sale.event.id}/types`;
  assert.deepEqual((await server.must(200, 'GET', path)).data.map((t) => t.name), ['B', 'A']);
  const draft = await server.event(organiser);
  assert.equal((await server.api('GET', `/api/v1/tickets/events/${draft.id}/types`)).status, 404);
  assert.equal((await server.api('GET', path, { token: foreigner.token, foreign: true })).status, 404);
});

test('a hold is placed, seen by its owner alone, and given back', async () => {
  const sale = await server.sale({ quantity: 5, organiser });
  const { reservation: r } = await server.must(201, 'POST', '/api/v1/tickets/purchase', { token: buyer.token, body: wish(sale, 2) });
  assert.equal(r.status, 'ACTIVE');
  assert.equal(r.totalCents, 5000);
  assert.equal(Date.parse(r.expiresAt) - Date.parse(r.createdAt), 600_000);
  const path = `/api/v1/tickets/reservations/${r.id}`;
  await server.must(200, 'GET', path, { token: buyer.token });
  for (const [who, options] of [[other, {}], [foreigner, { foreign: true }]])
    for (const method of ['GET', 'DELETE'])
      assert.equal((await server.api(method, path, { token: who.token, ...options })).status, 404);
  assert.equal((await server.must(200, 'DELETE', path, { token: buyer.token })).reservation.status, 'CANCELLED');
  assert.equal((await server.types(sale.event))[0].available, 5);
  await server.must(200, 'DELETE', path, { token: buyer.token });
  assert.equal((await server.types(sale.event))[0].available, 5);
});

test('what can not be held is refused by its reason', async () => {
  const sale = await server.sale({ quantity: 5, maxPerPurchase: 3, organiser });
  const hold = (body, token = buyer.token, more = {}) => server.api('POST', '/api/v1/tickets/purchase', { token, body, ...more }).then(code);
  assert.equal(await hold(wish(sale, 4)), '400 VALIDATION_ERROR');
  assert.equal(await hold(wish(sale, 0)), '400 VALIDATION_ERROR');
  assert.equal(await hold({ eventId: sale.event.id, tickets: [] }), '400 VALIDATION_ERROR');
  assert.equal(await hold(wish(sale, 1), foreigner.token, { foreign: true }), '404 NOT_FOUND');
  assert.equal(await hold(wish(sale, 3)), '201 undefined');
  assert.equal(await hold(wish(sale, 3), other.token), '409 SOLD_OUT');
  await server.move(organiser, sale.event, 'PAUSE_SALES');
  assert.equal(await hold(wish(sale, 1), other.token), '409 NOT_ON_SALE');
});

test('a hold lapses after ten minutes and its stock comes back', async () => {
  const sale = await server.sale({ quantity: 5, organiser });
  const { reservation: r } = await server.must(201, 'POST', '/api/v1/tickets/purchase', { token: buyer.token, body: wish(sale, 5) });
  const late = await server.must(201, 'POST', '/api/v1/purchase', { token: buyer.token, key: randomUUID(), body: { reservationId: r.id } });
  await server.clock.advance(10 * 60_000 + 1000);
  const fresh = await server.login(buyer.email);
  buyer.token = fresh.token;
  assert.equal((await server.must(200, 'GET', `/api/v1/tickets/reservations/${r.id}`, { token: buyer.token })).reservation.status, 'EXPIRED');
  assert.equal((await server.must(200, 'GET', `/api/v1/orders/${late.order.id}`, { token: buyer.token })).order.status, 'EXPIRED');
  assert.equal((await server.types(sale.event))[0].available, 5);
  assert.equal(code(await server.api('POST', '/api/v1/purchase', { token: buyer.token, key: randomUUID(), body: { reservationId: r.id } })), '410 RESERVATION_EXPIRED');
  organiser = await server.login(organiser.email);
  other = await server.login(other.email);
  foreigner = await server.login(foreigner.email, { tenantId: foreigner.tenantId });
  server.strange = foreigner;
});

test('an order is bought once per key, paid, and has its tickets', async () => {
  const sale = await server.sale({ quantity: 5, organiser });
  const key = randomUUID(), body = wish(sale, 2), options = { token: buyer.token, key, body };
  assert.equal(code(await server.api('POST', '/api/v1/purchase', { token: buyer.token, body })), '400 IDEMPOTENCY_KEY_REQUIRED');
  const first = await server.must(201, 'POST', '/api/v1/purchase', options);
  assert.match(first.order.orderNumber, /^ORD-\d{8}$/);
  assert.equal(first.order.status, 'PENDING');
  assert.equal(first.payment.provider, 'sandbox');
  const again = await server.api('POST', '/api/v1/purchase', options);
  assert.deepEqual([again.status, again.body], [201, first]);
  assert.equal(again.headers.get('idempotency-replayed'), 'true');
  assert.equal(code(await server.api('POST', '/api/v1/purchase', { ...options, body: wish(sale, 1) })), '422 IDEMPOTENCY_KEY_MISMATCH');
  const pay = `/api/v1/payments/sandbox/${first.payment.intentId}/confirm`;
  await server.must(200, 'POST', pay, { body: { outcome: 'succeeded' } });
  await server.must(200, 'POST', pay, { body: { outcome: 'succeeded' } });
  const { order } = await server.must(200, 'GET', `/api/v1/orders/${first.order.id}`, { token: buyer.token });
  assert.equal(order.status, 'COMPLETED');
  assert.equal(order.tickets.length, 2);
  for (const t of order.tickets) {
    assert.match(t.ticketNumber, /^TKT-[0-9A-HJKMNP-TV-Z]{10}$/);
    assert.equal(t.status, 'SOLD');
  }
  const shown = await server.must(200, 'GET', `/api/v1/tickets/${order.tickets[0].id}`, { token: buyer.token });
  assert.deepEqual(shown.ticket, order.tickets[0]);
  const [t] = await server.types(sale.event);
  assert.deepEqual([t.available, t.held, t.sold], [3, 0, 2]);
  for (const path of [`/api/v1/orders/${order.id}`, `/api/v1/tickets/${order.tickets[0].id}`, `/api/v1/qr/${order.tickets[0].id}`]) {
    assert.equal((await server.api('GET', path, { token: other.token })).status, 404);
    assert.equal((await server.api('GET', path, { token: foreigner.token, foreign: true })).status, 404);
    assert.equal((await server.api('GET', path)).status, 401);
  }
});

test('the sandbox shows its page, and takes only intents that it made', async () => {
  const sale = await server.sale({ quantity: 5, organiser });
  const { payment } = await server.must(201, 'POST', '/api/v1/purchase', { token: buyer.token, key: randomUUID(), body: wish(sale, 1) });
  const html = { headers: { accept: 'text/html' } };
  assert.equal((await server.api('GET', `/pay/sandbox/${payment.intentId}`, html)).status, 200);
  const torn = payment.intentId.slice(0, -1) + (payment.intentId.endsWith('A') ? 'B' : 'A');
  assert.equal((await server.api('GET', `/pay/sandbox/${torn}`, html)).status, 404);
  const confirm = (id, body) => server.api('POST', `/api/v1/payments/sandbox/${id}/confirm`, { body });
  assert.equal((await confirm(torn, { outcome: 'succeeded' })).status, 404);
  assert.equal(code(await confirm(payment.intentId, { outcome: 'perhaps' })), '400 VALIDATION_ERROR');
  await server.must(200, 'GET', '/.well-known/jwks.json');
});

test('a failed payment ends the order and gives the stock back', async () => {
  const sale = await server.sale({ quantity: 5, organiser });
  const bought = await server.must(201, 'POST', '/api/v1/purchase', { token: buyer.token, key: randomUUID(), body: wish(sale, 2) });
  await server.must(200, 'POST', `/api/v1/payments/sandbox/${bought.payment.intentId}/confirm`, { body: { outcome: 'failed' } });
  assert.equal((await server.must(200, 'GET', `/api/v1/orders/${bought.order.id}`, { token: buyer.token })).order.status, 'PAYMENT_FAILED');
  assert.equal((await server.types(sale.event))[0].available, 5);
});

test('a purchase is of a reservation or of tickets, of one that is ours, once', async () => {
  const sale = await server.sale({ quantity: 5, organiser });
  const { reservation } = await server.must(201, 'POST', '/api/v1/tickets/purchase', { token: buyer.token, body: wish(sale, 1) });
  const buy = (body, who = buyer, more = {}) => server.api('POST', '/api/v1/purchase', { token: who.token, key: randomUUID(), body, ...more }).then(code);
  assert.equal(await buy({}), '400 VALIDATION_ERROR');
  assert.equal(await buy({ ...wish(sale), reservationId: reservation.id }), '400 VALIDATION_ERROR');
  assert.equal(await buy({ reservationId: reservation.id }, other), '404 NOT_FOUND');
  assert.equal(await buy({ reservationId: reservation.id }, foreigner, { foreign: true }), '404 NOT_FOUND');
  assert.equal(await buy({ reservationId: reservation.id }), '201 undefined');
  assert.equal(await buy({ reservationId: reservation.id }), '409 CONFLICT');
});

test('orders and tickets are listed for their owner, page by page', async () => {
  const sale = await server.sale({ quantity: 20, organiser });
  const who = await server.register();
  for (let i = 0; i < 3; i++) await server.buy(who, sale, 2);
  for (const [path, total] of [['/api/v1/orders', 3], ['/api/v1/tickets', 6]]) {
    const seen = [];
    let next = '';
    do {
      const page = await server.must(200, 'GET', `${path}?limit=2${next && `&cursor=${encodeURIComponent(next)}`}`, { token: who.token });
      seen.push(...page.data.map((x) => x.id));
      next = page.pagination.nextCursor;
    } while (next);
    assert.equal(seen.length, total);
    assert.equal(new Set(seen).size, total);
    assert.equal((await server.api('GET', path)).status, 401);
    assert.equal(code(await server.api('GET', `${path}?cursor=zzz`, { token: who.token })), '400 INVALID_CURSOR');
    assert.deepEqual((await server.must(200, 'GET', path, { token: foreigner.token })).data, []);
  }
});

// ---- the webhook, signed here by node's own crypto ------------------------------

const secrets = () => readFileSync(join(server.dir, 'secrets.env'), 'utf8');
const sorted = (v) => (Array.isArray(v) ? v.map(sorted) : v && typeof v === 'object'
  ? Object.fromEntries(Object.keys(v).sort().map((k) => [k, sorted(v[k])])) : v);

async function webhook(path, body, { nonce = randomUUID(), at, key, tamper } = {}) {
  key ??= /^INTERNAL_WEBHOOK_SECRET=(.+)$/m.exec(secrets())[1];
  at ??= await server.now();
  const signature = createHmac('sha256', key).update(`${at}:${nonce}:${JSON.stringify(sorted(body))}`).digest('hex');
  return server.api('POST', path, { body: tamper ?? body, headers: {
    'x-internal-signature': signature, 'x-webhook-timestamp': String(at), 'x-webhook-nonce': nonce } });
}

test('only a signed, fresh, unrepeated webhook pays, and only the right amount', async () => {
  const sale = await server.sale({ quantity: 5, organiser });
  const { order } = await server.must(201, 'POST', '/api/v1/purchase', { token: buyer.token, key: randomUUID(), body: wish(sale, 1) });
  const path = '/api/v1/webhooks/payment-success';
  const body = { orderId: order.id, paymentId: 'pi_test_1', tenantId: TENANT, amountCents: 2500, currency: 'EUR' };
  assert.equal(code(await server.api('POST', path, { body })), '401 INVALID_SIGNATURE');
  assert.equal(code(await webhook(path, body, { key: 'x'.repeat(40) })), '401 INVALID_SIGNATURE');
  assert.equal(code(await webhook(path, body, { tamper: { ...body, amountCents: 1 } })), '401 INVALID_SIGNATURE');
  assert.equal(code(await webhook(path, body, { at: await server.now() - 6 * 60_000 })), '401 INVALID_SIGNATURE');
  assert.equal(code(await webhook(path, { ...body, amountCents: 1 })), '400 VALIDATION_ERROR');
  assert.equal(code(await webhook(path, { ...body, tenantId: foreigner.tenantId })), '404 NOT_FOUND');
  const nonce = randomUUID();
  assert.equal((await webhook(path, body, { nonce })).status, 200);
  assert.equal(code(await webhook(path, body, { nonce })), '401 INVALID_SIGNATURE');
  assert.equal((await webhook(path, body)).status, 200);
  const paid = await server.must(200, 'GET', `/api/v1/orders/${order.id}`, { token: buyer.token });
  assert.deepEqual([paid.order.status, paid.order.tickets.length], ['COMPLETED', 1]);
});

test('a signed word of failure ends the order', async () => {
  const sale = await server.sale({ quantity: 5, organiser });
  const { order } = await server.must(201, 'POST', '/api/v1/purchase', { token: buyer.token, key: randomUUID(), body: wish(sale, 1) });
  const path = '/api/v1/webhooks/payment-failed';
  const body = { orderId: order.id, tenantId: TENANT, reason: 'card declined' };
  assert.equal(code(await server.api('POST', path, { body })), '401 INVALID_SIGNATURE');
  assert.equal((await webhook(path, body)).status, 200);
  assert.equal((await server.must(200, 'GET', `/api/v1/orders/${order.id}`, { token: buyer.token })).order.status, 'PAYMENT_FAILED');
});
