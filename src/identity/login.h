/* login.h - accounts: making one, signing in, and who knocks too often.
 *
 * Unknown, wrong and locked give the same answer and cost the same hash. An attempt is
 * counted before the password is looked at, so a hundred at once are no more than five.
 * Needs: person, session, password, kv, mail.  Used by: auth_http, cli. */
#pragma once
#include "identity/person.h"
#include "identity/session.h"

enum { ATTEMPTS_MOST = 5, LOGINS_MOST = 5, REGISTERS_MOST = 3 };
#define LOCK_LASTS     minutes(15)
#define LOGIN_WINDOW   seconds(60)                /* per address and email    */
#define REGISTER_WINDOW seconds(300)              /* per address, in production */
#define VERIFY_LASTS   hours(24)

typedef struct LoginConfig {
    Str  public_url;                              /* for the link in the letter */
    bool production;                              /* limits registrations per address */
} LoginConfig;
void login_open(const LoginConfig *config);
void login_close(void);

typedef struct Caller { Str peer, agent; } Caller;

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
 *   fails   RATE_LIMIT_EXCEEDED, INVALID_TENANT, VALIDATION_ERROR, DUPLICATE_EMAIL, BUSY.
 *           While the kv is away the limit lets through, and no letter is sent */
CHECKED bool login_register(Ctx *cx, const Caller *from, const Account *in, SignedIn *out);

/* With a second factor on, the right password is answered with a challenge.
 *   fails   RATE_LIMIT_EXCEEDED, AUTHENTICATION_FAILED, BUSY; KV_UNAVAILABLE: a password is
 *           not looked at while attempts can't be counted */
CHECKED bool login_enter(Ctx *cx, const Caller *from, Str email, Str password, SignedIn *out);

/* The link of the letter; may be followed more than once, since mail scanners do.
 *   fails   INVALID_TOKEN, KV_UNAVAILABLE */
CHECKED bool login_verify_email(Ctx *cx, Str token);

/* For the CLI: an account that needs no confirmation. An absent password makes one that
 * can't sign in with a password.
 *   fails   VALIDATION_ERROR, INVALID_TENANT, DUPLICATE_EMAIL */
CHECKED bool account_add(Ctx *cx, Str email, Str password, Role role, Person *out);

/* An access token for a person of cx->tenant without signing in. Not for the web: the
 * CLI and the load generator. It belongs to no session, so it lives its 15 minutes.
 *   gives   *token in cx->mem */
void person_token(Ctx *cx, UserId user, Role role, Str *token);
