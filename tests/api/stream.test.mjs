// stream.test.mjs - the live stream through npm's eventsource, a client nobody here wrote.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { note, start, until } from './harness.mjs';
import { listenTo } from './listen.mjs';

let server, organiser, buyer, other, sale;
before(async () => {
  server = await start({ SSE_HEARTBEAT: '1s' });
  organiser = await server.organiser();
  buyer = await server.register();
  other = await server.register();
  sale = await server.sale({ quantity: 1000, organiser });
});
after(() => server.close());

const listen = (how) => listenTo(server, how);

test('the first event is connected, then one’s own purchase as it happens', async () => {
  const live = listen({ token: buyer.token });
  const hello = await live.hears('connected');
  note('GET', '/events/stream', 'success');
  assert.ok(hello.data.clientId && hello.data.timestamp);
  const order = await server.buy(buyer, sale, 2);
  await live.hears('ticket.issued');
  await live.hears('order.completed', (d) => d.id === order.id);
  const order_of_events = live.heard.map((h) => h.event).filter((e) => !['connected', 'availability'].includes(e));
  assert.deepEqual(order_of_events, ['reservation.created', 'order.created', 'order.paid', 'ticket.issued', 'ticket.issued', 'order.completed']);
  const ids = live.heard.map((h) => Number(h.id)).filter(Boolean);
  assert.deepEqual(ids, [...ids].sort((a, b) => a - b));
  live.close();
});

test('nobody hears what is another person’s or another tenant’s', async () => {
  const stranger = await server.stranger();
  const mine = listen({ token: buyer.token }), his = listen({ token: other.token }), far = listen({ token: stranger.token });
  await Promise.all([mine, his, far].map((l) => l.hears('connected')));
  await server.must(201, 'POST', '/api/v1/tickets/purchase', { token: buyer.token, body: { eventId: sale.event.id, tickets: [{ ticketTypeId: sale.type.id, quantity: 1 }] } });
  await mine.hears('reservation.created');
  assert.deepEqual([his, far].map((l) => l.heard.filter((h) => h.event !== 'connected').length), [0, 0]);
  for (const l of [mine, his, far]) l.close();
});

test('who watches an event hears its stock and its state', async () => {
  const live = listen({ token: other.token, query: `?topics=event:${sale.event.id}` });
  await live.hears('connected');
  await server.must(201, 'POST', '/api/v1/tickets/purchase', { token: buyer.token, body: { eventId: sale.event.id, tickets: [{ ticketTypeId: sale.type.id, quantity: 3 }] } });
  const { data } = await live.hears('availability');
  assert.equal(data.eventId, sale.event.id);
  const [t] = await server.types(sale.event);
  await live.hears('availability', (d) => d.types[0].held === t.held && d.types[0].available === t.available);
  await server.move(organiser, sale.event, 'PAUSE_SALES');
  await live.hears('event.paused');
  await server.move(organiser, sale.event, 'RESUME_SALES');
  assert.equal(live.heard.filter((h) => h.event.startsWith('reservation')).length, 0);
  const stranger = await server.stranger();
  const r = await server.api('GET', `/events/stream?topics=event:${sale.event.id}`, { token: stranger.token, foreign: true, headers: { accept: 'text/event-stream' } });
  live.close();
  assert.equal(r.status, 404);
});

test('a stream resumes after the last id: nothing missed, nothing twice', async () => {
  const who = await server.register(), heard = [];
  let last;
  const hold = () => server.must(201, 'POST', '/api/v1/tickets/purchase', { token: who.token, body: { eventId: sale.event.id, tickets: [{ ticketTypeId: sale.type.id, quantity: 1 }] } });
  const made = [];
  for (let round = 0; round < 6; round++) {
    const live = listen({ token: who.token, last });
    await live.hears('connected');
    made.push((await hold()).reservation.id);
    await live.hears('reservation.created', (d) => d.id === made.at(-1));
    live.close();
    const got = live.heard.filter((h) => h.event === 'reservation.created');
    heard.push(...got.map((h) => h.data.id));
    last = got.at(-1).id;
    made.push((await hold()).reservation.id);     // while nobody listens
  }
  const live = listen({ token: who.token, last });
  await live.hears('reservation.created', (d) => d.id === made.at(-1));
  heard.push(...live.heard.filter((h) => h.event === 'reservation.created').map((h) => h.data.id));
  assert.deepEqual(heard, made);
  live.close();
});

test('a gap that is too old is told', async () => {
  const who = await server.register();
  const live = listen({ token: who.token, query: '?lastEventId=999999999' });
  const gap = await live.hears('gap');
  assert.equal(gap.data.lastEventId, 999999999);
  live.close();
});

test('a browser opens a stream with a one-use token, and only once', async () => {
  assert.equal((await server.api('POST', '/events/token')).status, 401);
  const { token, expiresIn } = await server.must(200, 'POST', '/events/token', { token: buyer.token });
  assert.equal(expiresIn, 300);
  const live = listen({ query: `?token=${token}` });
  await live.hears('connected');
  live.close();
  const again = await server.api('GET', `/events/stream?token=${token}`, { headers: { accept: 'text/event-stream' } });
  assert.equal(again.status, 401);
  assert.equal((await server.api('GET', '/events/stream', { headers: { accept: 'text/event-stream' } })).status, 401);
  assert.ok(!server.log.includes(token), 'the token is in the log');
});

test('silence is filled with pings', async () => {
  const r = await fetch(`${server.url}/events/stream`, { headers: { authorization: `Bearer ${buyer.token}` } });
  assert.equal(r.headers.get('content-type'), 'text/event-stream');
  const reader = r.body.getReader();
  let text = '';
  await until('a ping', async () => { text += Buffer.from((await reader.read()).value).toString(); return /^: ping \d{13}$/m.test(text); });
  await reader.cancel();
});

test('on shutdown streams are told to reconnect and the server ends with 0', async () => {
  const own = await start();
  const who = await own.register();
  const r = await fetch(`${own.url}/events/stream`, { headers: { authorization: `Bearer ${who.token}` } });
  const reader = r.body.getReader();
  let text = '';
  const reading = (async () => { for (;;) { const { value, done } = await reader.read(); if (done) return; text += Buffer.from(value).toString(); } })();
  await until('connected', () => text.includes('event: connected'));
  assert.deepEqual(await own.stop(), { code: 0, signal: null });
  await reading;
  assert.match(text, /event: reconnect/);
  await own.close();
});

