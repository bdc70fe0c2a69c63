#!/bin/sh
# next.sh DIR [OLDEST] - builds in DIR the program that a next release would be: this
# source with one more schema step on both engines (tests/operate/next/*.sql), and a
# version of its own. Prints the step's number.
#
# OLDEST is the oldest program, by the number of its last step, that can work on what the
# step leaves; without it, today's.
set -eu
repo=$(cd "$(dirname "$0")/../.." && pwd)
here=$repo/tests/operate/next
dir=$1
mkdir -p "$dir"
cp -a "$repo/Makefile" "$repo/src" "$dir/"
mkdir -p "$dir/tests" && cp -a "$repo/tests/fuzz" "$repo/tests/bench" "$dir/tests/"
[ ! -d "$repo/build" ] || [ -d "$dir/build" ] || {
    mkdir "$dir/build"
    for room in "$repo"/src/*/; do cp -a "$repo/build/$(basename "$room")" "$dir/build/"; done
}

cd "$dir"
today=$(sed -n 's/^STEP(\([0-9]*\),.*/\1/p' src/store/schema.c | tail -1)
now=$(expr "$today" + 0) next=$(expr "$today" + 1)
oldest=${2:-$now} name=$(printf '%04d' "$next")
[ "$oldest" -le "$next" ]
for engine in sqlite postgres; do
    cp "$here/$engine.sql" "src/store/schema/$engine/${name}_next.sql"
done
sed -i -e "s/^STEP($today,.*/&\\nSTEP($name, next);/" \
       -e "/^const SchemaStep schema_sqlite/,/^};/ s/^};/    { $next, \"next\", sqlite_${name}_next, $oldest },\\n};/" \
       -e "/^const SchemaStep schema_postgres/,/^};/ s/^};/    { $next, \"next\", postgres_${name}_next, $oldest },\\n};/" \
    src/store/schema.c
sed -i "s/\(SCHEMA_[A-Z]*_COUNT\) = $now/\1 = $next/g" src/store/engine.h
touch src/cli/*.c src/base/metric.c src/store/*.c
make -s -j2 VERSION=9.9.9-next > build.log 2>&1 || { tail -20 build.log >&2; exit 1; }
echo "$next"
