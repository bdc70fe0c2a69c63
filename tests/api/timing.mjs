// timing.mjs - how long a sign-in takes for an account that is unknown, locked, whose password
// is wrong, or whose right password is of no use because its email was never confirmed; and a
// forgotten password, for nobody, for somebody, and for who has a letter already.
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

// The same for forgotten passwords; each letter is a quarter of an hour after the one before.
export async function measureForgot(s, each) {
  const ask = async (email) => {
    const begun = performance.now();
    await s.must(200, 'POST', '/auth/forgot-password', { body: { email } });
    return performance.now() - begun;
  };
  const p = await s.somebody('customer'), taken = { nobody: [], somebody: [], again: [] };
  for (let i = 0; i < each; i++) {
    await s.clock.advance(16 * 60_000);
    taken.nobody.push(await ask(`nobody${randomUUID()}@example.com`));
    taken.somebody.push(await ask(p.email));
    taken.again.push(await ask(p.email));
  }
  return { medians: Object.fromEntries(Object.entries(taken).map(([k, all]) => [k, Number(median(all).toFixed(2))])),
           least: Math.min(...Object.values(taken).flat()) };
}

const tell = (what, { medians, least }) =>
  console.log(`${what}, medians in ms: ${JSON.stringify(medians)}; least ${least.toFixed(1)}; apart ${judge(medians).toFixed(2)}`);

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const floor = Number(process.env.FLOOR ?? 500);
  const s = await start({ LOGIN_FLOOR_MS: String(floor), HASH_MEMORY_KIB: '65536', LOGIN_REQUIRES_VERIFIED: 'true' });
  const signing = await measure(s, 200);
  tell('200 sign-ins', signing);
  await s.close();
  const held = await start({ FORGOT_FLOOR_MS: String(floor && 300) }), forgetting = await measureForgot(held, 100);
  tell('100 forgotten passwords', forgetting);
  await held.close();
  const good = (r, least) => judge(r.medians) <= 5 && r.least >= least - 1;
  process.exit(good(signing, floor) && good(forgetting, floor && 300) ? 0 : 1);
}
