/* service_list.c - a list is read whole, never changed, and counted, so another can take
 * its place while requests are judged by it. What the file names and doesn't exist is a
 * mistake, because a typing error in a scope would otherwise be found by whoever is
 * refused at night. */
#include "access/service_list.h"
#include "base/file.h"
#include "base/lock.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

__asm__(".globl services_default\n.section .rodata\nservices_default:\n"
        ".incbin \"ops/services.json\"\n.byte 0\n.previous\n");
extern const char services_default[];

enum { FILE_MOST = 256 << 10, SECRET_MOST = 200 };

struct ServiceList {
    _Atomic int users;
    Arena   mem;
    Service all[SERVICES_MOST];
    isize   count;
    Service shared;                               /* of nobody in particular  */
};

static struct { Lock lock; ServiceList *now; } own = { .lock = LOCK_OF(RANK_KEYS) };

/* ---- the file ---------------------------------------------------------------- */

typedef struct {
    Arena *mem;
    const ServicesConfig *config;
    ServiceList *to;
    Str *why;
} Reading;

static bool wrong(Reading *r, Str id, const char *what, Str about)
{
    *r->why = str_fmt(r->mem, "services: \"%.*s\": %s %.*s", STR_ARGS(id), what,
                      STR_ARGS(about));
    return false;
}

static bool is_id(Str s)
{
    for (isize i = 0; i < s.len; i++) {
        char c = s.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
              c == '.'))
            return false;
    }
    return s.len > 0 && s.len <= SERVICE_ID_MOST;
}

/* The file's text without the line's end; absent member: nothing. */
static bool read_secret(Reading *r, Str id, const Json *row, const char *name,
                        Secret *out)
{
    Str path, text;

    if (json_member(row, name) == NULL)
        return true;
    if (!json_get_str(row, name, &path))
        return wrong(r, id, name, S("is no path"));
    if (!file_read(r->mem, path, FILE_MOST, &text))
        return wrong(r, id, strerror(errno), path);
    while (text.len > 0 &&
           (text.at[text.len - 1] == '\n' || text.at[text.len - 1] == '\r'))
        text.len--;
    if (text.len < SERVICE_SECRET_LEAST || text.len > SECRET_MOST)
        return wrong(r, id, "must have 32 to 200 letters:", path);
    *out = secret_copy(text);
    wipe((void *)(uintptr_t)text.at, text.len);
    return true;
}

/* Without a moment the 24 hours would begin anew with each start. */
static bool read_moment(Reading *r, Service *s, const Json *row)
{
    Str text;
    Instant at;

    if (s->keys.before.len == 0)
        return true;
    if (!json_get_str(row, "rotatedAt", &text) || !time_read(text, &at))
        return wrong(r, s->id, "previousSecretFile needs rotatedAt, the moment of the "
                               "change", S(""));
    s->keys.before_until = later(at, SECRET_OVERLAP);
    return true;
}

static bool read_keys(Reading *r, Service *s, const Json *row)
{
    if (!read_secret(r, s->id, row, "secretFile", &s->keys.now) ||
        !read_secret(r, s->id, row, "previousSecretFile", &s->keys.before))
        return false;
    s->alone = s->keys.now.len > 0;
    if (!s->alone && s->keys.before.len > 0)
        return wrong(r, s->id, "has a previousSecretFile and no secretFile", S(""));
    if (!s->alone)
        s->keys = r->to->shared.keys;
    return !s->alone || read_moment(r, s, row);
}

static bool is_named(Str list, Str id)
{
    while (list.len > 0)
        if (str_is(str_trim(str_cut(&list, ',')), id))
            return true;
    return false;
}

static Uuid machine_of(Arena *mem, Str id)
{
    Digest d = sha256(str_fmt(mem, "service:%.*s", STR_ARGS(id)));
    Uuid u;

    memcpy(u.b, d.b, sizeof u.b);
    return u;
}

static const Service *find(const ServiceList *l, Str id)
{
    for (isize i = 0; i < l->count; i++)
        if (str_is(l->all[i].id, id))
            return &l->all[i];
    return NULL;
}

static bool read_service(Reading *r, const Json *row)
{
    Service *s = &r->to->all[r->to->count];
    Str id = S(""), unknown;

    *s = (Service){ .of = r->to };
    if (json_kind(row) != J_OBJECT || !json_get_str(row, "id", &id) || !is_id(id))
        return wrong(r, id, "an id is 1 to 64 of a-z 0-9 - _ .", S(""));
    if (find(r->to, id) != NULL)
        return wrong(r, id, "stands there twice", S(""));
    s->id = str_copy(&r->to->mem, id);
    s->machine = machine_of(r->mem, id);
    if (!scopes_read(json_member(row, "scopes"), &s->scopes, &unknown))
        return wrong(r, id, "scopes must be a list of words", S(""));
    if (unknown.at != NULL)
        return wrong(r, id, "there is no scope", unknown);
    if (r->config->trusted.len > 0 && !is_named(r->config->trusted, id))
        return true;
    r->to->count++;                               /* from here drop wipes it  */
    return read_keys(r, s, row);
}

static bool check_trusted(Reading *r)
{
    Str left = r->config->trusted;

    while (left.len > 0) {
        Str id = str_trim(str_cut(&left, ','));
        if (id.len > 0 && find(r->to, id) == NULL)
            return wrong(r, id, "TRUSTED_SERVICES names what the file does not", S(""));
    }
    return true;
}

static bool read_all(Reading *r, Str text)
{
    Str why = { 0 };
    const Json *j = json_read(r->mem, text, &why);
    const Json *list = j != NULL && json_kind(j) == J_OBJECT
                       ? json_member(j, "services") : NULL;

    if (list == NULL || json_kind(list) != J_LIST || json_count(list) > SERVICES_MOST) {
        *r->why = str_fmt(r->mem,
                          "services: expected {\"services\":[...]}, at most %d: %.*s",
                          SERVICES_MOST, STR_ARGS(why));
        return false;
    }
    for (isize i = 0; i < json_count(list); i++)
        if (!read_service(r, json_item(list, i)))
            return false;
    return check_trusted(r);
}

static Secret copy_of(const Secret *s)
{
    return s->len > 0 ? secret_copy((Str){ (const char *)s->at, s->len }) : (Secret){ 0 };
}

static ServiceList *new_list(const Keys *shared)
{
    ServiceList *l = calloc(1, sizeof *l);

    must(l != NULL);
    l->users = 1;
    l->shared = (Service){ .id = S(""), .of = l };
    l->shared.keys = (Keys){ copy_of(&shared->now), copy_of(&shared->before),
                             shared->before_until };
    return l;
}

ServiceList *services_read(Arena *mem, const ServicesConfig *config, Str *why)
{
    Str text = str_of(services_default);

    if (config->file.len > 0 && !file_read(mem, config->file, FILE_MOST, &text)) {
        *why = str_fmt(mem, "SERVICES_FILE %.*s: %s", STR_ARGS(config->file),
                       strerror(errno));
        return NULL;
    }
    Reading r = { mem, config, new_list(&config->shared), why };
    if (read_all(&r, text))
        return r.to;
    services_drop(r.to);
    return NULL;
}

/* ---- one after the other ------------------------------------------------------- */

static void wipe_keys(Keys *k)
{
    secret_wipe(&k->now);
    secret_wipe(&k->before);
}

void services_drop(ServiceList *l)
{
    if (l == NULL || atomic_fetch_sub(&l->users, 1) > 1)
        return;
    for (isize i = 0; i < l->count; i++)
        if (l->all[i].alone)
            wipe_keys(&l->all[i].keys);
    wipe_keys(&l->shared.keys);
    arena_close(&l->mem);
    free(l);
}

void services_use(ServiceList *l)
{
    lock(&own.lock);
    ServiceList *old = own.now;
    own.now = l;
    unlock(&own.lock);
    services_drop(old);
}

bool services_open(Arena *mem, const ServicesConfig *config, Str *why)
{
    ServiceList *l = services_read(mem, config, why);

    if (l != NULL)
        services_use(l);
    return l != NULL;
}

void services_close(void) { services_use(NULL); }

/* ---- asking --------------------------------------------------------------------- */

static ServiceList *hold(void)
{
    lock(&own.lock);
    ServiceList *l = own.now;
    must(l != NULL);
    atomic_fetch_add(&l->users, 1);
    unlock(&own.lock);
    return l;
}

void service_done(const Service *s) { services_drop(s->of); }

const Service *service_take(Str id)
{
    ServiceList *l = hold();
    const Service *s = find(l, id);

    if (s == NULL)
        services_drop(l);
    return s;
}

const Service *service_take_keys(Str id)
{
    ServiceList *l = hold();
    const Service *s = find(l, id);

    return s != NULL ? s : &l->shared;
}

bool service_known(Str id)
{
    const Service *s = service_take(id);

    if (s != NULL)
        service_done(s);
    return s != NULL;
}

ServiceView *services_view(Arena *mem, isize *count)
{
    ServiceList *l = hold();
    ServiceView *v = make(mem, ServiceView, l->count + 1);

    *count = l->count;
    for (isize i = 0; i < l->count; i++) {
        const Service *s = &l->all[i];
        v[i] = (ServiceView){ str_copy(mem, s->id), s->scopes, s->alone,
                              s->keys.now.len > 0 };
    }
    services_drop(l);
    return v;
}
