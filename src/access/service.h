/* service.h - trust between services: who calls us, and as whom we call others.
 *
 * A service shows a token that lives five minutes (service_token.h). Which are trusted
 * and what they may do is data (service_list.h); what was taken back is known on every
 * node within a second (service_revoked.h). No check asks the database.
 * Needs: service_list, service_token, service_revoked, net.  Used by: machine, gateway,
 * web. */
#pragma once
#include "access/service_token.h"
#include "net/req.h"

typedef struct ServiceConfig {
    Str  id, name;                                /* as whom we call: SERVICE_ID,
                                                     SERVICE_NAME */
    Str  environment;                             /* NODE_ENV: tokens of another are
                                                     refused */
    ServicesConfig list;
} ServiceConfig;

/* Copies what it needs, the secrets too. */
CHECKED bool service_open(Arena *mem, const ServiceConfig *config, Str *why);
void service_close(void);

/* Trusts by that list from now on, and signs with its secrets. While others ask. */
void service_change(ServiceList *list);

/* A service that may ask, and what for: no more than its token says, and no more than
 * the list says.
 *   fails   INVALID_SERVICE_TOKEN, UNTRUSTED_SERVICE, INVALID_SERVICE_SIGNATURE,
 *           SERVICE_TOKEN_EXPIRED, SERVICE_TOKEN_REVOKED, SERVICE_REVOKED
 *   thread  any: an io thread too */
typedef struct Peer {
    Str service;
    Uuid machine;
    unsigned scopes;
    TenantId tenant;
    UserId user;
} Peer;
CHECKED bool service_check(Ctx *cx, Str token, Peer *out);

/* The rest of it, of a token whose signature was found to be that service's. An
 * environment that is absent is ours. */
CHECKED bool service_judge(Ctx *cx, Str token, const Service *s, const Assertion *a,
                           Peer *out);

/* That it was not taken back. Fails SERVICE_REVOKED. */
CHECKED bool service_standing(Ctx *cx, const Service *s);

/* The X-Service-Token for a call to `audience`, on behalf of cx's tenant and user; it is
 * good for a minute at least. Kept and used again until then, so few are signed. Absent
 * when there is no secret between us and that service.
 *   gives   text in cx->mem
 *   thread  any: an io thread too */
Str service_assertion(Ctx *cx, Str audience);

/* All that a call to another service says: the token (when there is one), X-Service-ID
 * and -Name, X-Request-ID, User-Agent, traceparent with a span of cx, and `tracestate`
 * when it is not absent. Gives how many. */
enum { SERVICE_HEADERS = 7 };
int service_headers(Ctx *cx, Str audience, Str tracestate, Header out[SERVICE_HEADERS]);

/* This process, among those of the same id: {id}-{machine}-{start}-{chance}, until when,
 * and a fingerprint of the secret that says nothing about it. It gets another name ten
 * days before its end. */
#define INSTANCE_LASTS days(30)
#define INSTANCE_EARLY days(10)
typedef struct Instance { Str id, fingerprint; Instant until; } Instance;
Instance service_instance(Ctx *cx);
void service_watch(Ctx *cx);                      /* renews it when it is time; a clock
                                                     job */
Str service_own_id(void);                         /* SERVICE_ID               */

/* A token as a service of the list would make it, or as ourselves: for operators and
 * tests.
 *   fails   NOT_FOUND: no such service; INVALID_STATE: it has no secret here */
CHECKED bool service_mint(Ctx *cx, Str id, Str audience, Span lasts, Str *token);
