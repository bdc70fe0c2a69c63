// readme.test.mjs - what README.md tells one to type works as it stands there, but for the
// port and the folder.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { root, start } from './harness.mjs';

const readme = readFileSync(join(root, 'README.md'), 'utf8');
const here = 'HERE=http://127.0.0.1:8080';
let s, sh;

function block(name) {
  const found = new RegExp('^```sh ' + name + '\\n(.*?)^```', 'ms').exec(readme);
  assert.ok(found, `README.md has no block ${name}`);
  return found[1];
}

before(async () => {
  s = await start({ CLOCK: 'system', NODE_ENV: 'development' });
  const made = await s.cli(['demo']);
  assert.equal(made.code, 0, made.err);
  mkdirSync(join(s.dir, 'data'), { recursive: true });
  cpSync(join(s.dir, 'demo.json'), join(s.dir, 'data/demo.json'));
  sh = async (script) => (await promisify(execFile)('sh', ['-euc', script.replace(here, `HERE=${s.url}`)],
    { cwd: s.dir, timeout: 20_000 })).stdout;
});
after(() => s?.close());

test('a sale in seven requests ends with a code for the gate, and was heard live', async () => {
  const sale = block('sale');
  assert.ok(sale.includes(here));
  const live = block('live').trimEnd().replace('curl', 'curl --max-time 1');
  const said = await sh(`${sale}\necho "TICKET=$TICKET"\n${live} || true`);
  assert.match(said, /"status":"succeeded"/);
  assert.match(said, /^TICKET=[0-9a-f-]{36}$/m);
  assert.match(said, /^[0-9A-Z]{40,}$/m, 'the code');
  assert.match(said, /^event: connected$/m);
});

test('a line of it that is wrong would be noticed', async () => {
  const check = '\ntest "$TICKET" != null';
  await sh(block('sale') + check);
  await assert.rejects(sh(block('sale').replace('/api/v1/purchase', '/api/v1/buy') + check));
});
