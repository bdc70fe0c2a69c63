/* note.c - a line of the log, which a transaction that is run twice may write twice. */
#include "identity/note.h"
#include "base/log.h"

bool note_write(Ctx *cx, const char *action, UserId subject, Str target)
{
    must(cx->db != NULL);
    log_info("audit", L("action", action), L("tenant", uuid_str(cx->mem, cx->tenant.v)),
             L("actor", uuid_str(cx->mem, cx->who.user.v)),
             L("subject", uuid_str(cx->mem, subject.v)), L("target", target));
    return true;
}
