/* audit.h - what was done to accounts, by whom and from where.
 *
 * A row is written in the transaction of what it records: there is none without it and
 * none of it without a row. Rows are never changed, but that erasing a person takes out
 * from where he came; after AUDIT_RETENTION they are deleted.
 * Needs: store.  Used by: login and everything that changes an account. */
#pragma once
#include "store/store.h"

void audit_open(Span kept);                       /* AUDIT_RETENTION          */

typedef enum AuditAction {
#define ACTION(id, word) AUDIT_##id,
#include "identity/audit.def"
#undef ACTION
    AUDIT_ACTIONS
} AuditAction;
extern const Names audit_action_names;            /* "user.login" ...         */

typedef struct Caller { Str peer, agent; } Caller;

typedef struct Deed {
    AuditAction action;
    bool   failed;
    UserId actor;                                 /* zero: not known          */
    UserId subject;                               /* whose account            */
    Str    target;                                /* what else; may be absent */
    Caller from;
    Str    details;                               /* JSON; absent: {}         */
} Deed;

/*   tx  runs inside the caller's write_tx */
CHECKED bool audit_write(Ctx *cx, const Deed *deed);

/* A deed that changes nothing else, such as a failure. Opens its own transaction. */
CHECKED bool audit_note(Ctx *cx, const Deed *deed);

/* Deletes what is older than that; spans tenants. A clock job. */
CHECKED bool audit_sweep(Ctx *cx, i64 *gone);
