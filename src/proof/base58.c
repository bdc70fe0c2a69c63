/* base58.c - long division, one digit after the other: quadratic, so what is read is
 * short. */
#include "proof/base58.h"
#include <string.h>

enum { DIGITS_MOST = BASE58_BYTES_MOST * 138 / 100 + 1 };

static const char digits[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

Str base58_write(Arena *mem, Str bytes)
{
    u8 d[DIGITS_MOST] = { 0 };
    isize zeros = 0, used = 0;

    must(bytes.len <= BASE58_BYTES_MOST);
    while (zeros < bytes.len && bytes.at[zeros] == 0)
        zeros++;
    for (isize i = zeros; i < bytes.len; i++) {
        int carry = (u8)bytes.at[i];
        for (isize k = 0; k < used || carry > 0; k++) {
            carry += 256 * d[k];
            d[k] = (u8)(carry % 58);
            carry /= 58;
            used = k >= used ? k + 1 : used;
        }
    }
    Buf b = buf_in(mem, zeros + used);
    while (zeros-- > 0)
        buf_byte(&b, digits[0]);
    while (used-- > 0)
        buf_byte(&b, digits[d[used]]);
    return buf_str(&b);
}

/* Adds one digit to a number of n bytes, little end first; false when it is too large. */
static bool push(u8 *number, isize n, int digit)
{
    for (isize k = 0; k < n; k++) {
        digit += 58 * number[k];
        number[k] = (u8)digit;
        digit >>= 8;
    }
    return digit == 0;
}

bool base58_read(Str text, u8 *out, isize n)
{
    u8 number[BASE58_BYTES_MOST] = { 0 };
    isize zeros = 0, high = n;

    must(n <= BASE58_BYTES_MOST);
    if (text.len == 0 || text.len > DIGITS_MOST)
        return false;
    while (zeros < text.len && text.at[zeros] == digits[0])
        zeros++;
    for (isize i = 0; i < text.len; i++) {
        const char *at = text.at[i] == '\0' ? NULL : strchr(digits, text.at[i]);
        if (at == NULL || !push(number, n, (int)(at - digits)))
            return false;
    }
    while (high > 0 && number[high - 1] == 0)
        high--;
    for (isize i = 0; i < n; i++)
        out[i] = number[n - 1 - i];
    return zeros == n - high;                     /* a zero byte is a leading 1 */
}
