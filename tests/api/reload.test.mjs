// reload.test.mjs - SIGHUP while people ask: services' secrets, other issuers and services
// behind are replaced under load, and a mistake in any file leaves all as it was. With
// WORLD=cluster every node is told.
import assert from 'node:assert/strict';
import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import * as jose from 'jose';
import { certificate, plain, secure } from './behind.mjs';
import { sleep, start, TENANT, until } from './harness.mjs';

const dir = mkdtempSync(join(tmpdir(), 'reload-'));
const file = (name) => join(dir, name);
const put = (name, what) => { writeFileSync(file(name), typeof what === 'string' ? what : JSON.stringify(what), { mode: 0o600 }); return file(name); };
const secret = () => randomBytes(24).toString('hex');

const first = secret(), shared = secret(), issuer = 'https://id.example', second = 'https://second.example';
const listed = (more = {}) => put('services.json', { services: [{ id: 'shop', scopes: ['users:read'] }, { id: 'scanner', scopes: ['users:read'], secretFile: file('scanner.key'), ...more }] });
const behind = await plain(), other = await plain();
const own = certificate(dir), tls = await secure(own, { requestCert: true, ca: [readFileSync(own.cert)] });
const at = (b) => `http://127.0.0.1:${b.port}`;
const row = (name, urls, more = {}) => ({ name, prefix: `/api/${name}`, urls, access: 'open', ...more });
const client = { caFile: own.ca, certFile: file('client.crt'), keyFile: file('client.key') };
const table = (...upstreams) => put('proxy.json', { upstreams });
const kept = row('kept', at(behind)), safe = row('safe', `https://localhost:${tls.port}`, client);
const signed = { ...row('signed', at(behind)), access: 'signed-in' };
const published = {};
let s, admin, idp, away = false;

const publish = (...names) => put('issuers.json', { issuers: names.map((name) =>
  ({ issuer: name, audience: 'tickettoken', tenant: TENANT, jwksUrl: `http://127.0.0.1:${idp.address().port}/jwks.json` })) });

before(async () => {
  published.pair = await jose.generateKeyPair('ES256', { extractable: true });
  const jwk = { ...await jose.exportJWK(published.pair.publicKey), kid: 'one' };
  idp = createServer((q, r) => (away ? r.writeHead(500).end() : r.end(JSON.stringify({ keys: [jwk] }))));
  await new Promise((done) => idp.listen(0, '127.0.0.1', done));
  put('scanner.key', first);
  mkdirSync(file('held'));
  put('held/SERVICE_SECRET', shared);
  put('client.crt', readFileSync(own.cert, 'utf8'));
  put('client.key', readFileSync(own.key, 'utf8'));
  table(kept, safe, row('gone', at(other)), row('moved', at(behind)), signed);
  s = await start({ SECRETS_DIR: file('held'), SERVICES_FILE: listed(), ISSUERS_FILE: publish(issuer, second), PROXY_FILE: file('proxy.json') });
  admin = await s.somebody('admin');
});
after(async () => {
  await s.close();
  for (const b of [behind, other, tls, idp]) b.close();
  rmSync(dir, { recursive: true, force: true });
});

// Tells every node, and waits for what it says of it.
async function reload(line = /the settings are in force/) {
  await Promise.all(s.nodes.map(async (n) => {
    const from = n.log.length;
    n.child.kill('SIGHUP');
    await until(String(line), () => line.test(n.log.slice(from)));
  }));
}

// Asks from several sides until it is stopped; gives what was no 200.
function load(ask) {
  let running = true, count = 0;
  const bad = [];
  const sides = Array.from({ length: 8 }, async () => {
    for (; running; count += 1) {
      const r = await ask();
      if (r.status !== 200) bad.push(`${r.status} ${r.text}`);
    }
  });
  return { bad, count: () => count, stop: async () => { running = false; await Promise.all(sides); return bad; } };
}

async function token(key, iss) {
  const iat = Math.floor(Date.now() / 1000);
  const body = { iss, sub: iss, iat, exp: iat + 300, nonce: randomBytes(16).toString('hex'), env: 'test',
    scopes: ['users:read'], aud: 'tickettoken' };
  const sig = createHmac('sha256', key).update(JSON.stringify(body)).digest('hex');
  return Buffer.from(JSON.stringify({ ...body, sig })).toString('base64');
}
const ask = async (key, node, iss = 'scanner') => s.api('GET', '/auth/internal/users/by-email/nobody@example.com',
  { headers: { 'x-service-token': await token(key, iss), 'x-tenant-id': TENANT }, node });

test('a secret of a service is replaced three times under load, and nobody is refused', async () => {
  let key = first;
  const l = load(() => ask(key)), chief = await s.somebody('super-admin');
  const prints = async () => Promise.all(s.nodes.map(async (node) => (await s.must(200, 'GET', '/health/detailed', { token: chief.token, node })).config));
  const [print] = await prints();
  for (let i = 0; i < 3; i += 1) {
    const next = secret();
    put('scanner.old', key);
    put('scanner.key', next);
    listed({ previousSecretFile: file('scanner.old'), rotatedAt: new Date().toISOString() });
    assert.equal((await ask(next)).status, 401, 'before it is told');
    await reload();
    for (const node of s.nodes) assert.equal((await ask(next, node)).status, 200);
    const from = l.count();
    await until('old ones are taken after it', () => l.count() > from + 50);
    key = next;                                   // those that are on their way have the old one
    const mid = l.count();
    await until('new ones are taken', () => l.count() > mid + 50);
  }
  assert.deepEqual(await l.stop(), []);
  const now = new Set(await prints());
  assert.ok(now.size === 1 && !now.has(print), 'the fingerprint of the settings is another, on all nodes the same');
  assert.equal((await ask(first)).status, 401);
  listed();
  const last = readFileSync(file('scanner.old'), 'utf8');
  assert.equal((await ask(last)).status, 200, 'good for a day');
  await reload();
  assert.equal((await ask(last)).status, 401, 'taken back before the day was over');
  assert.equal((await ask(key)).status, 200);
});

test('so is the secret that all others share, and the one before it', async () => {
  const next = secret(), says = async (key) => Promise.all(s.nodes.map(async (node) => (await ask(key, node, 'shop')).status));
  const all = (status) => s.nodes.map(() => status);
  assert.deepEqual([await says(shared), await says(next)], [all(200), all(401)]);
  put('held/SERVICE_SECRET', next);
  put('held/SERVICE_SECRET_PREVIOUS', shared);
  put('held/SERVICE_SECRET_ROTATED_AT', new Date().toISOString());
  await reload(/a setting was changed.*SERVICE_SECRET_ROTATED_AT/);
  await until('both are taken', async () => [...await says(shared), ...await says(next)].every((status) => status === 200));
  put('held/SERVICE_SECRET_ROTATED_AT', new Date(Date.now() - 25 * 3600_000).toISOString());
  await reload();
  assert.deepEqual([await says(shared), await says(next)], [all(401), all(200)]);
  for (const n of s.nodes) assert.ok(!n.log.includes(next) && !n.log.includes(shared));
});

test('a mistake in one file changes nothing at all, and is told in one line', async () => {
  const key = readFileSync(file('scanner.key'), 'utf8'), next = secret();
  put('scanner.key', next);
  table(kept, { name: 'gone', prefix: '/elsewhere', urls: at(other) });
  await reload(/can't be used, the old ones stay.*upstreams\[1\]\.prefix must be \/api/);
  assert.equal((await ask(key)).status, 200);
  assert.equal((await ask(next)).status, 401);
  assert.equal((await s.api('GET', '/api/gone/x')).status, 200);
  table(kept, safe, row('gone', at(other)), row('moved', at(behind)), signed);
  for (const [name, broken, line] of [['services.json', '{"services":[{"id":"scanner","scopes":["users:raed"]}]}', /there is no scope users:raed/],
    ['issuers.json', '{"issuers":[{}]}', /needs issuer, audience/], ['client.key', 'no key', /upstream safe: TLS certificate/],
    ['scanner.key', 'short', /must have 32 to 200 letters/]]) {
    const was = readFileSync(file(name), 'utf8');
    put(name, broken);
    await reload(line);
    put(name, was);
    assert.equal((await ask(key)).status, 200, name);
    assert.equal((await s.api('GET', '/api/safe/x')).status, 200, name);
  }
  put('scanner.key', key);
  await reload();
  assert.equal((await ask(key)).status, 200);
});

// SIGHUP comes while an editor, or a tool that deploys, is in the middle of a file.
test('a file that is half written changes nothing, wherever it ends', async () => {
  const key = readFileSync(file('scanner.key'), 'utf8');
  for (const name of ['services.json', 'issuers.json', 'proxy.json', 'scanner.key', 'client.key', 'client.crt']) {
    const was = readFileSync(file(name), 'utf8');
    for (const part of [0, 0.03, 0.4, 0.97]) {
      const at = Math.floor(was.trimEnd().length * part);
      if (name === 'scanner.key' && at >= 32) continue;    // is as good a secret as any
      put(name, was.slice(0, at));
      await reload(/can't be used, the old ones stay/);
    }
    put(name, was);
    for (const node of s.nodes) {
      assert.equal((await ask(key, node)).status, 200, name);
      assert.equal((await s.api('GET', '/api/safe/x', { node })).status, 200, name);
    }
  }
  await reload();
});

test('who an issuer vouches for is let in no more when it is taken out, and the other one goes on without being asked', async () => {
  const p = await s.register(), sub = randomUUID();
  const shown = (iss) => new jose.SignJWT({ iss, aud: 'tickettoken', sub }).setIssuedAt().setExpirationTime('1h')
    .setProtectedHeader({ alg: 'ES256', kid: 'one' }).sign(published.pair.privateKey);
  const mine = await shown(issuer), theirs = await shown(second);
  for (const iss of [issuer, second])
    await s.must(201, 'POST', `/auth/admin/users/${p.id}/identities`, { token: admin.token, body: { issuer: iss, subject: sub } });
  const me = (t, node) => s.api('GET', '/auth/me', { token: t, node });
  for (const node of s.nodes) for (const t of [mine, theirs]) assert.equal((await me(t, node)).status, 200);
  away = true;
  const l = load(() => me(mine));
  const passed = (t, node) => s.api('GET', '/api/signed/x', { token: t, node });
  for (const node of s.nodes) for (const t of [mine, theirs]) assert.equal((await passed(t, node)).status, 200);
  publish(issuer);
  await reload();
  for (const node of s.nodes) {
    assert.equal((await me(theirs, node)).status, 401);
    assert.deepEqual([(await passed(theirs, node)).status, (await passed(mine, node)).status], [401, 200]);
  }
  publish(issuer, second);
  for (let i = 0; i < 3; i += 1) await reload();
  assert.deepEqual(await l.stop(), []);
  for (const node of s.nodes) assert.equal((await me(theirs, node)).status, 502, 'it comes anew, and is away');
});

test('services behind are replaced under load, and who stays keeps his connections', async () => {
  const long = s.api('GET', '/api/gone/x?wait=1500'), l = load(() => s.api('GET', '/api/kept/x'));
  const moving = load(() => s.api('GET', '/api/moved/x'));
  await sleep(100);
  table(kept, safe, row('moved', at(other)), row('fresh', at(behind)));
  await reload(/other services behind.*(kept"?[:=]2).*(opened"?[:=]2).*(ended"?[:=]3)/);
  assert.equal((await s.api('GET', '/api/gone/x')).status, 404);
  assert.equal((await s.api('GET', '/api/fresh/x')).status, 200);
  assert.equal((await long).status, 200, 'what was on its way is answered');
  for (let i = 0; i < 12; i += 1) {
    table(kept, safe, row('moved', at(i % 2 ? other : behind)), row('fresh', at(behind), { idleMs: 10_000 + i }));
    await reload();
  }
  assert.deepEqual(await moving.stop(), []);
  const before_ = behind.count.connections;
  await reload();
  assert.deepEqual(await l.stop(), []);
  assert.ok(behind.count.connections - before_ < 8 * s.nodes.length, 'connections of who stays are kept');
  const chief = await s.somebody('super-admin');
  const { data } = await s.must(200, 'GET', '/health/circuit-breakers', { token: chief.token });
  assert.deepEqual(data.map((b) => b.name), ['kept', 'safe', 'moved', 'fresh']);
});

test('the certificate that we show to a service is another one after it', async () => {
  const serial = async () => { await s.must(200, 'GET', '/api/safe/x'); return tls.shown; };
  tls.server.on('secureConnection', (socket) => { tls.shown = socket.getPeerCertificate().fingerprint256; });
  put('client.key', readFileSync(file('client.key'), 'utf8') + '\n');
  await reload();
  const was = await serial();
  const fresh = certificate(dir);                 // the same name, another key
  put('client.crt', readFileSync(fresh.cert, 'utf8'));
  put('client.key', readFileSync(fresh.key, 'utf8'));
  tls.server.setSecureContext({ key: readFileSync(fresh.key), cert: readFileSync(fresh.cert), ca: [readFileSync(fresh.cert)] });
  await reload();
  const now = await serial();
  assert.ok(was && now && was !== now);
});
