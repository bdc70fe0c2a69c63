/* origin.h - which pages may ask (RFC 6454, WHATWG Fetch 3.2).
 * Needs: base.  Used by: web (serve), gateway (live_pass). */
#pragma once
#include "net/req.h"

/* Whether the origin is one of a list such as "https://a.example, https://b.example". */
bool origin_in(Str list, Str origin);

/* Whether a page of the origin that the request names may ask: one of the list, or our
 * own pages, which come from the host that is asked. No page: true. */
bool origin_may_ask(Str list, const Req *rq);
