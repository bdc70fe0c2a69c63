/* solana.c - verified by libsodium, which refuses keys of small order: for those one
 * signature would be good under every message. Base64 of 64 bytes ends in "==" and base58
 * never does, so a text is one or the other. */
#include "proof/solana.h"
#include "proof/base58.h"
#include "proof/base64.h"
#include <sodium.h>
#include <string.h>

enum { KEY_BYTES = 32, SIGNATURE_BYTES = 64 };

bool solana_account_is(Str text)
{
    u8 key[KEY_BYTES];
    return base58_read(text, key, KEY_BYTES);
}

static bool read_signature(Arena *mem, Str text, u8 out[SIGNATURE_BYTES])
{
    Str bytes;

    if (!str_ends(text, S("==")))
        return base58_read(text, out, SIGNATURE_BYTES);
    if (!base64_any_read(mem, text, &bytes) || bytes.len != SIGNATURE_BYTES)
        return false;
    memcpy(out, bytes.at, SIGNATURE_BYTES);
    return true;
}

bool solana_signed(Arena *mem, Str account, Str message, Str signature)
{
    u8 key[KEY_BYTES], sig[SIGNATURE_BYTES];

    return base58_read(account, key, KEY_BYTES) && read_signature(mem, signature, sig) &&
           crypto_sign_verify_detached(sig, (const u8 *)message.at, (u64)message.len,
                                       key) == 0;
}
