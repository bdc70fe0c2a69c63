/* bus.c - picks the engine by the url's scheme, keeps the subscribers, names subjects.
 *
 * No lock is held while a subscriber runs: the list is copied for each message, and
 * whoever comes or leaves waits until the message that is being told has been. So a
 * list is never changed in the middle of a message, and bus_heard() means the same to
 * all that are on it. That an id is told once is seen to here, for every engine. */
#include "base/trace.h"
#include "base/lock.h"
#include "base/metric.h"
#include "bus/engine.h"
#include <stdatomic.h>

static const BusEngine *const engines[] = { &bus_embedded, &bus_nats, &bus_nats_tls };
static const BusEngine *engine;

typedef struct Subscriber { BusFn *fn; void *arg; } Subscriber;

static struct {
    Lock           lock;
    pthread_cond_t told_one;
    Subscriber     list[SUBSCRIBERS_MOST];        /* fn NULL: free            */
    bool           telling;
    i64            told;                          /* messages, so that who waits sees one
                                                     end */
    _Atomic i64    heard;
    void         (*_Atomic nudged)(void);
} ears;

/* ---- opening ----------------------------------------------------------------- */

static const BusEngine *engine_of(Arena *mem, Str url, Str *why)
{
    Str rest = url, scheme = str_cut(&rest, ':');

    for (isize i = 0; i < countof(engines); i++)
        if (str_is(scheme, str_of(engines[i]->scheme)))
            return engines[i];
    *why = str_fmt(mem, "no bus speaks %.*s:; write embedded:, nats:// or tls://",
                   STR_ARGS(scheme));
    return NULL;
}

static void open_ears(void)
{
    lock_init(&ears.lock, RANK_BUS);
    cond_init(&ears.told_one);
    for (int i = 0; i < SUBSCRIBERS_MOST; i++)
        ears.list[i] = (Subscriber){ 0 };
    ears.told = 0;
    ears.heard = -1;
    ears.nudged = NULL;
}

static void close_ears(void)
{
    must(!ears.telling);
    pthread_cond_destroy(&ears.told_one);
    lock_close(&ears.lock);
}

bool bus_open(Arena *mem, const BusConfig *config, Str *why)
{
    must(engine == NULL);
    const BusEngine *e = engine_of(mem, config->url, why);
    if (e == NULL)
        return false;
    open_ears();
    if (!e->open(mem, config, why)) {
        close_ears();
        return false;
    }
    engine = e;
    return true;
}

void bus_close(void)
{
    if (engine == NULL)
        return;
    engine->close();
    engine = NULL;
    close_ears();
}

bool bus_check(Arena *mem, const BusConfig *config, Str *detail)
{
    must(engine == NULL);
    const BusEngine *e = engine_of(mem, config->url, detail);
    return e != NULL && e->check(mem, config, detail);
}

/* ---- subscribers -------------------------------------------------------------- */

/* With the lock held: until no message is being told that began before. */
static void wait_for_quiet(void)
{
    for (i64 before = ears.told; ears.telling && ears.told == before;)
        lock_wait(&ears.lock, &ears.told_one, 0);
}

Subscription bus_subscribe(BusFn *fn, void *arg)
{
    int free = -1;

    must(engine != NULL && fn != NULL);
    lock(&ears.lock);
    for (int i = SUBSCRIBERS_MOST - 1; i >= 0; i--)
        if (ears.list[i].fn == NULL)
            free = i;
    must(free >= 0);                              /* they are made at boot    */
    ears.list[free] = (Subscriber){ fn, arg };
    wait_for_quiet();
    unlock(&ears.lock);
    return (Subscription){ free };
}

void bus_unsubscribe(Subscription s)
{
    must(engine != NULL && s.v >= 0 && s.v < SUBSCRIBERS_MOST);
    lock(&ears.lock);
    ears.list[s.v] = (Subscriber){ 0 };
    wait_for_quiet();
    unlock(&ears.lock);
}

void bus_heard_is(i64 id)
{
    ears.heard = id;
    metric_set(METRIC_BUS_LAST, id);
}

/* Of the calling thread, for a message that is followed. */
static void note(const Message *m, Mono from)
{
    Arena mem = { 0 };

    if (m->trace.len == 0 || !trace_on())
        return;
    Ctx cx = ctx_new(&mem, m->tenant);
    trace_follow(&cx, m->trace);
    if (cx.trace.on)
        trace_whole(&cx, mono_us(from, mono_now()), TRACE_CONSUMER, "told to streams",
                    (const LogField[]){ L("messaging.message.id", m->id),
                                        L("type", m->type) }, 2);
    arena_close(&mem);
}

void bus_tell(const Message *m)
{
    Subscriber list[SUBSCRIBERS_MOST];
    Mono from = mono_now();

    must(m->id > 0);
    if (m->id <= ears.heard) {
        metric_add(METRIC_BUS_REPEATED, 1);
        return;
    }
    lock(&ears.lock);
    must(!ears.telling);
    for (int i = 0; i < SUBSCRIBERS_MOST; i++)
        list[i] = ears.list[i];
    ears.telling = true;
    unlock(&ears.lock);

    for (int i = 0; i < SUBSCRIBERS_MOST; i++)
        if (list[i].fn != NULL)
            list[i].fn(m, list[i].arg);
    bus_heard_is(m->id);
    metric_add(METRIC_BUS_HEARD, 1);
    note(m, from);

    lock(&ears.lock);
    ears.telling = false;
    ears.told++;
    pthread_cond_broadcast(&ears.told_one);
    unlock(&ears.lock);
}

i64 bus_heard(void) { return ears.heard; }

void bus_on_nudge(void (*fn)(void)) { ears.nudged = fn; }

void bus_nudged(void)
{
    void (*fn)(void) = ears.nudged;

    if (fn != NULL)
        fn();
}

/* ---- the engine ----------------------------------------------------------------- */

bool bus_keeps(void)
{
    must(engine != NULL);
    return engine->keeps;
}

bool bus_last(Ctx *cx, i64 *id)
{
    must(engine != NULL && engine->keeps);
    return engine->last(cx, id);
}

bool bus_publish(Ctx *cx, const Message *m, isize count)
{
    must(engine != NULL);
    for (isize i = 0; i < count; i++)
        must(m[i].id > (i == 0 ? 0 : m[i - 1].id));
    return engine->publish(cx, m, count);
}

void bus_begin(i64 after)
{
    must(engine != NULL);
    engine->begin(after);
}

bool bus_replay(Ctx *cx, const BusWish *wish, Message **rows, isize *count)
{
    must(engine != NULL && wish->count <= BUS_SUBJECTS_MOST);
    return engine->replay(cx, wish, rows, count);
}

BusState bus_state(void)
{
    return engine == NULL ? BUS_AWAY : engine->state();
}

bool bus_answers(Ctx *cx)
{
    return engine == NULL ? fail(cx, BUSY, "the bus is closed") : engine->answers(cx);
}

void bus_nudge(void)
{
    must(engine != NULL);
    engine->nudge();
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
