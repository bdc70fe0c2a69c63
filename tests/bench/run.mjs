// run.mjs - make bench: the on-sale of one event, and the floor under it. Prints figures
// with their conditions; judges nothing.
//
//   node run.mjs [HOLDS] [CONNECTIONS]
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, start } from '../api/harness.mjs';

const holds = Number(process.argv[2] ?? 30_000), connections = Number(process.argv[3] ?? 128), rounds = 3;
const build = join(root, 'build');
const say = (text) => process.stdout.write(text.endsWith('\n') ? text : text + '\n');
const sql = (dir, text) => execFileSync('sqlite3', ['-readonly', join(dir, 'tickettoken.db'), text], { encoding: 'utf8' }).trim();

say(`conditions ${cpus().length} cores of ${cpus()[0].model.trim()}, Linux ${release()}, load generator on the same machine`);
say('           SQLite, WAL, synchronous=FULL, one commit for all that wait; loopback, no TLS');

// ---- the floor ------------------------------------------------------------------

const server = await start({ CLOCK: 'system', LOG_LEVEL: 'warn' });
server.now = async () => Date.now();
const wrk = (path) => {
  const r = spawnSync('wrk', ['-t2', `-c${connections}`, '-d5s', server.url + path], { encoding: 'utf8' });
  return r.status === 0 ? Number(/Requests\/sec:\s+([\d.]+)/.exec(r.stdout)[1]).toFixed(0) : `no wrk: ${r.error ?? r.stderr}`;
};
say(`/health    ${wrk('/health')} requests/s, answered on the io thread (wrk -t2 -c${connections})`);
say(`pool       ${wrk('/.well-known/jwks.json')} requests/s handed to a worker and back, with guard, headers and log line`);

// ---- the sale -------------------------------------------------------------------

const organiser = await server.organiser();
const sale = await server.sale({ quantity: 1_000_000, organiser, priceCents: 5000 });
const cpu = () => { const f = readFileSync(`/proc/${server.child.pid}/stat`, 'utf8').split(' '); return (Number(f[13]) + Number(f[14])) * 10_000; };
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const rates = { first: [], seen: [] };
for (let round = 1; round <= rounds; round++)
  for (const tokens of ['first', 'seen']) {
    const before = cpu();
    const out = spawnSync(join(build, 'bench/onsale'), [server.port, server.dir, `${sale.event.id}:${sale.type.id}`, holds, connections,
      ...(tokens === 'seen' ? ['seen'] : [])].map(String), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).stdout;
    rates[tokens].push(Number(/rate +(\d+)/.exec(out)[1]));
    say(`-- round ${round}, each token ${tokens === 'seen' ? 'seen once before (the crowd looked at the sale and waits)' : 'seen for the first time (its signature is checked)'}`);
    say(out);
    if (tokens === 'first') say(`server     ${((cpu() - before) / holds).toFixed(0)} us CPU a hold`);
  }
const [t] = await server.types(sale.event);
const active = Number(sql(server.dir, "SELECT coalesce(sum(quantity), 0) FROM hold WHERE status = 'ACTIVE'"));
say(`oversold   ${Math.max(0, t.held + t.sold - t.quantity)}`);
say(`stranded   ${t.held - active} (held without a hold that holds it)`);
await server.close();

// ---- the ceiling ----------------------------------------------------------------

const dir = mkdtempSync(join(tmpdir(), 'tickettoken-ceiling-')), ceilings = [];
execFileSync(join(build, 'tickettoken'), ['migrate', '--data', dir], { env: { ...process.env, NODE_ENV: 'test' }, stdio: 'ignore' });
for (let round = 1; round <= rounds; round++) {
  const out = execFileSync(join(build, 'bench/ceiling'), [join(dir, 'tickettoken.db'), String(holds)], { encoding: 'utf8' });
  ceilings.push(Number(/ceiling +(\d+)/.exec(out)[1]));
  say(out);
}
rmSync(dir, { recursive: true, force: true });
const ceiling = median(ceilings);
say(`medians    ${median(rates.first)} holds/s with unseen tokens, ${median(rates.seen)} with seen ones, ceiling ${ceiling}:`);
say(`           ${(median(rates.first) / ceiling).toFixed(2)} and ${(median(rates.seen) / ceiling).toFixed(2)} of it`);
