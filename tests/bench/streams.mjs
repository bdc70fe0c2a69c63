// streams.mjs - make bench-streams: how many streams a node holds, what one costs, how fast
// an event reaches all of them; in turns with nchan (nginx) and pushpin. Prints figures with
// their conditions; judges nothing.
//
//   [WITHOUT="pushpin 19000 two abuse idle"] node streams.mjs [COUNT] [ROUNDS]
import { readFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { abuse } from './stream_abuse.mjs';
import { contest } from './stream_crowd.mjs';
import { idle } from './stream_idle.mjs';
import { floor, nchan, pushpin, twoNodes, whole } from './stream_servers.mjs';

const count = Number(process.argv[2] ?? 10_000), rounds = Number(process.argv[3] ?? 2);
const without = (process.env.WITHOUT ?? '').split(/[ ,]+/);
const say = (text) => process.stdout.write(text + '\n');
const wide = (n, digits = 0, room = 6) => n.toFixed(digits).padStart(room);

// Nobody holds the others up: the run is to end within ten minutes.
const late = (seconds) => new Promise((_, no) => setTimeout(() => no(new Error(`not done after ${seconds} s`)), seconds * 1000).unref());

async function line(open, n) {
  let server;
  try {
    if (!(server = await open())) return say(`${open.name}: not installed`);
    const total = n * server.nodes.length, r = await Promise.race([contest(server, n), late(75)]);
    say(`${server.name.padEnd(20)} ${wide(total)} streams ${wide(r.memory)} B each  opened ${wide(r.rate)}/s  one to all ${wide(r.one, 0, 5)} ms`
      + `  burst ${wide(r.burst / 1000, 0, 5)} k/s  ${wide(r.cpu, 2, 5)} us CPU each  /health p99 ${r.health}${r.lost ? `  ended by it: ${r.lost}` : ''}`);
  } catch (e) {
    say(`${open.name}, ${n} streams: ${e.message}`);
  } finally {
    await server?.close();
  }
}

say(`conditions ${cpus().length} cores of ${cpus()[0].model.trim()}, Linux ${release()}, load ${readFileSync('/proc/loadavg', 'utf8').split(' ')[0]}; the crowd is on the same cores`);
say('           200-byte events, each stream of TicketToken of a person of its own (TABS=5: five of each); PSS of all the server’s processes;');
say('           a burst is 50 events, sent at once; TicketToken writes each down first; medians of 7; loopback, no TLS;\n           two nodes: on PostgreSQL, Redis and NATS, whose processor and memory are not counted');

async function each(n) {
  for (const open of [whole, floor, nchan, pushpin])
    if (!without.includes(open.name)) await line(open, n);
}

for (let round = 1; round <= rounds; round++) await each(count);
if (!without.includes('19000')) await each(Math.min(19_000, 2 * count));
if (!without.includes('two')) await line(twoNodes, Math.min(19_000, 2 * count));
if (!without.includes('idle')) await idle(count / 5, say);
if (!without.includes('abuse')) {
  say('abuse      (the log of frames holds 32 MiB, once for all streams; it fills in the first flood)');
  await abuse(count, say);
}
process.exit(0);
