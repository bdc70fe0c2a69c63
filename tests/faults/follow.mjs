// follow.mjs - one buyer's stream, read by hand so that every id is seen. Whoever is cut
// off, or hears nothing for a while, not even that somebody is there, goes on at another
// node from the last id he has heard. `roam` makes him change also when nothing is wrong.
import http from 'node:http';
import { sleep } from '../api/harness.mjs';
import { Turns } from './turns.mjs';

const fieldsOf = (frame) => Object.fromEntries(frame.split('\n').map((l) => [l.slice(0, l.indexOf(':')), l.slice(l.indexOf(':') + 2)]));

export class Follower {
  heard = [];                                     // ids, each once and rising, or `wrong` says so
  last = undefined;                               // what he resumes by
  since = undefined;                              // the first `connected`: nothing was promised before
  wrong = undefined;
  errors = {};
  connects = 0;

  constructor(server, buyer, { silent = 0, roam = 0, rest = 100 } = {}) {
    Object.assign(this, { buyer, silent, roam, rest, turns: new Turns(server) });
  }

  hear(frame) {
    if (frame.event === 'gap') this.wrong ??= `told of a gap after ${this.last}`;
    if (frame.id) this.last = frame.id;
    if (frame.event === 'connected') this.since ??= Number(frame.id);
    else if (frame.id) {
      const id = Number(frame.id);
      if (id <= (this.heard.at(-1) ?? this.since)) this.wrong ??= `heard ${id} after ${this.heard.at(-1) ?? this.since}`;
      this.heard.push(id);
    }
  }

  refuse(r) {
    let text = '';
    r.on('data', (d) => { text += d; });
    r.on('end', () => {
      const what = `${r.statusCode} ${/"code":"(\w+)"/.exec(text)?.[1]}`;
      this.errors[what] = (this.errors[what] ?? 0) + 1;
      if (![503, 504].includes(r.statusCode) || !(r.headers['retry-after'] >= 1)) this.wrong ??= `stream: ${what}`;
    });
  }

  // Until the connection ends, for whatever reason.
  connect() {
    const node = this.turns.next();
    let text = '', heardAt = Date.now();
    const until = Date.now() + this.roam * (0.5 + Math.random());
    return new Promise((done) => {
      const request = http.get(`${node.url}/events/stream`, { agent: false, headers: {
        authorization: `Bearer ${this.buyer.token}`, ...(this.last === undefined ? {} : { 'last-event-id': this.last }) } });
      const look = setInterval(() => {
        const dead = this.silent && Date.now() - heardAt > this.silent;
        if (dead) this.turns.wasSilent(node);
        if (this.over || dead || (this.roam && Date.now() > until)) request.destroy();
      }, 20);
      request.on('close', () => { clearInterval(look); done(); });
      request.on('error', () => {});
      request.on('response', (r) => {
        r.on('error', () => {});
        if (r.statusCode !== 200) { this.refuse(r); return; }
        this.connects += 1;
        r.on('data', (part) => {
          heardAt = Date.now();
          text += part.toString();
          for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) this.hear(fieldsOf(text.slice(0, end)));
        });
      });
    });
  }

  start() {
    this.over = false;
    this.running = (async () => {
      while (!this.over) {
        await this.connect();
        if (!this.over) await sleep(this.rest * (0.5 + Math.random()));
      }
    })();
    return this;
  }

  async stop() {
    this.over = true;
    await this.running;
  }
}
