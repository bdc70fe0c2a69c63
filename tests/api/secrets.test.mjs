// secrets.test.mjs - settings out of files, Vault and AWS Secrets Manager, by doubles that
// speak their protocols and believe nothing: AWS's signature is made again with node:crypto.
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { run, start, until } from './harness.mjs';

const folder = mkdtempSync(join(tmpdir(), 'tickettoken-secrets-'));
const servers = [];
after(() => { servers.forEach((s) => s.close()); rmSync(folder, { recursive: true, force: true }); });
const NAMES = ['QR_ENCRYPTION_KEY', 'INTERNAL_SERVICE_SECRET', 'INTERNAL_WEBHOOK_SECRET'];
const planted = (n) => Object.fromEntries(NAMES.map((name) => [name, `planted-${n}-${name}`.padEnd(48, 'x')]));
let folders = 0;
const data = () => ['--data', join(folder, String(folders++))];

// answer({method, url, headers, body}) gives [status, object] or [status, text].
async function double(answer) {
  const asked = [];
  const s = http.createServer(async (q, r) => {
    let body = '';
    for await (const part of q) body += part;
    const ask = { method: q.method, url: q.url, headers: q.headers, body };
    asked.push(ask);
    const [status, out] = answer(ask);
    r.writeHead(status, { 'content-type': 'application/json' });
    r.end(typeof out === 'string' ? out : JSON.stringify(out));
  });
  await new Promise((done) => { s.listen(0, '127.0.0.1', done); });
  servers.push(s);
  return { url: `http://127.0.0.1:${s.address().port}`, asked };
}

function vault(held, { token = 'hvs.root' } = {}) {
  const state = { held, version: 1, revoked: [], busy: 0 };
  return double(({ method, url, headers, body }) => {
    if (state.busy-- > 0) return [503, { errors: ['Vault is sealed'] }];
    if (headers['x-vault-request'] !== 'true') return [412, { errors: [] }];
    if (url === '/v1/auth/approle/login' && method === 'POST') {
      const b = JSON.parse(body);
      return b.role_id === 'the-role' && b.secret_id === 'the-secret-id' ? [200, { auth: { client_token: token } }] : [400, { errors: ['invalid role or secret ID'] }];
    }
    if (url === '/v1/auth/cluster/login') {
      const b = JSON.parse(body);
      return b.role === 'tickets' && b.jwt === 'the.pod.token' ? [200, { auth: { client_token: token } }] : [403, { errors: ['permission denied'] }];
    }
    if (headers['x-vault-token'] !== token) return [403, { errors: ['permission denied'] }];
    if (url === '/v1/auth/token/revoke-self') { state.revoked.push(token); return [204, '']; }
    if (url === '/v1/kv/data/shop/prod' && headers['x-vault-namespace'] === 'eu')
      return [200, { data: { data: state.held, metadata: { version: state.version } } }];
    return [404, { errors: [] }];
  }).then((d) => ({ ...d, state }));
}

const vaultEnv = (v, more) => ({ NODE_ENV: 'production', HASH_MEMORY_KIB: '', VAULT_ADDR: v.url, VAULT_NAMESPACE: 'eu', VAULT_KV_MOUNT: 'kv', VAULT_KV_PATH: 'shop/prod', ...more });

function quiet(r, ...secrets) {
  for (const s of secrets.flatMap((x) => (typeof x === 'object' ? Object.values(x) : [x])))
    assert.ok(!r.out.includes(s) && !r.err.includes(s), `a secret is shown: ${s}`);
}

test('Vault gives what is missing, to a token, an AppRole and a pod', async () => {
  const held = { ...planted(1), MAIL_FROM: 'vault@example.com', port: 'not ours', SSE_MAX_PER_USER: 7 };
  const v = await vault(held);
  const pod = join(folder, 'pod');
  writeFileSync(pod, 'the.pod.token\n');
  const ways = { token: { VAULT_TOKEN: 'hvs.root' }, approle: { VAULT_ROLE_ID: 'the-role', VAULT_SECRET_ID: 'the-secret-id' },
    pod: { VAULT_K8S_ROLE: 'tickets', VAULT_AUTH_MOUNT: 'cluster', VAULT_K8S_TOKEN_PATH: pod } };
  for (const [way, env] of Object.entries(ways)) {
    v.state.revoked = [];
    const r = await run(['config', ...data()], { env: vaultEnv(v, env) });
    assert.equal(r.code, 0, r.err);
    assert.match(r.out, /^QR_ENCRYPTION_KEY=\[redacted\]$/m);
    assert.match(r.out, /^MAIL_FROM=vault@example.com$/m);
    assert.match(r.out, /^SSE_MAX_PER_USER=7$/m);
    quiet(r, planted(1), 'hvs.root', 'the-secret-id', 'the.pod.token');
    assert.equal(v.state.revoked.length, way === 'token' ? 0 : 1, 'a token of a login is given back');
    const s = await run(['config', '--sources', ...data()], { env: vaultEnv(v, { ...env, INTERNAL_WEBHOOK_SECRET: 'e'.repeat(40) }) });
    assert.match(s.out, /^QR_ENCRYPTION_KEY +Vault kv\/shop\/prod version 1$/m);
    assert.match(s.out, /^INTERNAL_WEBHOOK_SECRET +environment$/m);
    quiet(s, planted(1));
  }
});

test('a Vault that starts is waited for, one that refuses is believed', async () => {
  const v = await vault(planted(1));
  v.state.busy = 2;
  assert.equal((await run(['config', ...data()], { env: vaultEnv(v, { VAULT_TOKEN: 'hvs.root' }) })).code, 0);
  v.asked.length = 0;
  const r = await run(['serve', '--port', '0', ...data()], { env: vaultEnv(v, { VAULT_TOKEN: 'hvs.wrong' }) });
  assert.equal(r.code, 1);
  assert.equal(v.asked.length, 1);
  assert.match(r.err, /Vault: .*\/v1\/kv\/data\/shop\/prod gives 403: permission denied/);
  for (const name of NAMES) assert.match(r.err, new RegExp(`^${name}: is required`, 'm'), 'all at once');
  quiet(r, 'hvs.wrong');
  const clear = await run(['config', ...data()], { env: vaultEnv({ url: 'http://vault.example' }, { VAULT_TOKEN: 'hvs.root' }) });
  assert.match(clear.err, /VAULT_ADDR must begin with https/);
});

test('a token of a login is given back although there was nothing to read with it', async () => {
  const v = await vault(planted(1));
  const r = await run(['config', ...data()], { env: vaultEnv(v, { VAULT_ROLE_ID: 'the-role', VAULT_SECRET_ID: 'the-secret-id', VAULT_KV_PATH: 'shop/none' }) });
  assert.match(r.err, /Vault: .*\/v1\/kv\/data\/shop\/none gives 404/);
  assert.equal(v.state.revoked.length, 1);
  quiet(r, 'the-secret-id');
});

test('what Vault lacks is named, all of it, in production', async () => {
  const v = await vault({ QR_ENCRYPTION_KEY: 'k'.repeat(40), INTERNAL_SERVICE_SECRET: { no: 'text' } });
  const r = await run(['serve', '--port', '0', ...data()], { env: vaultEnv(v, { VAULT_TOKEN: 'hvs.root' }) });
  assert.equal(r.code, 1);
  assert.match(r.err, /^INTERNAL_SERVICE_SECRET: Vault kv\/shop\/prod version 1 holds no text for it$/m);
  assert.match(r.err, /^INTERNAL_WEBHOOK_SECRET: is required/m);
  assert.ok(!/QR_ENCRYPTION_KEY/.test(r.err));
});

// ---- AWS ------------------------------------------------------------------------------

const hash = (s) => createHash('sha256').update(s).digest('hex');
const hmac = (k, s) => createHmac('sha256', k).update(s).digest();

// The signature as AWS says it is made, from what came over the wire.
function signed({ method, url, headers, body }, keys, region) {
  const m = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/secretsmanager\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/
    .exec(headers.authorization ?? '');
  if (!m || m[1] !== keys.id || m[3] !== region) return false;
  const names = m[4].split(';');
  for (const need of ['host', 'x-amz-date', 'x-amz-target', 'content-type', ...(keys.session ? ['x-amz-security-token'] : [])])
    if (!names.includes(need)) return false;
  if (keys.session && headers['x-amz-security-token'] !== keys.session) return false;
  const canonical = [method, url, '', ...names.map((n) => `${n}:${headers[n].trim()}`), '', m[4], hash(body)].join('\n');
  const date = headers['x-amz-date'], scope = `${m[2]}/${region}/secretsmanager/aws4_request`;
  const key = ['aws4_request'].reduce(hmac, hmac(hmac(hmac(`AWS4${keys.secret}`, m[2]), region), 'secretsmanager'));
  const age = Math.abs(Date.now() - Date.parse(date.replace(/(....)(..)(..T..)(..)(..)Z/, '$1-$2-$3:$4:$5Z')));
  return age < 300_000 && hmac(key, ['AWS4-HMAC-SHA256', date, scope, hash(canonical)].join('\n')).toString('hex') === m[5];
}

function aws(held, keys) {
  return double((ask) => {
    if (ask.url.startsWith('/role') && ask.headers.authorization === 'the-pods-token')
      return [200, { AccessKeyId: keys.id, SecretAccessKey: keys.secret, Token: keys.session }];
    if (ask.url === '/latest/api/token' && ask.method === 'PUT') return [200, 'imds-token'];
    const imds = ask.headers['x-aws-ec2-metadata-token'] === 'imds-token';
    if (imds && ask.url === '/latest/meta-data/iam/security-credentials/') return [200, 'shop-role'];
    if (imds && ask.url.endsWith('/shop-role'))
      return [200, { Code: 'Success', AccessKeyId: keys.id, SecretAccessKey: keys.secret, Token: keys.session }];
    if (ask.headers['x-amz-target'] !== 'secretsmanager.GetSecretValue') return [400, { __type: 'UnknownOperationException' }];
    if (!signed(ask, keys, 'eu-central-1')) return [400, { __type: 'InvalidSignatureException', Message: 'no' }];
    if (JSON.parse(ask.body).SecretId !== 'prod/tickettoken') return [400, { __type: 'ResourceNotFoundException', Message: "can't find it" }];
    return [200, { Name: 'prod/tickettoken', VersionId: 'v-7', SecretString: JSON.stringify(held) }];
  });
}

const awsEnv = (a, more) => ({ NODE_ENV: 'production', HASH_MEMORY_KIB: '', AWS_REGION: 'eu-central-1', AWS_SECRET_ID: 'prod/tickettoken', AWS_ENDPOINT_URL_SECRETS_MANAGER: a.url, ...more });

test('AWS Secrets Manager gives it, to a key, a container and a machine', async () => {
  const keys = { id: 'AKIDEXAMPLE', secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', session: 'a-session/with+signs==' };
  const a = await aws(planted(2), keys);
  const given = { AWS_ACCESS_KEY_ID: keys.id, AWS_SECRET_ACCESS_KEY: keys.secret, AWS_SESSION_TOKEN: keys.session };
  const pod = join(folder, 'aws-token');
  writeFileSync(pod, 'the-pods-token');
  const ways = [given, { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${a.url}/role`, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: pod },
    { AWS_EC2_METADATA_SERVICE_ENDPOINT: a.url }];
  for (const env of ways) {
    const r = await run(['config', '--sources', ...data()], { env: awsEnv(a, env) });
    assert.equal(r.code, 0, r.err);
    assert.match(r.out, /^QR_ENCRYPTION_KEY +AWS prod\/tickettoken version v-7$/m);
    quiet(r, planted(2), keys.secret, keys.session, 'the-pods-token');
  }
  const wrong = await run(['config', ...data()], { env: awsEnv(a, { ...given, AWS_SECRET_ACCESS_KEY: keys.secret.toLowerCase() }) });
  assert.equal(wrong.code, 1, 'the double looks at signatures');
  assert.match(wrong.err, /AWS Secrets Manager: GetSecretValue gives 400: InvalidSignatureException/);
  const none = await run(['config', ...data()], { env: awsEnv(a, { ...given, AWS_SECRET_ID: 'other' }) });
  assert.match(none.err, /ResourceNotFoundException can't find it/);
  const elsewhere = await run(['config', ...data()], { env: awsEnv(a, { AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://collector.example/role' }) });
  assert.match(elsewhere.err, /no address that hands out credentials/);
});

// ---- what the operator reads when it fails ----------------------------------------------

// A store that answers every request the same, or as `answers` says by its path, and
// repeats in its error all that it was sent, as AWS does for a wrong signature.
function parrot(answers) {
  return double((ask) => {
    const found = Object.entries(answers).find(([path]) => ask.url.includes(path) || ask.headers['x-amz-target'] === path)?.[1] ?? [404, { errors: [] }];
    const sent = [ask.headers['x-vault-token'], ask.headers.authorization, ask.headers['x-amz-security-token'], ask.body].filter(Boolean).join(' ');
    return [found[0], JSON.parse(JSON.stringify(found[1]).replace('SENT', JSON.stringify(sent).slice(1, -1)))];
  });
}

const SECRET = { token: 'hvs.TheTokenOfVault', id: 'the-secret-id-of-the-role', login: 'hvs.GivenByTheLogin', jwt: 'the.pods.jwt-0123456789',
  key: 'TheSecretAccessKey/0123456789', session: 'TheSessionTokenOfAws+==', container: 'TheContainersToken', roleKey: 'TheRolesKey/9876', roleSession: 'TheRolesSession+==' };

async function fails(env, says) {
  const r = await run(['config', ...data()], { env });
  assert.equal(r.code, 1, r.out);
  const [line] = r.err.split('\n').filter((l) => /^(Vault|AWS Secrets Manager): /.test(l));
  assert.match(line ?? r.err, says);
  quiet(r, SECRET);
}

test('what Vault refuses says which setting to mend, and no secret, whatever it repeats', async () => {
  const pod = join(folder, 'pod-jwt');
  writeFileSync(pod, SECRET.jwt + '\n');
  const app = { VAULT_ROLE_ID: 'the-role', VAULT_SECRET_ID: SECRET.id }, own = { VAULT_TOKEN: SECRET.token };
  const k8s = { VAULT_K8S_ROLE: 'tickets', VAULT_K8S_TOKEN_PATH: pod };
  const approle = { '/login': [200, { auth: { client_token: SECRET.login } }] };
  const cases = [
    [own, { '/data/': [403, { errors: ['SENT is no token'] }] }, /gives 403: \[redacted\] is no token; VAULT_TOKEN has ended/],
    [own, { '/data/': [404, { errors: [] }] }, /gives 404: no reason given; VAULT_NAMESPACE, VAULT_KV_MOUNT or VAULT_KV_PATH/],
    [own, { '/data/': [503, { errors: ['Vault is sealed'] }] }, /gives 503: Vault is sealed; unseal it/],
    [own, { '/data/': [200, { data: { QR_ENCRYPTION_KEY: SECRET.key } }] }, /holds nothing that KV version 2 would give: is VAULT_KV_MOUNT/],
    [own, { '/data/': [200, []] }, /holds nothing that KV version 2 would give/],
    [own, { '/data/': [200, SECRET.key] }, /holds nothing that KV version 2 would give/],
    [app, { '/login': [400, { errors: ['SENT'] }] }, /gives 400: \{"role_id":"the-role","secret_id":"\[redacted\]"\}; VAULT_ROLE_ID or VAULT_SECRET_ID/],
    [app, { '/login': [200, { auth: null }] }, /gives no token: is VAULT_AUTH_MOUNT/],
    [app, { '/login': [200, []] }, /gives no token/],
    [app, { ...approle, '/data/': [403, { errors: ['SENT may not'] }] }, /gives 403: \[redacted\] may not; VAULT_TOKEN has ended, or the policy/],
    [k8s, { '/login': [403, { errors: ['SENT'] }] }, /gives 403: \{"role":"tickets","jwt":"\[redacted\]"\}; .*VAULT_K8S_ROLE/],
    [{ ...k8s, VAULT_AUTH_MOUNT: 'east' }, {}, /auth\/east\/login gives 404: .*VAULT_AUTH_MOUNT/],
    [{ ...k8s, VAULT_K8S_TOKEN_PATH: '/nowhere/token' }, {}, /VAULT_K8S_TOKEN_PATH \/nowhere\/token can't be read/],
    [{}, {}, /give VAULT_TOKEN, or VAULT_ROLE_ID and VAULT_SECRET_ID, or VAULT_K8S_ROLE/],
  ];
  await Promise.all(cases.map(async ([env, answers, says]) => fails(vaultEnv(await parrot(answers), env), says)));
  await fails(vaultEnv({ url: 'http://127.0.0.1:1' }, own), /Vault: .*127\.0\.0\.1/);
});

test('what AWS refuses says which setting to mend, and no secret, whatever it repeats', async () => {
  const own = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: SECRET.key, AWS_SESSION_TOKEN: SECRET.session };
  const get = (status, answer) => ({ 'secretsmanager.GetSecretValue': [status, answer] });
  const refuses = (type, Message = 'SENT') => get(400, { __type: type, Message });
  const machine = { '/latest/api/token': [200, 'x'], '/shop-role': [200, { AccessKeyId: 'AKIDROLE', SecretAccessKey: SECRET.roleKey, Token: SECRET.roleSession }] };
  const cases = [
    [own, refuses('InvalidSignatureException', `wrong: x-amz-security-token:${SECRET.session} of ${SECRET.key}`), /InvalidSignatureException wrong: x-amz-security-token:\[redacted\] of \[redacted\]; AWS_SECRET_ACCESS_KEY is not/],
    [own, refuses('com.amazon.coral.service#UnrecognizedClientException'), /; AWS_ACCESS_KEY_ID is not known/],
    [own, refuses('ExpiredTokenException'), /; AWS_SESSION_TOKEN has ended/],
    [own, refuses('AccessDeniedException'), /; who signed needs the right secretsmanager:GetSecretValue/],
    [own, refuses('ResourceNotFoundException'), /; AWS_SECRET_ID or AWS_REGION is another one/],
    [own, get(500, []), /gives 500: no reason given/],
    [own, get(200, { SecretBinary: SECRET.key }), /prod\/tickettoken holds no text: store it as a SecretString/],
    [own, get(200, []), /prod\/tickettoken holds no text/],
    [own, get(200, { SecretString: SECRET.key }), /prod\/tickettoken is no JSON object of settings/],
    [own, get(200, { SecretString: JSON.stringify([SECRET.key]) }), /prod\/tickettoken is no JSON object of settings/],
    [{ ...own, AWS_REGION: '' }, {}, /AWS_SECRET_ID wants AWS_REGION/],
    [{ AWS_CONTAINER_CREDENTIALS_FULL_URI: 'BASE/role', AWS_CONTAINER_AUTHORIZATION_TOKEN: SECRET.container }, { '/role': [401, { message: 'SENT' }] },
      /\/role gives 401: is AWS_CONTAINER_AUTHORIZATION_TOKEN/],
    [{ AWS_CONTAINER_CREDENTIALS_FULL_URI: 'BASE/role', AWS_CONTAINER_AUTHORIZATION_TOKEN: SECRET.container },
      { '/role': [200, { AccessKeyId: 'AKIDROLE', SecretAccessKey: SECRET.roleKey, Token: SECRET.roleSession }], ...refuses('ExpiredTokenException', `SENT ${SECRET.roleKey} ${SECRET.container}`) }, /ExpiredTokenException/],
    [{ AWS_CONTAINER_CREDENTIALS_FULL_URI: 'BASE/role' }, { '/role': [200, []] }, /the role of this container has no credentials/],
    [{ AWS_EC2_METADATA_SERVICE_ENDPOINT: 'BASE' }, {}, /no credentials: give AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role/],
    [{ AWS_EC2_METADATA_SERVICE_ENDPOINT: 'BASE' }, { '/latest/api/token': [200, 'x'] }, /this machine has no role: give it one, or AWS_ACCESS_KEY_ID/],
    [{ AWS_EC2_METADATA_SERVICE_ENDPOINT: 'BASE' }, { '/latest/api/token': [200, 'x'], '/shop-role': [404, {}], '/security-credentials/': [200, 'shop-role'] }, /the role of this machine has no credentials/],
    [{ AWS_EC2_METADATA_SERVICE_ENDPOINT: 'BASE' }, { ...machine, '/security-credentials/': [200, 'shop-role'], ...refuses('AccessDeniedException', `${SECRET.roleKey} SENT`) }, /AccessDeniedException \[redacted\]/],
  ];
  await Promise.all(cases.map(async ([env, answers, says]) => {
    const a = await parrot(answers);
    await fails(awsEnv(a, Object.fromEntries(Object.entries(env).map(([k, v]) => [k, v.replace('BASE', a.url)]))), says);
  }));
});

// ---- files, and what changes while it runs ---------------------------------------------

test('doctor says from where each secret came and shows none', async () => {
  const held = join(folder, 'held');
  mkdirSync(held);
  for (const [name, value] of Object.entries(planted(3))) writeFileSync(join(held, name), value + '\n');
  const r = await run(['doctor', '--set', 'PORT=0', ...data()], { env: { NODE_ENV: 'production', HASH_MEMORY_KIB: '', SECRETS_DIR: held } });
  for (const name of NAMES) assert.match(r.out, new RegExp(`${name} from file ${held}/${name}`));
  quiet(r, planted(3));
});

test('SIGHUP takes what can change and tells what can not', async () => {
  const v = await vault({ ...planted(4), LOG_LEVEL: 'info' });
  const token = join(folder, 'metrics');
  writeFileSync(token, 'first-token-of-an-operator\n', { mode: 0o600 });
  const s = await start({ NODE_ENV: 'test', CLOCK: 'system', LOG_LEVEL: '', VAULT_ADDR: v.url, VAULT_NAMESPACE: 'eu', VAULT_KV_MOUNT: 'kv',
    VAULT_KV_PATH: 'shop/prod', VAULT_TOKEN: 'hvs.root', METRICS_TOKEN_FILE: token });
  const [node] = s.nodes, status = async (t) => (await s.api('GET', '/metrics', { token: t, node })).status;
  const hup = async (line) => { const from = node.log.length; node.child.kill('SIGHUP'); await until(String(line), () => line.test(node.log.slice(from))); };
  try {
    assert.equal(await status('first-token-of-an-operator'), 200);
    v.state.held = { ...planted(5), LOG_LEVEL: 'warn', WORKERS: 'many' };
    await hup(/the old ones stay.*WORKERS/);
    assert.ok(!node.log.includes('waits for the next start'), 'a mistake changes nothing');
    writeFileSync(token, 'second-token-of-an-operator\n', { mode: 0o600 });
    v.state.held = { ...planted(5), LOG_LEVEL: 'debug' };
    v.state.version = 2;
    await hup(/a setting was changed.*LOG_LEVEL/);
    await until('the secret is told', () => /waits for the next start.*INTERNAL_WEBHOOK_SECRET.*version 2/.test(node.log));
    assert.equal(await status('first-token-of-an-operator'), 401);
    assert.equal(await status('second-token-of-an-operator'), 200);
    await s.api('GET', '/health', { node });
    await until('the level is debug', () => /"?request"?.*\/health/.test(node.log));
    for (const secret of Object.values({ ...planted(4), ...planted(5) })) assert.ok(!node.log.includes(secret));
  } finally { await s.close(); }
});
