/* sandbox.h - the provider that is always there: it takes no money and pretends well.
 *
 * An intent is its own record: the id holds what is to be paid, sealed by a MAC, so
 * there is nothing to keep, and nothing that a crash could forget.
 * Needs: pay.  Used by: sandbox_http.c. */
#pragma once
#include "pay/pay.h"

typedef struct SandboxIntent {
    TenantId tenant;
    OrderId  order;
    i64      amount;                              /* minor units              */
    char     currency[4];
} SandboxIntent;

/* Reads what an id says. Fails NOT_FOUND for an id that we never gave. */
CHECKED bool sandbox_read(Ctx *cx, Str intent_id, SandboxIntent *out);

typedef enum SandboxOutcome { OUTCOME_SUCCEEDED, OUTCOME_FAILED } SandboxOutcome;
extern const Names sandbox_outcomes;

/* The buyer's decision: brings the signed webhook to our own route. Deciding twice
 * is one payment with one id.
 *   fails   NOT_FOUND, INVALID_STATE (the order takes no payment any more), BUSY;
 *           INTERNAL_ERROR when the webhook was refused */
CHECKED bool sandbox_decide(Ctx *cx, Str intent_id, SandboxOutcome outcome);
