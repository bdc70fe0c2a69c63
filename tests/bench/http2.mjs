// http2.mjs - make bench-http2: requests over HTTP/2 under TLS beside Debian's nginx, in
// turns in one run, by h2load; then the memory of idle connections and of event streams.
// Prints figures with their conditions; judges nothing.
//
//   node http2.mjs [SECONDS]
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import net from 'node:net';
import { cpus, release, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const seconds = process.argv[2] ?? '4', rounds = 3;
const dir = mkdtempSync(join(tmpdir(), 'tickettoken-h2bench-'));
const cert = join(dir, 'cert.pem'), key = join(dir, 'key.pem');
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const say = (text) => process.stdout.write(text + '\n');

execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
  '-subj', '/CN=localhost', '-keyout', key, '-out', cert], { stdio: 'ignore' });

const freePort = () => new Promise((done) => {
  const s = net.createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => done(port)); });
});

async function ours(...tls) {
  const child = spawn(join(root, 'build/bench/net_bench'), ['0', '16', ...tls], { stdio: ['ignore', 'pipe', 'inherit'] });
  const line = await new Promise((done) => child.stdout.once('data', (d) => done(String(d))));
  return { name: 'tickettoken', url: /listening on (\S+)/.exec(line)[1], child, pids: () => [child.pid] };
}

async function nginx() {
  const program = ['/usr/sbin/nginx', join(root, 'build/nginx/usr/sbin/nginx')].find(existsSync), port = await freePort();
  mkdirSync(join(dir, 'temp'));
  writeFileSync(join(dir, 'nginx.conf'), `daemon off; worker_processes 2; pid ${dir}/pid; error_log stderr crit;
    events { worker_connections 8192; }
    http { access_log off; keepalive_requests 1000000000; default_type application/json;
      ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((n) => `${n}_temp_path ${dir}/temp/${n};`).join(' ')}
      server { listen 127.0.0.1:${port} ssl http2 reuseport; ssl_certificate ${cert}; ssl_certificate_key ${key};
        location = /health { return 200 '{"status":"ok"}'; } } }`);
  const child = spawn(program, ['-p', dir, '-c', join(dir, 'nginx.conf')], { stdio: ['ignore', 'ignore', 'inherit'] });
  for (let up = false; !up; await sleep(50))
    up = await new Promise((done) => net.connect(port, '127.0.0.1').on('connect', function f() { this.destroy(); done(true); }).on('error', () => done(false)));
  const children = () => readdirSync('/proc').filter((p) => /^\d+$/.test(p) && existsSync(`/proc/${p}/stat`))
    .filter((p) => { try { return readFileSync(`/proc/${p}/stat`, 'utf8').split(') ')[1].split(' ')[1] === String(child.pid); } catch { return false; } });
  return { name: 'nginx', url: `https://127.0.0.1:${port}`, child, pids: () => [child.pid, ...children()] };
}

const cpuUs = (server) => server.pids().reduce((sum, p) => {
  const f = readFileSync(`/proc/${p}/stat`, 'utf8').split(') ')[1].split(' ');
  return sum + (Number(f[11]) + Number(f[12])) * 10_000;
}, 0);

function load(server, ...how) {
  const before = cpuUs(server);
  const { stdout } = spawnSync('h2load', ['-t', '1', '-D', seconds, '--warm-up-time', '1', ...how, `${server.url}/health`], { encoding: 'utf8', maxBuffer: 1 << 26 });
  const done = Number(/requests: \d+ total, \d+ started, (\d+) done/.exec(stdout)[1]);
  const failed = Number(/(\d+) failed/.exec(stdout)[1]);
  return { rate: done / Number(seconds), cpu: (cpuUs(server) - before) / (done * (1 + 1 / Number(seconds))), failed };
}

say(`conditions ${cpus().length} cores of ${cpus()[0].model.trim()}, Linux ${release()}, h2load (one thread) on the same cores; loopback,`);
say(`           TLS 1.3, GET /health of 15 bytes; ${rounds} rounds of ${seconds} s in turns, median [least-most], CPU of the server a request`);
const servers = [await ours(cert, key), await nginx()];
for (const [title, ...how] of [['h2, 64 connections, 1 request at a time each', '-c64', '-m1'], ['h2, 64 connections, 32 at a time each', '-c64', '-m32'],
  ['h2, 4 connections, 100 at a time each', '-c4', '-m100'], ['HTTP/1.1, 64 connections', '-c64', '--h1']]) {
  const got = new Map(servers.map((s) => [s, []]));
  for (let i = 0; i < rounds; i++)
    for (const s of servers) got.get(s).push(load(s, ...how));
  say(title);
  for (const s of servers) {
    const runs = got.get(s), rates = runs.map((r) => r.rate);
    say(`  ${s.name.padEnd(12)} ${median(rates).toFixed(0)}/s [${Math.min(...rates).toFixed(0)}-${Math.max(...rates).toFixed(0)}]`
      + `  ${median(runs.map((r) => r.cpu)).toFixed(1)} us  failed ${runs.reduce((n, r) => n + r.failed, 0)}`);
  }
}
servers[1].child.kill();

// ---- memory ---------------------------------------------------------------------

const held = (server) => Number(/^Pss_Anon:\s+(\d+)/m.exec(readFileSync(`/proc/${server.child.pid}/smaps_rollup`, 'utf8'))[1]) * 1024;

// `count` sessions of Node.js, with `each` event streams on each of them.
async function hold(server, count, each) {
  const sessions = [];
  for (let i = 0; i < count; i++) {
    const s = http2.connect(server.url, { rejectUnauthorized: false }).on('error', () => {});
    sessions.push(s);
    await new Promise((done) => s.once('remoteSettings', done));
    await Promise.all(Array.from({ length: each }, () => new Promise((done) => {
      const q = s.request({ ':path': '/stream' });
      q.on('error', () => {}).once('data', done);
    })));
  }
  await sleep(500);
  return sessions;
}

async function memory(server, count, each) {
  await sleep(500);
  const before = held(server), sessions = await hold(server, count, each), after = held(server);
  for (const s of sessions) s.destroy();
  await sleep(1000);
  return after - before;
}

const plain = await ours();
for (const [server, how] of [[plain, 'plain'], [servers[0], 'TLS']]) {
  await memory(server, 200, 0);                    // what the first ones make is made
  const conns = await memory(server, 1000, 0) / 1000;
  say(`memory, ${how}: an idle connection ${conns.toFixed(0)} bytes`);
}
await memory(plain, 100, 100);
const one = await memory(plain, 100, 1), hundred = await memory(plain, 100, 100);
say(`memory: an idle event stream ${((hundred - one) / 9900).toFixed(0)} bytes beside its connection (10,000 on 100 connections)`);
for (const s of [plain, servers[0]]) s.child.kill();
rmSync(dir, { recursive: true, force: true });
process.exit(0);
