// audit.mjs - what must be true of the rows, in SQL that both databases read.
//
// The invariants' numbers are those of crash.mjs: stock (1, 3), payments and keys (4),
// tidings (6). A database here is {ask, id, uuid}: runs one statement and gives its text,
// writes an id column as text, writes an id into a statement.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { sleep } from '../api/harness.mjs';

const run = async (command, args) =>
  (await promisify(execFile)(command, args, { encoding: 'utf8', maxBuffer: 1 << 28 })).stdout.trim();

const plain = (id) => id.replaceAll('-', '').toLowerCase();

export const sqlite = (file) => ({
  ask: (text) => run('sqlite3', ['-readonly', '-cmd', '.timeout 5000', file, text]),
  id: (column) => `hex(${column})`,
  uuid: (id) => `x'${plain(id)}'`,
});

export const postgres = (url) => ({
  ask: (text) => run('psql', ['-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', url, '-c', text]),
  id: (column) => column,
  uuid: (id) => `'${id}'`,
});

// Each counts what must not be there.
const never = {
  'stock that does not add up': `SELECT count(*) FROM ticket_type WHERE quantity <> available + held + sold + blocked
    OR available < 0 OR held < 0 OR sold < 0 OR blocked < 0`,
  'held is not what ACTIVE holds hold': `SELECT count(*) FROM ticket_type t WHERE held <>
    (SELECT coalesce(sum(l.quantity), 0) FROM hold_line l JOIN hold h ON h.tenant = l.tenant AND h.id = l.hold
     WHERE l.type = t.id AND h.status = 'ACTIVE')`,
  'sold is not the number of tickets': 'SELECT count(*) FROM ticket_type t WHERE sold <> (SELECT count(*) FROM ticket k WHERE k.type = t.id)',
  'an order has tickets without being completed, or the other way round': `SELECT count(*) FROM orders o
    WHERE (o.status = 'COMPLETED') <> (SELECT count(*) > 0 FROM ticket k WHERE k.tenant = o.tenant AND k.orders = o.id)`,
  'an order line has not one set of tickets': `SELECT count(*) FROM orders o WHERE o.status = 'COMPLETED'
    AND (SELECT count(*) FROM ticket k WHERE k.tenant = o.tenant AND k.orders = o.id) <>
    (SELECT sum(quantity) FROM hold_line l WHERE l.tenant = o.tenant AND l.hold = o.hold)`,
  'an order stands half-way': "SELECT count(*) FROM orders WHERE status IN ('PAID', 'AWAITING_MINT')",
  'an order was paid twice': `SELECT count(*) FROM (SELECT orders FROM payment WHERE status = 'TAKEN'
    GROUP BY orders HAVING count(*) > 1) twice`,
  'money was taken for an order that is not completed': `SELECT count(*) FROM payment p JOIN orders o
    ON o.tenant = p.tenant AND o.id = p.orders WHERE (p.status = 'TAKEN') <> (o.status = 'COMPLETED')`,
  'a thing was told twice': `SELECT count(*) FROM (SELECT type, data ->> 'id' AS thing FROM outbox
    WHERE type LIKE 'reservation.%' OR type LIKE 'order.%' OR type = 'ticket.issued'
    GROUP BY type, data ->> 'id' HAVING count(*) > 1) twice`,
};

// As many tidings as there are rows that they tell of.
const told = {
  'reservation.created': 'SELECT count(*) FROM hold',
  'reservation.expired': "SELECT count(*) FROM hold WHERE status = 'EXPIRED'",
  'reservation.cancelled': "SELECT count(*) FROM hold WHERE status = 'CANCELLED'",
  'order.created': 'SELECT count(*) FROM orders',
  'order.completed': "SELECT count(*) FROM orders WHERE status = 'COMPLETED'",
  'order.expired': "SELECT count(*) FROM orders WHERE status = 'EXPIRED'",
  'order.failed': "SELECT count(*) FROM orders WHERE status = 'PAYMENT_FAILED'",
  'ticket.issued': 'SELECT count(*) FROM ticket',
};

export async function checkRows(db) {
  for (const [what, text] of Object.entries(never)) assert.equal(await db.ask(text), '0', what);
  for (const [type, text] of Object.entries(told))
    assert.equal(await db.ask(`SELECT (SELECT count(*) FROM outbox WHERE type = '${type}') - (${text})`), '0', `${type}: tidings and rows differ`);
}

const linesOf = (text) => (text === '' ? [] : text.split('\n'));

// Of two lists of ids what only one has.
function difference(rows, book) {
  const a = new Set(rows), b = new Set(book);
  return { forgotten: book.filter((id) => !a.has(id)), unasked: rows.filter((id) => !b.has(id)), twice: rows.length - a.size + book.length - b.size };
}

// What the book says was made is there, and nothing else is.
export async function checkBook(db, book) {
  assert.equal(book.unsure.size, 0, 'a key never got an answer');
  for (const [table, path, thing] of [['hold', '/api/v1/tickets/purchase', 'reservation'], ['orders', '/api/v1/purchase', 'order']]) {
    const rows = linesOf(await db.ask(`SELECT ${db.id('id')} FROM ${table}`)).map(plain);
    assert.deepEqual(difference(rows, book.made(path, thing).map(plain)), { forgotten: [], unasked: [], twice: 0 }, table);
  }
  const states = new Map(linesOf(await db.ask(`SELECT ${db.id('id')}, status FROM orders`)).map((l) => l.split('|')).map(([id, s]) => [plain(id), s]));
  const paid = new Set(linesOf(await db.ask(`SELECT ${db.id('orders')} FROM payment`)).map(plain));
  for (const [id, outcome] of book.confirmed) {
    if (outcome === 'succeeded') assert.ok(paid.has(plain(id)), `a payment was forgotten: ${id}`);
    else assert.ok(['PAYMENT_FAILED', 'EXPIRED'].includes(states.get(plain(id))), `a failed payment was forgotten: ${id}`);
  }
}

// What a follower heard is what was told him since he first connected, each once, in order.
export async function checkHeard(db, follower, within = 10_000) {
  const end = Date.now() + within;
  const late = (what) => assert.ok(Date.now() < end, what);
  for (; follower.since === undefined; await sleep(10)) late('never connected');
  const rows = linesOf(await db.ask(`SELECT id FROM outbox WHERE person = ${db.uuid(follower.buyer.id)}
    AND id > ${follower.since} ORDER BY id`)).map(Number);
  for (; (follower.heard.at(-1) ?? 0) < (rows.at(-1) ?? 0); await sleep(10))
    late(`heard up to ${follower.heard.at(-1)}, told up to ${rows.at(-1)}`);
  assert.equal(follower.wrong, undefined);
  assert.deepEqual(follower.heard.slice(0, rows.length), rows, 'a stream missed or repeated something');
}

// For the report, when no hold is ACTIVE any more.
export async function countStock(db) {
  const [oversold, stranded] = (await db.ask(`SELECT sum(CASE WHEN issued > quantity THEN issued - quantity ELSE 0 END),
    sum(quantity - available - blocked - issued) FROM (SELECT t.*, (SELECT count(*) FROM ticket k
    WHERE k.tenant = t.tenant AND k.type = t.id) AS issued FROM ticket_type t) counted`)).split('|');
  return { oversold: Number(oversold), stranded: Number(stranded) };
}
