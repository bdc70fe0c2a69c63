/* issuer.c - a set of keys is immutable and counted, so one can be replaced while others
 * verify with it; so is the list of issuers. Time between fetches is measured on the
 * clock that only runs forward. */
#include "identity/issuer.h"
#include "proof/jwk.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/log.h"
#include "net/fetch.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { ISSUERS_MOST = 16, WAITING_MOST = 32, FILE_MOST = 64 << 10, SET_BYTES = 64 << 10 };
#define FRESH_FOR   minutes(15)
#define SERVES_FOR  hours(24)
#define ASK_EVERY   seconds(30)
#define FETCH_LASTS seconds(5)

typedef struct KeySet {
    _Atomic int users;
    isize count;
    JwsKey *keys[JWK_SET_MOST];
} KeySet;

struct Issuer {
    Str      name, url, audience, ca;
    TenantId tenant;
    Role     cap;
    Digest   mark;
    Lock     lock;
    pthread_cond_t changed;
    KeySet  *set;                                 /* NULL: never had one      */
    Mono     had, asked, missed;                  /* 0: never                 */
    bool     asking;
    int      waiting;
    IssuerList *of;
};

struct IssuerList {
    _Atomic int users;
    Arena  mem;
    Issuer all[ISSUERS_MOST];
    isize  count;
    bool   plain;
    Span   fresh_for, ask_every, serves_for;
};

static struct {
    Lock lock;
    IssuerList *now;
    _Atomic bool any;
} own = { .lock = LOCK_OF(RANK_KEYS) };

/* ---- the file ------------------------------------------------------------- */

static Digest mark_of(const Issuer *i)
{
    Arena mem = { 0 };
    Str text = str_fmt(&mem, "%td %.*s %td %.*s %td %.*s %td %.*s %.*s %d", i->name.len,
                       STR_ARGS(i->name), i->audience.len, STR_ARGS(i->audience),
                       i->url.len, STR_ARGS(i->url), i->ca.len, STR_ARGS(i->ca),
                       STR_ARGS(uuid_str(&mem, i->tenant.v)), (int)i->cap);
    Digest d = sha256(text);

    arena_close(&mem);
    return d;
}

static bool read_issuer(IssuerList *to, const Json *row, Str self, const char **why)
{
    Issuer *i = &to->all[to->count];
    Str tenant, role = S("customer"), text;

    *i = (Issuer){ .of = to };
    *why = "needs issuer, audience, jwksUrl and tenant";
    if (json_kind(row) != J_OBJECT || !json_get_str(row, "issuer", &i->name) ||
        i->name.len == 0 ||
        !json_get_str(row, "audience", &i->audience) || i->audience.len == 0 ||
        !json_get_str(row, "jwksUrl", &i->url) || !json_get_str(row, "tenant", &tenant) ||
        !uuid_read(tenant, &i->tenant.v) || uuid_zero(i->tenant.v))
        return false;
    *why = "names JWT_ISSUER, which is ourselves";
    if (str_is(i->name, self))
        return false;
    *why = "jwksUrl must begin with https://";
    if (!str_starts(i->url, S("https://")) &&
        !(to->plain && str_starts(i->url, S("http://"))))
        return false;
    *why = "role is none that a person can have";
    if (json_member(row, "role") != NULL && !json_get_str(row, "role", &role))
        return false;
    i->cap = role_find(role);
    if (i->cap == ANYONE)
        return false;
    if (json_get_str(row, "caFile", &text))
        i->ca = str_copy(&to->mem, text);
    i->name = str_copy(&to->mem, i->name);
    i->audience = str_copy(&to->mem, i->audience);
    i->url = str_copy(&to->mem, i->url);
    i->mark = mark_of(i);
    lock_init(&i->lock, RANK_KEYS);
    cond_init(&i->changed);
    to->count++;
    return true;
}

static bool read_list(IssuerList *to, Arena *mem, const IssuersConfig *c, Str text,
                      Str *why)
{
    Str said = S("");
    const char *what = "expected {\"issuers\":[...]}, at most 16";
    const Json *j = json_read(mem, text, &said);
    const Json *list = j != NULL && json_kind(j) == J_OBJECT
                       ? json_member(j, "issuers") : NULL;
    bool good = list != NULL && json_kind(list) == J_LIST &&
                json_count(list) <= ISSUERS_MOST;

    for (isize i = 0; good && i < json_count(list); i++)
        good = read_issuer(to, json_item(list, i), c->self, &what);
    if (!good)
        *why = str_fmt(mem, "ISSUERS_FILE %.*s: %s", STR_ARGS(c->file), what);
    return good;
}

IssuerList *issuers_read(Arena *mem, const IssuersConfig *c, Str *why)
{
    Str text;

    if (c->file.len > 0 && !file_read(mem, c->file, FILE_MOST, &text)) {
        *why = str_fmt(mem, "ISSUERS_FILE %.*s: %s", STR_ARGS(c->file), strerror(errno));
        return NULL;
    }
    IssuerList *l = calloc(1, sizeof *l);
    must(l != NULL);
    l->users = 1;
    l->plain = c->plain;
    l->fresh_for = c->fresh_for.ms > 0 ? c->fresh_for : FRESH_FOR;
    l->ask_every = c->ask_every.ms > 0 ? c->ask_every : ASK_EVERY;
    l->serves_for = c->serves_for.ms > 0 ? c->serves_for : SERVES_FOR;
    if (c->file.len == 0 || read_list(l, mem, c, text, why))
        return l;
    issuers_drop(l);
    return NULL;
}

/* ---- the keys -------------------------------------------------------------- */

static void let_go(KeySet *s)
{
    if (s == NULL || atomic_fetch_sub(&s->users, 1) > 1)
        return;
    for (isize i = 0; i < s->count; i++)
        jws_key_free(s->keys[i]);
    free(s);
}

void issuers_drop(IssuerList *l)
{
    if (l == NULL || atomic_fetch_sub(&l->users, 1) > 1)
        return;
    for (isize i = 0; i < l->count; i++) {
        let_go(l->all[i].set);
        lock_close(&l->all[i].lock);
        pthread_cond_destroy(&l->all[i].changed);
    }
    arena_close(&l->mem);
    free(l);
}

static const JwsKey *find(void *arg, Str kid)
{
    const KeySet *s = arg;

    for (isize i = 0; i < s->count; i++)
        if (str_is(jws_kid(s->keys[i]), kid))
            return s->keys[i];
    return NULL;
}

static bool is_older(Mono m, Span than)
{
    return m.ns == 0 || mono_now().ns - m.ns > than.ms * 1000000;
}

static KeySet *take(Issuer *i)
{
    if (i->set != NULL && is_older(i->had, i->of->serves_for)) {
        let_go(i->set);
        i->set = NULL;
    }
    if (i->set != NULL)
        atomic_fetch_add(&i->set->users, 1);
    return i->set;
}

static bool get_set(Ctx *cx, const Issuer *i, KeySet *out)
{
    Header accept = { S("Accept"), S("application/json") };
    Fetch f = { .method = M_GET, .url = i->url, .headers = &accept, .header_count = 1,
                .reach = FETCH_ANYONE, .plain = i->of->plain, .ca = i->ca,
                .within = FETCH_LASTS, .most = SET_BYTES, .too_long = FETCH_REFUSE };
    Fetched *got = make(cx->mem, Fetched, 1);
    Str why = { 0 };

    if (!fetch(cx, &f, got))
        return false;
    if (got->status != 200)
        return fail(cx, BAD_GATEWAY, "JWKS of %.*s: status %d", STR_ARGS(i->name),
                    got->status);
    return jwk_set_read(cx->mem, got->body, out->keys, &out->count, &why) ||
           fail(cx, BAD_GATEWAY, "JWKS of %.*s: %.*s", STR_ARGS(i->name), STR_ARGS(why));
}

/* Called by the one who set `asking`; the lock is not held meanwhile. */
static void ask(Ctx *cx, Issuer *i)
{
    KeySet *s = calloc(1, sizeof *s);

    must(s != NULL);
    s->users = 1;
    bool good = get_set(cx, i, s);
    if (!good) {
        log_warn("keys of an issuer can't be had", L("issuer", i->name),
                 L("why", (const char *)cx->fault.why));
        let_go(s);
    }
    lock(&i->lock);
    if (good) {
        let_go(i->set);
        i->set = s;
        i->had = mono_now();
    }
    i->asking = false;
    pthread_cond_broadcast(&i->changed);
    unlock(&i->lock);
}

/* The keys at hand, asked for anew when they are old, or when one was `missed`; for each
 * of these reasons twice a minute at most. Only a few wait for them: whoever forges
 * tokens of an issuer that is slow to answer would have all workers do so. */
static KeySet *keys_of(Ctx *cx, Issuer *i, bool missed)
{
    lock(&i->lock);
    Mono *last = missed ? &i->missed : &i->asked;
    bool wants = (missed || is_older(i->had, i->of->fresh_for)) &&
                 is_older(*last, i->of->ask_every) &&
                 !i->asking;
    if (wants) {
        i->asking = true;
        *last = mono_now();
        unlock(&i->lock);
        ask(cx, i);
        lock(&i->lock);
    }
    Mono patience = mono_after(mono_now(), FETCH_LASTS);
    bool may_wait = i->waiting < WAITING_MOST;
    i->waiting += may_wait;
    while (may_wait && i->asking && (missed || i->set == NULL))
        if (!lock_wait(&i->lock, &i->changed, patience.ns))
            break;
    i->waiting -= may_wait;
    KeySet *s = take(i);
    unlock(&i->lock);
    return s;
}

static bool verify(Ctx *cx, KeySet *s, Str token, Str *payload, bool *unknown)
{
    const char *why = "no keys";

    if (s != NULL && jws_verify(cx->mem, find, s, NULL, token, payload, &why))
        return true;
    *unknown = strcmp(why, "kid names no key") == 0;
    return fail(cx, INVALID_TOKEN, "foreign token: %s", why);
}

bool issuer_verify(Ctx *cx, Issuer *i, Str token, Str *payload)
{
    bool unknown = false;
    KeySet *s = keys_of(cx, i, false);

    if (s != NULL)
        fault_clear(cx);                          /* old keys are good enough */
    else
        return fail(cx, BAD_GATEWAY, "no keys of %.*s", STR_ARGS(i->name));
    bool good = verify(cx, s, token, payload, &unknown);
    let_go(s);
    if (good || !unknown)
        return good;
    fault_clear(cx);
    s = keys_of(cx, i, true);
    fault_clear(cx);
    good = verify(cx, s, token, payload, &unknown);
    let_go(s);
    return good;
}

/* ---- one list after the other ------------------------------------------------- */

static bool is_same(const Issuer *a, const Issuer *b)
{
    return str_is(a->name, b->name) && str_is(a->url, b->url) && str_is(a->ca, b->ca) &&
           str_is(a->audience, b->audience);
}

/* Its keys may be the only ones to be had while it is away. */
static void inherit(Issuer *i, Issuer *from)
{
    lock(&from->lock);
    i->set = take(from);
    i->had = from->had;
    i->asked = from->asked;
    unlock(&from->lock);
}

static IssuerList *hold(void)
{
    lock(&own.lock);
    IssuerList *l = own.now;
    if (l != NULL)
        atomic_fetch_add(&l->users, 1);
    unlock(&own.lock);
    return l;
}

void issuers_use(IssuerList *l)
{
    IssuerList *old = hold();

    for (isize i = 0; l != NULL && old != NULL && i < l->count; i++)
        for (isize k = 0; k < old->count; k++)
            if (is_same(&l->all[i], &old->all[k]))
                inherit(&l->all[i], &old->all[k]);
    lock(&own.lock);
    own.now = l;
    own.any = l != NULL && l->count > 0;
    unlock(&own.lock);
    issuers_drop(old);                            /* held above               */
    issuers_drop(old);                            /* and no longer in use     */
}

bool issuers_open(Arena *mem, const IssuersConfig *config, Str *why)
{
    IssuerList *l = issuers_read(mem, config, why);

    if (l != NULL)
        issuers_use(l);
    return l != NULL;
}

void issuers_close(void) { issuers_use(NULL); }

/* ---- which there are --------------------------------------------------------- */

static bool is_among(const Json *audience, Str name)
{
    if (audience == NULL)
        return false;
    if (json_kind(audience) == J_STR)
        return str_is(json_str(audience), name);
    for (isize i = 0; json_kind(audience) == J_LIST && i < json_count(audience); i++)
        if (json_kind(json_item(audience, i)) == J_STR &&
            str_is(json_str(json_item(audience, i)), name))
            return true;
    return false;
}

bool issuer_is(const Issuer *i, Str name, const Json *audience)
{
    return str_is(i->name, name) && is_among(audience, i->audience);
}

Issuer *issuer_take(Str name, const Json *audience)
{
    IssuerList *l = hold();

    for (isize i = 0; l != NULL && i < l->count; i++)
        if (issuer_is(&l->all[i], name, audience))
            return &l->all[i];
    issuers_drop(l);
    return NULL;
}

void issuer_done(Issuer *i) { issuers_drop(i->of); }

bool issuer_named(Str name)
{
    IssuerList *l = hold();
    bool is = false;

    for (isize i = 0; l != NULL && i < l->count; i++)
        is |= str_is(l->all[i].name, name);
    issuers_drop(l);
    return is;
}

bool issuers_have(const Digest *mark)
{
    IssuerList *l = hold();
    bool have = false;

    for (isize i = 0; l != NULL && i < l->count; i++)
        have |= same_bytes(l->all[i].mark.b, mark->b, SHA256_BYTES);
    issuers_drop(l);
    return have;
}

Digest   issuer_mark(const Issuer *i)     { return i->mark; }
bool     issuers_any(void)                { return own.any; }
Str      issuer_name(const Issuer *i)     { return i->name; }
TenantId issuer_tenant(const Issuer *i)   { return i->tenant; }
Role     issuer_cap(const Issuer *i)      { return i->cap; }
