// cut.test.mjs - a stream that is cut and goes on at the other node, again and again while
// news pours in: CUTS times (20; `make cuts` cuts 200 times). It must miss nothing and hear
// nothing twice; and a control that forgets its last id must be seen to miss some, or the
// test would prove nothing.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { note, sleep, start, until } from './harness.mjs';

const cuts = Number(process.env.CUTS ?? 20);
let s, organiser, sale;
before(async () => {
  s = await start({ QUEUE_MAX: '20000' });
  organiser = await s.organiser();
  sale = await s.sale({ quantity: 100_000, organiser, maxPerPurchase: 10 });
});
after(() => s.close());

// One visit: a plain socket, so that it can be cut in the middle of a frame. Gives what came
// whole, as {id, event, data}.
function visit(node, token, query, last) {
  const heard = [], headers = { authorization: `Bearer ${token}`, ...(last !== undefined ? { 'last-event-id': last } : {}) };
  let text = '';
  const request = http.get(`${node.url}/events/stream${query}`, { headers }, (r) => {
    r.setEncoding('utf8');
    r.on('error', () => {});
    r.on('data', (d) => {
      const frames = (text + d).split('\n\n');
      text = frames.pop();
      for (const f of frames) {
        const field = (name) => new RegExp(`^${name}: (.*)$`, 'm').exec(f)?.[1];
        if (field('event')) heard.push({ id: field('id'), event: field('event'), data: JSON.parse(field('data')) });
      }
    });
  });
  request.on('error', () => {});
  return { heard, cut: () => request.destroy() };
}

// Buys on and on, on both nodes, until told to stop; gives the ids of the orders.
async function pour(buyer, stop) {
  const made = [];
  while (!stop.now) {
    const r = await s.api('POST', '/api/v1/purchase', { token: buyer.token, key: `k-${buyer.id}-${made.length}`,
      body: { eventId: sale.event.id, tickets: [{ ticketTypeId: sale.type.id, quantity: 1 }] } });
    assert.equal(r.status, 201, r.text);
    made.push(r.body.order.id);
    await s.must(200, 'POST', `/api/v1/payments/sandbox/${r.body.payment.intentId}/confirm`, { body: { outcome: 'failed' } });
  }
  return made;
}

// Follows through all the cuts; `keeps` says whether the last id is kept.
async function follow(token, query, keeps, turns) {
  const heard = [];
  let last;
  for (let i = 0; i < turns; i++) {
    const v = visit(s.nodes[i % s.nodes.length], token, query, keeps ? last : undefined);
    await until('it goes on', () => v.heard.length > 0);
    await sleep(20 + 60 * Math.random());
    v.cut();
    heard.push(...v.heard);
    last = v.heard.filter((h) => h.id).at(-1)?.id ?? last;
    await sleep(30 * Math.random());
  }
  return { heard, last };
}

async function finish(token, query, f, fact) {
  const v = visit(s.next(), token, query, f.last);
  await until('the last of it', () => v.heard.some(fact), 10_000);
  v.cut();
  return [...f.heard, ...v.heard].filter((h) => h.event !== 'connected');
}

const orders = (heard, event) => heard.filter((h) => h.event === event).map((h) => h.data.id);

test(`cut ${cuts} times, nothing is missed, nothing comes twice, and the order is kept`, async () => {
  const buyer = await s.register(), stop = { now: false }, query = `?topics=sales:${sale.event.id}`;
  const pouring = pour(buyer, stop);
  const [mine, sales, control] = await Promise.all([
    follow(buyer.token, '', true, cuts), follow(organiser.token, query, true, cuts),
    follow(buyer.token, '', false, Math.min(cuts, 20))]);
  stop.now = true;
  const made = await pouring, done = (h) => h.event === 'order.failed' && h.data.id === made.at(-1);
  for (const heard of [await finish(buyer.token, '', mine, done), await finish(organiser.token, query, sales, done)]) {
    const ids = heard.filter((h) => h.id).map((h) => Number(h.id));
    assert.deepEqual(ids, [...new Set(ids)].sort((a, b) => a - b), 'each once, in order');
    assert.equal(heard.filter((h) => h.event === 'gap').length, 0);
    const first = made.indexOf(orders(heard, 'order.created')[0]);
    assert.ok(first >= 0 && first <= 2, 'it was there from the beginning');
    assert.deepEqual(orders(heard, 'order.created'), made.slice(first), 'none is missed');
  }
  const forgets = orders(control.heard, 'order.created');
  const span = made.slice(made.indexOf(forgets[0]), made.indexOf(forgets.at(-1)) + 1);
  assert.ok(forgets.length < span.length, `the control missed none of ${span.length}`);
  note('GET', '/events/stream', 'success');
});
