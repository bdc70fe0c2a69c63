/* event_shape.c - how an event reads from its row and looks in JSON. The order of
 * the fields is that of EVENT_COLUMNS. Why it has its status is for organisers
 * (the history), who made it is nobody's business. */
#include "events/event.h"

static const Field event_fields[] = {
    ID(Event, id, 0, "the event's id"),
    ID(Event, venueId, 0, "where it takes place"),
    TEXT(Event, name, 1, 300, 0, "what it is called"),
    TEXT(Event, description, 0, 10000, OPTIONAL, "what it is about"),
    TEXT(Event, timezone, 1, 64, 0, "IANA zone in which its times are meant"),
    TIME(Event, startsAt, 0, "when it begins"),
    TIME(Event, endsAt, 0, "when it is over"),
    TIME(Event, doorsOpenAt, OPTIONAL, "when people are let in"),
    TIME(Event, salesStartAt, OPTIONAL, "when sales begin by themselves"),
    TIME(Event, salesEndAt, OPTIONAL, "when sales end by themselves"),
    NAME(Event, status, &event_states, 0, "where it stands"),
    TEXT(Event, statusReason, 0, 1000, UNLISTED, ""),
    TIME(Event, publishedAt, OPTIONAL, "since when everybody sees it"),
    TIME(Event, onSaleAt, UNLISTED, ""),
    ID(Event, createdBy, UNLISTED, ""),
    TIME(Event, createdAt, 0, "when it was made"),
    TIME(Event, updatedAt, 0, "when it was last changed"),
    NUMBER(Event, version, 1, INT64_MAX, 0, 0, "rises with each change"),
};
const Shape event_shape = { "Event", sizeof(Event), event_fields, countof(event_fields) };

static const Field event_in_fields[] = {
    TEXT(EventIn, name, 1, 300, 0, "what it is called"),
    ID(EventIn, venueId, 0, "a venue of this tenant"),
    TEXT(EventIn, description, 0, 10000, OPTIONAL, "what it is about"),
    TEXT(EventIn, timezone, 1, 64, OPTIONAL, "IANA zone; the venue's when absent"),
    TIME(EventIn, startsAt, 0, "when it begins; in the future"),
    TIME(EventIn, endsAt, 0, "when it is over; after startsAt"),
    TIME(EventIn, doorsOpenAt, OPTIONAL, "when people are let in; not after startsAt"),
    TIME(EventIn, salesStartAt, OPTIONAL, "when sales begin by themselves"),
    TIME(EventIn, salesEndAt, OPTIONAL, "when sales end by themselves"),
};
const Shape event_in_shape = { "EventIn", sizeof(EventIn), event_in_fields,
                               countof(event_in_fields) };

static const Field event_change_fields[] = {
    TEXT(EventChange, name, 1, 300, OPTIONAL, "what it is called"),
    ID(EventChange, venueId, OPTIONAL, "another venue; not once tickets were on sale"),
    TEXT(EventChange, description, 0, 10000, OPTIONAL, "what it is about"),
    TEXT(EventChange, timezone, 1, 64, OPTIONAL, "IANA zone"),
    TIME(EventChange, startsAt, OPTIONAL, "when it begins; in the future"),
    TIME(EventChange, endsAt, OPTIONAL, "when it is over"),
    TIME(EventChange, doorsOpenAt, OPTIONAL, "when people are let in"),
    TIME(EventChange, salesStartAt, OPTIONAL, "when sales begin by themselves"),
    TIME(EventChange, salesEndAt, OPTIONAL, "when sales end by themselves"),
    NUMBER(EventChange, version, 1, INT64_MAX, 0, OPTIONAL,
           "refused unless it is the present one"),
};
const Shape event_change_shape = { "EventChange", sizeof(EventChange),
                                   event_change_fields, countof(event_change_fields) };
