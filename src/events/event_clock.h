/* event_clock.h - what happens to events as time passes.
 *
 * Sales begin and end, doors open and the evening is over, at the times that were
 * said, without anybody there to press a button.
 * Needs: event.  Used by: web (jobs). */
#pragma once
#include "base/ctx.h"

/* Makes every move that is due, of all tenants, each in its own transaction; several
 * moves of one event follow each other. Whatever fails is tried again next time.
 *   fails   with the first fault, after it has tried all
 *   thread  clock; cx belongs to no tenant and to nobody */
CHECKED bool event_clock(Ctx *cx);
