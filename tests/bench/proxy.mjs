// proxy.mjs - make bench-proxy: one upstream (nginx) asked directly, through us (with a token
// that is verified), through nginx and through haproxy. Interleaved: each round asks all of
// them, so that a neighbour's noise falls on each. Prints figures, judges nothing.
//
//   node proxy.mjs [SECONDS] [ROUNDS]
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { start, until } from '../api/harness.mjs';

const seconds = Number(process.argv[2] || 4), rounds = Number(process.argv[3] || 3), connections = 64;
const dir = mkdtempSync(join(tmpdir(), 'tickettoken-bench-proxy-'));
const freePort = () => new Promise((done) => { const s = net.createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => done(port)); }); });
const [upstream, nginxPort, haproxyPort] = [await freePort(), await freePort(), await freePort()];
const children = [];
// SIGTERM, because an nginx whose master is killed leaves its workers behind.
process.on('exit', () => { for (const c of children) c.kill('SIGTERM'); rmSync(dir, { recursive: true, force: true, maxRetries: 5 }); });
const run = (command, args) => { const c = spawn(command, args, { stdio: 'ignore' }); children.push(c); return c; };

// ---- those who are compared -------------------------------------------------------

const nginx = (name, http) => {
  const at = join(dir, name);
  mkdirSync(at);
  writeFileSync(join(at, 'conf'), `daemon off; user root; pid ${at}/pid; error_log ${at}/error crit; worker_processes 2;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 1000000000; client_max_body_size 10m; client_body_temp_path ${at}/b; proxy_temp_path ${at}/p;
fastcgi_temp_path ${at}/f; uwsgi_temp_path ${at}/u; scgi_temp_path ${at}/s; sendfile on; tcp_nopush on; ${http} }`);
  return run('nginx', ['-p', at, '-c', join(at, 'conf')]);
};
writeFileSync(join(dir, 'large'), Buffer.alloc(1 << 20, 'x'));
nginx('upstream', `server { listen 127.0.0.1:${upstream} backlog=4096; root ${dir};
  location /small { return 200 '{"status":"ok","from":"the service behind this server"}'; } location /take { client_body_buffer_size 2m; proxy_pass http://127.0.0.1:${upstream}/small; } }`);
const plainNginx = nginx('front', `upstream behind { server 127.0.0.1:${upstream}; keepalive 128; keepalive_requests 1000000000; }
  server { listen 127.0.0.1:${nginxPort} backlog=4096; location / { proxy_pass http://behind; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_request_buffering off; } }`);
writeFileSync(join(dir, 'haproxy'), `global
  nbthread 2
defaults
  mode http
  http-reuse always
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend f
  bind 127.0.0.1:${haproxyPort}
  default_backend b
backend b
  server s 127.0.0.1:${upstream}
`);
const haproxy = run('haproxy', ['-f', join(dir, 'haproxy'), '-db']);
writeFileSync(join(dir, 'proxy.json'), JSON.stringify({ upstreams: [{ name: 'bench', prefix: '/api/bench', urls: `http://127.0.0.1:${upstream}`, connections: 256, keepMs: 60000 }] }));
const server = await start({ CLOCK: 'system', LOG_LEVEL: 'warn', PROXY_FILE: join(dir, 'proxy.json'), SERVICE_SECRET: 'a secret of a bench, forty letters long!', JWT_ACCESS_EXPIRES_IN: '1d' });
server.now = async () => Date.now();
const person = await server.register();
for (const port of [upstream, nginxPort, haproxyPort]) await until(`port ${port}`, () => fetch(`http://127.0.0.1:${port}/small`).then((r) => r.ok, () => false));

// ---- CPU of a process and its children ---------------------------------------------

const tick = 1e6 / Number(execFileSync('getconf', ['CLK_TCK']));
const stat = (pid) => { try { return readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ').map(Number); } catch { return []; } };
const own = (pid) => { const f = stat(pid); return ((f[11] ?? 0) + (f[12] ?? 0)) * tick; };
const cpu = (pid) => own(pid) + readdirSync('/proc').filter((p) => /^\d+$/.test(p) && stat(p)[1] === pid).reduce((n, p) => n + own(p), 0);

const contestants = [
  { name: 'direct', url: `http://127.0.0.1:${upstream}` },
  { name: 'tickettoken', url: `${server.nodes[0].url}/api/bench`, pid: server.child.pid },
  { name: 'nginx', url: `http://127.0.0.1:${nginxPort}`, pid: plainNginx.pid },
  { name: 'haproxy', url: `http://127.0.0.1:${haproxyPort}`, pid: haproxy.pid },
];
// What a browser says beside its token.
const browser = {
  'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  Accept: 'application/json, text/plain, */*', 'Accept-Language': 'en-US,en;q=0.9', 'Accept-Encoding': 'gzip, deflate, br, zstd',
  'Cache-Control': 'no-cache', Referer: 'https://tickets.example/events/42', 'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Mode': 'cors', 'Sec-Fetch-Dest': 'empty',
  'Sec-CH-UA': '"Chromium";v="126"', 'Sec-CH-UA-Mobile': '?0', 'Sec-CH-UA-Platform': '"Linux"', 'X-Requested-With': 'XMLHttpRequest',
};
const loads = [
  { name: 'GET small', path: '/small' },
  { name: 'GET browser', path: '/small', headers: browser },
  { name: 'POST 300 B', path: '/small', body: 300 },
  { name: 'GET 1 MiB', path: '/large' },
  { name: 'POST 1 MiB', path: '/small', body: 1 << 20 },
];

function measure(c, load) {
  const script = join(dir, 'wrk.lua');
  const headers = { Authorization: `Bearer ${person.token}`, ...load.headers };
  writeFileSync(script, `wrk.method = "${load.body ? 'POST' : 'GET'}"\n` +
    Object.entries(headers).map(([name, value]) => `wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}\n`).join('') +
    (load.body ? `wrk.body = string.rep("x", ${load.body})\n` : ''));
  const before = c.pid ? cpu(c.pid) : 0;
  const r = spawnSync('wrk', ['-t2', `-c${connections}`, `-d${seconds}s`, '--latency', '-s', script, c.url + load.path], { encoding: 'utf8' });
  if (r.status !== 0) throw new Error(`wrk: ${r.error ?? r.stderr}`);
  const n = Number(/(\d+) requests in/.exec(r.stdout)[1]), wrong = Number(/Non-2xx or 3xx responses: (\d+)/.exec(r.stdout)?.[1] ?? 0);
  const ms = (p) => { const m = new RegExp(`${p}%\\s+([\\d.]+)(us|ms|s)`).exec(r.stdout); return Number(m[1]) * { us: 0.001, ms: 1, s: 1000 }[m[2]]; };
  return { rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(r.stdout)[1]), p50: ms(50), p99: ms(99), us: c.pid ? (cpu(c.pid) - before) / n : 0, wrong };
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
console.log(`conditions ${cpus().length} cores of ${cpus()[0].model.trim()}, Linux ${release()}; upstream, proxies and wrk -t2 -c${connections} on them, loopback, no TLS`);
console.log(`           ${rounds} rounds of ${seconds} s each, interleaved; ours verifies a token and sends a service token; nobody writes a log line`);
for (const load of loads) {
  const got = contestants.map(() => []);
  for (let round = 0; round < rounds; round++)
    for (const i of contestants.keys()) got[i].push(measure(contestants[(i + round) % contestants.length], load)), got[i].at(-1).who = (i + round) % contestants.length;
  const all = got.flat(), of = (i, k) => all.filter((m) => m.who === i).map((m) => m[k]);
  for (const [i, c] of contestants.entries()) {
    const rates = of(i, 'rate');
    console.log(`${load.name.padEnd(11)} ${c.name.padEnd(12)} ${median(rates).toFixed(0).padStart(7)}/s [${Math.min(...rates).toFixed(0)}-${Math.max(...rates).toFixed(0)}]` +
      `  p50 ${median(of(i, 'p50')).toFixed(2)} ms  p99 ${median(of(i, 'p99')).toFixed(2)} ms${c.pid ? `  ${median(of(i, 'us')).toFixed(1)} us CPU` : ''}${of(i, 'wrong').some((n) => n > 0) ? '  WRONG ANSWERS' : ''}`);
  }
  const rate = (name) => median(of(contestants.findIndex((c) => c.name === name), 'rate'));
  console.log(`${load.name.padEnd(11)} ours / nginx ${(rate('tickettoken') / rate('nginx')).toFixed(2)}, ours / haproxy ${(rate('tickettoken') / rate('haproxy')).toFixed(2)}`);
}
await server.close();
process.exit(0);
