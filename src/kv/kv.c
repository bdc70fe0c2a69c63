/* kv.c - picks the engine by the url's scheme and makes keys. The tenant stands
 * first in the text of a key, as it does in every SQL key. */
#include "base/control.h"
#include "base/trace.h"
#include "kv/engine.h"

static const KvEngine *const engines[] = { &kv_embedded, &kv_redis };
static const KvEngine *engine;

static bool speaks(const KvEngine *e, Str url)
{
    Str left = str_of(e->schemes);

    while (left.at != NULL)
        if (str_starts(url, str_cut(&left, ' ')))
            return true;
    return false;
}

bool kv_open(Arena *mem, const KvConfig *config, Str *why)
{
    Str rest = config->url, scheme = str_cut(&rest, ':');

    must(engine == NULL);
    for (isize i = 0; i < countof(engines); i++) {
        if (!speaks(engines[i], config->url))
            continue;
        if (!engines[i]->open(mem, config, why))
            return false;
        engine = engines[i];
        return true;
    }
    *why = str_fmt(mem,
                   "no kv engine for \"%.*s:\"; embedded:, redis:, rediss: and unix: are"
                   " known", STR_ARGS(scheme));
    return false;
}

void kv_close(void)
{
    if (engine != NULL)
        engine->close();
    engine = NULL;
}

static Key key_of(Ctx *cx, char owner, const char *kind, Str name)
{
    Buf b = buf_in(cx->mem, 64 + name.len);

    buf_byte(&b, owner);
    buf_byte(&b, ':');
    if (owner == 't') {
        uuid_write(&b, cx->tenant.v);
        buf_byte(&b, ':');
    }
    buf_add(&b, str_of(kind));
    buf_byte(&b, ':');
    buf_add(&b, name);
    return (Key){ buf_str(&b) };
}

Key kv_key(Ctx *cx, const char *kind, Str name)        { return key_of(cx, 't', kind, name); }
Key kv_key_global(Ctx *cx, const char *kind, Str name) { return key_of(cx, 'g', kind, name); }

/* A unit of work that has used up its memory ends at the next port (arena.h). */
static bool may(Ctx *cx)
{
    must(engine != NULL);
    return !arena_over(cx->mem) || fail(cx, INTERNAL_ERROR, "arena over its ceiling");
}

/* One call of the engine, as a step of the trace. */
#define CALL(cx, call)                                                       \
    if (!may(cx))                                                            \
        return false;                                                        \
    Step step = trace_begin(cx);                                             \
    bool good = (call);                                                      \
    trace_end((cx), &step, TRACE_CLIENT, __func__);                          \
    return good

bool kv_count(Ctx *cx, Key key, Span window, i64 most, i64 *n, Instant *reset)
{
    CALL(cx, engine->count(cx, key.text, window, most, n, reset));
}

bool kv_counted(Ctx *cx, Key key, i64 *n)
{
    CALL(cx, engine->counted(cx, key.text, n));
}

bool kv_uncount(Ctx *cx, Key key)
{
    CALL(cx, engine->uncount(cx, key.text));
}

bool kv_put(Ctx *cx, Key key, Str value, Span ttl)
{
    CALL(cx, engine->put(cx, key.text, value, ttl));
}

bool kv_put_new(Ctx *cx, Key key, Str value, Span ttl, bool *made)
{
    CALL(cx, engine->put_new(cx, key.text, value, ttl, made));
}

bool kv_get(Ctx *cx, Key key, Str *value, bool *found)
{
    CALL(cx, engine->get(cx, key.text, value, found));
}

bool kv_take(Ctx *cx, Key key, Str *value, bool *found)
{
    CALL(cx, (GUARDED(true) ? engine->take : engine->get)(cx, key.text, value, found));
}

bool kv_delete(Ctx *cx, Key key)
{
    CALL(cx, engine->drop(cx, key.text));
}

/* ---- when it is away ------------------------------------------------------ */

bool kv_do_without(Ctx *cx, Metric counted)
{
    if (cx->fault.code != KV_UNAVAILABLE)
        return false;
    fault_clear(cx);
    metric_add(counted, 1);
    return true;
}

bool kv_limit(Ctx *cx, Key key, Span window, i64 most, Metric opened)
{
    i64 n;
    Instant reset;

    if (!kv_count(cx, key, window, most, &n, &reset))
        return kv_do_without(cx, opened);
    if (n <= most)
        return true;
    fail(cx, RATE_LIMIT_EXCEEDED, "%.*s", STR_ARGS(str_sub(key.text, 0, 60)));
    cx->fault.retry_after = (int)((reset.ms - cx->now.ms + 999) / 1000);
    cx->fault.limit = most;
    return false;
}

bool kv_answers(Ctx *cx)
{
    i64 n;

    return kv_counted(cx, kv_key_global(cx, "health", S("")), &n);
}
