/* availability.h - how many tickets are left, told to who watches an event.
 *
 * A sale changes the numbers a thousand times a second; a watcher is told at most
 * four times a second, and always the newest numbers last.
 * Needs: bus, store, net (stream).  Used by: gateway.c. */
#pragma once
#include "bus/bus.h"

enum { AVAILABILITY_MS = 250 };

/* A BusFn: remembers which event's numbers have changed. */
BusFn availability_hear;

/* Told one event's numbers: {eventId, types:[{id, available, held, sold}]}. */
typedef void AvailabilityFn(TenantId tenant, EventId event, Str data, void *arg);

/* Reads the numbers of every event that changed and tells them. What could not be
 * read stays marked.
 *   gives   *told how many events
 *   thread  one; cx's tenant is set to each event's in turn */
CHECKED bool availability_pass(Ctx *cx, AvailabilityFn *tell, void *arg, isize *told);
