/* mailproof.c - the token is the tenant's id and 32 bytes by chance, so a link finds its
 * shop without asking all of them. Six digits hide behind no hash: a code is kept as a
 * MAC by a key that is not in the database. */
#include "identity/mailproof.h"
#include "base/rand.h"
#include <string.h>

enum { CHANCE_BYTES = 32, TOKEN_BYTES = 16 + CHANCE_BYTES };

static Digest code_key;

static const char *const purpose_words[] = { "verify", "reset" };

void mailproof_open(const Secret *master)
{
    code_key = hkdf_sha256(master->at, master->len, S("mailed code"));
}

void mailproof_close(void) { wipe(&code_key, sizeof code_key); }

MailProof mailproof_make(Ctx *cx)
{
    u8 bytes[TOKEN_BYTES];

    memcpy(bytes, cx->tenant.v.b, 16);
    rand_bytes(bytes + 16, CHANCE_BYTES);
    return (MailProof){ base64url_write(cx->mem, bytes, TOKEN_BYTES),
                        str_fmt(cx->mem, "%06u", rand_below(1000000)) };
}

bool mailproof_tenant(Ctx *cx, Str token)
{
    Str bytes;

    if (token.len != MAIL_PROOF_LETTERS || !base64url_read(cx->mem, token, &bytes))
        return fail(cx, INVALID_CODE, "no token of ours");
    memcpy(cx->tenant.v.b, bytes.at, 16);
    return !uuid_zero(cx->tenant.v) || fail(cx, INVALID_CODE, "a token of no tenant");
}

static Val val_digest(const Digest *d)
{
    return val_blob((Str){ (const char *)d->b, SHA256_BYTES });
}

static Digest code_mac(Ctx *cx, UserId user, Str code)
{
    Str text = str_fmt(cx->mem, "%.*s %.*s %.*s",
                       STR_ARGS(uuid_str(cx->mem, cx->tenant.v)),
                       STR_ARGS(uuid_str(cx->mem, user.v)), STR_ARGS(code));
    return hmac_sha256(code_key.b, SHA256_BYTES, text);
}

/* ---- making ---------------------------------------------------------------- */

SQL(mail_proof_end,
    "UPDATE mail_proof SET used_at = $4"
    " WHERE tenant = $1 AND person = $2 AND purpose = $3 AND used_at IS NULL");

SQL(mail_proof_add,
    "INSERT INTO mail_proof (tenant, hash, person, purpose, code, created_at, expires_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7)");

bool mailproof_end(Ctx *cx, MailPurpose why, UserId user)
{
    return sql_run(cx, &mail_proof_end, NULL, V(user.v), V(purpose_words[why]),
                   V(cx->now));
}

bool mailproof_keep(Ctx *cx, MailPurpose why, UserId user, const MailProof *p, Span lasts)
{
    Digest hash = sha256(p->token), mac = code_mac(cx, user, p->code);

    return mailproof_end(cx, why, user) &&
           sql_run(cx, &mail_proof_add, NULL, V(val_digest(&hash)), V(user.v),
                   V(purpose_words[why]), V(val_digest(&mac)), V(cx->now),
                   V(later(cx->now, lasts)));
}

typedef struct { i64 n; Instant last; } Made;
static const Shape made_row = SHAPE(Made, NUMBER(Made, n, 0, INT64_MAX, 0, 0, ""),
                                    TIME(Made, last, OPTIONAL, ""));

SQL(mail_proof_made,
    "SELECT count(*), max(created_at) FROM mail_proof"
    " WHERE tenant = $1 AND person = $2 AND purpose = $3 AND created_at > $4");

bool mailproof_made(Ctx *cx, MailPurpose why, UserId user, Instant since, i64 *n,
                    Instant *last)
{
    Made m = { 0 };

    if (!sql_get(cx, &mail_proof_made, &made_row, &m, V(user.v), V(purpose_words[why]),
                 V(since)))
        return false;
    *n = m.n;
    *last = m.last;
    return true;
}

/* ---- using ----------------------------------------------------------------- */

typedef struct { UserId person; } Whose;
static const Shape whose_row = SHAPE(Whose, ID(Whose, person, 0, ""));

SQL(mail_proof_look,
    "SELECT person FROM mail_proof WHERE tenant = $1 AND hash = $2 AND purpose = $3"
    " AND used_at IS NULL AND expires_at > $4");

SQL(mail_proof_use,
    "UPDATE mail_proof SET used_at = $4 WHERE tenant = $1 AND hash = $2 AND purpose = $3"
    GUARD_SQL(" AND used_at IS NULL") " AND expires_at > $4 RETURNING person");

static bool find_whose(Ctx *cx, const Sql *q, MailPurpose why, Str token, UserId *user)
{
    Digest hash = sha256(token);
    Whose w;
    bool found;

    if (!sql_find(cx, q, &whose_row, &w, &found, V(val_digest(&hash)),
                  V(purpose_words[why]), V(cx->now)))
        return false;
    if (!found)
        return fail(cx, INVALID_CODE, "link unknown, used or too old");
    *user = w.person;
    return true;
}

bool mailproof_look(Ctx *cx, MailPurpose why, Str token, UserId *user)
{
    return find_whose(cx, &mail_proof_look, why, token, user);
}

bool mailproof_use(Ctx *cx, MailPurpose why, Str token, UserId *user)
{
    return find_whose(cx, &mail_proof_use, why, token, user);
}

SQL(mail_proof_try,
    "UPDATE mail_proof SET code_tries = code_tries + 1"
    " WHERE tenant = $1 AND person = $2 AND purpose = $3"
    GUARD_SQL(" AND used_at IS NULL")
    " AND created_at > $4" GUARD_SQL(" AND code_tries < 5"));

SQL(mail_proof_use_code,
    "UPDATE mail_proof SET used_at = $5"
    " WHERE tenant = $1 AND person = $2 AND purpose = $3"
    GUARD_SQL(" AND used_at IS NULL")
    " AND created_at > $4 AND code = $6");

bool mailproof_use_code(Ctx *cx, MailPurpose why, UserId user, Str code, bool *good)
{
    Instant since = earlier(cx->now, CODE_LASTS);
    Digest mac = code_mac(cx, user, code);
    i64 tried, used = 0;

    if (!sql_run(cx, &mail_proof_try, &tried, V(user.v), V(purpose_words[why]), V(since)))
        return false;
    if (tried > 0 &&
        !sql_run(cx, &mail_proof_use_code, &used, V(user.v), V(purpose_words[why]),
                 V(since), V(cx->now), V(val_digest(&mac))))
        return false;
    *good = used > 0;
    return true;
}

SQL_ALL(mail_proof_forget,
    "DELETE FROM mail_proof WHERE (tenant, hash) IN"
    " (SELECT tenant, hash FROM mail_proof WHERE expires_at < $1 LIMIT 2000)");

static bool forget(Ctx *cx, void *arg)
{
    return sql_run(cx, &mail_proof_forget, arg, V(earlier(cx->now, hours(1))));
}

bool mailproof_sweep(Ctx *cx, i64 *gone)
{
    return write_tx(cx, (Lane){ 0 }, forget, gone);
}
