/* note.c - see note.h. */
#include "identity/note.h"

/* A machine has no account to be the actor. */
static Str by_machine(Ctx *cx)
{
    Buf b = buf_in(cx->mem, 64);

    if (cx->who.comer == A_PERSON)
        return (Str){ 0 };
    buf_lit(&b, "{\"by\":");
    json_put_str(&b, cx->who.service);
    buf_byte(&b, '}');
    return buf_str(&b);
}

bool note_write(Ctx *cx, AuditAction action, UserId subject, Str target)
{
    must(cx->db != NULL);
    return audit_write(cx, &(Deed){ .action = action, .actor = cx->who.user,
                                    .subject = subject, .target = target,
                                    .details = by_machine(cx) });
}
