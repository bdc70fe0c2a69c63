/* solana.h - whose signature it is: accounts of Solana, which are Ed25519 keys.
 * Needs: base58, base64.  Used by: wallet. */
#pragma once
#include "base/str.h"

/* 32 bytes in base58. That they are a key is seen when something is signed with it. */
CHECKED bool solana_account_is(Str text);

/* True when that account has signed `message`; the signature in base58, as wallets show
 * it, or in base64, as adapters hand it over. */
CHECKED bool solana_signed(Arena *mem, Str account, Str message, Str signature);
