/* refusal.c - places by the person's hash, eight steps at most. One is free again when
 * its hour is over and nothing was counted in it. What can't be written now is counted
 * on. */
#include "access/refusal.h"
#include "access/guard.h"
#include "base/lock.h"
#include "identity/audit.h"
#include <string.h>

enum { STEPS = 8, PEER_ROOM = 46 };

typedef struct Place {
    UserId      person;                           /* zero: free               */
    TenantId    tenant;
    Access      right;
    const Route *route;                           /* of the last              */
    i64         count;                            /* not written yet          */
    Instant     first, until;                     /* until: not set: none was written */
    char        peer[PEER_ROOM];
} Place;

static struct {
    Lock lock;
    Place places[REFUSALS_MOST];
} own = { .lock = LOCK_OF(RANK_KEYS) };

static Place *find(UserId person, Access right)
{
    unsigned at = (unsigned)(person.v.b[14] << 8 | person.v.b[15]) * 31 + right;
    Place *free_one = NULL;

    for (unsigned i = 0; i < STEPS; i++) {
        Place *p = &own.places[(at + i) % REFUSALS_MOST];
        if (uuid_is(p->person.v, person.v) && p->right == right)
            return p;
        if (free_one == NULL && uuid_zero(p->person.v))
            free_one = p;
    }
    return free_one;
}

static void count(Place *p, const Ctx *cx, const Req *rq)
{
    if (uuid_zero(p->person.v))
        *p = (Place){ .person = cx->who.user, .tenant = cx->who.home,
                      .right = access_of(rq->route->access) };
    if (p->count++ == 0)
        p->first = cx->now;
    Str peer = str_sub(rq->peer, 0, PEER_ROOM - 1);
    memcpy(p->peer, peer.at, (size_t)peer.len);
    p->peer[peer.len] = '\0';
    p->route = rq->route;
}

void refusal_note(const Ctx *cx, const Req *rq)
{
    if (cx->fault.code != FORBIDDEN || cx->who.comer != A_PERSON || rq->route == NULL ||
        uuid_zero(cx->who.user.v) || uuid_zero(cx->who.home.v))
        return;
    lock(&own.lock);
    Place *p = find(cx->who.user, access_of(rq->route->access));
    if (p != NULL)
        count(p, cx, rq);
    unlock(&own.lock);
}

void refusal_clear(void)
{
    lock(&own.lock);
    memset(own.places, 0, sizeof own.places);
    unlock(&own.lock);
}

/* Takes out what is due: the first at once, then what an hour brought. */
static bool take(Place *p, Instant now, Place *out)
{
    bool over = !before(now, p->until);

    *out = *p;
    if (uuid_zero(p->person.v) || !over)
        return false;
    p->until = later(now, REFUSALS_EVERY);
    p->count = 0;
    if (out->count == 0)
        *p = (Place){ 0 };
    return out->count > 0;
}

static bool write(Ctx *cx, const Place *p)
{
    Buf b = buf_in(cx->mem, 80);
    TenantId was = cx->tenant;

    buf_fmt(&b, "{\"count\":%jd,\"since\":\"", (intmax_t)p->count);
    time_write(&b, p->first);
    buf_lit(&b, "\"}");
    cx->tenant = p->tenant;
    bool good = audit_note(cx, &(Deed){ .action = AUDIT_PERMISSION_DENIED, .failed = true,
        .actor = p->person, .subject = p->person, .from = { str_of(p->peer), { 0 } },
        .target = str_fmt(cx->mem, "%s %s", method_names.at[p->route->method],
                          p->route->path),
        .details = buf_str(&b) });
    cx->tenant = was;
    return good;
}

static void give_back(Place *to, const Place *p)
{
    lock(&own.lock);
    to->count += p->count;
    to->first = p->first;
    to->until = p->until;
    unlock(&own.lock);
}

bool refusal_flush(Ctx *cx)
{
    for (int i = 0; i < REFUSALS_MOST; i++) {
        Place p;
        lock(&own.lock);
        bool due = take(&own.places[i], cx->now, &p);
        unlock(&own.lock);
        if (due && !write(cx, &p)) {
            give_back(&own.places[i], &p);
            return false;
        }
    }
    return true;
}
