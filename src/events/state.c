/* state.c - one row is one move; what is not in the table does not happen. */
#include "events/state.h"

const Names event_states = { (const char *const[]){
    "DRAFT", "REVIEW", "APPROVED", "PUBLISHED", "ON_SALE", "SALES_PAUSED", "SOLD_OUT",
    "IN_PROGRESS", "COMPLETED", "CANCELLED", "POSTPONED", "RESCHEDULED" },
                             EVENT_STATE_COUNT };

const Names event_actions = { (const char *const[]){
    "SUBMIT_FOR_REVIEW", "APPROVE", "REJECT", "PUBLISH", "START_SALES", "PAUSE_SALES",
    "RESUME_SALES", "SOLD_OUT", "STOCK_RETURNED", "POSTPONE", "RESCHEDULE", "START_EVENT",
    "END_EVENT", "CANCEL" }, EVENT_ACTION_COUNT };

static const struct { EventState from; EventAction action; EventState to; } moves[] = {
    { EVENT_DRAFT,        DO_SUBMIT_FOR_REVIEW, EVENT_REVIEW },
    { EVENT_DRAFT,        DO_PUBLISH,           EVENT_PUBLISHED },
    { EVENT_DRAFT,        DO_CANCEL,            EVENT_CANCELLED },
    { EVENT_REVIEW,       DO_APPROVE,           EVENT_APPROVED },
    { EVENT_REVIEW,       DO_REJECT,            EVENT_DRAFT },
    { EVENT_REVIEW,       DO_CANCEL,            EVENT_CANCELLED },
    { EVENT_APPROVED,     DO_PUBLISH,           EVENT_PUBLISHED },
    { EVENT_APPROVED,     DO_CANCEL,            EVENT_CANCELLED },
    { EVENT_PUBLISHED,    DO_START_SALES,       EVENT_ON_SALE },
    { EVENT_PUBLISHED,    DO_POSTPONE,          EVENT_POSTPONED },
    { EVENT_PUBLISHED,    DO_CANCEL,            EVENT_CANCELLED },
    { EVENT_ON_SALE,      DO_PAUSE_SALES,       EVENT_SALES_PAUSED },
    { EVENT_ON_SALE,      DO_SOLD_OUT,          EVENT_SOLD_OUT },
    { EVENT_ON_SALE,      DO_START_EVENT,       EVENT_IN_PROGRESS },
    { EVENT_ON_SALE,      DO_POSTPONE,          EVENT_POSTPONED },
    { EVENT_ON_SALE,      DO_CANCEL,            EVENT_CANCELLED },
    { EVENT_SALES_PAUSED, DO_RESUME_SALES,      EVENT_ON_SALE },
    { EVENT_SALES_PAUSED, DO_START_EVENT,       EVENT_IN_PROGRESS },
    { EVENT_SALES_PAUSED, DO_POSTPONE,          EVENT_POSTPONED },
    { EVENT_SALES_PAUSED, DO_CANCEL,            EVENT_CANCELLED },
    { EVENT_SOLD_OUT,     DO_STOCK_RETURNED,    EVENT_ON_SALE },
    { EVENT_SOLD_OUT,     DO_START_EVENT,       EVENT_IN_PROGRESS },
    { EVENT_SOLD_OUT,     DO_POSTPONE,          EVENT_POSTPONED },
    { EVENT_SOLD_OUT,     DO_CANCEL,            EVENT_CANCELLED },
    { EVENT_IN_PROGRESS,  DO_END_EVENT,         EVENT_COMPLETED },
    { EVENT_IN_PROGRESS,  DO_CANCEL,            EVENT_CANCELLED },
    { EVENT_POSTPONED,    DO_RESCHEDULE,        EVENT_RESCHEDULED },
    { EVENT_POSTPONED,    DO_CANCEL,            EVENT_CANCELLED },
    { EVENT_RESCHEDULED,  DO_PUBLISH,           EVENT_PUBLISHED },
    { EVENT_RESCHEDULED,  DO_START_SALES,       EVENT_ON_SALE },
    { EVENT_RESCHEDULED,  DO_CANCEL,            EVENT_CANCELLED },
};

bool event_leads(EventState from, EventAction action, EventState *to)
{
    for (isize i = 0; i < countof(moves); i++)
        if (moves[i].from == from && moves[i].action == action) {
            *to = moves[i].to;
            return true;
        }
    return false;
}

const char *event_tells(EventAction action)
{
    static const char *const words[EVENT_ACTION_COUNT] = {
        [DO_SUBMIT_FOR_REVIEW] = "event.submitted",  [DO_APPROVE] = "event.approved",
        [DO_REJECT] = "event.rejected",              [DO_PUBLISH] = "event.published",
        [DO_START_SALES] = "event.on_sale",          [DO_PAUSE_SALES] = "event.paused",
        [DO_RESUME_SALES] = "event.on_sale",         [DO_SOLD_OUT] = "event.sold_out",
        [DO_STOCK_RETURNED] = "event.on_sale",       [DO_POSTPONE] = "event.postponed",
        [DO_RESCHEDULE] = "event.rescheduled",       [DO_START_EVENT] = "event.started",
        [DO_END_EVENT] = "event.completed",          [DO_CANCEL] = "event.cancelled",
    };
    must(action >= 0 && action < EVENT_ACTION_COUNT);
    return words[action];
}

EventLatitude event_latitude(EventState state, bool sold)
{
    static const EventLatitude latitude[EVENT_STATE_COUNT] = {
        [EVENT_DRAFT] = CHANGE_ALL,         [EVENT_REVIEW] = CHANGE_ALL,
        [EVENT_APPROVED] = CHANGE_ALL,      [EVENT_PUBLISHED] = CHANGE_ALL,
        [EVENT_ON_SALE] = CHANGE_WORDS,     [EVENT_SALES_PAUSED] = CHANGE_WORDS,
        [EVENT_SOLD_OUT] = CHANGE_WORDS,    [EVENT_POSTPONED] = CHANGE_TIMES,
        [EVENT_RESCHEDULED] = CHANGE_TIMES,
    };
    EventLatitude l = latitude[state];

    return sold && l == CHANGE_ALL ? CHANGE_WORDS : l;
}
