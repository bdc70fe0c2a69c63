/* sandbox_http.h - the sandbox provider's page and the answer to its two buttons.
 * Needs: sandbox, net.  Used by: web (the table of routes). */
#pragma once
#include "net/req.h"
#include "pay/sandbox.h"

typedef struct SandboxConfirm { int outcome; } SandboxConfirm;
typedef struct SandboxConfirmed { Str intentId; int status; } SandboxConfirmed;
extern const Shape sandbox_confirm_shape, sandbox_confirmed_shape;

/* POST /api/v1/payments/sandbox/:intentId/confirm {outcome} -> 200 {intentId,status}.
 * OPEN: who holds the intent id was given it. */
Handler sandbox_confirm;
/* GET /pay/sandbox/:intentId and GET /pay/sandbox.js: OPEN, PAGE. */
Handler sandbox_page, sandbox_script;
