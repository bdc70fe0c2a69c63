// live.test.mjs - who may hear what, from which page, how often; and how a stream ends.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, test } from 'node:test';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EventSource } from 'eventsource';
import { Browser, chromium } from './authenticator.mjs';
import { root, sleep, start, until } from './harness.mjs';
import { listenTo } from './listen.mjs';

const SSE = { accept: 'text/event-stream' };
let s, browser, organiser, buyer, sale, admin, chief;
before(async () => {
  browser = await new Browser().serve();
  s = await start({ SSE_HEARTBEAT: '1s', CORS_ORIGINS: `https://shop.example,${browser.origin}` });
  organiser = await s.organiser();
  admin = await s.somebody('admin');
  chief = await s.somebody('super-admin');
  buyer = await s.register();
  sale = await s.sale({ quantity: 1000, organiser });
});
after(async () => { await s.close(); await browser.close(); });

// A request that is to be refused: one that opens would be read for ever.
const ask = (token, query = '', more = {}) => Promise.race([
  s.api('GET', `/events/stream${query}`, { token, ...more, headers: { ...SSE, ...more.headers } }),
  sleep(8000).then(() => ({ status: 'it opened' }))]);
const listen = (how) => listenTo(s, how);
const opened = async (how) => { const live = listen(how); await live.hears('connected'); return live; };
const staff = (p, role, more = {}) => s.must(201, 'POST', `/api/v1/venues/${sale.event.venueId}/staff`,
  { token: organiser.token, body: { personId: p.id, role, ...more } });
const scan = async (order, by) => {
  const { qrCode } = await s.must(200, 'GET', `/api/v1/qr/${order.tickets[0].id}`, { token: buyer.token });
  return s.must(200, 'POST', '/api/v1/validation/scan', { token: by.token, body: { qrCode, eventId: sale.event.id } });
};
const curl = (...args) => {
  const child = spawn('curl', ['-sN', '--max-time', '15', ...args]);
  const out = { text: '', ended: new Promise((done) => child.on('close', done)), child };
  child.stdout.on('data', (d) => { out.text += d; });
  return out;
};

// ---- organisers ---------------------------------------------------------------------

test('an organiser hears every order of his event and everybody who comes in', async () => {
  const live = await opened({ token: organiser.token, query: `?topics=sales:${sale.event.id},gate:${sale.event.id}` });
  const order = await s.buy(buyer, sale);
  const done = await live.hears('order.completed', (d) => d.id === order.id);
  assert.equal(done.data.totalCents, order.totalCents);
  assert.ok(!JSON.stringify(done.data).includes(buyer.id), 'not who bought it');
  await scan(order, organiser);
  await live.hears('ticket.used', (d) => d.id === order.tickets[0].id);
  assert.deepEqual(live.heard.map((h) => h.event).slice(1), ['order.created', 'order.paid', 'order.completed', 'ticket.used'],
    'not what is the buyer’s alone');
  live.close();
});

test('sales that he missed come when he comes back, in order and once', async () => {
  const query = `?topics=sales:${sale.event.id}`, first = await opened({ token: organiser.token, query });
  const one = await s.buy(buyer, sale);
  await first.hears('order.completed', (d) => d.id === one.id);
  first.close();
  const last = first.heard.at(-1).id, missed = [];
  for (let i = 0; i < 3; i++) missed.push((await s.buy(buyer, sale)).id);
  const again = await opened({ token: organiser.token, query, last });
  await again.hears('order.completed', (d) => d.id === missed.at(-1));
  assert.deepEqual(again.of('order.completed').map((h) => h.data.id), missed);
  assert.equal(again.of('gap').length, 0);
  again.close();
});

test('who works at the door hears the gate and no sales; others hear neither', async () => {
  const door = await s.register(), box = await s.register();
  const topic = (word) => `?topics=${word}:${sale.event.id}`;
  for (const word of ['sales', 'gate']) assert.equal((await ask(door.token, topic(word))).status, 403);
  await staff(door, 'door-staff');
  await staff(box, 'box-office', { expiresAt: new Date(await s.now() + 3_600_000).toISOString() });
  const gate = await opened({ token: door.token, query: topic('gate') });
  const sales = await opened({ token: box.token, query: topic('sales') });
  assert.equal((await ask(door.token, topic('sales'))).status, 403);
  const order = await s.buy(buyer, sale);
  await scan(order, door);
  await gate.hears('ticket.used', (d) => d.id === order.tickets[0].id);
  await sales.hears('order.completed', (d) => d.id === order.id);
  assert.deepEqual([gate.of('order.completed').length, sales.of('ticket.used').length], [0, 0]);
  gate.close();
  sales.close();
  const stranger = await s.stranger();
  for (const word of ['sales', 'gate', 'event'])
    assert.equal((await ask(stranger.token, topic(word), { foreign: true })).status, 404);
  for (const word of ['person', 'sales:', ':', 'sales:1', 'SALES']) assert.equal((await ask(organiser.token, topic(word))).status, 400, word);
  assert.equal((await ask(organiser.token, `?topics=gate:${randomUUID()}`)).status, 404);
});

test('who loses his role hears it and then nothing more of the venue', async () => {
  const door = await s.register();
  await staff(door, 'door-staff');
  await sleep(500);                               // the news of getting it ends streams too
  const query = `?topics=gate:${sale.event.id}`, live = await opened({ token: door.token, query });
  await s.must(204, 'DELETE', `/api/v1/venues/${sale.event.venueId}/staff/${door.id}`, { token: organiser.token });
  await live.hears('staff.changed', (d) => d.role === 'none');
  live.close();
  assert.equal((await ask(door.token, query)).status, 403);
  assert.equal((await ask(door.token, `?topics=sales:${sale.event.id}`)).status, 403);
});

test('a role at a venue that runs out takes its streams with it', async () => {
  const door = await s.register(), url = `${s.url}/events/stream?topics=gate:${sale.event.id}`, header = ['-H', `Authorization: Bearer ${door.token}`];
  await staff(door, 'door-staff', { expiresAt: new Date(await s.now() + 5000).toISOString() });
  await sleep(500);
  const live = curl(...header, url);
  await until('it opens', () => live.text.includes('event: connected'));
  assert.equal(await Promise.race([live.ended, sleep(30_000)]), 0, 'it has ended');
  await until('nobody is door staff any more', async () => (await ask(door.token, `?topics=gate:${sale.event.id}`)).status === 403);
});

// ---- pages ---------------------------------------------------------------------------

test('a page of a listed origin may listen, another may not, whatever it shows', async () => {
  const { token } = await s.must(200, 'POST', '/events/token', { token: buyer.token });
  for (const origin of ['https://evil.example', 'null', 'https://shop.example.evil.example'])
    assert.match((await ask(buyer.token, '', { headers: { origin } })).body.detail, /^Pages of this origin may not listen/, origin);
  assert.equal((await ask(undefined, `?token=${token}`, { headers: { origin: 'https://evil.example' } })).status, 403);
  const live = curl('-H', 'Origin: https://shop.example', '-i', `${s.url}/events/stream?token=${token}`);
  await until('its token was not spent by the refusal', () => live.text.includes('event: connected'));
  assert.match(live.text, /access-control-allow-origin: https:\/\/shop\.example/i);
  live.child.kill();
});

test('Chromium’s own EventSource listens with a token and goes on where it was', { skip: !chromium && 'no chromium here' }, async () => {
  await browser.open();
  const url = s.url;
  const listenIn = async (last) => browser.run(`(async () => {
    const { token } = await (await fetch('${url}/events/token', { method: 'POST', headers: { authorization: 'Bearer ${buyer.token}' } })).json();
    window.heard = []; window.source = new EventSource('${url}/events/stream?token=' + token + '${last ? `&lastEventId=${last}` : ''}');
    for (const name of ['connected', 'order.completed', 'gap'])
      source.addEventListener(name, (e) => heard.push({ event: name, id: e.lastEventId, data: JSON.parse(e.data) }));
    await new Promise((done, no) => { source.addEventListener('connected', done); source.onerror = () => no(new Error('refused')); });
  })()`);
  const heard = () => browser.run('heard');
  const hears = (id) => until('the page hears it', async () => (await heard()).find((h) => h.data.id === id));
  await listenIn();
  const order = await s.buy(buyer, sale);
  const { id } = await hears(order.id);
  await browser.run('source.close()');
  const missed = await s.buy(buyer, sale);
  await listenIn(id);
  await hears(missed.id);
  assert.deepEqual((await heard()).map((h) => h.event), ['connected', 'order.completed']);
});

test('HEAD says what would come and spends no token', async () => {
  const { token } = await s.must(200, 'POST', '/events/token', { token: buyer.token });
  for (let i = 0; i < 2; i++) {
    const r = await fetch(`${s.url}/events/stream?token=${token}`, { method: 'HEAD' });
    assert.deepEqual([r.status, r.headers.get('content-type')], [200, 'text/event-stream']);
    assert.equal(r.headers.get('content-length'), null, 'a stream has none');
  }
  const live = curl(`${s.url}/events/stream?token=${token}`);
  await until('it opens', () => live.text.includes('event: connected'));
  live.child.kill();
  await live.ended;
  assert.equal((await ask(undefined, `?token=${token}`)).status, 401);
});

test('the example of docs/streams.md listens, comes again where it was, and knows when it is over', async () => {
  const code = /```js page\n([\s\S]*?)```/.exec(readFileSync(join(root, 'docs/streams.md'), 'utf8'))[1];
  const { listen: example } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
  const p = await s.register(), heard = [], sources = [];
  const tell = (n) => s.must(202, 'POST', '/internal/events', { token: chief.token, body: { type: 'note.made', data: { n }, userId: p.id } });
  globalThis.EventSource = class extends EventSource { constructor(url) { super(url); sources.push(this); } };
  try {
    example(s.url, async () => (await s.must(200, 'POST', '/events/token', { token: p.token })).token, ['note.made'], (type, data) => heard.push([type, data.n]));
    await until('it listens', () => heard.length === 1);
    await tell(1);
    await until('it hears', () => heard.length === 2);
    sources[0].dispatchEvent(new Event('error'));
    await tell(2);
    await until('it comes again with another token', () => heard.length === 4);
    await s.must(200, 'POST', '/auth/logout', { token: p.token, body: { refreshToken: p.refresh } });
    await until('it is told the end', () => heard.length === 5);
    assert.deepEqual(heard, [['connected', undefined], ['note.made', 1], ['connected', undefined], ['note.made', 2], ['closed', undefined]]);
  } finally { sources.forEach((x) => x.close()); delete globalThis.EventSource; }
});

// ---- how a stream ends ------------------------------------------------------------------

test('a session that ends, a person and a tenant that are suspended close their streams', async () => {
  const leaver = await s.register(), bad = await s.register(), root = await s.somebody('super_admin');
  const { tenant } = await s.must(201, 'POST', '/auth/admin/tenants', { token: root.token, body: { name: 'T', slug: `t-${randomUUID()}` } });
  const far = await s.somebody('customer', tenant.id);
  const streams = [leaver, bad, far].map((p) => curl('-H', `Authorization: Bearer ${p.token}`, `${s.url}/events/stream`));
  const stays = curl('-H', `Authorization: Bearer ${buyer.token}`, `${s.url}/events/stream`);
  await until('all listen', () => [...streams, stays].every((l) => l.text.includes('event: connected')));
  const unused = (await s.must(200, 'POST', '/events/token', { token: bad.token })).token;
  await s.must(200, 'POST', '/auth/logout', { token: leaver.token, body: { refreshToken: leaver.refresh } });
  await s.must(200, 'PUT', `/auth/admin/users/${bad.id}/status`, { token: admin.token, body: { status: 'SUSPENDED', reason: 'test' } });
  await s.must(200, 'PUT', `/auth/admin/tenants/${tenant.id}/status`, { token: root.token, body: { status: 'SUSPENDED' } });
  for (const l of streams) {
    assert.equal(await Promise.race([l.ended, sleep(30_000)]), 0);
    assert.match(l.text, /event: closed\ndata: {"reason":"SESSION_ENDED"}\n\n$/);
  }
  assert.equal((await ask(undefined, `?token=${unused}`)).status, 401, 'nor does a token that was made before');
  assert.ok(!stays.text.includes('event: closed'));
  stays.child.kill();
});

test('so do streams that hear nothing, not even a ping, also on the other node', async () => {
  const own = await start({ SSE_HEARTBEAT: '5m' });
  try {
    const p = await own.register(), other = await own.register();
    const [silent, stays] = [p, other].map((who) => curl('-H', `Authorization: Bearer ${who.token}`, `${own.nodes.at(-1).url}/events/stream`));
    await until('both listen', () => [silent, stays].every((l) => l.text.includes('event: connected')));
    await own.must(200, 'POST', '/auth/logout', { token: p.token, body: { refreshToken: p.refresh }, node: own.nodes[0] });
    assert.equal(await silent.ended, 0, 'ended by the server, not by curl after 15 s');
    assert.match(silent.text, /event: closed\ndata: {"reason":"SESSION_ENDED"}\n\n$/);
    assert.ok(!stays.text.includes('event: closed'));
    stays.child.kill();
  } finally { await own.close(); }
});

test('the sixth stream of a person closes the first, and says why', async () => {
  const p = await s.register(), node = s.nodes[0], all = [];
  for (let i = 0; i < 6; i++) {
    all.push(curl('-H', `Authorization: Bearer ${p.token}`, `${node.url}/events/stream`));
    await until('it listens', () => all[i].text.includes('event: connected'));
  }
  assert.equal(await Promise.race([all[0].ended, sleep(30_000)]), 0);
  assert.match(all[0].text, /retry: 3\d{5}\nevent: closed\ndata: {"reason":"TOO_MANY_STREAMS"}\n\n$/);
  for (const l of all.slice(1)) { assert.ok(!l.text.includes('closed')); l.child.kill(); }
});

// ---- how often ---------------------------------------------------------------------------

test('tokens that never were lock an address out; those that were don’t, and what holds is let in all the same', async () => {
  const own = await start({ RATE_LIMITS: 'on', RATE_LIMIT_REGISTER: '1000', RATE_LIMIT_STREAM: '8' });
  try {
    const p = await own.register();
    const open = (token, query = '') => own.api('GET', `/events/stream${query}`, { token, headers: SSE });
    const make = async () => (await own.must(200, 'POST', '/events/token', { token: p.token })).token;
    const heard = async (query, token) => { const l = curl(...(token ? ['-H', `Authorization: Bearer ${token}`] : []), `${own.url}/events/stream${query}`);
      await until('it opens', () => l.text.includes('event: connected')); l.child.kill(); };
    const spent = await make(), kept = await make();
    await heard(`?token=${spent}`);
    for (let i = 0; i < 8; i++) assert.equal((await open(undefined, `?token=${spent}`)).status, 401, 'a spent one is no guess');
    for (let i = 0; i < 8; i++) assert.equal((await open()).status, 401, 'nor is none');
    for (let i = 0; i < 3; i++) assert.equal((await open(undefined, `?token=${randomUUID()}`)).status, 401);
    for (let i = 0; i < 2; i++) assert.equal((await open('forged.bearer.token')).body.code, 'INVALID_TOKEN');
    const locked = await open(undefined, `?token=${randomUUID()}`);
    assert.equal(locked.status, 429);
    assert.ok(Number(locked.headers.get('retry-after')) > 290 && Number(locked.headers.get('retry-after')) <= 300);
    assert.equal((await open('forged.bearer.token')).status, 429);
    assert.equal((await open()).status, 429);
    await heard('', p.token);
    await heard(`?token=${kept}`);
    assert.equal((await open(undefined, `?token=${kept}`)).status, 429, 'once');
    await own.clock.advance(301_000);
    for (let i = 0; i < 5; i++) assert.equal((await open(undefined, `?token=${randomUUID()}`)).status, 401);
    const longer = Number((await open(undefined, '?token=x')).headers.get('retry-after'));
    assert.ok(longer > 890 && longer <= 900, `the second lock is longer: ${longer}`);
    assert.match(own.log, /an address is locked out of streams/);
    let r = 0;
    for (let i = 0; i < 10 && r !== 429; i++) r = (await own.api('HEAD', '/events/stream', { token: p.token, headers: SSE })).status;
    assert.equal(r, 429, 'a person may open so many in a minute');
    const other = await own.register(), made = [];
    for (let i = 0; i < 9; i++) made.push(await own.api('POST', '/events/token', { token: other.token }));
    assert.deepEqual(made.map((m) => m.status), [...Array(8).fill(200), 429], 'and asks for as many tokens');
    const { headers, body } = made[8], said = ['limit', 'remaining', 'reset'].map((n) => headers.get(`ratelimit-${n}`));
    assert.ok(body.retryAfter > 0 && body.retryAfter <= 60);
    assert.deepEqual([headers.get('retry-after'), ...said], [`${body.retryAfter}`, '8', '0', `${body.retryAfter}`]);
  } finally { await own.close(); }
});
