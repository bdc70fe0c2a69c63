#!/bin/sh
# services.sh - a private PostgreSQL, Redis and NATS for tests and for trying many nodes.
#
#   tests/services.sh start [DIR]           starts what does not run; prints DIR and its env
#   tests/services.sh start DIR NAME...     only these of: postgres redis nats
#   tests/services.sh stop DIR [NAME...]    stops them, data kept; a DIR nobody named goes
#   tests/services.sh kill DIR NAME...      the same with SIGKILL, for drills
#   tests/services.sh run COMMAND...        start, run the command with the env, stop always
#
# Everything lives in DIR and listens on loopback with passwords made for it. No system
# service is touched: what is stopped is what DIR/NAME.pid names, if it still is that.
# DIR/env has shell lines (sourced by `. DIR/env`): TEST_PG_URL (the server's role, no
# database: append its name), TEST_PG_OWNER_URL, TEST_PG_ADMIN, TEST_REDIS_URL,
# TEST_NATS_URL, SERVICES_DIR, and a PATH with postgres, psql, redis-server, nats-server.
set -eu
# shellcheck disable=SC1090,SC1091,SC2086
repo=$(cd "$(dirname "$0")/.." && pwd)
. "$repo/tests/packages.sh"
unpacked=$repo/build/services
all='postgres redis nats'
roof=30                                          # seconds to come up, or to go down

say() { printf 'services: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# PostgreSQL refuses root, so root's engines run as nobody. A word list and not a function:
# what it starts in the background must be the engine itself and not a shell around it.
engine=
[ "$(id -u)" != 0 ] || engine='setpriv --reuid=nobody --regid=nogroup --clear-groups'

# Below the ports that the kernel gives to outgoing connections: an engine that comes
# back after a drill must find its own port free.
free_port() {
    perl -MIO::Socket::INET -e 'for (1..200) { my $p = 20000 + int rand 12000;
        if (IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1", LocalPort => $p))
            { print $p; exit } } exit 1' || die 'no free port on 127.0.0.1'
}

secret() { od -An -tx1 -N16 /dev/urandom | tr -d ' \n'; }

# ---- made once -------------------------------------------------------------------------

# nobody can't enter somebody's home: then it gets a copy of what was unpacked there.
reach_engines() {
    from=$unpacked
    if ! $engine test -x "$(PATH=$(engines_path "$from" "$PATH") && command -v postgres)"; then
        from=$dir/engines
        mkdir -p "$from"
        cp -r "$unpacked/usr" "$from/"
    fi
    echo "export PATH=\"$(engines_path "$from" '$PATH')\"" >> "$dir/env.new"
    PATH=$(engines_path "$from" "$PATH")
}

make_postgres() {
    port=$(free_port) admin=$(secret) owner=$(secret) server=$(secret)
    (umask 077; printf '%s\n' "$admin" > "$dir/admin")
    ! [ "$(id -u)" = 0 ] || chown nobody "$dir/admin"
    $engine initdb -D "$dir/postgres" -U tt_admin --pwfile "$dir/admin" -A scram-sha-256 \
        -E UTF8 --locale C.UTF-8 > "$dir/initdb.log" 2>&1 || { tail -20 "$dir/initdb.log" >&2; die 'initdb failed'; }
    rm "$dir/admin"
    cat >> "$dir/postgres/postgresql.conf" <<END
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$dir/postgres'
shared_buffers = 256MB
max_connections = 400
fsync = on
jit = off                             # llvm is not unpacked
log_line_prefix = '%m [%p] %u@%d '
END
    start_postgres
    PGPASSWORD=$admin psql -qXv ON_ERROR_STOP=1 -h "$dir/postgres" -p "$port" -U tt_admin -d postgres <<END
CREATE ROLE tt_owner  LOGIN PASSWORD '$owner'  NOSUPERUSER NOBYPASSRLS;
CREATE ROLE tt_server LOGIN PASSWORD '$server' NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
END
    cat >> "$dir/env.new" <<END
export TEST_PG_URL='postgresql://tt_server:$server@127.0.0.1:$port/'
export TEST_PG_OWNER_URL='postgresql://tt_owner:$owner@127.0.0.1:$port/'
export TEST_PG_ADMIN='postgresql://tt_admin:$admin@127.0.0.1:$port/postgres'
END
}

make_redis() {
    port=$(free_port) word=$(secret)
    cat > "$dir/redis/conf" <<END
bind 127.0.0.1
port $port
unixsocket $dir/redis/socket
unixsocketperm 777
requirepass $word
set-proc-title no
dir $dir/redis
save ""
END
    echo "export TEST_REDIS_URL='redis://default:$word@127.0.0.1:$port/0'" >> "$dir/env.new"
}

make_nats() {
    port=$(free_port) word=$(secret)
    cat > "$dir/nats/conf" <<END
listen: "127.0.0.1:$port"
jetstream { store_dir: "$dir/nats" }
authorization { user: "tt", password: "$word" }
END
    echo "export TEST_NATS_URL='nats://tt:$word@127.0.0.1:$port'" >> "$dir/env.new"
}

make_all() {
    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
    [ ! -e "$dir/env" ] || return 0
    # What a start of ours left half made is made anew; what is somebody's is not touched.
    [ ! -e "$dir/env.new" ] || rm -rf "$dir/env.new" "$dir/postgres" "$dir/redis" "$dir/nats"
    for name in $all; do [ ! -e "$dir/$name" ] || die "there is a $dir/$name: name another folder"; done
    [ "$(id -u)" != 0 ] || chmod 711 "$dir"       # nobody passes through, and lists nothing
    (umask 077; : > "$dir/env.new")
    for name in $all; do
        mkdir -m 700 "$dir/$name"
        ! [ "$(id -u)" = 0 ] || chown nobody:nogroup "$dir/$name"
    done
    $engine test -w "$dir/postgres" || die "nobody may not enter $dir: name a folder under /tmp"
    reach_engines
    echo "export SERVICES_DIR='$dir'" >> "$dir/env.new"
    for name in $all; do make_$name; done
    mv "$dir/env.new" "$dir/env"
}

# ---- up and down -----------------------------------------------------------------------

start_postgres() { up postgres 'ready to accept connections' postgres -D "$dir/postgres"; }
start_redis()    { up redis 'Ready to accept connections' redis-server "$dir/redis/conf"; }
start_nats()     { up nats 'Server is ready' nats-server -c "$dir/nats/conf"; }

# The pid of NAME if it runs and is the one that was started here.
running() {
    pid=$(cat "$dir/$1.pid" 2>/dev/null) && tr '\0' ' ' 2>/dev/null < "/proc/$pid/cmdline" | grep -qF "$dir/$1"
}

# up NAME WHEN-READY COMMAND... - in a session of its own, so that ^C here does not reach it.
up() {
    name=$1 ready=$2
    shift 2
    ! running "$name" || return 0
    [ ! -e "$dir/$name.log" ] || mv -f "$dir/$name.log" "$dir/$name.log.old"
    : > "$dir/$name.log"
    $engine setsid "$@" >> "$dir/$name.log" 2>&1 < /dev/null &
    echo $! > "$dir/$name.pid"
    for _ in $(seq $((roof * 20))); do
        ! grep -qF "$ready" "$dir/$name.log" || return 0
        kill -0 "$(cat "$dir/$name.pid")" 2>/dev/null || break
        sleep 0.05
    done
    tail -20 "$dir/$name.log" >&2
    die "$name did not come up; its log is $dir/$name.log"
}

# Each is asked alone: of several, kill says no as soon as the first is gone.
any_alive() {
    for member in $family; do
        ! kill -0 "$member" 2>/dev/null || return 0
    done
    return 1
}

# down NAME SIGNAL - and its children with it: PostgreSQL won't start before they are gone.
down() {
    running "$1" || return 0
    family="$pid $(cat "/proc/$pid/task/$pid/children" 2>/dev/null || true)"
    kill "-$2" "$pid"
    for _ in $(seq $((roof * 20))); do
        any_alive || { rm -f "$dir/$1.pid"; return 0; }
        sleep 0.05
    done
    say "$1 did not end within $roof s: killed"
    kill -KILL "$pid"
}

stop_all() {
    for name in ${*:-$all}; do
        if [ "$name" = postgres ]; then down postgres INT; else down "$name" TERM; fi
    done
}

start() {
    made=
    [ -n "${1:-}" ] || { made=$(mktemp -d "${TMPDIR:-/tmp}/tickettoken-services.XXXXXX"); set -- "$made"; }
    dir=$1
    shift
    make_all
    [ -z "$made" ] || : > "$dir/nobody-named-it"
    . "$dir/env"
    for name in ${*:-$all}; do start_$name; done
}

open_dir() {
    dir=$(cd "${1:?which folder?}" && pwd)
    [ -e "$dir/env" ] || die "$dir has no services"
    . "$dir/env"
}

case ${1:-} in
start)
    shift
    need_services "$unpacked"
    dir=
    trap '[ ! -e "$dir/env.new" ] || stop_all' EXIT
    start "$@"
    echo "$dir"
    say "up; for their addresses:  . $dir/env"
    ;;
stop)
    shift
    open_dir "$@"
    shift
    stop_all "$@"
    [ $# -gt 0 ] || [ ! -e "$dir/nobody-named-it" ] || rm -rf "$dir"
    ;;
kill)
    shift
    open_dir "$@"
    shift
    for name in "$@"; do down "$name" KILL; done
    ;;
run)
    shift
    need_services "$unpacked"
    dir=
    trap '[ -z "$dir" ] || { stop_all; rm -rf "$dir"; }' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP                     # heard when the command has ended
    start
    "$@"
    ;;
*)
    sed -n '2,/^set -eu/p' "$0" | sed '$d; s/^# \{0,1\}//'
    exit 2
    ;;
esac
