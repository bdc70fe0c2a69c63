// crash.mjs - kills the server with -9 at random moments of a running sale, again and
// again on one data directory, and checks after each restart what no fault may break:
//
//   1  quantity = available + held + sold + blocked, and each is what the rows say
//   2  what was acknowledged is there; what was not happened wholly or not at all
//   3  stock comes back once: what is held is exactly what ACTIVE holds hold
//   4  one payment one order; a retried request gets the first one's answer
//   6  each change has its tiding; who resumes misses none and hears none twice
//
//   node crash.mjs [ROUNDS]
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { sleep, start, until } from '../api/harness.mjs';
import { crowd } from '../api/crowd.mjs';
import { checkBook, checkHeard, checkRows, sqlite } from './audit.mjs';
import { Follower } from './follow.mjs';
import { Notebook } from './notebook.mjs';

const rounds = Number(process.argv[2] ?? 100), clients = 8;
const server = await start({ RESERVATION_TIMEOUT: '5s', MAX_TICKETS_PER_CUSTOMER: '100000', CLOCK: 'system', PUBLIC_URL: 'http://tickets.test' });
server.now = async () => Date.now();
const organiser = await server.organiser();
const sale = await server.sale({ quantity: 1_000_000, organiser, maxPerPurchase: 10 });
const db = sqlite(join(server.dir, 'tickettoken.db'));
const book = new Notebook(server);

// Who was told something is told the same again, and who was not gets one answer for good.
async function checkAnswers() {
  for (const [key, a] of [...book.answers].slice(-12)) {
    const r = await book.once(a.buyer, a.path, a.body, key);
    assert.equal(r.text, a.answer, `the answer to ${key} has changed`);
  }
  for (const [key, a] of [...book.unsure]) {
    const first = await book.once(a.buyer, a.path, a.body, key);
    const second = await book.once(a.buyer, a.path, a.body, key);
    if (first.status < 300) assert.equal(second.text, first.text);
    else assert.ok([409, 410].includes(first.status), first.text);
  }
  assert.deepEqual(book.wrong, []);
}

const people = await crowd(server, clients);
const renew = async () => {                       // the same people, tokens for now
  const fresh = await crowd(server, clients, 'customer', people.map((p) => p.id));
  fresh.forEach((f, i) => { people[i].token = f.token; });
};
const listener = new Follower(server, people[0], { rest: 20 });
const began = Date.now();
for (let round = 1; round <= rounds; round++) {
  await renew();
  listener.start();
  book.over = book.closed = false;
  const shopping = people.map((p) => book.shop(p, [sale]));
  const had = book.answers.size;
  await until('the sale runs', () => book.answers.size > had + 20);
  await sleep(Math.random() * 400);
  book.over = book.closed = true;
  await server.kill9();
  await Promise.all(shopping);
  await listener.stop();
  await server.open(server.port);
  assert.equal(await db.ask('PRAGMA integrity_check'), 'ok');
  await checkRows(db);
  listener.start();
  await checkAnswers();
  await checkHeard(db, listener);
  await listener.stop();
  if (process.stdout.isTTY || round % 25 === 0)
    console.log(`round ${round} of ${rounds}: ${book.answers.size} answers kept, ${listener.heard.length} tidings heard, ${((Date.now() - began) / round / 1000).toFixed(2)} s a round`);
}
await checkBook(db, book);
assert.ok(book.answers.size > rounds * 20, 'the sale hardly ran: this proves nothing');
book.close();
await server.close();
console.log(`${rounds} kills, ${book.answers.size} acknowledged writes, ${listener.heard.length} tidings: nothing lost, nothing twice`);
