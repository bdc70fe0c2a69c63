/* types.h - the numbers and the two kinds of certainty every file speaks.
 *
 * What cannot happen is a must(); what can happen is a fail() (ctx.h). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int64_t   i64;
typedef int32_t   i32;
typedef uint64_t  u64;
typedef uint32_t  u32;
typedef uint16_t  u16;
typedef uint8_t   u8;
typedef ptrdiff_t isize;                 /* every size and index: signed     */

#define CHECKED       __attribute__((warn_unused_result))
#define PRINTS(f, a)  __attribute__((format(printf, f, a)))
#define countof(a)    ((isize)(sizeof(a) / sizeof((a)[0])))

/* A broken invariant stops the process, in production too: a wrong answer
 * about somebody's ticket is worse than none. */
#define must(x)  ((x) ? (void)0 : must_failed(#x, __FILE__, __LINE__))
_Noreturn void must_failed(const char *what, const char *file, int line);
