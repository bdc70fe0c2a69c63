/* guard.h - who may: the first thing that happens to every request.
 *
 * Reads the bearer token, and from it alone the person, the role and the tenant.
 * X-Tenant-Id is accepted when it says the same, from a super-admin, or on an open
 * route without a token, where it names the shop that is looked at.
 *
 * A machine (machine.h) may call what names one of its scopes, and has there the role
 * that a person would need. It must say for which tenant, on every route that is a
 * tenant's. Where no scope is asked for it is nobody in particular; and a person's bearer
 * that comes with it counts alone, but on routes for machines.
 * Needs: machine, identity (token, foreign), net.  Used by: web, and who writes what may be
 * retried. */
#pragma once
#include "access/scope.h"
#include "net/req.h"
#include "store/once.h"

typedef enum Access {                             /* Route.access, | a Scope  */
    OPEN,             /* anybody; a token is read when one comes             */
    SIGNED_IN,        /* any person of the tenant                            */
    ORGANISER,        /* signed in; the noun asks for a role or a venue role  */
    ADMINS,           /* admin and above                                     */
    SIGNED,           /* a machine: the handler checks the signature itself  */
    OPERATORS,        /* super-admin, or a machine with the operator's token  */
    SUPERS,           /* super-admin: what concerns all tenants              */
    MACHINES,         /* a service or an API key, for a tenant               */
    SERVICES,         /* a service; the body says for which tenants          */
    TELLERS,          /* super-admin or a service, for any tenant; an API key, for its own */
    ACCESSES,
    ACCESS_BITS = (1 << SCOPE_SHIFT) - 1
} Access;

static inline Access access_of(unsigned a)   { return (Access)(a & ACCESS_BITS); }
static inline unsigned scope_of(unsigned a)  { return a & ~(unsigned)ACCESS_BITS; }

/* Who comes as a machine; call it first, and guard_check after. Sets cx->who and, where
 * its credential names one, cx->tenant. No credential of a machine is no mistake.
 *   fails   as machine_read */
CHECKED bool guard_machine(Ctx *cx, const Req *rq);

/* Both, of what is passed to a service behind: on an io thread, so nothing may wait. A
 * person's bearer counts alone; without one a machine may come where `access` names a
 * scope. On an OPEN row a machine is anybody. Whether a tenant is there that a service
 * names is not looked at, only that it is not suspended.
 *   fails   as guard_check; BUSY: who shows that API key, or another issuer's token, is not
 *           remembered, and guard_learn finds out */
CHECKED bool guard_pass(Ctx *cx, const Req *rq, unsigned access);

/* After guard_pass on an OPEN row, which minds no token: whether one came that
 * guard_learn may find to be somebody's. */
bool guard_unsure(const Ctx *cx, const Req *rq);

/* Looks up who comes, so that guard_pass knows him for a minute.
 *   fails   as machine_read and foreign_check
 *   thread  one that may wait */
CHECKED bool guard_learn(Ctx *cx, const Req *rq);

/* The bearer that opens OPERATORS beside a super-admin's: whoever watches over an
 * installation has no account and can't sign in every 15 minutes. Absent: none does. Only
 * its digest is kept. May be changed while requests come. */
void guard_operator(Str token);

/* Sets cx->tenant and cx->who; `access` is the route's. Fails UNAUTHORIZED,
 * TOKEN_EXPIRED, INVALID_TOKEN, FORBIDDEN, MFA_REQUIRED (FRESH routes); a foreign
 * X-Tenant-Id is FORBIDDEN. Machines: MISSING_SERVICE_TOKEN, SERVICE_NOT_ALLOWED,
 * INSUFFICIENT_SCOPE, MISSING_TENANT_HEADER, INVALID_TENANT (suspended). */
CHECKED bool guard_check(Ctx *cx, const Req *rq, unsigned access);

/* The Idempotency-Key of this request and what it covers. Fails
 * IDEMPOTENCY_KEY_REQUIRED (ONCE routes), INVALID_IDEMPOTENCY_KEY. */
CHECKED bool guard_once(Ctx *cx, const Req *rq, Once *out);

/* A write that may be retried, from key to reply: write_once and its answer, with
 * Idempotency-Replayed: true when it is an old one. */
CHECKED bool reply_once(Ctx *cx, Req *rq, Lane lane, TxFn *fn, void *arg,
                        int status, const Shape *shape, const void *value);
CHECKED bool reply_once_many(Ctx *cx, Req *rq, Lane lane, ManyFn *fn, void *arg,
                             int status, const Shape *shape, const void *value);
