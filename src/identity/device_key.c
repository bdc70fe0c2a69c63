/* device_key.c - the message says what it is for, so that a signature of this key for
 * anything else is none here; and the challenge in it is one that we keep, not one that
 * the caller says. */
#include "identity/device_key.h"
#include "identity/challenge.h"
#include "identity/note.h"
#include "proof/base64.h"
#include "proof/pubkey.h"

static const char kind[] = "device-key";

static const char *const kind_words[] = { "faceId", "touchId", "fingerprint" };
const Names device_kind_names = { kind_words, countof(kind_words) };

const Shape device_key_shape = SHAPE(DeviceKey,
    ID(DeviceKey, credentialId, 0, "the key"),
    TEXT(DeviceKey, deviceId, 1, DEVICE_MOST, 0, "the device, as its app calls it"),
    TEXT(DeviceKey, name, 1, DEVICE_NAME_MOST, 0, "what its owner calls it"),
    NAME(DeviceKey, biometricType, &device_kind_names, 0, "what opens it"),
    TIME(DeviceKey, createdAt, 0, "when it was registered"),
    TIME(DeviceKey, lastUsedAt, OPTIONAL, "when it last signed in"),
    ID(DeviceKey, person, UNLISTED, ""),
    TEXT(DeviceKey, publicKey, 0, PUBKEY_MOST, UNLISTED, ""));

#define COLUMNS " id, device, name, kind, created_at, last_used_at, person, public_key"

SQL(device_new,
    "INSERT INTO device_key (tenant, id, person, device, kind, public_key, name,"
    " created_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
    " ON CONFLICT (tenant, person, device) DO NOTHING RETURNING" COLUMNS);
SQL(device_by_id, "SELECT" COLUMNS " FROM device_key WHERE tenant = $1 AND id = $2");
SQL(device_of,
    "SELECT" COLUMNS " FROM device_key WHERE tenant = $1 AND person = $2 ORDER BY device"
                     " LIMIT 100");
SQL(device_use, "UPDATE device_key SET last_used_at = $3 WHERE tenant = $1 AND id = $2");
SQL(device_name,
    "UPDATE device_key SET name = $4 WHERE tenant = $1 AND id = $2 AND person = $3"
    " RETURNING" COLUMNS);
SQL(device_drop, "DELETE FROM device_key WHERE tenant = $1 AND id = $2 AND person = $3");

static struct { Arena mem; Str domain; } all;

void device_open(Str public_url)
{
    Str rest = str_copy(&all.mem, public_url);

    if (str_has(rest, S("://")))
        rest = str_sub(rest, str_find(rest, ':') + 3, rest.len);
    all.domain = str_cut(&rest, '/');
}

void device_close(void) { arena_close(&all.mem); }

/* ---- registering ------------------------------------------------------------------- */

/* Lines of the message must be what they seem. */
static bool is_plain(Str s)
{
    for (isize i = 0; i < s.len; i++)
        if ((u8)s.at[i] < ' ' || s.at[i] == 0x7F)
            return false;
    return true;
}

typedef struct {
    UserId user;
    const NewDevice *in;
    Str spki;
    Uuid id;
    DeviceKey row;
} Adding;

static bool add(Ctx *cx, void *arg)
{
    Adding *a = arg;
    DeviceKey *rows;
    isize n;
    bool made;

    if (!sql_rows(cx, &device_of, &device_key_shape, &rows, &n, V(a->user.v)))
        return false;
    if (n >= DEVICES_MOST)
        return fail(cx, CONFLICT, "%td devices are enough", n);
    if (!sql_find(cx, &device_new, &device_key_shape, &a->row, &made, V(a->id),
                  V(a->user.v), V(a->in->device),
                  V(names_str(&device_kind_names, (int)a->in->kind)),
                  V(val_blob(a->spki)), V(a->in->name), V(cx->now)))
        return false;
    return made ? note_write(cx, AUDIT_BIOMETRIC_ADDED, a->user, uuid_str(cx->mem, a->id))
                : fail(cx, CONFLICT, "the device has a key");
}

bool device_add(Ctx *cx, UserId user, const NewDevice *in, DeviceKey *out)
{
    Adding a = { .user = user, .in = in, .id = uuid_new(cx->now) };

    if (!is_plain(in->device))
        return fail_field(cx, S("deviceId"), "must have no control characters");
    if (!base64_pem_read(cx->mem, in->public_key, &a.spki) || !pubkey_good(a.spki))
        return fail_field(cx, S("publicKey"),
                          "must be a P-256, Ed25519 or RSA key (2048 to 4096 bits)"
                          " as SubjectPublicKeyInfo in PEM or base64");
    if (!write_tx(cx, lane_of(user.v), add, &a))
        return false;
    *out = a.row;
    return true;
}

/* ---- signing in -------------------------------------------------------------------- */

static Str message_of(Ctx *cx, Uuid credential, Str device, Str challenge)
{
    return str_fmt(cx->mem, "TicketToken device key sign-in, version 1\n%.*s\n%.*s\n"
                            "%.*s\n%.*s\n%.*s",
                   STR_ARGS(all.domain), STR_ARGS(uuid_str(cx->mem, cx->tenant.v)),
                   STR_ARGS(uuid_str(cx->mem, credential)), STR_ARGS(device),
                   STR_ARGS(challenge));
}

bool device_ask(Ctx *cx, Uuid credential, Str device, DeviceAsked *out)
{
    if (!challenge_make(cx, kind, uuid_str(cx->mem, credential), &out->challenge))
        return false;
    out->message = message_of(cx, credential, device, out->challenge);
    out->expiresAt = later(cx->now, CHALLENGE_LASTS);
    return true;
}

typedef struct { Uuid id; DeviceKey row; bool found; i64 changed; } Entering;

static bool find(Ctx *cx, void *arg)
{
    Entering *e = arg;
    return sql_find(cx, &device_by_id, &device_key_shape, &e->row, &e->found, V(e->id));
}

/* A key that was revoked since the look at it is not used. */
static bool use(Ctx *cx, void *arg)
{
    Entering *e = arg;
    return sql_run(cx, &device_use, &e->changed, V(e->id), V(cx->now));
}

bool device_enter(Ctx *cx, const Caller *from, Uuid credential, Str challenge,
                  Str signature, SignedIn *out)
{
    Entering e = { .id = credential };
    Challenge c;
    Str bytes;

    if (!base64_any_read(cx->mem, signature, &bytes))
        return fail_field(cx, S("signature"), "must be base64");
    if (!challenge_take(cx, kind, challenge, &c))
        return false;
    if (!str_is(c.data, uuid_str(cx->mem, credential)))
        return fail(cx, INVALID_TOKEN, "another key's challenge");
    if (!read_tx(cx, find, &e))
        return false;
    if (!e.found)
        return fail(cx, AUTHENTICATION_FAILED, "no such device key");
    if (!pubkey_holds(e.row.publicKey,
                      message_of(cx, credential, e.row.deviceId, challenge), bytes))
        return fail(cx, INVALID_SIGNATURE, "device key: another signature");
    if (!write_tx(cx, lane_of(e.row.person.v), use, &e))
        return false;
    if (e.changed == 0)
        return fail(cx, AUTHENTICATION_FAILED, "the device key was revoked");
    return entry_admit(cx, from, e.row.person, ONE_FACTOR, out);
}

/* ---- one's own --------------------------------------------------------------------- */

typedef struct {
    UserId user;
    Uuid   id;
    Str    name;
    DeviceKey *out, **rows;
    isize *count;
} Owning;

static bool list(Ctx *cx, void *arg)
{
    Owning *o = arg;
    return sql_rows(cx, &device_of, &device_key_shape, o->rows, o->count, V(o->user.v));
}

bool device_list(Ctx *cx, UserId user, DeviceKey **rows, isize *count)
{
    return read_tx(cx, list, &(Owning){ .user = user, .rows = rows, .count = count });
}

static bool name_it(Ctx *cx, void *arg)
{
    Owning *o = arg;
    return sql_get(cx, &device_name, &device_key_shape, o->out, V(o->id), V(o->user.v),
                   V(o->name));
}

bool device_rename(Ctx *cx, UserId user, Uuid credential, Str name, DeviceKey *out)
{
    return write_tx(cx, lane_of(user.v), name_it,
                    &(Owning){ .user = user, .id = credential, .name = name,
                               .out = out });
}

static bool drop(Ctx *cx, void *arg)
{
    const Owning *o = arg;
    i64 gone;

    if (!sql_run(cx, &device_drop, &gone, V(o->id), V(o->user.v)))
        return false;
    return gone == 1
           ? note_write(cx, AUDIT_BIOMETRIC_REVOKED, o->user, uuid_str(cx->mem, o->id))
           : fail(cx, NOT_FOUND, "no such device key of this person");
}

bool device_revoke(Ctx *cx, UserId user, Uuid credential)
{
    return write_tx(cx, lane_of(user.v), drop,
                    &(Owning){ .user = user, .id = credential });
}
