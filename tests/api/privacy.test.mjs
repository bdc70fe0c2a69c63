// privacy.test.mjs - what is kept of a person is his to have, and gone when he wants; the
// organiser's books stay whole.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { Wallet } from 'ethers';
import { authenticator as totp } from 'otplib';
import { SoftKey } from './authenticator.mjs';
import { cluster, PASSWORD, start, TENANT, until } from './harness.mjs';

const DAY = 86_400_000;
let s, sale;
const ORIGIN = 'https://shop.example';
before(async () => { s = await start({ PUBLIC_URL: ORIGIN }); sale = await s.sale({ quantity: 20 }); });
after(() => s.close());

const take = (p) => s.api('GET', '/auth/gdpr/export', { token: p.token });
const forget = (p, confirmEmail = p.email) => s.api('POST', '/auth/gdpr/delete', { token: p.token, body: { confirmEmail, reason: 'moved on' } });
const login = (email) => s.api('POST', '/auth/login', { body: { email, password: PASSWORD } });
const stock = async () => { const [t] = await s.types(sale.event); return [t.available, t.held, t.sold]; };

test('all that is kept of oneself comes as a file, without anything that lets somebody in', async () => {
  const p = await s.register(), order = await s.buy(p, sale, 2), other = await s.register();
  await s.buy(other, sale);
  const r = await take(p), e = r.body;
  assert.equal(r.status, 200);
  assert.match(r.headers.get('content-disposition'), /^attachment; filename=".+\.json"$/);
  assert.equal(r.headers.get('cache-control'), 'no-store');
  assert.deepEqual([e.user.email, e.complete], [p.email, true]);
  assert.deepEqual(e.orders.map((o) => [o.id, o.status, o.totalCents]), [[order.id, 'COMPLETED', order.totalCents]]);
  assert.deepEqual(e.tickets.map((t) => t.id).sort(), order.tickets.map((t) => t.id).sort());
  assert.equal(e.sessions.length, 1);
  for (const list of ['venueRoles', 'passkeys', 'deviceKeys', 'wallets']) assert.deepEqual(e[list], []);
  assert.ok(!/hash|argon2|secret|eyJ/i.test(r.text), 'no secret');
  assert.ok(!r.text.includes(other.id) && !r.text.includes(other.email), 'nothing of others');
  const owner = await s.organiser(), venue = await s.venue(owner);
  assert.deepEqual((await take(owner)).body.venueRoles.map((v) => [v.venueId, v.role]), [[venue.id, 'venue-owner']]);
  assert.equal((await s.api('GET', '/auth/gdpr/export')).status, 401);
});

test('who wants to be forgotten is out at once, and erased after thirty days', async () => {
  const p = await s.register(), order = await s.buy(p, sale, 2), elsewhere = await s.login(p.email);
  const books = await stock(), admin = await s.somebody('admin');
  assert.equal((await forget(p, 'another@example.com')).body.errors[0].field, 'confirmEmail');
  const r = await forget(p, p.email.toUpperCase());
  assert.equal(r.status, 200, r.text);
  assert.ok(Math.abs(Date.parse(r.body.erasedAt) - await s.now() - 30 * DAY) < 60_000);
  for (const token of [p.token, elsewhere.token])
    await s.everywhere('he is out', async (node) => (await s.api('GET', '/auth/me', { token, node })).status === 401);
  assert.equal((await login(p.email)).status, 401);
  assert.equal((await s.api('POST', '/auth/refresh', { body: { refreshToken: p.refresh } })).status, 401);
  assert.equal((await s.api('POST', '/auth/register', { body: { email: p.email, password: PASSWORD, firstName: 'A', lastName: 'B' } })).status, 409);

  await s.clock.advance(31 * DAY);
  const chief = await s.login(admin.email);
  const seen = async () => (await s.must(200, 'GET', `/auth/admin/users/${p.id}`, { token: chief.token })).user;
  await until('he is erased', async () => (await seen()).email.endsWith('@erased.invalid'));
  const left = await seen();
  assert.deepEqual([left.firstName, left.lastName, left.status, left.emailVerified], ['', '', 'DELETED', false]);
  assert.deepEqual(await stock(), books, 'the books are whole');
  const again = await s.register({ email: p.email });
  assert.notEqual(again.id, p.id);
  assert.equal((await s.api('GET', `/api/v1/orders/${order.id}`, { token: again.token })).status, 404, 'the same mailbox, another person');
  assert.equal((await s.api('PUT', `/auth/admin/users/${p.id}/status`, { token: chief.token, body: { status: 'ACTIVE' } })).body.code, 'CONFLICT');
  if (cluster) {
    const q = (sql) => s.engines.sql(sql);
    assert.equal(await q(`SELECT count(*) FROM orders WHERE person = '${p.id}'`), '1');
    assert.equal(await q(`SELECT count(*) FROM ticket WHERE person = '${p.id}'`), '2');
    assert.equal(await q(`SELECT count(*) FROM person WHERE id = '${p.id}' AND password_hash IS NULL AND phone IS NULL`), '1');
    assert.equal(await q(`SELECT count(*) FROM session WHERE person = '${p.id}' AND (ip IS NOT NULL OR user_agent IS NOT NULL)`), '0');
  }
});

test('until then an admin takes it back, in case somebody else asked', async () => {
  const p = await s.register(), admin = await s.somebody('admin');
  await s.must(200, 'POST', '/auth/gdpr/delete', { token: p.token, body: { confirmEmail: p.email } });
  assert.equal((await s.api('PUT', `/auth/admin/users/${p.id}/status`, { token: admin.token, body: { status: 'ACTIVE' } })).body.user.status, 'PENDING');
  await s.clock.advance(31 * DAY);
  assert.equal((await login(p.email)).status, 200);
});

test('a venue never loses its last owner: the eldest admin has it', async () => {
  const tenantId = '00000000-0000-4000-8000-' + String(Date.now()).slice(-12);
  const admin = await s.somebody('admin', tenantId), owner = await s.organiser(tenantId);
  await s.somebody('admin', tenantId);
  const venue = await s.venue(owner), shared = await s.venue(owner), other = await s.organiser(tenantId);
  await s.must(201, 'POST', `/api/v1/venues/${shared.id}/staff`, { token: owner.token, body: { personId: other.id, role: 'venue-owner' } });
  await s.must(200, 'POST', '/auth/gdpr/delete', { token: owner.token, body: { confirmEmail: owner.email } });
  await s.clock.advance(31 * DAY);
  const { token } = await s.login(admin.email, { tenantId });
  const staff = async (v) => (await s.must(200, 'GET', `/api/v1/venues/${v.id}/staff`, { token })).data.map((x) => [x.personId, x.role]);
  await until('it has been handed over', async () => !(await staff(venue)).some(([p]) => p === owner.id));
  assert.deepEqual(await staff(venue), [[admin.id, 'venue-owner']]);
  assert.deepEqual(await staff(shared), [[other.id, 'venue-owner']], 'there was another');
  const { data } = await s.must(200, 'GET', `/auth/admin/audit?action=role.granted&subject=${admin.id}`, { token });
  assert.equal(data[0].target, `venue-owner ${venue.id}`);
});

test('an admin gives his role back before he is forgotten', async () => {
  const admin = await s.somebody('admin');
  assert.equal((await forget(admin)).body.code, 'INVALID_STATE');
  assert.equal((await s.api('POST', '/auth/gdpr/delete', { body: { confirmEmail: admin.email } })).status, 401);
});

// Somebody of whom there is a row of every kind.
async function everything() {
  const p = await s.register(), order = await s.buy(p, await s.sale({ quantity: 5 }), 2), ask = (path, body, status = 200) => s.must(status, 'POST', `/auth/${path}`, { token: p.token, body });
  await s.api('POST', '/auth/login', { body: { email: p.email, password: 'Wrong-Password-7-Here' } });
  const key = new SoftKey(ORIGIN), w = Wallet.createRandom(), chain = 'ethereum', publicKey = w.address;
  await ask('passkeys/register', { credential: key.create((await ask('passkeys/register/options')).publicKey) }, 201);
  const { nonce, message } = await ask('wallet/nonce', { publicKey, chain, purpose: 'link' });
  await ask('wallet/link', { publicKey, chain, nonce, signature: await w.signMessage(message) });
  const phone = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  await ask('biometric/register', { publicKey: phone, deviceId: randomUUID(), biometricType: 'faceId' }, 201);
  const { secret } = await ask('mfa/setup');
  await ask('mfa/verify-setup', { token: totp.clone({ epoch: await s.now() }).generate(secret) });
  await s.clock.advance(60_000);
  const token = totp.clone({ epoch: await s.now() }).generate(secret);
  await ask('mfa/step-up', { token });
  return { ...p, order, secret, wallet: w.address };
}

// What waits to be decided, and a letter that waits to be carried.
async function bury(p, word) {
  const hex = (uuid) => `x'${uuid.replaceAll('-', '')}'`, at = await s.now() + 30 * DAY, far = at + 900 * DAY;
  execFileSync('sqlite3', ['-cmd', '.timeout 5000', join(s.dir, 'tickettoken.db'),
    `INSERT INTO dead_letter (tenant, id, person, type, payload, attempts, last_error, created_at, moved_at) VALUES (${hex(TENANT)}, 9000009, ${hex(p.id)}, 'a.word', '{"name":"${word}"}', 3, 'too large', ${at}, ${at});
     INSERT INTO letter (tenant, id, person, kind, sealed, created_at, due_at, expires_at) VALUES (${hex(TENANT)}, ${hex(randomUUID())}, ${hex(p.id)}, '${word}', x'00', ${at}, ${far}, ${far})`]);
}

async function complete({ challenge }, p) {
  await s.clock.advance(60_000);
  const token = totp.clone({ epoch: await s.now() }).generate(p.secret);
  return { token: (await s.must(200, 'POST', '/auth/mfa/verify', { body: { challenge, token } })).tokens.accessToken };
}

test('everything that is kept is in the file, and of it only the books stay', async () => {
  const p = await everything(), r = await take(p), e = r.body;
  assert.equal(r.status, 200, r.text);
  assert.deepEqual(['sessions', 'orders', 'reservations', 'tickets', 'passkeys', 'deviceKeys', 'wallets', 'secondFactors', 'mailProofs'].map((n) => [n, e[n].length]),
    [['sessions', 1], ['orders', 1], ['reservations', 1], ['tickets', 2], ['passkeys', 1], ['deviceKeys', 1], ['wallets', 1], ['secondFactors', 1], ['mailProofs', 1]]);
  assert.deepEqual([e.wallets[0].address, e.secondFactors[0].backupCodesLeft, e.mailProofs[0].purpose], [p.wallet, 10, 'verify']);
  const failed = e.record.find((x) => x.action === 'user.login_failed');
  assert.equal(failed.success, false);
  assert.match(failed.ip, /^127\./);
  for (const action of ['user.registration', 'user.mfa_enabled', 'passkey.added', 'wallet.linked']) assert.ok(e.record.some((x) => x.action === action), `${action} in ${e.record.map((x) => x.action)}`);
  assert.ok(!r.text.includes(p.secret) && !/hash|argon2|secret"|eyJ/i.test(r.text), 'no secret');
  const admin = await s.somebody('admin'), spoken = `Ada-of-${randomUUID()}`;
  for (const [status, reason] of [['SUSPENDED', spoken], ['ACTIVE', spoken]])
    await s.must(200, 'PUT', `/auth/admin/users/${p.id}/status`, { token: admin.token, body: { status, reason } });
  const { token } = await s.must(200, 'POST', '/auth/login', { body: { email: p.email, password: PASSWORD } }).then((b) => complete(b, p));
  await s.must(200, 'POST', '/auth/gdpr/delete', { token, body: { confirmEmail: p.email, reason: `I am ${spoken}` } });
  if (!cluster) await bury(p, spoken);
  await s.clock.advance(31 * DAY);
  const said = [p.wallet.toLowerCase(), p.email, spoken.toLowerCase()];
  if (!cluster) {                                  // forget_test.c reads this engine's schema
    const dump = () => execFileSync('sqlite3', ['-cmd', '.timeout 5000', join(s.dir, 'tickettoken.db'), '.dump'], { maxBuffer: 1 << 28 }).toString().toLowerCase();
    await until('he is erased', () => dump().includes(`erased-${p.id}@`));
    for (const word of said) assert.ok(!dump().includes(word), `${word} is still there`);
    return;
  }
  await until('he is erased', async () => (await s.engines.sql(`SELECT count(*) FROM person WHERE id = '${p.id}' AND erased_at IS NOT NULL`)) === '1');
  const columns = (await s.engines.sql(`SELECT string_agg(table_name || '.' || column_name, ' ') FROM information_schema.columns
    WHERE table_schema = 'public' AND data_type = 'uuid' AND column_name <> 'id'`)).split(' ');
  const left = {};
  for (const c of columns) {
    const [table, column] = c.split('.'), n = Number(await s.engines.sql(`SELECT count(*) FROM ${table} WHERE ${column} = '${p.id}'`));
    if (n > 0) left[c] = n;
  }
  assert.deepEqual(Object.keys(left).filter((c) => !/^(audit|session)\./.test(c)).sort(), ['hold.person', 'orders.person', 'ticket.buyer', 'ticket.person']);
  for (const word of said) assert.equal(await s.engines.sql(`SELECT count(*) FROM audit WHERE target ILIKE '%${word}%'`), '0', word);
  for (const table of ['session', 'audit'])
    assert.equal(await s.engines.sql(`SELECT count(*) FROM ${table} WHERE (ip IS NOT NULL OR user_agent IS NOT NULL) AND '${p.id}' IN (${table === 'audit' ? 'actor, subject' : 'person'})`), '0');
});
