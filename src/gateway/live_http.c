/* live_http.c - the seam between replay and live is one number: the last id that this
 * node's bus has told, bus_heard(). It is read first. What has an id up to it was
 * committed before it was told: it is in the outbox (and, with a bus that keeps
 * messages, in what it keeps), and comes from there. What has a larger id will be told
 * after it, because ids rise, and comes as a frame. So nothing falls between and
 * nothing comes twice, however far the relay is behind the outbox, or this node behind
 * others. Who has heard more on another node has a last id ahead of the seam: nothing
 * is replayed, and frames up to that id are left out.
 *
 * Before anything was told the seam is where telling begins: after the newest row of
 * the outbox, or after the last message that the bus keeps; and until that is known,
 * no stream begins.
 *
 * What was missed comes from a bus that keeps messages, which spares the database a
 * crowd that reconnects. Where it can't surely say, the outbox does; and the outbox
 * alone says that a gap is too old.
 *
 * `connected` carries an id, so that a browser which lost its connection before
 * anything happened still knows from where to resume. */
#include "gateway/live_http.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/rand.h"
#include "gateway/gateway.h"
#include "gateway/live.h"
#include "gateway/relay.h"
#include "identity/revoked.h"
#include "kv/kv.h"
#include "store/outbox.h"
#include <string.h>

static const Field token_fields[] = {
    TEXT(StreamToken, token, 1, 100, 0, "for ?token= of the stream; works once"),
    NUMBER(StreamToken, expiresIn, 1, 3600, 0, 0, "seconds"),
};
const Shape stream_token_shape = { "StreamToken", sizeof(StreamToken), token_fields,
                                   countof(token_fields) };

/* ---- tokens --------------------------------------------------------------- */

/* What a token stands for, as the kv keeps it (within this process's version). */
typedef struct Grant { TenantId tenant; UserId user; Uuid session; u32 role; } Grant;

/* The kv knows only the hash, so its snapshot opens nothing. */
static Key key_of(Ctx *cx, Str token)
{
    Digest d = sha256(token);

    return kv_key_global(cx, "stream-token", hex_write(cx->mem, d.b, SHA256_BYTES));
}

bool live_token(Ctx *cx, Req *rq)
{
    u8 random[32];
    Grant g = { cx->tenant, cx->who.user, cx->who.session, (u32)cx->who.role };
    StreamToken out = { .expiresIn = STREAM_TOKEN_LASTS };

    rand_bytes(random, sizeof random);
    out.token = base64url_write(cx->mem, random, sizeof random);
    return kv_put(cx, key_of(cx, out.token), (Str){ (const char *)&g, sizeof g },
                  seconds(STREAM_TOKEN_LASTS))
        && reply(cx, rq, 200, &stream_token_shape, &out);
}

/* A bearer was read by the guard already; else the token says who it is. */
static bool sign_in(Ctx *cx, const Req *rq)
{
    Str token = req_query(cx, rq, S("token")), value;
    bool found;
    Grant g;

    if (!uuid_zero(cx->who.user.v))
        return true;
    if (token.len == 0)
        return fail(cx, UNAUTHORIZED, "neither bearer nor stream token");
    if (!kv_take(cx, key_of(cx, token), &value, &found))
        return false;
    if (!found || value.len != sizeof g)
        return fail(cx, UNAUTHORIZED, "no such stream token, or it was used");
    memcpy(&g, value.at, sizeof g);
    if (revoked_has(g.session))
        return fail(cx, UNAUTHORIZED, "its session has ended");
    cx->tenant = g.tenant;
    cx->who = (Who){ .user = g.user, .role = (Role)g.role, .session = g.session };
    return true;
}

/* ---- what is asked for ---------------------------------------------------- */

typedef struct Asked {
    EventId events[STREAM_EVENTS_MOST];
    int     count;
    bool    resumes;                              /* a last id was given      */
    i64     last;
} Asked;

/* A topic that is named twice is heard once. */
static void add_event(Asked *a, EventId id)
{
    for (int i = 0; i < a->count; i++)
        if (uuid_is(a->events[i].v, id.v))
            return;
    a->events[a->count++] = id;
}

static bool read_topics(Ctx *cx, const Req *rq, Asked *a)
{
    Str list = req_query(cx, rq, S("topics"));

    while (list.len > 0) {
        Str one = str_cut(&list, ',');
        EventId id;
        if (!str_starts(one, S("event:")))
            return fail_field(cx, S("topics"), "must be like event:ID,event:ID");
        if (a->count == STREAM_EVENTS_MOST)
            return fail_field(cx, S("topics"), "must be at most %d", STREAM_EVENTS_MOST);
        if (!uuid_read(str_sub(one, 6, one.len), &id.v))
            return fail_field(cx, S("topics"), "must hold UUIDs");
        add_event(a, id);
    }
    return true;
}

/* The header is what a browser sends by itself, so it wins. */
static bool read_last(Ctx *cx, const Req *rq, Asked *a)
{
    Str last = req_header(rq, S("last-event-id"));

    if (last.len == 0)
        last = req_query(cx, rq, S("lastEventId"));
    a->resumes = last.len > 0;
    if (a->resumes && (!str_int(last, &a->last) || a->last < 0))
        return fail_field(cx, S("lastEventId"), "must be an id that this stream gave");
    return true;
}

SQL(live_watchable,
    "SELECT count(*) FROM event WHERE tenant = $1 AND id = $2 AND deleted_at IS NULL"
    " AND (published_at IS NOT NULL OR $3 = 1)");

static bool check_events(Ctx *cx, void *arg)
{
    const Asked *a = arg;
    i64 n;

    for (int i = 0; i < a->count; i++) {
        if (!sql_int(cx, &live_watchable, &n, V(a->events[i].v),
                     V(cx->who.role >= VENUE_MANAGER)))
            return false;
        if (n == 0)
            return fail(cx, NOT_FOUND, "topic %d", i);
    }
    return true;
}

/* ---- what is sent first --------------------------------------------------- */

typedef struct Missed {
    i64      seam;                                /* rows up to it, frames after it */
    Message *rows;
    isize    count;
    i64      oldest;
    bool     gap;
} Missed;

/* Not whether a gap is too old, nor about an id that this node has not heard of. */
static bool ask_bus(Ctx *cx, const Asked *a, Missed *m)
{
    BusWish w = { .after = a->last, .upto = m->seam, .most = REPLAY_MOST + 1 };

    if (!a->resumes || a->last > m->seam || !bus_keeps())
        return false;
    w.subjects[w.count++] = subject_user(cx->mem, cx->tenant, cx->who.user);
    for (int i = 0; i < a->count; i++)
        w.subjects[w.count++] = subject_event(cx->mem, cx->tenant, a->events[i]);
    return bus_replay(cx, &w, &m->rows, &m->count) && m->count <= REPLAY_MOST;
}

/* A gap: rows after the last id are gone, or too many, or the id is none of ours. Rows
 * after the seam are not missed: while the bus is away there may be thousands. */
static bool ask_outbox(Ctx *cx, const Asked *a, Missed *m)
{
    i64 after = a->resumes ? a->last : INT64_MAX, newest;
    Tiding *rows;
    isize count;

    if (!outbox_replay(cx, cx->who.user, a->events, a->count, after, REPLAY_MOST + 1, &rows,
                       &count, &m->oldest, &newest))
        return false;
    while (count > 0 && rows[count - 1].id > m->seam)
        count--;
    m->gap = a->resumes && (a->last > newest || a->last + 1 < m->oldest || count > REPLAY_MOST);
    m->rows = make(cx->mem, Message, count + 1);
    for (isize i = 0; i < count; i++)
        m->rows[i] = relay_message(&rows[i]);
    m->count = count;
    return true;
}

static bool find_missed(Ctx *cx, const Asked *a, Missed *m)
{
    m->seam = bus_heard();
    if (m->seam < 0)                              /* the sockets open a moment earlier */
        return fail(cx, BUSY, "the bus has not begun");
    return ask_bus(cx, a, m) || ask_outbox(cx, a, m);
}

static void write_connected(Ctx *cx, Buf *b, i64 id)
{
    Buf data = buf_in(cx->mem, 128);

    buf_byte(&data, '{');
    json_put_name(&data, "clientId");
    json_put_str(&data, uuid_str(cx->mem, uuid_new(cx->now)));
    json_put_name(&data, "timestamp");
    buf_byte(&data, '"');
    time_write(&data, cx->now);
    buf_lit(&data, "\"}");
    if (id == 0)                                  /* nothing yet: resume from the first */
        buf_lit(b, "id: 0\n");
    live_frame(b, id, S("connected"), buf_str(&data));
}

static Str first_frames(Ctx *cx, const Asked *a, const Missed *m)
{
    Buf b = buf_in(cx->mem, 1024);

    buf_lit(&b, "retry: 30000\n\n");
    write_connected(cx, &b, a->resumes && !m->gap ? a->last : m->seam);
    if (m->gap)
        live_frame(&b, 0, S("gap"),
                   str_fmt(cx->mem, "{\"lastEventId\":%jd,\"oldestId\":%jd}",
                           (intmax_t)a->last, (intmax_t)m->oldest));
    for (isize i = 0; !m->gap && i < m->count; i++)
        live_frame(&b, m->rows[i].id, m->rows[i].type, m->rows[i].data);
    return buf_str(&b);
}

bool live_stream(Ctx *cx, Req *rq)
{
    StreamWish wish = { .owner_most = gateway_streams_per_user(), .over = revoked_has };
    Asked a = { 0 };
    Missed m = { 0 };

    if (!sign_in(cx, rq) || !read_topics(cx, rq, &a) || !read_last(cx, rq, &a) ||
        !read_tx(cx, check_events, &a) || !find_missed(cx, &a, &m))
        return false;
    wish.of = cx->who.session;
    wish.owner = live_topic_user(cx->mem, cx->tenant, cx->who.user);
    wish.topics[wish.count++] = wish.owner;
    for (int i = 0; i < a.count; i++)
        wish.topics[wish.count++] = live_topic_event(cx->mem, cx->tenant, a.events[i]);
    wish.first = first_frames(cx, &a, &m);
    /* Who is ahead of the seam heard a frame of another node, or one not noted yet. */
    wish.after = a.resumes && !m.gap && a.last > m.seam ? a.last : m.seam;
    return reply_stream(cx, rq, &wish);
}
