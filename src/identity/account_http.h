/* account_http.h - the handlers of what a person does about his account.
 *
 *   POST /auth/verify-email         OPEN       token, or email and code -> 200
 *   POST /auth/resend-verification  SIGNED_IN                -> 200
 *   POST /auth/forgot-password      OPEN       email         -> 200 whoever it is
 *   POST /auth/reset-password       OPEN       token, newPassword -> 200
 *   PUT|POST /auth/change-password  SIGNED_IN  currentPassword, newPassword -> 200
 *
 * The links of letters lead to pages (web/account_pages.h), whose buttons post: mail
 * scanners follow links, and a GET must not use one up.
 * Needs: mailbox, recovery, auth_http.  Used by: web (the table of routes). */
#pragma once
#include "net/req.h"

extern const Shape verify_shape, forgot_shape, reset_shape, change_shape;

Handler account_verify, account_resend, account_forgot, account_reset, account_change;
