/* embedded.c - the bus within one process. The outbox keeps the messages and the
 * relay remembers how far it is, so all that is left to do here is to call. */
#include "base/metric.h"
#include "bus/engine.h"

static bool nothing_else(Arena *mem, const BusConfig *config, Str *why)
{
    if (str_is(config->url, S("embedded:")))
        return true;
    *why = str_fmt(mem, "the embedded bus takes no address, not %.*s",
                   STR_ARGS(config->url));
    return false;
}

static bool embedded_open(Arena *mem, const BusConfig *config, Str *why)
{
    metric_set(METRIC_BUS_UP, 1);
    return nothing_else(mem, config, why);
}

static bool embedded_check(Arena *mem, const BusConfig *config, Str *detail)
{
    *detail = S("in this process");
    return nothing_else(mem, config, detail);
}

static bool embedded_publish(Ctx *cx, const Message *m, isize count)
{
    (void)cx;
    for (isize i = 0; i < count; i++) {
        bus_tell(&m[i]);
        metric_add(METRIC_BUS_PUBLISHED, 1);
    }
    return true;
}

static bool embedded_replay(Ctx *cx, const BusWish *wish, Message **rows, isize *count)
{
    (void)cx, (void)wish, (void)rows, (void)count;
    return false;
}

static void embedded_close(void) { }
static BusState embedded_state(void) { return BUS_UP; }
static bool embedded_answers(Ctx *cx) { (void)cx; return true; }
static void embedded_nudge(void) { }

const BusEngine bus_embedded = {
    .scheme = "embedded", .open = embedded_open, .close = embedded_close,
    .check = embedded_check, .publish = embedded_publish, .begin = bus_heard_is,
    .replay = embedded_replay, .state = embedded_state, .answers = embedded_answers,
    .nudge = embedded_nudge,
};
