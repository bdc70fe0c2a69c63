/* foreign.h - tokens of other issuers: whom they speak of here, and what he may do.
 *
 * A foreign subject is somebody here only when an admin linked him to an account: no
 * token makes an account, and no email links one. He then is that person, with his role
 * or the issuer's cap, whichever is less, and whatever ends a person's tokens ends these.
 * What was found is remembered for a minute, so neither a signature nor the database is
 * asked for each request.
 * Needs: issuer, member, epoch, revoked, store.  Used by: guard, foreign_http. */
#pragma once
#include "base/crypto.h"
#include "identity/issuer.h"
#include "identity/jwt.h"
#include "store/store.h"

void foreign_open(void);
void foreign_close(void);

/* Takes tokens of that list's issuers from now on; whom one vouched for who is not in it,
 * or as another, is forgotten. While requests come. */
void foreign_change(IssuerList *list);

/* True when it says that it is of an issuer of ours; proves nothing. Cheap when there are
 * no issuers. */
bool foreign_is(Arena *mem, Str token);

/* Who he is here.
 *   gives   *out: tenant, user, role, and a session that is the same for this subject
 *   fails   INVALID_TOKEN, TOKEN_EXPIRED, NOT_LINKED; as issuer_verify
 *   thread  one that may wait */
CHECKED bool foreign_check(Ctx *cx, Str token, Claims *out);

/* The same of what is remembered, and nothing else.
 *   fails   BUSY: it is not known; foreign_check would
 *   thread  any: an io thread too */
CHECKED bool foreign_recall(Ctx *cx, Str token, Claims *out);

typedef struct ForeignLink { Uuid id; Str issuer, subject; Instant createdAt; } ForeignLink;
extern const Shape foreign_link_shape;

/* Of a person of cx->tenant.
 *   fails   NOT_FOUND; FORBIDDEN: his role is above the asker's; CONFLICT: that subject is
 *           somebody's already; VALIDATION_ERROR: there is no such issuer */
CHECKED bool foreign_link(Ctx *cx, UserId user, Str issuer, Str subject, ForeignLink *out);
CHECKED bool foreign_list(Ctx *cx, UserId user, ForeignLink **rows, isize *count);
CHECKED bool foreign_unlink(Ctx *cx, UserId user, Uuid id);
