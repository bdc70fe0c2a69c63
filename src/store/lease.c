/* lease.c - a row by name, taken in one statement when it is free, over, or ours. */
#include "store/lease.h"
#include <pthread.h>

SQL_FAR(lease_grasp,
    "INSERT INTO lease (name, holder, until)"
    " VALUES ($1, $2, clock_timestamp() + CAST($3 AS bigint) * interval '1 millisecond')"
    " ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until"
    " WHERE lease.holder = excluded.holder OR lease.until < clock_timestamp()");

SQL_FAR(lease_drop, "DELETE FROM lease WHERE name = $1 AND holder = $2");

/* This process among all nodes. */
static Uuid self;
static pthread_once_t named = PTHREAD_ONCE_INIT;
static void name_self(void) { self = uuid_new(time_now()); }

typedef struct { const char *name; Span lasts; i64 got; } Grasp;

static bool grasp(Ctx *cx, void *arg)
{
    Grasp *g = arg;
    return sql_run(cx, &lease_grasp, &g->got, V(g->name), V(self), V(g->lasts.ms));
}

bool lease_take(Ctx *cx, const char *name, Span lasts, bool *ours)
{
    Grasp g = { name, lasts, 1 };

    pthread_once(&named, name_self);
    bool good = !store_shared() || write_tx(cx, (Lane){ 0 }, grasp, &g);
    *ours = good && g.got == 1;
    return good;
}

static bool drop(Ctx *cx, void *arg)
{
    return sql_run(cx, &lease_drop, NULL, V(((Grasp *)arg)->name), V(self));
}

bool lease_give_up(Ctx *cx, const char *name)
{
    pthread_once(&named, name_self);
    return !store_shared() || write_tx(cx, (Lane){ 0 }, drop, &(Grasp){ name, { 0 }, 0 });
}
