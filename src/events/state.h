/* state.h - the states of an event and every move between them.
 *
 *   DRAFT > REVIEW > APPROVED > PUBLISHED > ON_SALE > IN_PROGRESS > COMPLETED
 *                                            |    |
 *                               SALES_PAUSED-+    +-SOLD_OUT (and back)
 *
 * POSTPONED and RESCHEDULED lead back to sale; CANCELLED ends all but COMPLETED.
 * Needs: base.  Used by: event, event_clock. */
#pragma once
#include "base/shape.h"

typedef enum EventState {
    EVENT_DRAFT, EVENT_REVIEW, EVENT_APPROVED, EVENT_PUBLISHED, EVENT_ON_SALE,
    EVENT_SALES_PAUSED, EVENT_SOLD_OUT, EVENT_IN_PROGRESS, EVENT_COMPLETED,
    EVENT_CANCELLED, EVENT_POSTPONED, EVENT_RESCHEDULED, EVENT_STATE_COUNT
} EventState;
extern const Names event_states;

typedef enum EventAction {
    DO_SUBMIT_FOR_REVIEW, DO_APPROVE, DO_REJECT, DO_PUBLISH, DO_START_SALES,
    DO_PAUSE_SALES, DO_RESUME_SALES, DO_SOLD_OUT, DO_STOCK_RETURNED, DO_POSTPONE,
    DO_RESCHEDULE, DO_START_EVENT, DO_END_EVENT, DO_CANCEL, EVENT_ACTION_COUNT
} EventAction;
extern const Names event_actions;                 /* "SUBMIT_FOR_REVIEW", ...  */

/* Where the action leads from there; false when it leads nowhere. */
bool event_leads(EventState from, EventAction action, EventState *to);

/* What the world is told of the action: "event.published". */
const char *event_tells(EventAction action);

/* What may still be changed in a state. */
typedef enum EventLatitude {
    CHANGE_NOTHING,                               /* it runs, is over or is off */
    CHANGE_WORDS,                                 /* name, description, doors, sales
                                                     window */
    CHANGE_TIMES,                                 /* and when it takes place  */
    CHANGE_ALL                                    /* and where                */
} EventLatitude;

/* `sold`: its tickets have been on sale, so somebody may have bought one. */
EventLatitude event_latitude(EventState state, bool sold);
