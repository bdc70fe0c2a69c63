/* parting.c - how a stream ends that the server ends: with a word about why, so that a
 * page can tell "come again" from "sign in again". EventSource comes again by itself,
 * after the `retry` that it was told last: soon when nothing is wrong, each at a moment
 * of its own, for all of a node's streams end together; late when it would only push out
 * another one. */
#include <stdio.h>
#include "base/metric.h"
#include "base/rand.h"
#include "net/io.h"

typedef struct Word {
    int retry_ms, more_ms;
    const char *event, *reason;
    Metric counted;
} Word;

static const Word words[] = {
    [PART_SHUTDOWN] = { 500, 2500, "reconnect", "SHUTDOWN", METRIC_SSE_SHUTDOWN },
    [PART_LIFETIME] = { 500, 1000, "reconnect", "LIFETIME", METRIC_SSE_LIFETIME },
    [PART_ENDED]    = { 5000, 5000, "closed", "SESSION_ENDED", METRIC_SSE_OVER },
    [PART_TOO_MANY] = { 300000, 60000, "closed", "TOO_MANY_STREAMS", METRIC_SSE_TOO_MANY },
};

/* Puts the rest of a frame that has half gone out; false when the stream is closed. */
static bool put_rest(Conn *c)
{
    const Stream *s = c->stream;
    const Hub *h = &c->io->hub;

    if (s->sent == 0)
        return true;
    if (s->cursor < h->tail) {
        conn_close(c);
        return false;
    }
    const Frame *half = h->ring[s->cursor % RING];
    return conn_put(c, (Str){ half->text + s->sent, half->len - s->sent });
}

bool stream_say(Conn *c, Parting why)
{
    const Word *w = &words[why];
    char text[128];
    int n = snprintf(text, sizeof text,
                     "retry: %d\nevent: %s\ndata: {\"reason\":\"%s\"}\n\n",
                     w->retry_ms + (int)rand_below((u32)w->more_ms), w->event, w->reason);

    metric_add(w->counted, 1);
    return conn_put(c, (Str){ text, n });
}

/* A record of TLS that is half out must end as it was begun, with news that may be gone
 * by now: who has stopped reading learns nothing more. */
static bool is_stuck(const Conn *c)
{
    return c->stream->blocked && c->link.via == &tls_transport;
}

void stream_send_away(Conn *c, Parting why)
{
    if (is_stuck(c)) {
        conn_close(c);
        return;
    }
    if (!put_rest(c) || !stream_say(c, why))
        return;
    stream_end(c);
    c->closes = true;
    conn_settle(c);
}

void stream_evict(Io *io)
{
    Owned *o;

    while ((o = owners_evicted(&io->server->owners, io->number)) != NULL) {
        Stream *s = (Stream *)(void *)((char *)o - offsetof(Stream, owned));
        stream_send_away(s->conn, PART_TOO_MANY);
    }
}
