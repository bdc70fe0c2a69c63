/* head_fuzz.c - what must be true of every head that is taken. */
#include "net/head.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static bool inside(Str part, Str all)
{
    return part.at == NULL || (part.at >= all.at && part.at + part.len <= all.at + all.len);
}

static void check(Str in, const Head *h)
{
    Str head = { in.at, h->size };

    must(h->size > 0 && h->size <= in.len && h->size <= HEAD_MOST);
    must(inside(h->method_text, head) && inside(h->target, head));
    must(!(h->chunked && h->length >= 0) && h->length >= -1);
    must(h->minor == 0 || h->minor == 1);
    must(!h->chunked || h->minor == 1);
    must(h->count >= 0 && h->count <= HEADERS_MOST && h->method < M_OTHER);
    must(str_utf8(h->path) && (h->path.at[0] == '/' || str_is(h->path, S("*"))));
    for (isize i = 0; i < h->count; i++) {
        must(inside(h->headers[i].name, head) && h->headers[i].name.len > 0);
        must(inside(h->headers[i].value, head));
        must(str_find(h->headers[i].value, '\r') < 0 && str_find(h->headers[i].value, '\n') < 0);
    }
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static Head h;
    Arena mem = { 0 };
    Str in = { (const char *)data, (isize)size };

    HeadResult got = head_read(&mem, in, &h);
    if (got == HEAD_DONE) {
        isize n = h.size;
        check(in, &h);
        must(head_read(&mem, str_sub(in, 0, n), &h) == HEAD_DONE && h.size == n);
        must(head_read(&mem, str_sub(in, 0, n - 1), &h) == HEAD_MORE);
    } else if (got == HEAD_BAD) {
        int status = fault_facts(h.fault)->status;
        must((status >= 400 && status < 500) || status == 501 || status == 505);
    } else
        must(in.len < HEAD_MOST);
    arena_close(&mem);
    return 0;
}
