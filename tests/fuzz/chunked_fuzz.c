/* chunked_fuzz.c - a body means the same whole and in pieces. The first byte says how
 * large the pieces are. */
#include <stdlib.h>
#include <string.h>
#include "net/head.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum { BODY_MOST = 4096 };

typedef struct Outcome { HeadResult result; FaultCode fault; isize len, used; } Outcome;

static Outcome read_pieces(Str in, isize piece, char *body)
{
    Chunked c = { 0 };
    Outcome out = { .result = HEAD_MORE };

    while (out.used < in.len && out.result == HEAD_MORE) {
        Str part = str_sub(in, out.used, out.used + piece);
        isize before = part.len;
        out.result = chunked_read(&c, &part, body, &out.len, BODY_MOST, &out.fault);
        must(part.len == 0 || out.result != HEAD_MORE);
        out.used += before - part.len;
    }
    return out;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    if (size < 2)
        return 0;
    Str in = { (const char *)data + 1, (isize)size - 1 };
    char *a = malloc(size), *b = malloc(size);
    Outcome whole = read_pieces(in, in.len, a);
    Outcome parts = read_pieces(in, data[0] + 1, b);

    must(whole.result == parts.result && whole.fault == parts.fault);
    must(whole.used == parts.used && whole.len == parts.len && whole.len <= BODY_MOST);
    must(memcmp(a, b, (size_t)whole.len) == 0);
    must((whole.result == HEAD_BAD) == (whole.fault != OK));
    free(a);
    free(b);
    return 0;
}
