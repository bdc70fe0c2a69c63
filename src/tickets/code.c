/* code.c - see code.h. Only 16 bits of the step travel; the reader knows roughly what
 * time it is and takes the step next to it that has these bits. */
#include "tickets/code.h"
#include "base/qr.h"
#include <string.h>

static Secret master;
static const char digit[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void code_setup(Secret key) { master = key; }

CodeKey code_key(TenantId tenant, EventId event)
{
    char info[64] = "tickettoken ticket code 1 ";
    isize n = (isize)strlen(info);
    CodeKey key;

    must(master.len >= 32);
    memcpy(info + n, tenant.v.b, 16);
    memcpy(info + n + 16, event.v.b, 16);
    Digest d = hkdf_sha256(master.at, master.len, (Str){ info, n + 32 });
    memcpy(key.b, d.b, sizeof key.b);
    return key;
}

/* ---- the MAC -------------------------------------------------------------- */

typedef struct { u8 b[10]; } Tag;

static Tag tag_of(const CodeKey *key, TenantId tenant, EventId event, const Code *c)
{
    u8 m[16 * 3 + 1 + 8];
    Tag tag;

    memcpy(m, tenant.v.b, 16);
    memcpy(m + 16, event.v.b, 16);
    memcpy(m + 32, c->ticket.v.b, 16);
    m[48] = (u8)(c->generation & 63);
    for (int i = 0; i < 8; i++)
        m[49 + i] = (u8)(c->step >> (56 - 8 * i));
    Digest d = hmac_sha256(key->b, sizeof key->b, (Str){ (const char *)m, sizeof m });
    memcpy(tag.b, d.b, sizeof tag.b);
    return tag;
}

/* ---- base32 --------------------------------------------------------------- */

static Str write_base32(Arena *mem, const u8 *in)
{
    char *to = make(mem, char, CODE_LETTERS + 1);

    for (int i = 0; i < CODE_LETTERS; i++) {
        int at = i * 5, byte = at / 8;
        unsigned two = (unsigned)in[byte] << 8 |
                       (byte + 1 < CODE_BYTES ? in[byte + 1] : 0u);
        to[i] = digit[two >> (11 - at % 8) & 31];
    }
    return (Str){ to, CODE_LETTERS };
}

static int value_of(char c)
{
    const char *p = strchr(digit, c >= 'a' && c <= 'z' ? c - 32 : c);
    return c == '\0' || p == NULL ? -1 : (int)(p - digit);
}

static bool read_base32(Str text, u8 *out)
{
    unsigned bits = 0;
    int have = 0, n = 0;

    if (text.len != CODE_LETTERS)
        return false;
    for (isize i = 0; i < text.len; i++) {
        int v = value_of(text.at[i]);
        if (v < 0)
            return false;
        bits = bits << 5 | (unsigned)v;
        have += 5;
        if (have >= 8) {
            have -= 8;
            out[n++] = (u8)(bits >> have);
            bits &= (1u << have) - 1;
        }
    }
    return n == CODE_BYTES && bits == 0;
}

/* ---- the code ------------------------------------------------------------- */

Str code_write(Arena *mem, const CodeKey *key, TenantId tenant, EventId event,
               const Code *c)
{
    u8 b[CODE_BYTES];
    Tag tag = tag_of(key, tenant, event, c);

    b[0] = (u8)(c->generation & 63);
    memcpy(b + 1, c->ticket.v.b, 16);
    b[17] = (u8)(c->step >> 8);
    b[18] = (u8)c->step;
    memcpy(b + 19, tag.b, sizeof tag.b);
    return write_base32(mem, b);
}

/* The step nearest to now whose low 16 bits are these. */
static i64 whole_step(i64 now, unsigned low)
{
    i64 near = (now & ~(i64)0xFFFF) | low;

    if (near - now > 0x8000)
        near -= 0x10000;
    else if (now - near > 0x8000)
        near += 0x10000;
    return near;
}

CodeResult code_read(const CodeKey *key, TenantId tenant, EventId event, Str text,
                     Instant now, Code *out)
{
    u8 b[CODE_BYTES];
    i64 step = code_step(now);

    if (!read_base32(str_trim(text), b) || b[0] > 63)
        return CODE_FORGED;
    out->generation = b[0];
    memcpy(out->ticket.v.b, b + 1, 16);
    out->step = whole_step(step, (unsigned)(b[17] << 8 | b[18]));
    Tag tag = tag_of(key, tenant, event, out);
    if (!same_bytes(tag.b, b + 19, sizeof tag.b))
        return CODE_FORGED;
    return out->step >= step - 1 && out->step <= step + 1 ? CODE_GOOD : CODE_STALE;
}

/* ---- the picture ---------------------------------------------------------- */

bool code_svg(Ctx *cx, Str text, Str *out)
{
    return qr_svg(cx, text, "Ticket code", out);
}
