/* code_fuzz.c - what a scanner read. Only a code that was made with the key may be good. */
#include "tickets/code.h"
#include <stddef.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static u8 master[32] = { 1 };
    Arena mem = { 0 };
    EventId event = { { { 2 } } };
    Instant now = { 1763800000000 };
    Code c;

    code_setup((Secret){ master, sizeof master });
    CodeKey key = code_key(TENANT_DEFAULT, event);
    Str text = { (const char *)data, (isize)size };
    if (code_read(&key, TENANT_DEFAULT, event, text, now, &c) == CODE_GOOD) {
        Str own = code_write(&mem, &key, TENANT_DEFAULT, event, &c);
        must(str_is_nocase(own, str_trim(text)));
    }
    arena_close(&mem);
    return 0;
}
