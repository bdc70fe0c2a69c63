/* health.c - liveness depends on nothing, so that a slow database never gets a good
 * process killed; readiness asks the store and says no while the server leaves. A kv that
 * is away is told and does not make a node unready: it is away for all of them, and what
 * they can still do is most of the work. */
#include "web/health.h"
#include "kv/kv.h"
#include "store/store.h"
#include <stdatomic.h>

#define READY_WITHIN seconds(2)

static atomic_bool leaving;

static const Field health_fields[] = {
    TEXT(Health, status, 1, 20, 0, "ok, or why not"),
    TEXT(Health, store, 1, 20, OPTIONAL, "whether the database answers"),
    TEXT(Health, kv, 1, 20, OPTIONAL, "ok or away; away is no reason not to be ready"),
};
const Shape health_shape = { "Health", sizeof(Health), health_fields, countof(health_fields) };

void health_leaving(void) { leaving = true; }

bool health_show(Ctx *cx, Req *rq)
{
    (void)cx;
    return reply_json(rq, 200, S("{\"status\":\"ok\"}"));
}

bool health_ready(Ctx *cx, Req *rq)
{
    Health h = { .status = S("ok"), .store = S("ok"), .kv = S("ok") };

    if (leaving)
        return fail(cx, BUSY, "leaving: the server is being stopped");
    cx->deadline = mono_after(mono_now(), READY_WITHIN);
    if (!store_ready(cx))
        return false;
    if (!kv_answers(cx)) {
        fault_clear(cx);
        h.kv = S("away");
    }
    return reply(cx, rq, 200, &health_shape, &h);
}
