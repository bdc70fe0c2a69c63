// identity.mjs - sign-ins against what the hash threads can do, and the key set under load.
// Prints figures and judges nothing.   use: node tests/bench/identity.mjs
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { PASSWORD, root, start } from '../api/harness.mjs';

const LOGINS = 200, PEOPLE = 40;
const ms = (list, part) => Math.round(list[Math.min(list.length - 1, Math.floor(list.length * part))]);

async function signIns(s) {
  const people = [];
  while (people.length < PEOPLE) people.push(await s.register());
  const begun = performance.now();
  const all = await Promise.all(Array.from({ length: LOGINS }, async (_, i) => {
    const r = await s.api('POST', '/auth/login', { body: { email: people[i % PEOPLE].email, password: PASSWORD } });
    return { status: r.status, retry: r.headers.get('retry-after'), ms: performance.now() - begun };
  }));
  const took = (performance.now() - begun) / 1000, good = all.filter((r) => r.status === 200).map((r) => r.ms).sort((a, b) => a - b);
  const busy = all.filter((r) => r.status === 503), last = all.reduce((a, b) => (a.ms > b.ms ? a : b));
  console.log(`${LOGINS} sign-ins at one instant: ${good.length} in at ${(good.length / took).toFixed(1)}/s, after ` +
    `${ms(good, 0.5)} ms (median) and ${ms(good, 1)} ms (last); ${busy.length} told to come back` +
    (busy.length ? ` in ${busy[0].retry} s, within ${ms(busy.map((r) => r.ms).sort((a, b) => a - b), 1)} ms` : ''));
  console.log(`  who waited longest: ${last.status} after ${Math.round(last.ms)} ms; others ${[...new Set(all.map((r) => r.status))]}`);
}

const dir = mkdtempSync(join(tmpdir(), 'tickettoken-bench-'));
console.log(`${cpus().length} cores, node ${process.version}`);
console.log(execFileSync(join(root, 'build/bench/tokens'), [dir], { encoding: 'utf8' }).trim());
rmSync(dir, { recursive: true, force: true });

const signing = await start();
try { await signIns(signing); } finally { await signing.close(); }

const s = await start({ LOG_LEVEL: 'warn' });       // nobody reads its log while wrk runs
try {
  for (const path of ['/.well-known/jwks.json', '/health']) {
    const out = execFileSync('wrk', ['-t1', '-c64', '-d5s', '--latency', s.url + path], { encoding: 'utf8' });
    const pick = (what) => new RegExp(`${what}\\s*:?\\s*([\\d.]+\\w*)`).exec(out)?.[1];
    console.log(`GET ${path}, 64 connections: ${pick('Requests/sec')}/s, p50 ${pick('50%')}, p99 ${pick('99%')}`);
  }
} catch (e) {
  if (e.code !== 'ENOENT') throw e;
  console.log('the key set under load: skipped, wrk is not here');
} finally { await s.close(); }
