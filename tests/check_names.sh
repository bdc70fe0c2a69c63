#!/bin/sh
# check_names.sh [ROOT] - what the documentation names by a word of ours exists: functions,
# files, settings, states, metrics, make targets, routes, commands. A word in backticks must
# stand somewhere in the program or in what runs it.
set -eu
cd "${1:-$(dirname "$0")/..}"
words=$(mktemp)
trap 'rm -f "$words"' EXIT

# Words of PostgreSQL and CGI that the pages speak of.
others='HTTP_PROXY archive_mode pg_basebackup pg_snapshot_xmin synchronous_standby_names'

ours() { find src tests ops Makefile -type f -not -path '*/node_modules/*' -not -path '*/vectors/*' "$@"; }
{
    printf '%s\n' $others
    ours -not -path '*/corpus/*' -exec cat {} + | grep -aoE '[A-Za-z_][A-Za-z0-9_]*'
    ours -name '*.[ch]' -exec cat {} + | sed -nE 's/^ *# *include *[<"]([^">]*)[">].*/\1/p' | sed 's|.*/||'
    ours | sed 's|.*/||'
    ours -name config.def -exec sed -nE 's/^[A-Z]+\([a-z_]+, *"([A-Z0-9_]+)".*/\1_FILE/p' {} +
} | sort -u > "$words"

# Words with an underscore, names of files in C, and NAME=value.
named() {
    grep -oE '`[^`]+`' "$1" | tr -d '`' | sed -E 's/[=({].*//' |
        grep -xE '[A-Za-z0-9]+(_[A-Za-z0-9]+)+|[a-z0-9_]+\.[ch]' | sort -u | comm -23 - "$words"
}

# store/once.c is src/store/once.c.
files() {
    grep -oE '(^|[ `(])[a-z]+/[a-z0-9_]+\.(c|h|def|mjs)' "$1" | sed -E 's/^[ `(]//' | sort -u | while read -r f; do
        [ -e "src/$f" ] || [ -e "tests/$f" ] || [ -e "$f" ] || echo "$f"
    done
}

targets() {
    grep -ohE '(`|^    )make [a-z][a-z0-9-]*' "$1" | sed 's/.*make //' | sort -u | while read -r t; do
        cat Makefile tests/*/*.mk 2> /dev/null | grep -qE "^([a-z0-9-]+ )*$t( [a-z0-9-]+)*:" || echo "make $t"
    done
}

routes() {
    grep -ohE '`(GET|POST|PUT|DELETE) /[^` ?]*' "$1" | tr -d '`' | sort -u | while read -r method path; do
        row=$(echo "$path" | sed -E 's|^/api/v1||; s|[.]|[.]|g')
        grep -qE "^\{ M_$method, .*\"$row\"" src/web/routes.c || echo "$method $path"
    done
}

commands() {
    grep -ohE '(`|^    |-- )tickettoken [a-z][a-z-]*' "$1" | sed 's/.*tickettoken //' | sort -u | while read -r c; do
        grep -rqE "\.name = \"$c\"|\"$c\", \"--$c\"" src/cli || echo "tickettoken $c"
    done
}

{ find . -maxdepth 1 -name '*.md'; find docs -name '*.md'; } | while read -r page; do
    for what in named files targets routes commands; do
        $what "$page" | sed "s|^|$page names |; s|\$|, which is nowhere|"
    done
done | { if grep .; then exit 1; fi; }
