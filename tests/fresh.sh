#!/bin/sh
# fresh.sh - tries both commands as a stranger would: in a bare Debian 12 made with
# debootstrap, from a clean clone, as a user who may install packages.
# use: tests/fresh.sh [run | test [STEP...]]   (needs root; MIRROR= names another Debian mirror)
set -eu
repo=$(cd "$(dirname "$0")/.." && pwd)
root=${FRESH_ROOT:-$(mktemp -d /var/tmp/tickettoken-fresh.XXXXXX)}
port=18099
# Ends what was started inside before it takes the folder away; --one-file-system, so
# that nothing mounted there is ever emptied.
clean() {
    [ ! -s "$root/tmp/run.pid" ] || kill "$(cat "$root/tmp/run.pid")" 2>/dev/null || true
    umount -l "$root/proc" 2>/dev/null || true
    rm -rf --one-file-system "$root" "$root.log"
}
trap clean EXIT
trap 'exit 1' INT TERM

command -v debootstrap > /dev/null || { apt-get update -q && apt-get install -q -y debootstrap; }
debootstrap --variant=minbase --include=git,ca-certificates,sudo bookworm "$root" \
    ${MIRROR:+"$MIRROR"} > "$root.log" 2>&1 || { tail -20 "$root.log"; exit 1; }
chmod 755 "$root"                                # of mktemp; it is the / of whoever is not root
# The same sources, proxies and certificates as this machine: that is not what is tried.
cp -r /etc/apt/sources.list* /etc/apt/apt.conf.d "$root/etc/apt/" 2>/dev/null || true
cp -r /usr/local/share/ca-certificates "$root/usr/local/share/" 2>/dev/null || true
for f in /etc/resolv.conf /etc/hosts /root/.npmrc; do [ ! -e "$f" ] || cp "$f" "$root$f"; done
mount -t proc proc "$root/proc"
git clone -q "$repo" "$root/root/tickettoken"
inside() { chroot "$root" env HOME=/root sh -c "update-ca-certificates > /dev/null 2>&1; cd /root/tickettoken && $1"; }

try_run() {
    inside "PORT=$port; export PORT; echo \$\$ > /tmp/run.pid; exec ./run > /tmp/run.log 2>&1" &
    for _ in $(seq 300); do
        grep -q '^listening on' "$root/tmp/run.log" 2>/dev/null && break
        sleep 1
    done
    cat "$root/tmp/run.log"
    grep '^  curl ' "$root/tmp/run.log" > "$root/tmp/lines"
    [ "$(wc -l < "$root/tmp/lines")" = 3 ] || { echo 'no three lines to try'; return 1; }
    while read -r line; do
        inside "$line" | grep '^{' | cut -c 1-100 || { echo "does not work: $line"; return 1; }
    done < "$root/tmp/lines"
    kill "$(cat "$root/tmp/run.pid")"
    wait
    rm "$root/tmp/run.pid"
    echo 'run: works'
}

case ${1:-both} in
run)  try_run ;;
test) shift; inside "./test $*" ;;
both) inside ./test && try_run ;;
esac
