// findings.test.mjs - what requirements file 003 found, where no other test shows it closed;
// and that docs/why/findings.md and faults.md name tests that are there.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import * as jose from 'jose';
import { root, start } from './harness.mjs';

let one, other;
before(async () => { [one, other] = await Promise.all([start(), start()]); });
after(() => Promise.all([one?.close(), other?.close()]));

test('two installations share nothing that signs', async () => {
  const p = await one.register(), admin = await one.somebody('super-admin');
  for (const token of [p.token, admin.token]) {
    assert.equal((await one.api('GET', '/auth/me', { token })).status, 200);
    assert.equal((await other.api('GET', '/auth/me', { token })).body.code, 'INVALID_TOKEN');
  }
  assert.equal((await other.api('POST', '/auth/refresh', { body: { refreshToken: p.refresh } })).status, 401);
  const keys = async (s) => (await s.must(200, 'GET', '/.well-known/jwks.json')).keys;
  const mine = await keys(one), theirs = new Set((await keys(other)).map((k) => k.kid));
  assert.ok(mine.length > 0 && mine.every((k) => !theirs.has(k.kid)));
  for (const secret of ['dev-secret-change-in-production', 'dev-secret', 'your-secret-key', 'secret', 'changeme']) {
    const forged = await new jose.SignJWT({ ...jose.decodeJwt(p.token) }).setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' }).sign(new TextEncoder().encode(secret.padEnd(32, '\0')));
    assert.equal((await one.api('GET', '/auth/me', { token: forged })).status, 401, secret);
  }
});

// What a test makes for itself is not shipped.
const shipped = () => execFileSync('git', ['ls-files', '-z', '--', '.', ':!tests'], { cwd: root, encoding: 'utf8' }).split('\0').filter(Boolean);
const suspicious = /-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{16}|change-in-production|dev-secret|eyJhbGciOi[A-Za-z0-9_-]{20,}\.eyJ/;

test('no secret and no private key stands in what is shipped', () => {
  for (const file of shipped()) assert.doesNotMatch(readFileSync(join(root, file), 'latin1'), suspicious, file);
  assert.match('secret: process.env.X || \'dev-secret\'', suspicious);
  assert.match('-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIIGlRFMz', suspicious);
});

test('a star in the list of origins stops the start', async () => {
  for (const origins of ['*', 'https://shop.example,*', 'https://*.example']) {
    const r = await one.cli(['config'], { env: { CORS_ORIGINS: origins } });
    assert.notEqual(r.code, 0, origins);
    assert.match(r.err, /CORS_ORIGINS: .* is no origin/);
  }
  assert.equal((await one.cli(['config'], { env: { CORS_ORIGINS: 'https://shop.example' } })).code, 0);
});

// `api/NAME: what a test says` or `unit/NAME: what_a_test_states`
const named = (text) => [...text.matchAll(/`(api|unit)\/([\w-]+): (.+?)`/g)].map(([, kind, file, name]) => ({ kind, file, name }));
function isThere({ kind, file, name }) {
  const path = kind === 'api' ? `tests/api/${file}.test.mjs` : `tests/unit/${file}_test.c`;
  const text = readFileSync(join(root, path), 'utf8');
  if (kind === 'unit') return text.includes(`TEST(${name})`);
  return ["'", '`'].some((q) => text.replaceAll("\\'", "'").includes(`(${q}${name}${q},`));
}

test('every test that the pages name is there', () => {
  const all = ['findings', 'faults'].flatMap((page) => named(readFileSync(join(root, `docs/why/${page}.md`), 'utf8')));
  assert.ok(all.length > 100, `${all.length}`);
  assert.deepEqual(all.filter((t) => !isThere(t)), []);
  assert.ok(!isThere({ kind: 'unit', file: 'log', name: 'nobody_wrote_this' }) && !isThere({ kind: 'api', file: 'http', name: 'nobody wrote this' }));
});
