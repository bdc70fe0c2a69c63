/* seal.c - nonce | ciphertext | tag. The nonce is long enough to be drawn by chance for
 * ever, so there is no counter to keep. */
#include "proof/seal.h"
#include "base/rand.h"
#include <sodium.h>

enum { NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
       TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES };

Sealer sealer_of(const Secret *master, Str purpose)
{
    return (Sealer){ hkdf_sha256(master->at, master->len, purpose) };
}

Str seal(Arena *mem, const Sealer *s, Str place, Str plain)
{
    u8 *to = make(mem, u8, NONCE + plain.len + TAG);
    unsigned long long n;

    rand_bytes(to, NONCE);
    must(crypto_aead_xchacha20poly1305_ietf_encrypt(
             to + NONCE, &n, (const u8 *)plain.at, (u64)plain.len, (const u8 *)place.at,
             (u64)place.len, NULL, to, s->key.b) == 0);
    return (Str){ (const char *)to, NONCE + (isize)n };
}

bool unseal(Arena *mem, const Sealer *s, Str place, Str sealed, Str *plain)
{
    const u8 *from = (const u8 *)sealed.at;
    unsigned long long n;

    if (sealed.len < NONCE + TAG)
        return false;
    u8 *to = make(mem, u8, sealed.len);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            to, &n, NULL, from + NONCE, (u64)(sealed.len - NONCE), (const u8 *)place.at,
            (u64)place.len, from, s->key.b) != 0)
        return false;
    *plain = (Str){ (const char *)to, (isize)n };
    return true;
}
