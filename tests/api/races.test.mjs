// races.test.mjs - what must be true when everybody comes at once.
//
// With RACE_CONTROL=1 the same races run against a program built without its guards
// (make CONTROL=1), and each must then see the disaster it exists for: a race test
// that passes there could not fail at all.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before } from 'node:test';
import { cluster, start } from './harness.mjs';
import { listenTo } from './listen.mjs';
import { atOnce, control, crowd, race, tally, verdict } from './crowd.mjs';

let server, organiser;
before(async () => {
  // The buyers are one machine.
  server = await start({ QUEUE_MAX: '20000', CONNECTIONS_PER_ADDRESS: '0' });
  organiser = await server.organiser();
  if (control && cluster) await dropChecks();
});
after(() => server.close());

// The constraints of the tables are a second wall; the first must be seen to fall. (For
// SQLite the program itself ignores them, when it is built without its guards.)
function dropChecks() {
  return server.engines.sql(`DO $$ DECLARE c record; BEGIN
    FOR c IN SELECT conrelid::regclass AS t, conname FROM pg_constraint
      WHERE contype = 'c' AND connamespace = 'public'::regnamespace
    LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.t, c.conname); END LOOP; END $$`);
}

const wish = (sale, quantity) => ({ eventId: sale.event.id, tickets: [{ ticketTypeId: sale.type.id, quantity }] });
const stock = async (sale) => (await server.types(sale.event))[0];
const whole = (t) => t.quantity === t.available + t.held + t.sold + t.blocked && t.available >= 0 && t.held >= 0 && t.sold >= 0;

race('5,000 parallel buyers for the last ticket: exactly one wins', async () => {
  const sale = await server.sale({ quantity: 1, organiser });
  const buyers = await crowd(server, 5000);
  const answers = await atOnce(server, buyers.map((b) =>
    ({ method: 'POST', path: '/api/v1/tickets/purchase', token: b.token, body: wish(sale, 1) })));
  const t = tally(answers), left = await stock(sale);
  verdict(t[201] === 1 && t.SOLD_OUT === 4999 && whole(left) && left.held === 1, JSON.stringify({ t, left }));
});

race('10 buyers of 10 for 50: five get theirs, five hear SOLD_OUT', async () => {
  const sale = await server.sale({ quantity: 50, organiser });
  const buyers = await crowd(server, 10);
  const answers = await atOnce(server, buyers.map((b) =>
    ({ method: 'POST', path: '/api/v1/tickets/purchase', token: b.token, body: wish(sale, 10) })));
  const t = tally(answers), left = await stock(sale);
  verdict(t[201] === 5 && t.SOLD_OUT === 5 && whole(left) && left.held === 50, JSON.stringify({ t, left }));
});

race('two scans of one code at the same instant: one ALLOW', async () => {
  const sale = await server.sale({ quantity: 50, organiser });
  const buyer = await server.register();
  let twice = 0;
  for (let round = 0; round < 20; round++) {
    const order = await server.buy(buyer, sale);
    const { qrCode } = await server.must(200, 'GET', `/api/v1/qr/${order.tickets[0].id}`, { token: buyer.token });
    const scan = { method: 'POST', path: '/api/v1/validation/scan', token: organiser.token,
      body: { qrCode, eventId: sale.event.id, gate: 'North' } };
    const results = (await atOnce(server, [scan, { ...scan, body: { ...scan.body, gate: 'South' } }])).map((a) => a.body.result);
    twice += results.filter((r) => r === 'ALLOW').length !== 1;
  }
  verdict(twice === 0, `${twice} of 20 tickets did not enter exactly once`);
});

race('one idempotency key, 50 times at once: one order, one answer', { skip: control }, async () => {
  const sale = await server.sale({ quantity: 100, organiser });
  const [buyer] = await crowd(server, 1);
  const key = randomUUID();
  const answers = await atOnce(server, Array.from({ length: 50 }, () =>
    ({ method: 'POST', path: '/api/v1/purchase', token: buyer.token, key, body: wish(sale, 2) })));
  assert.deepEqual(tally(answers), { 201: 50 });
  assert.equal(new Set(answers.map((a) => a.body.order.id)).size, 1);
  assert.equal(new Set(answers.map((a) => a.body.payment.intentId)).size, 1);
  assert.equal((await stock(sale)).held, 2);
});

race('one message id, 32 times at once: told once', async () => {
  const chief = await server.somebody('super-admin'), ann = await server.register(), { id } = ann;
  const live = listenTo(server, { token: ann.token, also: ['raced.for', 'race.over'] });
  await live.hears('connected');
  const say = (type) => ({ method: 'POST', path: '/internal/events', token: chief.token, body: { id: type, type, data: {}, userId: id } });
  await atOnce(server, Array.from({ length: 32 }, () => say('raced.for')));
  await atOnce(server, [say('race.over')]);
  await live.hears('race.over');
  verdict(live.of('raced.for').length === 1, `told ${live.of('raced.for').length} times`);
  live.close();
});

// Last, because it moves the clock past everybody's tokens.
race('release, expiry and payment of one hold at once: stock goes one way, once', async () => {
  const sale = await server.sale({ quantity: 100, organiser });
  let lost = 0;
  for (let round = 0; round < 12; round++) {
    const [buyer] = await crowd(server, 1);
    const { reservation } = await server.must(201, 'POST', '/api/v1/tickets/purchase', { token: buyer.token, body: wish(sale, 4) });
    const bought = await server.must(201, 'POST', '/api/v1/purchase', { token: buyer.token, key: randomUUID(), body: { reservationId: reservation.id } });
    const release = { method: 'DELETE', path: `/api/v1/tickets/reservations/${reservation.id}`, token: buyer.token };
    const pay = { method: 'POST', path: `/api/v1/payments/sandbox/${bought.payment.intentId}/confirm`, body: { outcome: 'succeeded' } };
    const refuse = { ...pay, body: { outcome: 'failed' } };
    const expire = { method: 'POST', path: '/internal/test/clock', body: { advanceMs: 11 * 60_000 } };
    await atOnce(server, [release, pay, expire, release, refuse, release]);
    const { order } = await server.must(200, 'GET', `/api/v1/orders/${bought.order.id}`, { token: buyer.token });
    const left = await stock(sale), sold = order.tickets?.length ?? 0;
    const expected = (sale.expected ?? 0) + sold;
    sale.expected = expected;
    lost += !(whole(left) && left.held === 0 && left.sold === expected && left.available === 100 - expected && (sold === 0 || sold === 4));
  }
  verdict(lost === 0, `${lost} of 12 rounds left the stock wrong`);
});
