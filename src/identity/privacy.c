/* privacy.c - erasing is one transaction a person, in his lane, whose first statement
 * takes the right to do it: of two clocks one finds him not yet erased. */
#include "identity/privacy.h"
#include "identity/epoch.h"
#include "identity/note.h"
#include "identity/session.h"

enum { ERASE_AT_ONCE = 100 };

SQL(person_leave,
    "UPDATE person SET status = 'DELETED', deleted_at = $3, updated_at = $3,"
    " version = version + 1 WHERE tenant = $1 AND id = $2"
    " AND status IN ('PENDING', 'ACTIVE')");

typedef struct { Str email, reason; i64 epoch; } Leaving;

static bool leave(Ctx *cx, void *arg)
{
    Leaving *l = arg;
    UserId user = cx->who.user;
    Person p;
    i64 changed;

    if (!person_get(cx, user, &p))
        return false;
    if (!str_is(p.email, str_lower(cx->mem, l->email)))
        return fail_field(cx, S("confirmEmail"), "must be the account's email");
    if (p.role >= ADMIN)
        return fail(cx, INVALID_STATE, "an admin gives his role back first");
    if (!sql_run(cx, &person_leave, &changed, V(user.v), V(cx->now)))
        return false;
    if (changed != 1)
        return fail(cx, INVALID_STATE, "neither pending nor active");
    return epoch_raise(cx, user, &l->epoch) &&
           note_write(cx, AUDIT_DELETION_REQUESTED, user, l->reason);
}

bool privacy_forget(Ctx *cx, Str email, Str reason, Instant *erased)
{
    Leaving l = { .email = email, .reason = reason };

    if (!write_tx(cx, lane_of(cx->who.user.v), leave, &l))
        return false;
    epoch_heard(cx, cx->who.user, l.epoch);
    *erased = later(cx->now, ERASE_AFTER);
    return session_end_all(cx, cx->who.user, "account deleted");
}

/* ---- erasing -------------------------------------------------------------- */

SQL_ALL(person_erasable,
    "SELECT tenant, id FROM person WHERE deleted_at < $1 AND erased_at IS NULL"
    " ORDER BY deleted_at LIMIT $2");

SQL(person_erase,
    "UPDATE person SET email = $3, password_hash = NULL, first_name = '', last_name = '',"
    " phone = NULL, email_verified = FALSE, mfa_enabled = FALSE, locked_until = NULL,"
    " last_login_at = NULL, erased_at = $4, updated_at = $4, version = version + 1"
    " WHERE tenant = $1 AND id = $2 AND status = 'DELETED' AND erased_at IS NULL");

/* A venue that loses its last owner gets the admin who has been here the longest. */
SQL(venue_hand_over,
    "INSERT INTO venue_staff (tenant, venue, person, role, granted_by, granted_at)"
    " SELECT s.tenant, s.venue, a.id, s.role, a.id, $3 FROM venue_staff s"
    " JOIN person a ON a.tenant = s.tenant AND a.id = (SELECT p.id FROM person p"
    "   WHERE p.tenant = $1 AND p.role IN ('admin', 'super-admin')"
    " AND p.status = 'ACTIVE'"
    "   AND p.id <> $2 ORDER BY p.created_at, p.id LIMIT 1)"
    " WHERE s.tenant = $1 AND s.person = $2 AND s.role = 'venue-owner' AND NOT EXISTS"
    "   (SELECT 1 FROM venue_staff o JOIN person p ON p.tenant = o.tenant"
    " AND p.id = o.person"
    "    WHERE o.tenant = $1 AND o.venue = s.venue AND o.person <> $2"
    "    AND o.role = 'venue-owner' AND p.status <> 'DELETED')"
    " ON CONFLICT (tenant, venue, person) DO UPDATE"
    " SET role = excluded.role, expires_at = NULL"
    " RETURNING person, venue");

SQL(session_erase,
    "UPDATE session SET ip = NULL, user_agent = NULL WHERE tenant = $1 AND person = $2");
SQL(staff_erase,  "DELETE FROM venue_staff WHERE tenant = $1 AND person = $2");
SQL(totp_erase,   "DELETE FROM totp WHERE tenant = $1 AND person = $2");
SQL(backup_erase, "DELETE FROM backup_code WHERE tenant = $1 AND person = $2");
SQL(passkey_erase, "DELETE FROM passkey WHERE tenant = $1 AND person = $2");
SQL(foreign_erase, "DELETE FROM foreign_identity WHERE tenant = $1 AND person = $2");
SQL(wallet_erase, "DELETE FROM wallet WHERE tenant = $1 AND person = $2");
SQL(proof_erase, "DELETE FROM mail_proof WHERE tenant = $1 AND person = $2");
/* A wallet is found on its chain by its address; a reason is in somebody's own words. */
SQL(audit_subject_erase,
    "UPDATE audit SET ip = NULL, user_agent = NULL, target = CASE WHEN action IN"
    " ('wallet.linked', 'wallet.unlinked', 'account.deletion_requested',"
    " 'user.status_changed')"
    " THEN NULL ELSE target END WHERE tenant = $1 AND subject = $2");
SQL(audit_actor_erase,
    "UPDATE audit SET ip = NULL, user_agent = NULL WHERE tenant = $1 AND actor = $2"
    " AND (subject IS NULL OR subject <> actor)");
SQL(letter_erase, "DELETE FROM letter WHERE tenant = $1 AND person = $2");
SQL(dead_letter_erase, "DELETE FROM dead_letter WHERE tenant = $1 AND person = $2");
SQL(device_erase, "DELETE FROM device_key WHERE tenant = $1 AND person = $2");

/* What was personal and stands in other tables. */
static Sql *const others[] = { &session_erase, &staff_erase, &totp_erase, &backup_erase,
                               &passkey_erase, &foreign_erase, &wallet_erase,
                               &device_erase, &letter_erase, &dead_letter_erase,
                               &proof_erase, &audit_subject_erase, &audit_actor_erase };

typedef struct { TenantId tenant; UserId id; } Due;
static const Shape due_row = SHAPE(Due, ID(Due, tenant, 0, ""), ID(Due, id, 0, ""));
typedef struct { Due *rows; isize count; } Dues;

static bool find_due(Ctx *cx, void *arg)
{
    Dues *d = arg;
    return sql_rows(cx, &person_erasable, &due_row, &d->rows, &d->count,
                    V(earlier(cx->now, ERASE_AFTER)), V((i64)ERASE_AT_ONCE));
}

typedef struct { UserId person; Uuid venue; } HandedOver;
static const Shape handed_row = SHAPE(HandedOver, ID(HandedOver, person, 0, ""),
                                      ID(HandedOver, venue, 0, ""));

static bool hand_over(Ctx *cx, UserId from)
{
    HandedOver *rows;
    isize n;

    if (!sql_rows(cx, &venue_hand_over, &handed_row, &rows, &n, V(from.v), V(cx->now)))
        return false;
    for (isize i = 0; i < n; i++)
        if (!note_write(cx, AUDIT_ROLE_GRANTED, rows[i].person,
                        str_fmt(cx->mem, "venue-owner %.*s",
                                STR_ARGS(uuid_str(cx->mem, rows[i].venue)))))
            return false;
    return true;
}

/* An email that is nobody's, so that his own is free again; .invalid is RFC 2606's. */
static bool erase(Ctx *cx, void *arg)
{
    const Due *d = arg;
    Str email = str_fmt(cx->mem, "erased-%.*s@erased.invalid",
                        STR_ARGS(uuid_str(cx->mem, d->id.v)));
    i64 changed;

    if (!sql_run(cx, &person_erase, &changed, V(d->id.v), V(email), V(cx->now)))
        return false;
    if (changed == 1 && !hand_over(cx, d->id))
        return false;
    for (isize i = 0; changed == 1 && i < countof(others); i++)
        if (!sql_run(cx, others[i], NULL, V(d->id.v)))
            return false;
    return changed == 0 || note_write(cx, AUDIT_DATA_DELETED, d->id, (Str){ 0 });
}

bool privacy_sweep(Ctx *cx)
{
    TenantId own = cx->tenant;
    Dues d = { .count = ERASE_AT_ONCE };
    bool good = true;

    while (good && d.count == ERASE_AT_ONCE) {
        good = read_tx(cx, find_due, &d);
        for (isize i = 0; good && i < d.count; i++) {
            cx->tenant = d.rows[i].tenant;
            good = write_tx(cx, lane_of(d.rows[i].id.v), erase, &d.rows[i]);
        }
        cx->tenant = own;
    }
    return good;
}
