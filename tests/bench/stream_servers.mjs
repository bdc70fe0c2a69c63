// stream_servers.mjs - who is measured by streams.mjs: TicketToken whole, on one node and on
// two, its net alone, nchan and pushpin. Each is {name, nodes: [{port, pids}], path, health,
// headers(n), publish(n, body), close()}: `publish` sends n events to every stream.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crowd } from '../api/crowd.mjs';
import { root, Server, sleep, TENANT } from '../api/harness.mjs';

export const work = mkdtempSync(join(tmpdir(), 'tickettoken-streams-'));
export const PAYLOAD = '~' + 'x'.repeat(199);

const children = new Set();
export function run(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], ...options });
  children.add(child);
  child.on('exit', () => children.delete(child));
  child.ended = new Promise((done) => child.on('close', done));
  return child;
}
process.on('exit', () => { for (const c of children) c.kill('SIGKILL'); rmSync(work, { recursive: true, force: true, maxRetries: 5 }); });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));
const ended = async (child) => { child.kill(); await child.ended; };

export const freePort = () => new Promise((done) => { const s = net.createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => done(port)); }); });
const ask = (port, path) => new Promise((done) => http.get({ host: '127.0.0.1', port, path }, (r) => { r.destroy(); done(r.statusCode); }).on('error', () => done(0)));
async function ready(port, path = '/health') {
  for (let i = 0, status; i < 200; i++, await sleep(50)) if ((status = await ask(port, path)) === 200) return;
  throw new Error(`no 200 from ${path} at ${port}`);
}

const post = (path, body, more = '', type = 'text/plain') =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: ${type}\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`;

// Many requests in one write, so that the publisher doesn't wait for the fan-out; resolves
// when all are answered.
const pipeline = (port, requests) => new Promise((done, no) => {
  const s = net.connect(port, '127.0.0.1', () => s.write(requests.join('')));
  let n = 0, rest = '';
  s.on('error', no).on('data', (d) => {
    const text = rest + d, answers = [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)];
    const last = answers.at(-1);
    rest = last ? text.slice(last.index + last[0].length).slice(-12) : text.slice(-12);
    if (answers.some((a) => a[1] >= '300')) no(new Error(text.slice(0, 600)));
    if ((n += answers.length) >= requests.length) { s.destroy(); done(); }
  });
});

// ---- TicketToken -----------------------------------------------------------------

class Whole extends Server {
  cli(args, { env, ...more } = {}) { return super.cli(args, { ...more, env: { ...(this.engines ? this.env : {}), ...env } }); }
  now() { return Date.now(); }
}

// How many streams a person has.
const TABS = Number(process.env.TABS ?? 1);
const SETTINGS = { CLOCK: 'system', LOG_LEVEL: 'warn', CONNECTIONS_MAX: '19500', CONNECTIONS_PER_ADDRESS: '0', SSE_MAX_LIFETIME: '1h', JWT_ACCESS_EXPIRES_IN: '1h' };
const data = (body) => `{"t":"${body.slice(0, body.length - 8)}"}`;

// A server with an event that everybody watches. An event of the world is a batch of messages
// that another service publishes: written down before it is answered, relayed, then told.
async function product(name, two, more = {}) {
  const dir = mkdtempSync(join(work, 'node-')), s = new Whole(dir, { ...SETTINGS, ...more });
  if (two) await s.joinNodes();
  await s.open();
  const [chief, sale] = [await s.somebody('super-admin'), await s.sale()];
  const topic = `event:${sale.event.id}`, auth = `Authorization: Bearer ${chief.token}\r\n`;
  const batch = (n, body) => `{"tenantId":"${TENANT}","events":[${Array(n).fill(`{"type":"news","topic":"${topic}","data":${data(body)}}`)}]}`;
  return { name, server: s, path: `/events/stream?topics=${topic}`, health: '/health', chief,
    nodes: s.nodes.map((n) => ({ port: n.port, pids: [n.child.pid] })),
    headers: async (n) => (await crowd(s, Math.ceil(n / TABS))).map((p) => `Authorization: Bearer ${p.token}`),
    publish: (n, body = PAYLOAD) => {
      const each = Math.max(1, Math.min(n, Math.floor(900_000 / (body.length + 120)), 100)), requests = [];
      for (let left = n; left > 0; left -= each) requests.push(post('/internal/events/batch', batch(Math.min(each, left), body), auth, 'application/json'));
      return pipeline(s.nodes[0].port, requests);
    },
    close: () => s.close() };
}

export const whole = () => product('TicketToken', false);
export const wholeWith = (more) => product('TicketToken', false, more);   // settings
export const twoNodes = () => product('TicketToken, 2 nodes', true);

// Streams without people, sales or a database.
export async function floor() {
  const port = await freePort(), child = run(join(root, 'build/bench/net_bench'), [String(port), '4']);
  await ready(port);
  return { name: 'its net alone', nodes: [{ port, pids: [child.pid] }], path: '/stream', health: '/health', headers: () => [],
    publish: (n, body = PAYLOAD) => pipeline(port, [post(`/publish?times=${n}`, body)]), close: () => ended(child) };
}

// ---- the others ------------------------------------------------------------------

export async function nchan() {
  const module = '/usr/lib/nginx/modules/ngx_nchan_module.so', port = await freePort(), dir = mkdtempSync(join(work, 'nginx-'));
  if (!existsSync(module)) return null;
  const temps = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((n) => `${n}_temp_path ${dir};`).join(' ');
  writeFileSync(join(dir, 'nginx.conf'), `load_module ${module}; worker_processes 2; worker_rlimit_nofile 20000; daemon off; pid ${dir}/pid; error_log stderr crit;
    events { worker_connections 19900; }
    http { access_log off; nchan_shared_memory_size 256M; ${temps} keepalive_requests 1000000;
      server { listen 127.0.0.1:${port} reuseport; location /health { return 200; }
        location /stream { nchan_subscriber eventsource; nchan_channel_id all; nchan_eventsource_ping_interval 0; }
        location /publish { nchan_publisher; nchan_channel_id all; nchan_message_buffer_length 100; } } }\n`);
  const child = run('/usr/sbin/nginx', ['-c', join(dir, 'nginx.conf'), '-p', dir]);
  await ready(port);
  return { name: 'nchan', nodes: [{ port, pids: [child.pid] }], path: '/stream', health: '/health', headers: () => [],
    publish: (n, body = PAYLOAD) => pipeline(port, Array.from({ length: n }, () => post('/publish', body))), close: () => ended(child) };
}

// What Debian's pushpin forwards with is zurl, a daemon of its own under another user; without
// it every request is 502. Here it gets its own. Of 64 requests at a time it refuses one in
// twenty ("message out of sequence"), of 8 hardly any; its control port takes no second
// request before it has answered, so a burst is one request of many items.
const IPC = (dir, name) => `ipc://${dir}/run/${name}`;
function pushpinFiles(dir, own, ports) {
  for (const d of ['run', 'log']) mkdirSync(join(dir, d));
  writeFileSync(join(dir, 'routes'), `* 127.0.0.1:${own}\n`);
  writeFileSync(join(dir, 'zurl.conf'), `[General]\nin_spec=${IPC(dir, 'zurl-in')}\nin_stream_spec=${IPC(dir, 'zurl-in-stream')}\nout_spec=${IPC(dir, 'zurl-out')}
in_req_spec=${IPC(dir, 'zurl-req')}\ndefpolicy=allow\nallow=\ndeny=\nmax_open_requests=20000\nbuffer_size=200000\ntimeout=600\nin_hwm=20000\nout_hwm=20000\n`);
  const set = { http_port: `127.0.0.1:${ports.http}`, rundir: join(dir, 'run'), logdir: join(dir, 'log'), routesfile: join(dir, 'routes'),
    push_in_http_port: ports.control, push_in_http_addr: '127.0.0.1', message_rate: 100000000, message_hwm: 10000000, client_maxconn: 19000, log_level: 0,
    push_in_spec: IPC(dir, 'in'), push_in_sub_specs: IPC(dir, 'sub'), command_spec: IPC(dir, 'cmd') };
  let conf = readFileSync('/etc/pushpin/pushpin.conf', 'utf8').replace('include={libdir}/internal.conf\n', '');
  for (const [k, v] of Object.entries(set)) conf = conf.replace(new RegExp(`^#? ?${k}=.*$`, 'm'), `${k}=${v}`);
  const internal = readFileSync('/usr/lib/pushpin/internal.conf', 'utf8').replaceAll('/var/run/zurl/', `${dir}/run/`);
  writeFileSync(join(dir, 'internal.conf'), internal);
  writeFileSync(join(dir, 'pushpin.conf'), conf.replace('[global]\n', `[global]\ninclude=${dir}/internal.conf\n`));
}

export async function pushpin() {
  if (!existsSync('/usr/bin/pushpin') || !existsSync('/usr/bin/zurl')) return null;
  const [httpPort, control, own] = await Promise.all([freePort(), freePort(), freePort()]);
  const dir = mkdtempSync('/tmp/pp-');            // names of its sockets may not be long
  const origin = http.createServer((_, a) => {
    a.writeHead(200, { 'content-type': 'text/event-stream', 'grip-hold': 'stream', 'grip-channel': 'all' });
    a.end(': hello\n\n');
  }).listen(own, '127.0.0.1', 4096);
  pushpinFiles(dir, own, { http: httpPort, control });
  const quiet = { stdio: ['ignore', 'ignore', 'ignore'] };
  const zurl = run('/usr/bin/zurl', [`--config=${dir}/zurl.conf`, '--loglevel=0'], quiet);
  const child = run('/usr/bin/pushpin', ['--config', join(dir, 'pushpin.conf')], quiet);
  const close = async () => { await ended(child); await ended(zurl); origin.closeAllConnections(); origin.close(); rmSync(dir, { recursive: true, force: true }); };
  try { await ready(httpPort, '/stream'); } catch (e) { await close(); throw e; }
  const item = (body) => ({ channel: 'all', formats: { 'http-stream': { content: `data: ${body}\n\n` } } });
  return { name: 'pushpin', nodes: [{ port: httpPort, pids: [child.pid, zurl.pid] }], path: '/stream', health: null, headers: () => [], rush: 8,
    publish: (n, body = PAYLOAD) => pipeline(control, [post('/publish/', JSON.stringify({ items: Array(n).fill(item(body)) }))]), close };
}
