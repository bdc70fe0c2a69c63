'use strict';
const make = (name, text, kind) => {
  const e = document.createElement(name);
  if (text !== undefined) e.textContent = text;
  if (kind) e.className = kind;
  return e;
};
let api;
const follow = (s) => s && s.$ref
  ? s.$ref.split('/').slice(1).reduce((at, step) => at[step], api) : s;

/* "string", "uuid", "one of A, B", "list of Line" ... */
function kindOf(schema) {
  if (schema.$ref) return schema.$ref.split('/').pop();
  if (schema.enum) return 'one of ' + schema.enum.join(', ');
  if (schema.type === 'array') return 'list of ' + kindOf(schema.items);
  return (schema.format && schema.format !== 'int64' ? schema.format : schema.type || 'any JSON') + rangeOf(schema);
}

/* What no number of JavaScript reaches is no bound that anybody meets. */
function rangeOf(schema) {
  const low = schema.minLength ?? schema.minimum ?? 0;
  const high = schema.maxLength ?? schema.maximum;
  if (high === undefined) return '';
  const unit = schema.maxLength === undefined ? '' : ' letters';
  if (high >= Number.MAX_SAFE_INTEGER) return low === 0 ? ', 0 or more' : '';
  return low === high ? ` (${high}${unit})` : ` (${low} to ${high}${unit})`;
}

function fieldsOf(schema, depth) {
  const s = follow(schema);
  const table = make('table', undefined, 'fields');
  for (const [name, f] of Object.entries(s.properties || {})) {
    const row = make('tr');
    const must = (s.required || []).includes(name);
    const head = make('td');
    head.append(make('code', name));
    row.append(head, make('td', kindOf(f) + (must ? '' : ', optional'), 'quiet'), make('td', f.description || ''));
    table.append(row);
    const inner = f.$ref ? f : f.type === 'array' && f.items.$ref ? f.items : null;
    if (inner && depth < 2) {
      const cell = make('td', undefined, 'inner');
      cell.colSpan = 2;
      cell.append(fieldsOf(inner, depth + 1));
      const nested = make('tr');
      nested.append(make('td'), cell);
      table.append(nested);
    }
  }
  return table;
}

function bodyOf(title, content, into) {
  const schema = content && content['application/json'] && content['application/json'].schema;
  if (!schema) return;
  into.append(make('p', title, 'quiet'), fieldsOf(schema, 0));
}

function operation(method, path, op) {
  const box = make('details');
  const head = make('summary');
  head.append(make('span', method.toUpperCase(), 'method ' + method), make('code', path), make('span', op.summary));
  box.id = op.operationId;
  box.append(head, make('p', op.description));
  for (const p of op.parameters.map(follow))
    box.append(make('p', `${p.in} ${p.name}${p.required ? '' : ', optional'}: ${p.description || kindOf(p.schema)}`, 'quiet'));
  bodyOf('Body', op.requestBody && op.requestBody.content, box);
  for (const [status, r] of Object.entries(op.responses))
    if (/^2/.test(status)) bodyOf('Answer ' + status, follow(r).content, box);
  return box;
}

async function show() {
  const place = document.getElementById('docs');
  api = await (await fetch('/openapi.json')).json();
  place.replaceChildren();
  for (const tag of api.tags) {
    const part = make('section');
    part.dataset.tag = part.id = tag.name;
    const title = make('a', tag.name[0].toUpperCase() + tag.name.slice(1));
    title.href = '#' + tag.name;
    const heading = make('h2');
    heading.append(title);
    part.append(heading, make('p', tag.description || '', 'quiet'));
    place.append(part);
    for (const [path, ops] of Object.entries(api.paths))
      for (const [method, op] of Object.entries(ops))
        if (op.tags.includes(tag.name)) part.append(operation(method, path, op));
  }
}
/* Shows the operations that hold every word, and the headings that still have one. */
function find(words) {
  let left = 0;
  for (const part of document.querySelectorAll('#docs > section')) {
    let here = 0;
    for (const box of part.querySelectorAll('details')) {
      const text = box.firstChild.textContent.toLowerCase() + part.dataset.tag;
      box.hidden = !words.every((w) => text.includes(w));
      here += !box.hidden;
    }
    part.hidden = here === 0;
    left += here;
  }
  document.getElementById('none').textContent = left === 0 ? 'Nothing by these words.' : '';
}

function openNamed() {
  const box = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (box?.tagName === 'DETAILS') box.open = true;
  box?.scrollIntoView();
}

const input = document.getElementById('find');
input.addEventListener('input', () => find(input.value.toLowerCase().split(/\s+/).filter(Boolean)));
addEventListener('hashchange', openNamed);
show().then(openNamed).catch(() => { document.getElementById('docs').textContent = 'The description could not be read.'; });
