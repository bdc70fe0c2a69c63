/* audit.h - what was done to accounts, by whom and from where.
 *
 * A row is written in the transaction of what it records: there is none without it and
 * none of it without a row. Rows are never changed, but that erasing a person takes out from
 * where he came; after AUDIT_RETENTION they are deleted.
 * Needs: store.  Used by: login and everything that changes an account. */
#pragma once
#include "store/store.h"


void audit_open(Span kept);                       /* AUDIT_RETENTION          */

typedef enum AuditAction {
    AUDIT_LOGIN, AUDIT_LOGIN_FAILED, AUDIT_LOCKED, AUDIT_LOGOUT, AUDIT_REGISTRATION,
    AUDIT_SESSION_REVOKED, AUDIT_SESSIONS_REVOKED, AUDIT_EMAIL_VERIFIED,
    AUDIT_RESET_REQUESTED, AUDIT_RESET_COMPLETED, AUDIT_PASSWORD_CHANGED,
    AUDIT_PROFILE_UPDATED, AUDIT_ROLE_GRANTED, AUDIT_ROLE_REVOKED, AUDIT_STATUS_CHANGED,
    AUDIT_MFA_ENABLED, AUDIT_MFA_DISABLED, AUDIT_MFA_VERIFIED, AUDIT_MFA_FAILED,
    AUDIT_MFA_CODES, AUDIT_PASSKEY_ADDED, AUDIT_PASSKEY_REMOVED, AUDIT_BIOMETRIC_ADDED,
    AUDIT_BIOMETRIC_REVOKED, AUDIT_WALLET_LINKED, AUDIT_WALLET_UNLINKED,
    AUDIT_DATA_EXPORTED, AUDIT_DATA_DELETED, AUDIT_DELETION_REQUESTED,
    AUDIT_TENANT_STATUS, AUDIT_TENANT_SETTINGS,
    AUDIT_KEYS_ROTATED, AUDIT_READ, AUDIT_LETTER_GIVEN_UP, AUDIT_SERVICE_REVOKED, AUDIT_SERVICE_UNREVOKED,
    AUDIT_API_KEY_CREATED, AUDIT_API_KEY_REVOKED, AUDIT_IDENTITY_LINKED,
    AUDIT_IDENTITY_UNLINKED,
    AUDIT_DEADLETTER_RETRIED,
    AUDIT_DEADLETTER_DISCARDED, AUDIT_WEBHOOK_ADDED, AUDIT_WEBHOOK_CHANGED,
    AUDIT_WEBHOOK_REMOVED, AUDIT_WEBHOOK_ROTATED, AUDIT_WEBHOOK_REPLAYED,
    AUDIT_WEBHOOK_PAUSED, AUDIT_PERMISSION_DENIED, AUDIT_ACTIONS
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
