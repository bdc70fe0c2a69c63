// timing.mjs - how long a sign-in takes for an account that is unknown, locked, whose password
// is wrong, or whose right password is of no use because its email was never confirmed.
//   use: make timing   (200 of each, on a machine that does nothing else)
//
// The jitter is off here: it comes on top of all alike, and would only make the medians of
// 200 wander by 2.5 ms. With FLOOR=0 there is no floor either, and the work itself is seen.
import { randomUUID } from 'node:crypto';
import { PASSWORD, start } from './harness.mjs';

const KINDS = ['unknown', 'locked', 'wrong', 'unverified'];
const median = (all) => [...all].sort((a, b) => a - b)[all.length >> 1];
export const judge = (medians) => Math.max(...Object.values(medians)) - Math.min(...Object.values(medians));

// `each` sign-ins of each kind, in turn; the calendar moves so that no limit is met.
export async function measure(s, each) {
  const login = async (email, password = 'Wrong-Password-7-Here') => {
    const begun = performance.now();
    const r = await s.api('POST', '/auth/login', { body: { email, password } });
    if (r.status !== 401) throw new Error(`${r.status} ${r.text}`);
    return performance.now() - begun;
  };
  const [locked, wrong] = [await s.somebody('customer'), await s.somebody('customer')];
  let unverified;
  const taken = Object.fromEntries(KINDS.map((k) => [k, []]));
  const lock = () => Promise.all(Array.from({ length: 5 }, () => login(locked.email)));
  await lock();
  for (let i = 0; i < each; i++) {
    if (i % 2 === 0) await s.clock.advance(61_000);
    if (i % 4 === 0) unverified = await s.register();      // none of them gets near a lock
    if (i % 4 === 3) await s.must(200, 'POST', '/auth/login', { body: { email: wrong.email, password: PASSWORD } });
    if (i % 28 === 26) { await s.clock.advance(15 * 60_000); await lock(); await s.clock.advance(61_000); }
    const ask = { unknown: () => login(`nobody${randomUUID()}@example.com`), locked: () => login(locked.email),
      wrong: () => login(wrong.email), unverified: () => login(unverified.email, PASSWORD) };
    for (const kind of KINDS) taken[kind].push(await ask[kind]());
  }
  return { medians: Object.fromEntries(KINDS.map((k) => [k, Number(median(taken[k]).toFixed(2))])),
           least: Math.min(...Object.values(taken).flat()) };
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const floor = Number(process.env.FLOOR ?? 500);
  const s = await start({ LOGIN_FLOOR_MS: String(floor), HASH_MEMORY_KIB: '65536', LOGIN_REQUIRES_VERIFIED: 'true' });
  const { medians, least } = await measure(s, 200);
  console.log(`medians of 200, ms: ${JSON.stringify(medians)}; least ${least.toFixed(1)}; apart ${judge(medians).toFixed(2)}`);
  await s.close();
  process.exit(judge(medians) <= 5 && least >= floor - 1 ? 0 : 1);
}
