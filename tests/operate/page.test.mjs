// page.test.mjs - docs/operate.md and ops/ without running anything: files and packages
// that it names are there, systemd, haproxy and PgBouncer can read theirs, and what it
// quotes is what the program says.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { assert, binary, block, folder, ops, production, root, shell, shims } from './ground.mjs';

const page = readFileSync(join(root, 'docs/operate.md'), 'utf8');
const have = (word) => { try { execFileSync('sh', ['-c', `command -v ${word}`]); return true; } catch { return false; } };

test('what the page points to is there', () => {
  for (const [, to] of page.matchAll(/\]\(([^)#]+)\)/g)) assert.ok(existsSync(join(root, 'docs', to)), to);
});

test('the settings that it names exist', () => {
  const known = readFileSync(join(root, 'docs/configuration.md'), 'utf8');
  const named = new Set([...page.matchAll(/`([A-Z][A-Z_]+[A-Z])(?:=[^`]*)?`/g)].map((m) => m[1])
    .filter((n) => n.includes('_') && !['SALES_PAUSED'].includes(n)));
  assert.ok(named.size > 10);
  for (const n of named) if (!n.endsWith('_')) assert.ok(known.includes(`\`${n.replace(/_FILE$/, '')}\``) || known.includes(`\`${n}\``), n);
});

test('the libraries that it installs are those that the program is linked with', () => {
  const wanted = execFileSync('objdump', ['-p', binary], { encoding: 'utf8' }).match(/(?<=NEEDED +)\S+/g)
    .filter((so) => !/^(libc|ld-linux.*|libcrypto)\.so/.test(so));
  assert.ok(wanted.length >= 12, wanted.join());
  const missing = (text) => wanted.filter((so) => {
    const [, name, version] = /^lib([a-z0-9]+)\.so\.([\d.]+)$/.exec(so);
    return ![`lib${name}${version}`, `lib${name}-${version}`].some((p) => new RegExp(`(^|\\s)${p}(\\s|$)`).test(text));
  });
  assert.deepEqual(missing(page), []);
  assert.deepEqual(missing(page.replace('libnghttp2-14', '')), ['libnghttp2.so.14'], 'one that is left out is noticed');
});

test('the settings of the page start a server in production', async () => {
  const etc = join(folder, 'etc');
  await shell(block('settings', { '/etc/tickettoken': etc }), { shim: shims(join(folder, 'page-shim'), { chown: 'exit 0' }) });
  const said = await shell(`set -a; . ${etc}/env; set +a; exec ${binary} config --data ${join(folder, 'page')}`);
  assert.match(said, /NODE_ENV.*production/);
  const data = join(folder, 'page'), shim = shims(join(folder, 'page-bin'), { tickettoken: `exec ${binary} "$@"` });
  await shell(`set -a; . ${etc}/env; set +a; mkdir -m 700 ${data}; tickettoken migrate --data ${data}`, { shim });
  const first = block('first-admin', { '/etc/tickettoken': etc, '/var/lib/tickettoken': data });
  const done = await shell(`exec <<END\nCorrect-Horse-7-Battery\nEND\n${first}`, { shim, env: { PORT: '0' } });
  assert.match(done, /All is well\./);
  assert.match(done, /^[0-9a-f-]{36} you@tickets\.example super-admin$/m);
  writeFileSync(join(etc, 'node'), block('node'));
  const url = await shell(`set -a; . ${etc}/env; . ${etc}/node; printf %s "$DATABASE_URL"`);
  assert.match(url, /sslrootcert=\/etc\/tickettoken\/ca\.crt$/);
});

test('systemd reads the unit, and finds little to reproach it with', { skip: !have('systemd-analyze') && 'no systemd here' }, () => {
  mkdirSync(join(folder, 'unit'));
  const unit = join(folder, 'unit/tickettoken.service');
  writeFileSync(unit, ops('tickettoken.service', { '/usr/local/bin/tickettoken': binary }));
  const said = execFileSync('sh', ['-c', `systemd-analyze verify ${unit} 2>&1`], { encoding: 'utf8' });
  assert.equal(said, '');
  execFileSync('systemd-analyze', ['security', '--offline=true', '--threshold=20', '--no-pager', unit], { stdio: 'ignore' });
});

test('the sentences that it quotes are in the program', () => {
  const source = readdirSync(join(root, 'src'), { recursive: true }).filter((f) => f.endsWith('.c'))
    .map((f) => readFileSync(join(root, 'src', f), 'utf8')).join('\n').replace(/"\s*\n\s*"/g, '');
  for (const part of ["these settings can't be used:", 'is refused in production', 'this program needs', 'is too old for',
    'is a superuser or bypasses row-level security', 'owns the tables', "the database can't be reached yet", 'another server runs on',
    'leads through a pooler']) {
    assert.ok(source.replace(/" *\n? *"/g, '').includes(part), part);
    if (!part.includes('pooler')) assert.ok(page.includes(part), `the page no longer says: ${part}`);
  }
});
