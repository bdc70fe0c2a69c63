/* note.c - see note.h. */
#include "identity/note.h"
#include "identity/audit.h"

bool note_write(Ctx *cx, const char *action, UserId subject, Str target)
{
    int a = names_find(&audit_action_names, str_of(action));

    must(cx->db != NULL && a >= 0);
    return audit_write(cx, &(Deed){ .action = (AuditAction)a, .actor = cx->who.user,
                                    .subject = subject, .target = target });
}
