'use strict';
/* Text goes in by textContent only, so no name of an event can become markup. */
const make = (name, text, kind) => {
  const e = document.createElement(name);
  if (text !== undefined) e.textContent = text;
  if (kind) e.className = kind;
  return e;
};
const get = async (path) => {
  const r = await fetch(path, { headers: { Accept: 'application/json' } });
  if (!r.ok) throw new Error(String(r.status));
  return r.json();
};
const money = (cents, currency) => {
  const f = new Intl.NumberFormat(undefined, { style: 'currency', currency });
  return f.format(cents / 10 ** f.resolvedOptions().maximumFractionDigits);
};

async function showState() {
  const state = document.getElementById('state');
  const begun = performance.now();
  try {
    await get('/health/ready');
    state.textContent = `Ready; the database answered in ${Math.ceil(performance.now() - begun)} ms.`;
    state.className = 'ok';
  } catch {
    state.textContent = 'Not ready: the database does not answer, or the server is leaving.';
  }
}

async function showTypes(card, event) {
  const list = make('ul', undefined, 'types');
  for (const t of (await get(`/api/v1/tickets/events/${event.id}/types`)).data) {
    const row = make('li');
    row.append(make('span', t.name), make('span', `${money(t.priceCents, t.currency)}, ${t.available} left`));
    list.append(row);
  }
  card.append(list);
}

async function showEvents() {
  const place = document.getElementById('events');
  try {
    const events = (await get('/api/v1/events?status=ON_SALE&limit=20')).data;
    place.replaceChildren();
    if (events.length === 0) place.append(make('p', 'Nothing is on sale at the moment.', 'quiet'));
    for (const e of events) {
      const card = make('article', undefined, 'card');
      const when = new Date(e.startsAt).toLocaleString(undefined, { dateStyle: 'full', timeStyle: 'short' });
      card.append(make('h3', e.name), make('p', when));
      if (e.description) card.append(make('p', e.description));
      place.append(card);
      showTypes(card, e).catch(() => {});
    }
  } catch {
    place.replaceChildren(make('p', 'The list of events could not be read.', 'quiet'));
  }
}

document.getElementById('steps').textContent =
  `curl ${location.origin}/health\n` +
  `curl ${location.origin}/api/v1/events\n` +
  `curl -X POST ${location.origin}/auth/register -H 'Content-Type: application/json' \\\n` +
  `  -d '{"email":"you@example.com","password":"Plenty-0f-letters","firstName":"You","lastName":"There"}'`;
showState();
showEvents();
fetch('/mail', { method: 'HEAD' }).then((r) => { document.getElementById('mail').hidden = !r.ok; });
