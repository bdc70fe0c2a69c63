// trace.test.mjs - a request is followed from the click to the letter and the stream: what a
// collector of OpenTelemetry is sent, by a double that believes nothing about parentage.
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import http from 'node:http';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { cluster, PASSWORD, sleep, start, until } from './harness.mjs';

const spans = [], posts = [];
let answer = 200, collector, s;
const hex = (n) => randomBytes(n).toString('hex');

before(async () => {
  collector = http.createServer(async (q, r) => {
    let body = '';
    for await (const part of q) body += part;
    posts.push({ url: q.url, method: q.method, headers: q.headers, body });
    if (answer === 200) {
      for (const rs of JSON.parse(body).resourceSpans) {
        const of = Object.fromEntries(rs.resource.attributes.map((a) => [a.key, a.value.stringValue ?? Number(a.value.intValue)]));
        for (const ss of rs.scopeSpans)
          spans.push(...ss.spans.map((x) => ({ ...x, of, at: Object.fromEntries(x.attributes.map((a) => [a.key, a.value.stringValue ?? Number(a.value.intValue)])) })));
      }
    }
    r.writeHead(answer, answer === 503 ? { 'retry-after': '1' } : {});
    r.end('{}');
  });
  await new Promise((done) => { collector.listen(0, '127.0.0.1', done); });
  s = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.address().port}/`, OTEL_SERVICE_NAME: 'shop',
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20collectors-secret,x-team=tickets', OTEL_TRACES_SAMPLER_ARG: '0', OTEL_BSP_SCHEDULE_DELAY: '50' });
});
after(async () => { await s?.close(); collector.close(); });

// One traced request; gives its spans once `enough` of them are there.
async function follow(method, path, options, enough) {
  const trace = hex(16), parent = hex(8);
  const r = await s.api(method, path, { ...options, headers: { ...options?.headers, traceparent: `00-${trace}-${parent}-01`, tracestate: 'vendor=x' } });
  assert.equal(r.headers.get('x-request-id'), trace);
  const mine = () => spans.filter((x) => x.traceId === trace);
  await until(`the spans of ${method} ${path}`, () => enough(mine()));
  return { r, spans: mine(), parent, trace };
}

// Every span but the first has its parent among the others, and lies within it in time.
function tree({ spans: all, parent }) {
  const root = all.find((x) => x.parentSpanId === parent), by = new Map(all.map((x) => [x.spanId, x]));
  assert.ok(root, 'the caller is the parent of one');
  assert.equal(by.size, all.length, 'no id twice');
  for (const x of all) {
    assert.match(x.spanId, /^[0-9a-f]{16}$/);
    assert.ok(BigInt(x.startTimeUnixNano) <= BigInt(x.endTimeUnixNano));
    if (x === root) continue;
    assert.ok(by.has(x.parentSpanId), `${x.name} has a parent that was sent`);
  }
  return { root, under: (x) => all.filter((y) => y.parentSpanId === x.spanId), named: (n) => all.find((x) => x.name === n) };
}

test('a registration: request, password, statements, commit, and the letter', async () => {
  const f = await follow('POST', '/auth/register', { body: { email: `p${randomUUID()}@example.com`, password: PASSWORD, firstName: 'A', lastName: 'B' } },
    (x) => x.some((y) => y.name === 'letter') && x.some((y) => y.kind === 2));
  const { root, under, named } = tree(f);
  assert.equal(f.r.status, 201);
  assert.equal(root.name, 'POST /auth/register');
  assert.equal(root.kind, 2);
  assert.equal(root.at['http.response.status_code'], 201);
  assert.equal(root.at['http.route'], '/auth/register');
  assert.equal(root.of['service.name'], 'shop');
  assert.ok(under(root).some((x) => x.name === 'hash a password'));
  const write = under(root).find((x) => x.name === 'write_tx' && under(x).some((y) => y.name === 'commit'));
  assert.ok(write, 'a write with its commit');
  const statement = under(write).find((x) => x.at['db.system.name']);
  assert.equal(statement.at['db.system.name'], cluster ? 'postgresql' : 'sqlite');
  assert.equal(statement.kind, 3);
  assert.equal(named('letter').kind, 5);
});

test('a purchase: what streams are told goes on with its trace, on each node', async () => {
  const sale = await s.sale(), buyer = await s.register();
  const f = await follow('POST', '/api/v1/tickets/purchase', { token: buyer.token, body: { eventId: sale.event.id, tickets: [{ ticketTypeId: sale.type.id, quantity: 1 }] } },
    (x) => x.filter((y) => y.name === 'told to streams' && y.at.type === 'reservation.created').length >= s.nodes.length && x.some((y) => y.kind === 2));
  const { root, named } = tree(f);
  const told = f.spans.filter((x) => x.at.type === 'reservation.created');
  assert.equal(new Set(told.map((x) => x.of['process.pid'])).size, s.nodes.length, 'every node tells its own streams');
  for (const t of told) assert.ok(BigInt(t.startTimeUnixNano) > BigInt(root.startTimeUnixNano));
  assert.ok(named('commit').at.batch >= 1);
});

test('a refusal is no error of ours', async () => {
  const f = await follow('GET', '/api/v1/orders', { token: 'nonsense' }, (x) => x.length > 0);
  assert.equal(f.spans[0].status.code, undefined);
  assert.equal(f.spans[0].at['http.response.status_code'], 401);
});

test('who is not sampled, or sends nonsense, is not followed', async () => {
  const trace = hex(16);
  for (const p of [`00-${trace}-${hex(8)}-00`, `00-${trace}-${hex(8)}-1`, `00-${trace}-0000000000000000-01`, `ff-${trace}-${hex(8)}-01`])
    assert.equal((await s.api('GET', '/api/v1/events', { headers: { traceparent: p } })).status, 200);
  await s.api('GET', '/api/v1/events');
  await sleep(300);
  assert.equal(spans.filter((x) => x.traceId === trace).length, 0);
  assert.ok(!spans.some((x) => x.name === 'GET /api/v1/events'));
});

test('nothing secret is sent, and the collector\'s own secret is not shown', async () => {
  const token = hex(24);
  await follow('GET', `/auth/verify-email?token=${token}`, {}, (x) => x.length > 0);
  const buyer = await s.register();
  await follow('POST', '/auth/login', { body: { email: buyer.email, password: PASSWORD } }, (x) => x.length > 3);
  const all = posts.map((p) => p.body).join();
  for (const secret of [token, PASSWORD, buyer.email, buyer.token, buyer.refresh, 'collectors-secret']) assert.ok(!all.includes(secret), secret);
  assert.equal(posts[0].headers.authorization, 'Bearer collectors-secret');
  assert.equal(posts[0].headers['x-team'], 'tickets');
  assert.equal(posts[0].url, '/v1/traces');
  assert.equal(posts[0].headers['content-type'], 'application/json');
  assert.ok(!s.log.includes('collectors-secret'));
});

test('a collector that is busy is tried again, and at the end what waits is sent', async () => {
  answer = 503;
  const trace = hex(16), from = posts.length;
  await s.api('GET', '/api/v1/events', { headers: { traceparent: `00-${trace}-${hex(8)}-01` } });
  await until('it was refused', () => posts.length > from);
  answer = 200;
  await until('it came', () => spans.some((x) => x.traceId === trace));
  const last = hex(16);
  await s.api('GET', '/api/v1/events', { headers: { traceparent: `00-${last}-${hex(8)}-01` } });
  assert.equal((await s.stop()).code, 0);
  assert.ok(spans.some((x) => x.traceId === last), 'sent before the end');
});

test('a collector that hangs does not hold up the end', async () => {
  const asked = [], hung = net.createServer((c) => { asked.push(c); c.on('error', () => {}); });
  await new Promise((done) => { hung.listen(0, '127.0.0.1', done); });
  const t = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${hung.address().port}`, OTEL_BSP_SCHEDULE_DELAY: '50', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10' });
  try {
    await until('each node waits for an answer', async () => {
      await Promise.all(Array.from({ length: 20 }, () => t.api('GET', '/api/v1/events')));
      return asked.length >= t.nodes.length;
    });
    assert.equal((await t.stop()).code, 0);
  } finally {
    await t.close();
    asked.forEach((c) => c.destroy());
    hung.close();
  }
});
