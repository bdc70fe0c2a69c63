/* nats_stream.c - the stream is made once, by whichever node is first; one that is there
 * already is the operator's and keeps its limits, as long as a bus can live with them.
 *
 * Its age is a little more than the outbox's: a row that is old enough to have left the
 * stream is then surely too old to be told again (relay.c), also when clocks differ.
 *
 * Direct gets go to any replica, and one that is behind would say that there is nothing:
 * so replay asks the stream only where there is one replica. */
#include "bus/nats.h"
#include "base/log.h"
#include <nats/nats.h>
#include <stdatomic.h>
#include <string.h>

enum { DUPLICATES_S = 120, NOT_OURS_MOST = 1000, API_WITHIN_MS = 3000 };
#define AGE_MARGIN minutes(10)
#define NS_OF_MS 1000000

static struct { i64 age_ns, bytes_most; } wanted;

void jet_setup(const BusConfig *config)
{
    wanted.age_ns = (config->kept.ms + AGE_MARGIN.ms) * NS_OF_MS;
    wanted.bytes_most = config->bytes_most;
}

static bool covers(const jsStreamConfig *c)
{
    for (int i = 0; i < c->SubjectsLen; i++)
        if (strcmp(c->Subjects[i], STREAM_SUBJECTS) == 0 ||
            strcmp(c->Subjects[i], ">") == 0)
            return true;
    return false;
}

static bool can_be_used(const jsStreamConfig *c, Buf *why)
{
    const char *wrong = !covers(c) ? "does not cover the subjects " STREAM_SUBJECTS
                      : c->Retention != js_LimitsPolicy
                      ? "does not keep messages by limits"
                      : c->NoAck ? "acknowledges nothing"
                      : c->Sealed ? "is sealed" : NULL;

    if (wrong != NULL)
        buf_fmt(why, "the stream " STREAM_NAME " %s; mend or delete it", wrong);
    return wrong == NULL;
}

static bool read_facts(const jsStreamInfo *si, JetFacts *f, Buf *why)
{
    const jsStreamConfig *c = si->Config;

    *f = (JetFacts){
        .last = si->State.LastSeq, .messages = (i64)si->State.Msgs,
        .created = si->Created, .replays = c->AllowDirect && c->Replicas <= 1 &&
        c->MaxMsgsPerSubject <= 0 };
    return can_be_used(c, why);
}

bool jet_look_only(Link *l, JetFacts *facts, Buf *why)
{
    jsOptions o;
    jsStreamInfo *si = NULL;
    jsErrCode code = 0;

    jsOptions_Init(&o);
    o.Wait = API_WITHIN_MS;
    natsStatus s = js_GetStreamInfo(&si, l->js, STREAM_NAME, &o, &code);
    if (s != NATS_OK) {
        if (s == NATS_NOT_FOUND || code == JSStreamNotFoundErr)
            buf_fmt(why, "there is no stream " STREAM_NAME " yet");
        else
            link_why(why, "JetStream does not answer", s);
        return false;
    }
    bool good = read_facts(si, facts, why);
    jsStreamInfo_Destroy(si);
    return good;
}

static void tell_limits(const jsStreamConfig *c, bool made)
{
    log_info(made ? "made the stream " STREAM_NAME
                  : "the stream " STREAM_NAME " has limits of its own",
             L("age_s", c->MaxAge / NS_OF_MS / 1000), L("bytes", c->MaxBytes),
             L("messages", c->MaxMsgs), L("replicas", c->Replicas),
             L("duplicates_s", c->Duplicates / NS_OF_MS / 1000),
             L("direct", c->AllowDirect ? "yes" : "no"));
}

static bool is_as_wanted(const jsStreamConfig *c)
{
    return c->MaxAge == wanted.age_ns && c->MaxBytes == wanted.bytes_most &&
           c->MaxMsgs <= 0 &&
           c->Discard == js_DiscardOld && c->Replicas == 1 && c->AllowDirect &&
           c->Duplicates == (i64)DUPLICATES_S * 1000 * NS_OF_MS;
}

static natsStatus add(Link *l, jsStreamInfo **si, jsErrCode *code)
{
    const char *subjects[] = { STREAM_SUBJECTS };
    jsStreamConfig c;
    jsOptions o;

    jsOptions_Init(&o);
    o.Wait = API_WITHIN_MS;
    jsStreamConfig_Init(&c);
    c.Name = STREAM_NAME;
    c.Description = "TicketToken: what happened, as the outbox tells it";
    c.Subjects = subjects;
    c.SubjectsLen = 1;
    c.Storage = js_FileStorage;
    c.MaxAge = wanted.age_ns;
    c.MaxBytes = wanted.bytes_most;
    c.Discard = js_DiscardOld;
    c.Duplicates = (i64)DUPLICATES_S * 1000 * NS_OF_MS;
    c.Replicas = 1;
    c.AllowDirect = true;
    return js_AddStream(si, l->js, &c, &o, code);
}

/* Another node may make it at the same moment; with other settings that node's hold. */
static bool look_or_make(Link *l, jsStreamInfo **si, Buf *why)
{
    jsErrCode code = 0;
    jsOptions o;

    jsOptions_Init(&o);
    o.Wait = API_WITHIN_MS;
    natsStatus s = js_GetStreamInfo(si, l->js, STREAM_NAME, &o, &code);
    if (s == NATS_NOT_FOUND || code == JSStreamNotFoundErr) {
        s = add(l, si, &code);
        if (s == NATS_OK)
            tell_limits((*si)->Config, true);
        else if (code == JSStreamNameExistErr)
            s = js_GetStreamInfo(si, l->js, STREAM_NAME, &o, &code);
    }
    if (s == NATS_OK)
        return true;
    link_why(why, "JetStream gives no stream " STREAM_NAME, s);
    if (code == JSStorageResourcesExceededErr || code == JSInsufficientResourcesErr)
        buf_lit(why, "; lower NATS_MAX_BYTES or give the server more max_file_store");
    return false;
}

bool jet_look(Link *l, JetFacts *facts, Buf *why)
{
    static _Atomic bool told;                     /* once is enough           */
    jsStreamInfo *si = NULL;

    if (!look_or_make(l, &si, why))
        return false;
    if (!atomic_exchange(&told, true) && !is_as_wanted(si->Config))
        tell_limits(si->Config, false);
    bool good = read_facts(si, facts, why);
    jsStreamInfo_Destroy(si);
    return good;
}

/* ---- the end ----------------------------------------------------------------- */

/* The newest message of ours at or before `from`: others may have published here, too. */
static natsStatus find_ours(Link *l, u64 from, i64 *id)
{
    natsStatus s = NATS_NOT_FOUND;

    for (u64 at = from; at > 0 && from - at < NOT_OURS_MOST && *id == 0; at--) {
        natsMsg *msg = NULL;
        s = js_GetMsg(&msg, l->js, STREAM_NAME, at, NULL, NULL);
        if (s == NATS_OK)
            *id = message_id(msg);
        natsMsg_Destroy(msg);
        if (s != NATS_OK && s != NATS_NOT_FOUND)
            return s;
    }
    return *id > 0 ? NATS_OK : NATS_NOT_FOUND;
}

/* The sequence is asked first: if somebody publishes meanwhile it is too small, and
 * what is published after it is refused. */
bool jet_end(Link *l, JetEnd *end, JetFacts *facts, Buf *why)
{
    natsMsg *msg = NULL;

    if (!jet_look(l, facts, why))
        return false;
    *end = (JetEnd){ .sequence = facts->last };
    if (facts->messages == 0)
        return true;
    natsStatus s = js_GetLastMsg(&msg, l->js, STREAM_NAME, STREAM_SUBJECTS, NULL, NULL);
    if (s == NATS_OK) {
        end->id = message_id(msg);
        if (end->id == 0)
            s = find_ours(l, (u64)natsMsg_GetSequence(msg), &end->id);
    }
    natsMsg_Destroy(msg);
    if (s == NATS_OK)
        return true;
    link_why(why, "the last message of " STREAM_NAME " can't be read", s);
    return false;
}
