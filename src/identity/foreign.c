/* foreign.c - the epoch that was read with the link is judged each time, as that of our
 * own tokens: who loses his role, his link or his account is somebody else's within a
 * second, and an epoch that is too old only means to look again. */
#include "identity/foreign.h"
#include "identity/epoch.h"
#include "identity/member.h"
#include "identity/note.h"
#include "identity/revoked.h"
#include "proof/claim.h"
#include "base/lock.h"
#include <stdlib.h>
#include <string.h>

const Shape foreign_link_shape = SHAPE(ForeignLink,
    ID(ForeignLink, id, 0, "the link"),
    TEXT(ForeignLink, issuer, 1, 300, 0, "iss of the tokens"),
    TEXT(ForeignLink, subject, 1, 255, 0, "sub of the tokens"),
    TIME(ForeignLink, createdAt, 0, "since when"));

#define LEEWAY     seconds(30)
#define REMEMBERED minutes(1)
enum { PLACES = 4096, SUBJECT_MOST = 255 };

typedef struct Place { Digest token, issuer; Claims claims; Instant looked; } Place;

static struct { Lock lock; Place *places; u64 list; } own = { .lock = LOCK_OF(RANK_KEYS) };

void foreign_open(void)
{
    own.places = calloc(PLACES, sizeof(Place));
    must(own.places != NULL);
}

void foreign_close(void)
{
    free(own.places);
    own.places = NULL;
}

static void forget(Place *p, const Place *was)
{
    lock(&own.lock);
    if (same_bytes(p->token.b, was->token.b, SHA256_BYTES))
        *p = (Place){ 0 };
    unlock(&own.lock);
}

/* Who is verified by the list before just now is not remembered: `list` is another. */
void foreign_change(IssuerList *list)
{
    issuers_use(list);
    lock(&own.lock);
    own.list++;
    unlock(&own.lock);
    for (isize i = 0; i < PLACES; i++) {
        lock(&own.lock);
        Place was = own.places[i];
        unlock(&own.lock);
        if (is_set(was.looked) && !issuers_have(&was.issuer))
            forget(&own.places[i], &was);
    }
}

/* ---- what it says ------------------------------------------------------------ */

static const Json *peek(Arena *mem, Str token)
{
    Str text, why;

    if (token.len > JWS_MOST)
        return NULL;
    str_cut(&token, '.');
    if (token.at == NULL || !base64url_read(mem, str_cut(&token, '.'), &text))
        return NULL;
    const Json *j = json_read(mem, text, &why);
    return j != NULL && json_kind(j) == J_OBJECT ? j : NULL;
}

bool foreign_is(Arena *mem, Str token)
{
    Str iss;
    const Json *j = issuers_any() ? peek(mem, token) : NULL;

    return j != NULL && json_get_str(j, "iss", &iss) && issuer_named(iss);
}

typedef struct Said { Str subject; Instant from, expires; } Said;

static bool read_said(Ctx *cx, const Json *j, Said *out)
{
    *out = (Said){ 0 };
    if (!json_get_str(j, "sub", &out->subject) || out->subject.len == 0 ||
        out->subject.len > SUBJECT_MOST || !claim_time(j, "exp", &out->expires) ||
        (json_member(j, "iat") != NULL && !claim_time(j, "iat", &out->from)) ||
        (json_member(j, "nbf") != NULL && !claim_time(j, "nbf", &out->from)))
        return fail(cx, INVALID_TOKEN,
                    "foreign token: a claim is missing or not what it should be");
    if (before(later(cx->now, LEEWAY), out->from))
        return fail(cx, INVALID_TOKEN, "foreign token: not valid yet");
    return before(cx->now, later(out->expires, LEEWAY)) ||
           fail(cx, TOKEN_EXPIRED, "foreign token");
}

/* What it says is read again out of what was verified. */
static bool verify(Ctx *cx, Str token, Issuer *issuer, Said *said)
{
    Str iss = { 0 }, payload, why;

    if (!issuer_verify(cx, issuer, token, &payload))
        return false;
    const Json *j = json_read(cx->mem, payload, &why);
    must(j != NULL && json_get_str(j, "iss", &iss) &&
         issuer_is(issuer, iss, json_member(j, "aud")));
    return read_said(cx, j, said);
}

/* ---- who that is -------------------------------------------------------------- */

typedef struct Row { UserId id; int role; i64 epoch; } Row;
static const Shape row_shape = SHAPE(Row, ID(Row, id, 0, ""), NAME(Row, role, &role_names, 0, ""),
                                     NUMBER(Row, epoch, 0, INT64_MAX, 0, 0, ""));

SQL(foreign_find,
    "SELECT p.id, p.role, p.epoch FROM foreign_identity f"
    " JOIN person p ON p.tenant = f.tenant AND p.id = f.person"
    " AND p.status IN ('PENDING', 'ACTIVE')"
    " JOIN tenant t ON t.id = f.tenant AND t.status = 'ACTIVE'"
    " WHERE f.tenant = $1 AND f.issuer = $2 AND f.subject = $3");

typedef struct { Str issuer, subject; Row row; bool found; } Finding;

static bool find(Ctx *cx, void *arg)
{
    Finding *f = arg;
    return sql_find(cx, &foreign_find, &row_shape, &f->row, &f->found, V(f->issuer),
                    V(f->subject));
}

static Uuid session_of(Ctx *cx, Str issuer, Str subject)
{
    Digest d = sha256(str_fmt(cx->mem, "%.*s %.*s", STR_ARGS(issuer), STR_ARGS(subject)));
    Uuid u;

    memcpy(u.b, d.b, sizeof u.b);
    return u;
}

static bool look_up(Ctx *cx, const Issuer *i, const Said *said, Claims *out)
{
    Finding f = { .issuer = issuer_name(i), .subject = said->subject };
    TenantId was = cx->tenant;

    cx->tenant = issuer_tenant(i);
    bool good = read_tx(cx, find, &f);
    cx->tenant = was;
    if (!good)
        return false;
    if (!f.found)
        return fail(cx, NOT_LINKED, "subject of %.*s", STR_ARGS(f.issuer));
    Role cap = issuer_cap(i), role = (Role)f.row.role;
    *out = (Claims){ .tenant = issuer_tenant(i), .user = f.row.id,
                     .role = role < cap ? role : cap,
                     .session = session_of(cx, f.issuer, f.subject), .epoch = f.row.epoch,
                     .issued = said->from, .expires = said->expires };
    return true;
}

/* ---- remembered ----------------------------------------------------------------- */

static Place *place_of(const Digest *d)
{
    return &own.places[(d->b[0] << 8 | d->b[1]) % PLACES];
}

static bool recall(const Ctx *cx, const Digest *d, Claims *out)
{
    lock(&own.lock);
    Place p = *place_of(d);
    unlock(&own.lock);
    *out = p.claims;
    return same_bytes(p.token.b, d->b, SHA256_BYTES) && is_set(p.looked) &&
           !before(cx->now, p.looked) && before(cx->now, later(p.looked, REMEMBERED)) &&
           before(cx->now, later(p.claims.expires, LEEWAY)) &&
           revoked_judge(p.claims.tenant.v, p.claims.session, p.claims.session,
                         p.claims.user.v, p.claims.epoch) == NOT_REVOKED;
}

bool foreign_recall(Ctx *cx, Str token, Claims *out)
{
    Digest d = sha256(token);

    if (recall(cx, &d, out))
        return true;
    return fail(cx, BUSY, "foreign token: not seen within the last minute");
}

static u64 list_now(void)
{
    lock(&own.lock);
    u64 list = own.list;
    unlock(&own.lock);
    return list;
}

static void remember(const Ctx *cx, const Digest *d, const Digest *issuer, const Claims *c,
                     u64 list)
{
    lock(&own.lock);
    if (own.list == list)
        *place_of(d) = (Place){ *d, *issuer, *c, cx->now };
    unlock(&own.lock);
}

/* The issuer is chosen by what the token says. */
bool foreign_check(Ctx *cx, Str token, Claims *out)
{
    Digest d = sha256(token);
    u64 list = list_now();
    Str iss = { 0 };
    Said said;

    if (recall(cx, &d, out))
        return true;
    const Json *j = peek(cx->mem, token);
    if (j == NULL || !json_get_str(j, "iss", &iss))
        return fail(cx, INVALID_TOKEN, "foreign token: no issuer");
    Issuer *issuer = issuer_take(iss, json_member(j, "aud"));
    if (issuer == NULL)
        return fail(cx, INVALID_TOKEN, "foreign token: not for us");
    Digest mark = issuer_mark(issuer);
    bool good = verify(cx, token, issuer, &said) && look_up(cx, issuer, &said, out);
    issuer_done(issuer);
    if (good)
        remember(cx, &d, &mark, out, list);
    return good;
}

/* ---- linking ---------------------------------------------------------------------- */

SQL(foreign_add,
    "INSERT INTO foreign_identity (tenant, id, person, issuer, subject, created_at)"
    " VALUES ($1, $2, $3, $4, $5, $6)");
SQL(foreign_of,
    "SELECT id, issuer, subject, created_at FROM foreign_identity"
    " WHERE tenant = $1 AND person = $2 ORDER BY id LIMIT 100");
SQL(foreign_remove,
    "DELETE FROM foreign_identity WHERE tenant = $1 AND id = $2 AND person = $3");

typedef struct { UserId user; ForeignLink link; i64 epoch; } Linking;

static bool add(Ctx *cx, void *arg)
{
    Linking *l = arg;

    return sql_run(cx, &foreign_add, NULL, V(l->link.id), V(l->user.v), V(l->link.issuer),
                   V(l->link.subject), V(l->link.createdAt)) &&
           note_write(cx, AUDIT_IDENTITY_LINKED, l->user, l->link.issuer);
}

static bool may_touch(Ctx *cx, UserId user)
{
    Member m;

    return member_get(cx, user, &m) &&
           (role_covers(cx->who.role, (Role)m.role) ||
            fail(cx, FORBIDDEN, "a role above the asker's own"));
}

bool foreign_link(Ctx *cx, UserId user, Str issuer, Str subject, ForeignLink *out)
{
    Linking l = { user, { uuid_new(cx->now), issuer, subject, cx->now }, 0 };

    if (!issuer_named(issuer))
        return fail_field(cx, S("issuer"), "is none of ISSUERS_FILE");
    if (!may_touch(cx, user) || !write_tx(cx, lane_of(user.v), add, &l))
        return false;
    *out = l.link;
    return true;
}

typedef struct { UserId user; ForeignLink **rows; isize *count; } Listing;

static bool list(Ctx *cx, void *arg)
{
    const Listing *l = arg;
    return sql_rows(cx, &foreign_of, &foreign_link_shape, l->rows, l->count,
                    V(l->user.v));
}

bool foreign_list(Ctx *cx, UserId user, ForeignLink **rows, isize *count)
{
    Member m;
    return member_get(cx, user, &m) && read_tx(cx, list, &(Listing){ user, rows, count });
}

/* The epoch rises, so that every node looks again; the person's own tokens are
 * refreshed. */
static bool take_away(Ctx *cx, void *arg)
{
    Linking *l = arg;
    i64 changed;

    if (!sql_run(cx, &foreign_remove, &changed, V(l->link.id), V(l->user.v)))
        return false;
    if (changed == 0)
        return fail(cx, NOT_FOUND, "no such link");
    return epoch_raise(cx, l->user, &l->epoch) &&
           note_write(cx, AUDIT_IDENTITY_UNLINKED, l->user, (Str){ 0 });
}

bool foreign_unlink(Ctx *cx, UserId user, Uuid id)
{
    Linking l = { .user = user, .link = { .id = id } };

    if (!may_touch(cx, user) || !write_tx(cx, lane_of(user.v), take_away, &l))
        return false;
    epoch_heard(cx, user, l.epoch);
    return true;
}
