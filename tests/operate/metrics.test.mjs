// metrics.test.mjs - /metrics, ops/alerts.yml, ops/prometheus.yml and ops/grafana.json together: promtool finds
// nothing to reproach, each alert fires when it should, every metric that a rule or a panel
// names is there, and a real Prometheus scrapes it with the token.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { root, start, until } from '../api/harness.mjs';

const folder = mkdtempSync(join(tmpdir(), 'tickettoken-prometheus-'));
const token = join(folder, 'token'), ops = (name) => join(root, 'ops', name);
const promtool = (args, input) => execFileSync('promtool', args, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });
let s, text, all, prometheus;

before(async () => {
  writeFileSync(token, 'operators-token-of-a-test-0123456789', { mode: 0o600 });
  const behind = join(folder, 'proxy.json');
  writeFileSync(behind, '{"upstreams": [{"name": "catalog", "prefix": "/api/catalog", "urls": "http://127.0.0.1:9"}]}');
  s = await start({ METRICS_TOKEN_FILE: token, PROXY_FILE: behind });
  const sale = await s.sale(), buyer = await s.register();
  await s.buy(buyer, sale);
  await s.api('GET', '/nowhere');
  const texts = await Promise.all(s.nodes.map(async (node) => (await s.api('GET', '/metrics', { token: readFileSync(token, 'utf8'), node })).text));
  [text] = texts;
  all = texts.join('');
});
after(async () => { prometheus?.kill(); await s?.close(); rmSync(folder, { recursive: true, force: true }); });

test('promtool has nothing to reproach the metrics with', () => {
  assert.equal(promtool(['check', 'metrics'], text), '');
});

test('the four that were asked for by name are there', () => {
  for (const [name, type] of Object.entries({ sse_connections_active: 'gauge', sse_messages_sent_total: 'counter',
    nats_messages_received_total: 'counter', http_request_duration_seconds: 'histogram' }))
    assert.match(all, new RegExp(`^# TYPE ${name} ${type}$`, 'm'));
  assert.match(all, /^http_request_duration_seconds_count\{method="POST",route="\/api\/v1\/purchase",class="2xx"\} [1-9]/m);
  assert.match(all, /^http_request_duration_seconds_count\{method="-",route="-",class="4xx"\} [1-9]/m);
  assert.ok(!all.includes('/nowhere'), 'what somebody asks for makes no series');
});

test('figures of this process are plausible', () => {
  const of = (name) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  assert.ok(of('process_resident_memory_bytes') > 1e6 && of('process_open_fds') > 10 && of('process_cpu_seconds_total') > 0);
  assert.ok(of('tickettoken_lane_commits_total') > 0 && of('tickettoken_store_up') === 1);
  assert.equal(of('tickettoken_lane_batch_writes_count'), of('tickettoken_lane_commit_seconds_count'));
});

test('the rules are well-formed, and each fires when it should', () => {
  promtool(['check', 'rules', ops('alerts.yml')]);
  promtool(['check', 'config', '--syntax-only', ops('prometheus.yml')]);
  assert.match(promtool(['test', 'rules', join(root, 'tests/operate/alerts.yml')]), /SUCCESS/);
  const tested = readFileSync(join(root, 'tests/operate/alerts.yml'), 'utf8');
  for (const [, name] of readFileSync(ops('alerts.yml'), 'utf8').matchAll(/- alert: (\w+)/g))
    assert.match(tested, new RegExp(`alertname: ${name}\\n +exp_alerts:\\n +- exp_labels`), `${name} is seen to fire`);
});

test('every metric that a rule or a panel names exists', () => {
  const known = new Set(['up']);
  for (const [, name, type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm))
    for (const end of type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']) known.add(name + end);
  const board = JSON.parse(readFileSync(ops('grafana.json'), 'utf8'));
  const exprs = board.panels.flatMap((p) => (p.targets ?? []).map((t) => t.expr));
  assert.ok(exprs.length > 25);
  const rules = readFileSync(ops('alerts.yml'), 'utf8').match(/expr: [\s\S]*?(?=\n {8}\w+:)/g);
  const named = [...exprs, ...rules].join('\n').match(/\b(?:tickettoken|http|sse|nats|process)_[a-z0-9_]+\b/g);
  for (const n of new Set(named)) assert.ok(known.has(n), n);
  const plain = exprs.map((e, i) => ({ record: `r${i}`, expr: e.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*') }));
  writeFileSync(join(folder, 'board.yml'), JSON.stringify({ groups: [{ name: 'board', rules: plain }] }));
  promtool(['check', 'rules', join(folder, 'board.yml')]);
});

test('a real Prometheus scrapes every node', async () => {
  const port = await new Promise((done) => { const n = createServer().listen(0, '127.0.0.1', () => { const { port: p } = n.address(); n.close(() => done(p)); }); });
  const config = readFileSync(ops('prometheus.yml'), 'utf8').replace('/etc/prometheus/tickettoken.token', token)
    .replace(/targets: .*/, `targets: ${JSON.stringify(s.nodes.map((n) => `127.0.0.1:${n.port}`))}`).replaceAll('15s', '1s')
    .replace('- alerts.yml', `- ${ops('alerts.yml')}`);
  writeFileSync(join(folder, 'prometheus.yml'), config);
  mkdirSync(join(folder, 'data'));
  prometheus = spawn('prometheus', [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' });
  const ask = async (q) => {
    try { return (await (await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(q)}`)).json()).data.result; } catch { return []; }
  };
  await until('all nodes are up', async () => (await ask('up == 1')).length === s.nodes.length);
  const commits = await until('a rate', async () => (await ask('sum(tickettoken_lane_commits_total)'))[0]);
  assert.ok(Number(commits.value[1]) > 0);
  assert.equal((await ask('sum(tickettoken_relay)'))[0].value[1], '1');
  await until('the rules run', async () => (await (await fetch(`http://127.0.0.1:${port}/api/v1/rules`)).json()).data.groups[0]?.rules.every((r) => r.health === 'ok'));
});
