/* letterbox.h - letters on their way: written with what they tell of, carried afterwards.
 *
 * A letter is a row of the transaction that it is about, so there is none without it, and
 * none is lost with the process. It is sealed at rest, tried again with growing pauses,
 * and deleted when it was handed over or given up, which the audit says. Who dies between
 * handing over and deleting leaves a letter that comes twice.
 * Needs: store, mail, seal, audit.  Used by: letter, postman. */
#pragma once
#include "base/crypto.h"
#include "mail/mail.h"
#include "store/store.h"

enum { LETTER_TRIES = 10 };
#define LETTER_CARRIED minutes(1)                 /* longer than a relay may take */

void letterbox_open(const Secret *master);
void letterbox_close(void);

/* A letter about `user`'s account, in cx->tenant; of no use after `lasts`. `kind` is for
 * people who look into the table.
 *   tx  inside the caller's write_tx */
CHECKED bool letterbox_put(Ctx *cx, UserId user, const char *kind, const Letter *letter,
                           Span lasts);

/* Hands over the letter that is due the longest of the tenant behind *turn, who is then
 * in *turn: all take their turns, so who has a hundred thousand delays nobody else. At
 * first it is zero. *found says whether there was one. That it could not be handed over
 * is no failure: it will be tried again.
 *   tx  opens its own; spans tenants. Many may carry at once, on many nodes */
CHECKED bool letterbox_carry(Ctx *cx, TenantId *turn, bool *found);
