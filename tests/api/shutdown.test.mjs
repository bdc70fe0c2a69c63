// shutdown.test.mjs - SIGTERM in the middle of everything: what was answered is there, what was
// begun is answered whole, streams are told, another signal ends at once.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';
import { cluster, sleep, start, until } from './harness.mjs';

// One request; 'cut' when the connection broke after the answer had begun.
function ask(agent, port, method, path, { token, key, body }) {
  return new Promise((done) => {
    const text = body && JSON.stringify(body);
    const q = http.request({ agent, port, host: '127.0.0.1', method, path, headers: { authorization: `Bearer ${token}`,
      ...(text && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }), ...(key && { 'idempotency-key': key }) } }, (r) => {
      let got = '';
      r.on('data', (d) => { got += d; });
      r.on('end', () => done({ status: r.statusCode, text: got, whole: r.complete }));
      r.on('error', () => done({ cut: true }));
      r.on('aborted', () => done({ cut: true }));
    });
    q.on('error', (e) => done({ refused: e.code }));
    q.end(text);
  });
}

test('a sale is stopped: nothing is lost, no answer is torn, streams are told', { skip: cluster && 'one node is what is looked at' }, async () => {
  const s = await start({ SHUTDOWN_TIMEOUT: '10s' });
  try {
    const sale = await s.sale({ quantity: 5000 }), buyers = await Promise.all(Array.from({ length: 24 }, () => s.register()));
    const { port } = s, agent = new http.Agent({ keepAlive: true, maxSockets: 64 }), answers = [];
    const streams = await Promise.all(buyers.slice(0, 8).map((b) => new Promise((done) => {
      const x = net.connect(port, '127.0.0.1', () => x.write(`GET /events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${b.token}\r\n\r\n`));
      x.text = '';
      x.ended = new Promise((over) => { x.on('close', over); });
      x.on('error', (e) => { x.broke = e.code; });
      x.on('data', (d) => { x.text += d; if (x.text.includes('event: connected')) done(x); });
    })));
    let going = true;
    const loops = buyers.map(async (b) => {
      while (going) {
        const r = await ask(agent, port, 'POST', '/api/v1/tickets/purchase', { token: b.token, key: randomUUID(),
          body: { eventId: sale.event.id, tickets: [{ ticketTypeId: sale.type.id, quantity: 1 }] } });
        answers.push(r);
        if (r.refused || r.cut) break;
      }
    });
    await until('they buy', () => answers.filter((a) => a.status === 201).length > 200);
    const end = await s.stop('SIGTERM');
    going = false;
    await Promise.all(loops);
    await Promise.all(streams.map((x) => x.ended));
    assert.deepEqual(end, { code: 0, signal: null });
    assert.equal(answers.filter((a) => a.cut || a.whole === false).length, 0, 'no answer was torn');
    for (const x of streams) {
      assert.equal(x.broke, undefined);
      assert.match(x.text, /retry: \d{3,4}\nevent: reconnect\ndata: {\"reason\":\"SHUTDOWN\"}\n\n$/);
    }
    assert.match(s.log, /stage=?"?:?"?requests and streams/);
    const names = [...s.log.matchAll(/stage"?[=:]"?([a-z ]+?)(?:"| clean)/g)].map((m) => m[1]);
    assert.deepEqual(names, ['notice', 'requests and streams', 'jobs', 'letters', 'webhooks', 'relay', 'threads', 'engines']);
    const won = answers.filter((a) => a.status === 201).map((a) => JSON.parse(a.text).reservation.id);
    assert.equal(new Set(won).size, won.length);
    await s.open();
    const [type] = await s.types(sale.event);
    assert.ok(type.held >= won.length && type.held <= won.length + buyers.length, `${type.held} held, ${won.length} answered`);
    assert.equal(type.available + type.held + type.sold, 5000);
  } finally { await s.close(); }
});

test('a notice is given first: still served, but not ready', async () => {
  const s = await start({ SHUTDOWN_NOTICE: '3s' });
  const [node] = s.nodes;
  try {
    const end = s.stop('SIGTERM');
    await until('it says that it leaves', async () => { const r = await s.api('GET', '/health/ready', { node }); return r.status === 503 && r.body.status === 'leaving'; });
    assert.equal((await s.api('GET', '/api/v1/events', { node })).status, 200);
    assert.deepEqual(await end, { code: 0, signal: null });
  } finally { await s.close(); }
});

test('a second signal ends it at once', async () => {
  const s = await start({ SHUTDOWN_NOTICE: '60s' });
  const [node] = s.nodes;
  try {
    node.child.kill('SIGTERM');
    await until('it stops', () => node.log.includes('stopping'));
    await sleep(100);
    const from = performance.now();
    node.child.kill('SIGTERM');
    assert.equal((await node.ended).code, 1);
    assert.ok(performance.now() - from < 20_000);
  } finally { await s.stop('SIGKILL'); await s.close(); }
});
