/* live_watch.c - the role at the venue is read as the number that permission.h ranks it
 * by, because the nouns of the events room are not ours to include. */
#include "gateway/live_watch.h"
#include "bus/bus.h"
#include "identity/permission.h"

static const char *const feed_texts[FEEDS] = { "event", "sales", "gate" };
static const Names feed_names = { feed_texts, FEEDS };

static const Permission behind[FEEDS] = {
    [FEED_SALES] = REPORTS_DAILY, [FEED_GATE] = TICKETS_VALIDATE,
};

static void add(Watches *w, Watch one)
{
    for (int i = 0; i < w->count; i++)
        if (w->at[i].feed == one.feed && uuid_is(w->at[i].event.v, one.event.v))
            return;
    w->at[w->count++] = one;
}

bool watches_read(Ctx *cx, const Req *rq, Watches *w)
{
    Str list = req_query(cx, rq, S("topics"));

    *w = (Watches){ 0 };
    while (list.len > 0) {
        Str id = str_cut(&list, ','), word = str_cut(&id, ':');
        int feed = names_find(&feed_names, word);
        Watch one;
        if (feed < 0 || id.at == NULL)
            return fail_field(cx, S("topics"), "must be like event:ID,sales:ID,gate:ID");
        if (w->count == WATCHES_MOST)
            return fail_field(cx, S("topics"), "must be at most %d", WATCHES_MOST);
        one.feed = (Feed)feed;
        if (!uuid_read(id, &one.event.v))
            return fail_field(cx, S("topics"), "must hold UUIDs");
        add(w, one);
    }
    return true;
}

bool watches_any_feed(const Watches *w)
{
    for (int i = 0; i < w->count; i++)
        if (w->at[i].feed != FEED_EVENT)
            return true;
    return false;
}

/* ---- who may ---------------------------------------------------------------- */

SQL(live_watchable,
    "SELECT count(*) FROM event WHERE tenant = $1 AND id = $2 AND deleted_at IS NULL"
    " AND (published_at IS NOT NULL OR $3 = 1)");

SQL(live_rank,
    "SELECT CASE s.role WHEN 'door-staff' THEN 1 WHEN 'box-office' THEN 2"
    " WHEN 'venue-manager' THEN 3 WHEN 'venue-owner' THEN 4 ELSE 0 END, s.expires_at"
    " FROM event e LEFT JOIN venue_staff s ON s.tenant = e.tenant AND s.venue = e.venue"
    " AND s.person = $3 AND (s.expires_at IS NULL OR s.expires_at > $4)"
    " WHERE e.tenant = $1 AND e.id = $2 AND e.deleted_at IS NULL");
_Static_assert(AT_NONE == 0 && AT_DOOR == 1 && AT_BOX_OFFICE == 2 && AT_MANAGER == 3 &&
               AT_OWNER == 4, "live_rank");

typedef struct { i64 rank; Instant until; } Rank;
static const Shape standing_row = SHAPE(Rank, NUMBER(Rank, rank, 0, AT_OWNER, 0, 0, ""),
                                        TIME(Rank, until, OPTIONAL, ""));

/* Managers of the tenant act at each venue as its owner. */
static bool check_feed(Ctx *cx, Watches *w, Watch one)
{
    bool manager = cx->who.role >= VENUE_MANAGER;
    Rank s;

    if (!sql_get(cx, &live_rank, &standing_row, &s, V(one.event.v), V(cx->who.user.v),
                 V(cx->now)))
        return false;
    if (!permission_held(manager ? AT_OWNER : (VenueRank)s.rank, behind[one.feed]))
        return fail(cx, FORBIDDEN, "no right at this venue");
    if (!manager && is_set(s.until) && (!is_set(w->until) || before(s.until, w->until)))
        w->until = s.until;
    return true;
}

static bool check_event(Ctx *cx, Watch one)
{
    i64 n;

    if (!sql_int(cx, &live_watchable, &n, V(one.event.v),
                 V(cx->who.role >= VENUE_MANAGER)))
        return false;
    return n > 0 || fail(cx, NOT_FOUND, "an event that is not there for him");
}

static bool check(Ctx *cx, void *arg)
{
    Watches *w = arg;

    w->until = (Instant){ 0 };
    for (int i = 0; i < w->count; i++)
        if (!(w->at[i].feed == FEED_EVENT ? check_event(cx, w->at[i])
                                          : check_feed(cx, w, w->at[i])))
            return false;
    return true;
}

bool watches_check(Ctx *cx, Watches *w)
{
    return w->count == 0 || read_tx(cx, check, w);
}

Topic topic_of_watch(Arena *mem, TenantId tenant, Watch w)
{
    if (w.feed == FEED_EVENT)
        return topic_of(subject_event(mem, tenant, w.event));
    return topic_of(str_fmt(mem, "%s.%.*s.%.*s", feed_texts[w.feed],
                            STR_ARGS(uuid_str(mem, tenant.v)),
                            STR_ARGS(uuid_str(mem, w.event.v))));
}
