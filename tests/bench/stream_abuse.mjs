// stream_abuse.mjs - what streams.mjs does to a server that it should not mind: readers who
// never read, a crowd that goes without a word, tokens that never were, heads that dribble.
import net from 'node:net';
import { sleep } from '../api/harness.mjs';
import { crowds, hear, kernel, median, p99, pss, times } from './stream_crowd.mjs';
import { nchan, run, whole } from './stream_servers.mjs';

const MB = 1 << 20, big = '~' + 'x'.repeat(8191);
const more = (n) => `${n < 0 ? '-' : '+'}${Math.abs(n / MB).toFixed(0)}`;
const ms = (n) => `${n.toFixed(0)} ms`;
const pidsOf = (server) => server.nodes.flatMap((n) => n.pids);

// One event, and 100 of 8 KiB, to who reads.
async function reach(server, all) {
  const one = async () => median(await times(7, () => hear(all, 1, () => server.publish(1))));
  await one();
  const before = await one(), memory = pss(pidsOf(server)), sockets = kernel();
  const floods = await times(2, () => hear(all, 100, () => server.publish(100, big)));
  return { one: before, flood: Math.min(...floods), after: await one(), grown: pss(pidsOf(server)) - memory, sockets: kernel() - sockets };
}

// Twice 100 events of 8 KiB are 1.6 MB for each who doesn't read them.
async function slowReaders(server, count, say) {
  const slow = count / 10, turns = [];
  for (const slowly of [0, slow]) {
    const all = await crowds(server, count - slow + slowly, slowly);
    turns.push(await reach(server, all));
    for (const c of all) await c.close();
    await sleep(500);
  }
  const [alone, among] = turns;
  say(`${server.name}: ${count - slow} read alone | with ${slow} who never read: one event ${ms(alone.one)} | ${ms(among.one)} (${ms(among.after)} after), 100 of 8 KiB ${ms(alone.flood)} | ${ms(among.flood)},`
    + ` memory ${more(alone.grown)} | ${more(among.grown)} MB, the kernel's for sockets ${more(alone.sockets)} | ${more(among.sockets)} MB`);
}

const active = async (server) => Number(/^sse_connections_active (\d+)/m.exec((await server.server.api('GET', '/metrics', { token: server.chief.token, headers: { accept: 'text/plain' } })).text)?.[1]);

// All of a crowd is killed at one instant.
async function departure(server, count, say) {
  const all = await crowds(server, count);
  if (await active(server) !== count) throw new Error(`${await active(server)} streams are counted, not ${count}`);
  const from = Date.now();
  all[0].child.kill('SIGKILL');
  await all[0].child.ended;
  const dead = Date.now();
  while (await active(server) > 0) if (Date.now() > from + 20_000) throw new Error('the departed are still counted');
  say(`${server.name}: ${count} streams whose process was killed: all closed by the kernel after ${ms(dead - from)}, none counted after ${ms(Date.now() - from)}`);
}

// While `load` runs: what others feel of it.
async function meanwhile(server, count, load) {
  const all = await crowds(server, count), memory = pss(pidsOf(server));
  const quiet = median(await times(7, () => hear(all, 1, () => server.publish(1))));
  const health = await p99(server, 2), going = load();
  await sleep(500);
  const busyHealth = p99(server, 3), one = [];
  for (const end = Date.now() + 3000; Date.now() < end;) one.push(await hear(all, 1, () => server.publish(1)));
  const felt = `one event to ${count} ${ms(quiet)} before, ${ms(median(one))} meanwhile; /health p99 ${health} before, ${await busyHealth} meanwhile`;
  const did = await going;
  const text = `${felt}; memory ${more(pss(pidsOf(server)) - memory)} MB; ${did}`;
  for (const c of all) await c.close();
  return text;
}

const badTokens = (server) => () => new Promise((done) => {
  const child = run('wrk', ['-t1', '-c16', '-d4s', `http://127.0.0.1:${server.nodes[0].port}/events/stream?token=${'0'.repeat(43)}`]);
  let out = '';
  child.stdout.on('data', (d) => { out += d; });
  child.on('close', () => done(`${Number(/Requests\/sec:\s+(\S+)/.exec(out)[1]).toFixed(0)} bad tokens/s answered, ${/Non-2xx or 3xx responses: (\d+)/.exec(out)?.[1] ?? 0} refused`));
});

// Each says a byte of a header that never ends every 200 ms.
const dribble = (server, count) => () => new Promise((done) => {
  let shut = 0, told = 0, timer;
  const open = Array.from({ length: count }, () => {
    const c = net.connect(server.nodes[0].port, '127.0.0.1', () => c.write('GET /health HTTP/1.1\r\nHost: a\r\nX-Long: '));
    return c.on('data', (d) => { told += String(d).includes(' 408 '); }).on('error', () => {}).on('close', () => { if (++shut === count) { clearInterval(timer); done(`${count} dribbling heads: ${told} told 408, all closed`); } });
  });
  timer = setInterval(() => { for (const c of open) if (!c.destroyed) c.write('x'); }, 200);
});

export async function abuse(count, say) {
  for (const open of [whole, nchan]) {
    let server;
    try {
      if (!(server = await open())) continue;
      await slowReaders(server, server.server ? count : count / 5, say);     // nchan needs 25 s for such a flood
      if (!server.server) continue;
      await departure(server, count, say);
      say(`${server.name}, tokens that never were: ${await meanwhile(server, count / 5, badTokens(server))}`);
      say(`${server.name}, slow heads: ${await meanwhile(server, count / 5, dribble(server, count / 5))}`);
    } catch (e) { say(`abuse of ${server?.name}: ${e.stack}`); }
    finally { await server?.close(); }
  }
}
