/* ethereum.h - whose signature it is: accounts, and personal_sign.
 *
 * Accounts that are contracts (ERC-1271) can't be asked without a node of the chain: they
 * are not taken.
 * Needs: keccak.  Used by: wallet. */
#pragma once
#include "base/str.h"

enum { ETH_ADDRESS = 20, ETH_SIGNATURE = 65, ETH_LETTERS = 42 };
typedef struct EthAddress { u8 b[ETH_ADDRESS]; } EthAddress;

/* 0x and 40 hex digits: all of one case, or of both as EIP-55 says. */
CHECKED bool eth_address_read(Str text, EthAddress *out);
Str eth_address_write(Arena *mem, const EthAddress *a);      /* EIP-55 */

/* The account that signed `message` by personal_sign (EIP-191 version 0x45); the last
 * byte of the signature is 0, 1, 27 or 28. False when no account has: also when s is in
 * the upper half, which is the same signature written otherwise (EIP-2). */
CHECKED bool eth_signer(Arena *mem, Str message, Str signature, EthAddress *out);

/* The same of what was hashed already, with the recovery id apart. */
CHECKED bool eth_recover(const u8 hash[32], const u8 signature[64], int recovery,
                         EthAddress *out);
