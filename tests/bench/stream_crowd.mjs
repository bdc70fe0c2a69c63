// stream_crowd.mjs - what streams.mjs measures with: memory and processor of processes, a
// crowd that listens (streams.c), the time until all of it has heard something.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, sleep } from '../api/harness.mjs';
import { run, work } from './stream_servers.mjs';

export const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

// A process and its children.
function family(pid) {
  const all = readdirSync('/proc').filter((n) => /^\d+$/.test(n)).map((n) => {
    try {
      const f = readFileSync(`/proc/${n}/stat`, 'utf8').replace(/\(.*\)/, 'x').split(' ').map(Number);
      return { pid: Number(n), parent: f[3], ticks: f[13] + f[14] };
    } catch { return null; }
  }).filter(Boolean);
  const mine = new Map(all.filter((p) => p.pid === pid).map((p) => [pid, p]));
  for (let size = 0; size !== mine.size;) { size = mine.size; for (const p of all) if (mine.has(p.parent)) mine.set(p.pid, p); }
  return [...mine.values()];
}
export const cpuUs = (pids) => pids.flatMap(family).reduce((n, p) => n + p.ticks * 10_000, 0);
const rollup = (pid) => { try { return 1024 * Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]); } catch { return 0; } };
export const pss = (pids) => pids.flatMap(family).reduce((n, p) => n + rollup(p.pid), 0);

// What the kernel holds for all sockets of this machine.
export const kernel = () => 4096 * Number(/^TCP:.* mem (\d+)/m.exec(readFileSync('/proc/net/sockstat', 'utf8'))[1]);

let files = 0;
export class Crowd {
  async open(server, node, n, slow = 0) {
    Object.assign(this, { n, lines: [], waiting: [] });
    const lines = await server.headers(n), file = join(work, `headers-${files++}`);
    if (lines.length > 0) writeFileSync(file, lines.join('\n') + '\n');
    this.child = run(join(root, 'build/bench/streams'), [node.port, n, slow, ...(lines.length > 0 ? [file] : [])].map(String),
      { env: { ...process.env, STREAM_PATH: server.path, STREAM_RUSH: String(server.rush ?? 64) } });
    let text = '';
    this.child.stdout.on('data', (d) => { const parts = (text + d).split('\n'); text = parts.pop(); for (const l of parts) { const w = this.waiting.shift(); w ? w.done(l) : this.lines.push(l); } });
    this.child.on('exit', (code) => { this.gone = new Error(`the crowd went: ${code}`); for (const w of this.waiting) w.no(this.gone); });
    this.child.stdin.on('error', () => {});
    await this.line();
    return this;
  }

  line() {
    if (this.lines.length > 0) return Promise.resolve(this.lines.shift());
    return this.gone ? Promise.reject(this.gone) : new Promise((done, no) => this.waiting.push({ done, no }));
  }

  async ready(k) { this.child.stdin.write(`hear ${k}\n`); await this.line(); }

  async heard() { return (await this.line()).split(' ').map(Number); }

  async lost() { this.child.stdin.write('lost\n'); return Number(await this.line()); }

  async close() { this.child.stdin.end('end\n'); await this.child.ended; }
}

export const crowds = (server, n, slow) => Promise.all(server.nodes.map((node) => new Crowd().open(server, node, n, slow)));

// Milliseconds until all have heard `k` events that `publish` sends.
export async function hear(all, k, publish) {
  await Promise.all(all.map((c) => c.ready(k)));
  const from = Number(process.hrtime.bigint());
  const [heard] = await Promise.all([Promise.all(all.map((c) => c.heard())), publish()]);
  return (Math.max(...heard.map((h) => h[1])) - from) / 1e6;
}

export async function times(count, what) {
  const got = [];
  for (let i = 0; i < count; i++) got.push(await what());
  return got;
}

export const p99 = (server, seconds) => new Promise((done) => {
  if (!server.health) return done('-');
  const child = run('wrk', ['-t1', '-c4', `-d${seconds}s`, '--latency', `http://127.0.0.1:${server.nodes[0].port}${server.health}`]);
  let out = '';
  child.stdout.on('data', (d) => { out += d; });
  child.on('error', () => done('no wrk'));
  child.on('close', () => done(/99%\s+(\S+)/.exec(out)?.[1] ?? '-'));
});

// One contestant, whole. What the first streams of a process make once (threads, log, caches)
// is made by a small crowd before memory is read.
export async function contest(server, n, rounds = 7) {
  const pids = server.nodes.flatMap((s) => s.pids), total = n * server.nodes.length;
  for (const c of await crowds(server, 100)) await c.close();
  await sleep(300);
  const before = pss(pids), opened = process.hrtime.bigint();
  const all = await crowds(server, n);
  const rate = total / (Number(process.hrtime.bigint() - opened) / 1e9);
  await sleep(1000);
  const memory = (pss(pids) - before) / total;
  const send = (k) => hear(all, k, () => server.publish(k));
  await send(1);
  const one = median(await times(rounds, () => send(1))), cpu = cpuUs(pids);
  const burst = median(await times(rounds, async () => 50 * total / (await send(50) / 1000)));
  const each = (cpuUs(pids) - cpu) / (rounds * 50 * total);
  const asking = p99(server, 3), end = Date.now() + 2500;
  while (Date.now() < end) await send(50);
  const health = await asking;
  let lost = 0;
  for (const c of all) { lost += await c.lost(); await c.close(); }
  return { memory, rate, one, burst, cpu: each, health, lost };
}
