// stream_idle.mjs - what an idle stream of the whole product costs it in memory: over plain
// HTTP/1.1, under TLS, and as one of ten on an HTTP/2 connection under TLS.
import { execFileSync } from 'node:child_process';
import http2 from 'node:http2';
import { join } from 'node:path';
import tls from 'node:tls';
import { sleep } from '../api/harness.mjs';
import { crowds, pss } from './stream_crowd.mjs';
import { whole, wholeWith, work } from './stream_servers.mjs';

const CA = { rejectUnauthorized: false };
const authorization = (line) => line.slice('Authorization: '.length);
const inTurn = async (list, at, what) => { for (let i = 0; i < list.length; i += at) await Promise.all(list.slice(i, i + at).map(what)); };

// Each opens a stream for each header and gives what ends them.
async function plain(server, count) {
  const all = await crowds(server, count);
  return () => Promise.all(all.map((c) => c.close()));
}

async function secure(server, count) {
  const sockets = [];
  await inTurn(await server.headers(count), 32, (header) => new Promise((done, no) => {
    const c = tls.connect({ ...CA, port: server.nodes[0].port, host: '127.0.0.1' }, () => c.write(`GET ${server.path} HTTP/1.1\r\nHost: a\r\n${header}\r\n\r\n`));
    sockets.push(c.once('data', (d) => String(d).startsWith('HTTP/1.1 200') ? done() : no(new Error(String(d)))).on('error', no));
  }));
  return async () => { for (const c of sockets) c.destroy(); };
}

const ten = (each) => async (server, count) => {
  const sessions = [], headers = await server.headers(count);
  const groups = Array.from({ length: count / each }, (_, i) => headers.slice(i * each, (i + 1) * each));
  await inTurn(groups, 16, async (group) => {
    const s = http2.connect(server.server.nodes[0].url, CA);
    sessions.push(s);
    await Promise.all(group.map((h) => new Promise((done, no) => {
      const q = s.request({ ':path': server.path, authorization: authorization(h) }).on('error', no);
      q.on('response', (r) => { if (r[':status'] !== 200) no(new Error(`${r[':status']}`)); }).once('data', () => done());
    })));
  });
  return async () => { for (const s of sessions) s.destroy(); };
};

async function cost(server, open, count) {
  const end = await open(server, 200);             // what the first ones make is made
  await end();
  await sleep(500);
  const pids = server.nodes.flatMap((n) => n.pids), before = pss(pids), close = await open(server, count);
  await sleep(1000);
  const each = (pss(pids) - before) / count;
  await close();
  await sleep(500);
  return each;
}

export async function idle(count, say) {
  const cert = join(work, 'cert.pem'), key = join(work, 'key.pem');
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
    '-subj', '/CN=localhost', '-keyout', key, '-out', cert], { stdio: 'ignore' });
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  process.removeAllListeners('warning');
  const overTls = () => wholeWith({ TLS_CERT_FILE: cert, TLS_KEY_FILE: key });
  for (const [how, start, open] of [['plain', whole, plain], ['TLS', overTls, secure], ['HTTP/2 and TLS, ten on a connection', overTls, ten(10)]]) {
    const server = await start();
    say(`TicketToken, an idle stream over ${how}: ${(await cost(server, open, count)).toFixed(0)} bytes`);
    await server.close();
  }
  delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
}
