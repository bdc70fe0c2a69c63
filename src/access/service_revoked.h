/* service_revoked.h - services, and single tokens of theirs, that are not taken any more.
 *
 * Each node keeps them in memory and looks with every request; the truth is in SQL, from
 * which service_revoked_watch fills it, so it survives a restart and reaches every node
 * within a second.
 * Needs: store, note.  Used by: service, service_http, cli. */
#pragma once
#include "store/store.h"

enum { REASON_MOST = 200, REVOCATIONS_MOST = 1000 };

typedef enum RevokedKind { A_TOKEN, A_SERVICE } RevokedKind;
extern const Names revoked_kind_names;            /* "token", "service"       */

typedef struct Revocation {
    int     kind;
    Str     name;                                 /* a service's id, or the hex SHA-256 of
                                                     a token */
    Str     reason;
    Instant until;                                /* when the token has run out; a
                                                     service: none */
    bool    lifted;
    Instant changedAt;
} Revocation;
extern const Shape revocation_shape;

/* Takes it back; a second time only changes the reason.
 *   fails   CONFLICT: REVOCATIONS_MOST stand already
 *   tx      opens its own */
CHECKED bool service_revoke(Ctx *cx, RevokedKind kind, Str name, Str reason,
                            Instant until);

/* Lets the service speak again; no mistake if it could. */
CHECKED bool service_unrevoke(Ctx *cx, Str id);

/* What stands, the latest first. */
CHECKED bool service_revocations(Ctx *cx, Revocation **rows, isize *count);

/* The reason, in mem; absent when it is not revoked. */
Str revocation_of(Arena *mem, RevokedKind kind, Str name, Instant now);

/* Brings what other nodes did into this process. For boot and the clock. */
CHECKED bool service_revoked_watch(Ctx *cx);
void service_revoked_close(void);

/* Deletes tokens' rows that have run out, and those of services long let go on. */
CHECKED bool service_revoked_sweep(Ctx *cx, i64 *gone);
