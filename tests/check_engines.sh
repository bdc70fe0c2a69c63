#!/bin/sh
# check_engines.sh [SRC] - a library's header is opened in few .c files and never in a
# header of ours, so that an engine can be changed in one place. What stands in the
# list below is decided; anything else is refused.
set -eu
src=${1:-src}

allowed() {
    case $1 in
    sqlite3.h)  echo store/sqlite.c ;;
    jansson.h)  echo base/json.c ;;
    argon2.h)   echo proof/password.c ;;
    sodium.h)   echo 'proof/*.c' ;;
    openssl/*)  echo 'base/crypto.c proof/*.c kv/redis*.c net/*.c' ;;
    qrencode.h) echo base/qr.c ;;
    secp256k1*) echo proof/ethereum.c ;;
    postgresql/*) echo 'store/pg*.c store/postgres.c' ;;
    hiredis/*)  echo 'kv/redis*.c' ;;
    nats/*)     echo 'bus/nats*.c' ;;
    nghttp2/*)  echo 'net/h2*.c' ;;
    curl/curl.h) echo 'mail/smtp.c net/fetch.c' ;;
    crypt.h)    echo proof/bcrypt.c ;;
    zxcvbn.h)   echo proof/password.c ;;
    *)          echo any ;;
    esac
}

grep -rHo '^ *# *include *<[^>]*>' "$src" --include='*.[ch]' |
sed 's/: *# *include *</ /; s/>$//' | sort -u | {
    bad=0
    while read -r file header; do
        where=$(set -f; allowed "$header")
        [ "$where" = any ] && continue
        found=no
        set -f
        for pattern in $where; do
            # shellcheck disable=SC2254
            case ${file#"$src"/} in $pattern) found=yes ;; esac
        done
        set +f
        [ $found = yes ] || { echo "$file: may not open <$header>"; bad=1; }
    done
    exit $bad
}
