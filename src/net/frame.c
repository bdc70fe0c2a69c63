/* frame.c - see frame.h and stream.h. */
#include "net/frame.h"
#include <stdlib.h>
#include <string.h>

/* FNV-1a and a last mix (splitmix64): good low bits for the tables. */
Topic topic_of(Str subject)
{
    u64 h = 14695981039346656037u;

    for (isize i = 0; i < subject.len; i++)
        h = (h ^ (u8)subject.at[i]) * 1099511628211u;
    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
    h = (h ^ h >> 27) * 0x94d049bb133111ebu;
    return (Topic){ h ^ h >> 31 };
}

void frame_write(Buf *b, i64 id, Str event, Str data)
{
    must(str_find(data, '\n') < 0 && str_find(data, '\r') < 0);
    if (id != 0) {
        buf_lit(b, "id: ");
        buf_int(b, id);
        buf_byte(b, '\n');
    }
    buf_lit(b, "event: ");
    buf_add(b, event);
    buf_lit(b, "\ndata: ");
    buf_add(b, data);
    buf_lit(b, "\n\n");
}

Frame *frame_new(i64 id, const Topic *topics, int count, Str wire, int refs)
{
    Frame *f = malloc(sizeof *f + (size_t)wire.len);

    must(f != NULL && count >= 0 && count <= TOPICS_MOST);
    f->refs = refs;
    f->id = id;
    f->last = false;
    f->topic_count = count;
    f->len = wire.len;
    memcpy(f->topics, topics, (size_t)count * sizeof *topics);
    memcpy(f->text, wire.at, (size_t)wire.len);
    return f;
}

void frame_drop(Frame *f)
{
    if (atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) == 1)
        free(f);
}
