/* ctx.c - see ctx.h. A fault's `why` has a fixed size, because it is written just
 * when memory may be what is lacking. */
#include "base/ctx.h"
#include "base/rand.h"
#include <stdarg.h>
#include <stdio.h>

const TenantId TENANT_DEFAULT = { { { [15] = 1 } } };

const FaultFacts *fault_facts(FaultCode code)
{
    static const FaultFacts facts[FAULT_COUNT] = {
#define FAULT(code, status, retry, sentence) [code] = { #code, status, retry, sentence },
#include "base/fault.def"
#undef FAULT
    };
    must(code > OK && code < FAULT_COUNT);
    return &facts[code];
}

Ctx ctx_new(Arena *mem, TenantId tenant)
{
    Ctx cx = { .mem = mem, .tenant = tenant, .now = time_now(),
               .deadline = mono_after(mono_now(), (Span){ WORK_LASTS_MS }) };
    rand_bytes(&cx.trace, sizeof cx.trace.id + sizeof cx.trace.span);
    return cx;
}

bool fail_at(Ctx *cx, FaultCode code, const char *file, int line, const char *format, ...)
{
    va_list args;

    if (cx->fault.code != OK)
        return false;
    cx->fault.code = code;
    cx->fault.file = file;
    cx->fault.line = line;
    va_start(args, format);
    vsnprintf(cx->fault.why, sizeof cx->fault.why, format, args);
    va_end(args);
    return false;
}

bool fail_field(Ctx *cx, Str field, const char *format, ...)
{
    FieldError *e = make(cx->mem, FieldError, 1), **last = &cx->fault.fields;
    char text[160];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    e->field = field;
    e->message = str_copy(cx->mem, str_of(text));
    while (*last != NULL)
        last = &(*last)->next;
    *last = e;
    return fail(cx, VALIDATION_ERROR, "%.*s: %s", STR_ARGS(field), text);
}

void fault_clear(Ctx *cx)
{
    cx->fault = (Fault){ 0 };
}
