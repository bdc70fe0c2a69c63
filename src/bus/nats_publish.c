/* nats_publish.c - a flight of messages goes out without waiting for each answer; then
 * the answers are read. Each message names the sequence that must be the stream's last
 * when it arrives, so of a flight a first part is taken and the rest refused, whatever
 * happens; and a node that stood still while another relayed gets nothing in. After
 * anything but success the fence is forgotten, and bus_last reads it from the stream.
 *
 * The fence is not Nats-Expected-Last-Msg-Id: server 2.9 learns that id again after a
 * restart only from messages within the duplicates window, so after a quiet hour and
 * a restart it would refuse every publish for ever. */
#include "bus/nats.h"
#include "base/json.h"
#include "base/metric.h"
#include <nats/nats.h>

enum { FLIGHT_MOST = 512, ANSWER_WITHIN_MS = 5000, LOOK_EVERY_MS = 250,
       REPLY_MOST = 128 };

static struct {
    bool known;                                   /* by the one that publishes */
    u64  last;                                    /* sequence of the stream's last
                                                     message */
    i64  flights;                                 /* so far                   */
} fence;

void publish_reset(void)
{
    fence.known = false;
}

bool publish_last(Ctx *cx, i64 *id)
{
    Link *l = link_now();
    Buf why = buf_in(cx->mem, 128);
    JetFacts facts;
    JetEnd end;

    fence.known = false;
    if (l == NULL)
        return fail(cx, BUSY, "NATS is away");
    if (!jet_end(l, &end, &facts, &why))
        return fail(cx, BUSY, "%.*s", STR_ARGS(buf_str(&why)));
    fence.known = true;
    fence.last = end.sequence;
    *id = end.id;
    return true;
}

/* ---- a flight ------------------------------------------------------------------- */

typedef struct Flight {
    Link          *link;
    Str            reply;                         /* its answers' subjects begin so */
    const Message *messages[FLIGHT_MOST];
    Str            subjects[FLIGHT_MOST];
    int            count;
} Flight;

static bool send_all(Ctx *cx, const Flight *f)
{
    for (int i = 0; i < f->count; i++) {
        Str reply = str_fmt(cx->mem, "%.*s%d", STR_ARGS(f->reply), i);
        natsMsg *msg = message_make(cx->mem, f->messages[i], f->subjects[i],
                                    str_z(cx->mem, reply), fence.last + (u64)i);
        must(msg != NULL);
        natsStatus s = natsConnection_PublishMsg(f->link->nc, msg);
        natsMsg_Destroy(msg);
        if (s != NATS_OK)
            return fail(cx, BUSY, "NATS: %s", natsStatus_GetText(s));
    }
    return true;
}

/* Whether a refusal is about one message, and not about the stream or the server. */
static bool is_about_message(i64 status, i64 code)
{
    return status == 400 && code != JSStreamWrongLastSequenceErr &&
           code != JSStreamSealedErr &&
           code != JSAccountResourcesExceededErr && code != JSInsufficientResourcesErr &&
           code != JSNotEnabledErr && code != JSNotEnabledForAccountErr;
}

/* {"stream":"EVENTS","seq":22} or
 * {"error":{"code":400,"err_code":10071,"description":".."}} */
static bool read_answer(Ctx *cx, natsMsg *msg, i64 *sequence)
{
    Str text = { natsMsg_GetData(msg), natsMsg_GetDataLength(msg) }, why = { 0 };
    const Json *answer = text.len > 0 ? json_read(cx->mem, text, &why) : NULL;
    const Json *error = answer != NULL ? json_member(answer, "error") : NULL;
    i64 code = 0, status = 0;

    if (error != NULL && json_kind(error) == J_OBJECT) {
        if (!json_get_str(error, "description", &why))
            why = S("no reason given");
        if (json_get_int(error, "err_code", &code) &&
            code == JSStreamWrongLastSequenceErr) {
            metric_add(METRIC_BUS_REFUSED, 1);
            return fail(cx, BUSY, "another node published meanwhile: %.*s",
                        STR_ARGS(why));
        }
        FaultCode fault = json_get_int(error, "code", &status) &&
                          is_about_message(status, code)
                              ? BAD_REQUEST : BUSY;
        return fail(cx, fault, "NATS refuses a message: %.*s", STR_ARGS(why));
    }
    if (answer == NULL || !json_get_int(answer, "seq", sequence))
        return fail(cx, BUSY, natsMsg_IsNoResponders(msg)
                    ? "no stream takes " STREAM_SUBJECTS
                    : "NATS gave an answer without sequence");
    return true;
}

/* Answers to an earlier flight may still come: they are dropped. */
static bool next_answer(Ctx *cx, const Flight *f, Mono until, natsMsg **msg)
{
    for (;;) {
        natsStatus s = natsSubscription_NextMsg(msg, f->link->answers, LOOK_EVERY_MS);
        if (s == NATS_OK && str_starts(str_of(natsMsg_GetSubject(*msg)), f->reply))
            return true;
        natsMsg_Destroy(*msg);
        *msg = NULL;
        if ((s != NATS_OK && s != NATS_TIMEOUT) || link_now() != f->link ||
            mono_now().ns >= until.ns)
            return fail(cx, BUSY, "no answer from NATS: %s", natsStatus_GetText(s));
    }
}

static bool land(Ctx *cx, const Flight *f)
{
    Mono until = mono_after(mono_now(), (Span){ ANSWER_WITHIN_MS });
    i64 sequence = 0;

    for (int i = 0; i < f->count; i++) {
        natsMsg *msg = NULL;
        bool good = next_answer(cx, f, until, &msg) && read_answer(cx, msg, &sequence);
        natsMsg_Destroy(msg);
        if (!good)
            return false;
        metric_add(METRIC_BUS_PUBLISHED, 1);
    }
    fence.last = (u64)sequence;
    return true;
}

static bool fly(Ctx *cx, Flight *f)
{
    f->reply = str_fmt(cx->mem, "%s.%jd.", f->link->inbox, (intmax_t)++fence.flights);
    return send_all(cx, f) && land(cx, f);
}

/* The next messages that anybody is to hear, up to one that doesn't fit; none when that
 * is the first. */
static isize load(Ctx *cx, Flight *f, const Message *m, isize count)
{
    i64 most = natsConnection_GetMaxPayload(f->link->nc);
    isize i = 0;

    for (; i < count && f->count < FLIGHT_MOST; i++) {
        Str subject = subject_of(cx->mem, &m[i]);
        if (subject.at == NULL)
            continue;
        if (!message_fits(&m[i], most))
            break;
        f->messages[f->count] = &m[i];
        f->subjects[f->count++] = subject;
    }
    return i;
}

static bool send_next(Ctx *cx, const Message *m, isize count, isize *done)
{
    Flight f = { .link = link_now() };

    if (f.link == NULL)
        return fail(cx, BUSY, "NATS is away");
    isize loaded = load(cx, &f, m, count);
    if (loaded == 0)
        return fail(cx, BAD_REQUEST, "%td bytes are more than NATS takes (max_payload)",
                    m->data.len);
    *done += loaded;
    return f.count == 0 || fly(cx, &f);
}

bool publish_all(Ctx *cx, const Message *m, isize count)
{
    i64 last;

    if (!fence.known && !publish_last(cx, &last))
        return false;
    for (isize done = 0; done < count;)
        if (!send_next(cx, m + done, count - done, &done)) {
            fence.known = false;
            return false;
        }
    return true;
}
