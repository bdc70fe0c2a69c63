// soak.mjs - make soak: a crowd that comes and goes for MINUTES (30), among it slow readers,
// tokens that never were and people who come back after much; prints the server's memory as it
// goes. Sales alone come first, until the database is larger than all that the server keeps
// of it (52 MiB of SQLite's page caches) and the log of frames is full. From then on memory
// should be flat, while the database and what a visitor asks for keep growing.
//
//   [CROWD=400] [PAUSE=20] [FILL=80] node soak.mjs [MINUTES]
//   PAUSE: milliseconds between two holds; FILL: megabytes of database before the crowd comes
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { join } from 'node:path';
import { sleep, start } from '../api/harness.mjs';

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));
const minutes = Number(process.argv[2] ?? 30), crowd = Number(process.env.CROWD ?? 400), pause = Number(process.env.PAUSE ?? 20);
const fill = Number(process.env.FILL ?? 80);
const s = await start({ CLOCK: 'system', LOG_LEVEL: 'error', SSE_MAX_PER_USER: '50', SSE_MAX_LIFETIME: '30s', JWT_ACCESS_EXPIRES_IN: '12h' });
s.now = async () => Date.now();
const organiser = await s.organiser(), sale = await s.sale({ organiser, quantity: 1_000_000, maxPerPurchase: 10 });
const people = await Promise.all(Array.from({ length: 20 }, () => s.register()));
let end = Infinity;
const any = (list) => list[Math.floor(Math.random() * list.length)];
const count = { visits: 0, events: 0, slow: 0, floods: 0, sold: 0 };
const going = () => Date.now() < end;
const proc = (name) => readFileSync(`/proc/${s.child.pid}/${name}`, 'utf8');
const pss = () => Number(/^Pss:\s+(\d+)/m.exec(proc('smaps_rollup'))[1]) / 1024;
const anonymous = () => Number(/^Anonymous:\s+(\d+)/m.exec(proc('smaps_rollup'))[1]) / 1024;
const database = () => statSync(join(s.dir, 'tickettoken.db')).size / 1048576;
const threads = () => Number(/^Threads:\s+(\d+)/m.exec(proc('status'))[1]);
const files = () => readdirSync(`/proc/${s.child.pid}/fd`).length;

// One listener after the other: up to five seconds, then away without a word.
async function visitor() {
  const last = Math.random() < 0.3 ? '&lastEventId=1' : '';
  while (going()) await new Promise((done) => {
    const q = http.get(`${s.url}/events/stream?topics=event:${sale.event.id}${last}`, { headers: { authorization: `Bearer ${any(people).token}` } }, (r) => {
      if (r.statusCode !== 200) throw new Error(`a visitor got ${r.statusCode}`);
      count.visits++;
      r.on('data', (d) => { count.events += d.toString().split('\nevent: ').length - 1; });
      r.on('error', () => {}).on('close', done);
      setTimeout(() => q.destroy(), 5000 * Math.random());
    });
    q.on('error', done);
  });
}

// Asks for everything since the first event and reads nothing of it.
async function slow() {
  while (going()) {
    const c = net.connect(s.port, '127.0.0.1', () => c.write(`GET /events/stream?lastEventId=1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${any(people).token}\r\n\r\n`));
    c.on('error', () => {}).pause();
    count.slow++;
    await sleep(10_000 * Math.random());
    c.destroy();
  }
}

async function flood() {
  while (going()) {
    await Promise.all(Array.from({ length: 20 }, () => s.api('GET', `/events/stream?token=${randomUUID()}`)));
    count.floods += 20;
    await sleep(200);
  }
}

async function buy(until, rest) {
  while (!until()) {
    const buyer = any(people), r = await s.hold(buyer, sale);
    if (r.status === 201) count.sold++;
    await s.api('DELETE', `/api/v1/tickets/reservations/${r.body?.reservation?.id}`, { token: buyer.token });
    if (rest > 0) await sleep(rest);
  }
}

await Promise.all(Array.from({ length: 50 }, () => buy(() => database() >= fill, 0)));
console.log(`filled: database ${database().toFixed(1)} MB, ${count.sold} holds, PSS ${pss().toFixed(1)} MB, ${anonymous().toFixed(1)} of it not files`);
end = Date.now() + minutes * 60_000;
const work = [...Array.from({ length: crowd }, visitor), ...Array.from({ length: 20 }, slow), flood(), buy(() => !going(), pause), buy(() => !going(), pause)];
const from = Date.now(), every = Math.max(10_000, minutes * 60_000 / 30);
while (going()) {
  await sleep(Math.min(every, end - Date.now() + 1));
  console.log(`${((Date.now() - from) / 1000).toFixed(0).padStart(5)} s  PSS ${pss().toFixed(1).padStart(6)} MB, ${anonymous().toFixed(1).padStart(6)} of it not files  database ${database().toFixed(1).padStart(5)} MB  threads ${threads()}  files ${String(files()).padStart(4)}  visits ${count.visits}  events heard ${count.events}  slow ${count.slow}  bad tokens ${count.floods}  holds ${count.sold}`);
}
await Promise.all(work);
await sleep(1000);
console.log(`after all have left: PSS ${pss().toFixed(1)} MB, ${anonymous().toFixed(1)} of it not files, files ${files()}`);
await s.close();
