/* embedded.c - the bus within one process. The outbox keeps the messages and the
 * relay remembers how far it is, so all that is left to do here is to call.
 *
 * No lock is held while a subscriber runs: the list is copied, and whoever leaves
 * waits until nobody is being called. */
#include "base/lock.h"
#include "bus/engine.h"

typedef struct Subscriber { BusFn *fn; void *arg; } Subscriber;

static struct {
    Lock           lock;
    pthread_cond_t quiet;
    Subscriber     list[SUBSCRIBERS_MOST];        /* fn NULL: free            */
    int            calling;                       /* publishers inside subscribers */
} bus;

static bool embedded_open(Arena *mem, Str where, Str *why)
{
    if (where.len > 0) {
        *why = str_fmt(mem, "the embedded bus takes no address, not %.*s", STR_ARGS(where));
        return false;
    }
    lock_init(&bus.lock, RANK_BUS);
    cond_init(&bus.quiet);
    return true;
}

static void embedded_close(void)
{
    for (int i = 0; i < SUBSCRIBERS_MOST; i++)
        bus.list[i] = (Subscriber){ 0 };
    must(bus.calling == 0);
    pthread_cond_destroy(&bus.quiet);
    lock_close(&bus.lock);
}

static bool embedded_publish(Ctx *cx, const Message *m)
{
    Subscriber list[SUBSCRIBERS_MOST];

    (void)cx;
    lock(&bus.lock);
    for (int i = 0; i < SUBSCRIBERS_MOST; i++)
        list[i] = bus.list[i];
    bus.calling++;
    unlock(&bus.lock);

    for (int i = 0; i < SUBSCRIBERS_MOST; i++)
        if (list[i].fn != NULL)
            list[i].fn(m, list[i].arg);

    lock(&bus.lock);
    if (--bus.calling == 0)
        pthread_cond_broadcast(&bus.quiet);
    unlock(&bus.lock);
    return true;
}

static Subscription embedded_subscribe(BusFn *fn, void *arg)
{
    int free = -1;

    lock(&bus.lock);
    for (int i = SUBSCRIBERS_MOST - 1; i >= 0; i--)
        if (bus.list[i].fn == NULL)
            free = i;
    must(free >= 0);                              /* they are made at boot    */
    bus.list[free] = (Subscriber){ fn, arg };
    unlock(&bus.lock);
    return (Subscription){ free };
}

static void embedded_unsubscribe(Subscription s)
{
    must(s.v >= 0 && s.v < SUBSCRIBERS_MOST);
    lock(&bus.lock);
    bus.list[s.v] = (Subscriber){ 0 };
    while (bus.calling > 0)
        lock_wait(&bus.lock, &bus.quiet, 0);
    unlock(&bus.lock);
}

const BusEngine bus_embedded = { "embedded", embedded_open, embedded_close, embedded_publish,
                                 embedded_subscribe, embedded_unsubscribe };
