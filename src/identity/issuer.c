/* issuer.c - a set of keys is immutable and counted, so one can be replaced while others
 * verify with it. Time between fetches is measured on the clock that only runs forward. */
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

enum { ISSUERS_MOST = 16, FILE_MOST = 64 << 10, SET_BYTES = 64 << 10 };
#define FRESH_FOR   minutes(15)
#define SERVES_FOR  hours(24)
#define ASK_EVERY   seconds(30)
#define FETCH_LASTS seconds(5)

typedef struct KeySet { _Atomic int users; isize count; JwsKey *keys[JWK_SET_MOST]; } KeySet;

struct Issuer {
    Str      name, url, audience, ca;
    TenantId tenant;
    Role     cap;
    Lock     lock;
    pthread_cond_t changed;
    KeySet  *set;                                 /* NULL: never had one      */
    Mono     had, asked, missed;                  /* 0: never                 */
    bool     asking;
};

static struct { Arena mem; Issuer all[ISSUERS_MOST]; isize count; bool plain; } own;

/* ---- the file ------------------------------------------------------------- */

static bool read_issuer(const Json *row, const char **why)
{
    Issuer *i = &own.all[own.count];
    Str tenant, role = S("customer"), text;

    *i = (Issuer){ 0 };
    *why = "needs issuer, audience, jwksUrl and tenant";
    if (json_kind(row) != J_OBJECT || !json_get_str(row, "issuer", &i->name) || i->name.len == 0 ||
        !json_get_str(row, "audience", &i->audience) || i->audience.len == 0 ||
        !json_get_str(row, "jwksUrl", &i->url) || !json_get_str(row, "tenant", &tenant) ||
        !uuid_read(tenant, &i->tenant.v) || uuid_zero(i->tenant.v))
        return false;
    *why = "jwksUrl must begin with https://";
    if (!str_starts(i->url, S("https://")) && !(own.plain && str_starts(i->url, S("http://"))))
        return false;
    *why = "role is none that a person can have";
    if (json_member(row, "role") != NULL && !json_get_str(row, "role", &role))
        return false;
    i->cap = role_find(role);
    if (i->cap == ANYONE)
        return false;
    if (json_get_str(row, "caFile", &text))
        i->ca = str_copy(&own.mem, text);
    i->name = str_copy(&own.mem, i->name);
    i->audience = str_copy(&own.mem, i->audience);
    i->url = str_copy(&own.mem, i->url);
    lock_init(&i->lock, RANK_KEYS);
    cond_init(&i->changed);
    own.count++;
    return true;
}

bool issuers_open(Arena *mem, Str file, bool plain, Str *why)
{
    Str text, said = S("");
    const char *what = "expected {\"issuers\":[...]}, at most 16";

    own.plain = plain;
    if (file.len == 0)
        return true;
    if (!file_read(mem, file, FILE_MOST, &text)) {
        *why = str_fmt(mem, "ISSUERS_FILE %.*s: %s", STR_ARGS(file), strerror(errno));
        return false;
    }
    const Json *j = json_read(mem, text, &said);
    const Json *list = j != NULL && json_kind(j) == J_OBJECT ? json_member(j, "issuers") : NULL;
    bool good = list != NULL && json_kind(list) == J_LIST && json_count(list) <= ISSUERS_MOST;
    for (isize i = 0; good && i < json_count(list); i++)
        good = read_issuer(json_item(list, i), &what);
    if (!good) {
        *why = str_fmt(mem, "ISSUERS_FILE %.*s: %s", STR_ARGS(file), what);
        issuers_close();
    }
    return good;
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

void issuers_close(void)
{
    for (isize i = 0; i < own.count; i++) {
        let_go(own.all[i].set);
        lock_close(&own.all[i].lock);
        pthread_cond_destroy(&own.all[i].changed);
    }
    own.count = 0;
    arena_close(&own.mem);
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
    if (i->set != NULL && is_older(i->had, SERVES_FOR)) {
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
                .reach = FETCH_ANYONE, .plain = own.plain, .ca = i->ca, .within = FETCH_LASTS,
                .most = SET_BYTES, .too_long = FETCH_REFUSE };
    Fetched *got = make(cx->mem, Fetched, 1);
    Str why = { 0 };

    if (!fetch(cx, &f, got))
        return false;
    if (got->status != 200)
        return fail(cx, BAD_GATEWAY, "JWKS of %.*s: status %d", STR_ARGS(i->name), got->status);
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
        log_warn("keys of an issuer can't be had", L("issuer", i->name), L("why", (const char *)cx->fault.why));
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

/* The keys at hand, asked for anew when they are old, or when one was `missed`; for each of
 * these reasons twice a minute at most. */
static KeySet *keys_of(Ctx *cx, Issuer *i, bool missed)
{
    lock(&i->lock);
    Mono *last = missed ? &i->missed : &i->asked;
    bool wants = (missed || is_older(i->had, FRESH_FOR)) && is_older(*last, ASK_EVERY) && !i->asking;
    if (wants) {
        i->asking = true;
        *last = mono_now();
        unlock(&i->lock);
        ask(cx, i);
        lock(&i->lock);
    }
    Mono patience = mono_after(mono_now(), FETCH_LASTS);
    while (i->asking && (missed || i->set == NULL))
        if (!lock_wait(&i->lock, &i->changed, patience.ns))
            break;
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

/* ---- which there are --------------------------------------------------------- */

static bool is_among(const Json *audience, Str name)
{
    if (audience == NULL)
        return false;
    if (json_kind(audience) == J_STR)
        return str_is(json_str(audience), name);
    for (isize i = 0; json_kind(audience) == J_LIST && i < json_count(audience); i++)
        if (json_kind(json_item(audience, i)) == J_STR && str_is(json_str(json_item(audience, i)), name))
            return true;
    return false;
}

Issuer *issuer_find(Str name, const Json *audience)
{
    for (isize i = 0; i < own.count; i++)
        if (str_is(own.all[i].name, name) && is_among(audience, own.all[i].audience))
            return &own.all[i];
    return NULL;
}

bool issuer_named(Str name)
{
    for (isize i = 0; i < own.count; i++)
        if (str_is(own.all[i].name, name))
            return true;
    return false;
}

bool     issuers_any(void)                { return own.count > 0; }
Str      issuer_name(const Issuer *i)     { return i->name; }
TenantId issuer_tenant(const Issuer *i)   { return i->tenant; }
Role     issuer_cap(const Issuer *i)      { return i->cap; }
