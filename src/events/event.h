/* event.h - something that takes place at a venue, from draft to done.
 *
 * An event is seen by everybody from its first publication on, before that only
 * by those who manage events at its venue; to others it is not there.
 * Needs: state, venue, store.  Used by: tickets, event_http, event_clock. */
#pragma once
#include "events/cursor.h"
#include "events/state.h"
#include "events/venue.h"

typedef struct Event {
    EventId id;
    VenueId venueId;
    Str     name, description;
    Str     timezone;                             /* IANA name                */
    Instant startsAt, endsAt, doorsOpenAt;
    Instant salesStartAt, salesEndAt;             /* 0: by hand               */
    int     status;                               /* EventState               */
    Str     statusReason;
    Instant publishedAt, onSaleAt;                /* first time, 0: never     */
    UserId  createdBy;
    Instant createdAt, updatedAt;
    i64     version;
} Event;
extern const Shape event_shape;

typedef struct EventIn {
    Str     name;
    VenueId venueId;
    Str     description, timezone;
    Instant startsAt, endsAt, doorsOpenAt, salesStartAt, salesEndAt;
} EventIn;
extern const Shape event_in_shape;

/* What is absent stays; a `version` must be the present one. */
typedef struct EventChange {
    Str     name;
    VenueId venueId;
    Str     description, timezone;
    Instant startsAt, endsAt, doorsOpenAt, salesStartAt, salesEndAt;
    i64     version;
} EventChange;
extern const Shape event_change_shape;

/* Fails NOT_FOUND.  tx  inside the caller's */
CHECKED bool event_get(Ctx *cx, EventId id, Event *out);

/* As cx->who sees it: what he may not see is NOT_FOUND.  tx  inside the caller's */
CHECKED bool event_see(Ctx *cx, EventId id, Event *out);

/* For who manages events at its venue: NOT_FOUND, FORBIDDEN.  tx  inside the caller's */
CHECKED bool event_manage(Ctx *cx, EventId id, Event *out);

/* Makes a draft. Fails NOT_FOUND (venue), FORBIDDEN, VALIDATION_ERROR, INVALID_STATE
 * (a closed venue).  tx  inside the caller's write_tx */
CHECKED bool event_add(Ctx *cx, EventId id, const EventIn *in, Event *out);

/* Fails NOT_FOUND, FORBIDDEN, CONFLICT (version), INVALID_STATE (not in this state,
 * or not any more once tickets were on sale), VALIDATION_ERROR.
 *   tx  inside the caller's write_tx */
CHECKED bool event_change(Ctx *cx, EventId id, const EventChange *change, Event *out);

/* Drafts, and cancelled events that never were on sale; else INVALID_STATE.
 *   tx  inside the caller's write_tx */
CHECKED bool event_delete(Ctx *cx, EventId id);

/* The one door between states: compares and sets the old state, writes the history
 * and tells the world, all in the caller's transaction. Asks for no rights.
 *   gives   *out as it is after the move; NULL: not wanted
 *   fails   INVALID_STATE, NOT_FOUND
 *   tx      inside the caller's write_tx */
CHECKED bool event_move(Ctx *cx, EventId id, EventAction action, Str reason, Event *out);

/* event_move by a person: asks for his right to manage the event, and refuses what
 * makes no sense by the calendar (publishing what is over).
 *   fails   FORBIDDEN too.  tx  inside the caller's write_tx */
CHECKED bool event_act(Ctx *cx, EventId id, EventAction action, Str reason, Event *out);

typedef struct EventFilter {
    Str     status, search;                       /* absent: any              */
    VenueId venue;
    Instant from;                                 /* ends after it            */
} EventFilter;

/* What cx->who may see, the earliest first, after the cursor.
 *   tx  inside the caller's */
CHECKED bool event_list(Ctx *cx, const EventFilter *filter, Cursor after, i64 most,
                        Event **rows, isize *count);

/* Cancelled events that were on sale wait for somebody to end what buyers hold of them
 * (hold_clock); event_settle says that it is done.   tx  inside the caller's */
typedef struct EventRef { TenantId tenant; EventId id; } EventRef;
CHECKED bool event_unsettled(Ctx *cx, i64 most, EventRef **rows, isize *count);
CHECKED bool event_settle(Ctx *cx, EventId id);

/* What the clock does with it next, and when; false: nothing. */
bool event_due(const Event *e, EventAction *action, Instant *at);
