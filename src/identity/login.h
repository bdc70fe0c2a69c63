/* login.h - accounts: making one, signing in, and who knocks too often.
 *
 * Unknown, wrong, locked, suspended give the same answer and cost the same hash. An
 * attempt is counted before the password is looked at, so a hundred at once are five.
 * Needs: person, session, password, kv, mail.  Used by: auth_http, cli. */
#pragma once
#include "identity/audit.h"
#include "identity/person.h"
#include "identity/session.h"

/* So many failures in `lasts` until an account is locked for as long; an address at twice
 * that. */
typedef struct Lockout { i64 attempts; Span lasts; } Lockout;
const Lockout *lockout(void);

enum { LOGINS_MOST = 5 };
#define LOGIN_WINDOW   seconds(60)                /* per address and email    */

typedef struct LoginConfig {
    bool needs_verified;                          /* LOGIN_REQUIRES_VERIFIED  */
    Lockout lockout;                              /* LOCKOUT_*                */
} LoginConfig;
void login_open(const LoginConfig *config);

typedef struct Account { Str email, password, firstName, lastName, phone; } Account;

/* Either who and tokens, or, where a second factor is on, requiresMfa and the challenge
 * that its code must come with (entry.h). */
typedef struct SignedIn {
    Person user;
    Tokens tokens;
    Maybe  requiresMfa;
    Str    challenge;
} SignedIn;
extern const Shape signed_in_shape;

/* A new customer of cx->tenant, signed in at once. A letter asks to confirm the email.
 *   fails   INVALID_TENANT, VALIDATION_ERROR, DUPLICATE_EMAIL, BUSY */
CHECKED bool login_register(Ctx *cx, const Caller *from, const Account *in,
                            SignedIn *out);

/* With a second factor on, the right password is answered with a challenge.
 *   fails   RATE_LIMIT_EXCEEDED, AUTHENTICATION_FAILED, BUSY; KV_UNAVAILABLE: a password
 *           is not looked at while attempts can't be counted */
CHECKED bool login_enter(Ctx *cx, const Caller *from, Str email, Str password,
                         SignedIn *out);

/* For the CLI: an account that needs no confirmation. An absent password makes one that
 * can't sign in with a password.
 *   fails   VALIDATION_ERROR, INVALID_TENANT, DUPLICATE_EMAIL */
CHECKED bool account_add(Ctx *cx, Str email, Str password, Role role, Person *out);

/* The same for who comes from another system with the hash that it kept: bcrypt's, or an
 * Argon2id string of any order. It is replaced by one of ours at the first sign-in.
 *   fails   also VALIDATION_ERROR: no hash that we would check */
CHECKED bool account_take_over(Ctx *cx, Str email, Str hash, Role role, Person *out);

/* An access token for a person of cx->tenant without signing in. Not for the web: the
 * CLI and the load generator. It belongs to no session, so it lives its 15 minutes.
 *   gives   *token in cx->mem */
void person_token(Ctx *cx, UserId user, Role role, Str *token);
