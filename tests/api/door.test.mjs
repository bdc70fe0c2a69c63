// door.test.mjs - the code on a phone, read by jsQR, and the door that admits once.
import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import jsQRModule from 'jsqr';
import { start, TENANT } from './harness.mjs';

const jsQR = jsQRModule.default ?? jsQRModule;
let server, organiser, buyer, other, sale;
before(async () => {
  server = await start();
  organiser = await server.organiser();
  buyer = await server.register();
  other = await server.register();
  sale = await server.sale({ quantity: 100, organiser });
});
after(() => server.close());

const bought = async (who = buyer) => (await server.buy(who, sale)).tickets[0];
const codeOf = (ticket, who = buyer) => server.must(200, 'GET', `/api/v1/qr/${ticket.id}`, { token: who.token });
const scan = (qrCode, more = {}) => server.api('POST', '/api/v1/validation/scan',
  { token: organiser.token, body: { qrCode, eventId: sale.event.id, gate: 'North' }, ...more });
const verdict = async (qrCode) => { const { result, reason } = (await scan(qrCode)).body; return reason ? `${result} ${reason}` : result; };

// Paints the one path of our SVG, which is made of M x y h n v 1 h -n z, ten pixels a module.
function paint(svg) {
  const side = Number(/viewBox="0 0 (\d+)/.exec(svg)[1]), scale = 10, width = side * scale;
  const pixels = new Uint8ClampedArray(width * width * 4).fill(255);
  const path = /d="(M[^"]*)"\/><\/svg>/.exec(svg)[1];
  for (const [, x, y, run] of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g))
    for (let py = y * scale; py < (Number(y) + 1) * scale; py++)
      for (let px = x * scale; px < (Number(x) + Number(run)) * scale; px++)
        pixels.fill(0, (py * width + px) * 4, (py * width + px) * 4 + 3);
  return { pixels, width };
}

test('what a camera reads off the picture is the code, in 29 modules', async () => {
  const { qrCode, svg, expiresAt } = await codeOf(await bought());
  assert.match(qrCode, /^[0-9A-HJKMNP-TV-Z]{47}$/);
  assert.match(svg, /viewBox="0 0 37 37"/);
  const { pixels, width } = paint(svg);
  assert.equal(jsQR(pixels, width, width).data, qrCode);
  const left = Date.parse(expiresAt) - await server.now();
  assert.ok(left > -2000 && left <= 30_000, `${left} ms left`);
});

test('a ticket enters once, and the second time is told why not', async () => {
  const { qrCode } = await codeOf(await bought());
  const first = (await scan(qrCode)).body;
  assert.equal(first.result, 'ALLOW');
  assert.equal(first.ticket.status, 'USED');
  assert.equal(first.ticket.usedGate, 'North');
  assert.equal(await verdict(qrCode), 'DENY ALREADY_USED');
});

test('a code dies with its step, one step of skew allowed', async () => {
  const ticket = await bought(), { qrCode } = await codeOf(ticket);
  await server.clock.advance(30_000);
  const other = await bought(), second = await codeOf(other);
  assert.notEqual(second.qrCode, qrCode);
  assert.equal(await verdict(qrCode), 'ALLOW');
  await server.clock.advance(60_000);
  assert.equal(await verdict(second.qrCode), 'DENY CODE_EXPIRED');
  const fresh = await codeOf(other);
  assert.equal(await verdict(fresh.qrCode), 'ALLOW');
});

test('what is forged, torn or of another event is no code at all', async () => {
  const { qrCode } = await codeOf(await bought());
  const torn = (qrCode[20] === 'A' ? 'B' : 'A');
  assert.equal(await verdict(qrCode.slice(0, 20) + torn + qrCode.slice(21)), 'DENY INVALID_CODE');
  assert.equal(await verdict('HELLO'), 'DENY INVALID_CODE');
  const elsewhere = await server.sale({ quantity: 1, organiser });
  const r = await scan(qrCode, { body: { qrCode, eventId: elsewhere.event.id } });
  assert.equal(r.body.reason, 'INVALID_CODE');
});

test('only who works at the door may scan or have the key', async () => {
  const { qrCode } = await codeOf(await bought()), stranger = await server.stranger();
  const key = `/api/v1/validation/events/${sale.event.id}/key`;
  assert.equal((await scan(qrCode, { token: buyer.token })).status, 403);
  assert.equal((await scan(qrCode, { token: undefined })).status, 401);
  assert.equal((await scan(qrCode, { token: stranger.token, foreign: true })).status, 404);
  assert.equal((await server.api('GET', key, { token: buyer.token })).status, 403);
  assert.equal((await server.api('GET', key, { token: stranger.token, foreign: true })).status, 404);
  const staff = await server.register();
  await server.must(201, 'POST', `/api/v1/venues/${sale.event.venueId}/staff`, { token: organiser.token, body: { personId: staff.id, role: 'door-staff' } });
  assert.equal((await scan(qrCode, { token: staff.token })).body.result, 'ALLOW');
});

// ---- offline: node's crypto and this page of docs/why/ticket-code.md, nothing of ours ----

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
function decode(text) {
  let bits = 0n;
  for (const c of text) bits = (bits << 5n) | BigInt(alphabet.indexOf(c));
  bits >>= 3n;
  return Buffer.from(bits.toString(16).padStart(58, '0'), 'hex');
}
const bytes = (uuid) => Buffer.from(uuid.replaceAll('-', ''), 'hex');
function verifyOffline(text, key, eventId, now) {
  const b = decode(text), low = b.readUInt16BE(17), current = Math.floor(now / 30_000);
  const step = [current - 1, current, current + 1].find((s) => (s & 0xffff) === low);
  if (step === undefined) return false;
  const tail = Buffer.alloc(9);
  tail[0] = b[0];
  tail.writeBigUInt64BE(BigInt(step), 1);
  const mac = createHmac('sha256', key).update(Buffer.concat([bytes(TENANT), bytes(eventId), b.subarray(1, 17), tail])).digest();
  return mac.subarray(0, 10).equals(b.subarray(19));
}

test('a device with the event key checks a code without us', async () => {
  const ticket = await bought(), { qrCode } = await codeOf(ticket);
  const { key, algorithm, stepSeconds } = await server.must(200, 'GET', `/api/v1/validation/events/${sale.event.id}/key`, { token: organiser.token });
  assert.deepEqual([algorithm, stepSeconds], ['HMAC-SHA256-80', 30]);
  const raw = Buffer.from(key, 'base64url'), now = await server.now();
  assert.ok(verifyOffline(qrCode, raw, sale.event.id, now));
  assert.ok(!verifyOffline(qrCode, raw, sale.event.id, now + 90_000));
  assert.ok(!verifyOffline(qrCode, Buffer.alloc(32), sale.event.id, now));
  assert.equal(decode(qrCode).subarray(1, 17).toString('hex'), bytes(ticket.id).toString('hex'));
});

test('a transfer kills the last owner’s code and gives the new owner one', async () => {
  const ticket = await bought(), { qrCode } = await codeOf(ticket), stranger = await server.stranger();
  const give = (who, body, more = {}) => server.api('POST', '/api/v1/transfer', { token: who.token, body: { ticketId: ticket.id, ...body }, ...more });
  assert.equal((await give(other, { toUserId: buyer.id })).status, 404);
  assert.equal((await give(stranger, { toUserId: buyer.id }, { foreign: true })).status, 404);
  assert.equal((await give(buyer, { toUserId: randomUUID() })).status, 404);
  assert.equal((await give(buyer, {})).status, 400);
  assert.equal((await give(buyer, { toEmail: other.email })).body.ticket.status, 'TRANSFERRED');
  assert.equal((await server.api('GET', `/api/v1/qr/${ticket.id}`, { token: buyer.token })).status, 404);
  assert.equal(await verdict(qrCode), 'DENY OLD_OWNER');
  assert.equal(await verdict((await codeOf(ticket, other)).qrCode), 'ALLOW');
});
