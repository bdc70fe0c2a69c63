/* content.c - see content.h. */
#include "events/content.h"
#include "store/store.h"

static const Field content_fields[] = {
    RAW(Content, content, 0,
        "an object of up to 64 KiB: gallery, lineup, schedule, performers"),
};
const Shape content_shape = { "Content", sizeof(Content), content_fields,
                              countof(content_fields) };

SQL(content_read, "SELECT content FROM event WHERE tenant = $1 AND id = $2");
SQL(content_write,
    "UPDATE event SET content = $3, updated_at = $4, version = version + 1"
    " WHERE tenant = $1 AND id = $2 AND deleted_at IS NULL");

bool content_get(Ctx *cx, EventId id, Content *out)
{
    Event e;

    return event_see(cx, id, &e) &&
           sql_get(cx, &content_read, &content_shape, out, V(id.v));
}

bool content_put(Ctx *cx, EventId id, const Content *in)
{
    Event e;

    if (!event_manage(cx, id, &e))
        return false;
    if (in->content.len < 2 || in->content.at[0] != '{')
        return fail_field(cx, S("content"), "must be an object");
    if (in->content.len > CONTENT_MOST)
        return fail_field(cx, S("content"), "must have at most %d bytes", CONTENT_MOST);
    return sql_run(cx, &content_write, NULL, V(id.v), V(in->content), V(cx->now));
}
