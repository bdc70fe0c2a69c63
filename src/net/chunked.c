/* chunked.c - a machine of one byte a step, but for the data, which it moves whole.
 *
 *   SIZE -> MORE_SIZE -> [EXTENSION] -> SIZE_LF -> DATA -> DATA_CR -> DATA_LF -> SIZE
 *                                          |(size 0)
 *                                          v
 *              LINE -> [TRAILER -> TRAILER_LF -> LINE] -> LAST_LF -> END
 *
 * Extensions are read and forgotten, and so are trailers that nobody gave room for; both
 * are bounded, so a body can't be nothing but them. A line end is CRLF and nothing
 * else. */
#include "net/head.h"
#include <string.h>

enum { SIZE, MORE_SIZE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF,
       LINE, TRAILER, TRAILER_LF, LAST_LF, END, WRONG };

enum { EXTENSION_MOST = 256 };

static int hex_value(char b)
{
    return b >= '0' && b <= '9' ? b - '0' : b >= 'a' && b <= 'f' ? b - 'a' + 10
         : b >= 'A' && b <= 'F' ? b - 'A' + 10 : -1;
}

static bool is_text(char b)
{
    return b == '\t' || ((u8)b >= ' ' && b != 0x7f);
}

static int add_digit(Chunked *c, char b)
{
    int digit = hex_value(b);

    if (digit < 0 || c->line++ > 14)
        return WRONG;
    c->left = c->left << 4 | digit;
    return MORE_SIZE;
}

static int after_digit(Chunked *c, char b)
{
    return b == '\r' ? SIZE_LF : b == ';' ? EXTENSION : add_digit(c, b);
}

static int in_extension(Chunked *c, char b)
{
    return b == '\r' ? SIZE_LF
         : is_text(b) && c->line++ < EXTENSION_MOST ? EXTENSION : WRONG;
}

static int after_size(Chunked *c, char b)
{
    c->line = 0;
    return b != '\n' ? WRONG : c->left > 0 ? DATA : LINE;
}

static int in_trailer(Chunked *c, char b)
{
    return b == '\r' ? TRAILER_LF
         : is_text(b) && c->line++ < TRAILERS_MOST ? TRAILER : WRONG;
}

/* The lines with their ends, without the empty one; more than there is room for is
 * wrong. */
static void keep_trailer(Chunked *c, int was, char b)
{
    bool of_one = c->state == TRAILER || c->state == TRAILER_LF ||
                  (c->state == LINE && was == TRAILER_LF);

    if (c->trailers == NULL || !of_one)
        return;
    if (c->trailers_len == TRAILERS_MOST)
        c->state = WRONG;
    else
        c->trailers[c->trailers_len++] = b;
}

static int next_state(Chunked *c, char b)
{
    switch (c->state) {
    case SIZE:       return add_digit(c, b);
    case MORE_SIZE:  return after_digit(c, b);
    case EXTENSION:  return in_extension(c, b);
    case SIZE_LF:    return after_size(c, b);
    case DATA_CR:    return b == '\r' ? DATA_LF : WRONG;
    case DATA_LF:    return b == '\n' ? SIZE : WRONG;
    case LINE:       return b == '\r' ? LAST_LF : b == ' ' || b == '\t' ? WRONG
                          : in_trailer(c, b);
    case TRAILER:    return in_trailer(c, b);
    case TRAILER_LF: return b == '\n' ? LINE : WRONG;
    case LAST_LF:    return b == '\n' ? END : WRONG;
    default:         return WRONG;
    }
}

static void move_data(Chunked *c, Str *in, char *to, isize *len)
{
    isize n = in->len < c->left ? in->len : (isize)c->left;

    memmove(to + *len, in->at, (size_t)n);
    *in = str_sub(*in, n, in->len);
    *len += n;
    c->left -= n;
    if (c->left == 0)
        c->state = DATA_CR;
}

HeadResult chunked_read(Chunked *c, Str *in, char *to, isize *len, i64 body_most,
                        FaultCode *fault)
{
    while (in->len > 0 && c->state != END && c->state != WRONG) {
        if (c->state == DATA) {
            move_data(c, in, to, len);
            continue;
        }
        int was = c->state;
        c->state = next_state(c, in->at[0]);
        keep_trailer(c, was, in->at[0]);
        *in = str_sub(*in, 1, in->len);
        if (c->state != DATA)
            continue;
        if (c->left > body_most - c->body) {
            *fault = CONTENT_TOO_LARGE;
            return HEAD_BAD;
        }
        c->body += c->left;
    }
    if (c->state == WRONG)
        *fault = BAD_REQUEST;
    return c->state == END ? HEAD_DONE : c->state == WRONG ? HEAD_BAD : HEAD_MORE;
}
