/* person.h - a person of a tenant, known by (tenant, email).
 *
 * Emails are kept in lower case. A person's secrets (the hash) are read by login.c and
 * never leave in JSON.
 * Needs: store, session, role.  Used by: login, auth_http, cli. */
#pragma once
#include "identity/role.h"
#include "store/store.h"

typedef enum PersonStatus { PERSON_PENDING, PERSON_ACTIVE, PERSON_SUSPENDED,
                            PERSON_DELETED } PersonStatus;
extern const Names person_status_names;

typedef struct Person {
    UserId   id;
    Str      email, firstName, lastName, phone;
    bool     emailVerified, mfaEnabled;
    int      role, status;                        /* Role, PersonStatus       */
    TenantId tenantId;
    Str      passwordHash;                        /* absent: none             */
    Instant  lockedUntil, lastLoginAt, createdAt, updatedAt;
    i64      version;                             /* rises with each change   */
} Person;
extern const Shape person_shape;

typedef struct NewPerson {
    UserId id;                                    /* picked by the caller     */
    Str    email, firstName, lastName, phone, passwordHash;
    Role   role;
    PersonStatus status;
} NewPerson;

/* All of cx->tenant, inside the caller's transaction unless they say otherwise. */

/*   fails   DUPLICATE_EMAIL */
CHECKED bool person_add(Ctx *cx, const NewPerson *in, Person *out);
CHECKED bool person_find(Ctx *cx, Str email, Person *out, bool *found);
CHECKED bool person_get(Ctx *cx, UserId id, Person *out);          /* NOT_FOUND */

/* Signed in: clears a lock; a new hash replaces the old one unless it is absent. Only who
 * is PENDING or ACTIVE, and (let_in) whose hash is still the one that was looked at.
 *   fails   AUTHENTICATION_FAILED */
CHECKED bool person_entered(Ctx *cx, UserId id, Str new_hash);
CHECKED bool person_let_in(Ctx *cx, UserId id, Str known_hash, Str new_hash);

/* Another hash in place of the one that is known (absent: of any); a lock ends.
 *   gives   *email, to write to
 *   fails   AUTHENTICATION_FAILED: gone, suspended, or another change came first */
CHECKED bool person_renew(Ctx *cx, UserId id, Str known_hash, Str new_hash, Str *email);

/* Locks, unless a lock runs: who knocks on cannot prolong it. */
CHECKED bool person_lock(Ctx *cx, UserId id, i64 failures, Instant until);

/* Changes what is given, if `version` is 0 or still the row's.
 *   fails   NOT_FOUND, CONFLICT */
typedef struct ProfileChange {
    Str firstName, lastName, phone;
    i64 version;
} ProfileChange;
CHECKED bool person_change(Ctx *cx, UserId id, const ProfileChange *in, Person *out);

/* The mailbox was reached; PENDING becomes ACTIVE. */
CHECKED bool person_verified(Ctx *cx, UserId id);

/* Each of these opens its own transaction. */
CHECKED bool person_list(Ctx *cx, i64 most, Person **rows, isize *count);   /* oldest first */
CHECKED bool person_set_role(Ctx *cx, UserId id, Role role);        /* NOT_FOUND */
CHECKED bool person_look(Ctx *cx, UserId id, Person *out);         /* NOT_FOUND */
CHECKED bool person_look_email(Ctx *cx, Str email, Person *out, bool *found);
