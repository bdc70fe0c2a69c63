/* postman.c - looks once a second, because letters come due again and other nodes die,
 * and at once when woken. While the store is away there is nothing to carry. */
#include "identity/postman.h"
#include "base/log.h"
#include "base/worker.h"
#include "identity/letterbox.h"

static bool carry(Arena *mem)
{
    static TenantId turn;                         /* of the one thread        */
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    bool found;

    if (letterbox_carry(&cx, &turn, &found))
        return found;
    log_warn("letters can't be carried", L("why", (const char *)cx.fault.why));
    return false;
}

static Worker postman = WORKER("postman", 1000, carry);

void postman_start(void) { worker_start(&postman, 1); }
void postman_stop(void)  { worker_stop(&postman); }
void postman_wake(void)  { worker_ring(&postman); }
