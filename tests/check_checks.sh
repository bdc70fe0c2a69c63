#!/bin/sh
# check_checks.sh - the checks find what they are there to find: a house with one
# wrong door each must be refused, and the same house without it accepted.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
house=$(mktemp -d)
trap 'rm -rf "$house"' EXIT
mkdir -p "$house/src/base" "$house/src/net" "$house/src/store"
printf 'base:  # words\nnet: base\nstore: base\n' > "$house/ROOMS"
echo '#include "base/a.h"' > "$house/src/net/n.c"
echo '#include "net/n.h"' > "$house/src/main.c"
echo '#include <sqlite3.h>' > "$house/src/store/sqlite.c"

rooms()   { "$here/check_rooms.sh" "$house/src" "$house/ROOMS" > /dev/null; }
engines() { "$here/check_engines.sh" "$house/src" > /dev/null; }
says()    { echo "check_checks: $1" >&2; exit 1; }

rooms || says 'a good house was refused by check_rooms'
engines || says 'a good house was refused by check_engines'

echo '#include "store/sql.h"' > "$house/src/net/wrong.c"
rooms && says 'check_rooms lets net open store'
rm "$house/src/net/wrong.c"
echo '#include "net/req.h"' > "$house/src/base/wrong.h"
rooms && says 'check_rooms lets base open net'
rm "$house/src/base/wrong.h"
mkdir "$house/src/attic" && echo '#include "base/a.h"' > "$house/src/attic/x.c"
rooms && says 'check_rooms knows a room that is not listed'
rm -r "$house/src/attic"

for wrong in net/db.c store/sql.h; do
    echo '#include <sqlite3.h>' > "$house/src/$wrong"
    engines && says "check_engines lets $wrong open sqlite3.h"
    rm "$house/src/$wrong"
done
rooms && engines

links() { "$here/check_links.sh" "$house" > /dev/null; }
mkdir "$house/docs"
echo 'read [why](docs/why.md), `src/main.c` and [more](https://example.com/none)' > "$house/README.md"
echo '[back](../README.md)' > "$house/docs/why.md"
links || says 'good links were refused by check_links'
for wrong in '[gone](gone.md)' 'see `src/net/gone.c`' '(tests/gone)'; do
    echo "$wrong" > "$house/docs/wrong.md"
    links && says "check_links lets $wrong pass"
    rm "$house/docs/wrong.md"
done
links

alerts() { "$here/check_alerts.sh" "$house" > /dev/null; }
mkdir -p "$house/ops"
printf '  - alert: NodeDown\n  - alert: DiskFull\n' > "$house/ops/alerts.yml"
good='| `NodeDown` | one does not answer | its log |
| `DiskFull` | nothing can be written | make room |'
echo "$good" > "$house/docs/operate.md"
alerts || says 'good alerts were refused by check_alerts'
for wrong in "$(echo "$good" | head -1)" "$good
| \`Gone\` | nobody rings so | nothing |" "$(echo "$good" | sed 's/ its log / /')"; do
    echo "$wrong" > "$house/docs/operate.md"
    alerts && says "check_alerts lets this pass: $wrong"
done
echo "$good" > "$house/docs/operate.md"
alerts

names() { "$here/check_names.sh" "$house" > /dev/null; }
mkdir -p "$house/tests" "$house/ops" "$house/src/web" "$house/src/cli"
printf 'all check:\n' > "$house/Makefile"
echo '{ M_GET, API "/events/:id", OPEN, 0 },' > "$house/src/web/routes.c"
echo '.name = "serve", HOLD_LASTS' > "$house/src/cli/serve.c"
echo 'Read `n.c`: `HOLD_LASTS` in `make check`; `tickettoken serve` knows `GET /api/v1/events/:id`.' >> "$house/README.md"
names || says 'good names were refused by check_names'
for wrong in '`gone.c`' '`net/gone.c`' '(net/gone.h)' '`HOLD_GONE=7`' '`gone_total{a="b"}`' '`hold_gone()`' '`make gone`' '`tickettoken gone`' '`GET /api/v1/gone`' '`POST /api/v1/events/:id`'; do
    echo "$wrong" > "$house/docs/wrong.md"
    names && says "check_names lets $wrong pass"
    rm "$house/docs/wrong.md"
done
names

blame() { awk -f "$here/blame.awk" "$house/log" | tr '\n' '|'; }
echo 'stopped in redis_test what_is_dead
not ok build-thread/unit/redis_test
SUMMARY: ThreadSanitizer: data race src/kv/kv.c:7 in take
ok 1 - what is good
not ok 2 - what is not
  ---
  location: '"'/tmp/api/sale.test.mjs:12:1'"'
    not ok 1 - inside
not ok - cut.test.mjs ended with 124' > "$house/log"
[ "$(blame)" = "    SUMMARY: ThreadSanitizer: data race src/kv/kv.c:7 in take|\
    sale.test.mjs: 'what is not'|    cut.test.mjs ended with 124|    redis_test (what_is_dead)|" ] ||
    says "blame does not name what failed: $(blame)"
printf 'round 1\nError: half a book\n    at crash.mjs\n' > "$house/log"
[ "$(blame)" = '    Error: half a book|' ] || says "blame does not name an error: $(blame)"
