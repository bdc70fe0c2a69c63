// engines.mjs - what stands behind the nodes of one server in the cluster world.
//
// A database of its own on the PostgreSQL of tests/services.sh, and a Redis and a NATS of
// its own, which are small: so ids, keys and the stream begin anew for each server.
import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

// What runs on behalf of this process, and must not outlive it: also when a test breaks off.
export const alive = new Set();
process.on('exit', () => alive.forEach((child) => child.kill('SIGKILL')));

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const ask = promisify(execFile);

// Waits until `fact` gives something; `child` may have ended before that.
async function ready(what, child, fact) {
  for (const end = Date.now() + 20_000; Date.now() < end; await sleep(10)) {
    const value = fact();
    if (value) return value;
    if (child.exitCode !== null || child.signalCode !== null) break;
  }
  throw new Error(`${what} did not come up`);
}

export class Engines {
  constructor(dir) {
    if (!process.env.TEST_PG_ADMIN) throw new Error('the cluster world wants its engines: tests/services.sh run node --test ...');
    this.dir = join(dir, 'engines');
    this.name = `tt_${randomUUID().replaceAll('-', '')}`;
    this.children = {};
  }

  // One statement as the superuser, in this server's database or in another; rows as text.
  async sql(text, database = this.name) {
    const url = new URL(process.env.TEST_PG_ADMIN);
    url.pathname = `/${database}`;
    return (await ask('psql', ['-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', url.href, '-c', text])).stdout.trim();
  }

  spawn(name, command, args) {
    const log = openSync(join(this.dir, `${name}.log`), 'a');
    const child = spawn(command, args, { stdio: ['ignore', log, log] });
    closeSync(log);
    child.unref();                                // a test that broke off must end
    alive.add(child);
    child.on('exit', () => alive.delete(child));
    this.children[name] = child;
    return child;
  }

  async startRedis() {
    const socket = join(this.dir, 'redis.socket');
    rmSync(socket, { force: true });
    const child = this.spawn('redis', 'redis-server', ['--port', '0', '--unixsocket', socket, '--save', '', '--dir', this.dir]);
    await ready('Redis', child, () => existsSync(socket));
    return `unix:${socket}`;
  }

  // The port is chosen once, so that nodes find a NATS that comes back.
  async startNats() {
    const ports = join(this.dir, 'ports');
    mkdirSync(ports, { recursive: true });
    const child = this.spawn('nats', 'nats-server', ['-js', '-sd', join(this.dir, 'nats'), '-a', '127.0.0.1',
      '-p', String(this.natsPort ?? -1), '--ports_file_dir', ports]);
    const file = join(ports, `nats-server_${child.pid}.ports`);
    const url = await ready('NATS', child, () => existsSync(file) && JSON.parse(readFileSync(file, 'utf8') || '{}').nats?.[0]);
    this.natsPort = Number(new URL(url).port);
    return url;
  }

  async open() {
    mkdirSync(this.dir, { recursive: true });
    const on = (url) => process.env[url] + this.name;
    const [redis, nats] = await Promise.all([this.startRedis(), this.startNats(),
      this.sql(`CREATE DATABASE ${this.name} OWNER tt_owner`, 'postgres')]);
    this.env = { DATABASE_URL: on('TEST_PG_URL'), DATABASE_OWNER_URL: on('TEST_PG_OWNER_URL'), REDIS_URL: redis, NATS_URL: nats };
    return this;
  }

  async end(name, signal = 'SIGTERM') {
    const child = this.children[name];
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((done) => child.on('close', done));
    child.ref();
    child.kill(signal);
    await ended;
  }

  async close() {
    await Promise.all([this.end('redis', 'SIGKILL'), this.end('nats', 'SIGKILL'),
      this.sql(`DROP DATABASE IF EXISTS ${this.name} WITH (FORCE)`, 'postgres')]);
  }
}
