/* privacy.h - being forgotten.
 *
 * Who asks for it is DELETED at once: signed out everywhere, no way in, no letters. After
 * ERASE_AFTER, in which an admin can undo it (somebody else may have asked in his name),
 * what is personal is taken out of the rows. The rows stay, with their ids: an order that
 * was paid and a ticket that was used are the organiser's books, and then say no name.
 * Needs: person, session, epoch, note.  Used by: privacy_http, clock. */
#pragma once
#include "identity/person.h"

#define ERASE_AFTER days(30)

/* For cx->who himself. `email` must be his own.
 *   gives   *erased when it will be done
 *   fails   VALIDATION_ERROR: another email; INVALID_STATE: an admin, who must give his
 *           role back first, or somebody of whom it is asked already */
CHECKED bool privacy_forget(Ctx *cx, Str email, Str reason, Instant *erased);

/* Erases those whose time has come; spans tenants. A clock job. */
CHECKED bool privacy_sweep(Ctx *cx);
