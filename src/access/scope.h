/* scope.h - what a machine may do, as one bit each, by the words that tokens say.
 *
 * The bits stand where a row of the table of routes has room for them: `MACHINES |
 * MAY_EVENTS_WRITE` is who may call it. What a person may do is his role; a row that
 * names a role and a scope is for both.
 * Needs: base.  Used by: guard, machine, service, api_key, web (the table of routes). */
#pragma once
#include "base/json.h"
#include "base/shape.h"

enum { SCOPE_SHIFT = 8 };
typedef enum Scope {
    MAY_EVENTS_READ   = 1 << 8,
    MAY_EVENTS_WRITE  = 1 << 9,
    MAY_EVENTS_DELETE = 1 << 10,
    MAY_VENUES_READ   = 1 << 11,
    MAY_TICKETS_READ  = 1 << 12,
    MAY_TICKETS_WRITE = 1 << 13,
    MAY_ORDERS_READ   = 1 << 14,
    MAY_ORDERS_WRITE  = 1 << 15,
    MAY_USERS_READ    = 1 << 16,
    MAY_ADMIN         = 1 << 17,      /* admin:*, which contains all others */
    MAY_PROXY         = 1 << 18,      /* proxy:*, what goes to services behind */
} Scope;
enum { SCOPES = 11, ALL_SCOPES = ((1 << SCOPES) - 1) << SCOPE_SHIFT };
extern const Names scope_names;                   /* "events:read" ...        */

/* The scope of that word, 0 when there is none. */
unsigned scope_find(Str word);

/* True when who has `scopes` may do all that `needs` says. */
static inline bool scope_covers(unsigned scopes, unsigned needs)
{
    return (scopes & MAY_ADMIN) != 0 || (needs & ~scopes) == 0;
}

/* A list of words as a set; a word that is no scope is left out, and false is given when
 * it is no list of texts. *unknown is the first such word, absent when there is none. */
CHECKED bool scopes_read(const Json *list, unsigned *out, Str *unknown);

/* ["events:read",...], and the words alone with ", " between. */
void scopes_write(Buf *b, unsigned scopes);
Str  scopes_str(Arena *mem, unsigned scopes);
