// run.mjs - make bench: the on-sale of one event, and the floor under it. Prints figures
// with their conditions; judges nothing.
//
//   node run.mjs [HOLDS] [CONNECTIONS]
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, start } from '../api/harness.mjs';

const holds = Number(process.argv[2] ?? 100_000), connections = Number(process.argv[3] ?? 128);
const build = join(root, 'build');
const say = (text) => process.stdout.write(text.endsWith('\n') ? text : text + '\n');
const sql = (dir, text) => execFileSync('sqlite3', ['-readonly', join(dir, 'tickettoken.db'), text], { encoding: 'utf8' }).trim();

say(`conditions ${cpus().length} cores of ${cpus()[0].model.trim()}, Linux ${release()}, load generator on the same machine`);
say('           SQLite, WAL, synchronous=FULL, one commit for all that wait; loopback, no TLS');

// ---- the floor ------------------------------------------------------------------

const server = await start({ NODE_ENV: 'test', CLOCK: 'system', LOG_LEVEL: 'warn', WORKERS: process.env.WORKERS ?? '128' });
server.now = async () => Date.now();
const wrk = (path, script) => {
  const r = spawnSync('wrk', ['-t2', `-c${connections}`, '-d5s', ...(script ? ['-s', script] : []), server.url + path], { encoding: 'utf8' });
  return r.status === 0 ? /Requests\/sec:\s+([\d.]+)/.exec(r.stdout)[1] : `wrk: ${r.stderr ?? r.error}`;
};
say(`/health    ${wrk('/health')} requests/s (answered on the io thread)`);
say(`pool       ${wrk('/api/v1/nothing-here')} requests/s through the worker pool (a 404 with its problem document)`);

// ---- the sale -------------------------------------------------------------------

const organiser = await server.organiser();
const sale = await server.sale({ quantity: 1_000_000, organiser, priceCents: 5000 });
const cpu = () => { const f = readFileSync(`/proc/${server.child.pid}/stat`, 'utf8').split(' '); return (Number(f[13]) + Number(f[14])) * 10; };
for (let round = 1; round <= 3; round++) {
  const before = cpu();
  say(`-- round ${round}`);
  say(spawnSync(join(build, 'bench/onsale'), [server.port, server.dir, sale.event.id, sale.type.id, holds, connections].map(String),
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).stdout);
  say(`server     ${((cpu() - before) * 1000 / holds).toFixed(0)} us CPU a hold`);
}
const [t] = await server.types(sale.event);
const active = Number(sql(server.dir, "SELECT coalesce(sum(quantity), 0) FROM hold WHERE status = 'ACTIVE'"));
say(`oversold   ${Math.max(0, t.held + t.sold - t.quantity)}`);
say(`stranded   ${t.held - active} (held without a hold that holds it)`);
await server.close();

// ---- the ceiling ----------------------------------------------------------------

const dir = mkdtempSync(join(tmpdir(), 'tickettoken-ceiling-'));
execFileSync(join(build, 'tickettoken'), ['migrate', '--data', dir], { env: { ...process.env, NODE_ENV: 'test' }, stdio: 'ignore' });
for (let round = 1; round <= 3; round++)
  say(execFileSync(join(build, 'bench/ceiling'), [join(dir, 'tickettoken.db'), String(holds)], { encoding: 'utf8' }));
rmSync(dir, { recursive: true, force: true });
