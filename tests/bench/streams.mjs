// streams.mjs - make bench-streams: how many streams a node holds, what one costs, how fast
// an event reaches all of them; in turns with nchan (nginx) and pushpin. Prints figures with
// their conditions; judges nothing.
//
//   [WITHOUT=pushpin] node streams.mjs [COUNT] [ROUNDS]
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, start } from '../api/harness.mjs';

const count = Number(process.argv[2] ?? 10_000), rounds = Number(process.argv[3] ?? 3);
const without = (process.env.WITHOUT ?? '').split(',');
const say = (text) => process.stdout.write(text + '\n');
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
const work = mkdtempSync(join(tmpdir(), 'tickettoken-streams-'));
const PAYLOAD = '~' + 'x'.repeat(199);

const freePort = () => new Promise((done) => { const s = net.createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => done(port)); }); });
const children = new Set();
function run(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], ...options });
  children.add(child);
  child.on('exit', () => children.delete(child));
  child.ended = new Promise((done) => child.on('exit', done));
  return child;
}
process.on('exit', () => { for (const c of children) c.kill('SIGKILL'); rmSync(work, { recursive: true, force: true, maxRetries: 5 }); });

// A process and its children.
function family(pid) {
  const all = readdirSync('/proc').filter((n) => /^\d+$/.test(n)).map((n) => { try { const f = readFileSync(`/proc/${n}/stat`, 'utf8').replace(/\(.*\)/, 'x').split(' '); return { pid: Number(n), parent: Number(f[3]), ticks: Number(f[13]) + Number(f[14]) }; } catch { return null; } }).filter(Boolean);
  const mine = new Map([[pid, all.find((p) => p.pid === pid)]]);
  for (let size = 0; size !== mine.size;) { size = mine.size; for (const p of all) if (mine.has(p.parent)) mine.set(p.pid, p); }
  return [...mine.values()].filter(Boolean);
}
const cpuUs = (pids) => pids.flatMap(family).reduce((n, p) => n + p.ticks * 10_000, 0);
const pss = (pids) => pids.flatMap(family).reduce((n, p) => { try { return n + 1024 * Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${p.pid}/smaps_rollup`, 'utf8'))[1]); } catch { return n; } }, 0);

const answers = (port, path) => new Promise((done) => http.get({ host: '127.0.0.1', port, path }, (r) => { r.resume(); done(true); }).on('error', () => done(false)));
async function ready(port, path = '/health') { for (let i = 0; i < 200; i++) { if (await answers(port, path)) return; await sleep(50); } throw new Error(`no answer at ${port}`); }

// Many requests in one write, so that the publisher doesn't wait for the fan-out; resolves
// when all are answered.
const pipeline = (port, requests, answered = 'HTTP/1.1 ') => new Promise((done, no) => {
  const s = net.connect(port, '127.0.0.1', () => s.write(requests.join('')));
  let n = 0, text = '';
  s.on('data', (d) => { text += d; let at; while ((at = text.indexOf(answered)) >= 0) { n++; text = text.slice(at + answered.length); } if (n >= requests.length) { s.destroy(); done(); } });
  s.on('error', no);
});
const post = (path, body) => `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

// ---- the contestants ----------------------------------------------------------------

async function ours() {
  const port = await freePort(), child = run(join(root, 'build/bench/net_bench'), [String(port), '4']);
  await ready(port);
  return { name: 'TicketToken net', pids: [child.pid], port, path: '/stream', health: '/health',
    publish: (n, body = PAYLOAD) => pipeline(port, [post(`/publish?times=${n}`, body)]),
    close: async () => { child.kill(); await child.ended; } };
}

async function nchan() {
  const port = await freePort(), dir = mkdtempSync(join(work, 'nginx-'));
  const modules = '/usr/lib/nginx/modules/ngx_nchan_module.so';
  if (!existsSync(modules)) return null;
  writeFileSync(join(dir, 'nginx.conf'), `load_module ${modules};\nworker_processes 2;\nworker_rlimit_nofile 20000;\ndaemon off;\nuser root;\npid ${dir}/pid;\nerror_log stderr crit;
events { worker_connections 19900; }
http { access_log off; nchan_shared_memory_size 256M; client_body_temp_path ${dir}; proxy_temp_path ${dir}; fastcgi_temp_path ${dir}; uwsgi_temp_path ${dir}; scgi_temp_path ${dir}; keepalive_requests 1000000;
server { listen ${port} reuseport; location /health { return 200; } location /stream { nchan_subscriber eventsource; nchan_channel_id all; nchan_eventsource_ping_interval 0; } location /publish { nchan_publisher; nchan_channel_id all; nchan_message_buffer_length 100; } } }\n`);
  const child = run('/usr/sbin/nginx', ['-c', join(dir, 'nginx.conf'), '-p', dir]);
  await ready(port);
  return { name: 'nchan', pids: [child.pid], port, path: '/stream', health: '/health',
    publish: (n, body = PAYLOAD) => pipeline(port, Array.from({ length: n }, () => post('/publish', body))),
    close: async () => { child.kill(); await child.ended; } };
}

async function pushpin() {
  if (!existsSync('/usr/bin/pushpin')) return null;
  const [port, control, own] = await Promise.all([freePort(), freePort(), freePort()]), dir = mkdtempSync('/tmp/pp-');   // names of its sockets may not be long
  const origin = http.createServer((q, a) => { a.writeHead(200, { 'content-type': 'text/event-stream', 'grip-hold': 'stream', 'grip-channel': 'all' }); a.end(': hello\n\n'); });
  origin.listen(own, '127.0.0.1');
  mkdirSync(join(dir, 'run')); mkdirSync(join(dir, 'log'));
  writeFileSync(join(dir, 'routes'), `* 127.0.0.1:${own}\n`);
  const stock = readFileSync('/etc/pushpin/pushpin.conf', 'utf8');
  const set = { 'http_port': `127.0.0.1:${port}`, rundir: join(dir, 'run'), logdir: join(dir, 'log'), routesfile: join(dir, 'routes'),
    push_in_http_port: control, push_in_http_addr: '127.0.0.1', message_rate: 100000000, message_hwm: 10000000, client_maxconn: 19000, log_level: 0,
    push_in_spec: `ipc://${dir}/run/in`, push_in_sub_specs: `ipc://${dir}/run/sub`, command_spec: `ipc://${dir}/run/cmd` };
  let conf = stock;
  for (const [k, v] of Object.entries(set)) conf = new RegExp(`^#? ?${k}=.*$`, 'm').test(conf) ? conf.replace(new RegExp(`^#? ?${k}=.*$`, 'm'), `${k}=${v}`) : conf;
  writeFileSync(join(dir, 'pushpin.conf'), conf);
  const child = run('/usr/bin/pushpin', ['--config', join(dir, 'pushpin.conf')], { stdio: ['pipe', 'ignore', 'ignore'] });
  await ready(port, '/stream-not');
  await sleep(1000);
  const item = (body) => JSON.stringify({ items: [{ channel: 'all', formats: { 'http-stream': { content: `data: ${body}\n\n` } } }] });
  return { name: 'pushpin', pids: [child.pid], port, path: '/stream', health: null,
    publish: (n, body = PAYLOAD) => pipeline(control, Array.from({ length: n }, () => post('/publish/', item(body)))),
    close: async () => { child.kill(); await child.ended; origin.closeAllConnections?.(); origin.close(); rmSync(dir, { recursive: true, force: true }); } };
}

// ---- the crowd -------------------------------------------------------------------------

class Crowd {
  async open(server, n, { slow = 0, headers = [] } = {}) {
    Object.assign(this, { server, n, slow, lines: [], waiting: [] });
    this.child = run(join(root, 'build/bench/streams'), [server.port, n, slow, ...headers].map(String), { env: { ...process.env, STREAM_PATH: server.path } });
    let text = '';
    this.child.stdout.on('data', (d) => { const parts = (text + d).split('\n'); text = parts.pop(); for (const l of parts) { const w = this.waiting.shift(); w ? w.done(l) : this.lines.push(l); } });
    this.child.on('exit', (code) => { for (const w of this.waiting) w.no(new Error(`the crowd went: ${code}`)); });
    await this.line();
    return this;
  }

  line() { return this.lines.length > 0 ? Promise.resolve(this.lines.shift()) : new Promise((done, no) => this.waiting.push({ done, no })); }

  async ready(k) { this.child.stdin.write(`hear ${k}\n`); await this.line(); }

  async heard() { return (await this.line()).split(' ').map(Number); }

  async close() { this.child.stdin.end('end\n'); await this.child.ended; }
}

// Milliseconds until half and until all have heard `k` events that `publish` sends.
async function hear(crowds, k, publish) {
  await Promise.all(crowds.map((c) => c.ready(k)));
  const from = Number(process.hrtime.bigint());
  const sent = publish();
  const all = await Promise.all(crowds.map((c) => c.heard()));
  await sent;
  return { half: (Math.max(...all.map((a) => a[0])) - from) / 1e6, ms: (Math.max(...all.map((a) => a[1])) - from) / 1e6 };
}

const p99 = (server, seconds) => new Promise((done) => {
  if (!server.health) return done('-');
  const child = run('wrk', ['-t1', '-c4', `-d${seconds}s`, '--latency', `http://127.0.0.1:${server.port}${server.health}`]);
  let out = '';
  child.stdout.on('data', (d) => { out += d; });
  child.on('error', () => done('no wrk'));
  child.on('close', () => done(/99%\s+(\S+)/.exec(out)?.[1] ?? '-'));
});

// One contestant, whole: [{memory, one, burst, cpu, health}].
async function contest(servers, n, singles = 7, bursts = 7) {
  const before = servers.map((s) => pss(s.pids)), pids = servers.flatMap((s) => s.pids);
  const crowds = await Promise.all(servers.map((s) => new Crowd().open(s, n)));
  const total = n * servers.length;
  await sleep(500);
  const memory = servers.reduce((m, s, i) => m + pss(s.pids) - before[i], 0) / total;
  const send = (k) => () => Promise.all(servers.map((s) => s.publish(k)));
  const one = [], burst = [];
  for (let i = 0; i < singles; i++) one.push((await hear(crowds, 1, send(1))).ms);
  const cpu = cpuUs(pids);
  for (let i = 0; i < bursts; i++) burst.push(50 * total / ((await hear(crowds, 50, send(50))).ms / 1000));
  const each = (cpuUs(pids) - cpu) / (bursts * 50 * total);
  const asking = p99(servers[0], 4), end = Date.now() + 3500;
  while (Date.now() < end) await hear(crowds, 50, send(50));
  const health = await asking;
  await Promise.all(crowds.map((c) => c.close()));
  return { memory, one: median(one), burst: median(burst), cpu: each, health };
}

const line = (name, n, r) => say(`${name.padEnd(18)} ${String(n).padStart(6)} streams  ${r.memory.toFixed(0).padStart(6)} B each  one to all ${r.one.toFixed(0).padStart(4)} ms  burst ${(r.burst / 1000).toFixed(0).padStart(6)} k/s  ${r.cpu.toFixed(2).padStart(5)} us CPU each  /health p99 ${r.health}`);

say(`conditions ${cpus().length} cores of ${cpus()[0].model.trim()}, Linux ${release()}, load ${readFileSync('/proc/loadavg', 'utf8').split(' ')[0]}; the crowd is on the same cores`);
say('           200-byte events; PSS of all the server’s processes; bursts of 50 sent in one write; medians of 7; loopback, no TLS');

for (let round = 1; round <= rounds; round++)
  for (const open of [ours, nchan, pushpin].filter((f) => !without.includes(f.name))) {
    const server = await open();
    if (!server) continue;
    try { line(server.name, count, await contest([server], count)); }
    catch (e) { say(`${server.name}: ${e.message}`); }
    await server.close();
  }

{
  for (const open of [ours, nchan]) {
    const server = await open();
    if (!server) continue;
    try { line(server.name, 19_000, await contest([server], 19_000)); } catch (e) { say(`${server.name}: ${e.message}`); }
    await server.close();
  }
  const two = await Promise.all([ours(), ours()]);
  line('TicketToken net, 2', 38_000, await contest(two, 19_000));
  await Promise.all(two.map((s) => s.close()));
}

// ---- slow readers -----------------------------------------------------------------------

for (const open of [ours, nchan]) {
  const server = await open();
  if (!server) continue;
  try {
    const crowd = await new Crowd().open(server, count, { slow: count / 10 });
    const alone = median([(await hear([crowd], 1, () => server.publish(1))).ms, (await hear([crowd], 1, () => server.publish(1))).ms, (await hear([crowd], 1, () => server.publish(1))).ms]);
    const before = pss(server.pids), big = '~' + 'x'.repeat(8191);
    const flood = await hear([crowd], 100, () => server.publish(100, big));
    const grown = pss(server.pids) - before;
    const after = median([(await hear([crowd], 1, () => server.publish(1))).ms, (await hear([crowd], 1, () => server.publish(1))).ms, (await hear([crowd], 1, () => server.publish(1))).ms]);
    say(`${server.name.padEnd(18)} ${count / 10} of ${count} never read: 100 events of 8 KiB reach the others in ${flood.ms.toFixed(0)} ms, memory +${(grown / 1e6).toFixed(1)} MB, one event to the others ${alone.toFixed(0)} ms before and ${after.toFixed(0)} after`);
    await crowd.close();
  } catch (e) { say(`${server.name}, slow readers: ${e.message}`); }
  await server.close();
}

// ---- the whole product -------------------------------------------------------------------

const people = Math.ceil(count / 1000);
const s = await start({ CLOCK: 'system', LOG_LEVEL: 'warn', SSE_MAX_PER_USER: '1000', CONNECTIONS_MAX: '19500' });
s.now = async () => Date.now();
const organiser = await s.organiser(), sale = await s.sale({ organiser, event: { name: 'A night ~' } });
const headers = [];
for (let i = 0; i < people; i++) headers.push(`Authorization: Bearer ${(await s.register()).token}`);
const product = { name: 'TicketToken', pids: [s.child.pid], port: s.port, path: `/events/stream?topics=event:${sale.event.id}`, health: '/health' };
await new Promise((done) => setTimeout(done, 500));
const before = pss(product.pids), begun = Date.now();
const crowd = await new Crowd().open(product, count, { headers });
const took = Date.now() - begun;
await sleep(1000);
const each = (pss(product.pids) - before) / count, one = [];
for (let i = 0; i < 6; i++) one.push((await hear([crowd], 1, () => s.move(organiser, sale.event, i % 2 ? 'RESUME_SALES' : 'PAUSE_SALES'))).ms);
const asking = p99(product, 4), end = Date.now() + 3500;
for (let i = 0; Date.now() < end; i++) await hear([crowd], 1, () => s.move(organiser, sale.event, i % 2 ? 'RESUME_SALES' : 'PAUSE_SALES'));
say(`TicketToken whole  ${String(count).padStart(6)} streams  ${each.toFixed(0).padStart(6)} B each, with a person and an event each, opened ${(count / took * 1000).toFixed(0)}/s; an event of the database to all ${median(one).toFixed(0)} ms after it was asked for; /health p99 ${await asking}`);
await crowd.close();
await s.close();
