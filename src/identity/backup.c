/* backup.c - a code has 32 bits, so its plain hash would be found in seconds by who has
 * read the table; the key of the hash is not in the database. */
#include "identity/backup.h"
#include "base/rand.h"

SQL(backup_add, "INSERT INTO backup_code (tenant, person, hash) VALUES ($1, $2, $3)");
SQL(backup_drop, "DELETE FROM backup_code WHERE tenant = $1 AND person = $2");
SQL(backup_take,
    "UPDATE backup_code SET used_at = $4 WHERE tenant = $1 AND person = $2 AND hash = $3"
    GUARD_SQL(" AND used_at IS NULL"));

static Digest key;

void backup_open(const Secret *master)
{
    key = hkdf_sha256(master->at, master->len, S("backup code"));
}

void backup_close(void) { wipe(&key, sizeof key); }

/* Of eight upper-case hex digits; the person is in it, so equal codes of two look
 * different. */
static Digest hash_of(Ctx *cx, UserId user, Str digits)
{
    Str m = str_fmt(cx->mem, "%.*s %.*s %.*s", STR_ARGS(uuid_str(cx->mem, cx->tenant.v)),
                    STR_ARGS(uuid_str(cx->mem, user.v)), STR_ARGS(digits));
    return hmac_sha256(key.b, SHA256_BYTES, m);
}

static Str upper_digits(Arena *mem, Str code)
{
    Buf b = buf_in(mem, BACKUP_LETTERS);

    for (isize i = 0; i < code.len; i++) {
        char c = code.at[i];
        if (c != '-' && c != ' ')
            buf_byte(&b, c >= 'a' && c <= 'f' ? (char)(c - 'a' + 'A') : c);
    }
    return buf_str(&b);
}

static bool is_among(const BackupCodes *codes, int n, Str code)
{
    for (int i = 0; i < n; i++)
        if (str_is(codes->at[i], code))
            return true;
    return false;
}

BackupCodes backup_make(Arena *mem)
{
    BackupCodes codes;

    for (int n = 0; n < BACKUP_CODES;) {
        u8 b[4];
        rand_bytes(b, sizeof b);
        codes.at[n] = str_fmt(mem, "%02X%02X-%02X%02X", b[0], b[1], b[2], b[3]);
        n += !is_among(&codes, n, codes.at[n]);
    }
    return codes;
}

bool backup_forget(Ctx *cx, UserId user)
{
    return sql_run(cx, &backup_drop, NULL, V(user.v));
}

bool backup_write(Ctx *cx, UserId user, const BackupCodes *codes)
{
    if (!backup_forget(cx, user))
        return false;
    for (int i = 0; i < BACKUP_CODES; i++) {
        Digest d = hash_of(cx, user, upper_digits(cx->mem, codes->at[i]));
        if (!sql_run(cx, &backup_add, NULL, V(user.v),
                     V(val_blob((Str){ (const char *)d.b, SHA256_BYTES }))))
            return false;
    }
    return true;
}

bool backup_use(Ctx *cx, UserId user, Str code, bool *good)
{
    Digest d = hash_of(cx, user, upper_digits(cx->mem, code));
    i64 changed;

    if (!sql_run(cx, &backup_take, &changed, V(user.v),
                 V(val_blob((Str){ (const char *)d.b, SHA256_BYTES })), V(cx->now)))
        return false;
    *good = changed == 1;
    return true;
}
