// crash.mjs - kills the server with -9 at random moments of a running sale, again and
// again on one data directory, and checks after each restart what no fault may break:
//
//   1  quantity = available + held + sold + blocked, and each is what the rows say
//   2  what was acknowledged is there; what was not happened wholly or not at all
//   3  stock comes back once: what is held is exactly what ACTIVE holds hold
//   4  one payment one order; a retried request gets the first one's answer
//   6  each change has its tiding; who resumes misses none and hears none twice
//
//   node crash.mjs [ROUNDS]
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import { join } from 'node:path';
import { sleep, start } from '../api/harness.mjs';
import { crowd } from '../api/crowd.mjs';

const rounds = Number(process.argv[2] ?? 100), clients = 8;
const server = await start({ RESERVATION_TIMEOUT: '5s', MAX_TICKETS_PER_CUSTOMER: '100000', CLOCK: 'system', PUBLIC_URL: 'http://tickets.test' });
process.on('exit', () => server.child.kill('SIGKILL'));     // also when this test fails
server.now = async () => Date.now();
const organiser = await server.organiser();
const sale = await server.sale({ quantity: 1_000_000, organiser, maxPerPurchase: 10 });
const file = join(server.dir, 'tickettoken.db');
const sql = (text) => execFileSync('sqlite3', ['-readonly', '-cmd', '.timeout 5000', file, text], { encoding: 'utf8' }).trim();
const number = (text) => Number(sql(text));
const blob = (uuid) => `x'${uuid.replaceAll('-', '')}'`;

// ---- what the clients were told --------------------------------------------------

const answers = new Map();                        // key -> {path, body, token, answer}
const unsure = new Map();                         // key -> the same, cut off without an answer
const confirmed = new Set();                      // orders whose payment was acknowledged
let listener, heard = [], last, since, killing = false, told = 0;

async function ask(buyer, path, body, key) {
  try {
    const r = await server.api('POST', path, { token: buyer.token, body, key });
    if (r.status < 300) { answers.set(key, { path, body, id: buyer.id, answer: r.text }); told += 1; return r.body; }
    assert.ok([409, 410, 503].includes(r.status), `${path}: ${r.text}`);
  } catch (e) {
    if (e.code === 'ERR_ASSERTION') throw e;
    unsure.set(key, { path, body, id: buyer.id });
  }
  return undefined;
}

async function shop(buyer) {
  while (!killing) {
    const quantity = 1 + Math.floor(Math.random() * 3);
    const held = await ask(buyer, '/api/v1/tickets/purchase', { eventId: sale.event.id, tickets: [{ ticketTypeId: sale.type.id, quantity }] }, randomUUID());
    if (!held || Math.random() < 0.2) continue;
    const bought = await ask(buyer, '/api/v1/purchase', { reservationId: held.reservation.id }, randomUUID());
    if (!bought || Math.random() < 0.1) continue;
    const outcome = Math.random() < 0.8 ? 'succeeded' : 'failed';
    try {
      const r = await server.api('POST', `/api/v1/payments/sandbox/${bought.payment.intentId}/confirm`, { body: { outcome } });
      if (r.status === 200 && outcome === 'succeeded') confirmed.add(bought.order.id);
    } catch { /* killed meanwhile */ }
  }
}

// Reads the stream of one buyer by hand, so that every id is seen; resumes where it was.
function follow(buyer) {
  let text = '', wrong;
  const request = http.get(`${server.url}/events/stream`, { agent: false, headers: {
    authorization: `Bearer ${buyer.token}`, ...(last === undefined ? {} : { 'last-event-id': last }) } });
  const closed = new Promise((done) => { request.on('close', done); });
  request.on('error', () => {});                  // killed meanwhile
  request.on('response', (r) => {
    r.on('error', () => {});
    r.on('data', (part) => {
      text += part.toString();
      for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) {
        const frame = Object.fromEntries(text.slice(0, end).split('\n').map((l) => [l.slice(0, l.indexOf(':')), l.slice(l.indexOf(':') + 2)]));
        if (frame.event === 'gap') wrong = new Error(`told of a gap after ${last}`);
        if (frame.id) last = frame.id;
        if (frame.event === 'connected') since ??= Number(frame.id);     // before it nothing was promised
        if (frame.id && frame.event !== 'connected') heard.push(Number(frame.id));
      }
    });
  });
  return { stop: async () => { request.destroy(); await closed; if (wrong) throw wrong; } };
}

// ---- what must be true after a restart -------------------------------------------

function checkRows() {
  assert.equal(sql('PRAGMA integrity_check'), 'ok');
  assert.equal(number('SELECT count(*) FROM ticket_type WHERE quantity <> available + held + sold + blocked OR min(available, held, sold, blocked) < 0'), 0);
  assert.equal(number("SELECT count(*) FROM ticket_type t WHERE held <> (SELECT coalesce(sum(l.quantity), 0) FROM hold_line l JOIN hold h ON h.tenant = l.tenant AND h.id = l.hold WHERE l.type = t.id AND h.status = 'ACTIVE')"), 0, 'held is not what ACTIVE holds hold');
  assert.equal(number('SELECT count(*) FROM ticket_type t WHERE sold <> (SELECT count(*) FROM ticket k WHERE k.type = t.id)'), 0, 'sold is not the number of tickets');
  assert.equal(number("SELECT count(*) FROM orders o WHERE (o.status = 'COMPLETED') <> (SELECT count(*) > 0 FROM ticket k WHERE k.tenant = o.tenant AND k.orders = o.id)"), 0, 'an order has tickets without being completed, or the other way round');
  assert.equal(number("SELECT count(*) FROM orders o WHERE o.status = 'COMPLETED' AND (SELECT count(*) FROM ticket k WHERE k.orders = o.id) <> (SELECT sum(quantity) FROM hold_line l WHERE l.hold = o.hold)"), 0, 'an order line has not one set of tickets');
  assert.equal(number("SELECT count(*) FROM orders WHERE status IN ('PAID', 'AWAITING_MINT')"), 0, 'an order stands half-way');
  assert.equal(number("SELECT count(*) FROM (SELECT orders FROM payment WHERE status = 'TAKEN' GROUP BY orders HAVING count(*) > 1)"), 0, 'an order was paid twice');
  for (const [what, rows] of [['reservation.created', 'SELECT count(*) FROM hold'], ['order.created', 'SELECT count(*) FROM orders'],
    ['ticket.issued', 'SELECT count(*) FROM ticket'], ['order.completed', "SELECT count(*) FROM orders WHERE status = 'COMPLETED'"]])
    assert.equal(number(`SELECT count(*) FROM outbox WHERE type = '${what}'`), number(rows), `${what}: tidings and rows differ`);
}

async function checkAnswers(tokens) {
  for (const [key, a] of [...answers].slice(-12)) {
    const r = await server.api('POST', a.path, { token: tokens.get(a.id), body: a.body, key });
    assert.equal(r.text, a.answer, `the answer to ${key} has changed`);
  }
  for (const [key, a] of unsure) {
    const first = await server.api('POST', a.path, { token: tokens.get(a.id), body: a.body, key });
    const second = await server.api('POST', a.path, { token: tokens.get(a.id), body: a.body, key });
    if (first.status < 300) assert.equal(second.text, first.text);
    else assert.ok([409, 410].includes(first.status), first.text);
  }
  unsure.clear();
  for (const id of confirmed)
    assert.equal(sql(`SELECT status FROM orders WHERE id = ${blob(id)}`), 'COMPLETED', 'a paid order was forgotten');
  confirmed.clear();
}

async function checkStream(buyer) {
  for (const end = Date.now() + 10_000; since === undefined;) {
    assert.ok(Date.now() < end, 'never connected');
    await sleep(10);
  }
  const rows = sql(`SELECT id FROM outbox WHERE person = ${blob(buyer.id)} AND id > ${since} ORDER BY id`);
  const ids = rows === '' ? [] : rows.split('\n').map(Number);
  for (const end = Date.now() + 10_000; (heard.at(-1) ?? 0) < (ids.at(-1) ?? 0);) {
    assert.ok(Date.now() < end, `heard up to ${heard.at(-1)}, told up to ${ids.at(-1)}`);
    await sleep(10);
  }
  assert.deepEqual(heard.slice(0, ids.length), ids, 'the stream missed or repeated something');
}

// ---- rounds ------------------------------------------------------------------------

const people = await crowd(server, clients);
const renew = async () => {                       // the same people, tokens for now
  const fresh = await crowd(server, clients, 'customer', people.map((p) => p.id));
  fresh.forEach((f, i) => { people[i].token = f.token; });
};
const began = Date.now();
for (let round = 1; round <= rounds; round++) {
  await renew();
  const tokens = new Map(people.map((p) => [p.id, p.token]));
  listener = follow(people[0]);
  killing = false;
  const shopping = people.map(shop);
  await sleep(50 + Math.random() * 400);
  killing = true;
  await server.kill9();
  await Promise.all(shopping);
  await listener.stop();
  await server.open(server.port);
  checkRows();
  listener = follow(people[0]);
  await checkAnswers(tokens);
  await checkStream(people[0]);
  await listener.stop();
  if (process.stdout.isTTY || round % 25 === 0)
    console.log(`round ${round} of ${rounds}: ${told} answers kept, ${heard.length} tidings heard, ${((Date.now() - began) / round / 1000).toFixed(2)} s a round`);
}
assert.ok(told > rounds * 20, 'the sale hardly ran: this proves nothing');
await server.close();
console.log(`${rounds} kills, ${told} acknowledged writes, ${heard.length} tidings: nothing lost, nothing twice`);
