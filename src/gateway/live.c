/* live.c - a line break in JSON can only be space between its parts (within a text
 * it is escaped), so a blank in its place changes nothing, and a frame stays one.
 *
 * Who may hear of a venue's sales was asked when the stream began, so when somebody's
 * role there changes his streams end with that news, and what he may hear is asked
 * again. */
#include "gateway/live.h"
#include "gateway/live_watch.h"

void live_frame(Buf *b, i64 id, Str type, Str data)
{
    char *line = make(b->mem, char, data.len + 1);

    for (isize i = 0; i < data.len; i++)
        line[i] = data.at[i] == '\n' || data.at[i] == '\r' ? ' ' : data.at[i];
    frame_write(b, id, type, (Str){ line, data.len });
}

Topic live_topic_user(Arena *mem, TenantId tenant, UserId user)
{
    return topic_of(subject_user(mem, tenant, user));
}

Topic live_topic_event(Arena *mem, TenantId tenant, EventId event)
{
    return topic_of(subject_event(mem, tenant, event));
}

/* What a message says of an event's sales or gate is heard by who watches those. */
static int topics_of(Arena *mem, const Message *m, Str subject, Topic *out)
{
    Watch w = { feed_of(m->type), m->event };

    out[0] = topic_of(subject);
    if (uuid_zero(m->user.v) || uuid_zero(m->event.v) || w.feed == FEED_EVENT)
        return 1;
    out[1] = topic_of_watch(mem, m->tenant, w);
    return 2;
}

void live_hear(const Message *m, void *arg)
{
    Arena own = { 0 };
    Str subject = subject_of(&own, m);
    Buf b = buf_in(&own, 256);

    if (subject.at != NULL) {
        Topic topics[2];
        int count = topics_of(&own, m, subject, topics);
        bool last = str_is(m->type, S("staff.changed"));
        if (last)
            buf_lit(&b, "retry: 1000\n");
        live_frame(&b, m->id, m->type, m->data);
        (last ? stream_publish_last : stream_publish)(arg, m->id, topics, count,
                                                      buf_str(&b));
    }
    arena_close(&own);
}
