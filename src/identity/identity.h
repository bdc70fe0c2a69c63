/* identity.h - opens everything that knows who somebody is.
 *
 * The store, the kv and the mail engine must be open before, and are closed after.
 * Needs: key, token, session, login, password.  Used by: cli. */
#pragma once
#include "base/crypto.h"
#include "identity/issuer.h"
#include "identity/limit.h"
#include "proof/jws.h"
#include "proof/password.h"
#include "store/store.h"

typedef struct IdentityConfig {
    Str  keys_dir;                                /* shared by all nodes      */
    Str  issuer, audience, public_url;
    Alg  algorithm;                               /* the words' order is
                                                     JWT_ALGORITHM's */
    Span access_lasts, refresh_lasts, refresh_grace;
    int  hash_threads;                            /* 0: one a core            */
    i64  hash_queue, hash_memory_kib;
    const Secret *seal_master;                    /* INTERNAL_SERVICE_SECRET  */
    bool needs_verified;                          /* LOGIN_REQUIRES_VERIFIED  */
    i64  lockout_attempts;                        /* LOCKOUT_MAX_ATTEMPTS     */
    Span lockout_lasts;
    Policy policy;                                /* PASSWORD_POLICY          */
    Span audit_kept;                              /* AUDIT_RETENTION          */
    LimitConfig limits;
    IssuersConfig issuers;
    Str  passkey_id, passkey_origins;            /* empty: those of public_url */
    bool wallet_classic;                          /* the two-line message is taken too */
} IdentityConfig;

/* False with *why: the keys can't be read or made, or the store doesn't answer. */
CHECKED bool identity_open(Arena *mem, const IdentityConfig *config, Str *why);
void identity_close(void);

/* Takes in what other processes changed, keys and ended sessions. A clock job, of every
 * node and twice a second: so long is who was signed out elsewhere still believed
 * here. */
CHECKED bool identity_watch(Ctx *cx);

/* Deletes the tokens and sessions that have run out. A clock job. */
CHECKED bool identity_sweep(Ctx *cx);
