// coverage.mjs - run after the tests: every route has been seen to succeed and, where it
// can, to refuse and to hide another tenant's things.  use: API_COVERAGE=DIR node coverage.mjs
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { routes } from './harness.mjs';

const dir = process.env.API_COVERAGE;
const seen = new Set(readdirSync(dir).flatMap((n) => readFileSync(join(dir, n), 'utf8').split('\n')));

// What names a thing of a tenant in its path must hide another tenant's; these name
// nothing of a tenant, or are asked with an id that is itself the secret.
const nobodys = new Set(['/problems/:code', '/mail/:name', '/pay/sandbox/:intentId',
  '/api/v1/payments/sandbox/:intentId/confirm',
  // asked by whoever runs all tenants
  '/auth/admin/tenants/:id', '/auth/admin/tenants/:id/status', '/auth/admin/services/revocations/:service']);
// What anybody may ask and that takes nothing can't refuse.
const harmless = (r) => r.method === 'GET' && r.access === 'anybody' && !r.path.includes(':');

let missing = 0;
const want = (outcome, r) => {
  if (seen.has(`${outcome} ${r.method} ${r.path}`)) return;
  missing += 1;
  console.log(`no test sees it ${outcome === 'foreign' ? 'hide a foreign id' : outcome === 'success' ? 'succeed' : 'refuse'}: ${r.method} ${r.path}`);
};
for (const r of routes) {
  want('success', r);
  if (!harmless(r)) want('refusal', r);
  if (r.path.includes(':') && !nobodys.has(r.path)) want('foreign', r);
}
console.log(`${routes.length} routes, ${missing} outcomes without a test`);
process.exit(missing === 0 ? 0 : 1);
