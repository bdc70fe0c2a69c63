/* kv.c - picks the engine by the url's scheme and makes keys. The tenant stands
 * first in the text of a key, as it does in every SQL key. */
#include "kv/engine.h"

static const KvEngine *const engines[] = { &kv_embedded };
static const KvEngine *engine;

bool kv_open(Arena *mem, const KvConfig *config, Str *why)
{
    must(engine == NULL);
    for (isize i = 0; i < countof(engines); i++) {
        Str scheme = str_of(engines[i]->scheme);
        if (!str_starts(config->url, scheme))
            continue;
        Str rest = str_sub(config->url, scheme.len, config->url.len);
        if (!engines[i]->open(mem, config, rest, why))
            return false;
        engine = engines[i];
        return true;
    }
    *why = str_fmt(mem, "no kv engine for \"%.*s\"; embedded:FILE is known",
                   STR_ARGS(config->url));
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

bool kv_count(Ctx *cx, Key key, Span window, i64 most, i64 *n, Instant *reset)
{
    return may(cx) && engine->count(cx, key.text, window, most, n, reset);
}

bool kv_counted(Ctx *cx, Key key, i64 *n)
{
    return may(cx) && engine->counted(cx, key.text, n);
}

bool kv_put(Ctx *cx, Key key, Str value, Span ttl)
{
    return may(cx) && engine->put(cx, key.text, value, ttl);
}

bool kv_put_new(Ctx *cx, Key key, Str value, Span ttl, bool *made)
{
    return may(cx) && engine->put_new(cx, key.text, value, ttl, made);
}

bool kv_get(Ctx *cx, Key key, Str *value, bool *found)
{
    return may(cx) && engine->get(cx, key.text, value, found);
}

bool kv_take(Ctx *cx, Key key, Str *value, bool *found)
{
    return may(cx) && engine->take(cx, key.text, value, found);
}

bool kv_delete(Ctx *cx, Key key)
{
    return may(cx) && engine->drop(cx, key.text);
}
