/* live.c - a line break in JSON can only be space between its parts (within a text
 * it is escaped), so a blank in its place changes nothing, and a frame stays one. */
#include "gateway/live.h"

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

void live_hear(const Message *m, void *arg)
{
    Arena own = { 0 };
    Str subject = subject_of(&own, m);
    Buf b = buf_in(&own, 256);

    if (subject.at != NULL) {
        Topic topic = topic_of(subject);
        live_frame(&b, m->id, m->type, m->data);
        stream_publish(arg, m->id, &topic, 1, buf_str(&b));
    }
    arena_close(&own);
}
