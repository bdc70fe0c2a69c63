/* challenge.c - what is kept is the moment of its end and the data, so that one that is
 * given back lives no longer for it. */
#include "identity/challenge.h"
#include "base/crypto.h"
#include "base/rand.h"

static Key key_of(Ctx *cx, const char *kind, Str word)
{
    Digest d = sha256(word);
    return kv_key(cx, kind, hex_write(cx->mem, d.b, SHA256_BYTES));
}

bool challenge_again(Ctx *cx, const Challenge *c)
{
    Str value = str_fmt(cx->mem, "%jd %.*s", (intmax_t)c->until.ms, STR_ARGS(c->data));
    return kv_put(cx, key_of(cx, c->kind, c->word), value,
                  (Span){ c->until.ms - cx->now.ms });
}

bool challenge_make(Ctx *cx, const char *kind, Str data, Str *word)
{
    u8 chance[CHALLENGE_BYTES];

    rand_bytes(chance, sizeof chance);
    *word = base64url_write(cx->mem, chance, sizeof chance);
    return challenge_again(cx,
                           &(Challenge){ kind, *word, data,
                                         later(cx->now, CHALLENGE_LASTS) });
}

/* The moment is looked at here too: on another node's clock it may not have come yet. */
bool challenge_take(Ctx *cx, const char *kind, Str word, Challenge *out)
{
    Str value;
    bool found;

    *out = (Challenge){ .kind = kind, .word = word };
    if (word.len != CHALLENGE_LETTERS)
        return fail(cx, INVALID_TOKEN, "a challenge of %td letters", word.len);
    if (!kv_take(cx, key_of(cx, kind, word), &value, &found))
        return false;
    if (!found)
        return fail(cx, INVALID_TOKEN, "%s challenge unknown, used or too old", kind);
    must(str_int(str_cut(&value, ' '), &out->until.ms));
    out->data = value;
    return before(cx->now, out->until) ||
           fail(cx, INVALID_TOKEN, "%s challenge too old", kind);
}
