// pooled.mjs - runs a command with PgBouncer between it and the PostgreSQL of
// tests/services.sh, in transaction mode as ops/pgbouncer.ini has it: so the suite of two
// nodes is asked the same questions through a pooler.
//
//   WORLD=cluster tests/services.sh run node tests/operate/pooled.mjs COMMAND...
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asNobody, folder, free, isRoot, ops, pg, shell } from './ground.mjs';

const dir = join(folder, 'pooled'), port = await free(), urls = ['TEST_PG_URL', 'TEST_PG_OWNER_URL'];
mkdirSync(dir);
writeFileSync(join(dir, 'userlist.txt'), urls.map((n) => new URL(process.env[n])).map((u) => `"${u.username}" "${u.password}"\n`).join(''));
writeFileSync(join(dir, 'ini'), ops('pgbouncer.ini', { 'tickettoken = host=127.0.0.1 port=5432 dbname=tickettoken': `* = host=${pg.host} port=${pg.port}`,
  '10.0.0.20': '127.0.0.1', 6432: String(port), '/var/run/postgresql': dir, '/var/log/postgresql': dir, '/etc/pgbouncer': dir,
  'client_tls_sslmode = require': 'client_tls_sslmode = disable' }));
if (isRoot) await shell(`chown -R nobody ${dir}`);
const pooler = await asNobody('pgbouncer', [join(dir, 'ini')]).says(/process up/);

const env = { ...process.env };
for (const n of urls) env[n] = env[n].replace(/@[^/]*/, `@127.0.0.1:${port}`);
const [command, ...args] = process.argv.slice(2);
spawn(command, args, { env, stdio: 'inherit' }).on('close', async (code) => {
  await pooler.stop('SIGINT');
  process.exit(code ?? 1);
});
