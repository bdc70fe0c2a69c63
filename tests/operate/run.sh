#!/bin/sh
# run.sh [quick] - tries docs/operate.md as it is written, on engines of its own. `quick`
# is what ./test has time for; without it all of it, five minutes.
set -eu
cd "$(dirname "$0")/../.."
. tests/packages.sh
need_node
need_around "$PWD/build/services"
need_prometheus "$PWD/build/services"
[ -d tests/api/node_modules ] || quietly npm ci --prefix tests/api --no-audit --no-fund
[ -n "${SERVICES_DIR:-}" ] || exec tests/services.sh run "$0" "$@"
PATH=$(engines_path "$PWD/build/services" "$PATH")
export PATH

bad=0
try() { node --test --test-reporter=tap "$@" || bad=1; }
at=tests/operate
try $at/page.test.mjs
try $at/tls.test.mjs
try $at/metrics.test.mjs
[ "${1:-}" != quick ] || exit $bad
try $at/backup.test.mjs
try $at/pooler.test.mjs
try $at/balance.test.mjs
try $at/upgrade.test.mjs
WORLD=cluster node $at/pooled.mjs node --test --test-reporter=tap tests/api/sale.test.mjs tests/api/races.test.mjs || bad=1
exit $bad
