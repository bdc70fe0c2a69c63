/* signed.c - see signed.h. */
#include "base/signed.h"
#include "base/rand.h"

Digest signed_body(Arena *mem, Secret key, Str timestamp, Str nonce, const Json *body)
{
    Buf b = buf_in(mem, 512);

    buf_add(&b, timestamp);
    buf_byte(&b, ':');
    buf_add(&b, nonce);
    buf_byte(&b, ':');
    json_write_sorted(&b, body);
    return hmac_sha256(key.at, key.len, buf_str(&b));
}

bool nonce_plain(Str s)
{
    for (isize i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                    (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!good)
            return false;
    }
    return s.len >= NONCE_LEAST && s.len <= NONCE_MOST;
}

Str nonce_new(Arena *mem)
{
    u8 random[16];

    rand_bytes(random, sizeof random);
    return hex_write(mem, random, sizeof random);
}

bool signed_when(Str text, Instant now, Span window, Instant *out)
{
    i64 ms;

    if (!str_int(text, &ms) || ms < 0 || ms > INT64_MAX / 2)
        return false;
    *out = (Instant){ ms };
    return !before(*out, earlier(now, window)) && !before(later(now, window), *out);
}
