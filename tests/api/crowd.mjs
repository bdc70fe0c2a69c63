// crowd.mjs - many people at once: tokens signed with the installation's own key, as
// thousands of logins would have made, and requests that leave at the same moment.
import assert from 'node:assert/strict';
import { createPrivateKey, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
import { test } from 'node:test';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { TENANT } from './harness.mjs';

function signer(server) {
  const dir = join(server.dir, 'keys');
  const index = JSON.parse(readFileSync(join(dir, readdirSync(dir).find((n) => n.endsWith('.json'))), 'utf8'));
  const rows = index.keys ?? index;
  const active = rows.find((k) => k.state === 'active');
  return { kid: active.kid, key: createPrivateKey(readFileSync(join(dir, `${active.kid}.pem`))) };
}

// `count` buyers of their own (or those of `ids`), each {id, token}.
export async function crowd(server, count, role = 'customer', ids = []) {
  const { kid, key } = signer(server), now = Math.floor(await server.now() / 1000);
  return Promise.all(Array.from({ length: count }, async (_, i) => {
    const id = ids[i] ?? randomUUID();
    const token = await new SignJWT({ tenant_id: TENANT, sid: randomUUID(), role })
      .setProtectedHeader({ alg: 'ES256', kid, typ: 'at+jwt' })
      .setIssuer('tickettoken').setAudience('tickettoken').setSubject(id).setJti(randomUUID())
      .setIssuedAt(now).setNotBefore(now).setExpirationTime(now + 900).sign(key);
    return { id, token };
  }));
}

// Opens a connection for each request first, then sends all of them in one go. Of several
// nodes each gets its share; the test clock is moved on all.
export async function atOnce(server, requests) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity });
  const send = async (request) => {
    if (request.path !== '/internal/test/clock') return sendTo(server.url, request);
    return (await Promise.all(server.nodes.map((n) => sendTo(n.url, request))))[0];
  };
  const sendTo = (url, { method, path, token, body, key, headers = {} }) => new Promise((done, no) => {
    const text = body === undefined ? '' : JSON.stringify(body);
    const r = http.request(url + path, { method, agent, headers: { ...headers,
      ...(token ? { authorization: `Bearer ${token}` } : {}), ...(key ? { 'idempotency-key': key } : {}),
      ...(text ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) } : {}) } }, (answer) => {
      let out = '';
      answer.on('data', (d) => { out += d; });
      answer.on('end', () => done({ status: answer.statusCode, body: out ? JSON.parse(out) : undefined }));
    });
    r.on('error', no);
    r.end(text);
  });
  const answers = await Promise.all(requests.map(send));
  agent.destroy();
  return answers;
}

// With RACE_CONTROL=1 a race is run against a program built without its guards (make
// CONTROL=1). `holds` says whether what must be true was; a control must see it broken.
export const control = process.env.RACE_CONTROL === '1';
export function verdict(holds, what) {
  if (control) assert.ok(!holds, `without its guard this race should have been lost: ${what}`);
  else assert.ok(holds, what);
}

// A test of a race. Without the guard it is lost often and not always, so a control may try again.
export function race(name, ...rest) {
  const fn = rest.pop();
  test(name, ...rest, async (t) => {
    for (let left = control ? 20 : 1; ; left--)
      try { return await fn(t); } catch (e) {
        if (left === 1 || !/should have been lost/.test(e.message)) throw e;
      }
  });
}

export const tally = (answers) => answers.reduce((t, a) => {
  const what = a.status < 300 ? String(a.status) : a.body?.code ?? String(a.status);
  return { ...t, [what]: (t[what] ?? 0) + 1 };
}, {});
