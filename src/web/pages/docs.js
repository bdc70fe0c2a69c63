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
  const low = schema.minLength ?? schema.minimum;
  const high = schema.maxLength ?? schema.maximum;
  const range = high === undefined ? '' : ` (${low ?? 0} to ${high})`;
  return (schema.format && schema.format !== 'int64' ? schema.format : schema.type || 'any JSON') + range;
}

function fieldsOf(schema, depth) {
  const s = follow(schema);
  const table = make('table');
  for (const [name, f] of Object.entries(s.properties || {})) {
    const row = make('tr');
    const must = (s.required || []).includes(name);
    const head = make('td');
    head.append(make('code', name));
    row.append(head, make('td', kindOf(f) + (must ? '' : ', optional'), 'quiet'), make('td', f.description || ''));
    table.append(row);
    const inner = f.$ref ? f : f.type === 'array' && f.items.$ref ? f.items : null;
    if (inner && depth < 2) {
      const cell = make('td');
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
    place.append(make('h2', tag.name));
    for (const [path, ops] of Object.entries(api.paths))
      for (const [method, op] of Object.entries(ops))
        if (op.tags.includes(tag.name)) place.append(operation(method, path, op));
  }
}
show().catch(() => { document.getElementById('docs').textContent = 'The description could not be read.'; });
