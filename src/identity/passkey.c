/* passkey.c - a counter that doesn't rise means that two hold the key, so the sign-in is
 * refused; most authenticators have none and always say 0. The look at it is the UPDATE
 * that moves it. */
#include "identity/passkey.h"
#include "identity/challenge.h"
#include "identity/note.h"
#include "base/log.h"

const Shape passkey_shape = SHAPE(Passkey,
    ID(Passkey, id, 0, "the passkey"),
    TEXT(Passkey, name, 1, PASSKEY_NAME_MOST, 0, "what its owner calls it"),
    BOOL(Passkey, backedUp, 0, "whether it is kept in more than one place"),
    TIME(Passkey, createdAt, 0, "when it was registered"),
    TIME(Passkey, lastUsedAt, OPTIONAL, "when it last signed in"),
    ID(Passkey, person, UNLISTED, ""),
    TEXT(Passkey, credential, 0, CREDENTIAL_MOST, UNLISTED, ""),
    TEXT(Passkey, publicKey, 0, 1000, UNLISTED, ""),
    NUMBER(Passkey, counter, 0, INT64_MAX, 0, UNLISTED, ""),
    BOOL(Passkey, mayBackUp, UNLISTED, ""));

#define COLUMNS " id, name, backed_up, created_at, last_used_at, person, credential, public_key," \
                " counter, may_back_up"

SQL(passkey_new,
    "INSERT INTO passkey (tenant, id, person, credential, public_key, counter, backed_up,"
    " may_back_up, name, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
    " ON CONFLICT (tenant, credential) DO NOTHING RETURNING" COLUMNS);
SQL(passkey_of,
    "SELECT" COLUMNS " FROM passkey WHERE tenant = $1 AND person = $2 ORDER BY id"
                     " LIMIT 100");
SQL(passkey_by_credential,
    "SELECT" COLUMNS " FROM passkey WHERE tenant = $1 AND credential = $2");
SQL(passkey_use,
    "UPDATE passkey SET counter = $3, backed_up = ($4 = 1), last_used_at = $5"
    " WHERE tenant = $1 AND id = $2"
    GUARD_SQL(" AND (counter < $3 OR ($3 = 0 AND counter = 0))"));
SQL(passkey_name,
    "UPDATE passkey SET name = $4 WHERE tenant = $1 AND id = $2 AND person = $3 RETURNING"
    COLUMNS);
SQL(passkey_drop, "DELETE FROM passkey WHERE tenant = $1 AND id = $2 AND person = $3");

static const char adding[] = "passkey-new", entering[] = "passkey";
static struct { Arena mem; Relying rp; } all;

/* https://shop.example:8443/path -> https://shop.example:8443 and shop.example */
static Relying rp_of(Arena *mem, Str url)
{
    Str rest = url, scheme = str_cut(&rest, ':');
    rest = str_starts(rest, S("//")) ? str_sub(rest, 2, rest.len) : S("");
    Str host = str_cut(&rest, '/'), name = host;
    Str origin = str_fmt(mem, "%.*s://%.*s", STR_ARGS(scheme), STR_ARGS(host));
    return (Relying){ str_cut(&name, ':'), origin };
}

void passkey_open(const Relying *rp, Str public_url)
{
    Relying of_url = rp_of(&all.mem, public_url);
    all.rp.id = str_copy(&all.mem, rp->id.len > 0 ? rp->id : of_url.id);
    all.rp.origins = str_copy(&all.mem,
                              rp->origins.len > 0 ? rp->origins : of_url.origins);
}

void passkey_close(void) { arena_close(&all.mem); }

/* ---- what the browser is asked ------------------------------------------------- */

static Str handle_of(Arena *mem, UserId user)
{
    return base64url_write(mem, user.v.b, sizeof user.v.b);
}

static void put_known(Ctx *cx, Buf *b, const Passkey *rows, isize n)
{
    json_put_name(b, "excludeCredentials");
    buf_byte(b, '[');
    for (isize i = 0; i < n; i++)
        buf_fmt(b, "%s{\"type\":\"public-key\",\"id\":\"%.*s\"}", i > 0 ? "," : "",
                STR_ARGS(base64url_write(cx->mem, rows[i].credential.at,
                                         rows[i].credential.len)));
    buf_byte(b, ']');
}

static void put_user(Ctx *cx, Buf *b, const Person *p)
{
    Str full = str_trim(str_fmt(cx->mem, "%.*s %.*s", STR_ARGS(p->firstName),
                                STR_ARGS(p->lastName)));

    json_put_name(b, "user");
    buf_byte(b, '{');
    json_put_text(b, "id", handle_of(cx->mem, p->id));
    json_put_text(b, "name", p->email);
    json_put_text(b, "displayName", full.len > 0 ? full : p->email);
    buf_byte(b, '}');
}

bool passkey_creation_options(Ctx *cx, UserId user, Str *json)
{
    Buf b = buf_in(cx->mem, 1024);
    Passkey *rows;
    Person p;
    Str word;
    isize n;

    if (!person_look(cx, user, &p) || !passkey_list(cx, user, &rows, &n) ||
        !challenge_make(cx, adding, uuid_str(cx->mem, user.v), &word))
        return false;
    buf_lit(&b, "{\"rp\":{\"name\":\"TicketToken\"");
    json_put_text(&b, "id", all.rp.id);
    buf_byte(&b, '}');
    put_user(cx, &b, &p);
    json_put_text(&b, "challenge", word);
    buf_fmt(&b, ",\"pubKeyCredParams\":[{\"type\":\"public-key\",\"alg\":-7},"
            "{\"type\":\"public-key\",\"alg\":-8},{\"type\":\"public-key\",\"alg\":-257}],"
            "\"timeout\":%jd,\"attestation\":\"none\",\"authenticatorSelection\":{\"residentKey\":\"required\",\"requireResidentKey\":true,"
            "\"userVerification\":\"preferred\"}", (intmax_t)CHALLENGE_LASTS.ms);
    put_known(cx, &b, rows, n);
    buf_byte(&b, '}');
    *json = buf_str(&b);
    return true;
}

bool passkey_request_options(Ctx *cx, Str *json)
{
    Buf b = buf_in(cx->mem, 256);
    Str word;

    if (!challenge_make(cx, entering, S(""), &word))
        return false;
    buf_fmt(&b, "{\"userVerification\":\"preferred\",\"timeout\":%jd",
            (intmax_t)CHALLENGE_LASTS.ms);
    json_put_text(&b, "rpId", all.rp.id);
    json_put_text(&b, "challenge", word);
    buf_byte(&b, '}');
    *json = buf_str(&b);
    return true;
}

/* ---- registering ----------------------------------------------------------------- */

typedef struct {
    UserId user;
    Uuid   id;
    Str    name;
    NewCredential cred;
    Passkey row;
    bool   found;
} Adding;

static bool add(Ctx *cx, void *arg)
{
    Adding *a = arg;
    const Seen *s = &a->cred.seen;
    Passkey *rows;
    isize n;

    if (!sql_rows(cx, &passkey_of, &passkey_shape, &rows, &n, V(a->user.v)))
        return false;
    if (n >= PASSKEYS_MOST)
        return fail(cx, CONFLICT, "%td passkeys are enough", n);
    if (!sql_find(cx, &passkey_new, &passkey_shape, &a->row, &a->found, V(a->id),
                  V(a->user.v), V(val_blob(a->cred.id)), V(val_blob(a->cred.public_key)),
                  V(s->counter), V(s->backed_up), V(s->may_back_up), V(a->name),
                  V(cx->now)))
        return false;
    return a->found
           ? note_write(cx, AUDIT_PASSKEY_ADDED, a->user, uuid_str(cx->mem, a->id))
           : fail(cx, CONFLICT, "the passkey is known already");
}

bool passkey_add(Ctx *cx, UserId user, Str name, const Brought *b, Passkey *out)
{
    Adding a = { .user = user, .name = name, .id = uuid_new(cx->now) };
    Challenge c;
    Str word;

    if (!webauthn_challenge(cx, b->client_data, &word) ||
        !challenge_take(cx, adding, word, &c))
        return false;
    if (!str_is(c.data, uuid_str(cx->mem, user.v)))
        return fail(cx, INVALID_TOKEN, "somebody else's challenge");
    if (!webauthn_register(cx, &all.rp, word, b->client_data, b->attestation, &a.cred))
        return false;
    if (!str_is(a.cred.id, b->id))
        return fail(cx, INVALID_SIGNATURE, "passkey: another id than it says");
    if (!write_tx(cx, lane_of(user.v), add, &a))
        return false;
    *out = a.row;
    return true;
}

/* ---- signing in ------------------------------------------------------------------- */

typedef struct {
    Str credential;
    Passkey row;
    bool found;
    Seen seen;
    i64 changed;
} Entering;

static bool find(Ctx *cx, void *arg)
{
    Entering *e = arg;
    return sql_find(cx, &passkey_by_credential, &passkey_shape, &e->row, &e->found,
                    V(val_blob(e->credential)));
}

static bool use(Ctx *cx, void *arg)
{
    Entering *e = arg;
    return sql_run(cx, &passkey_use, &e->changed, V(e->row.id), V(e->seen.counter),
                   V((i64)e->seen.backed_up), V(cx->now));
}

/* A credential can't learn or forget that it may be backed up (section 7.2 step 19). */
static bool fits(Ctx *cx, const Entering *e, Str handle)
{
    if (e->seen.may_back_up != e->row.mayBackUp)
        return fail(cx, INVALID_SIGNATURE, "passkey: another kind than it was");
    return handle.len == 0 ||
           str_is(handle,
                  (Str){ (const char *)e->row.person.v.b, sizeof e->row.person.v.b }) ||
           fail(cx, INVALID_SIGNATURE, "passkey: another owner than it says");
}

bool passkey_enter(Ctx *cx, const Caller *from, const Brought *b, SignedIn *out)
{
    Entering e = { .credential = b->id };
    Challenge c;
    Str word;

    if (!webauthn_challenge(cx, b->client_data, &word) ||
        !challenge_take(cx, entering, word, &c) || !read_tx(cx, find, &e))
        return false;
    if (!e.found)
        return fail(cx, AUTHENTICATION_FAILED, "an unknown passkey");
    if (!webauthn_assert(cx, &all.rp, word, e.row.publicKey, b->client_data, b->auth_data,
                         b->signature, &e.seen) || !fits(cx, &e, b->user_handle) ||
        !write_tx(cx, lane_of(e.row.person.v), use, &e))
        return false;
    if (e.changed == 0) {
        log_warn("a passkey's counter fell: it may have been copied",
                 L("passkey", uuid_str(cx->mem, e.row.id)), L("counter", e.seen.counter));
        return fail(cx, INVALID_SIGNATURE, "passkey: its counter did not rise");
    }
    return entry_admit(cx, from, e.row.person, e.seen.verified ? TWO_FACTORS : ONE_FACTOR,
                       out);
}

/* ---- one's own --------------------------------------------------------------------- */

typedef struct {
    UserId user;
    Uuid   id;
    Str    name;
    Passkey *out, **rows;
    isize *count;
} Owning;

static bool list(Ctx *cx, void *arg)
{
    Owning *o = arg;
    return sql_rows(cx, &passkey_of, &passkey_shape, o->rows, o->count, V(o->user.v));
}

bool passkey_list(Ctx *cx, UserId user, Passkey **rows, isize *count)
{
    return read_tx(cx, list, &(Owning){ .user = user, .rows = rows, .count = count });
}

static bool name_it(Ctx *cx, void *arg)
{
    Owning *o = arg;
    return sql_get(cx, &passkey_name, &passkey_shape, o->out, V(o->id), V(o->user.v),
                   V(o->name));
}

bool passkey_rename(Ctx *cx, UserId user, Uuid id, Str name, Passkey *out)
{
    return write_tx(cx, lane_of(user.v), name_it,
                    &(Owning){ .user = user, .id = id, .name = name, .out = out });
}

static bool drop(Ctx *cx, void *arg)
{
    const Owning *o = arg;
    i64 gone;

    if (!sql_run(cx, &passkey_drop, &gone, V(o->id), V(o->user.v)))
        return false;
    return gone == 1
           ? note_write(cx, AUDIT_PASSKEY_REMOVED, o->user, uuid_str(cx->mem, o->id))
           : fail(cx, NOT_FOUND, "no such passkey of this person");
}

bool passkey_remove(Ctx *cx, UserId user, Uuid id)
{
    return write_tx(cx, lane_of(user.v), drop, &(Owning){ .user = user, .id = id });
}
