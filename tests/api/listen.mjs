// listen.mjs - a live stream through npm's eventsource, which nobody here wrote.
import { after } from 'node:test';
import { EventSource } from 'eventsource';
import { until } from './harness.mjs';

const names = ['connected', 'gap', 'reservation.created', 'reservation.cancelled', 'reservation.expired', 'order.created',
  'order.paid', 'order.completed', 'order.failed', 'order.expired', 'ticket.issued', 'ticket.used', 'ticket.transferred',
  'event.published', 'event.on_sale', 'event.paused', 'event.cancelled', 'availability', 'reconnect', 'closed', 'staff.changed'];

// One that a failed test left open would try again for ever.
const open = new Set();
after(() => open.forEach((source) => source.close()));

// Listens with a bearer; everything heard is in `heard` as {id, event, data}. It stays with
// one node, `node` or whose turn it is.
export function listenTo(server, { token, query = '', last, node, also = [] } = {}) {
  const heard = [];
  const source = new EventSource(`${(node ?? server).url}/events/stream${query}`, {
    fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers,
      ...(token ? { authorization: `Bearer ${token}` } : {}), ...(last !== undefined ? { 'last-event-id': String(last) } : {}) } }),
  });
  open.add(source);
  const errors = [];
  source.addEventListener('error', (e) => errors.push(`${e.code ?? ''} ${e.message ?? 'cut'}`));
  // What it heard instead says where to look.
  const told = () => `${heard.map((h) => `${h.event}#${h.id}`).join(' ') || 'nothing'}; ${errors.join(', ') || 'no error'}${source.readyState === 2 ? '; closed for good' : ''}`;
  for (const name of [...names, ...also])
    source.addEventListener(name, (e) => heard.push({ id: e.lastEventId, event: name, data: JSON.parse(e.data) }));
  return { heard, source, close: () => source.close(),
    of: (name) => heard.filter((h) => h.event === name),
    hears: (name, fact = () => true) => until(`hears ${name}`, () => heard.find((h) => h.event === name && fact(h.data)))
      .catch((e) => { throw new Error(`${e.message}; it heard ${told()}`); }) };
}
