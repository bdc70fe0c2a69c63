/* event.c - decided here: an event that tickets were ever on sale for (onSaleAt) is
 * treated as sold, although perhaps nobody bought one. It costs an organiser a
 * cancellation at worst, and saves a look into another room's tables.
 * Why a start only has to lie in the future is told in docs/why/event-times.md. */
#include "events/event.h"
#include "base/json.h"
#include "store/outbox.h"

#define EVENT_COLUMNS                                                        \
    "e.id, e.venue, e.name, e.description, e.timezone, e.starts_at, e.ends_at," \
    " e.doors_open_at, e.sales_start_at, e.sales_end_at, e.status, e.status_reason," \
    " e.published_at, e.on_sale_at, e.created_by, e.created_at, e.updated_at, e.version"

SQL(event_read,
    "SELECT " EVENT_COLUMNS " FROM event e"
    " WHERE e.tenant = $1 AND e.id = $2 AND e.deleted_at IS NULL");

SQL(event_insert,
    "INSERT INTO event (tenant, id, venue, name, description, timezone, starts_at,"
    " ends_at, doors_open_at, sales_start_at, sales_end_at, status, created_by,"
    " created_at, updated_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)");

SQL(event_write,
    "UPDATE event SET venue = $4, name = $5, description = $6, timezone = $7,"
    " starts_at = $8, ends_at = $9, doors_open_at = $10, sales_start_at = $11,"
    " sales_end_at = $12, due_at = $13, updated_at = $14, version = version + 1"
    " WHERE tenant = $1 AND id = $2 AND version = $3 AND deleted_at IS NULL");

SQL(event_set_state,
    "UPDATE event SET status = $4, status_reason = $5, published_at = $6,"
    " on_sale_at = $7, due_at = $8, updated_at = $9, version = version + 1"
    " WHERE tenant = $1 AND id = $2 AND status = $3 AND deleted_at IS NULL");

SQL(event_remember,
    "INSERT INTO event_history (tenant, event, version, at, was, became, action, person,"
    " reason)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");

SQL(event_bury,
    "UPDATE event SET deleted_at = $3, due_at = NULL, updated_at = $3,"
    " version = version + 1"
    " WHERE tenant = $1 AND id = $2 AND deleted_at IS NULL");

/* ---- finding -------------------------------------------------------------- */

bool event_get(Ctx *cx, EventId id, Event *out)
{
    return sql_get(cx, &event_read, &event_shape, out, V(id.v));
}

bool event_see(Ctx *cx, EventId id, Event *out)
{
    bool can = true;

    if (!event_get(cx, id, out))
        return false;
    if (!is_set(out->publishedAt) && !venue_can(cx, out->venueId, EVENT_MANAGE, &can))
        return false;
    return can || fail(cx, NOT_FOUND, "an event that is not published");
}

bool event_manage(Ctx *cx, EventId id, Event *out)
{
    return event_see(cx, id, out) && venue_may(cx, out->venueId, EVENT_MANAGE);
}

/* ---- rules ---------------------------------------------------------------- */

static bool check_times(Ctx *cx, const Event *e, bool start_is_new)
{
    bool good = true;

    if (start_is_new && !before(cx->now, e->startsAt))
        good &= fail_field(cx, S("startsAt"), "must lie in the future");
    if (!before(e->startsAt, e->endsAt))
        good &= fail_field(cx, S("endsAt"), "must be after startsAt");
    if (is_set(e->doorsOpenAt) && before(e->startsAt, e->doorsOpenAt))
        good &= fail_field(cx, S("doorsOpenAt"), "must not be after startsAt");
    if (is_set(e->salesStartAt) && !before(e->salesStartAt, e->endsAt))
        good &= fail_field(cx, S("salesStartAt"), "must be before endsAt");
    if (is_set(e->salesStartAt) && is_set(e->salesEndAt) &&
        !before(e->salesStartAt, e->salesEndAt))
        good &= fail_field(cx, S("salesEndAt"), "must be after salesStartAt");
    return good;
}

static bool check(Ctx *cx, const Event *e, bool start_is_new)
{
    bool good = check_times(cx, e, start_is_new);

    if (str_trim(e->name).len == 0)
        good &= fail_field(cx, S("name"), "must have a character that shows");
    if (!timezone_known(e->timezone))
        good &= fail_field(cx, S("timezone"), "must be an IANA time zone");
    return good;
}

/* The venue takes events, and the asker may make them there. */
static bool check_venue(Ctx *cx, VenueId id, Venue *out)
{
    if (!venue_may(cx, id, EVENT_MANAGE) || !venue_get(cx, id, out))
        return false;
    return out->status == VENUE_ACTIVE || fail(cx, INVALID_STATE, "the venue is closed");
}

/* ---- telling -------------------------------------------------------------- */

static bool tell(Ctx *cx, const Event *e, const char *type)
{
    Buf b = buf_in(cx->mem, 512);

    buf_byte(&b, '{');
    json_put_text(&b, "eventId", uuid_str(cx->mem, e->id.v));
    json_put_text(&b, "venueId", uuid_str(cx->mem, e->venueId.v));
    json_put_text(&b, "name", e->name);
    json_put_text(&b, "status", names_str(&event_states, e->status));
    json_put_name(&b, "startsAt");
    buf_byte(&b, '"');
    time_write(&b, e->startsAt);
    buf_lit(&b, "\"}");
    return outbox_tell(cx, (UserId){ { { 0 } } }, e->id, type, buf_str(&b));
}

/* ---- making and changing -------------------------------------------------- */

bool event_add(Ctx *cx, EventId id, const EventIn *in, Event *out)
{
    Venue venue;
    Event e = { .id = id, .venueId = in->venueId, .name = in->name,
                .description = in->description, .timezone = in->timezone,
                .startsAt = in->startsAt, .endsAt = in->endsAt,
                .doorsOpenAt = in->doorsOpenAt, .salesStartAt = in->salesStartAt,
                .salesEndAt = in->salesEndAt, .status = EVENT_DRAFT,
                .createdBy = cx->who.user, .createdAt = cx->now, .updatedAt = cx->now,
                .version = 1 };

    if (!check_venue(cx, e.venueId, &venue))
        return false;
    if (e.timezone.at == NULL)
        e.timezone = venue.timezone;
    if (!check(cx, &e, true)
        || !sql_run(cx, &event_insert, NULL, V(e.id.v), V(e.venueId.v), V(e.name),
                    V(e.description), V(e.timezone), V(e.startsAt), V(e.endsAt),
                    V(e.doorsOpenAt), V(e.salesStartAt), V(e.salesEndAt),
                    V(names_str(&event_states, e.status)), V(e.createdBy.v),
                    V(e.createdAt))
        || !tell(cx, &e, "event.created"))
        return false;
    *out = e;
    return true;
}

static bool moves_time(const Event *e, const EventChange *c)
{
    return (is_set(c->startsAt) && c->startsAt.ms != e->startsAt.ms) ||
           (is_set(c->endsAt) && c->endsAt.ms != e->endsAt.ms) ||
           (c->timezone.at != NULL && !str_is(c->timezone, e->timezone));
}

static bool moves_place(const Event *e, const EventChange *c)
{
    return !uuid_zero(c->venueId.v) && !uuid_is(c->venueId.v, e->venueId.v);
}

static bool check_latitude(Ctx *cx, const Event *e, const EventChange *c)
{
    EventLatitude l = event_latitude((EventState)e->status, is_set(e->onSaleAt));
    const char *state = event_states.at[e->status];

    if (l == CHANGE_NOTHING)
        return fail(cx, INVALID_STATE, "an event %s does not change any more", state);
    if (l < CHANGE_TIMES && moves_time(e, c))
        return fail(cx, INVALID_STATE, "the time of an event %s stays", state);
    if (l < CHANGE_ALL && moves_place(e, c))
        return fail(cx, INVALID_STATE, "the venue of an event %s stays", state);
    return true;
}

static void apply(Event *e, const EventChange *c)
{
    if (c->name.at != NULL)
        e->name = c->name;
    if (!uuid_zero(c->venueId.v))
        e->venueId = c->venueId;
    if (c->description.at != NULL)
        e->description = c->description;
    if (c->timezone.at != NULL)
        e->timezone = c->timezone;
    if (is_set(c->startsAt))
        e->startsAt = c->startsAt;
    if (is_set(c->endsAt))
        e->endsAt = c->endsAt;
    if (is_set(c->doorsOpenAt))
        e->doorsOpenAt = c->doorsOpenAt;
    if (is_set(c->salesStartAt))
        e->salesStartAt = c->salesStartAt;
    if (is_set(c->salesEndAt))
        e->salesEndAt = c->salesEndAt;
}

static Instant due_at(const Event *e)
{
    EventAction action;
    Instant at;

    return event_due(e, &action, &at) ? at : (Instant){ 0 };
}

static bool write(Ctx *cx, Event *e)
{
    i64 changed = 0;

    if (!sql_run(cx, &event_write, &changed, V(e->id.v), V(e->version), V(e->venueId.v),
                 V(e->name), V(e->description), V(e->timezone), V(e->startsAt),
                 V(e->endsAt), V(e->doorsOpenAt), V(e->salesStartAt), V(e->salesEndAt),
                 V(due_at(e)), V(cx->now)))
        return false;
    if (changed == 0)
        return fail(cx, CONFLICT, "the event changed meanwhile");
    e->updatedAt = cx->now;
    e->version++;
    return true;
}

bool event_change(Ctx *cx, EventId id, const EventChange *change, Event *out)
{
    Event e;
    Venue venue;

    if (!event_manage(cx, id, &e))
        return false;
    if (change->version != 0 && change->version != e.version)
        return fail(cx, CONFLICT, "version %jd, not %jd", (intmax_t)e.version,
                    (intmax_t)change->version);
    bool start_is_new = is_set(change->startsAt) && change->startsAt.ms != e.startsAt.ms;
    if (!check_latitude(cx, &e, change)
        || (moves_place(&e, change) && !check_venue(cx, change->venueId, &venue)))
        return false;
    apply(&e, change);
    if (!check(cx, &e, start_is_new) || !write(cx, &e) || !tell(cx, &e, "event.updated"))
        return false;
    *out = e;
    return true;
}

bool event_delete(Ctx *cx, EventId id)
{
    Event e;

    if (!event_manage(cx, id, &e))
        return false;
    if (e.status != EVENT_DRAFT && (e.status != EVENT_CANCELLED || is_set(e.onSaleAt)))
        return fail(cx, INVALID_STATE, "an event %s is kept", event_states.at[e.status]);
    return sql_run(cx, &event_bury, NULL, V(id.v), V(cx->now)) &&
           tell(cx, &e, "event.deleted");
}

/* ---- moving --------------------------------------------------------------- */

static bool remember(Ctx *cx, const Event *e, EventState was, EventAction action,
                     Str reason)
{
    return sql_run(cx, &event_remember, NULL, V(e->id.v), V(e->version), V(cx->now),
                   V(names_str(&event_states, (int)was)),
                   V(names_str(&event_states, e->status)),
                   V(names_str(&event_actions, (int)action)), V(cx->who.user.v),
                   V(reason));
}

/* A cancelled event is due at once, for the sake of those who hold its tickets. */
static Instant due_after(Ctx *cx, const Event *e)
{
    return e->status == EVENT_CANCELLED && is_set(e->onSaleAt) ? cx->now : due_at(e);
}

bool event_move(Ctx *cx, EventId id, EventAction action, Str reason, Event *out)
{
    Event e;
    EventState to;
    i64 changed = 0;

    if (!event_get(cx, id, &e))
        return false;
    EventState was = (EventState)e.status;
    if (!event_leads(was, action, &to))
        return fail(cx, INVALID_STATE, "%s leads nowhere from %s",
                    event_actions.at[action], event_states.at[was]);
    e.status = (int)to;
    e.statusReason = reason;
    if (to == EVENT_PUBLISHED && !is_set(e.publishedAt))
        e.publishedAt = cx->now;
    if (to == EVENT_ON_SALE && !is_set(e.onSaleAt))
        e.onSaleAt = cx->now;
    e.updatedAt = cx->now;
    e.version++;
    if (!sql_run(cx, &event_set_state, &changed, V(id.v),
                 V(names_str(&event_states, (int)was)),
                 V(names_str(&event_states, e.status)), V(reason), V(e.publishedAt),
                 V(e.onSaleAt), V(due_after(cx, &e)), V(cx->now)))
        return false;
    if (changed == 0)
        return fail(cx, INVALID_STATE, "the event was moved meanwhile");
    if (!remember(cx, &e, was, action, reason) || !tell(cx, &e, event_tells(action)))
        return false;
    if (out != NULL)
        *out = e;
    return true;
}

SQL_ALL(event_unsettled_find,
    "SELECT tenant, id FROM event WHERE due_at <= $1 AND status = 'CANCELLED' LIMIT $2");
SQL(event_settled,
    "UPDATE event SET due_at = NULL WHERE tenant = $1 AND id = $2"
    " AND status = 'CANCELLED'");

static const Shape ref_row = SHAPE(EventRef,
    ID(EventRef, tenant, 0, ""), ID(EventRef, id, 0, ""));

bool event_unsettled(Ctx *cx, i64 most, EventRef **rows, isize *count)
{
    return sql_rows(cx, &event_unsettled_find, &ref_row, rows, count, V(cx->now),
                    V(most));
}

bool event_settle(Ctx *cx, EventId id)
{
    return sql_run(cx, &event_settled, NULL, V(id.v));
}

bool event_act(Ctx *cx, EventId id, EventAction action, Str reason, Event *out)
{
    bool judges = action == DO_APPROVE || action == DO_REJECT;
    bool offers = action == DO_PUBLISH || action == DO_START_SALES ||
                  action == DO_RESUME_SALES || action == DO_RESCHEDULE;
    Event e;

    if (!event_manage(cx, id, &e))
        return false;
    if (judges && cx->who.role < VENUE_MANAGER)
        return fail(cx, FORBIDDEN, "nobody judges his own event");
    if (offers && !before(cx->now, e.startsAt))
        return fail(cx, INVALID_STATE, "its start has passed");
    if (offers && is_set(e.salesEndAt) && !before(cx->now, e.salesEndAt))
        return fail(cx, INVALID_STATE, "its sales have ended");
    return event_move(cx, id, action, reason, out);
}

bool event_due(const Event *e, EventAction *action, Instant *at)
{
    bool pause = e->status == EVENT_ON_SALE && is_set(e->salesEndAt) &&
                 before(e->salesEndAt, e->startsAt);

    *action = pause ? DO_PAUSE_SALES : DO_START_EVENT;
    *at = pause ? e->salesEndAt : e->startsAt;
    switch ((EventState)e->status) {
    case EVENT_PUBLISHED:
        *action = DO_START_SALES;
        *at = e->salesStartAt;
        return is_set(e->salesStartAt);
    case EVENT_ON_SALE:
    case EVENT_SOLD_OUT:
    case EVENT_SALES_PAUSED:
        return true;
    case EVENT_IN_PROGRESS:
        *action = DO_END_EVENT;
        *at = e->endsAt;
        return true;
    default:
        return false;
    }
}

/* ---- listing -------------------------------------------------------------- */

SQL(event_page,
    "SELECT " EVENT_COLUMNS " FROM event e"
    " WHERE e.tenant = $1 AND e.deleted_at IS NULL AND (e.starts_at, e.id) > ($2, $3)"
    " AND (e.published_at IS NOT NULL OR $4 = 1 OR EXISTS (SELECT 1 FROM venue_staff s"
    " WHERE s.tenant = e.tenant AND s.venue = e.venue AND s.person = $5"
    " AND s.role IN ('venue-manager', 'venue-owner')"
    " AND (s.expires_at IS NULL OR s.expires_at > $6)))"
    " AND (e.status = $7 OR $7 = '') AND (e.venue = $8 OR $8 IS NULL) AND e.ends_at > $9"
    " AND ($10 = '' OR lower(e.name) LIKE '%' || lower($10) || '%' ESCAPE '\\')"
    " ORDER BY e.starts_at, e.id LIMIT $11");

/* For LIKE: its own signs stand for themselves. */
static Str literally(Arena *mem, Str s)
{
    Buf b = buf_in(mem, s.len + 8);

    for (isize i = 0; i < s.len; i++) {
        if (s.at[i] == '%' || s.at[i] == '_' || s.at[i] == '\\')
            buf_byte(&b, '\\');
        buf_byte(&b, s.at[i]);
    }
    return buf_str(&b);
}

/* An absent text would be bound as NULL, and nothing equals NULL. */
static Str or_empty(Str s)
{
    return s.at == NULL ? S("") : s;
}

bool event_list(Ctx *cx, const EventFilter *filter, Cursor after, i64 most,
                Event **rows, isize *count)
{
    return sql_rows(cx, &event_page, &event_shape, rows, count, V(after.at),
                    val_blob((Str){ (const char *)after.id.b, 16 }),
                    V(cx->who.role >= VENUE_MANAGER), V(cx->who.user.v), V(cx->now),
                    V(or_empty(filter->status)), V(filter->venue.v), V(filter->from.ms),
                    V(or_empty(literally(cx->mem, filter->search))), V(most));
}
