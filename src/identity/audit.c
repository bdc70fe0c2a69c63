/* audit.c - an email that nobody has is not written down: people type their password
 * into the wrong field. */
#include "identity/audit.h"

static const char *const action_words[] = {
#define ACTION(id, word) word,
#include "identity/audit.def"
#undef ACTION
};
const Names audit_action_names = { action_words, AUDIT_ACTIONS };

SQL(audit_add,
    "INSERT INTO audit (tenant, id, at, action, success, actor, subject, target, ip,"
    " user_agent, details) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");

bool audit_write(Ctx *cx, const Deed *d)
{
    Str cut = str_sub(d->from.agent, 0, 255), agent = str_utf8(cut) ? cut : (Str){ 0 };

    return sql_run(cx, &audit_add, NULL, V(uuid_new(cx->now)), V(cx->now),
                   V(names_str(&audit_action_names, (int)d->action)), V(!d->failed),
                   V(d->actor.v), V(d->subject.v), V(d->target),
                   V(str_sub(d->from.peer, 0, 45)), V(agent),
                   V(d->details.at == NULL ? S("{}") : d->details));
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
