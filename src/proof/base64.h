/* base64.h - base64 as other people's libraries write it: of either alphabet (RFC 4648
 * sections 4 and 5), with padding or without; and the PEM form of a public key.
 * Needs: str.  Used by: solana, identity (device_key, service_token), gateway. */
#pragma once
#include "base/str.h"

CHECKED bool base64_any_read(Arena *mem, Str text, Str *out);

/* The first alphabet, with padding. */
Str base64_padded(Arena *mem, const void *bytes, isize n);

/* What stands between BEGIN and END PUBLIC KEY; a text without them is base64 alone. */
CHECKED bool base64_pem_read(Arena *mem, Str text, Str *out);
