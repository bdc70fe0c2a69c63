/* event_http.h - the routes of events.
 * Needs: event, content, net, identity (guard).  Used by: web (the table of routes). */
#pragma once
#include "events/content.h"
#include "events/event.h"
#include "net/req.h"

typedef struct EventReply { Event event; } EventReply;
extern const Shape event_reply_shape, event_query_shape;
typedef struct EventDo { int action; Str reason; } EventDo;
extern const Shape event_do_shape;
typedef struct EventCancel { Str reason; } EventCancel;
extern const Shape event_cancel_shape;

/* POST /api/v1/events -> 201 {event}  ORGANISER */
Handler event_create;
/* GET /api/v1/events ?status= &venueId= &search= &from= -> 200 {data:[event]}  OPEN */
Handler event_index;
/* GET /api/v1/events/:id -> 200 {event}  OPEN */
Handler event_show;
/* PUT /api/v1/events/:id -> 200 {event}; DELETE -> 204  ORGANISER */
Handler event_update, event_remove;
/* POST /api/v1/events/:id/publish -> 200 {event}  ORGANISER, takes no body */
Handler event_publish;
/* POST /api/v1/events/:id/transitions {action,reason?} -> 200 {event}  ORGANISER */
Handler event_transition;
/* POST /api/v1/events/:id/cancel {reason} -> 200 {event}  ORGANISER */
Handler event_cancel;
/* GET /api/v1/events/:id/content -> 200 {content}  OPEN; PUT {content} -> 200
 * ORGANISER */
Handler content_show, content_update;
