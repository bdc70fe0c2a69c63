// secrets-in-logs.test.mjs - secrets are planted wherever one can come from, and must
// appear neither in the log nor in an answer, in both forms of the log.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sleep, start } from './harness.mjs';

const PASSWORD = 'Planted-Horse-7-Battery';

async function plant(s) {
  const email = `planted-${randomUUID()}@example.com`, phone = '+41790001122';
  const p = await s.must(201, 'POST', '/auth/register', { body: { email, password: PASSWORD, phone, firstName: 'A', lastName: 'B' } });
  const { accessToken, refreshToken } = p.tokens;
  const token = accessToken;
  await s.api('POST', '/auth/login', { body: { email, password: PASSWORD + '-wrong' } });
  await s.api('GET', '/auth/me', { token });
  await s.api('POST', '/auth/refresh', { body: { refreshToken } });
  await s.api('POST', '/auth/refresh', { body: { refreshToken: 'planted-refresh-token' } });
  await s.api('GET', '/auth/verify-email?token=planted-query-token');
  await s.api('GET', '/nothing?token=planted-query-token&email=planted-query-email&access_token=planted-query-access');
  const odd = { cookie: 'a=planted-cookie', 'x-api-key': 'planted-api-key', 'x-auth-token': 'planted-auth-token',
    'x-service-token': 'planted-service-token', authorization: 'Bearer planted-bearer', 'x-internal-signature': 'planted-signature' };
  for (const path of ['/auth/me', '/nothing', '/api/v1/orders']) await s.api('GET', path, { headers: odd });
  await s.api('POST', '/api/v1/webhooks/payment-success', { headers: odd, body: { secret: 'planted-body-secret' } });
  await s.api('POST', '/auth/login', { body: '{"password":"planted-broken-body' });
  const buyer = { token };
  const sale = await s.sale();
  const order = await s.buy(buyer, sale);
  const qr = (await s.must(200, 'GET', `/api/v1/qr/${order.tickets[0].id}`, { token })).qrCode;
  await s.api('POST', '/api/v1/validation/scan', { token: sale.organiser.token, body: { qrCode: qr, eventId: sale.event.id } });
  const stream = (await s.must(200, 'POST', '/events/token', { token })).token;
  const cut = new AbortController();
  await fetch(`${s.url}/events/stream?token=${stream}`, { signal: cut.signal });
  cut.abort();
  await sleep(100);
  return [email, phone, PASSWORD, accessToken, refreshToken, qr, stream, 'planted-'];
}

for (const form of ['json', 'pretty'])
  test(`no planted secret is in the ${form} log`, async () => {
    const s = await start({ LOG_LEVEL: 'debug', LOG_FORMAT: form });
    try {
      const planted = await plant(s);
      const kept = readFileSync(join(s.dir, 'secrets.env'), 'utf8').match(/=(.+)/g).map((x) => x.slice(1));
      assert.equal(kept.length, 3);
      for (const secret of [...planted, ...kept]) assert.ok(!s.log.includes(secret), `${secret} is in the log`);
      const lines = s.log.trim().split('\n');
      assert.ok(lines.length > 20);
      if (form === 'json')
        for (const l of lines) {
          const one = JSON.parse(l);
          assert.ok(one.time && one.level && one.message);
          if (one.message === 'request') assert.ok(one.trace && one.tenant && one.route && one.method && one.status);
        }
    } finally { await s.close(); }
  });
