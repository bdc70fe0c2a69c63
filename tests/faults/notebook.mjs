// notebook.mjs - buyers who write down what they were told, and never let go of a key.
//
// Who got no answer (cut off, late, 503, 504) asks again with the same key, at the next
// node, until one comes: so in the end each key has an answer, and what the database holds
// can be compared with the book, row by row. An answer that nobody should ever get is in
// `wrong`.
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import { sleep } from '../api/harness.mjs';
import { Turns } from './turns.mjs';

const refusals = ['SOLD_OUT', 'RESERVATION_EXPIRED', 'INVALID_STATE', 'CONFLICT'];
const rest = 100;                                 // ms; less patient than Retry-After asks for

const jsonOf = (text) => { try { return JSON.parse(text); } catch { return undefined; } };

// One request: {status, code, text, body, retry}; without an answer the status is 0.
export function send(agent, url, path, { token, body, key, within }) {
  const text = JSON.stringify(body);
  return new Promise((done) => {
    const none = (code) => done({ status: 0, code });
    const request = http.request(url + path, { method: 'POST', agent, headers: { 'content-type': 'application/json',
      'content-length': Buffer.byteLength(text), ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(key ? { 'idempotency-key': key } : {}) } }, (r) => {
      let out = '';
      r.on('data', (d) => { out += d; });
      r.on('error', () => none('cut off'));
      r.on('close', () => r.complete || none('cut off'));
      r.on('end', () => {
        const json = jsonOf(out);
        done({ status: r.statusCode, code: json?.code, text: out, body: json, retry: r.headers['retry-after'] });
      });
    });
    const late = setTimeout(() => { none('late'); request.destroy(); }, within);
    request.on('error', () => none('cut off'));
    request.on('close', () => clearTimeout(late));
    request.end(text);
  });
}

export class Notebook {
  answers = new Map();                            // key -> {path, body, buyer, answer}
  unsure = new Map();                             // key -> the same, still without an answer
  confirmed = new Map();                          // order -> what was said of its payment
  acks = [];                                      // {begun, at, node, event}: writes that were acknowledged
  errors = {};                                    // what -> how often
  wrong = [];
  slowest = 0;
  stay = false;                                   // with a node until it lets one down

  // `within`: ms that a buyer waits for one answer before he goes to another node.
  constructor(server, { within = 35_000 } = {}) {
    this.turns = new Turns(server);
    this.within = within;
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 256 });
  }

  note(r, path, { begun, node, event }) {
    const at = performance.now();
    if (r.status > 0 || r.code === 'late') this.slowest = Math.max(this.slowest, at - begun);
    if (r.status >= 200 && r.status < 300) {
      this.acks.push({ begun, at, node, event });
      return;
    }
    const what = r.status === 0 ? r.code : `${r.status} ${r.code}`;
    if (!refusals.includes(r.code)) this.errors[what] = (this.errors[what] ?? 0) + 1;
    const allowed = r.status === 0 || ([503, 504].includes(r.status) ? r.retry >= 1 : refusals.includes(r.code));
    if (!allowed) this.wrong.push(`${path}: ${r.text} Retry-After ${r.retry}`);
  }

  nodeFor(buyer) {
    if (!this.stay || !buyer.node || this.turns.isSilent(buyer.node)) buyer.node = this.turns.next();
    return buyer.node;
  }

  // One try at the node whose turn it is.
  async once(buyer, path, body, key) {
    const node = this.nodeFor(buyer), begun = performance.now();
    const r = await send(this.agent, node.url, path, { token: buyer.token, body, key, within: this.within });
    this.note(r, path, { begun, node, event: body.eventId });
    if (r.status === 0) buyer.node = undefined;
    if (r.code === 'late') this.turns.wasSilent(node);
    if (key && r.status > 0 && r.status < 300) {
      this.answers.set(key, { path, body, buyer, answer: r.text });
      this.unsure.delete(key);
    } else if (key && (r.status === 0 || r.status >= 500)) this.unsure.set(key, { path, body, buyer });
    else this.unsure.delete(key);
    return r;
  }

  // Asks until there is an answer; gives its body, or nothing if it is a refusal. When the
  // book is `closed` he gives up, and the key stays unsure.
  async ask(buyer, path, body, key) {
    while (!this.closed) {
      const r = await this.once(buyer, path, body, key);
      if (r.status > 0 && r.status < 500) return r.status < 300 ? r.body : undefined;
      await sleep(rest * (0.5 + Math.random()));
    }
    return undefined;
  }

  // Holds, most of them ordered, most of those paid, until `over`.
  async shop(buyer, sales, { pause = 0 } = {}) {
    const of = (list) => list[Math.floor(Math.random() * list.length)];
    while (!this.over) {
      const sale = of(sales), type = Math.random() < 0.15 ? sale.types.at(-1) : sale.type;
      const wish = { eventId: sale.event.id, tickets: [{ ticketTypeId: type.id, quantity: 1 + Math.floor(Math.random() * 3) }] };
      await sleep(pause * Math.random());
      const held = await this.ask(buyer, '/api/v1/tickets/purchase', wish, randomUUID());
      if (!held || Math.random() < 0.2) continue;
      const bought = await this.ask(buyer, '/api/v1/purchase', { reservationId: held.reservation.id }, randomUUID());
      if (!bought || Math.random() < 0.1) continue;
      const outcome = Math.random() < 0.8 ? 'succeeded' : 'failed';
      const said = await this.ask(buyer, `/api/v1/payments/sandbox/${bought.payment.intentId}/confirm`, { outcome });
      if (said) this.confirmed.set(bought.order.id, outcome);
    }
  }

  // The longest time between two acknowledged writes from `from` on, in ms.
  silence(from, to) {
    let last = from, most = 0;
    for (const a of this.acks) {
      if (a.at < from || a.at > to) continue;
      most = Math.max(most, a.at - last);
      last = a.at;
    }
    return Math.max(most, to - last);
  }

  // How long after `from` the first write that was begun since then was acknowledged: at
  // `node` or anywhere, for `event` or any.
  firstAfter(from, node, event) {
    const a = this.acks.find((x) => x.begun >= from && (!node || x.node === node) && (!event || x.event === event));
    return a && a.at - from;
  }

  // The ids of things that the book knows to be made: holds or orders.
  made(path, thing) {
    return [...this.answers.values()].filter((a) => a.path === path).map((a) => jsonOf(a.answer)[thing].id);
  }

  close() { this.agent.destroy(); }
}
