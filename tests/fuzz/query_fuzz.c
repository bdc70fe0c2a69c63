/* query_fuzz.c - percent-decoding of paths and queries. */
#include "net/req.h"
#include "net/head.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void check_path(Str path)
{
    must(path.len > 0 && path.at[0] == '/' && str_utf8(path));
    must(str_find(path, '\\') < 0 && str_find(path, '\n') < 0);
    must(!str_has(path, S("/../")) && !str_has(path, S("/./")));
    must(!str_ends(path, S("/..")) && !str_ends(path, S("/.")));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    Arena mem = { 0 };
    Str in = { (const char *)data, (isize)size }, out;
    Ctx cx = { .mem = &mem };
    Req rq = { .query = in };
    Page page;

    if (path_settle(&mem, in, &out)) {
        must(out.len <= in.len);
        check_path(out);
    }
    if (query_decode(&mem, in, &out))
        must(str_utf8(out) && out.len <= in.len);
    if (req_page(&cx, &rq, &page))
        must(page.limit >= 1 && page.limit <= 100);
    arena_close(&mem);
    return 0;
}
