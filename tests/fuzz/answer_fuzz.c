/* answer_fuzz.c - what must be true of every answer's head that is taken, and of the
 * trailers that are passed on. */
#include "net/answer.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static bool inside(Str part, Str all)
{
    return part.at >= all.at && part.at + part.len <= all.at + all.len;
}

static void check(Str in, const AnswerHead *a)
{
    must(a->size > 0 && a->size <= in.len && a->size <= HEAD_MOST);
    must(a->status >= 100 && a->status < 600 && (a->minor == 0 || a->minor == 1));
    must(!(a->chunked && a->length >= 0) && a->length >= -1 && (!a->chunked || a->minor == 1));
    must(a->body != ENDS_BY_LENGTH || a->length > 0);
    must(a->body != ENDS_AT_CLOSE || a->close);
    must(a->count >= 0 && a->count <= HEADERS_MOST);
    for (isize i = 0; i < a->count; i++) {
        Str v = a->headers[i].value;
        must(inside(a->headers[i].name, in) && a->headers[i].name.len > 0 && inside(v, in));
        must(str_find(v, '\r') < 0 && str_find(v, '\n') < 0 && str_find(v, '\0') < 0);
        hop_field(a->headers[i].name, a->headers, a->count);
    }
}

static bool any(const void *of, Str name) { return of == NULL && name.len > 0; }

static void filter(Str in)
{
    char *to = malloc((size_t)in.len + 1);
    isize n = trailers_filter(in, any, NULL, to);

    must(to != NULL && n >= -1 && n <= in.len);
    if (n > 0)
        must(to[n - 1] == '\n' && trailers_filter((Str){ to, n }, any, NULL, to) == n);
    free(to);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static AnswerHead a;
    Str in = { (const char *)data, (isize)size };

    for (Asked asked = ASKED_BODY; asked <= ASKED_HEAD; asked++) {
        HeadResult got = answer_read(in, asked, &a);
        if (got == HEAD_DONE) {
            isize n = a.size;
            check(in, &a);
            must(answer_read(str_sub(in, 0, n), asked, &a) == HEAD_DONE && a.size == n);
            must(answer_read(str_sub(in, 0, n - 1), asked, &a) == HEAD_MORE);
        } else if (got == HEAD_MORE)
            must(in.len < HEAD_MOST);
    }
    filter(in);
    return 0;
}
