// openapi.test.mjs - the document is valid for a linter that nobody here wrote, and says
// what the server does.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { judge } from './conform.mjs';
import { routes, run, start } from './harness.mjs';

let s, text, api;
before(async () => {
  s = await start();
  const r = await s.api('GET', '/openapi.json');
  assert.equal(r.status, 200);
  text = r.text;
  api = r.body;
});
after(() => s.close());

const lint = async (source) => (await lintFromString({ source, absoluteRef: '/openapi.json',
  config: await createConfig({ extends: ['recommended'] }) }));

test('the linter finds nothing, recommended rules', async () => {
  const found = await lint(text);
  assert.deepEqual(found.map((p) => `${p.severity} ${p.ruleId}: ${p.message} ${p.location[0]?.pointer}`), []);
});

test('the linter would find something', async () => {
  const wrong = structuredClone(api);
  wrong.paths['/health'].get.responses['200'].content['application/json'].schema.$ref = '#/components/schemas/Nobody';
  delete wrong.paths['/auth/login'].post.operationId;
  const found = (await lint(JSON.stringify(wrong))).map((p) => p.ruleId);
  assert.ok(found.includes('no-unresolved-refs') && found.includes('operation-operationId'), found.join());
});

test('every route that is no page is in it, and nothing else', () => {
  const want = routes.filter((r) => !r.page && r.method !== 'ALL' && r.path !== '/internal/test/clock')
    .map((r) => `${r.method.toLowerCase()} ${r.path.replace(/:(\w+)/g, '{$1}')}`).sort();
  const got = Object.entries(api.paths).flatMap(([p, ops]) => Object.keys(ops).map((m) => `${m} ${p}`)).sort();
  assert.deepEqual(got, want);
});

test('who needs a token is told so, and it is true', async () => {
  for (const [path, ops] of Object.entries(api.paths))
    for (const [method, op] of Object.entries(ops)) {
      if (!op.security.some((x) => 'bearer' in x)) continue;
      const real = path.replace(/\{\w+\}/g, '00000000-0000-0000-0000-000000000009');
      assert.equal((await s.api(method.toUpperCase(), real, { headers: { accept: '*/*' } })).status, 401, `${method} ${path}`);
    }
});

test('a body is refused exactly where the document requires a member', async () => {
  const { required } = api.components.schemas[api.paths['/auth/register'].post.requestBody.content['application/json'].schema.$ref.split('/').pop()];
  const r = await s.api('POST', '/auth/register', { body: {} });
  assert.deepEqual(r.body.errors.map((e) => e.field).sort(), [...required].sort());
});

test('what a list can be asked for is a parameter, and is refused when it is something else', async () => {
  const boss = await s.somebody('super_admin');
  let tried = 0;
  for (const [path, ops] of Object.entries(api.paths))
    for (const p of (path.includes('{') ? [] : ops.get?.parameters ?? [])) {
      if (p.in !== 'query' || !(p.schema.format || p.schema.enum || p.schema.type === 'boolean')) continue;
      const r = await s.api('GET', `${path}?${p.name}=x`, { token: boss.token });
      assert.equal(r.status, 400, `${path} ${p.name}`);
      assert.deepEqual(r.body.errors.map((e) => e.field), [p.name]);
      tried += 1;
    }
  assert.ok(tried >= 11, `${tried}`);
});

test('a list that is given whole says nothing of pages', async () => {
  const refs = (path) => api.paths[path].get.parameters.map((p) => p.name ?? p.$ref.split('/').pop());
  assert.deepEqual(refs('/auth/passkeys'), []);
  assert.deepEqual(refs('/api/v1/events'), ['status', 'venueId', 'search', 'from', 'Limit', 'Cursor']);
});

test('the command prints the same document', async () => {
  const { code, out } = await run(['openapi']);
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(out), api);
});

// Every answer of every test is held against the document (conform.mjs); this is whether
// that would notice anything.
test('an answer that is not as the document says is noticed', async () => {
  const wrong = judge(api);
  const organiser = await s.organiser();
  const { event } = await s.must(200, 'GET', `/api/v1/events/${(await s.event(organiser)).id}`, { token: organiser.token });
  const at = ['GET', '/api/v1/events/:id'];
  assert.equal(wrong(...at, 200, { event }), undefined);
  assert.match(wrong(...at, 200, { event: { ...event, secret: 1 } }), /additional properties.*secret/);
  assert.match(wrong(...at, 200, { event: { ...event, startsAt: 'tomorrow' } }), /date-time/);
  assert.match(wrong(...at, 200, { event: { ...event, status: 'ASLEEP' } }), /allowed values/);
  delete event.venueId;
  assert.match(wrong(...at, 200, { event }), /required property 'venueId'/);
  assert.match(wrong(...at, 404, { message: 'no' }), /required property 'code'/);
  assert.match(wrong(...at, 201, { event }), /not among its answers/);
});
