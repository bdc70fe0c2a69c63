#!/bin/sh
# check_alerts.sh [ROOT] - every alert of ops/alerts.yml has a row in docs/operate.md that says
# what it means and what to do, and every such row an alert.
set -eu
cd "${1:-$(dirname "$0")/..}"

rings() { sed -n 's/^ *- alert: *//p' ops/alerts.yml | sort; }
rows()  { sed -nE 's/^\| `([A-Z][A-Za-z]+)` \| [^|]{10,} \| [^|]{3,} \|$/\1/p' docs/operate.md | sort; }

bad=$({ { rings; rows; } | sort | uniq -u; rings | uniq -d; rows | uniq -d; } | sort -u)
[ -z "$bad" ] || { echo "not once in each of ops/alerts.yml and docs/operate.md:" $bad; exit 1; }
[ -n "$(rings)" ]
