// backup.test.mjs - docs/operate.md, "Backup and restore": the page's blocks back up while
// people buy and restore on another machine, where the audit holds, people sign in, a
// ticket's code opens the gate, and who listened is told that he has a gap.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { assert, audit, block, Bus, bySocket, Crowd, folder, Listener, makeDatabase, Node, pg, production, psql, shell, shims, Site,
  sleep, tally, until } from './ground.mjs';

// What stands in /etc/tickettoken/env, /var/lib and /var/backups on the page.
class Machine {
  constructor(name, env) {
    this.node = new Node(name, env);
    this.places = { etc: join(folder, name, 'etc'), backups: join(folder, `${name}-backups`) };
    mkdirSync(this.places.etc);
    writeFileSync(join(this.places.etc, 'env'), Object.entries(env).map(([n, v]) => `${n}='${v}'\n`).join(''), { mode: 0o600 });
  }

  changes() {
    return { '/var/lib/tickettoken': this.node.dir, '/etc/tickettoken': this.places.etc, '/var/backups/tickettoken': this.places.backups };
  }

  async open() {
    await this.node.open();
    this.site = new Site(this.node.url, this.node);
    return this;
  }
}

const shim = shims(join(folder, 'backup-shim'), { sudo: 'shift 2; exec "$@"', systemctl: 'exit 0', chown: 'exit 0' });
const run = (text, machine, extra = {}) => {
  const changes = Object.fromEntries(Object.entries({ ...machine.changes(), ...extra }).filter(([from]) => text.includes(from)));
  for (const [from, to] of Object.entries(changes)) text = text.replaceAll(from, to);
  return shell(text, { shim, env: pg.env });
};

async function inTheMiddleOfASale(machine, backup) {
  const { site } = machine, organiser = await site.organiser(), buyer = await site.register();
  const offer = await site.sale({ organiser, quantity: 1_000_000 });
  const order = await site.buy(buyer, offer, 2);
  const crowd = await new Crowd(site, [offer]).start(), ears = new Listener(site, crowd.people[0]);
  await sleep(1000);
  const before = new Map(crowd.told), paid = new Set(crowd.paid), begun = Date.now();
  await backup();
  const lasted = Date.now() - begun, during = crowd.told.size - before.size;
  await sleep(500);
  await crowd.stop();
  assert.deepEqual(tally(crowd.wrong), {});
  assert.ok(crowd.told.size > before.size, 'nothing was sold meanwhile');
  ears.stop();
  return { organiser, buyer, offer, order, crowd, before, paid, heard: ears.last, lasted, during, after: crowd.told.size };
}

// What must be true of the other machine, restored.
async function checkRestored(machine, was, sql) {
  const { site } = machine;
  audit(sql);
  for (const id of was.paid) assert.equal(sql(`SELECT status FROM orders WHERE id = ${machine.uuid(id)}`), 'COMPLETED', 'a sale before the backup is gone');

  // Sign in; a session of before the backup goes on.
  await site.login(was.buyer.email);
  const renewed = await site.must(200, 'POST', '/auth/refresh', { body: { refreshToken: was.buyer.refresh } });
  assert.equal((await site.must(200, 'GET', '/auth/me', { token: renewed.accessToken })).email ?? was.buyer.email, was.buyer.email);

  // The answer to a retry is the one of before the backup.
  const [key, told] = [...was.before].at(-1);
  const again = await site.must(201, 'POST', '/api/v1/purchase', { token: told.person.token, key, body: told.body });
  assert.equal(JSON.stringify(again), told.answer);

  // A ticket of before the backup opens the gate, once.
  const { qrCode } = await site.must(200, 'GET', `/api/v1/qr/${was.order.tickets[0].id}`, { token: renewed.accessToken });
  const scan = { token: was.organiser.token, body: { qrCode, eventId: was.offer.event.id, gate: 'A' } };
  assert.equal((await site.must(200, 'POST', '/api/v1/validation/scan', scan)).result, 'ALLOW');
  assert.equal((await site.must(200, 'POST', '/api/v1/validation/scan', scan)).result, 'DENY');

  // Who listened before is told of his gap, also when there is news already; who begins hears all.
  const gone = new Listener(site, was.crowd.people[0]);
  gone.last = was.heard;
  gone.request.destroy();
  await until('the gap is told', () => gone.gaps > 0);
  const fresh = await site.buy(was.buyer.token === undefined ? was.buyer : { ...was.buyer, token: renewed.accessToken }, was.offer);
  assert.equal(fresh.status, 'COMPLETED');
  gone.stop();
  const later = new Listener(site, was.crowd.people[0]);
  later.last = was.heard;
  later.request.destroy();
  await until('the gap is told again', () => later.gaps > 0);
  later.stop();
  assert.ok(Number(sql('SELECT min(id) FROM outbox')) > Number(was.heard), 'an id was given twice');

  // And it sells on.
  const crowd = await new Crowd(site, [was.offer]).start(4);
  await sleep(500);
  await crowd.stop();
  assert.deepEqual(tally(crowd.wrong), {});
  assert.ok(crowd.told.size > 0);
  audit(sql);
}

test('SQLite: backed up in the middle of a sale, restored on another machine', async (t) => {
  const env = production(), first = new Machine('first', env);
  first.uuid = (id) => `x'${id.replaceAll('-', '')}'`;
  await first.open();
  const was = await inTheMiddleOfASale(first, () => run(block('backup-sqlite'), first));
  await first.node.stop();

  const second = new Machine('second', {});
  second.uuid = first.uuid;
  cpSync(first.places.backups, second.places.backups, { recursive: true });
  const file = join(second.node.dir, 'tickettoken.db');
  const sql = (text) => execFileSync('sqlite3', ['-readonly', '-cmd', '.timeout 5000', file, text], { encoding: 'utf8' }).trim();
  // As the page says: the present folder is put aside, and settings come back with the keys.
  await run(block('restore-sqlite'), second);
  const settings = await shell(`. ${second.places.etc}/env; printf %s "$QR_ENCRYPTION_KEY"`);
  assert.equal(settings, env.QR_ENCRYPTION_KEY);
  second.node.env = env;
  await second.open();
  t.after(() => second.node.stop());
  await checkRestored(second, was, sql);
  t.diagnostic(`the backup took ${was.lasted} ms, ${was.during} purchases meanwhile; ${was.before.size} before it are there, ${
    was.after - was.before.size - was.during} after it are not looked for`);
});

test('PostgreSQL: backed up in the middle of a sale, restored into an empty server', async (t) => {
  const name = 'operate_backup', database = makeDatabase(name), rename = { tickettoken: name }, bus = await new Bus(name).open();
  t.after(() => bus.stop());
  const env = { ...production(), DATABASE_URL: bySocket(database.server), DATABASE_OWNER_URL: bySocket(database.owner), NATS_URL: bus.url };
  const first = new Machine('third', env);
  first.uuid = (id) => `'${id}'`;
  await first.open();
  // Names of folders are kept; those of the database are the test's.
  const named = (text) => text.replaceAll(/(pg_dump -Fc|EXISTS|CREATE DATABASE|OWNER|ON DATABASE|TO|-d) tickettoken/g, `$1 ${rename.tickettoken}`);
  const was = await inTheMiddleOfASale(first, () => run(named(block('backup-postgres')), first));
  await first.node.stop();

  const second = new Machine('fourth', { ...env, DATABASE_OWNER_URL: '' });
  second.uuid = first.uuid;
  cpSync(first.places.backups, second.places.backups, { recursive: true });
  await run(named(block('restore-postgres')), second);
  const at = join(second.places.backups, readdirSync(second.places.backups)[0]);
  cpSync(join(at, 'keys'), join(second.node.dir, 'keys'), { recursive: true });
  await bus.stop();
  const store = join(bus.dir, 'store');
  assert.ok(existsSync(join(store, 'jetstream')));
  await run(block('empty-nats', { '/var/lib/nats': store }), second);
  assert.deepEqual(readdirSync(store), []);
  await bus.open();
  // Without the owner: what the server's role may do came back with the dump.
  await second.open();
  t.after(() => second.node.stop());
  await checkRestored(second, was, (text) => psql(text, name));
  assert.equal(psql(`SELECT count(*) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant'
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT (c.relrowsecurity AND c.relforcerowsecurity)`, name), '0');
  t.diagnostic(`the backup took ${was.lasted} ms, ${was.during} purchases meanwhile`);
});

test('PostgreSQL: a dump by the owner is refused, because he stands behind the wall too', () => {
  const database = makeDatabase('operate_owner');
  psql("CREATE TABLE t (tenant int); ALTER TABLE t OWNER TO operate_owner_owner; ALTER TABLE t ENABLE ROW LEVEL SECURITY; ALTER TABLE t FORCE ROW LEVEL SECURITY", 'operate_owner');
  assert.throws(() => execFileSync('pg_dump', ['-Fc', '-d', database.owner], { stdio: ['ignore', 'ignore', 'pipe'] }), /row-level security/);
});
