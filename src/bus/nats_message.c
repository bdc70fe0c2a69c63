/* nats_message.c - who is told stands in the subject, what happened in the headers, and
 * the data are the message's own bytes, so that a consumer nobody here wrote needs no
 * envelope of ours. Nats-Msg-Id is the outbox id: within its window the server takes
 * the same id once. */
#include "bus/nats.h"
#include <nats/nats.h>

enum { HEADERS_MOST = 1024 };
#define H_ID     "Nats-Msg-Id"
#define H_BEFORE "Nats-Expected-Last-Sequence"
#define H_TYPE   "Type"
#define H_EVENT  "Event"
#define H_AT     "At"
#define H_TRACE  "traceparent"

static Str header(natsMsg *from, const char *name)
{
    const char *value = NULL;

    return natsMsgHeader_Get(from, name, &value) == NATS_OK ? str_of(value) : (Str){ 0 };
}

i64 message_id(natsMsg *from)
{
    i64 id;

    return str_int(header(from, H_ID), &id) && id > 0 ? id : 0;
}

/* "events.<tenant>.<user>" or "events.<tenant>.event.<event>" */
static bool read_subject(Str s, Message *out)
{
    if (!str_is(str_cut(&s, '.'), S("events")) ||
        !uuid_read(str_cut(&s, '.'), &out->tenant.v))
        return false;
    if (!str_starts(s, S("event.")))
        return uuid_read(s, &out->user.v);
    return uuid_read(str_sub(s, 6, s.len), &out->event.v);
}

bool message_read(natsMsg *from, Message *out)
{
    Str event = header(from, H_EVENT);

    *out = (Message){ .id = message_id(from), .type = header(from, H_TYPE),
                      .trace = header(from, H_TRACE),
                      .data = { natsMsg_GetData(from), natsMsg_GetDataLength(from) } };
    return out->id > 0 && out->type.len > 0 && time_read(header(from, H_AT), &out->at)
        && read_subject(str_of(natsMsg_GetSubject(from)), out)
        && (event.at == NULL || uuid_read(event, &out->event.v));
}

static natsStatus set_headers(Arena *mem, natsMsg *to, const Message *m, u64 before)
{
    Buf at = buf_in(mem, 32);

    time_write(&at, m->at);
    natsStatus s = natsMsgHeader_Set(to, H_ID,
                                     str_z(mem, str_fmt(mem, "%jd", (intmax_t)m->id)));
    if (s == NATS_OK)
        s = natsMsgHeader_Set(to, H_BEFORE,
                              str_z(mem, str_fmt(mem, "%ju", (uintmax_t)before)));
    if (s == NATS_OK)
        s = natsMsgHeader_Set(to, H_TYPE, str_z(mem, m->type));
    if (s == NATS_OK)
        s = natsMsgHeader_Set(to, H_AT, str_z(mem, buf_str(&at)));
    if (s == NATS_OK && m->trace.len > 0)
        s = natsMsgHeader_Set(to, H_TRACE, str_z(mem, m->trace));
    if (s == NATS_OK && !uuid_zero(m->event.v))
        s = natsMsgHeader_Set(to, H_EVENT, str_z(mem, uuid_str(mem, m->event.v)));
    return s;
}

bool message_fits(const Message *m, i64 bytes_most)
{
    return m->data.len + HEADERS_MOST <= bytes_most;
}

natsMsg *message_make(Arena *mem, const Message *m, Str subject, const char *reply,
                      u64 before)
{
    natsMsg *to = NULL;

    if (natsMsg_Create(&to, str_z(mem, subject), reply, m->data.at,
                       (int)m->data.len) == NATS_OK &&
        set_headers(mem, to, m, before) == NATS_OK)
        return to;
    natsMsg_Destroy(to);
    return NULL;
}
