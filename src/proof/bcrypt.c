/* bcrypt.c - libxcrypt's crypt_r. bcrypt looks at 72 bytes and no further, so a longer
 * password is one that those systems cut; it is cut here too, because its owner never
 * knew. crypt_r says that it failed by a text that begins with '*'. */
#include "proof/bcrypt.h"
#include "base/crypto.h"
#include <crypt.h>
#include <stdlib.h>
#include <string.h>

enum { HASH_LETTERS = 60, COST_LEAST = 4, COST_MOST = 13, LOOKED_AT = 72 };

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '.' || c == '/';
}

bool bcrypt_is(Str h)
{
    i64 cost;

    if (h.len != HASH_LETTERS || !str_starts(h, S("$2")) || h.at[3] != '$' ||
        h.at[6] != '$' ||
        (h.at[2] != 'a' && h.at[2] != 'b' && h.at[2] != 'y') ||
        !str_int(str_sub(h, 4, 6), &cost))
        return false;
    for (isize i = 7; i < h.len; i++)
        if (!is_letter(h.at[i]))
            return false;
    return cost >= COST_LEAST && cost <= COST_MOST;
}

bool bcrypt_same(Str hash, Str password)
{
    char setting[HASH_LETTERS + 1], phrase[LOOKED_AT + 1];
    struct crypt_data *room = calloc(1, sizeof *room);    /* 32 KiB           */
    isize n = password.len < LOOKED_AT ? password.len : LOOKED_AT;

    must(room != NULL && bcrypt_is(hash));
    memcpy(setting, hash.at, HASH_LETTERS);
    setting[HASH_LETTERS] = '\0';
    memcpy(phrase, password.at, (size_t)n);
    phrase[n] = '\0';
    const char *got = crypt_r(phrase, setting, room);
    bool same = got != NULL && got[0] == '$' && strlen(got) == HASH_LETTERS &&
                memchr(password.at, '\0', (size_t)password.len) == NULL &&
                same_bytes(got, setting, HASH_LETTERS);
    wipe(phrase, sizeof phrase);
    wipe(room, sizeof *room);
    free(room);
    return same;
}
