/* pubkey.c - OpenSSL decodes the DER and looks whether a point is on its curve; what it
 * would take beside our three is refused after. A key is used once in a while, so
 * nothing is kept. */
#include "proof/pubkey.h"
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

enum { RSA_LEAST = 2048, RSA_MOST = 4096 };

static bool fits(const EVP_PKEY *p)
{
    char group[32] = "";
    int bits = EVP_PKEY_get_bits(p);

    if (EVP_PKEY_is_a(p, "EC"))
        return EVP_PKEY_get_group_name(p, group, sizeof group, NULL) == 1 &&
               strcmp(group, "prime256v1") == 0;
    if (EVP_PKEY_is_a(p, "RSA"))
        return bits >= RSA_LEAST && bits <= RSA_MOST;
    return EVP_PKEY_is_a(p, "ED25519");
}

static EVP_PKEY *key_of(Str spki)
{
    const u8 *at = (const u8 *)spki.at;

    if (spki.len <= 0 || spki.len > PUBKEY_MOST)
        return NULL;
    EVP_PKEY *p = d2i_PUBKEY(NULL, &at, (long)spki.len);
    if (p != NULL && at == (const u8 *)spki.at + spki.len && fits(p))
        return p;
    EVP_PKEY_free(p);
    return NULL;
}

bool pubkey_good(Str spki)
{
    EVP_PKEY *p = key_of(spki);
    EVP_PKEY_CTX *c = p == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, p, NULL);
    bool good = c != NULL && EVP_PKEY_public_check(c) == 1;

    EVP_PKEY_CTX_free(c);
    EVP_PKEY_free(p);
    return good;
}

/* ---- made of numbers ------------------------------------------------------- */

static Str joined(Arena *mem, const char *prefix, isize n, Str a, Str b)
{
    Buf out = buf_in(mem, n + a.len + b.len);

    buf_add(&out, (Str){ prefix, n });
    buf_add(&out, a);
    buf_add(&out, b);
    return buf_str(&out);
}

Str pubkey_p256(Arena *mem, Str x, Str y)
{
    static const char prefix[] =                 /* ..., BIT STRING, uncompressed point */
        "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03"
        "\x01\x07\x03\x42\x00\x04";
    return joined(mem, prefix, countof(prefix) - 1, x, y);
}

Str pubkey_ed25519(Arena *mem, Str x)
{
    static const char prefix[] = "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
    return joined(mem, prefix, countof(prefix) - 1, x, S(""));
}

/* Tag, length in as few bytes as it needs, content (X.690 section 8.1). */
static Str der(Arena *mem, u8 tag, Str a, Str b, Str c)
{
    isize n = a.len + b.len + c.len;
    Buf out = buf_in(mem, n + 5);

    buf_byte(&out, (char)tag);
    if (n >= 256)
        buf_lit(&out, "\x82");
    else if (n >= 128)
        buf_lit(&out, "\x81");
    if (n >= 256)
        buf_byte(&out, (char)(n >> 8));
    buf_byte(&out, (char)n);
    buf_add(&out, a);
    buf_add(&out, b);
    buf_add(&out, c);
    return buf_str(&out);
}

Str pubkey_rsa(Arena *mem, Str n, Str e)
{
    static const char name[] =                    /* SEQUENCE { rsaEncryption, NULL } */
        "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
    static const Str zero = { "", 1 }, none = { "", 0 };
    enum { INTEGER = 2, BITS = 3, SEQUENCE = 0x30 };

    if (n.len == 0 || e.len == 0 || n.len > PUBKEY_MOST || e.len > 8)
        return none;
    Str en = der(mem, INTEGER, (n.at[0] & 0x80) != 0 ? zero : none, n, none);
    Str ee = der(mem, INTEGER, (e.at[0] & 0x80) != 0 ? zero : none, e, none);
    Str key = der(mem, SEQUENCE, en, ee, none);
    return der(mem, SEQUENCE, (Str){ name, countof(name) - 1 },
               der(mem, BITS, zero, key, none), none);
}

/* ---- used ------------------------------------------------------------------ */

bool pubkey_holds(Str spki, Str message, Str signature)
{
    EVP_PKEY *p = key_of(spki);
    EVP_MD_CTX *c = EVP_MD_CTX_new();

    must(c != NULL);
    const EVP_MD *md = p != NULL && !EVP_PKEY_is_a(p, "ED25519") ? EVP_sha256() : NULL;
    bool good = p != NULL && EVP_DigestVerifyInit(c, NULL, md, NULL, p) == 1 &&
                EVP_DigestVerify(c, (const u8 *)signature.at, (size_t)signature.len,
                                 (const u8 *)message.at, (size_t)message.len) == 1;
    EVP_MD_CTX_free(c);
    EVP_PKEY_free(p);
    return good;
}
