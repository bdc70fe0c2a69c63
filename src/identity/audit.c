/* audit.c - an email that nobody has is not written down: people type their password
 * into the wrong field. */
#include "identity/audit.h"

static const char *const action_words[] = {
    "user.login", "user.login_failed", "user.account_locked", "user.logout",
    "user.registration", "session.revoked", "session.all_revoked", "user.email_verified",
    "user.password_reset_requested", "user.password_reset_completed",
    "user.password_changed", "profile.updated", "role.granted", "role.revoked",
    "user.status_changed", "user.mfa_enabled", "user.mfa_disabled", "user.mfa_verified",
    "user.mfa_failed", "user.mfa_codes_regenerated", "passkey.added", "passkey.removed",
    "biometric.registered", "biometric.revoked", "wallet.linked", "wallet.unlinked",
    "data.exported", "data.deleted", "account.deletion_requested",
    "tenant.status_changed", "tenant.settings_changed", "keys.rotated",
    "audit.read", "letter.given_up", "service.revoked", "service.unrevoked", "api_key.created",
    "api_key.revoked", "identity.linked", "identity.unlinked",
    "deadletter.retried", "deadletter.discarded", "webhook.added", "webhook.changed",
    "webhook.removed", "webhook.secret_rotated", "webhook.replayed", "webhook.paused",
    "permission.denied" };
const Names audit_action_names = { action_words, AUDIT_ACTIONS };
_Static_assert(countof(action_words) == AUDIT_ACTIONS, "a word for each action");

SQL(audit_add,
    "INSERT INTO audit (tenant, id, at, action, success, actor, subject, target, ip, user_agent,"
    " details) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");

bool audit_write(Ctx *cx, const Deed *d)
{
    Str cut = str_sub(d->from.agent, 0, 255), agent = str_utf8(cut) ? cut : (Str){ 0 };

    return sql_run(cx, &audit_add, NULL, V(uuid_new(cx->now)), V(cx->now),
                   V(names_str(&audit_action_names, (int)d->action)), V(!d->failed),
                   V(d->actor.v), V(d->subject.v), V(d->target), V(str_sub(d->from.peer, 0, 45)),
                   V(agent), V(d->details.at == NULL ? S("{}") : d->details));
}

static bool write_deed(Ctx *cx, void *arg) { return audit_write(cx, arg); }

bool audit_note(Ctx *cx, const Deed *deed)
{
    Deed d = *deed;
    Uuid lane = uuid_zero(d.subject.v) ? cx->tenant.v : d.subject.v;

    return write_tx(cx, lane_of(lane), write_deed, &d);
}

static Span kept;

void audit_open(Span lasts) { kept = lasts; }

SQL_ALL(audit_forget,
    "DELETE FROM audit WHERE (tenant, id) IN"
    " (SELECT tenant, id FROM audit WHERE at < $1 LIMIT 2000)");

static bool forget(Ctx *cx, void *arg)
{
    return sql_run(cx, &audit_forget, arg, V(earlier(cx->now, kept)));
}

bool audit_sweep(Ctx *cx, i64 *gone)
{
    return write_tx(cx, (Lane){ 0 }, forget, gone);
}
