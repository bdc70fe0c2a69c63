/* totp.c - all three steps are compared whatever the first says, so that the time tells
 * nothing about a phone's clock. */
#include "proof/totp.h"
#include "base/crypto.h"
#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { SHA1_BYTES = 20, WINDOW = 1 };

u32 hotp_at(Str secret, u64 counter, int digits)
{
    u8 message[8], mac[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    u32 below = 1;

    must(digits >= 1 && digits <= 8);
    for (int i = 0; i < 8; i++)
        message[i] = (u8)(counter >> (56 - 8 * i));
    must(HMAC(EVP_sha1(), secret.at, (int)secret.len, message, sizeof message, mac,
              &n) != NULL &&
         n == SHA1_BYTES);
    int at = mac[SHA1_BYTES - 1] & 15;
    u32 number = ((u32)mac[at] & 0x7F) << 24 | (u32)mac[at + 1] << 16 |
                 (u32)mac[at + 2] << 8 |
                 mac[at + 3];
    wipe(mac, sizeof mac);
    while (digits-- > 0)
        below *= 10;
    return number % below;
}

i64 totp_step(Instant now) { return now.ms / (TOTP_STEP_S * 1000); }

static void write_digits(u32 number, char out[TOTP_DIGITS])
{
    for (int i = TOTP_DIGITS - 1; i >= 0; i--, number /= 10)
        out[i] = (char)('0' + number % 10);
}

bool totp_match(Str secret, Str code, Instant now, i64 *step)
{
    i64 here = totp_step(now);
    bool good = false;

    if (code.len != TOTP_DIGITS)
        return false;
    for (i64 s = here - WINDOW; s <= here + WINDOW; s++) {
        char digits[TOTP_DIGITS];
        write_digits(hotp_at(secret, (u64)s, TOTP_DIGITS), digits);
        if (same_bytes(digits, code.at, TOTP_DIGITS)) {
            *step = s;
            good = true;
        }
    }
    return good;
}

Str base32_write(Arena *mem, Str bytes)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    Buf b = buf_in(mem, bytes.len * 8 / 5 + 2);
    u32 bits = 0;
    int have = 0;

    for (isize i = 0; i < bytes.len; i++) {
        bits = bits << 8 | (u8)bytes.at[i];
        for (have += 8; have >= 5; have -= 5)
            buf_byte(&b, letters[bits >> (have - 5) & 31]);
    }
    if (have > 0)
        buf_byte(&b, letters[bits << (5 - have) & 31]);
    return buf_str(&b);
}
