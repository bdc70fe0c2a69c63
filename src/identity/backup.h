/* backup.h - ten codes on paper, for the day when the phone is gone.
 *
 * XXXX-XXXX, eight hex digits; kept by keyed hash, each good once.
 * Needs: store, crypto.  Used by: mfa. */
#pragma once
#include "base/crypto.h"
#include "store/store.h"

enum { BACKUP_CODES = 10, BACKUP_LETTERS = 9 };
typedef struct BackupCodes { Str at[BACKUP_CODES]; } BackupCodes;

/* Copies the key's derivation. */
void backup_open(const Secret *master);
void backup_close(void);

/* Ten codes that nobody has yet. */
BackupCodes backup_make(Arena *mem);

/* All of these run inside the caller's write_tx. */

/* They take the place of those the person had. */
CHECKED bool backup_write(Ctx *cx, UserId user, const BackupCodes *codes);
CHECKED bool backup_forget(Ctx *cx, UserId user);

/* Uses one, written in either case and with the dash or without.
 *   gives   *good: it was theirs and not used */
CHECKED bool backup_use(Ctx *cx, UserId user, Str code, bool *good);
