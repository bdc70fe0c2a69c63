/* live.h - turns what the bus says into frames of the streams.
 * Needs: bus, net (stream).  Used by: gateway.c, live_http.c. */
#pragma once
#include "bus/bus.h"
#include "net/stream.h"

/* A BusFn: one message, one frame, to the topic of its subject. `arg` is the server. */
BusFn live_hear;

/* "id: ..", "event: ..", "data: .." for a message; data is put on one line. */
void live_frame(Buf *b, i64 id, Str type, Str data);

Topic live_topic_user(Arena *mem, TenantId tenant, UserId user);
Topic live_topic_event(Arena *mem, TenantId tenant, EventId event);
