/* jwt.h - who may, signed: the claims of our tokens (RFC 7519, RFC 9068).
 *
 * A token is of one class, which its typ and its audience say, and is never taken for
 * one of another. Every claim named here must be there; times have 30 s of leeway.
 *
 *   class    typ      audience            lives          made and checked by
 *   access   at+jwt   JWT_AUDIENCE        15 min         token.h
 *   refresh  rt+jwt   JWT_ISSUER          7 days         token.h, session.h
 *   service  st+jwt   SERVICE_ID          5 min          other services; service_jwt.h
 *   stream   none: 256 bits of chance, known by hash, good once within 300 s
 *            (live_http.c); a text that stands in a URL should say nothing to who reads
 *            it in a log
 *
 * Needs: jws.  Used by: token, session. */
#pragma once
#include "base/ctx.h"
#include "proof/jws.h"

typedef enum TokenUse { TOKEN_ACCESS, TOKEN_REFRESH } TokenUse;

typedef struct Claims {
    TenantId tenant;
    UserId   user;                                /* sub                      */
    Role     role;                                /* of access tokens         */
    Uuid     session;                             /* sid: the family          */
    Uuid     id;                                  /* jti                      */
    i64      epoch;                               /* the person's, of access tokens */
    Instant  issued, expires;
} Claims;

typedef struct JwtParty { Str issuer, audience; } JwtParty;

Str jwt_write(Arena *mem, const JwsKey *k, TokenUse use, const JwtParty *party,
              const Claims *c);

typedef enum JwtResult { JWT_GOOD, JWT_EXPIRED, JWT_BAD } JwtResult;

/*   gives   *out when JWT_GOOD or JWT_EXPIRED; *why otherwise, for the log */
JwtResult jwt_read(Arena *mem, JwsFind *find, void *arg, TokenUse use,
                   const JwtParty *party, Instant now, Str token, Claims *out,
                   const char **why);

/* The times alone, for a token that was read before. */
JwtResult jwt_times(const Claims *c, Instant now);
