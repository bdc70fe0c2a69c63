// policy.test.mjs - which passwords a tenant lets its people choose, at each door where one is
// chosen. npm's zxcvbn is the second opinion on what is easy to guess.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import zxcvbn from 'zxcvbn';
import { PASSWORD, start, until } from './harness.mjs';

let s, chief;
before(async () => { s = await start(); chief = await s.somebody('super-admin'); });
after(() => s.close());

// A tenant with these settings, {id, admin, set}.
async function shop(settings) {
  const { tenant } = await s.must(201, 'POST', '/auth/admin/tenants', { token: chief.token, body: { name: 'A shop', slug: `shop-${randomUUID().slice(0, 8)}` } });
  const admin = await s.somebody('admin', tenant.id);
  const set = (value) => s.api('PUT', '/auth/admin/tenant/settings', { token: admin.token, body: { settings: value } });
  const r = await set(settings);
  assert.equal(r.status, 200, r.text);
  return { id: tenant.id, admin, set };
}

const join = (tenantId, password, email = `p${randomUUID()}@example.com`) =>
  s.api('POST', '/auth/register', { body: { email, password, firstName: 'A', lastName: 'B', tenantId } });
const told = (r) => (r.status < 300 ? 'taken' : r.body.errors?.map((e) => `${e.field}: ${e.message}`).join('; ') ?? r.body.code);

// The same password at register, change and reset of one tenant: what each says.
async function everywhere(tenantId, password, first) {
  const p = (await join(tenantId, first)).body, email = p.user.email;
  const asked = s.letters(email).length;
  const change = await s.api('POST', '/auth/change-password', { token: p.tokens.accessToken, body: { currentPassword: first, newPassword: password } });
  await s.must(200, 'POST', '/auth/forgot-password', { body: { email, tenantId } });
  const link = /reset-password\?token=([\w-]{64})/;
  const text = await until('the letter', () => s.letters(email).slice(asked).map((l) => l.text).find((t) => link.test(t)));
  // After a change the same password can be set again by a link; what counts is the rule.
  const reset = await s.api('POST', '/auth/reset-password', { body: { token: link.exec(text)[1], newPassword: password } });
  return [await join(tenantId, password), change, reset].map(told);
}

const PHRASE = 'kettle rhubarb otter';

test('a tenant of asvs5 takes a phrase that the classic rules refuse, at every door', async () => {
  const asvs5 = await shop({ passwordPolicy: 'asvs5' }), classic = await shop({ passwordPolicy: 'classic' });
  assert.deepEqual(await everywhere(asvs5.id, PHRASE, PASSWORD), ['taken', 'taken', 'taken']);
  for (const said of await everywhere(classic.id, PHRASE, PASSWORD)) assert.match(said, /password: must have an upper-case letter/);
  for (const said of await everywhere(asvs5.id, 'tickettoken1', PASSWORD)) assert.match(said, /password: is too easy to guess/);
  for (const said of await everywhere(asvs5.id, 'Password123!', PASSWORD)) assert.match(said, /everybody tries/);
  for (const said of await everywhere(asvs5.id, 'qzvmxtp', PASSWORD)) assert.match(said, /must have 8 to 128 characters/);
  assert.match(told(await join(undefined, PHRASE)), /upper-case/, 'and others keep theirs');
});

test('asvs5 and zxcvbn of npm agree on what is easy and what is hard', async () => {
  const { id } = await shop({ passwordPolicy: 'asvs5' });
  const words = ['password1', 'qwertyuiop', 'iloveyou2', 'aaaaaaaaaaaa', 'abcdefgh', '12345678910', 'football2024', 'monkey12', 'letmein!!',
    'kettle rhubarb otter', 'Xk7#pQ2m!vLz9', 'wrong donkey accumulator paperclip', 'zqpxmvnbtwkj', 'Grüße aus dem Tal der Murmeln', '8f3b1c9d4e7a'];
  for (const word of words) {
    const { score } = zxcvbn(word, ['tickettoken', 'ticket']), said = told(await join(id, word));
    if (score <= 1) assert.match(said, /too easy to guess|everybody tries/, `${word}: ${score}`);
    if (score === 4) assert.equal(said, 'taken', `${word}: ${score}`);
  }
});

test('a length is asked for upwards, holds at once, and turns nobody away who is here', async () => {
  const t = await shop({ passwordMinLength: 24 }), long = 'Correct-Horse-7-Battery-Staple';
  for (const said of await everywhere(t.id, PASSWORD, long)) assert.match(said, /must have 24 to 128 characters/);
  assert.equal((await t.set({ passwordPolicy: 'asvs5', passwordMinLength: 8 })).status, 200);
  const p = (await join(t.id, 'Xk7#pQ2mL')).body;
  assert.equal((await t.set({ passwordPolicy: 'asvs5', passwordMinLength: 64 })).status, 200);
  assert.match(told(await join(t.id, PHRASE)), /must have 64 to 128/);
  assert.equal((await s.api('POST', '/auth/login', { body: { email: p.user.email, password: 'Xk7#pQ2mL', tenantId: t.id } })).status, 200);
});

test('settings that are no policy are refused and change nothing', async () => {
  const t = await shop({ passwordPolicy: 'asvs5' });
  for (const [bad, field] of [[{ passwordPolicy: 'none' }, 'passwordPolicy'], [{ passwordPolicy: 7 }, 'passwordPolicy'], [{ passwordPolicy: null }, 'passwordPolicy'],
    [{ passwordMinLength: 11 }, 'passwordMinLength'], [{ passwordPolicy: 'asvs5', passwordMinLength: 7 }, 'passwordMinLength'],
    [{ passwordMinLength: 65 }, 'passwordMinLength'], [{ passwordMinLength: '20' }, 'passwordMinLength'], [{ passwordMinLength: 12.5 }, 'passwordMinLength']]) {
    const r = await t.set(bad);
    assert.deepEqual([r.status, r.body.errors[0].field], [400, `settings.${field}`], JSON.stringify(bad));
  }
  assert.equal(told(await join(t.id, PHRASE)), 'taken');
});
