// server.mjs - the documented ticket service, as fast as its own design allows, so that a
// comparison with it means something. One process; run one a core, as its replicas are.
//
//   PG_URL=... REDIS_URL=... JWKS='{"keys":[...]}' node server.mjs     prints its port
//
// The design is the document's: check the token, note the idempotency key in Redis, take
// the lock of the inventory for 10 s (Redlock), and in one transaction of its own lock
// the row (FOR UPDATE), check, update, insert the reservation and its outbox row.
//
// In its favour: no request log, no rate limit, ajv in place of Joi, ES256 in place of
// RS256, tokens remembered once checked, statements prepared, keep-alive, the lock given
// back and the answer kept at the same time, no cache to fill, no history row.
import Fastify from 'fastify';
import Redis from 'ioredis';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { createHash, randomUUID } from 'node:crypto';
import pg from 'pg';
import Redlock, { ExecutionError } from 'redlock';

const LOCK_MS = 10_000, HOLD_MS = 600_000, KEY_SECONDS = 86_400, BUSY_SECONDS = 300;
const { PG_URL, REDIS_URL, JWKS, LOCK_RETRY_MS = '100', LOCK_RETRIES = '50' } = process.env;

const pool = new pg.Pool({ connectionString: PG_URL, min: 2, max: 10, connectionTimeoutMillis: 30_000,
  idleTimeoutMillis: 30_000, statement_timeout: 30_000 });
const redis = new Redis(REDIS_URL, { enableAutoPipelining: true });
const redlock = new Redlock([redis], { retryCount: Number(LOCK_RETRIES), retryDelay: Number(LOCK_RETRY_MS),
  retryJitter: Math.ceil(Number(LOCK_RETRY_MS) / 2) });
redlock.on('error', () => {});                     // a lock that is taken is no news

class Refusal extends Error {
  constructor(status, code, message) { super(message); Object.assign(this, { status, code }); }
}

// ---- who asks ---------------------------------------------------------------------

const keys = createLocalJWKSet(JSON.parse(JWKS));
const checked = new Map();                          // token -> {userId, tenantId, until}

async function claimsOf(token) {
  const { payload } = await jwtVerify(token, keys,
    { algorithms: ['ES256'], issuer: 'tickettoken', audience: 'tickettoken', typ: 'at+jwt', clockTolerance: 30 });
  if (checked.size >= 200_000) checked.clear();
  const who = { userId: payload.sub, tenantId: payload.tenant_id, until: payload.exp * 1000 };
  checked.set(token, who);
  return who;
}

async function authenticate(request) {
  const header = request.headers.authorization ?? '';
  if (!header.startsWith('Bearer ')) throw new Refusal(401, 'UNAUTHORIZED', 'Bearer token missing');
  const token = header.slice(7), known = checked.get(token);
  if (known && known.until > Date.now()) { request.who = known; return; }
  try {
    request.who = await claimsOf(token);
  } catch {
    throw new Refusal(401, 'UNAUTHORIZED', 'Token refused');
  }
}

// ---- the reservation ----------------------------------------------------------------

const lockRow = { name: 'lock-row', text: `SELECT id, price_cents, available_quantity, min_purchase, max_purchase
  FROM ticket_types WHERE id = $1 AND tenant_id = $2 AND event_id = $3 AND is_active FOR UPDATE` };
const takeStock = { name: 'take-stock', text: `UPDATE ticket_types SET available_quantity = available_quantity - $2,
  reserved_quantity = reserved_quantity + $2, updated_at = now() WHERE id = $1 AND tenant_id = $3` };
const writeReservation = { name: 'write-reservation', text: `INSERT INTO reservations (id, tenant_id, event_id,
  ticket_type_id, user_id, total_quantity, tickets, status, expires_at, created_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, 'ACTIVE', $8, $9)` };
const writeOutbox = { name: 'write-outbox', text: `INSERT INTO outbox (tenant_id, aggregate_id, event_type, payload)
  VALUES ($1, $2, 'reservation.created', $3)` };

async function takeLine(db, who, eventId, line) {
  const { rows: [type] } = await db.query({ ...lockRow, values: [line.ticketTypeId, who.tenantId, eventId] });
  if (!type) throw new Refusal(404, 'NOT_FOUND', 'No such ticket type');
  if (line.quantity < type.min_purchase || line.quantity > type.max_purchase)
    throw new Refusal(400, 'VALIDATION_ERROR', 'Quantity is outside the limits of a purchase');
  if (type.available_quantity < line.quantity) throw new Refusal(409, 'SOLD_OUT', 'Not enough tickets left');
  await db.query({ ...takeStock, values: [line.ticketTypeId, line.quantity, who.tenantId] });
  return { ...line, priceCents: type.price_cents };
}

async function reserveIn(db, who, { eventId, tickets }) {
  const now = Date.now(), lines = [];
  for (const line of [...tickets].sort((a, b) => (a.ticketTypeId < b.ticketTypeId ? -1 : 1)))
    lines.push(await takeLine(db, who, eventId, line));
  const reservation = {
    id: randomUUID(), eventId, status: 'ACTIVE', quantity: lines.reduce((n, l) => n + l.quantity, 0),
    totalCents: lines.reduce((n, l) => n + l.quantity * l.priceCents, 0), currency: 'USD',
    expiresAt: new Date(now + HOLD_MS).toISOString(), createdAt: new Date(now).toISOString(), tickets: lines,
  };
  await db.query({ ...writeReservation, values: [reservation.id, who.tenantId, eventId, lines[0].ticketTypeId, who.userId,
    reservation.quantity, JSON.stringify(lines), reservation.expiresAt, reservation.createdAt] });
  await db.query({ ...writeOutbox, values: [who.tenantId, reservation.id, JSON.stringify(reservation)] });
  return reservation;
}

async function inTransaction(work) {
  const db = await pool.connect();
  try {
    await db.query('BEGIN');
    const result = await work(db);
    await db.query('COMMIT');
    return result;
  } catch (e) {
    await db.query('ROLLBACK');
    throw e;
  } finally {
    db.release();
  }
}

async function takeLock(eventId, typeId) {
  try {
    return await redlock.acquire([`inventory:${eventId}:${typeId}`], LOCK_MS);
  } catch (e) {
    if (e instanceof ExecutionError) throw new Refusal(409, 'LOCK_TIMEOUT', 'Many are buying: please try again');
    throw e;
  }
}

// ---- the route --------------------------------------------------------------------------

// Notes the key; gives what an earlier request with it was answered, or undefined.
async function earlier(key, hash) {
  const said = await redis.set(key, JSON.stringify({ hash }), 'EX', BUSY_SECONDS, 'NX', 'GET');
  if (said === null) return undefined;
  const kept = JSON.parse(said);
  if (kept.hash !== hash) throw new Refusal(422, 'IDEMPOTENCY_KEY_MISMATCH', 'The key was used with another body');
  if (!kept.answer) throw new Refusal(409, 'IDEMPOTENCY_CONFLICT', 'The first request still runs');
  return kept.answer;
}

async function purchase(request, reply) {
  const { who, body } = request, given = request.headers['idempotency-key'];
  if (!given) throw new Refusal(400, 'IDEMPOTENCY_KEY_REQUIRED', 'Idempotency-Key missing');
  const key = `idempotency:${who.tenantId}:${given}`;
  const hash = createHash('sha256').update(JSON.stringify(body)).digest('base64');
  const kept = await earlier(key, hash);
  if (kept) return reply.code(201).header('idempotency-replayed', 'true').send(kept);
  try {
    const lock = await takeLock(body.eventId, body.tickets[0].ticketTypeId);
    let reservation;
    try {
      reservation = await inTransaction((db) => reserveIn(db, who, body));
    } catch (e) {
      await lock.release();
      throw e;
    }
    const answer = { reservation };
    await Promise.all([lock.release(), redis.set(key, JSON.stringify({ hash, answer }), 'EX', KEY_SECONDS)]);
    return reply.code(201).send(answer);
  } catch (e) {
    await redis.del(key);
    throw e;
  }
}

const uuid = { type: 'string', format: 'uuid' }, text = { type: 'string' }, count = { type: 'integer' };
const purchaseBody = { type: 'object', required: ['eventId', 'tickets'], properties: { eventId: uuid,
  tickets: { type: 'array', minItems: 1, maxItems: 10, items: { type: 'object', required: ['ticketTypeId', 'quantity'],
    properties: { ticketTypeId: uuid, quantity: { type: 'integer', minimum: 1, maximum: 10 } } } } } };
const line = { type: 'object', properties: { ticketTypeId: text, quantity: count, priceCents: count } };
const answer201 = { type: 'object', properties: { reservation: { type: 'object', properties: { id: text, eventId: text,
  status: text, quantity: count, totalCents: count, currency: text, expiresAt: text, createdAt: text,
  tickets: { type: 'array', items: line } } } } };

async function types(request) {
  const { rows } = await pool.query({ name: 'types', text: `SELECT id, name, price_cents AS "priceCents", quantity,
    available_quantity AS available FROM ticket_types WHERE event_id = $1 AND tenant_id = $2`,
  values: [request.params.eventId, request.who.tenantId] });
  return { data: rows };
}

const app = Fastify({ logger: false, keepAliveTimeout: 300_000 });
app.decorateRequest('who', null);
app.setErrorHandler((e, request, reply) => {
  const status = e.status ?? e.statusCode ?? 500;
  if (status >= 500) process.stderr.write(`${e.stack}\n`);
  reply.code(status).send({ code: e.code ?? 'INTERNAL', detail: status < 500 ? e.message : 'internal' });
});
app.post('/api/v1/tickets/purchase',
  { preHandler: authenticate, schema: { body: purchaseBody, response: { 201: answer201 } } }, purchase);
app.get('/api/v1/tickets/events/:eventId/types', { preHandler: authenticate }, types);
await app.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`${app.server.address().port}\n`);
process.on('SIGTERM', () => process.exit(0));
