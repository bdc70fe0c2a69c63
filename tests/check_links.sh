#!/bin/sh
# check_links.sh [ROOT] - what the documentation names is there: the target of each link,
# and each path that begins with src/, tests/, docs/ or ops/.
set -eu
cd "${1:-$(dirname "$0")/..}"
bad=0

# One line per name: FILE PATH; a link counts from its page's folder, a path from the root.
named() {
    grep -oHE '\]\([^)# ]+' "$1" | sed -e 's/:](/ /' | grep -vE ' (https?|mailto):' |
        awk -v dir="$(dirname "$1")" '{ print $1, dir "/" $2 }'
    grep -oHE '(^|[ `(])(src|tests|docs|ops)/[A-Za-z0-9_./-]*[A-Za-z0-9_]' "$1" |
        sed -E -e 's/:[ `(]?/ /'
}

pages=$(find . -maxdepth 1 -name '*.md' && find docs -name '*.md')
for page in $pages; do
    named "$page" | while read -r page path; do
        [ -e "$path" ] || echo "$page names $path, which is not there"
    done
done | sort -u | { if grep .; then bad=1; fi; exit $bad; }
