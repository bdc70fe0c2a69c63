// balanced.mjs - several nodes behind haproxy, as docs/operate.md describes them. `node1`
// is where the blocks are run; the other machines are folders, and ssh goes into them.
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { asNobody, assert, binary, block, Bus, bySocket, folder, free, isRoot, makeDatabase, Node, ops, Process, production, psql,
  randomUUID, shell, shims, Site, until } from './ground.mjs';

process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';   // the certificate is the test's own
process.removeAllListeners('warning');

const tokenFile = join(folder, 'metrics.token'), token = randomUUID();

export class Balanced {
  constructor(names, database, { env = {}, haproxy = {} } = {}) {
    this.changes = haproxy;
    this.database = makeDatabase(database);
    writeFileSync(tokenFile, token, { mode: 0o600 });
    this.env = { ...production(), DATABASE_URL: bySocket(this.database.server),
      METRICS_TOKEN_FILE: tokenFile, METRICS: token, TRUSTED_PROXIES: '127.0.0.1', ...env };
    if (process.env.TEST_REDIS_URL) this.env.REDIS_URL = process.env.TEST_REDIS_URL;
    this.bus = new Bus(database);
    this.nodes = names.map((name) => this.node(name));
    this.shim = shims(join(folder, 'shim'), {
      sudo: 'shift 2; exec "$@"',
      ssh: `node=$1; shift; NODE=$node exec sh -c "$(printf %s "$*" | sed -e "s#${folder}/node1#${folder}/$node#g" \\
        -e "s#/usr/local/bin/tickettoken#${folder}/$node/program#g" \\
        -e 's#\\$(hostname -i):8080#'"$(cat ${folder}/$node/address)#")"`,
      systemctl: `exec curl -fsS "$CONTROL/$1/$NODE"`,
    });
  }

  node(name) {
    const n = new Node(name, { ...this.env, MAIL_URL: `folder:${join(folder, 'mail')}` });
    n.program = join(n.dir, 'program');
    copyFileSync(binary, n.program);
    return n;
  }

  sql(text) { return psql(text, this.database.name); }

  // The owner brings the schema up to date; then the first node, its keys, and the rest.
  async open() {
    await this.openBus();
    await this.migrate(binary);
    await this.nodes[0].open();
    await this.copyKeys();
    for (const n of this.nodes.slice(1)) await n.open();
    for (const n of this.nodes) writeFileSync(join(n.dir, 'address'), `127.0.0.1:${n.port}`);
    await this.openControl();
    await this.openHaproxy();
    this.site = new Site(`https://127.0.0.1:${this.port}`, this.nodes[0]);
    return this;
  }

  async openBus() {
    await this.bus.open();
    for (const n of this.nodes) n.env.NATS_URL = this.env.NATS_URL = this.bus.url;
  }

  async migrate(program) {
    const p = new Process(program, ['migrate', '--data', this.nodes[0].dir],
      { env: { ...this.env, PATH: process.env.PATH, DATABASE_OWNER_URL: bySocket(this.database.owner) } });
    assert.equal((await p.ended).code, 0, p.log);
    return p.log;
  }

  copyKeys() {
    return this.shell(block('copy-keys', { 'node2 node3': this.nodes.slice(1).map((n) => n.name).join(' '),
      '/var/lib/tickettoken': this.nodes[0].dir }));
  }

  shell(text) { return shell(text, { shim: this.shim, env: { CONTROL: this.control } }); }

  // What systemd would do on each machine.
  async openControl() {
    this.server = http.createServer(async (rq, answer) => {
      const [, verb, name] = rq.url.split('/'), node = this.nodes.find((n) => n.name === name);
      try {
        assert.equal(verb, 'restart');
        this.onRestart?.(node);
        const end = await node.stop();
        assert.equal(end.code, 0, `${name} ended with ${JSON.stringify(end)}`);
        await node.open();
        answer.end();
      } catch (e) {
        answer.writeHead(500).end(e.message);
      }
    }).listen(0, '127.0.0.1');
    await until('listening', () => this.server.address());
    this.control = `http://127.0.0.1:${this.server.address().port}`;
  }

  async openHaproxy() {
    const dir = join(folder, 'haproxy'), pem = join(dir, 'tickets.pem');
    mkdirSync(dir);
    this.port = await free();
    await shell(`umask 077; openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=tickets.example -keyout ${dir}/key -out ${dir}/crt 2>&1
      cat ${dir}/crt ${dir}/key > ${pem}${isRoot ? `; chown -R nobody ${dir}` : ''}`);
    const servers = Object.fromEntries([1, 2, 3].map((i) => [`server node${i} 10.0.0.1${i}:8080`,
      this.nodes[i - 1] ? `server node${i} 127.0.0.1:${this.nodes[i - 1].port}` : '']));
    writeFileSync(join(dir, 'cfg'), ops('haproxy.cfg', { ...servers, 'bind :80\n': '\n', ':443': `127.0.0.1:${this.port}`,
      '/etc/haproxy/tickets.pem': pem, '/dev/log local0': 'stdout format raw local0', 'user haproxy\n': '\n', 'group haproxy\n': '\n',
      '/run/haproxy/admin.sock': `${dir}/admin.sock`, 'maxconn 40000': 'maxconn 4000', 'maxconn 15000': 'maxconn 1500', ...this.changes }));
    this.haproxy = asNobody('haproxy', ['-db', '-f', join(dir, 'cfg')]);
    await until('haproxy serves', async () => {
      assert.ok(this.haproxy.runs, this.haproxy.log);
      return (await fetch(`https://127.0.0.1:${this.port}/health`).catch(() => ({}))).status === 200;
    });
  }

  // Requests that haproxy sent somewhere else than it had meant to (%rc is "+1" then).
  redispatched() { return (this.haproxy.log.match(/ \d+\/\d+\/\d+\/\d+\/\+\d+ /g) ?? []).length; }

  async close() {
    await Promise.all(this.nodes.map((n) => n.stop()));
    await this.haproxy?.stop();
    await this.bus.stop();
    this.server?.close();
    this.server?.closeAllConnections?.();
  }
}
