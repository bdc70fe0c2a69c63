// pay.test.mjs - the sandbox provider: its page, its answer, and what it can't be made to do.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { start } from './harness.mjs';

let s, buyer, sale;
before(async () => { s = await start(); buyer = await s.register(); sale = await s.sale(); });
after(() => s.close());

const order = () => s.must(201, 'POST', '/api/v1/purchase', { token: buyer.token, key: randomUUID(),
  body: { eventId: sale.event.id, tickets: [{ ticketTypeId: sale.type.id, quantity: 1 }] } });
const confirm = (id, outcome) => s.api('POST', `/api/v1/payments/sandbox/${id}/confirm`, { body: { outcome } });
const state = async (o) => (await s.must(200, 'GET', `/api/v1/orders/${o.order.id}`, { token: buyer.token })).order;

test('the provider\'s page shows what is to be paid, and its script is there', async () => {
  const o = await order();
  assert.equal(o.payment.provider, 'sandbox');
  const page = await s.api('GET', new URL(o.payment.url, s.url).pathname);
  assert.equal(page.status, 200);
  assert.match(page.text, /data-minor="2500" data-currency="EUR"/);
  assert.equal((await s.api('GET', '/pay/sandbox.js')).status, 200);
});

test('an intent that nobody gave is not there', async () => {
  for (const id of ['nonsense', '<script>', randomUUID(), 'A'.repeat(300)]) {
    assert.ok([400, 404].includes((await confirm(encodeURIComponent(id), 'succeeded')).status), id);
    const page = await s.api('GET', `/pay/sandbox/${encodeURIComponent(id)}`);
    assert.ok([400, 404].includes(page.status), id);
    assert.match(page.headers.get('content-type'), /problem\+json/, 'never HTML with what was asked for');
  }
});

test('an intent with one letter changed is not there either', async () => {
  const { payment } = await order();
  const at = payment.intentId.length - 5, other = payment.intentId[at] === 'A' ? 'B' : 'A';
  const changed = payment.intentId.slice(0, at) + other + payment.intentId.slice(at + 1);
  assert.ok([400, 404].includes((await confirm(changed, 'succeeded')).status));
});

test('it says succeeded or failed and nothing else', async () => {
  const o = await order();
  assert.equal((await confirm(o.payment.intentId, 'maybe')).status, 400);
  assert.equal((await state(o)).status, 'PENDING');
  assert.equal((await confirm(o.payment.intentId, 'succeeded')).status, 200);
  const paid = await state(o);
  assert.equal(paid.status, 'COMPLETED');
  const ticket = await s.must(200, 'GET', `/api/v1/tickets/${paid.tickets[0].id}`, { token: buyer.token });
  assert.equal(ticket.ticket.status, 'SOLD');
});

test('said twice it counts once', async () => {
  const o = await order();
  const all = await Promise.all(Array.from({ length: 10 }, () => confirm(o.payment.intentId, 'succeeded')));
  assert.ok(all.every((r) => r.status === 200), all.map((r) => r.text).join());
  assert.equal((await state(o)).tickets.length, 1);
});

test('a failed payment gives the stock back', async () => {
  const o = await order(), [was] = await s.types(sale.event);
  assert.equal((await confirm(o.payment.intentId, 'failed')).status, 200);
  const [is] = await s.types(sale.event);
  assert.equal(is.available, was.available + 1);
  assert.equal((await state(o)).status, 'PAYMENT_FAILED');
});
