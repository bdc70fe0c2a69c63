/* mfa.c - the step of the code moves `last_step` by one UPDATE that asks for a smaller
 * one, so a code is good once however many show it, and an older one never again. */
#include "identity/mfa.h"
#include "identity/login.h"
#include "identity/note.h"
#include "proof/password.h"
#include "proof/seal.h"
#include "proof/totp.h"
#include "base/qr.h"
#include "base/rand.h"
#include "kv/kv.h"

SQL(totp_add,
    "INSERT INTO totp (tenant, person, secret, last_step, created_at)"
    " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant, person) DO NOTHING");
SQL(totp_drop, "DELETE FROM totp WHERE tenant = $1 AND person = $2");
SQL(totp_secret, "SELECT secret FROM totp WHERE tenant = $1 AND person = $2");
SQL(totp_use,
    "UPDATE totp SET last_step = $3 WHERE tenant = $1 AND person = $2"
    GUARD_SQL(" AND last_step < $3"));
SQL(mfa_mark,
    "UPDATE person SET mfa_enabled = ($3 = 1), updated_at = $4, version = version + 1"
    " WHERE tenant = $1 AND id = $2");

static Sealer sealer;

void mfa_open(const Secret *master)
{
    sealer = sealer_of(master, S("authenticator secret"));
    backup_open(master);
}

void mfa_close(void)
{
    backup_close();
    wipe(&sealer, sizeof sealer);
}

/* ---- setting up ----------------------------------------------------------- */

static Str place_of(Ctx *cx, UserId user)
{
    return str_fmt(cx->mem, "%.*s %.*s", STR_ARGS(uuid_str(cx->mem, cx->tenant.v)),
                   STR_ARGS(uuid_str(cx->mem, user.v)));
}

static Key setup_key(Ctx *cx, UserId user)
{
    return kv_key(cx, "mfa-setup", uuid_str(cx->mem, user.v));
}

/* In hex, because a text of the kv may be looked at by people. */
static bool pending(Ctx *cx, UserId user, Str *sealed, Str *secret, bool *found)
{
    Str hex;

    if (!kv_get(cx, setup_key(cx, user), &hex, found))
        return false;
    if (!*found)
        return true;
    u8 *bytes = make(cx->mem, u8, hex.len / 2);
    must(hex_read(hex, bytes, hex.len / 2));
    *sealed = (Str){ (const char *)bytes, hex.len / 2 };
    *found = unseal(cx->mem, &sealer, place_of(cx, user), *sealed, secret);
    return true;
}

static bool new_secret(Ctx *cx, UserId user, bool *made)
{
    u8 chance[TOTP_SECRET_BYTES];

    rand_bytes(chance, sizeof chance);
    Str s = seal(cx->mem, &sealer, place_of(cx, user),
                 (Str){ (const char *)chance, sizeof chance });
    wipe(chance, sizeof chance);
    return kv_put_new(cx, setup_key(cx, user), hex_write(cx->mem, s.at, s.len),
                      MFA_SETUP_LASTS, made);
}

/* Letters that a URI's path may have as they are (RFC 3986 section 2.3). */
static Str uri_part(Arena *mem, Str s)
{
    Buf b = buf_in(mem, s.len + 16);

    for (isize i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9') ||
                     c == '-' || c == '.' || c == '_' || c == '~';
        if (plain)
            buf_byte(&b, c);
        else
            buf_fmt(&b, "%%%02X", (u8)c);
    }
    return buf_str(&b);
}

static Str otpauth(Ctx *cx, const Person *p, Str secret)
{
    return str_fmt(cx->mem,
                   "otpauth://totp/TicketToken:%.*s?secret=%.*s&issuer=TicketToken"
                   "&algorithm=SHA1&digits=%d&period=%d",
                   STR_ARGS(uri_part(cx->mem, p->email)), STR_ARGS(secret), TOTP_DIGITS,
                   TOTP_STEP_S);
}

bool mfa_setup(Ctx *cx, UserId user, MfaSetup *out)
{
    Person p;
    Str sealed, secret;
    bool made, found;

    if (!person_look(cx, user, &p))
        return false;
    if (p.mfaEnabled)
        return fail(cx, INVALID_STATE, "the second factor is on");
    if (!new_secret(cx, user, &made) || !pending(cx, user, &sealed, &secret, &found))
        return false;
    if (!found)
        return fail(cx, BUSY, "the setup vanished while it was made");
    Str letters = base32_write(cx->mem, secret);
    *out = (MfaSetup){ .secret = letters, .otpauthUrl = otpauth(cx, &p, letters),
                       .expiresIn = MFA_SETUP_LASTS.ms / 1000 };
    return qr_svg(cx, out->otpauthUrl, "Authenticator setup", &out->qrCode);
}

typedef struct { UserId user; Str sealed; i64 step; BackupCodes codes; } Enabling;

static bool mark(Ctx *cx, UserId user, bool on)
{
    return sql_run(cx, &mfa_mark, NULL, V(user.v), V((i64)on), V(cx->now));
}

static bool enable(Ctx *cx, void *arg)
{
    const Enabling *e = arg;
    i64 added;

    if (!sql_run(cx, &totp_add, &added, V(e->user.v), V(val_blob(e->sealed)), V(e->step),
                 V(cx->now)))
        return false;
    if (added == 0)
        return fail(cx, INVALID_STATE, "the second factor is on");
    return backup_write(cx, e->user, &e->codes) && mark(cx, e->user, true) &&
           note_write(cx, AUDIT_MFA_ENABLED, e->user, (Str){ 0 });
}

bool mfa_enable(Ctx *cx, UserId user, Str code, BackupCodes *out)
{
    Enabling e = { .user = user, .codes = backup_make(cx->mem) };
    Str secret;
    bool found;

    if (!pending(cx, user, &e.sealed, &secret, &found))
        return false;
    if (!found)
        return fail(cx, INVALID_STATE, "no setup runs");
    if (!totp_match(secret, code, cx->now, &e.step))
        return fail(cx, AUTHENTICATION_FAILED, "not the app's code");
    if (!write_tx(cx, lane_of(user.v), enable, &e) || !kv_delete(cx, setup_key(cx, user)))
        return false;
    *out = e.codes;
    return true;
}

/* ---- using ---------------------------------------------------------------- */

typedef struct { Str secret; } Sealed;
static const Shape sealed_row = SHAPE(Sealed, TEXT(Sealed, secret, 0, 200, 0, ""));

static bool use_app(Ctx *cx, UserId user, Str code, bool *good)
{
    Sealed row;
    Str secret;
    bool found;
    i64 step, changed;

    *good = false;
    if (!sql_find(cx, &totp_secret, &sealed_row, &row, &found, V(user.v)))
        return false;
    if (!found)
        return true;
    if (!unseal(cx->mem, &sealer, place_of(cx, user), row.secret, &secret))
        return fail(cx, INTERNAL_ERROR, "an authenticator secret can't be opened");
    if (!totp_match(secret, code, cx->now, &step))
        return true;
    if (!sql_run(cx, &totp_use, &changed, V(user.v), V(step)))
        return false;
    *good = changed == 1;
    return true;
}

bool mfa_use(Ctx *cx, UserId user, Str code, bool *good)
{
    return code.len == TOTP_DIGITS ? use_app(cx, user, code, good)
                                   : backup_use(cx, user, code, good);
}

/* Not the counter of passwords: a right password gives that back, and who has it could
 * begin again for ever. */
static Key attempts_key(Ctx *cx, UserId user)
{
    return kv_key(cx, "mfa-attempts", uuid_str(cx->mem, user.v));
}

bool mfa_try(Ctx *cx, UserId user, i64 *attempt)
{
    Instant reset;

    return kv_count(cx, attempts_key(cx, user), lockout()->lasts, lockout()->attempts,
                    attempt, &reset) &&
           (*attempt <= lockout()->attempts ||
            fail(cx, AUTHENTICATION_FAILED, "no attempt left for a code"));
}

bool mfa_hit(Ctx *cx, UserId user)
{
    return kv_delete(cx, attempts_key(cx, user)) ||
           kv_do_without(cx, METRIC_KV_NO_GIVE_BACK);
}

typedef struct { UserId user; i64 attempt; } Missing;

static bool shut(Ctx *cx, void *arg)
{
    const Missing *m = arg;
    return person_lock(cx, m->user, m->attempt, later(cx->now, lockout()->lasts)) &&
           note_write(cx, AUDIT_LOCKED, m->user, S("second factor"));
}

bool mfa_missed(Ctx *cx, UserId user, i64 attempt)
{
    Missing m = { user, attempt };

    if (attempt == lockout()->attempts && !write_tx(cx, lane_of(user.v), shut, &m))
        return false;
    return fail(cx, AUTHENTICATION_FAILED, "wrong second factor, attempt %jd",
                (intmax_t)attempt);
}

typedef struct { UserId user; Str code; bool good; } Using;

static bool use(Ctx *cx, void *arg)
{
    Using *u = arg;
    return mfa_use(cx, u->user, u->code, &u->good);
}

bool mfa_prove(Ctx *cx, UserId user, Str code)
{
    Using u = { .user = user, .code = code };
    i64 attempt;

    if (!mfa_try(cx, user, &attempt) || !write_tx(cx, lane_of(user.v), use, &u))
        return false;
    return u.good ? mfa_hit(cx, user) : mfa_missed(cx, user, attempt);
}

/* ---- turning off ---------------------------------------------------------- */

static bool disable(Ctx *cx, void *arg)
{
    Using *u = arg;

    if (!mfa_use(cx, u->user, u->code, &u->good))
        return false;
    return !u->good || (sql_run(cx, &totp_drop, NULL, V(u->user.v)) &&
                        backup_forget(cx, u->user) && mark(cx, u->user, false) &&
                        note_write(cx, AUDIT_MFA_DISABLED, u->user, (Str){ 0 }));
}

bool mfa_disable(Ctx *cx, UserId user, Str password, Str code)
{
    Using u = { .user = user, .code = code };
    Person p;
    bool same, stale;
    i64 attempt;

    if (!person_look(cx, user, &p))
        return false;
    if (!p.mfaEnabled)
        return fail(cx, INVALID_STATE, "the second factor is off");
    if (!mfa_try(cx, user, &attempt) ||
        !password_check(cx, p.passwordHash, password, &same, &stale))
        return false;
    if (same && !write_tx(cx, lane_of(user.v), disable, &u))
        return false;
    return u.good ? mfa_hit(cx, user) : mfa_missed(cx, user, attempt);
}

static bool regenerate(Ctx *cx, void *arg)
{
    const Enabling *e = arg;
    Person p;

    if (!person_get(cx, e->user, &p))
        return false;
    if (!p.mfaEnabled)
        return fail(cx, INVALID_STATE, "the second factor is off");
    return backup_write(cx, e->user, &e->codes) &&
           note_write(cx, AUDIT_MFA_CODES, e->user, (Str){ 0 });
}

bool mfa_regenerate(Ctx *cx, UserId user, BackupCodes *out)
{
    Enabling e = { .user = user, .codes = backup_make(cx->mem) };

    if (!write_tx(cx, lane_of(user.v), regenerate, &e))
        return false;
    *out = e.codes;
    return true;
}
