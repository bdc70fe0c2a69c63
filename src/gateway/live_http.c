/* live_http.c - `connected` carries an id, so that a browser which lost its connection
 * before anything happened still knows from where to resume. Who has missed nothing gets
 * the newest: if a quiet listener kept the id of his last event, the retention would
 * pass it by, and he would be told of a gap in what he has heard whole.
 *
 * What was missed goes out in pages, each made when the one before has been written.
 * Until the last of them is, the browser is told to come again soon: it would go on from
 * where it was cut off, and has no reason to wait. */
#include "gateway/live_http.h"
#include "base/json.h"
#include "gateway/gateway.h"
#include "gateway/live.h"
#include "gateway/live_missed.h"
#include "identity/revoked.h"
#include <string.h>

bool live_token(Ctx *cx, Req *rq)
{
    StreamToken out;

    return live_pass_make(cx, &out) && reply(cx, rq, 200, &stream_token_shape, &out);
}

/* ---- what is asked for ---------------------------------------------------- */

/* For the documentation: live_pass.c, live_watch.c and read_last read it. */
typedef struct StreamQuery { Str token, topics, lastEventId; } StreamQuery;
const Shape stream_query_shape = SHAPE(StreamQuery,
    TEXT(StreamQuery, token, 0, 0, OPTIONAL,
         "of POST /events/token, where no header can be sent"),
    TEXT(StreamQuery, topics, 0, 0, OPTIONAL,
         "of event:ID, sales:ID, gate:ID up to seven, with commas between"),
    TEXT(StreamQuery, lastEventId, 0, 0, OPTIONAL,
         "as the header, where none can be sent"));

/* An id that another server gave, before this one took its place: what came after it
 * can't be known, which is a gap like any other. */
#define ID_OF_ANOTHER INT64_MAX

static bool read_id(Str text, i64 *last)
{
    return str_int(text, last) && *last >= 0 && *last < ID_OF_ANOTHER;
}

/* The header is what a browser sends by itself, so it wins; and it can't do better, nor
 * comes it again after a refusal. */
static bool read_last(Ctx *cx, const Req *rq, i64 *last)
{
    Str header = req_header(rq, S("last-event-id")),
        query = header.len == 0 ? req_query(cx, rq, S("lastEventId")) : (Str){ 0 };

    *last = NO_LAST_ID;
    if (header.len > 0 && !read_id(header, last))
        *last = ID_OF_ANOTHER;
    if (query.len > 0 && !read_id(query, last))
        return fail_field(cx, S("lastEventId"), "must be an id that this stream gave");
    return true;
}

static bool is_over(const Listener *l)
{
    return revoked_judge(l->tenant, l->session, l->session, l->person,
                         l->epoch) != NOT_REVOKED;
}

static void fill_wish(Ctx *cx, const Watches *w, StreamWish *wish)
{
    wish->owner_most = gateway_config()->streams_per_user;
    wish->over = is_over;
    wish->of = (Listener){ cx->tenant.v, cx->who.session, cx->who.user.v, cx->who.epoch };
    wish->owner = live_topic_user(cx->mem, cx->tenant, cx->who.user);
    wish->topics[wish->count++] = wish->owner;
    for (int i = 0; i < w->count; i++)
        wish->topics[wish->count++] = topic_of_watch(cx->mem, cx->tenant, w->at[i]);
    if (is_set(w->until))
        wish->lasts = (Span){ w->until.ms - cx->now.ms };
}

/* ---- what is sent first --------------------------------------------------- */

typedef struct Paging { TenantId tenant; UserId user; Watches watches; i64 last; } Paging;
_Static_assert(sizeof(Paging) <= PAGING_MOST, "a stream's paging has no room");

static const Str come_soon = S("retry: 1000\n\n"), come_later = S("retry: 30000\n\n");

static void write_connected(Ctx *cx, Buf *b, i64 id)
{
    Buf data = buf_in(cx->mem, 128);

    buf_byte(&data, '{');
    json_put_text(&data, "clientId", uuid_str(cx->mem, uuid_new(cx->now)));
    json_put_name(&data, "timestamp");
    buf_byte(&data, '"');
    time_write(&data, cx->now);
    buf_lit(&data, "\"}");
    if (id == 0)                                  /* nothing yet: resume from the first */
        buf_lit(b, "id: 0\n");
    live_frame(b, id, S("connected"), buf_str(&data));
}

/* After a gap nothing is replayed: the page is to look anew at what it shows. */
static void write_missed(Ctx *cx, Buf *b, i64 last, const Missed *m)
{
    if (m->gap) {
        Str said = last == ID_OF_ANOTHER ? S("null")
                                         : str_fmt(cx->mem, "%jd", (intmax_t)last);
        live_frame(b, m->seam, S("gap"),
                   str_fmt(cx->mem, "{\"lastEventId\":%.*s,\"oldestId\":%jd}",
                           STR_ARGS(said), (intmax_t)m->oldest));
        return;
    }
    for (isize i = 0; i < m->count; i++)
        live_frame(b, m->rows[i].id, m->rows[i].type, m->rows[i].data);
}

static bool next_page(Ctx *cx, StreamWish *wish);

/* Says how the stream goes on after this page. */
static void go_on(const Missed *m, Paging *p, StreamWish *wish)
{
    bool more = m->more && !m->gap;

    wish->page = more ? next_page : NULL;
    if (more) {
        p->last = m->rows[m->count - 1].id;
        memcpy(wish->paging, p, sizeof *p);
        return;
    }
    /* Who is ahead of the seam heard a frame of another node, or one not noted yet. */
    wish->after = !m->gap && p->last > m->seam ? p->last : m->seam;
}

static bool next_page(Ctx *cx, StreamWish *wish)
{
    Buf b = buf_in(cx->mem, 64 << 10);
    Missed m;
    Paging p;

    memcpy(&p, wish->paging, sizeof p);
    cx->tenant = p.tenant;
    cx->who.user = p.user;
    if (is_over(&wish->of) || !missed_find(cx, &p.watches, p.last, &m))
        return false;
    write_missed(cx, &b, p.last, &m);
    go_on(&m, &p, wish);
    if (wish->page == NULL)
        buf_add(&b, come_later);
    wish->first = buf_str(&b);
    return true;
}

/* From where a browser resumes that hears no more than `connected`. */
static i64 where_it_is(i64 last, const Missed *m)
{
    bool none = m->count == 0 && last < m->seam;

    return last == NO_LAST_ID || m->gap || none ? m->seam : last;
}

static bool first_page(Ctx *cx, const Watches *w, i64 last, StreamWish *wish)
{
    Paging p = { cx->tenant, cx->who.user, *w, last };
    Buf b = buf_in(cx->mem, 1024);
    Missed m;

    if (!missed_find(cx, w, last, &m))
        return false;
    go_on(&m, &p, wish);
    buf_add(&b, wish->page != NULL ? come_soon : come_later);
    write_connected(cx, &b, where_it_is(last, &m));
    write_missed(cx, &b, last, &m);
    wish->first = buf_str(&b);
    return true;
}

bool live_stream(Ctx *cx, Req *rq)
{
    StreamWish wish = { 0 };
    Watches w;
    i64 last;

    if (!live_pass_check(cx, rq) || !watches_read(cx, rq, &w) ||
        !read_last(cx, rq, &last) ||
        !watches_check(cx, &w) || !first_page(cx, &w, last, &wish))
        return false;
    fill_wish(cx, &w, &wish);
    return reply_stream(cx, rq, &wish);
}
