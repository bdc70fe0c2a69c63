/* service.c - the order of the checks: whoever has no secret learns that a service is not
 * trusted or that a signature doesn't hold, and nothing else. Only a token that was
 * really made is told that it has expired or why it was taken back.
 *
 * With a shared secret everybody who can check a token could have made it, so an audience
 * would prove nothing and file 000's tokens, which name none, are taken. A service with a
 * secret of its own must name us, or one whom it calls could call us with its token. */
#include "access/service.h"
#include "access/service_revoked.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/rand.h"
#include "base/trace.h"
#include <stdatomic.h>
#include <string.h>
#include <sys/utsname.h>

#define AHEAD seconds(30)                         /* how far another's clock may be */
enum { PLACES = 512, TOKEN_ROOM = 1200, LOCKS = 16, NAME_ROOM = 200, PRINT_BYTES = 8,
       AUDIENCE_ROOM = 104 };

/* Whose token it is and for whom, under which list. */
typedef struct PlaceName {
    u64      list;
    TenantId tenant;
    UserId   user;
    isize    audience_len;
    char     audience[AUDIENCE_ROOM];
} PlaceName;
_Static_assert(sizeof(PlaceName) == 48 + AUDIENCE_ROOM, "compared whole: no gaps");

typedef struct Place { PlaceName of; i64 until_ms; isize len; char text[TOKEN_ROOM]; } Place;

static struct {
    Arena   mem;
    Str     id, name, agent, environment;
    Place  *places;
    Lock    locks[LOCKS];
    _Atomic u64 list;                             /* counts the lists there were */
} own;

/* ---- who we are ------------------------------------------------------------ */

static struct {
    Lock    lock;
    Instant born;
    isize   name_len;
    bool    keyed;                                /* there is a secret        */
    char    name[NAME_ROOM];
    u8      print[PRINT_BYTES];
} instance = { .lock = LOCK_OF(RANK_KEYS) };

static void name_instance(Arena *mem, Instant now)
{
    struct utsname u;
    u8 chance[8];

    uname(&u);
    rand_bytes(chance, sizeof chance);
    Str name = str_fmt(mem, "%.*s-%s-%jd-%.*s", STR_ARGS(own.id), u.nodename,
                       (intmax_t)now.ms, STR_ARGS(hex_write(mem, chance, sizeof chance)));
    must(name.len <= NAME_ROOM);
    lock(&instance.lock);
    memcpy(instance.name, name.at, (size_t)name.len);
    instance.name_len = name.len;
    instance.born = now;
    unlock(&instance.lock);
}

static void take_fingerprint(void)
{
    const Service *s = service_take_keys(own.id);
    const Secret *key = &s->keys.now;
    Digest d = hkdf_sha256(key->at, key->len, S("service fingerprint"));

    lock(&instance.lock);
    instance.keyed = key->len > 0;
    memcpy(instance.print, d.b, PRINT_BYTES);
    unlock(&instance.lock);
    service_done(s);
}

Instance service_instance(Ctx *cx)
{
    Instance i = { 0 };

    lock(&instance.lock);
    i.id = str_copy(cx->mem, (Str){ instance.name, instance.name_len });
    i.until = later(instance.born, INSTANCE_LASTS);
    if (instance.keyed)
        i.fingerprint = hex_write(cx->mem, instance.print, PRINT_BYTES);
    unlock(&instance.lock);
    return i;
}

void service_watch(Ctx *cx)
{
    Instance old = service_instance(cx);

    if (before(cx->now, earlier(old.until, INSTANCE_EARLY)))
        return;
    name_instance(cx->mem, cx->now);
    log_info("this instance has a new name", L("from", old.id),
             L("to", service_instance(cx).id));
}

Str service_own_id(void) { return own.id; }

/* ---- how it begins, and changes ---------------------------------------------- */

bool service_open(Arena *mem, const ServiceConfig *c, Str *why)
{
    if (!services_open(mem, &c->list, why))
        return false;
    own.id = str_copy(&own.mem, c->id);
    own.name = str_copy(&own.mem, c->name.len > 0 ? c->name : c->id);
    own.agent = str_fmt(&own.mem, "%.*s/" VERSION, STR_ARGS(own.name));
    own.environment = str_copy(&own.mem, c->environment);
    own.places = make(&own.mem, Place, PLACES);
    for (int i = 0; i < LOCKS; i++)
        lock_init(&own.locks[i], RANK_KEYS);
    name_instance(mem, time_now());
    take_fingerprint();
    return true;
}

/* What was signed with the secrets before is not used again: its place has another
 * name. */
void service_change(ServiceList *list)
{
    services_use(list);
    own.list++;
    take_fingerprint();
}

void service_close(void)
{
    if (own.places != NULL)
        for (int i = 0; i < LOCKS; i++)
            lock_close(&own.locks[i]);
    arena_close(&own.mem);
    memset(&own, 0, sizeof own);
    service_revoked_close();
    services_close();
}

/* ---- who calls us ---------------------------------------------------------- */

static bool revoked(Ctx *cx, FaultCode code, const char *what, Str reason)
{
    fail(cx, code, "%.*s", STR_ARGS(reason));
    cx->fault.said = str_fmt(cx->mem, "%s revoked: %.*s", what, STR_ARGS(reason));
    return false;
}

bool service_standing(Ctx *cx, const Service *s)
{
    Str reason = revocation_of(cx->mem, A_SERVICE, s->id, cx->now);

    return reason.at == NULL || revoked(cx, SERVICE_REVOKED, "Service", reason);
}

static bool check_standing(Ctx *cx, Str token, const Service *s)
{
    Digest d = sha256(token);
    Str reason = revocation_of(cx->mem, A_TOKEN, hex_write(cx->mem, d.b, SHA256_BYTES),
                               cx->now);

    if (reason.at != NULL)
        return revoked(cx, SERVICE_TOKEN_REVOKED, "Token", reason);
    return service_standing(cx, s);
}

static bool check_claims(Ctx *cx, const Assertion *a, const Service *s)
{
    if (a->environment.at != NULL && !str_is(a->environment, own.environment))
        return fail(cx, INVALID_SERVICE_TOKEN, "made under another NODE_ENV");
    if (a->audience.at != NULL ? !str_is(a->audience, own.id) : s->alone)
        return fail(cx, INVALID_SERVICE_TOKEN, "not made for us");
    if (before(later(cx->now, AHEAD), a->issued) || !before(a->issued, a->expires) ||
        before(later(a->issued, SERVICE_TOKEN_LASTS), a->expires))
        return fail(cx, INVALID_SERVICE_TOKEN, "from the future, or lives too long");
    return before(cx->now, a->expires) || fail(cx, SERVICE_TOKEN_EXPIRED, "expired");
}

bool service_judge(Ctx *cx, Str token, const Service *s, const Assertion *a, Peer *out)
{
    if (!check_claims(cx, a, s) || !check_standing(cx, token, s))
        return false;
    *out = (Peer){ str_copy(cx->mem, s->id), s->machine, a->scopes & s->scopes, a->tenant,
                   a->user };
    return true;
}

bool service_check(Ctx *cx, Str token, Peer *out)
{
    Claimed c;
    const char *why;

    if (!assertion_read(cx->mem, token, &c, &why))
        return fail(cx, INVALID_SERVICE_TOKEN, "%s", why);
    const Service *s = service_take(c.a.issuer);
    if (s == NULL)
        return fail(cx, UNTRUSTED_SERVICE, "issuer is not in the list");
    bool good = assertion_holds(&c, &s->keys, cx->now)
              ? service_judge(cx, token, s, &c.a, out)
              : fail(cx, INVALID_SERVICE_SIGNATURE, "service %.*s", STR_ARGS(s->id));
    service_done(s);
    return good;
}

/* ---- whom we call ---------------------------------------------------------- */

/* A machine that acts in its own name asks on nobody's behalf. */
static UserId behalf(const Ctx *cx)
{
    bool own_name = cx->who.comer != A_PERSON && uuid_is(cx->who.user.v, cx->who.machine);
    return own_name ? (UserId){ 0 } : cx->who.user;
}

/* By value: a digest of it would be dearer than all the rest of finding it. */
static PlaceName place_name(const Ctx *cx, Str audience)
{
    PlaceName of = { .list = own.list, .tenant = cx->tenant, .user = behalf(cx),
                     .audience_len = audience.len };

    if (audience.len > 0 && audience.len <= AUDIENCE_ROOM)
        memcpy(of.audience, audience.at, (size_t)audience.len);
    return of;
}

/* A UUID's chance is at its end. */
static unsigned place_number(const PlaceName *of)
{
    const u8 *t = of->tenant.v.b, *u = of->user.v.b;
    unsigned n = (unsigned)(t[14] ^ u[14]) << 8 | (t[15] ^ u[15]);

    for (isize i = 0; i < of->audience_len && i < AUDIENCE_ROOM; i++)
        n = n * 31 + (u8)of->audience[i];
    return n % PLACES;
}

static Str recall(Ctx *cx, const PlaceName *of)
{
    unsigned n = place_number(of);
    Str text = { 0 };

    lock(&own.locks[n % LOCKS]);
    const Place *p = &own.places[n];
    if (p->until_ms > cx->now.ms + SERVICE_TOKEN_EARLY.ms &&
        p->until_ms <= cx->now.ms + SERVICE_TOKEN_LASTS.ms &&
        memcmp(&p->of, of, sizeof *of) == 0)
        text = str_copy(cx->mem, (Str){ p->text, p->len });
    unlock(&own.locks[n % LOCKS]);
    return text;
}

static void remember(const PlaceName *of, Instant until, Str text)
{
    unsigned n = place_number(of);

    if (text.len > TOKEN_ROOM || of->audience_len > AUDIENCE_ROOM)
        return;
    lock(&own.locks[n % LOCKS]);
    Place *p = &own.places[n];
    p->of = *of;
    p->until_ms = until.ms;
    p->len = text.len;
    memcpy(p->text, text.at, (size_t)text.len);
    unlock(&own.locks[n % LOCKS]);
}

/* What we ask of others is for their lists to allow; who puts us into our own says how
 * much of it we ask for. */
static unsigned own_scopes(void)
{
    const Service *self = service_take(own.id);
    unsigned scopes = self != NULL ? self->scopes : (unsigned)ALL_SCOPES;

    if (self != NULL)
        service_done(self);
    return scopes;
}

static Assertion for_audience(Ctx *cx, Str id, Str audience, unsigned scopes, Span lasts)
{
    Instant now = { cx->now.ms / 1000 * 1000 };

    return (Assertion){ .issuer = id, .subject = id, .environment = own.environment,
                        .audience = audience, .scopes = scopes, .tenant = cx->tenant,
                        .user = behalf(cx), .issued = now, .expires = later(now, lasts) };
}

Str service_assertion(Ctx *cx, Str audience)
{
    PlaceName of = place_name(cx, audience);
    Str text = recall(cx, &of);

    if (text.at != NULL)
        return text;
    const Service *s = service_take_keys(audience);
    if (s->keys.now.len > 0) {
        Assertion a = for_audience(cx, own.id, audience, own_scopes(),
                                   SERVICE_TOKEN_LASTS);
        a.subject = own.name;
        text = assertion_write(cx->mem, &a, &s->keys.now);
        remember(&of, a.expires, text);
    }
    service_done(s);
    return text;
}

int service_headers(Ctx *cx, Str audience, Str tracestate, Header out[SERVICE_HEADERS])
{
    Str token = service_assertion(cx, audience);
    int n = 0;

    if (token.at != NULL)
        out[n++] = (Header){ S("X-Service-Token"), token };
    out[n++] = (Header){ S("X-Service-ID"), own.id };
    out[n++] = (Header){ S("X-Service-Name"), own.name };
    out[n++] = (Header){ S("X-Request-ID"),
                         hex_write(cx->mem, cx->trace.id, sizeof cx->trace.id) };
    out[n++] = (Header){ S("User-Agent"), own.agent };
    out[n++] = (Header){ S("traceparent"), trace_parent(cx->mem, &cx->trace) };
    if (tracestate.at != NULL)
        out[n++] = (Header){ S("tracestate"), tracestate };
    return n;
}

/* ---- for operators --------------------------------------------------------- */

static bool mint(Ctx *cx, const Service *s, Str audience, Span lasts, Str *token)
{
    if (s->keys.now.len == 0)
        return fail(cx, INVALID_STATE, "service %.*s has no secret", STR_ARGS(s->id));
    Assertion a = for_audience(cx, s->id, audience.at != NULL ? audience : own.id,
                               s->scopes, lasts);
    a.tenant = (TenantId){ 0 };
    *token = assertion_write(cx->mem, &a, &s->keys.now);
    return true;
}

bool service_mint(Ctx *cx, Str id, Str audience, Span lasts, Str *token)
{
    const Service *s = service_take(id);

    if (s == NULL)
        return fail(cx, NOT_FOUND, "no service %.*s", STR_ARGS(id));
    bool good = mint(cx, s, audience, lasts, token);
    service_done(s);
    return good;
}
