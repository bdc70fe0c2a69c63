/* nats_tail.c - one thread with one push consumer that ends with its connection. The
 * library has ordered consumers of its own; this one is written out because what must
 * hold is here: nothing is left out and nothing told twice when the connection, the
 * server or the whole stream is lost.
 *
 *   attach: look at the stream, make a consumer from `next` on
 *   hear:   messages count up by one (their consumer sequence), heartbeats say how far
 *           the server is; anything else, a reconnect, or three silent seconds: attach
 *           again from the first sequence not yet heard
 *
 * A stream that was made anew is read from its beginning; a stream whose end was lost in
 * a power cut, from its new end. In both bus_tell drops the ids that were told. */
#include "bus/nats.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/metric.h"
#include <nats/nats.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_EVERY_MS = 250, HEARTBEAT_MS = 1000, SILENT_MS = 3000, PAUSE_LEAST_MS = 50,
       PAUSE_MOST_MS = 2000 };
#define NS_OF_MS 1000000

static struct {
    pthread_t         thread;
    bool              begun;
    _Atomic bool      stop, hearing, replays;
    natsSubscription *sub;
    Link             *link;
    u64               next;                       /* stream sequence to hear  */
    u64               delivered;                  /* consumer sequence heard  */
    i64               after;                      /* where an empty stream begins */
    i64               created, times;
    Mono              sign_at;                    /* of life                  */
    int               pause_ms;
} tail;

/* The last message that was told, as both know it; sequence 0: none yet. */
static struct { Lock lock; u64 sequence; i64 id; } at = { .lock = LOCK_OF(RANK_BUS) };

static void is_at(u64 sequence, i64 id)
{
    lock(&at.lock);
    at.sequence = sequence;
    at.id = id;
    unlock(&at.lock);
}

bool tail_at(u64 *sequence, i64 *id)
{
    lock(&at.lock);
    *sequence = at.sequence;
    *id = at.id;
    unlock(&at.lock);
    return tail.hearing && tail.replays && *sequence > 0 && *id > 0;
}

/* ---- attaching ------------------------------------------------------------------- */

/* Where hearing begins: at first after the end. */
static bool find_place(JetFacts *f, Buf *why)
{
    JetEnd end;

    if (bus_heard() < 0) {
        if (!jet_end(tail.link, &end, f, why))
            return false;
        tail.next = end.sequence + 1;
        is_at(end.sequence, end.id);
        tail.created = f->created;
        bus_heard_is(end.id > 0 ? end.id : tail.after);
        return true;
    }
    if (!jet_look(tail.link, f, why))
        return false;
    if (f->created != tail.created) {
        log_warn("the stream " STREAM_NAME " was made anew;"
                                           " it is read from its beginning");
        tail.next = 1;
        is_at(0, 0);
    } else if (f->last + 1 < tail.next) {
        log_warn("the stream " STREAM_NAME " has lost its end",
                 L("had", (i64)tail.next - 1), L("has", (i64)f->last));
        tail.next = f->last + 1;
        is_at(0, 0);
    }
    tail.created = f->created;
    return true;
}

static natsStatus make_consumer(const char *inbox)
{
    jsConsumerConfig c;
    jsOptions o;

    jsOptions_Init(&o);
    o.Wait = SILENT_MS;
    jsConsumerConfig_Init(&c);
    c.DeliverSubject = inbox;
    c.DeliverPolicy = js_DeliverByStartSequence;
    c.OptStartSeq = tail.next;
    c.AckPolicy = js_AckNone;
    c.MaxDeliver = 1;
    c.FlowControl = true;
    c.Heartbeat = (i64)HEARTBEAT_MS * NS_OF_MS;
    c.InactiveThreshold = (i64)SILENT_MS * NS_OF_MS;
    c.Replicas = 1;
    c.MemoryStorage = true;
    return js_AddConsumer(NULL, tail.link->js, STREAM_NAME, &c, &o, NULL);
}

static void detach(void)
{
    tail.hearing = false;
    if (tail.sub != NULL)
        link_retire(tail.sub);
    tail.sub = NULL;
}

static bool subscribe(Buf *why)
{
    natsInbox *inbox = NULL;
    natsStatus s = natsInbox_Create(&inbox);

    if (s == NATS_OK)
        s = natsConnection_SubscribeSync(&tail.sub, tail.link->nc, inbox);
    if (s == NATS_OK)
        s = natsSubscription_SetPendingLimits(tail.sub, -1, -1);    /* flow control holds
                                                                       it */
    if (s == NATS_OK)
        s = make_consumer(inbox);
    natsInbox_Destroy(inbox);
    if (s != NATS_OK)
        link_why(why, "no consumer of " STREAM_NAME, s);
    return s == NATS_OK;
}

static bool attach(Arena *mem)
{
    Buf why = buf_in(mem, 128);
    JetFacts f;

    tail.times = link_times();
    tail.link = link_now();
    if (tail.link == NULL) {
        link_mend();
        return false;
    }
    if (!find_place(&f, &why) || !subscribe(&why)) {
        log_warn("NATS can't be heard", L("why", buf_str(&why)));
        detach();
        return false;
    }
    tail.delivered = 0;
    tail.sign_at = mono_now();
    tail.replays = f.replays;
    tail.hearing = true;
    metric_add(METRIC_BUS_ATTACHED, 1);
    return true;
}

/* ---- hearing ---------------------------------------------------------------------- */

/* "100 Idle Heartbeat" and "100 FlowControl Request"; the latter wants an answer. */
static bool take_status(natsMsg *msg)
{
    const char *stalled = NULL, *last = NULL, *reply = natsMsg_GetReply(msg);
    i64 delivered;

    if (reply == NULL &&
        natsMsgHeader_Get(msg, "Nats-Consumer-Stalled", &stalled) == NATS_OK)
        reply = stalled;
    if (reply != NULL)
        natsConnection_Publish(tail.link->nc, reply, "", 0);
    if (natsMsgHeader_Get(msg, "Nats-Last-Consumer", &last) != NATS_OK)
        return true;
    return str_int(str_of(last), &delivered) && (u64)delivered == tail.delivered;
}

static bool take_message(natsMsg *msg)
{
    jsMsgMetaData *meta = NULL;
    Message m;

    if (natsMsg_GetMetaData(&meta, msg) != NATS_OK)
        return false;
    u64 sequence = meta->Sequence.Stream, delivered = meta->Sequence.Consumer;
    jsMsgMetaData_Destroy(meta);
    if (delivered != tail.delivered + 1)
        return false;
    tail.delivered = delivered;
    if (message_read(msg, &m)) {
        bus_tell(&m);
        if (m.id == bus_heard())
            is_at(sequence, m.id);
    }
    tail.next = sequence + 1;
    return true;
}

/* False: attach again. */
static bool take(natsMsg *msg)
{
    const char *status = NULL;

    tail.sign_at = mono_now();
    if (natsMsg_GetDataLength(msg) == 0 &&
        natsMsgHeader_Get(msg, "Status", &status) == NATS_OK)
        return strcmp(status, "100") == 0 && take_status(msg);
    return take_message(msg);
}

static bool hear(void)
{
    natsMsg *msg = NULL;
    natsStatus s = natsSubscription_NextMsg(&msg, tail.sub, LOOK_EVERY_MS);
    bool good;

    if (s == NATS_OK)
        good = take(msg);
    else
        good = s == NATS_TIMEOUT && mono_us(tail.sign_at, mono_now()) < SILENT_MS * 1000;
    natsMsg_Destroy(msg);
    return good && tail.times == link_times();
}

static void pause_a_little(void)
{
    for (int ms = tail.pause_ms; ms > 0 && !tail.stop; ms -= PAUSE_LEAST_MS)
        usleep(PAUSE_LEAST_MS * 1000);
    tail.pause_ms = tail.pause_ms * 2 < PAUSE_MOST_MS ? tail.pause_ms * 2 : PAUSE_MOST_MS;
}

static void *run(void *arg)
{
    Arena mem = { 0 };

    (void)arg;
    pthread_setname_np(pthread_self(), "nats");
    while (!tail.stop) {
        if (!attach(&mem)) {
            pause_a_little();
            arena_reset(&mem, 4096);
            continue;
        }
        tail.pause_ms = PAUSE_LEAST_MS;
        while (!tail.stop && hear())
            ;
        detach();
    }
    arena_close(&mem);
    nats_ReleaseThreadMemory();
    return NULL;
}

void tail_begin(i64 after)
{
    must(!tail.begun);
    memset(&tail, 0, sizeof tail);
    is_at(0, 0);
    tail.begun = true;
    tail.after = after;
    tail.pause_ms = PAUSE_LEAST_MS;
    must(pthread_create(&tail.thread, NULL, run, NULL) == 0);
}

void tail_stop(void)
{
    if (!tail.begun)
        return;
    tail.stop = true;
    pthread_join(tail.thread, NULL);
    tail.begun = false;
}
