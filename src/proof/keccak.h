/* keccak.h - Ethereum's hash: Keccak-256 as it was before it became SHA-3, which pads
 * otherwise. No library of Debian 12 that we have gives it.
 * Needs: crypto (Digest).  Used by: ethereum. */
#pragma once
#include "base/crypto.h"

Digest keccak256(Str s);
