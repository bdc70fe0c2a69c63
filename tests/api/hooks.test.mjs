// hooks.test.mjs - outgoing webhooks, checked by Standard Webhooks' own library for npm.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { root, sleep, start, until } from './harness.mjs';

let s, chief;
before(async () => { s = await start({ WEBHOOK_TIMEOUT: '1s', WEBHOOK_GIVE_UP: '1d' }); chief = await s.somebody('super-admin'); });
after(() => s.close());

// The calendar moves, so tokens run out, and whoever verifies must live in the same time.
let ahead = 0;
const realNow = Date.now;
async function later(t, ms) {
  await s.clock.advance(ms);
  ahead += ms;
  chief = await s.login(chief.email);
  t.by = await s.login(t.by.email, { tenantId: t.by.tenantId });
}
function verified(secret, g) {
  Date.now = () => realNow() + ahead;
  try { return new Webhook(secret).verify(g.body, g.headers); } finally { Date.now = realNow; }
}

// Somebody's server: what it heard, and what it answers.
const receivers = [];
after(() => receivers.forEach((r) => { r.server.closeAllConnections(); r.server.close(); }));
async function receiver(answer = () => 204) {
  const got = [], r = { got, answer, connections: 0 };
  r.server = createServer((req, res) => {
    let body = '';
    req.on('data', (d) => { body += d; });
    req.on('end', async () => {
      const one = { headers: req.headers, body, json: JSON.parse(body), sequence: Number(req.headers['webhook-sequence']) };
      got.push(one);
      const status = await r.answer(one);
      if (status) res.writeHead(status, status === 302 ? { location: r.url + 'elsewhere' } : {}).end('thank you');
    });
  });
  r.server.on('connection', () => { r.connections++; });
  await new Promise((done) => r.server.listen(0, '127.0.0.1', done));
  r.url = `http://127.0.0.1:${r.server.address().port}/`;
  receivers.push(r);
  return r;
}

// A tenant of its own for each test, so that each hears only its own.
async function shop() {
  const t = { by: await s.organiser(randomUUID()) };
  t.user = await s.somebody('customer', t.by.tenantId);
  t.ask = (method, path, body, more) => s.api(method, `/api/v1/webhook-endpoints${path}`, { token: t.by.token, body, ...more });
  t.hook = (r, more) => s.must(201, 'POST', '/api/v1/webhook-endpoints', { token: t.by.token, body: { url: r.url, ...more } });
  t.say = (type, data = {}) => s.must(202, 'POST', '/internal/events', { token: chief.token, body: { type, data, userId: t.user.id, tenantId: t.by.tenantId } });
  t.state = async (id) => (await t.ask('GET', `/${id}`)).body.endpoint;
  return t;
}
const numbers = (r) => r.got.map((g) => g.sequence);
const upto = (n) => Array.from({ length: n }, (_, i) => i + 1);

test('what happens is sent, signed, numbered without holes and in order', async () => {
  const t = await shop(), r = await receiver(), { endpoint, secret } = await t.hook(r);
  assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
  for (let n = 1; n <= 40; n++) await t.say('seat.moved', { n });
  await until('all have arrived', () => r.got.length >= 40);
  assert.deepEqual(numbers(r), upto(40));
  for (const g of r.got) {
    const said = verified(secret, g);
    assert.deepEqual(said.data, { n: g.sequence });
    assert.deepEqual([said.type, said.sequence, said.userId, said.tenantId, said.id], ['seat.moved', g.sequence, t.user.id, t.by.tenantId, g.headers['webhook-id']]);
    assert.deepEqual(Object.keys(JSON.parse(g.body)), Object.keys(said).sort());
  }
  assert.throws(() => verified(secret, { ...r.got[0], body: r.got[0].body.replace('seat', 'sofa') }), /signature/);
  assert.equal(new Set(r.got.map((g) => g.headers['webhook-id'])).size, 40);
  await until('it is written down', async () => (await t.state(endpoint.id)).sent === 40);
  const log = await t.ask('GET', `/${endpoint.id}/deliveries?limit=3`);
  assert.deepEqual(log.body.data.map((d) => [d.sequence, d.status, d.httpStatus, d.attempts]), [[40, 'DELIVERED', 204, 1], [39, 'DELIVERED', 204, 1], [38, 'DELIVERED', 204, 1]]);
  assert.equal((await t.ask('GET', `/${endpoint.id}/deliveries?limit=3&cursor=${log.body.pagination.nextCursor}`)).body.data[0].sequence, 37);
  assert.equal((await t.ask('GET', `/${endpoint.id}/deliveries?status=FAILING`)).body.data.length, 0);
});

test('an endpoint hears the types it asked for, of its own tenant alone', async () => {
  const t = await shop(), other = await shop(), some = await receiver(), all = await receiver(), far = await receiver();
  await t.hook(some, { eventTypes: ['seat.*', 'door.open'] });
  await t.hook(all);
  await other.hook(far);
  for (const type of ['seat.moved', 'seats.moved', 'door.open', 'door.shut']) await t.say(type);
  await until('all is heard', () => all.got.length === 4 && some.got.length === 2);
  assert.deepEqual(some.got.map((g) => g.json.type), ['seat.moved', 'door.open']);
  assert.equal(far.got.length, 0);
});

test('a purchase is heard as it happened', async () => {
  const t = await shop(), r = await receiver();
  await t.hook(r, { eventTypes: ['order.*', 'ticket.issued'] });
  const sale = await s.sale({ organiser: t.by });
  const order = await s.buy(t.user, sale, 2);
  await until('it is told', () => r.got.some((g) => g.json.type === 'order.completed'));
  assert.deepEqual(r.got.map((g) => g.json.type), ['order.created', 'order.paid', 'ticket.issued', 'ticket.issued', 'order.completed']);
  assert.equal(r.got.at(-1).json.data.id, order.id);
});

test('both secrets sign for a day after a rotation, then the new one alone', async () => {
  const t = await shop(), r = await receiver(), { endpoint, secret: old } = await t.hook(r);
  const { body: { secret } } = await t.ask('POST', `/${endpoint.id}/rotate`);
  assert.notEqual(secret, old);
  await t.say('seat.moved');
  await until('it has arrived', () => r.got.length === 1);
  for (const key of [old, secret]) verified(key, r.got[0]);
  await later(t, 25 * 3600_000);
  await t.say('seat.moved');
  await until('it has arrived', () => r.got.length === 2);
  verified(secret, r.got[1]);
  assert.throws(() => verified(old, r.got[1]), /signature/);
  assert.ok(!JSON.stringify((await t.ask('GET', '')).body).includes('whsec_') && !s.log.includes(secret));
});

test('what fails is tried again later, in order, with the same id; others are not delayed', async () => {
  const t = await shop(), dead = await receiver(() => 500), slow = await receiver(() => sleep(3000).then(() => 0)), well = await receiver();
  const { endpoint } = await t.hook(dead);
  await t.hook(slow);
  await t.hook(well);
  for (let n = 0; n < 10; n++) await t.say('seat.moved');
  const from = Date.now();
  await until('who is well has all', () => well.got.length === 10);
  assert.ok(Date.now() - from < 20_000);          // each after one that takes three seconds: thirty
  const failing = await until('it is seen to fail', async () => { const e = await t.state(endpoint.id); return e.tries > 0 && e; });
  assert.deepEqual([failing.sent, failing.told, failing.lastError, failing.status], [0, 10, 'it answered 500', 'ACTIVE']);
  assert.equal((await t.ask('GET', `/${endpoint.id}/deliveries?status=FAILING`)).body.data[0].sequence, 1);
  dead.answer = () => 200;
  await later(t, 3600_000);
  await until('all have arrived', async () => (await t.state(endpoint.id)).sent === 10);
  const first = dead.got.filter((g) => g.sequence === 1);
  assert.ok(first.length >= 2 && new Set(first.map((g) => g.headers['webhook-id'] + g.body)).size === 1);
  assert.deepEqual([...new Set(numbers(dead))], upto(10));
  assert.equal((await t.state(endpoint.id)).tries, 0);
});

test('an endpoint that fails for days is paused, its maker is told, and it catches up', async () => {
  const t = await shop(), r = await receiver(() => 500), { endpoint } = await t.hook(r);
  await t.say('seat.moved');
  await until('it fails', async () => (await t.state(endpoint.id)).tries > 0);
  await later(t, 26 * 3600_000);
  await until('it is given up', async () => (await t.state(endpoint.id)).status === 'FAILED');
  await until('a letter says so', () => s.letters(t.by.email).some((l) => l.text.includes(endpoint.id)));
  await t.say('seat.moved');
  const held = () => t.ask('GET', `/${endpoint.id}/deliveries?status=HELD`).then((a) => a.body.data.map((d) => d.sequence));
  await until('what waits for it is seen to wait', async () => (await held()).length === 2);
  assert.deepEqual((await t.ask('GET', `/${endpoint.id}/deliveries?status=FAILING`)).body.data, []);
  r.answer = () => 200;
  await t.ask('PUT', `/${endpoint.id}`, { status: 'ACTIVE' });
  await until('it catches up', async () => (await t.state(endpoint.id)).sent === 2);
  assert.deepEqual(await held(), []);
  await t.ask('PUT', `/${endpoint.id}`, { status: 'PAUSED' });
  assert.equal((await t.ask('POST', `/${endpoint.id}/replay`, { from: 2 })).status, 200);
  assert.deepEqual(await held(), [2]);
  const before_ = r.got.length;
  await t.ask('PUT', `/${endpoint.id}`, { status: 'ACTIVE' });
  await until('it is sent again', () => r.got.length === before_ + 1);
  assert.equal(r.got.at(-1).headers['webhook-id'], r.got.at(-2).headers['webhook-id']);
});

test('who answers 410 is left alone; a pause holds back and going on delivers', async () => {
  const t = await shop(), gone = await receiver(() => 410), r = await receiver();
  const a = (await t.hook(gone)).endpoint, b = (await t.hook(r)).endpoint;
  assert.equal((await t.ask('PUT', `/${b.id}`, { status: 'PAUSED', description: 'later' })).body.endpoint.status, 'PAUSED');
  await t.say('seat.moved');
  await until('it is given up', async () => (await t.state(a.id)).status === 'FAILED');
  assert.equal(r.got.length, 0);
  await t.ask('PUT', `/${b.id}`, { status: 'ACTIVE' });
  await until('it goes on', () => r.got.length === 1);
  assert.equal((await t.ask('DELETE', `/${b.id}`)).status, 204);
  assert.equal((await t.ask('GET', `/${b.id}`)).status, 404);
});

test('a replay sends again from a number on, with the same ids', async () => {
  const t = await shop(), r = await receiver(), { endpoint } = await t.hook(r);
  for (let n = 0; n < 6; n++) await t.say('seat.moved', { n });
  await until('all have arrived', async () => (await t.state(endpoint.id)).sent === 6);
  assert.equal((await t.ask('POST', `/${endpoint.id}/replay`, { from: 4 })).status, 200);
  await until('they come again', () => r.got.length === 9);
  assert.deepEqual(numbers(r), [...upto(6), 4, 5, 6]);
  assert.equal(r.got[3].headers['webhook-id'], r.got[6].headers['webhook-id']);
  for (const from of [0, 8, 'x', 1e17]) assert.equal((await t.ask('POST', `/${endpoint.id}/replay`, { from })).status, 400, String(from));
});

test('a test is sent at once and says what came back; a redirect is not followed', async () => {
  const t = await shop(), r = await receiver(), { endpoint, secret } = await t.hook(r);
  const good = await t.ask('POST', `/${endpoint.id}/test`);
  assert.deepEqual([good.status, good.body.delivered, good.body.httpStatus], [200, true, 204]);
  assert.equal(verified(secret, r.got[0]).type, 'webhook.test');
  r.answer = () => 302;
  const moved = await t.ask('POST', `/${endpoint.id}/test`);
  assert.deepEqual([moved.body.delivered, moved.body.httpStatus, r.got.length], [false, 302, 2]);
  r.server.closeAllConnections();
  r.server.close();
  assert.equal((await t.ask('POST', `/${endpoint.id}/test`)).body.delivered, false);
  assert.equal((await t.state(endpoint.id)).told, 0);
});

test('who tests endpoints that do not answer leaves workers to others', async () => {
  let free, refused = 0;
  const held = new Promise((done) => { free = done; });
  const t = await shop(), slow = await receiver(() => held.then(() => 204)), { endpoint } = await t.hook(slow), node = s.nodes[0];
  const all = await Promise.all(Array.from({ length: 9 }, async () => {
    const r = await t.ask('POST', `/${endpoint.id}/test`, undefined, { node });
    if (r.status === 503 && ++refused === 5) free();
    return r;
  }));
  assert.deepEqual(all.map((r) => r.status).sort(), [200, 200, 200, 200, 503, 503, 503, 503, 503]);
  assert.equal((await t.ask('POST', `/${endpoint.id}/test`, undefined, { node })).status, 200);
});

test('a replay that is asked for while one is on its way is not lost', async () => {
  const t = await shop(), r = await receiver(), { endpoint } = await t.hook(r);
  for (let n = 1; n <= 3; n++) await t.say('seat.moved');
  for (const [status, from, last] of [[204, 1, 3], [500, 2, 4]]) {
    await until('all is sent', async () => (await t.state(endpoint.id)).sent === last);
    const begun = r.got.length, from_ms = Date.now();
    r.answer = async () => {
      r.answer = () => 204;
      await t.ask('POST', `/${endpoint.id}/replay`, { from });
      return status;
    };
    await t.say('seat.moved');
    await until('all is sent again', () => r.got.length > begun + last + 1 - from && r.got.at(-1).sequence === last + 1);
    assert.deepEqual(numbers(r).slice(begun), [last + 1, ...upto(last + 1).slice(from - 1)]);
    await until('it is written down', async () => (await t.state(endpoint.id)).sent === last + 1);
    assert.ok(Date.now() - from_ms < 4500, 'a failure of before delays nothing of what is wished now');
  }
});

test('a stranger sees nothing of it, a buyer may nothing, and bad wishes are refused', async () => {
  const t = await shop(), other = await shop(), r = await receiver(), { endpoint } = await t.hook(r);
  const all = [['GET', ''], ['PUT', '', {}], ['DELETE', ''], ['POST', '/rotate'], ['POST', '/replay', { from: 1 }], ['POST', '/test'], ['GET', '/deliveries']];
  for (const [method, path, body] of all) {
    assert.equal((await other.ask(method, `/${endpoint.id}${path}`, body, { foreign: true })).status, 404, `${method} ${path}`);
    assert.equal((await s.api(method, `/api/v1/webhook-endpoints/${endpoint.id}${path}`, { token: t.user.token, body })).status, 403);
  }
  assert.equal((await s.api('GET', '/api/v1/webhook-endpoints', { token: t.user.token })).status, 403);
  assert.equal((await other.ask('GET', '')).body.data.length, 0);
  for (const more of [{ url: 'ftp://a' }, { url: 'http://a@b/' }, { url: 'http:///x' }, { url: 'https://a b' }, { url: 'https://a/#x' }, { eventTypes: [] }, { eventTypes: ['a b'] }, { eventTypes: '*' }, { eventTypes: [7] }])
    assert.equal((await t.ask('POST', '', { url: r.url, ...more })).status, 400, JSON.stringify(more));
  assert.equal((await t.ask('PUT', `/${endpoint.id}`, { status: 'FAILED' })).status, 400);
  assert.equal((await t.ask('GET', `/${endpoint.id}/deliveries?status=x`)).status, 400);
  for (let n = 1; n < 20; n++) await t.hook(r);
  assert.equal((await t.ask('POST', '', { url: r.url })).body.code, 'INVALID_STATE');
});

test('in earnest only https on the internet is called', async () => {
  const strict = await start({ WEBHOOK_REACH: 'public' }), by = await strict.organiser();
  const add = (url) => strict.api('POST', '/api/v1/webhook-endpoints', { token: by.token, body: { url } });
  for (const url of ['http://example.com/', 'https://127.0.0.1/', 'https://[::1]/', 'https://10.1.2.3:8443/', 'https://169.254.169.254/latest/meta-data', 'https://localhost/', 'https://[::ffff:10.0.0.1]/', 'https://192.168.0.1/'])
    assert.equal((await add(url)).status, 400, url);
  // Names are looked at when they are connected to: this one leads to this machine.
  const { endpoint } = (await add('https://crm.localhost/hook')).body;
  const r = await strict.api('POST', `/api/v1/webhook-endpoints/${endpoint.id}/test`, { token: by.token });
  assert.deepEqual([r.body.delivered, r.body.httpStatus], [false, 0]);
  assert.match(r.body.error, /not of the internet/);
  await strict.must(202, 'POST', '/internal/events', { token: (await strict.somebody('super-admin')).token, body: { type: 'seat.moved', data: {}, userId: by.id } });
  const state = async () => (await strict.api('GET', `/api/v1/webhook-endpoints/${endpoint.id}`, { token: by.token })).body.endpoint;
  await until('a delivery fails as well', async () => (await state()).tries > 0);
  assert.match((await state()).lastError, /not of the internet/);
  await strict.close();
});

test('kill -9 between the commit and the delivery loses nothing', async () => {
  const own = await start({ WEBHOOK_TIMEOUT: '5s' }), r = await receiver(() => sleep(200).then(() => 204));
  const [head, by] = [await own.somebody('super-admin'), await own.organiser()], user = await own.register();
  const { endpoint } = await own.must(201, 'POST', '/api/v1/webhook-endpoints', { token: by.token, body: { url: r.url } });
  const events = upto(30).map((n) => ({ type: 'seat.moved', data: { n }, userId: user.id }));
  await own.must(202, 'POST', '/internal/events/batch', { token: head.token, body: { events } });
  await until('some are on their way', () => r.got.length >= 3);
  await own.kill9();
  const before = r.got.length;
  assert.ok(before < 30);
  r.answer = () => 204;
  await own.open();
  await own.clock.advance(31_000);                // the claim of who died lapses
  await until('the rest arrives', async () => (await own.must(200, 'GET', `/api/v1/webhook-endpoints/${endpoint.id}`, { token: by.token })).endpoint.sent === 30);
  assert.deepEqual([...new Set(numbers(r))], upto(30));
  assert.ok(r.got.length <= 31, 'only what was on its way may come twice');
  for (const n of upto(30)) assert.equal(r.got.find((g) => g.sequence === n).json.data.n, n);
  await own.close();
});

test('the example of docs/webhooks.md takes what we send, once, and nothing else', async () => {
  const page = readFileSync(join(root, 'docs/webhooks.md'), 'utf8');
  const code = /```js receiver\n([\s\S]*?)```/.exec(page)[1];
  const dir = mkdtempSync(join(tmpdir(), 'webhook-example-'));
  writeFileSync(join(dir, 'receiver.mjs'), code);
  const t = await shop(), r = await receiver(), { endpoint, secret } = await t.hook(r);
  await t.ask('POST', `/${endpoint.id}/test`);
  const child = spawn(process.execPath, [join(dir, 'receiver.mjs')], { env: { ...process.env, WEBHOOK_SECRET: secret, PORT: '0' } });
  let out = '';
  child.stdout.on('data', (d) => { out += d; });
  try {
    const port = await until('it listens', () => /listening on (\d+)/.exec(out)?.[1]);
    const post = (headers, body) => fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers, body }).then((a) => a.status);
    const pick = (h) => Object.fromEntries(['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((n) => [n, h[n]]));
    const g = r.got[0], stamp = Math.floor(Date.now() / 1000);
    const signed = (id, at) => ({ 'webhook-id': id, 'webhook-timestamp': String(at), 'webhook-signature': new Webhook(secret).sign(id, new Date(at * 1000), g.body) });
    assert.equal(await post(ahead === 0 ? pick(g.headers) : signed('a', stamp), g.body), 204);
    assert.equal(await post(signed('b', stamp), g.body), 204);
    assert.equal(await post(signed('b', stamp), g.body), 204, 'a repeated one is taken and not worked on');
    assert.equal(await post(signed('c', stamp - 301), g.body), 401);
    assert.equal(await post(signed('d', stamp), g.body + ' '), 401);
    assert.equal(await post({}, g.body), 401);
    assert.equal(out.match(/webhook\.test/g).length, 2);
  } finally { child.kill(); rmSync(dir, { recursive: true }); }
});
