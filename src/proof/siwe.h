/* siwe.h - the text that a wallet shows and signs: EIP-4361, and its kin of Solana.
 *
 * We write it and keep what it was made of; who comes back brings the signature alone and
 * the same text is made again. So nothing is parsed, and nothing in it is a wallet's to
 * choose. Needs: str.  Used by: wallet. */
#pragma once
#include "base/str.h"

typedef struct SignIn {
    const char *chain;                            /* "Ethereum", "Solana"     */
    Str domain, address;
    Str statement;                                /* absent: none             */
    Str uri, chain_id, nonce;
    Str issued, expires;                          /* RFC 3339; expires may be absent */
} SignIn;

Str siwe_write(Arena *mem, const SignIn *s);
