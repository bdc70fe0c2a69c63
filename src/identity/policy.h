/* policy.h - which passwords a tenant lets its people choose.
 *
 * PASSWORD_POLICY is what holds where a tenant's settings say nothing. They may say
 *   "passwordPolicy": "classic" or "asvs5", and
 *   "passwordMinLength": more letters than the policy asks for by itself.
 * Needs: password, tenant.  Used by: login, recovery, tenant_admin. */
#pragma once
#include "proof/password.h"

enum { POLICY_LEAST_MOST = 64 };        /* ASVS 5.0 V6.2.9: 64 letters must be possible */

void policy_open(Policy otherwise);

/* By the rules of cx->tenant.
 *   fails   VALIDATION_ERROR as password_allowed
 *   tx      opens its own */
CHECKED bool policy_allows(Ctx *cx, Str password);

/* Whether settings say nothing of passwords that can't be kept to.
 *   fails   VALIDATION_ERROR */
CHECKED bool policy_check(Ctx *cx, Str settings);
