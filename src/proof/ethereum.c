/* ethereum.c - recovery by libsecp256k1: OpenSSL has the curve but no way back from a
 * signature to its key. */
#include "proof/ethereum.h"
#include "proof/keccak.h"
#include <secp256k1_recovery.h>
#include <string.h>

enum { HALF = 32, POINT = 65 };

bool eth_recover(const u8 hash[32], const u8 signature[64], int recovery, EthAddress *out)
{
    const secp256k1_context *c = secp256k1_context_static;
    secp256k1_ecdsa_recoverable_signature sig;
    secp256k1_ecdsa_signature plain;
    secp256k1_pubkey key;
    u8 point[POINT];
    size_t n = POINT;

    if (recovery < 0 || recovery > 1 ||
        secp256k1_ecdsa_recoverable_signature_parse_compact(c, &sig, signature,
                                                            recovery) != 1)
        return false;
    must(secp256k1_ecdsa_recoverable_signature_convert(c, &plain, &sig) == 1);
    if (secp256k1_ecdsa_signature_normalize(c, NULL, &plain) != 0 ||
        secp256k1_ecdsa_recover(c, &key, &sig, hash) != 1)
        return false;
    must(secp256k1_ec_pubkey_serialize(c, point, &n, &key,
                                       SECP256K1_EC_UNCOMPRESSED) == 1 &&
         n == POINT);
    Digest d = keccak256((Str){ (const char *)point + 1, POINT - 1 });
    memcpy(out->b, d.b + SHA256_BYTES - ETH_ADDRESS, ETH_ADDRESS);
    return true;
}

bool eth_signer(Arena *mem, Str message, Str signature, EthAddress *out)
{
    Str text = str_fmt(mem, "\x19" "Ethereum Signed Message:\n%td", message.len);
    Buf b = buf_in(mem, text.len + message.len);

    if (signature.len != ETH_SIGNATURE)
        return false;
    buf_add(&b, text);
    buf_add(&b, message);
    Digest d = keccak256(buf_str(&b));
    int v = (u8)signature.at[ETH_SIGNATURE - 1];
    return eth_recover(d.b, (const u8 *)signature.at, v >= 27 ? v - 27 : v, out);
}

Str eth_address_write(Arena *mem, const EthAddress *a)
{
    Str hex = hex_write(mem, a->b, ETH_ADDRESS);
    Digest d = keccak256(hex);
    Buf b = buf_in(mem, ETH_LETTERS);

    buf_lit(&b, "0x");
    for (isize i = 0; i < hex.len; i++) {
        bool upper = (d.b[i / 2] >> (i % 2 == 0 ? 4 : 0) & 8) != 0;
        char c = hex.at[i];
        buf_byte(&b, upper && c >= 'a' ? (char)(c - 'a' + 'A') : c);
    }
    return buf_str(&b);
}

bool eth_address_read(Str text, EthAddress *out)
{
    Arena own = { 0 };
    bool lower = false, upper = false;
    Str hex = str_sub(text, 2, text.len);

    if (text.len != ETH_LETTERS || !str_starts(text, S("0x")) ||
        !hex_read(hex, out->b, ETH_ADDRESS))
        return false;
    for (isize i = 0; i < hex.len; i++) {
        lower |= hex.at[i] >= 'a';
        upper |= hex.at[i] >= 'A' && hex.at[i] <= 'F';
    }
    bool good = !(lower && upper) || str_is(text, eth_address_write(&own, out));
    arena_close(&own);
    return good;
}
