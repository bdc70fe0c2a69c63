/* rand.c - each thread takes 1 KiB from the kernel at a time, because a UUID for
 * every row would otherwise be a system call for every row. Handed-out bytes
 * are wiped from the pool, so a later leak of it tells nothing about the past. */
#include "base/rand.h"
#include <string.h>
#include <sys/random.h>

static void from_kernel(void *out, isize n)
{
    for (isize got = 0; got < n;) {
        ssize_t k = getrandom((char *)out + got, (size_t)(n - got), 0);
        if (k > 0)
            got += k;
    }
}

void rand_bytes(void *out, isize n)
{
    static _Thread_local struct { u8 pool[1024]; isize left; } own;

    if (n > 64) {
        from_kernel(out, n);
        return;
    }
    if (own.left < n) {
        from_kernel(own.pool, sizeof own.pool);
        own.left = sizeof own.pool;
    }
    own.left -= n;
    memcpy(out, own.pool + own.left, (size_t)n);
    memset(own.pool + own.left, 0, (size_t)n);
}

u32 rand_below(u32 below)
{
    u32 limit = below == 0 ? 0 : UINT32_MAX - UINT32_MAX % below, v;

    must(below > 0);
    do
        rand_bytes(&v, sizeof v);
    while (v >= limit);
    return v % below;
}
