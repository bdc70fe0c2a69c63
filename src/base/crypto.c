/* crypto.c - OpenSSL 3, with the algorithm fetched once: EVP by name looks it up
 * again on each call, which costs more than a short digest. */
#include "base/crypto.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static EVP_MD *md_sha256;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fetch(void)
{
    md_sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    must(md_sha256 != NULL);
}

Secret secret_copy(Str s)
{
    Secret own = { malloc((size_t)s.len + 1), s.len };

    must(own.at != NULL);
    if (s.len > 0)
        memcpy(own.at, s.at, (size_t)s.len);
    own.at[s.len] = 0;
    return own;
}

void secret_wipe(Secret *s)
{
    if (s->at != NULL)
        wipe(s->at, s->len);
    free(s->at);
    *s = (Secret){ 0 };
}

void wipe(void *at, isize n)
{
    OPENSSL_cleanse(at, (size_t)n);
}

/* A digest context per thread: making one costs as much as a short digest. It is
 * given back when the thread ends. */
static pthread_key_t own_key;
static pthread_once_t own_once = PTHREAD_ONCE_INIT;
static void own_free(void *md) { EVP_MD_CTX_free(md); }
static void own_make(void)     { must(pthread_key_create(&own_key, own_free) == 0); }

static EVP_MD_CTX *own_ctx(void)
{
    pthread_once(&own_once, own_make);
    EVP_MD_CTX *md = pthread_getspecific(own_key);
    if (md == NULL) {
        md = EVP_MD_CTX_new();
        must(md != NULL && pthread_setspecific(own_key, md) == 0);
    }
    return md;
}

static Digest digest_two(const void *a, isize an, const void *b, isize bn)
{
    EVP_MD_CTX *md = own_ctx();
    Digest d;

    pthread_once(&once, fetch);
    must(EVP_DigestInit_ex(md, md_sha256, NULL) == 1 &&
         EVP_DigestUpdate(md, a, (size_t)an) == 1 &&
         (bn == 0 || EVP_DigestUpdate(md, b, (size_t)bn) == 1) &&
         EVP_DigestFinal_ex(md, d.b, NULL) == 1);
    return d;
}

Digest sha256(Str s)
{
    return digest_two(s.len > 0 ? s.at : "", s.len, NULL, 0);
}

/* RFC 2104 on top of the digest: two calls, no context to fetch or free. */
Digest hmac_sha256(const void *key, isize n, Str message)
{
    enum { BLOCK = 64 };
    u8 inner[BLOCK] = { 0 }, outer[BLOCK];

    if (n > BLOCK)
        memcpy(inner, digest_two(key, n, NULL, 0).b, SHA256_BYTES);
    else if (n > 0)
        memcpy(inner, key, (size_t)n);
    for (int i = 0; i < BLOCK; i++) {
        outer[i] = inner[i] ^ 0x5C;
        inner[i] ^= 0x36;
    }
    Digest d = digest_two(inner, BLOCK, message.at, message.len);
    d = digest_two(outer, BLOCK, d.b, SHA256_BYTES);
    wipe(inner, BLOCK);
    wipe(outer, BLOCK);
    return d;
}

/* One block is all we ask of it: T(1) = HMAC(PRK, info | 0x01). */
Digest hkdf_sha256(const void *key, isize n, Str info)
{
    static const u8 no_salt[SHA256_BYTES];
    char block[128];

    must(info.len < countof(block));
    memcpy(block, info.at, (size_t)info.len);
    block[info.len] = 1;
    Digest prk = hmac_sha256(no_salt, SHA256_BYTES, (Str){ key, n });
    Digest out = hmac_sha256(prk.b, SHA256_BYTES, (Str){ block, info.len + 1 });
    wipe(&prk, sizeof prk);
    return out;
}

bool same_bytes(const void *a, const void *b, isize n)
{
    return CRYPTO_memcmp(a, b, (size_t)n) == 0;
}
