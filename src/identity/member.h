/* member.h - the people of a tenant as its admins see them and change what they may.
 *
 * An admin acts on people whose role is not above his own, gives no role above his own,
 * and changes nothing of himself: so whoever runs a tenant can't shut himself out, and
 * the last one stays. A change is felt within a second everywhere (epoch.h).
 * Needs: person, session, epoch, note.  Used by: member_http. */
#pragma once
#include "identity/person.h"

typedef struct Member {
    UserId  id;
    Str     email, firstName, lastName;
    bool    emailVerified, mfaEnabled;
    int     role, status;
    Instant lockedUntil, lastLoginAt, createdAt;
} Member;
extern const Shape member_shape;

/* In the order of their ids, from above `after`; or the one with that email.
 *   tx  each of these opens its own */
CHECKED bool member_list(Ctx *cx, Str email, UserId after, i64 most, Member **rows,
                         isize *count);
CHECKED bool member_get(Ctx *cx, UserId id, Member *out);          /* NOT_FOUND */
CHECKED bool member_find(Ctx *cx, UserId id, Member *out, bool *found);

/* Who may be asked to decide: admins and super-admins who may sign in, the eldest first;
 * of one of the two roles, or ANYONE of them. */
CHECKED bool member_list_admins(Ctx *cx, Role role, i64 most, Member **rows,
                                isize *count);

/* Of which tenant somebody is; spans tenants. Fails NOT_FOUND. */
CHECKED bool member_tenant(Ctx *cx, UserId id, TenantId *out);

/*   fails   NOT_FOUND, FORBIDDEN (above the asker's own, or himself), CONFLICT (somebody
 *           else changed it meanwhile) */
CHECKED bool member_set_role(Ctx *cx, UserId id, Role role, Member *out);

/* ACTIVE (PENDING, while his mailbox was not reached) or SUSPENDED. Who is suspended is
 * signed out everywhere and can't come back. ACTIVE takes a DELETED one back who is not
 *   erased yet.
 *   fails   as above; INVALID_STATE: suspends a
 *           DELETED one */
CHECKED bool member_set_status(Ctx *cx, UserId id, PersonStatus status, Str reason,
                               Member *out);

/* Signs him out everywhere. Fails NOT_FOUND, FORBIDDEN. */
CHECKED bool member_sign_out(Ctx *cx, UserId id);
