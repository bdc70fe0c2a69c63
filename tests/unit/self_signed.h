/* self_signed.h - certificates that sign themselves, good for an hour, to test with. */
#pragma once
#include "unit/test.h"
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

/* What a certificate says of itself: `names` as "DNS:a.example,IP:127.0.0.1", or none. */
typedef struct SelfSigned { const char *common, *names; long serial; } SelfSigned;

static inline X509 *self_signed(EVP_PKEY *key, SelfSigned s)
{
    X509 *x = X509_new();

    must(key != NULL && x != NULL);
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), s.serial);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)s.common, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    if (s.names != NULL) {
        X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, s.names);
        must(e != NULL && X509_add_ext(x, e, -1) == 1);
        X509_EXTENSION_free(e);
    }
    must(X509_sign(x, key, EVP_sha256()) > 0);
    return x;
}

/* One with a key of its own, both in files. */
static inline void write_self_signed(const char *cert_path, const char *key_path, SelfSigned s)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    FILE *cert = fopen(cert_path, "w"), *secret = fopen(key_path, "w");
    X509 *x = self_signed(key, s);

    must(cert != NULL && PEM_write_X509(cert, x) == 1 && fclose(cert) == 0);
    must(secret != NULL && PEM_write_PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL) == 1 &&
         fclose(secret) == 0);
    X509_free(x);
    EVP_PKEY_free(key);
}
