/* webhook_rules.h - what an endpoint may be: where it may stand, and which types of
 * message it may want to hear.
 * Needs: webhook_endpoint (whom it may be).  Used by: webhook_http, webhook_feed. */
#pragma once
#include "base/ctx.h"
#include "base/json.h"

enum { ENDPOINT_TYPES_MOST = 50 };

/* That the texts can be used. Fails VALIDATION_ERROR. */
CHECKED bool endpoint_check_url(Ctx *cx, Str url);
CHECKED bool endpoint_check_types(Ctx *cx, Str types);

/* A list of types, as it was checked, and whether it wants this one: "*", "order.*",
 * "order.paid". */
const Json *endpoint_types(Arena *mem, Str types);
bool endpoint_wants(const Json *types, Str type);
