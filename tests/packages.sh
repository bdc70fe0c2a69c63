# packages.sh - for ./run and ./test: installs Debian packages that are missing, and
# keeps quiet unless something fails.
# shellcheck shell=sh disable=SC2034
PACKAGES_BUILD="gcc make libc6-dev libssl-dev libsqlite3-dev libjansson-dev libargon2-dev
    libsodium-dev libqrencode-dev libpq-dev libhiredis-dev libnats-dev tzdata ca-certificates curl"
PACKAGES_TEST="sqlite3"

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
