// cluster.test.mjs - that two nodes on the same engines are one server.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { connect } from 'nats';
import { cluster, PASSWORD, sleep, start, TENANT, until } from './harness.mjs';
import { atOnce, crowd, tally } from './crowd.mjs';
import { listenTo } from './listen.mjs';

const only = { skip: !cluster && 'wants WORLD=cluster' };
const MINUTE = 60_000;
let s, one, two, organiser;
before(async () => {
  if (!cluster) return;
  s = await start({ QUEUE_MAX: '20000' });
  [one, two] = s.nodes;
  organiser = await s.organiser();
});
after(() => s?.close());

const wish = (sale, quantity = 1) => ({ eventId: sale.event.id, tickets: [{ ticketTypeId: sale.type.id, quantity }] });
const hold = async (server, buyer, sale, node) =>
  (await server.must(201, 'POST', '/api/v1/tickets/purchase', { token: buyer.token, body: wish(sale), node })).reservation.id;
const rows = async (server, where) => Number(await server.engines.sql(`SELECT count(*) FROM outbox WHERE ${where}`));
const ids = (list) => list.map((h) => h.data.id);
const whole = (t) => t.quantity === t.available + t.held + t.sold + t.blocked && t.available >= 0 && t.held >= 0 && t.sold >= 0;

test('what is done on one node is heard on the other, under the same id', only, async () => {
  const sale = await s.sale({ organiser }), [buyer] = await crowd(s, 1);
  const here = listenTo(s, { token: buyer.token, node: one }), there = listenTo(s, { token: buyer.token, node: two });
  await Promise.all([here.hears('connected'), there.hears('connected')]);
  const made = [];
  for (const node of [one, two, one, two]) made.push(await hold(s, buyer, sale, node));
  for (const live of [here, there]) await live.hears('reservation.created', (d) => d.id === made.at(-1));
  assert.deepEqual(ids(here.of('reservation.created')), made);
  assert.deepEqual(here.of('reservation.created'), there.of('reservation.created'));
  for (const live of [here, there]) live.close();
});

test('who watches an event on one node sees what is sold on the other', only, async () => {
  const sale = await s.sale({ organiser, quantity: 50 }), [buyer] = await crowd(s, 1);
  const live = listenTo(s, { token: buyer.token, query: `?topics=event:${sale.event.id}`, node: two });
  await live.hears('connected');
  await hold(s, buyer, sale, one);
  await live.hears('availability', (d) => d.types[0].held === 1 && d.types[0].available === 49);
  live.close();
});

test('attempts to sign in count over both nodes', only, async () => {
  const p = await s.register();
  const login = (node, password) => s.api('POST', '/auth/login', { body: { email: p.email, password }, node });
  for (const node of [one, two, one, two, one]) assert.equal((await login(node, 'Wrong-Password-7-Here')).status, 401);
  for (const node of [two, one]) assert.equal((await login(node, PASSWORD)).body.code, 'RATE_LIMIT_EXCEEDED');
});

test('a guess too many on one node locks the account on the other', only, async () => {
  const p = await s.register();
  for (let i = 0; i < 5; i++)
    assert.equal((await s.api('POST', '/auth/login', { body: { email: p.email, password: 'Wrong-Password-7-Here' }, node: one })).status, 401);
  await s.clock.advance(MINUTE + 1000);
  assert.equal((await s.api('POST', '/auth/login', { body: { email: p.email, password: PASSWORD }, node: two })).status, 401);
});

test('a refresh token raced on two nodes has one successor', only, async () => {
  const p = await s.register();
  const refresh = (refreshToken, node) => s.api('POST', '/auth/refresh', { body: { refreshToken }, node });
  const all = await atOnce(s, Array.from({ length: 32 }, () => ({ method: 'POST', path: '/auth/refresh', body: { refreshToken: p.refresh } })));
  assert.deepEqual(tally(all), { 200: 32 });
  assert.equal(new Set(all.map((r) => r.body.refreshToken)).size, 1);
  assert.equal(await s.engines.sql(
    `SELECT count(*) FROM refresh_token r JOIN session s ON s.tenant = r.tenant AND s.id = r.session WHERE s.person = '${p.id}'`), '2');
  await s.clock.advance(31_000);
  assert.equal((await refresh(p.refresh, two)).body.code, 'TOKEN_REUSED');
  assert.equal((await refresh(all[0].body.refreshToken, one)).status, 401, 'the family has ended everywhere');
});

test('a session that ends on one node ends on the other within a second', only, async () => {
  const p = await s.register();
  const me = (node) => s.api('GET', '/auth/me', { token: p.token, node });
  for (const node of [one, two]) assert.equal((await me(node)).status, 200);
  await s.must(200, 'POST', '/auth/logout', { token: p.token, node: one });
  assert.equal((await me(one)).status, 401);
  await s.everywhere('it is refused', async (node) => (await me(node)).status === 401);
});

test('a token for one stream opens one stream, on whichever node', only, async () => {
  const [buyer] = await crowd(s, 1);
  for (let round = 0; round < 10; round++) {
    const { token } = await s.must(200, 'POST', '/events/token', { token: buyer.token });
    const cut = new AbortController();
    const answers = await Promise.all([one, two, one, two].map((n) => fetch(`${n.url}/events/stream?token=${token}`, { signal: cut.signal })));
    const open = answers.map((r) => r.status).sort();
    cut.abort();
    assert.deepEqual(open, [200, 401, 401, 401]);
  }
  for (const [asked, opened] of [[one, two], [two, one]]) {
    const { token } = await s.must(200, 'POST', '/events/token', { token: buyer.token, node: asked });
    const cut = new AbortController();
    assert.equal((await fetch(`${opened.url}/events/stream?token=${token}`, { signal: cut.signal })).status, 200);
    cut.abort();
  }
});

test('a crowd at both nodes is never sold one ticket too many', only, async () => {
  const sale = await s.sale({ organiser, quantity: 101 }), buyers = await crowd(s, 600);
  const answers = await atOnce(s, buyers.map((b) => ({ method: 'POST', path: '/api/v1/tickets/purchase', token: b.token, body: wish(sale, 2) })));
  assert.deepEqual(tally(answers), { 201: 50, SOLD_OUT: 550 });
  const [t] = await s.types(sale.event);
  assert.ok(whole(t) && t.held === 100 && t.available === 1, JSON.stringify(t));
});

test('holds taken and given back on both nodes at once leave the stock whole', only, async () => {
  const sale = await s.sale({ organiser, quantity: 40 }), buyers = await crowd(s, 60);
  await Promise.all(buyers.map(async (b) => {
    for (let i = 0; i < 4; i++) {
      const r = await s.api('POST', '/api/v1/tickets/purchase', { token: b.token, body: wish(sale, 1 + i % 3) });
      if (r.status !== 201) continue;
      const path = `/api/v1/tickets/reservations/${r.body.reservation.id}`;
      const ends = await Promise.all([one, two].map((node) => s.api('DELETE', path, { token: b.token, node })));
      for (const e of ends) assert.equal(e.status, 200, e.text);
    }
  }));
  const [t] = await s.types(sale.event);
  assert.deepEqual([t.available, t.held, t.sold], [40, 0, 0]);
});

test('one idempotency key, 50 times over both nodes, works once', only, async () => {
  const sale = await s.sale({ organiser }), [buyer] = await crowd(s, 1), key = randomUUID();
  const ask = { method: 'POST', path: '/api/v1/purchase', token: buyer.token, key, body: wish(sale, 2) };
  const answers = await atOnce(s, Array.from({ length: 50 }, () => ask));
  assert.deepEqual(tally(answers), { 201: 50 });
  assert.equal(new Set(answers.map((a) => JSON.stringify(a.body))).size, 1, 'one answer, to the letter');
  assert.equal((await s.types(sale.event))[0].held, 2);
  assert.equal(await rows(s, `type = 'order.created' AND person = '${buyer.id}'`), 1);
});

test('what is due happens once, with two clocks that see it', only, async () => {
  const sale = await s.sale({ organiser }), buyers = await crowd(s, 20);
  const lives = buyers.slice(0, 4).map((b, i) => listenTo(s, { token: b.token, node: s.nodes[i % 2] }));
  await Promise.all(lives.map((l) => l.hears('connected')));
  const held = await Promise.all(buyers.map((b) => hold(s, b, sale)));
  assert.equal((await s.types(sale.event))[0].held, 20);
  await s.clock.advance(11 * MINUTE);
  await until('all have lapsed', async () => (await s.types(sale.event))[0].available === 100);
  for (const l of lives) await l.hears('reservation.expired');
  await s.clock.advance(MINUTE);                  // and nothing more comes of it
  await sleep(300);
  assert.equal(await rows(s, `type = 'reservation.expired' AND event = '${sale.event.id}'`), 20);
  for (const [i, l] of lives.entries()) {
    assert.deepEqual(ids(l.of('reservation.expired')), [held[i]]);
    l.close();
  }
  const [t] = await s.types(sale.event);
  assert.deepEqual([t.available, t.held, t.sold], [100, 0, 0]);
});

test('an outsider reads every tiding once in the stream EVENTS', only, async () => {
  const sale = await s.sale({ organiser: organiser = await s.login(organiser.email) }), [buyer] = await crowd(s, 1);
  for (const node of [one, two, one]) await hold(s, buyer, sale, node);
  const client = await connect({ servers: s.engines.env.NATS_URL });
  try {
    const last = await s.engines.sql(`SELECT id FROM outbox WHERE person = '${buyer.id}' ORDER BY id DESC LIMIT 1`);
    const stream = await client.jetstream().streams.get('EVENTS'), seen = [];
    await until('the stream has the last of them', async () =>
      (await stream.getMessage({ seq: (await stream.info()).state.last_seq })).header.get('Nats-Msg-Id') >= last);
    for await (const m of await (await stream.getConsumer()).fetch({ expires: 2000, max_messages: 100_000 })) {
      seen.push({ id: Number(m.headers.get('Nats-Msg-Id')), subject: m.subject, data: m.json() });
      if (m.info.pending === 0) break;
    }
    const numbers = seen.map((m) => m.id);
    assert.deepEqual(numbers, [...new Set(numbers)].sort((a, b) => a - b), 'in order, none twice');
    const told = (await s.engines.sql('SELECT id FROM outbox WHERE person IS NOT NULL OR event IS NOT NULL ORDER BY id')).split('\n').map(Number);
    assert.deepEqual(numbers, told);
    assert.equal(seen.filter((m) => m.subject === `events.${TENANT}.${buyer.id}`).length, 3);
  } finally { await client.close(); }
});

// ---- with a node that dies: its clock is behind afterwards, so a server of its own ---------

test('a stream cut on one node resumes on the other: nothing missed, nothing twice', only, async () => {
  const own = await start();
  try {
    const [a, b] = own.nodes, sale = await own.sale({ quantity: 1000 }), [buyer] = await crowd(own, 1);
    const first = listenTo(own, { token: buyer.token, node: a }), made = [];
    await first.hears('connected');
    for (let i = 0; i < 40; i++) {
      made.push(await hold(own, buyer, sale, b));
      if (i === 15) a.child.kill('SIGKILL');       // somewhere in what it is telling
    }
    assert.equal((await a.ended).signal, 'SIGKILL');
    first.close();
    const second = listenTo(own, { token: buyer.token, node: b, last: first.heard.at(-1).id });
    await second.hears('reservation.created', (d) => d.id === made.at(-1));
    assert.deepEqual([...first.heard, ...second.heard].filter((h) => h.event !== 'connected').map((h) => h.data.id), made);
    second.close();
  } finally { await own.close(); }
});

test('the node that is left does what is due, and the one that comes back joins', only, async () => {
  const own = await start({ RESERVATION_TIMEOUT: '5s' });
  try {
    const [a, b] = own.nodes, sale = await own.sale({ quantity: 10 }), [buyer] = await crowd(own, 1);
    const live = listenTo(own, { token: buyer.token, node: b });
    await live.hears('connected');
    const first = await hold(own, buyer, sale, a);
    await a.stop('SIGKILL');
    await live.hears('reservation.expired', (d) => d.id === first);
    await a.open(a.port);
    const [again] = await Promise.all([hold(own, buyer, sale, a), b.stop('SIGKILL')]);
    const late = listenTo(own, { token: buyer.token, node: a, last: live.heard.at(-1).id });
    await late.hears('reservation.expired', (d) => d.id === again);
    assert.equal((await own.api('GET', `/api/v1/tickets/events/${sale.event.id}/types`, { node: a })).body.data[0].available, 10);
    for (const l of [live, late]) l.close();
  } finally { await own.close(); }
});
