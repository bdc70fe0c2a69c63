# packages.sh - for ./run and ./test: installs Debian packages that are missing, and
# keeps quiet unless something fails.
# shellcheck shell=sh disable=SC2034
PACKAGES_BUILD="gcc make libc6-dev libssl-dev libsqlite3-dev libjansson-dev libargon2-dev
    libsodium-dev libqrencode-dev libsecp256k1-dev libpq-dev libhiredis-dev libnats-dev libcrypt-dev
    libzxcvbn-dev libcurl4-openssl-dev libnghttp2-dev tzdata ca-certificates curl"
PACKAGES_TEST="sqlite3 g++ nghttp2-client jq"   # npm compiles argon2; README uses jq
# The engines of many nodes, and the libraries that they want.
PACKAGES_SERVICES="postgresql-15 postgresql-client-15 redis-server redis-tools nats-server"
PACKAGES_SERVICES_LIBS="libicu72 libxml2 libldap-2.5-0 libgssapi-krb5-2 libpam0g libselinux1
    libuuid1 liblz4-1 libzstd1 libsystemd0 libpq5 libreadline8 libjemalloc2 liblzf1 libatomic1"

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Prints what a command said only when it failed.
quietly() {
    if ! said=$("$@" 2>&1); then
        printf '%s\n' "$said" >&2
        echo "failed: $*" >&2
        return 1
    fi
}

need_packages() {
    missing=
    for p in "$@"; do
        dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' ||
            missing="$missing $p"
    done
    [ -n "$missing" ] || return 0
    echo "installing:$missing" >&2
    export DEBIAN_FRONTEND=noninteractive
    quietly as_root apt-get update -q
    # shellcheck disable=SC2086
    quietly as_root apt-get install -q -y --no-install-recommends $missing
}

# Debian's own, unless another is there already; it brings its own npm.
need_node() {
    # shellcheck disable=SC2086
    need_packages $PACKAGES_TEST
    if ! command -v node > /dev/null || ! command -v npm > /dev/null; then
        need_packages nodejs npm
    fi
}

# nginx is only compared with: unpacked and not installed, so that no service starts.
need_nginx() {
    [ -x /usr/sbin/nginx ] || [ -x build/nginx/usr/sbin/nginx ] && return 0
    mkdir -p build/nginx
    (
        cd build/nginx
        quietly as_root apt-get update -q
        quietly apt-get download -q nginx
        quietly dpkg -x nginx_*.deb .
    )
}

# Who streams are compared with. Their packages start services where nothing tells them not
# to, so for the time of the installation something does.
need_streams() {
    policy=/usr/sbin/policy-rc.d
    made=
    if ! [ -e $policy ]; then
        made=yes
        printf '#!/bin/sh\nexit 101\n' | as_root tee $policy > /dev/null
        as_root chmod 755 $policy
    fi
    result=0
    need_packages wrk nginx-light libnginx-mod-nchan pushpin zurl condure || result=1
    [ -z "$made" ] || as_root rm $policy
    return $result
}

# engines_path UNPACKED PATH - a PATH with postgres, redis-server and nats-server: those of
# the system where they are installed, and what was unpacked for what is missing.
engines_path() {
    pg=$(ls -d /usr/lib/postgresql/1[5-9]/bin 2>/dev/null | tail -1)
    echo "${pg:-$1/usr/lib/postgresql/15/bin}:$2:/usr/sbin:$1/usr/bin:$1/usr/sbin"
}

# need_services UNPACKED - unpacked like nginx: a database server must not start, or be
# made, on somebody's machine because a test was run there.
need_services() {
    for name in initdb redis-server nats-server; do
        (PATH=$(engines_path "$1" "$PATH") && command -v $name > /dev/null) || break
        [ $name != nats-server ] || return 0
    done
    # shellcheck disable=SC2086
    need_packages $PACKAGES_SERVICES_LIBS
    echo "unpacking: $PACKAGES_SERVICES" >&2
    mkdir -p "$1"
    (
        cd "$1"
        quietly as_root apt-get update -q
        # shellcheck disable=SC2086
        quietly apt-get download -q $PACKAGES_SERVICES
        for deb in *.deb; do quietly dpkg -x "$deb" .; done
        rm ./*.deb
    )
}

# What stands around the nodes in docs/operate.md, unpacked like the engines.
PACKAGES_AROUND="haproxy pgbouncer"
PACKAGES_AROUND_LIBS="libc-ares2 libevent-2.1-7 liblua5.3-0 libopentracing-c-wrapper0 libpcre2-8-0 libssl3
    libsystemd0 libpam0g openssl curl"

# need_prometheus UNPACKED - prometheus and promtool, which stand alone.
need_prometheus() {
    ! (PATH=$(engines_path "$1" "$PATH") && command -v promtool > /dev/null && command -v prometheus > /dev/null) ||
        return 0
    mkdir -p "$1"
    (
        cd "$1"
        quietly as_root apt-get update -q
        quietly apt-get download -q prometheus
        dpkg -x prometheus_*.deb .
        rm prometheus_*.deb
    )
}

# need_around UNPACKED - the PATH of engines_path then has haproxy and pgbouncer.
need_around() {
    ! (PATH=$(engines_path "$1" "$PATH") && command -v haproxy > /dev/null && command -v pgbouncer > /dev/null) ||
        return 0
    # shellcheck disable=SC2086
    need_packages $PACKAGES_AROUND_LIBS
    mkdir -p "$1"
    (
        cd "$1"
        quietly as_root apt-get update -q
        # shellcheck disable=SC2086
        quietly apt-get download -q $PACKAGES_AROUND
        for deb in *.deb; do quietly dpkg -x "$deb" .; done
        rm ./*.deb
    )
}
