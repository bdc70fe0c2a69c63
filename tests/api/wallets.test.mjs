// wallets.test.mjs - signing in with a wallet; ethers and tweetnacl are the wallets.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { encodeBase58, getAddress, Wallet } from 'ethers';
import nacl from 'tweetnacl';
import { authenticator as totp } from 'otplib';
import { start } from './harness.mjs';

let s;
before(async () => { s = await start({ PUBLIC_URL: 'https://shop.example' }); });
after(() => s.close());

// ethers drops leading zero bytes of what it writes in base 58; keys that have one are passed over.
function solana() {
  const pair = nacl.sign.keyPair();
  if (pair.publicKey[0] === 0) return solana();
  return { chain: 'solana', publicKey: encodeBase58(pair.publicKey),
    sign: (text) => Buffer.from(nacl.sign.detached(Buffer.from(text), pair.secretKey)).toString('base64') };
}

function ethereum() {
  const wallet = Wallet.createRandom();
  return { chain: 'ethereum', publicKey: wallet.address, sign: (text) => wallet.signMessage(text) };
}

const ask = (w, purpose, more = {}) => s.api('POST', '/auth/wallet/nonce', { body: { publicKey: w.publicKey, chain: w.chain, purpose }, ...more });
async function shown(w, purpose, more) {
  const { nonce, message } = (await ask(w, purpose, more)).body;
  return { publicKey: w.publicKey, chain: w.chain, nonce, signature: await w.sign(message) };
}
const link = async (p, w) => s.api('POST', '/auth/wallet/link', { token: p.token, body: await shown(w, 'link', { token: p.token }) });
const login = (body, more) => s.api('POST', '/auth/wallet/login', { body, ...more });
const mine = async (p) => (await s.must(200, 'GET', '/auth/wallet', { token: p.token })).data;

for (const [chain, make] of Object.entries({ solana, ethereum })) {
  test(`${chain}: linked, a wallet signs in, once a nonce; unlinked, it does not`, async () => {
    const p = await s.register(), w = make();
    assert.equal((await login(await shown(w))).body.code, 'AUTHENTICATION_FAILED', 'nobody\'s wallet');
    const r = await link(p, w);
    assert.equal(r.status, 200, r.text);
    assert.deepEqual([r.body.wallet.address, r.body.wallet.chain], [w.publicKey, chain]);
    const body = await shown(w), entered = await login(body);
    assert.equal(entered.status, 200, entered.text);
    assert.equal(entered.body.user.id, p.id);
    assert.equal((await login(body)).body.code, 'INVALID_TOKEN');
    assert.deepEqual((await mine(p)).map((x) => x.address), [w.publicKey]);
    const path = `/auth/wallet/unlink/${w.publicKey}`;
    assert.equal((await s.api('DELETE', path, { token: (await s.stranger()).token, foreign: true })).status, 404);
    assert.equal((await s.api('DELETE', path, { token: (await s.register()).token })).status, 404);
    assert.equal((await s.api('DELETE', path, { token: p.token })).status, 200);
    assert.equal((await s.api('DELETE', path, { token: p.token })).status, 404);
    assert.equal((await login(await shown(w))).body.code, 'AUTHENTICATION_FAILED');
  });

  test(`${chain}: one wallet, one account, also when four ask at once, four times each`, async () => {
    const w = make(), people = await Promise.all(Array.from({ length: 4 }, () => s.register()));
    const all = await Promise.all(Array.from({ length: 16 }, (_, i) => link(people[i % 4], w)));
    const winners = new Set(people.filter((_, i) => all.some((r, k) => k % 4 === i && r.status === 200)));
    assert.equal(winners.size, 1);
    assert.deepEqual(all.map((r) => r.status).sort(), [...Array(4).fill(200), ...Array(12).fill(409)]);
    const [winner] = winners;
    assert.equal((await link(winner, w)).status, 200, 'again is no mistake');
    assert.equal((await login(await shown(w))).body.user.id, winner.id);
  });

  test(`${chain}: another's signature, message, nonce or purpose is refused`, async () => {
    const p = await s.register(), w = make(), other = make();
    await link(p, w);
    const good = await shown(w);
    assert.equal((await login({ ...good, signature: await other.sign('x') })).body.code, 'INVALID_SIGNATURE');
    assert.equal((await login(good)).body.code, 'INVALID_TOKEN', 'a nonce is one guess');
    assert.equal((await login({ ...good, nonce: '0'.repeat(64) })).body.code, 'INVALID_TOKEN');
    const theirs = await shown(other);
    assert.equal((await login({ ...theirs, publicKey: w.publicKey })).body.code, 'INVALID_TOKEN');
    const linking = await shown(w, 'link', { token: p.token });
    assert.equal((await login(linking)).body.code, 'INVALID_TOKEN', 'made to link');
    const thief = await s.register(), entering = await shown(w);
    assert.equal((await s.api('POST', '/auth/wallet/link', { token: thief.token, body: entering })).body.code, 'INVALID_TOKEN', 'made to sign in');
    const another = await shown(other, 'link', { token: p.token });
    assert.equal((await s.api('POST', '/auth/wallet/link', { token: thief.token, body: another })).body.code, 'INVALID_TOKEN', 'made for another person');
    const { nonce } = (await ask(w)).body;
    const old = await w.sign(`Connect wallet to TicketToken\nNonce: ${nonce}`);
    assert.equal((await login({ ...good, nonce, signature: old })).body.code, 'INVALID_SIGNATURE', 'the two lines name no domain');
  });

  test(`${chain}: of thirty-two with one signature one is in`, async () => {
    const p = await s.register(), w = make();
    await link(p, w);
    const body = await shown(w);
    const all = await Promise.all(Array.from({ length: 32 }, () => login(body)));
    assert.equal(all.filter((r) => r.status === 200).length, 1);
  });
}

test('the message names us, the wallet, the nonce and the end', async () => {
  for (const w of [solana(), ethereum()]) {
    const r = (await ask(w)).body, name = w.chain === 'solana' ? 'Solana' : 'Ethereum';
    const lines = r.message.split('\n');
    assert.equal(lines[0], `shop.example wants you to sign in with your ${name} account:`);
    assert.equal(lines[1], w.publicKey);
    assert.ok(lines.includes('URI: https://shop.example') && lines.includes(`Nonce: ${r.nonce}`));
    assert.ok(lines.includes(`Expiration Time: ${r.expiresAt}`));
    assert.match(r.nonce, /^[0-9a-f]{64}$/);
  }
});

test('a nonce ends after five minutes and is its shop\'s', async () => {
  const p = await s.register(), w = ethereum(), { tenantId } = await s.stranger();
  await link(p, w);
  const there = { headers: { 'x-tenant-id': tenantId } };
  assert.equal((await login(await shown(w, 'login', there))).body.code, 'INVALID_TOKEN');
  assert.equal((await login(await shown(w, 'login', there), there)).body.code, 'AUTHENTICATION_FAILED');
  const body = await shown(w);
  await s.clock.advance(301_000);
  assert.equal((await login(body)).body.code, 'INVALID_TOKEN');
});

test('an address is one of its chain, in its own letters', async () => {
  const { publicKey } = ethereum();
  for (const [chain, wrong] of [['ethereum', publicKey.slice(0, 41)], ['ethereum', publicKey.replace(/[a-f]/, (c) => c.toUpperCase())],
    ['ethereum', solana().publicKey], ['solana', publicKey], ['solana', '0'.repeat(43)]])
    assert.equal((await ask({ publicKey: wrong, chain })).status, 400, `${chain} ${wrong}`);
  assert.equal((await ask({ publicKey: publicKey.toLowerCase(), chain: 'ethereum' })).status, 200);
  assert.equal(getAddress(publicKey.toLowerCase()), publicKey);
  assert.equal((await ask({ publicKey, chain: 'ethereum' }, 'link')).status, 401, 'linking wants somebody signed in');
  assert.equal((await s.api('GET', '/auth/wallet')).status, 401);
  assert.equal((await s.api('POST', '/auth/wallet/link', { body: {} })).status, 401);
});

test('with a second factor on, a wallet is one factor', async () => {
  const p = await s.register(), w = solana();
  await link(p, w);
  const code = async () => totp.clone({ epoch: await s.now() }).generate(secret);
  const { secret } = await s.must(200, 'POST', '/auth/mfa/setup', { token: p.token });
  await s.must(200, 'POST', '/auth/mfa/verify-setup', { token: p.token, body: { token: await code() } });
  const r = await login(await shown(w));
  assert.equal(r.body.requiresMfa, true);
  assert.equal(r.body.tokens, undefined);
});

test('the two-line message is taken where it is configured', async () => {
  const own = await start({ WALLET_CLASSIC_MESSAGE: 'true' });
  try {
    const p = await own.register(), w = ethereum();
    const { nonce } = (await own.must(200, 'POST', '/auth/wallet/nonce', { token: p.token, body: { publicKey: w.publicKey, chain: 'ethereum', purpose: 'link' } }));
    const signature = await w.sign(`Connect wallet to TicketToken\nNonce: ${nonce}`);
    await own.must(200, 'POST', '/auth/wallet/link', { token: p.token, body: { publicKey: w.publicKey, chain: 'ethereum', nonce, signature } });
  } finally { await own.close(); }
});
