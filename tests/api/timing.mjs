// timing.mjs - how long a sign-in takes for an account that is unknown, locked, or whose
// password is wrong.   use: make timing   (200 of each, on a machine that does nothing else)
//
// The jitter is off here: it comes on top of all three alike, and would only make the
// medians of 200 wander by 2.5 ms.
import { randomUUID } from 'node:crypto';
import { PASSWORD, start } from './harness.mjs';

const KINDS = ['unknown', 'locked', 'wrong'];
const median = (all) => [...all].sort((a, b) => a - b)[all.length >> 1];
export const judge = (medians) => Math.max(...Object.values(medians)) - Math.min(...Object.values(medians));

// `each` sign-ins of each kind, in turn; the calendar moves so that no limit is met.
export async function measure(s, each) {
  const password = 'Wrong-Password-7-Here';
  const login = async (email) => {
    const begun = performance.now();
    const r = await s.api('POST', '/auth/login', { body: { email, password } });
    if (r.status !== 401) throw new Error(`${r.status} ${r.text}`);
    return performance.now() - begun;
  };
  const [locked, wrong] = [await s.register(), await s.register()];
  const taken = Object.fromEntries(KINDS.map((k) => [k, []]));
  const lock = () => Promise.all(Array.from({ length: 5 }, () => login(locked.email)));
  await lock();
  for (let i = 0; i < each; i++) {
    if (i % 2 === 0) await s.clock.advance(61_000);
    if (i % 4 === 3) await s.must(200, 'POST', '/auth/login', { body: { email: wrong.email, password: PASSWORD } });
    if (i % 28 === 26) { await s.clock.advance(15 * 60_000); await lock(); await s.clock.advance(61_000); }
    for (const kind of KINDS)
      taken[kind].push(await login({ unknown: `nobody${randomUUID()}@example.com`, locked: locked.email, wrong: wrong.email }[kind]));
  }
  return { medians: Object.fromEntries(KINDS.map((k) => [k, Number(median(taken[k]).toFixed(2))])),
           least: Math.min(...Object.values(taken).flat()) };
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const s = await start({ LOGIN_FLOOR_MS: '500' });
  const { medians, least } = await measure(s, 200);
  console.log(`medians of 200, ms: ${JSON.stringify(medians)}; least ${least.toFixed(1)}; apart ${judge(medians).toFixed(2)}`);
  await s.close();
  process.exit(judge(medians) <= 5 && least >= 499 ? 0 : 1);
}
