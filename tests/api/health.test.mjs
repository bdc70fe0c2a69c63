// health.test.mjs - who is alive, who is ready, and how each engine is.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { cluster, start, until } from './harness.mjs';

let s;
const roof = 10_000;                              // ms: two seconds, on a machine that has better to do
before(async () => { s = await start(); });
after(() => s.close());
const timed = async (path, node) => { const from = performance.now(); const r = await s.api('GET', path, { node }); return { ...r, ms: performance.now() - from }; };

test('alive says nothing of engines, ready of each', async () => {
  for (const path of ['/health', '/health/live']) assert.deepEqual((await s.api('GET', path)).body, { status: 'ok' });
  assert.deepEqual((await s.api('GET', '/health/ready')).body, { status: 'ok', store: 'ok', kv: 'ok', bus: 'ok' });
});

test('a hundred who ask at once get one answer', async () => {
  const all = await Promise.all(Array.from({ length: 100 }, () => s.api('GET', '/health/ready')));
  assert.ok(all.every((r) => r.status === 200));
});

test('details are for operators', async () => {
  const operator = await s.somebody('super_admin'), [node] = s.nodes;
  assert.equal((await s.api('GET', '/health/detailed')).status, 401);
  assert.equal((await s.api('GET', '/health/detailed', { token: (await s.somebody('admin')).token })).status, 403);
  const all = await Promise.all(s.nodes.map((n) => s.must(200, 'GET', '/health/detailed', { token: operator.token, node: n })));
  assert.equal(new Set(all.map((d) => d.config)).size, 1, 'the same settings on all nodes');
  assert.equal(all.filter((d) => d.relay).length, 1);
  const d = all[0];
  assert.match(d.config, /^[0-9a-f]{16}$/);
  assert.deepEqual(d.engines.map((e) => [e.name, e.state]), [['store', 'ok'], ['kv', 'ok'], ['bus', 'ok']]);
  assert.match(d.engines[0].version, cluster ? /^postgresql, 1\d/ : /^sqlite/);
  assert.ok(Date.parse(d.started) <= Date.now() && d.uptime >= 0 && d.lanesWaiting === 0);
  assert.ok(node.url);
});

test('another setting is another fingerprint, another port is not', { skip: cluster && 'the engines differ, too' }, async () => {
  const token = 'operators-token-of-a-test-0123456789', file = join(s.dir, 'token');
  writeFileSync(file, token, { mode: 0o600 });
  const secrets = Object.fromEntries(['QR_ENCRYPTION_KEY', 'INTERNAL_SERVICE_SECRET', 'INTERNAL_WEBHOOK_SECRET'].map((n) => [n, n.padEnd(40, 'x')]));
  const of = async (env) => {
    const t = await start({ ...secrets, DATABASE_URL: `sqlite:${join(s.dir, 'other.db')}`, METRICS_TOKEN_FILE: file, ...env });
    try { return (await t.must(200, 'GET', '/health/detailed', { token })).config; } finally { await t.close(); }
  };
  const one = await of({ WORKERS: '7' }), two = await of({});
  assert.equal(one, two);
  assert.equal(new Set([one, await of({ FEE_BASIS_POINTS: '100' }), await of({ QR_ENCRYPTION_KEY: 'y'.repeat(40) })]).size, 3);
});

test('an engine that is silent is told within two seconds, and only the store matters', { skip: !cluster && 'engines of their own only in the cluster' }, async () => {
  const [node] = s.nodes;
  for (const [name, as] of [['redis', 'kv'], ['nats', 'bus']]) {
    const engine = s.engines.children[name];
    engine.kill('SIGSTOP');
    try {
      // An engine of many threads may answer once more before all of them stand still.
      const r = await until('it is told', async () => {
        const one = await timed('/health/ready', node);
        assert.equal(one.status, 200);
        assert.ok(one.ms < roof, `${one.ms} ms`);
        return one.body[as] === 'away' && one;
      });
      assert.deepEqual(r.body, { status: 'ok', store: 'ok', kv: 'ok', bus: 'ok', [as]: 'away' });
    } finally { engine.kill('SIGCONT'); }
    await until(`the ${as} is back`, async () => (await s.api('GET', '/health/ready', { node })).body[as] === 'ok');
  }
  const { redis } = s.engines.children;
  await until('of many only a few wait, the rest is told what was found last', async () => {
    redis.kill('SIGSTOP');
    try {
      const all = await Promise.all(Array.from({ length: 40 }, () => s.api('GET', '/health/ready', { node })));
      return new Set(all.filter((r) => r.status === 200).map((r) => r.body.kv)).size === 2;
    } finally {
      redis.kill('SIGCONT');
      await until('the kv is back', async () => (await s.api('GET', '/health/ready', { node })).body.kv === 'ok');
    }
  });
  await s.engines.sql(`ALTER DATABASE ${s.engines.name} ALLOW_CONNECTIONS false`, 'postgres');
  try {
    await s.engines.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${s.engines.name}'`, 'postgres');
    await until('the store is away', async () => { const r = await timed('/health/ready', node); assert.ok(r.ms < roof); return r.status === 503 && r.body.store === 'away' && r.body.status === 'away'; });
    assert.equal((await s.api('GET', '/health', { node })).status, 200, 'alive all the same');
  } finally { await s.engines.sql(`ALTER DATABASE ${s.engines.name} ALLOW_CONNECTIONS true`, 'postgres'); }
  await until('ready again', async () => (await s.api('GET', '/health/ready', { node })).status === 200);
});
