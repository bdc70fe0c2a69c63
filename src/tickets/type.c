/* type.c - see type.h. Quantity may shrink only to what is held, sold and blocked:
 * the UPDATE moves `available` by the same amount, and the table's CHECK refuses
 * what would make it negative. */
#include "tickets/type.h"
#include "events/event.h"
#include "tickets/hold.h"
#include "tickets/stock.h"

enum { TYPES_MOST = 200, PRICE_MOST = 100000000, QUANTITY_MOST = 1000000,
       MOST_AT_ONCE = HOLD_COUNT_MOST };

const Shape type_new_shape = SHAPE(TicketType,
    ID(TicketType, eventId, 0, "The event"),
    TEXT(TicketType, name, 1, 100, 0, "Such as General admission; unique in the event"),
    TEXT(TicketType, description, 0, 500, OPTIONAL, "For buyers"),
    NUMBER(TicketType, priceCents, 0, PRICE_MOST, 0, 0, "Minor units of the currency"),
    TEXT(TicketType, currency, 3, 3, 0, "ISO 4217, upper case"),
    NUMBER(TicketType, quantity, 1, QUANTITY_MOST, 0, 0, "How many there are"),
    NUMBER(TicketType, maxPerPurchase, 1, MOST_AT_ONCE, MOST_AT_ONCE, OPTIONAL,
           "At once for one buyer; 10"),
    TIME(TicketType, saleStartDate, OPTIONAL, "Not sold before"),
    TIME(TicketType, saleEndDate, OPTIONAL, "Not sold from then on"));

const Shape type_shape = SHAPE(TicketType,
    ID(TicketType, id, 0, "The type"),
    ID(TicketType, eventId, 0, "The event"),
    TEXT(TicketType, name, 1, 100, 0, "Its name"),
    TEXT(TicketType, description, 0, 500, OPTIONAL, "For buyers"),
    NUMBER(TicketType, priceCents, 0, PRICE_MOST, 0, 0, "Minor units"),
    TEXT(TicketType, currency, 3, 3, 0, "ISO 4217"),
    NUMBER(TicketType, quantity, 0, QUANTITY_MOST, 0, 0,
           "available + held + sold + blocked"),
    NUMBER(TicketType, available, 0, QUANTITY_MOST, 0, 0, "Can be had now"),
    NUMBER(TicketType, held, 0, QUANTITY_MOST, 0, 0, "In reservations"),
    NUMBER(TicketType, sold, 0, QUANTITY_MOST, 0, 0, "Paid"),
    NUMBER(TicketType, blocked, 0, QUANTITY_MOST, 0, 0, "Kept back by the organiser"),
    NUMBER(TicketType, maxPerPurchase, 1, MOST_AT_ONCE, 0, 0, "At once for one buyer"),
    TIME(TicketType, saleStartDate, OPTIONAL, "Not sold before"),
    TIME(TicketType, saleEndDate, OPTIONAL, "Not sold from then on"),
    BOOL(TicketType, isActive, 0, "Offered at all"),
    TIME(TicketType, createdAt, 0, "Made then"),
    TIME(TicketType, updatedAt, 0, "Changed last"),
    NUMBER(TicketType, version, 0, INT64_MAX, 0, 0, "Rises with each change"));

const Shape type_answer_shape = SHAPE(TypeAnswer,
    OBJECT(TypeAnswer, ticketType, &type_shape, 0, "The ticket type"));

const Shape type_change_shape = SHAPE(TypeChange,
    TEXT(TypeChange, name, 1, 100, OPTIONAL, "New name"),
    TEXT(TypeChange, description, 0, 500, OPTIONAL, "New text"),
    NUMBER(TypeChange, priceCents, 0, PRICE_MOST, -1, OPTIONAL, "For later buyers"),
    NUMBER(TypeChange, quantity, 1, QUANTITY_MOST, -1, OPTIONAL,
           "Not below what is held and sold"),
    NUMBER(TypeChange, maxPerPurchase, 1, MOST_AT_ONCE, -1, OPTIONAL,
           "At once for one buyer"),
    TIME(TypeChange, saleStartDate, OPTIONAL, "Not sold before"),
    TIME(TypeChange, saleEndDate, OPTIONAL, "Not sold from then on"),
    MAYBE(TypeChange, isActive, "Whether it is offered at all"),
    NUMBER(TypeChange, version, 0, INT64_MAX, -1, OPTIONAL,
           "Refuse when it has changed since"));

#define TYPE_COLUMNS "id, event, name, description, price_cents, currency, quantity, available, held," \
                     " sold, blocked, most, sale_start, sale_end, active, created_at, updated_at, version"

SQL(type_write,
    "INSERT INTO ticket_type (tenant, id, event, name, description, price_cents,"
    " currency, quantity, available, most, sale_start, sale_end, created_at, updated_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11, $12, $12)"
    " ON CONFLICT DO NOTHING RETURNING " TYPE_COLUMNS);
SQL(type_find, "SELECT " TYPE_COLUMNS " FROM ticket_type WHERE tenant = $1 AND id = $2");
SQL(type_by_event,
    "SELECT " TYPE_COLUMNS " FROM ticket_type WHERE tenant = $1 AND event = $2 AND active"
    " ORDER BY price_cents, name LIMIT 200");
SQL(type_set,
    "UPDATE ticket_type SET name = coalesce($3, name), description = coalesce($4,"
    " description), price_cents = CASE WHEN $5 < CAST(0 AS bigint)"
    " THEN price_cents ELSE $5 END, available = CASE WHEN $6 < 0"
    " THEN available ELSE available + $6 - quantity END,"
    " quantity = CASE WHEN $6 < 0 THEN quantity ELSE $6 END,"
    " most = CASE WHEN $7 < 0 THEN most ELSE $7 END,"
    " sale_start = coalesce($8, sale_start), sale_end = coalesce($9, sale_end),"
    " active = CASE WHEN $10 = 0 THEN active ELSE $10 = 2 END,"
    " updated_at = $11, version = version + 1"
    " WHERE tenant = $1 AND id = $2 AND ($12 < CAST(0 AS bigint) OR version = $12)"
    " AND ($6 < 0 OR $6 >= held + sold + blocked) RETURNING " TYPE_COLUMNS);
SQL(type_named,
    "SELECT count(*) FROM ticket_type WHERE tenant = $1 AND event = $2 AND name = $3"
    " AND id <> $4");

SQL(type_count, "SELECT count(*) FROM ticket_type WHERE tenant = $1 AND event = $2");

/* ---- making and changing -------------------------------------------------- */

static bool good_currency(Ctx *cx, Str currency)
{
    for (isize i = 0; i < currency.len; i++)
        if (currency.at[i] < 'A' || currency.at[i] > 'Z')
            return fail_field(cx, S("currency"), "must be three upper-case letters");
    return true;
}

static bool good_window(Ctx *cx, Instant start, Instant end)
{
    return !is_set(start) || !is_set(end) || before(start, end) ||
           fail_field(cx, S("saleEndDate"), "must be after saleStartDate");
}

/* The list of them has one page. */
static bool has_room(Ctx *cx, EventId event)
{
    i64 n;

    if (!sql_int(cx, &type_count, &n, V(event.v)))
        return false;
    return n < TYPES_MOST ||
           fail(cx, CONFLICT, "the event has %d ticket types", TYPES_MOST);
}

bool type_make(Ctx *cx, TicketType *t)
{
    bool made;
    TicketType in = *t, out;
    Event e;

    if (!good_currency(cx, in.currency) ||
        !good_window(cx, in.saleStartDate, in.saleEndDate) ||
        !event_manage(cx, in.eventId, &e) || !has_room(cx, in.eventId))
        return false;
    if (!sql_find(cx, &type_write, &type_shape, &out, &made, V(uuid_new(cx->now)),
                  V(in.eventId.v), V(in.name), V(in.description), V(in.priceCents),
                  V(in.currency), V(in.quantity), V(in.maxPerPurchase),
                  V(in.saleStartDate), V(in.saleEndDate), V(cx->now)))
        return false;
    if (!made)
        return fail(cx, CONFLICT, "the event has a ticket type of this name");
    *t = out;
    return stock_settle(cx, in.eventId);
}

static bool name_is_free(Ctx *cx, const TicketType *t, Str name)
{
    i64 n = 0;

    if (name.at != NULL &&
        !sql_int(cx, &type_named, &n, V(t->eventId.v), V(name), V(t->id.v)))
        return false;
    return n == 0 || fail(cx, CONFLICT, "the event has a ticket type of this name");
}

bool type_change(Ctx *cx, TypeId id, const TypeChange *c, TicketType *out)
{
    TicketType now;
    Event e;
    bool set;

    if (!sql_get(cx, &type_find, &type_shape, &now, V(id.v)) ||
        !event_manage(cx, now.eventId, &e) || !name_is_free(cx, &now, c->name) ||
        !good_window(cx, is_set(c->saleStartDate) ? c->saleStartDate : now.saleStartDate,
                     is_set(c->saleEndDate) ? c->saleEndDate : now.saleEndDate))
        return false;
    if (!sql_find(cx, &type_set, &type_shape, out, &set, V(id.v), V(c->name),
                  V(c->description), V(c->priceCents), V(c->quantity),
                  V(c->maxPerPurchase), V(c->saleStartDate), V(c->saleEndDate),
                  V((int)c->isActive), V(cx->now), V(c->version)))
        return false;
    if (set)
        return stock_settle(cx, now.eventId);
    if (c->version >= 0 && c->version != now.version)
        return fail(cx, CONFLICT, "version %jd, is %jd", (intmax_t)c->version,
                    (intmax_t)now.version);
    return fail_field(cx, S("quantity"), "can't be less than the %jd held and sold",
                      (intmax_t)(now.held + now.sold + now.blocked));
}

/* ---- looking -------------------------------------------------------------- */

typedef struct { TypeId id; TicketType *out; } Getting;

static bool get(Ctx *cx, void *arg)
{
    Getting *g = arg;
    Event e;
    return sql_get(cx, &type_find, &type_shape, g->out, V(g->id.v)) &&
           event_see(cx, g->out->eventId, &e);
}

bool type_get(Ctx *cx, TypeId id, TicketType *out)
{
    return read_tx(cx, get, &(Getting){ id, out });
}

typedef struct { EventId event; TicketType **rows; isize *count; } Listing;

static bool list(Ctx *cx, void *arg)
{
    Listing *l = arg;
    Event e;
    return event_see(cx, l->event, &e) &&
           sql_rows(cx, &type_by_event, &type_shape, l->rows, l->count, V(l->event.v));
}

bool type_list(Ctx *cx, EventId event, TicketType **rows, isize *count)
{
    return read_tx(cx, list, &(Listing){ event, rows, count });
}
