// conform.mjs - holds answers against the OpenAPI document: whoever makes types of it must
// get what they say, and nothing that they don't.
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

// The validator that the linter brings along.
const require = createRequire(import.meta.url);
const Ajv = require('@redocly/ajv/dist/2020').default;

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const binary = process.env.TICKETTOKEN ?? join(root, 'build/tickettoken');

const formats = { uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/,
  email: /@/, 'uri-reference': true, uri: /^\w+:/, int64: true, int32: true, double: true, password: true, byte: true, binary: true };

// A member that the document does not know is as wrong as one that it has otherwise.
export function strict(schema) {
  if (Array.isArray(schema)) return schema.map(strict);
  if (schema === null || typeof schema !== 'object') return schema;
  const all = Object.fromEntries(Object.entries(schema).map(([k, v]) => [k, strict(v)]));
  if (all.type === 'object' && all.properties && !('additionalProperties' in all)) all.additionalProperties = false;
  return all;
}

// judge(document) gives f(method, route path, status, body): what is wrong, or undefined.
export function judge(document) {
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: true, formats });
  ajv.addSchema({ $id: 'api', components: strict(document.components) });
  const made = new Map();

  const validator = (at, schema) => {
    if (!made.has(at)) made.set(at, ajv.compile(JSON.parse(JSON.stringify(strict(schema)).replaceAll('"#/', '"api#/'))));
    return made.get(at);
  };
  return (method, path, status, body) => {
    const operation = document.paths[path.replace(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()];
    if (!operation) return undefined;
    let answer = operation.responses[status] ?? operation.responses[`${Math.floor(status / 100)}XX`];
    if (!answer) return `${status} is not among its answers`;
    const named = answer.$ref?.split('/').pop();
    answer = named ? document.components.responses[named] : answer;
    const content = answer.content?.['application/json'] ?? answer.content?.['application/problem+json'];
    if (!content?.schema) return undefined;
    const good = validator(named ?? `${method} ${path} ${status}`, content.schema);
    return good(body) ? undefined : ajv.errorsText(good.errors, { dataVar: 'body' }) +
      ` (${JSON.stringify(good.errors.map((e) => e.params))})`;
  };
}

let judged;
export function wrongWith(method, path, status, body) {
  judged ??= judge(JSON.parse(execFileSync(binary, ['openapi'], { encoding: 'utf8' })));
  return judged(method, path, status, body);
}
