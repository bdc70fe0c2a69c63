/* bus.c - picks the engine by the url's scheme and names the subjects. */
#include "bus/engine.h"

static const BusEngine *const engines[] = { &bus_embedded };
static const BusEngine *engine;

bool bus_open(Arena *mem, const BusConfig *config, Str *why)
{
    Str where = config->url;
    Str scheme = str_cut(&where, ':');

    must(engine == NULL);
    for (isize i = 0; i < countof(engines); i++)
        if (str_is(scheme, str_of(engines[i]->scheme))) {
            if (!engines[i]->open(mem, where, why))
                return false;
            engine = engines[i];
            return true;
        }
    *why = str_fmt(mem, "no bus speaks %.*s:; write embedded:", STR_ARGS(scheme));
    return false;
}

void bus_close(void)
{
    if (engine != NULL)
        engine->close();
    engine = NULL;
}

bool bus_publish(Ctx *cx, const Message *m)
{
    must(engine != NULL && m->id > 0);
    return engine->publish(cx, m);
}

Subscription bus_subscribe(BusFn *fn, void *arg)
{
    must(engine != NULL);
    return engine->subscribe(fn, arg);
}

void bus_unsubscribe(Subscription s)
{
    must(engine != NULL);
    engine->unsubscribe(s);
}

/* ---- subjects ------------------------------------------------------------- */

Str subject_user(Arena *mem, TenantId tenant, UserId user)
{
    Buf b = buf_in(mem, 96);

    buf_lit(&b, "events.");
    uuid_write(&b, tenant.v);
    buf_byte(&b, '.');
    uuid_write(&b, user.v);
    return buf_str(&b);
}

Str subject_event(Arena *mem, TenantId tenant, EventId event)
{
    Buf b = buf_in(mem, 96);

    buf_lit(&b, "events.");
    uuid_write(&b, tenant.v);
    buf_lit(&b, ".event.");
    uuid_write(&b, event.v);
    return buf_str(&b);
}

Str subject_of(Arena *mem, const Message *m)
{
    if (!uuid_zero(m->user.v))
        return subject_user(mem, m->tenant, m->user);
    if (!uuid_zero(m->event.v))
        return subject_event(mem, m->tenant, m->event);
    return (Str){ 0 };
}
