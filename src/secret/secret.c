/* secret.c - see secret.h. A server of secrets is often a neighbour that starts with us,
 * so it is tried for some seconds; one that refuses is believed at once. */
#include "secret/engine.h"
#include <time.h>

enum { ATTEMPTS = 4, PAUSE_MS = 400, WITHIN_S = 30, SHOWN_MOST = 120, HIDDEN_MOST = 8,
       HIDDEN_LEAST = 4 };

static const SecretEngine *const engines[] = { &secret_vault, &secret_aws };

bool secret_safe(Str url)
{
    Str rest = url;

    if (str_starts(url, S("https://")))
        return true;
    if (!str_starts(url, S("http://")))
        return false;
    rest = str_sub(rest, 7, rest.len);
    Str host = str_cut(&rest, '/');
    if (str_starts(host, S("[::1]")))
        return host.len == 5 || host.at[5] == ':';
    Str name = str_cut(&host, ':');
    return str_is(name, S("127.0.0.1")) || str_is(name, S("localhost"));
}

static struct { Str at[HIDDEN_MOST]; int count; } hidden;

void secret_hide(Str secret)
{
    if (secret.len < HIDDEN_LEAST)                /* would be found in any word */
        return;
    must(hidden.count < HIDDEN_MOST);
    hidden.at[hidden.count++] = secret;
}

/* Letters of a secret that begins here; 0: none does. */
static isize hidden_at(Str rest)
{
    for (int i = 0; i < hidden.count; i++)
        if (str_starts(rest, hidden.at[i]))
            return hidden.at[i].len;
    return 0;
}

Str secret_says(Arena *mem, Str text)
{
    Buf b = buf_in(mem, 128);
    isize skip;

    for (isize i = 0; i < text.len && b.len < SHOWN_MOST; i++) {
        if ((skip = hidden_at(str_sub(text, i, text.len))) > 0) {
            buf_lit(&b, "[redacted]");
            i += skip - 1;
        } else
            buf_byte(&b, text.at[i] >= ' ' && text.at[i] < 0x7F ? text.at[i] : ' ');
    }
    return str_trim(buf_str(&b));
}

static void pause_for(i64 ms)
{
    nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

bool secret_ask(Ctx *cx, const Fetch *f, int *status, const Json **out)
{
    Fetched got = { 0 };
    bool good = false;
    Str why;

    for (int i = 0; i < ATTEMPTS; i++) {
        if (i > 0)
            pause_for(PAUSE_MS << i);
        fault_clear(cx);
        good = fetch(cx, f, &got);
        if (good && got.status < 500 && got.status != 429)
            break;
        if (!good && cx->fault.code == VALIDATION_ERROR)
            break;
    }
    *status = good ? got.status : 0;
    *out = good && got.body.len > 0 ? json_read(cx->mem, got.body, &why) : NULL;
    return good;
}

/* What a store holds is text; a number is taken as it is written. */
static bool value_of(Arena *mem, const Json *j, Str *out)
{
    if (j == NULL)
        return false;
    if (json_kind(j) == J_STR)
        *out = json_str(j);
    else if (json_kind(j) == J_INT)
        *out = str_fmt(mem, "%jd", (intmax_t)json_int(j));
    else if (json_kind(j) == J_BOOL)
        *out = json_bool(j) ? S("true") : S("false");
    else
        return false;
    return true;
}

static void take(Arena *mem, const Json *held, Str from, ConfigPair **list, Buf *mistakes)
{
    isize n;
    const ConfigFacts *f = config_facts(&n);

    for (isize i = 0; i < n; i++) {
        Str value;
        const Json *j = f[i].name != NULL ? json_member(held, f[i].name) : NULL;
        if (j == NULL)
            continue;
        if (!value_of(mem, j, &value)) {
            buf_fmt(mistakes, "%s: %.*s holds no text for it\n", f[i].name,
                    STR_ARGS(from));
            continue;
        }
        ConfigPair *p = make(mem, ConfigPair, 1);
        *p = (ConfigPair){ *list, str_of(f[i].name), value, from };
        *list = p;
    }
}

/* Of two pairs of one name the last counts, and the list grows at its head: so the place
 * that was asked first is right. */
bool secret_read(Arena *mem, const Config *c, ConfigPair **out, Buf *mistakes)
{
    bool good = true;

    for (isize i = 0; i < countof(engines); i++) {
        const SecretEngine *e = engines[i];
        Ctx cx = ctx_new(mem, TENANT_DEFAULT);
        Reading r = { 0 };

        if (!e->named(c))
            continue;
        hidden.count = 0;
        cx.deadline = mono_after(mono_now(), seconds(WITHIN_S));
        if (e->read(&cx, c, &r))
            take(mem, r.held, r.from, out, mistakes);
        else {
            buf_fmt(mistakes, "%s: %s%s%s\n", e->name, cx.fault.why,
                    r.cure != NULL ? "; " : "", r.cure != NULL ? r.cure : "");
            good = false;
        }
    }
    return good;
}
