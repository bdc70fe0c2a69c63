// turns.mjs - whose turn it is: one node after the other, but not one that lately said
// nothing, as long as there is another. A load balancer would do the same.
const shun = 20_000;

export class Turns {
  turn = Math.floor(Math.random() * 60);
  until = new Map();                              // node -> until when it is left alone

  constructor(server) { this.server = server; }

  isSilent(node) { return this.until.get(node) > Date.now(); }

  wasSilent(node) { this.until.set(node, Date.now() + shun); }

  next() {
    const good = this.server.nodes.filter((n) => !this.isSilent(n));
    const all = good.length > 0 ? good : this.server.nodes;
    return all[this.turn++ % all.length];
  }
}
