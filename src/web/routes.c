/* routes.c - the one table. A row is: method, path, who may, largest body (0: the
 * server's), shape in, status, shape out, handler, what it is, tag, one sentence. */
#include "web/routes.h"
#include "events/event_http.h"
#include "events/permission_http.h"
#include "events/venue_http.h"
#include "gateway/live_http.h"
#include "identity/account_http.h"
#include "identity/auth_http.h"
#include "identity/signin.h"
#include "identity/signin_http.h"
#include "identity/guard.h"
#include "identity/record.h"
#include "identity/device_key_http.h"
#include "identity/guard.h"
#include "identity/internal_http.h"
#include "identity/key_http.h"
#include "identity/member_http.h"
#include "identity/mfa_http.h"
#include "identity/passkey_http.h"
#include "identity/privacy_http.h"
#include "identity/service_http.h"
#include "identity/session.h"
#include "identity/tenant_http.h"
#include "identity/wallet_http.h"
#include "pay/sandbox_http.h"
#include "tickets/door.h"
#include "tickets/order.h"
#include "tickets/tickets_http.h"
#include "tickets/type.h"
#include "web/account_pages.h"
#include "web/export.h"
#include "web/health.h"
#include "web/metrics.h"
#include "web/openapi.h"
#include "web/pages.h"

#define API "/api/v1"

static const Route table[] = {
/* ---- people -------------------------------------------------------------------------- */
{ M_POST, "/auth/register", OPEN, 0, &register_shape, 201,
  &signed_in_shape, auth_register, LIMIT_REGISTER,
  "people", "Makes an account and signs in." },
{ M_POST, "/auth/login", OPEN, 0, &login_shape, 200,
  &entered_shape, auth_login, LIMIT_LOGIN, "people",
  "Signs in, or asks for the second factor." },
{ M_POST, "/auth/refresh", OPEN, 0, &refresh_shape, 200,
  &tokens_shape, auth_refresh, LIMIT_DEFAULT,
  "people", "Changes a refresh token for new tokens." },
{ M_POST, "/auth/logout", SIGNED_IN, 0, NULL, 200,
  &done_shape, signin_leave, LIMIT_DEFAULT, "people", "Ends this session." },
{ M_POST, "/auth/revoke", OPEN, 0, &revoke_shape, 200,
  &done_shape, auth_revoke, LIMIT_DEFAULT, "trust",
  "Takes back an access token alone, or a refresh token with its session." },
{ M_GET, "/auth/me", SIGNED_IN, 0, NULL, 200,
  &me_shape, auth_me, LIMIT_DEFAULT, "people", "Says who is signed in." },
{ M_GET, "/auth/verify-email", OPEN, 0, NULL, 200,
  NULL, page_verify, PAGE, "pages", "Where the letter's link leads: a page with a button." },
{ M_POST, "/auth/verify-email", OPEN, 0, &verify_shape, 200,
  &done_shape, account_verify, LIMIT_DEFAULT,
  "people", "Confirms an email, by the letter's link or by its code." },
{ M_POST, "/auth/resend-verification", SIGNED_IN, 0, NULL, 200,
  &done_shape, account_resend, LIMIT_DEFAULT, "people", "Sends that letter again." },
{ M_POST, "/auth/forgot-password", OPEN, 0, &forgot_shape, 200,
  &done_shape, account_forgot, LIMIT_DEFAULT,
  "people", "Sends a link to choose a new password; the answer is the same for everybody." },
{ M_GET, "/auth/reset-password", OPEN, 0, NULL, 200,
  NULL, page_reset, PAGE, "pages", "Where that link leads: a page with a form." },
{ M_POST, "/auth/reset-password", OPEN, 0, &reset_shape, 200,
  &done_shape, account_reset, LIMIT_DEFAULT,
  "people", "Sets a new password by the letter's link, and signs out everywhere." },
{ M_PUT, "/auth/change-password", SIGNED_IN, 0, &change_shape, 200,
  &done_shape, account_change, LIMIT_DEFAULT,
  "people", "Changes the password, and signs out everywhere." },
{ M_POST, "/auth/change-password", SIGNED_IN, 0, &change_shape, 200,
  &done_shape, account_change, LIMIT_DEFAULT, "people", "The same." },
{ M_GET, "/account.js", OPEN, 0, NULL, 200,
  NULL, page_account_script, PAGE, "pages", "The script of those pages." },
{ M_GET, "/auth/profile", SIGNED_IN, 0, NULL, 200,
  &me_shape, profile_show, LIMIT_DEFAULT, "people", "Shows one's profile and its version." },
{ M_PUT, "/auth/profile", SIGNED_IN, 0, &profile_shape, 200,
  &me_shape, profile_update, LIMIT_DEFAULT, "people", "Changes it." },
{ M_GET, "/auth/sessions", SIGNED_IN, 0, NULL, 200,
  &signin_shape, signin_index, LISTED | LIMIT_DEFAULT,
  "people", "Lists where one is signed in." },
{ M_DELETE, "/auth/sessions/all", SIGNED_IN, 0, NULL, 200,
  &sessions_ended_shape, signin_remove_all, LIMIT_DEFAULT,
  "people", "Signs out everywhere, here too." },
{ M_DELETE, "/auth/sessions/others", SIGNED_IN, 0, NULL, 200,
  &sessions_ended_shape, signin_remove_others, LIMIT_DEFAULT,
  "people", "Signs out everywhere else." },
{ M_DELETE, "/auth/sessions/:id", SIGNED_IN, 0, NULL, 204,
  NULL, signin_remove, LIMIT_DEFAULT, "people", "Signs out there." },
{ M_GET, "/auth/login-attempts", SIGNED_IN, 0, NULL, 200,
  &record_shape, record_own, LISTED | LIMIT_DEFAULT,
  "people", "Lists who signed in to one's account, or tried." },
{ M_GET, "/auth/admin/audit", ADMINS, 0, NULL, 200,
  &record_shape, record_list, LISTED | LIMIT_DEFAULT, "audit",
  "Lists what was done to accounts: ?action= &subject= &actor= &success= &from= &to=." },
{ M_GET, "/auth/admin/audit/export", ADMINS, 0, NULL, 200,
  NULL, record_export, LIMIT_DEFAULT, "audit",
  "The same as lines of JSON, oldest first, 5000 at most; the header Next-Cursor goes on." },
{ M_GET, "/.well-known/jwks.json", OPEN, 0, NULL, 200,
  NULL, key_set, 0, "people", "The keys that verify access tokens." },
{ M_GET, "/auth/gdpr/export", SIGNED_IN, 0, NULL, 200,
  NULL, export_own, FRESH, "trust", "All that is kept of oneself, as a file." },
{ M_POST, "/auth/gdpr/delete", SIGNED_IN, 0, &forget_shape, 200,
  &forgotten_shape, privacy_delete, FRESH, "trust", "Asks to be forgotten." },
{ M_GET, "/auth/admin/users", ADMINS, 0, NULL, 200,
  &member_shape, member_index, LISTED, "trust", "Lists the people of the tenant: ?email=." },
{ M_GET, "/auth/admin/users/:id", ADMINS, 0, NULL, 200,
  &member_reply_shape, member_show, 0, "trust", "Shows a person." },
{ M_PUT, "/auth/admin/users/:id/role", ADMINS, 0, &role_in_shape, 200,
  &member_reply_shape, member_role, 0, "trust", "Gives a person another role." },
{ M_PUT, "/auth/admin/users/:id/status", ADMINS, 0, &status_in_shape, 200,
  &member_reply_shape, member_status, 0, "trust", "Suspends a person, or lets him in again." },
{ M_DELETE, "/auth/admin/users/:id/sessions", ADMINS, 0, NULL, 204,
  NULL, member_leave, 0, "trust", "Signs a person out everywhere." },
{ M_GET, "/auth/admin/tenants", SUPERS, 0, NULL, 200,
  &tenant_shape, tenant_index, LISTED, "trust", "Lists the tenants." },
{ M_POST, "/auth/admin/tenants", SUPERS, 0, &tenant_in_shape, 201,
  &tenant_reply_shape, tenant_create, 0, "trust", "Adds a tenant." },
{ M_GET, "/auth/admin/tenants/:id", SUPERS, 0, NULL, 200,
  &tenant_reply_shape, tenant_show, 0, "trust", "Shows a tenant." },
{ M_PUT, "/auth/admin/tenants/:id/status", SUPERS, 0, &tenant_status_shape, 200,
  &tenant_reply_shape, tenant_status, 0, "trust", "Suspends a tenant, or lets it go on." },
{ M_GET, "/auth/admin/tenant", ADMINS, 0, NULL, 200,
  &tenant_reply_shape, tenant_own, 0, "trust", "Shows one's own tenant and its settings." },
{ M_PUT, "/auth/admin/tenant/settings", ADMINS, 0, &settings_in_shape, 200,
  &tenant_reply_shape, tenant_settings, 0, "trust", "Replaces the settings of one's own tenant." },
{ M_GET, "/auth/admin/services", SUPERS | MAY_ADMIN, 0, NULL, 200,
  &service_row_shape, service_index, LISTED, "trust", "Lists the services that may call." },
{ M_GET, "/auth/admin/services/self", SUPERS | MAY_ADMIN, 0, NULL, 200,
  &self_shape, service_self, 0, "trust", "Says as whom this node calls others." },
{ M_GET, "/auth/admin/services/revocations", SUPERS | MAY_ADMIN, 0, NULL, 200,
  &revocation_shape, revocation_index, LISTED, "trust", "Lists services and tokens that are taken back." },
{ M_POST, "/auth/admin/services/revocations", SUPERS | MAY_ADMIN, 0, &revoke_in_shape, 201,
  &revocation_shape, revocation_create, 0, "trust", "Takes back a service, or one token of one." },
{ M_DELETE, "/auth/admin/services/revocations/:service", SUPERS | MAY_ADMIN, 0, NULL, 204,
  NULL, revocation_remove, 0, "trust", "Lets a service speak again." },
{ M_GET, "/auth/admin/keys", SUPERS, 0, NULL, 200,
  &key_shape, key_index, LISTED, "trust", "Lists the keys that sign tokens." },
{ M_POST, "/auth/admin/keys/rotate", SUPERS, 0, &rotate_shape, 200,
  &rotated_shape, key_turn, 0, "trust", "Lets the next key sign, and makes another." },
{ M_GET, "/auth/internal/users/:id", MACHINES | MAY_USERS_READ, 0, NULL, 200,
  &known_shape, internal_user, 0, "internal", "Shows a person to another service." },
{ M_GET, "/auth/internal/users/by-email/:email", MACHINES | MAY_USERS_READ, 0, NULL, 200,
  &known_email_shape, internal_user_by_email, 0, "internal", "The same, by email; nobody is an answer." },
{ M_POST, "/auth/internal/validate-users", MACHINES | MAY_USERS_READ, 0, &ask_users_shape, 200,
  &known_users_shape, internal_validate_users, 0, "internal", "Says which of these people there are." },
{ M_POST, "/auth/internal/validate-permissions", MACHINES | MAY_USERS_READ, 0, &validate_shape, 200,
  &validated_shape, permission_validate, 0, "internal", "Says whether a person may all of this." },
/* ---- factors ------------------------------------------------------------------------- */
{ M_POST, "/auth/mfa/setup", SIGNED_IN, 0, NULL, 200,
  &mfa_setup_shape, mfa_setup_http, 0, "factors", "Gives a secret for an authenticator app." },
{ M_POST, "/auth/mfa/verify-setup", SIGNED_IN, 0, &mfa_code_shape, 200,
  &mfa_enabled_shape, mfa_verify_setup, 0, "factors", "Turns the second factor on." },
{ M_POST, "/auth/mfa/verify", OPEN, 0, &mfa_verify_shape, 200,
  &signed_in_shape, mfa_verify, LIMIT_DEFAULT, "factors", "Completes a sign-in with the second factor." },
{ M_POST, "/auth/mfa/step-up", SIGNED_IN, 0, &mfa_code_shape, 200,
  &mfa_valid_shape, mfa_step_up, 0, "factors", "Shows the second factor before a sensitive change." },
{ M_POST, "/auth/mfa/regenerate-backup-codes", SIGNED_IN, 0, NULL, 200,
  &mfa_codes_shape, mfa_regenerate_http, FRESH, "factors", "Gives ten new backup codes for the old ones." },
{ M_DELETE, "/auth/mfa/disable", SIGNED_IN, 0, &mfa_disable_shape, 200,
  &done_shape, mfa_disable_http, 0, "factors", "Turns the second factor off." },
{ M_POST, "/auth/passkeys/register/options", SIGNED_IN, 0, NULL, 200,
  &passkey_options_shape, passkey_new_options, FRESH, "factors", "What a browser needs to make a passkey." },
{ M_POST, "/auth/passkeys/register", SIGNED_IN, 64 << 10, &passkey_new_shape, 201,
  &passkey_answer_shape, passkey_create, FRESH, "factors", "Takes a new passkey." },
{ M_POST, "/auth/passkeys/login/options", OPEN, 0, NULL, 200,
  &passkey_options_shape, passkey_enter_options, LIMIT_DEFAULT, "factors", "What a browser needs to ask for a passkey." },
{ M_POST, "/auth/passkeys/login", OPEN, 64 << 10, &passkey_enter_shape, 200,
  &entered_shape, passkey_login, LIMIT_DEFAULT, "factors", "Signs in with a passkey." },
{ M_GET, "/auth/passkeys", SIGNED_IN, 0, NULL, 200,
  &passkey_shape, passkey_index, LISTED, "factors", "Lists one's own passkeys." },
{ M_PUT, "/auth/passkeys/:id", SIGNED_IN, 0, &passkey_rename_shape, 200,
  &passkey_answer_shape, passkey_update, 0, "factors", "Calls a passkey something else." },
{ M_DELETE, "/auth/passkeys/:id", SIGNED_IN, 0, NULL, 204,
  NULL, passkey_delete, FRESH, "factors", "Forgets a passkey." },
{ M_POST, "/auth/wallet/nonce", OPEN, 0, &wallet_ask_shape, 200,
  &wallet_asked_shape, wallet_nonce, LIMIT_WALLET, "factors", "Gives a message for a wallet to sign." },
{ M_POST, "/auth/wallet/link", SIGNED_IN, 0, &wallet_signed_shape, 200,
  &wallet_linked_shape, wallet_link_http, FRESH, "factors", "Ties a wallet to one's account." },
{ M_POST, "/auth/wallet/login", OPEN, 0, &wallet_signed_shape, 200,
  &entered_shape, wallet_login, LIMIT_WALLET, "factors", "Signs in with a wallet." },
{ M_GET, "/auth/wallet", SIGNED_IN, 0, NULL, 200,
  &wallet_shape, wallet_index, LISTED, "factors", "Lists one's own wallets." },
{ M_DELETE, "/auth/wallet/unlink/:publicKey", SIGNED_IN, 0, NULL, 200,
  &done_shape, wallet_unlink_http, FRESH, "factors", "Unties a wallet." },
{ M_POST, "/auth/biometric/register", SIGNED_IN, 0, &device_new_shape, 201,
  &device_made_shape, device_register, FRESH, "factors", "Takes a device's public key." },
{ M_POST, "/auth/biometric/challenge", OPEN, 0, &device_ask_shape, 200,
  &device_asked_shape, device_challenge, LIMIT_DEFAULT, "factors", "Gives a message for a device's key to sign." },
{ M_POST, "/auth/biometric/authenticate", OPEN, 0, &device_enter_shape, 200,
  &entered_shape, device_login, LIMIT_DEFAULT, "factors", "Signs in with a device's key." },
{ M_GET, "/auth/biometric/devices", SIGNED_IN, 0, NULL, 200,
  &device_key_shape, device_index, LISTED, "factors", "Lists one's own devices." },
{ M_PUT, "/auth/biometric/devices/:credentialId", SIGNED_IN, 0, &device_rename_shape, 200,
  &device_answer_shape, device_update, 0, "factors", "Calls a device something else." },
{ M_DELETE, "/auth/biometric/devices/:credentialId", SIGNED_IN, 0, NULL, 204,
  NULL, device_delete, FRESH, "factors", "Revokes a device's key." },
/* ---- venues and events --------------------------------------------------------------- */
{ M_POST, API "/venues", ORGANISER, 0, &venue_in_shape, 201,
  &venue_reply_shape, venue_create, ONCE_MAY, "venues", "Opens a venue." },
{ M_GET, API "/venues", OPEN, 0, NULL, 200,
  &venue_shape, venue_index, LISTED, "venues", "Lists venues." },
{ M_GET, API "/venues/:id", OPEN, 0, NULL, 200,
  &venue_reply_shape, venue_show, 0, "venues", "Shows a venue." },
{ M_PUT, API "/venues/:id", ORGANISER, 0, &venue_change_shape, 200,
  &venue_reply_shape, venue_update, 0, "venues", "Changes a venue." },
{ M_POST, API "/venues/:id/staff", ORGANISER, 0, &staff_in_shape, 201,
  &staff_reply_shape, staff_create, ONCE_MAY,
  "venues", "Gives a person a role at a venue." },
{ M_GET, API "/venues/:id/staff", ORGANISER, 0, NULL, 200,
  &staff_shape, staff_index, LISTED, "venues", "Lists who works at a venue." },
{ M_GET, API "/venues/:id/permissions", SIGNED_IN, 0, NULL, 200,
  &permissions_shape, permission_show, 0, "venues", "Says what one may do at a venue." },
{ M_DELETE, API "/venues/:id/staff/:personId", ORGANISER, 0, NULL, 204,
  NULL, staff_remove, 0, "venues", "Takes a role at a venue back." },
{ M_POST, API "/events", ORGANISER, 0, &event_in_shape, 201,
  &event_reply_shape, event_create, ONCE_MAY, "events", "Drafts an event." },
{ M_GET, API "/events", OPEN, 0, NULL, 200,
  &event_shape, event_index, LISTED,
  "events", "Lists events: ?status= &venueId= &search= &from=." },
{ M_GET, API "/events/:id", OPEN, 0, NULL, 200,
  &event_reply_shape, event_show, 0, "events", "Shows an event." },
{ M_PUT, API "/events/:id", ORGANISER, 0, &event_change_shape, 200,
  &event_reply_shape, event_update, 0, "events", "Changes an event." },
{ M_DELETE, API "/events/:id", ORGANISER, 0, NULL, 204,
  NULL, event_remove, 0, "events", "Deletes a draft." },
{ M_POST, API "/events/:id/publish", ORGANISER, 0, NULL, 200,
  &event_reply_shape, event_publish, 0, "events", "Publishes an event." },
{ M_POST, API "/events/:id/transitions", ORGANISER, 0, &event_do_shape, 200,
  &event_reply_shape, event_transition, 0, "events", "Moves an event to another state." },
{ M_POST, API "/events/:id/cancel", ORGANISER, 0, &event_cancel_shape, 200,
  &event_reply_shape, event_cancel, 0, "events", "Cancels an event." },
{ M_GET, API "/events/:id/content", OPEN, 0, NULL, 200,
  &content_shape, content_show, 0, "events", "Shows gallery, lineup and schedule." },
{ M_PUT, API "/events/:id/content", ORGANISER, 0, &content_shape, 200,
  &content_shape, content_update, 0, "events", "Replaces gallery, lineup and schedule." },
/* ---- tickets ------------------------------------------------------------------------- */
{ M_POST, API "/tickets/types", ORGANISER, 0, &type_new_shape, 201,
  &type_answer_shape, type_post, ONCE_MAY,
  "tickets", "Adds a kind of ticket to an event." },
{ M_GET, API "/tickets/types/:id", OPEN, 0, NULL, 200,
  &type_answer_shape, type_one, 0, "tickets", "Shows a kind of ticket." },
{ M_PUT, API "/tickets/types/:id", ORGANISER, 0, &type_change_shape, 200,
  &type_answer_shape, type_put, 0, "tickets", "Changes a kind of ticket." },
{ M_GET, API "/tickets/events/:eventId/types", OPEN, 0, NULL, 200,
  &type_shape, type_of_event, LISTED,
  "tickets", "Lists what is sold for an event, and what is left." },
{ M_POST, API "/tickets/purchase", SIGNED_IN, 0, &wish_shape, 201,
  &hold_answer_shape, hold_create, ONCE_MAY,
  "tickets", "Holds tickets for ten minutes." },
{ M_GET, API "/tickets/reservations/:id", SIGNED_IN, 0, NULL, 200,
  &hold_answer_shape, hold_show, 0, "tickets", "Shows a reservation." },
{ M_DELETE, API "/tickets/reservations/:id", SIGNED_IN, 0, NULL, 200,
  &hold_answer_shape, hold_release, 0, "tickets", "Gives held tickets back." },
{ M_GET, API "/tickets", SIGNED_IN, 0, NULL, 200,
  &ticket_shape, ticket_page_http, LISTED, "tickets", "Lists one's own tickets." },
{ M_GET, API "/tickets/:id", SIGNED_IN, 0, NULL, 200,
  &ticket_answer_shape, ticket_show, 0, "tickets", "Shows one's ticket." },
{ M_POST, API "/transfer", SIGNED_IN, 0, &handover_shape, 200,
  &ticket_answer_shape, ticket_transfer, ONCE_MAY,
  "tickets", "Gives a ticket to another person." },
{ M_GET, API "/qr/:ticketId", SIGNED_IN, 0, NULL, 200,
  &code_answer_shape, ticket_code, 0,
  "tickets", "The code that admits now, also as a picture." },
/* ---- orders and money ---------------------------------------------------------------- */
{ M_POST, API "/purchase", SIGNED_IN, 0, &purchase_shape, 201,
  &purchase_answer_shape, order_create, ONCE,
  "orders", "Orders what is held, or holds and orders at once." },
{ M_GET, API "/orders", SIGNED_IN, 0, NULL, 200,
  &order_shape, order_page_http, LISTED, "orders", "Lists one's own orders." },
{ M_GET, API "/orders/:id", SIGNED_IN, 0, NULL, 200,
  &order_answer_shape, order_show, 0, "orders", "Shows one's order and its tickets." },
{ M_POST, API "/payments/sandbox/:intentId/confirm", OPEN, 0, &sandbox_confirm_shape, 200,
  &sandbox_confirmed_shape, sandbox_confirm, 0,
  "orders", "Decides what the sandbox provider says." },
{ M_POST, API "/webhooks/payment-success", SIGNED, 0, &success_shape, 200,
  &processed_shape, payment_success, 0,
  "webhooks", "The provider says that an order was paid." },
{ M_POST, API "/webhooks/payment-failed", SIGNED, 0, &failure_shape, 200,
  &processed_shape, payment_failure, 0,
  "webhooks", "The provider says that a payment failed." },
{ M_GET, "/pay/sandbox/:intentId", OPEN, 0, NULL, 200,
  NULL, sandbox_page, PAGE, "pages", "The sandbox provider's page." },
{ M_GET, "/pay/sandbox.js", OPEN, 0, NULL, 200,
  NULL, sandbox_script, PAGE, "pages", "Its script." },
/* ---- the door ------------------------------------------------------------------------ */
{ M_POST, API "/validation/scan", SIGNED_IN, 0, &scan_shape, 200,
  &verdict_shape, door_post, 0, "door", "Judges a code and lets in once." },
{ M_GET, API "/validation/events/:eventId/key", SIGNED_IN, 0, NULL, 200,
  &key_answer_shape, door_key, 0,
  "door", "What a scanner needs to check codes without a network." },
/* ---- the stream ---------------------------------------------------------------------- */
{ M_POST, "/events/token", SIGNED_IN, 0, NULL, 200,
  &stream_token_shape, live_token, LIMIT_STREAM, "stream", "A token that opens one stream, once." },
{ M_GET, "/events/stream", OPEN, 0, NULL, 200,
  NULL, live_stream, STREAM | LIMIT_STREAM,
  "stream", "Everything that happens, as server-sent events." },
/* ---- operators and browsers ---------------------------------------------------------- */
{ M_GET, "/health", OPEN, 0, NULL, 200,
  &health_shape, health_show, INLINE, "operations", "Says that the server is alive." },
{ M_GET, "/health/live", OPEN, 0, NULL, 200,
  &health_shape, health_show, INLINE, "operations", "The same." },
{ M_GET, "/health/ready", OPEN, 0, NULL, 200,
  &health_shape, health_ready, 0, "operations", "Says whether work can be taken." },
{ M_GET, "/metrics", OPERATORS, 0, NULL, 200,
  NULL, metrics_show, 0, "operations", "What is counted, in Prometheus' text format." },
{ M_GET, "/openapi.json", OPEN, 0, NULL, 200,
  NULL, openapi_show, 0, "operations", "This description of the API." },
{ M_GET, "/", OPEN, 0, NULL, 200,
  NULL, page_start, PAGE, "pages", "The start page." },
{ M_GET, "/index.js", OPEN, 0, NULL, 200,
  NULL, page_start_script, PAGE, "pages", "Its script." },
{ M_GET, "/style.css", OPEN, 0, NULL, 200,
  NULL, page_style, PAGE, "pages", "How pages look." },
{ M_GET, "/docs", OPEN, 0, NULL, 200,
  NULL, page_docs, PAGE, "pages", "The API for people." },
{ M_GET, "/docs.js", OPEN, 0, NULL, 200,
  NULL, page_docs_script, PAGE, "pages", "Its script." },
{ M_GET, "/problems/:code", OPEN, 0, NULL, 200,
  NULL, page_problem, PAGE, "pages", "What a problem's code means." },
{ M_GET, "/mail", OPEN, 0, NULL, 200,
  NULL, page_letters, PAGE, "pages", "Letters that were sent, in development." },
{ M_GET, "/mail/:name", OPEN, 0, NULL, 200,
  NULL, page_letter, PAGE, "pages", "One letter, in development." },
{ M_POST, "/internal/test/clock", OPEN, 0, &clock_move_shape, 200,
  &clock_now_shape, clock_advance, TESTONLY, "testing", "Moves the calendar ahead." },
};

const Route *routes_table(Arena *mem, bool test_clock, isize *count)
{
    Route *rows = make(mem, Route, countof(table));
    isize n = 0;

    for (isize i = 0; i < countof(table); i++)
        if (test_clock || (table[i].is & TESTONLY) == 0)
            rows[n++] = table[i];
    *count = n;
    return rows;
}

Str route_access_str(const Route *r)
{
    static const char *const words[] = {
        [OPEN] = "anybody", [SIGNED_IN] = "signed in", [ORGANISER] = "organiser",
        [ADMINS] = "admin", [SIGNED] = "machine", [OPERATORS] = "operator",
        [SUPERS] = "super-admin", [MACHINES] = "machine", [SERVICES] = "service" };

    must(access_of(r->access) < ACCESSES);
    return str_of(words[access_of(r->access)]);
}

Str route_scope_str(Arena *mem, const Route *r)
{
    return scopes_str(mem, scope_of(r->access));
}
