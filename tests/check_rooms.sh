#!/bin/sh
# check_rooms.sh [SRC] [ROOMS] - no room opens a door that docs/ROOMS does not give it.
# A file of SRC/ROOM may include headers of its own room and of those that ROOMS names
# for it ("*": any). src/main.c stands outside the rooms and may open all.
set -eu
src=${1:-src} rooms=${2:-docs/ROOMS}

grep -rHno '^ *# *include *"[^"]*"' "$src" --include='*.[ch]' --include='*.def' |
awk -v rooms="$rooms" -v src="$src" '
BEGIN {
    while ((getline line < rooms) > 0) {
        sub(/#.*/, "", line)
        if (split(line, side, ":") != 2) continue
        gsub(/ /, "", side[1])
        known[side[1]] = may[side[1], side[1]] = 1
        n = split(side[2], other, " ")
        for (i = 1; i <= n; i++) may[side[1], other[i]] = 1
    }
}
{
    file = $0; sub(/:[0-9]+:.*/, "", file)
    into = $0; sub(/^[^"]*"/, "", into); sub(/\/.*|"$/, "", into)
    from = substr(file, length(src) + 2)
    if (from !~ /\//) next
    sub(/\/.*/, "", from)
    if (!(from in known)) { print file ": docs/ROOMS has no room " from; bad = 1 }
    else if (!((from, into) in may) && !((from, "*") in may)) {
        print file ": room " from " may not open " into; bad = 1
    }
}
END { exit bad }'
