// engines.mjs - make bench-engines: one sale on each engine, in turn, in one run. Prints
// figures with their conditions; judges nothing.
//
//   tests/services.sh run node tests/bench/engines.mjs [HOLDS] [CONNECTIONS] [ROUNDS] [NAME,NAME...]
//
// Three sales: of one event by a crowd that has looked at it before, of one event with
// every token seen for the first time, and of 200 events that nobody has bought from yet.
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, fdatasyncSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { root } from '../api/harness.mjs';
import { bareDatabase, embedded, folder, nodes, peer, psql } from './contestants.mjs';

const [holds, connections, rounds] = [2, 3, 4].map((i) => Number(process.argv[i] || 0));
const only = process.argv[5]?.split(',');
const build = join(root, 'build');
const say = (text) => process.stdout.write(text + '\n');
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const versionOf = (...command) => /\d+(\.\d+)+/.exec(execFileSync(command[0], command.slice(1), { encoding: 'utf8' }))[0];

const sales = [
  { name: 'hot, seen', events: 1, tokens: 'seen' },
  { name: 'hot, first', events: 1, tokens: 'first' },
  { name: '200 cold', events: 200, tokens: 'first' },
];

// What a commit waits for: 8 kB written and synced, the median of 500.
function syncMicroseconds() {
  const fd = openSync(join(folder, 'sync'), 'w'), page = Buffer.alloc(8192), took = [];
  for (let i = 0; i < 500; i++) {
    const begun = process.hrtime.bigint();
    writeSync(fd, page, 0, page.length, 0);
    fdatasyncSync(fd);
    took.push(Number(process.hrtime.bigint() - begun) / 1000);
  }
  closeSync(fd);
  return median(took);
}

// ---- one run --------------------------------------------------------------------

// Runs the load generator; `begun` is called when the holds begin.
function load(c, offers, count, tokens, begun = () => {}) {
  const list = join(folder, 'offers');
  writeFileSync(list, offers.join('\n') + '\n');
  const args = [c.targets().join(','), c.keys, list, count, connections || 128, ...(tokens === 'seen' ? ['seen'] : [])].map(String);
  const child = spawn(join(build, 'bench/onsale'), args, { stdio: ['ignore', 'pipe', 'inherit'] });
  if (tokens !== 'seen') begun();
  return new Promise((done, no) => {
    let out = '', looked = false;
    child.stdout.on('data', (d) => {
      out += d;
      if (looked || !/^looked/m.test(out)) return;
      looked = true;
      begun();
    });
    child.on('close', (code) => (code === 0 ? done(read(out)) : no(new Error(`onsale ended with ${code}: ${out}`))));
  });
}

function read(out) {
  const get = (what) => Number(what.exec(out)?.[1]);
  return { held: get(/^holds +(\d+)/m), rate: get(/^rate +(\d+)/m), p50: get(/p50 ([\d.]+)/), p99: get(/p99 ([\d.]+)/),
    refused: get(/^errors +(\d+)/m), broken: get(/(\d+) broken/), first: /^first .*$/m.exec(out)?.[0] };
}

// A sale that sells out, which also warms it: as many holds as there were tickets.
async function warmUp(c) {
  const tickets = c.warm * 3 / 4, r = await load(c, await c.offers(1, tickets), c.warm, 'seen');
  if (r.held !== tickets) say(`           ${c.name} gave ${r.held} holds of ${tickets} tickets`);
}

async function sell(c, sale, round) {
  await c.open();
  await warmUp(c);
  const count = Math.round(c.holds * (holds || 30_000) / 30_000), offers = await c.offers(sale.events);
  psql('postgres', 'CHECKPOINT');
  let before;
  const r = await load(c, offers, count, sale.tokens, () => { before = c.cpu(); });
  const after = c.cpu();
  r.cpu = Object.fromEntries(Object.keys(after).map((part) => [part, (after[part] - before[part]) / r.held]));
  await c.close();
  Object.assign(r, c.audit());
  say(`${round}  ${sale.name.padEnd(11)} ${c.name.padEnd(10)} ${String(r.rate).padStart(6)} holds/s  p50 ${r.p50} ms  p99 ${r.p99} ms  `
    + `oversold ${r.oversold}  stranded ${r.stranded}  refused ${r.refused}  broken ${r.broken}  CPU a hold: ${
      Object.entries(r.cpu).map(([part, us]) => `${part} ${us.toFixed(0)} us`).join(', ')}`);
  if (r.first) say(`           ${r.first}`);
  return r;
}

async function makeCeiling() {
  const { url, offer } = await bareDatabase();
  return () => {
    psql('postgres', 'CHECKPOINT');
    const out = execFileSync(join(build, 'bench/pgceiling'), [url, offer, String(holds || 30_000)], { encoding: 'utf8' });
    say(out.trimEnd());
    return { rate: Number(/ceiling +(\d+)/.exec(out)[1]) };
  };
}

// ---- all of it ------------------------------------------------------------------

say(`conditions ${cpus().length} cores of ${cpus()[0].model.trim()}, Linux ${release()}, load generator and engines on the same machine`);
say(`           PostgreSQL ${versionOf('postgres', '--version')}, Redis ${versionOf('redis-server', '--version')}, NATS ${
  versionOf('nats-server', '--version')}, Node.js ${process.versions.node}; loopback, no TLS`);
say(`           8 kB written and synced in ${syncMicroseconds().toFixed(0)} us; fsync ${psql('postgres', 'SHOW fsync')}, synchronous_commit ${
  psql('postgres', 'SHOW synchronous_commit')}, SQLite synchronous=FULL`);

const first = embedded();
await first.open();
const jwks = await (await fetch(`${first.nodes[0].url}/.well-known/jwks.json`)).text();
await first.close();
const contestants = [first, nodes('one node', 1, 1), nodes('two nodes', 2, 2), peer(first.keys, jwks)]
  .filter((c) => !only || only.includes(c.name));
const ceiling = !only || only.includes('ceiling') ? await makeCeiling() : null;

const results = new Map();
const note = (name, r) => results.set(name, [...(results.get(name) ?? []), r]);
for (let round = 1; round <= (rounds || 3); round++) {
  for (const sale of sales)
    for (const c of contestants) note(`${sale.name} / ${c.name}`, await sell(c, sale, round));
  if (ceiling) note('ceiling', ceiling());
}

const rate = (name) => (results.has(name) ? median(results.get(name).map((r) => r.rate)) : undefined);
const ratio = (a, b) => (a && b ? (a / b).toFixed(2) : '-');
say('medians                  holds/s  of the ceiling  of the peer');
if (ceiling) say(`  ceiling                 ${String(rate('ceiling')).padStart(6)}`);
for (const sale of sales)
  for (const c of contestants) {
    const r = rate(`${sale.name} / ${c.name}`);
    say(`  ${sale.name.padEnd(11)} ${c.name.padEnd(10)} ${String(r).padStart(7)}  ${ratio(r, rate('ceiling')).padStart(14)}  ${
      ratio(r, rate(`${sale.name} / peer`)).padStart(11)}`);
  }
