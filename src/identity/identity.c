/* identity.c - opened in the order of need, closed in the other. A key must verify as
 * long as the longest-lived token that it signed, and a while more for clocks and
 * caches. */
#include "identity/identity.h"
#include "identity/audit.h"
#include "identity/device_key.h"
#include "identity/foreign.h"
#include "identity/issuer.h"
#include "identity/key.h"
#include "identity/letter.h"
#include "identity/letterbox.h"
#include "identity/login.h"
#include "identity/mfa.h"
#include "identity/passkey.h"
#include "identity/wallet.h"
#include "identity/policy.h"
#include "identity/session_clock.h"
#include "proof/password.h"

static bool open_keys(Arena *mem, const IdentityConfig *c, Str *why)
{
    KeyConfig keys = { c->keys_dir, c->algorithm,
                       { c->refresh_lasts.ms + hours(1).ms } };
    Str said = { 0 };

    if (key_open(mem, &keys, &said))
        return true;
    *why = str_fmt(mem, "signing keys in %.*s: %.*s", STR_ARGS(keys.dir), STR_ARGS(said));
    return false;
}

bool identity_open(Arena *mem, const IdentityConfig *c, Str *why)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);

    if (!open_keys(mem, c, why))
        return false;
    if (!issuers_open(mem, &c->issuers, why)) {
        key_close();
        return false;
    }
    token_open(&(TokenConfig){ c->issuer, c->audience, c->access_lasts,
                               c->refresh_lasts });
    foreign_open();
    session_open(&(SessionConfig){ c->refresh_grace, c->seal_master });
    limit_open(&c->limits);
    mailproof_open(c->seal_master);
    letter_open(c->public_url);
    letterbox_open(c->seal_master);
    login_open(&(LoginConfig){ c->needs_verified,
                               { c->lockout_attempts, c->lockout_lasts } });
    policy_open(c->policy);
    audit_open(c->audit_kept);
    mfa_open(c->seal_master);
    passkey_open(&(Relying){ c->passkey_id, c->passkey_origins }, c->public_url);
    wallet_open(c->public_url, c->wallet_classic ? MESSAGES_CLASSIC_TOO : MESSAGES_BOUND);
    device_open(c->public_url);
    password_open(&(HasherConfig){ c->hash_threads, c->hash_queue, c->hash_memory_kib });
    if (session_watch(&cx))
        return true;
    *why = str_fmt(mem, "sessions can't be read: %s", cx.fault.why);
    identity_close();
    return false;
}

void identity_close(void)
{
    password_close();
    device_close();
    wallet_close();
    passkey_close();
    mfa_close();
    letterbox_close();
    letter_close();
    mailproof_close();
    session_close();
    foreign_close();
    token_close();
    issuers_close();
    key_close();
}

bool identity_watch(Ctx *cx)
{
    key_watch();
    return key_follow(cx) && session_watch(cx);
}

bool identity_sweep(Ctx *cx)
{
    i64 gone = 1;

    while (gone > 0)
        if (!session_sweep(cx, &gone))
            return false;
    for (gone = 1; gone > 0;)
        if (!mailproof_sweep(cx, &gone))
            return false;
    for (gone = 1; gone > 0;)
        if (!audit_sweep(cx, &gone))
            return false;
    return true;
}
