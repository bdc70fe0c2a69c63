/* redis.c - the kv in a Redis that many nodes share.
 *
 *   tt:v:KEY   "EXPIRES VALUE"     a value; EXPIRES in milliseconds of the calendar
 *   tt:c:KEY   "EXPIRES COUNT"     a window
 *
 * Every operation is one command or one script, on one key, so Redis itself decides who
 * is first. Redis ends entries by its own clock (PX); the moment kept beside the value
 * says the same by the clock of the work, which is what the port promises and what lets a
 * test move time. Nodes whose clocks differ by a second see a window or a token end a
 * second early or, by PX, on time: never late. */
#include "kv/engine.h"
#include "kv/redis_pool.h"
#include <openssl/evp.h>
#include <signal.h>

enum { ENTRY_MOST = 1 << 20, ATTEMPTS = 5 };

/* ---- scripts -------------------------------------------------------------- */

typedef struct Script { const char *text; char sha1[41]; } Script;

/* now, window, most -> { count, end }: one too many neither counts nor prolongs. */
static Script count_script = { .text =
    "local now, window, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])\n"
    "local e, c = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (%d+)$')\n"
    "local ends, n = tonumber(e or 0), tonumber(c or 0)\n"
    "local new = ends <= now\n"
    "if new then ends, n = now + window, 0 end\n"
    "if n >= most then return {most + 1, ends} end\n"
    "local kept = string.format('%.0f %.0f', ends, n + 1)\n"
    "if new then redis.call('SET', KEYS[1], kept, 'PX', math.max(window, 1))\n"
    "else redis.call('SET', KEYS[1], kept, 'KEEPTTL') end\n"
    "return {n + 1, ends}\n" };

/* now -> 1 when one was taken back. */
static Script uncount_script = { .text =
    "local e, c = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (%d+)$')\n"
    "local ends, n = tonumber(e or 0), tonumber(c or 0)\n"
    "if ends <= tonumber(ARGV[1]) or n == 0 then return 0 end\n"
    "redis.call('SET', KEYS[1], string.format('%.0f %.0f', ends, n - 1), 'KEEPTTL')\n"
    "return 1\n" };

/* now, entry, ttl -> 1 when it was kept. */
static Script put_new_script = { .text =
    "local e = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) ')\n"
    "if tonumber(e or 0) > tonumber(ARGV[1]) then return 0 end\n"
    "redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])\n"
    "return 1\n" };

static void name_script(Script *s)
{
    static const char digits[] = "0123456789abcdef";
    u8 d[EVP_MAX_MD_SIZE];
    Str text = str_of(s->text);

    must(EVP_Digest(text.at, (size_t)text.len, d, NULL, EVP_sha1(), NULL) == 1);
    for (int i = 0; i < 20; i++) {
        s->sha1[2 * i] = digits[d[i] >> 4];
        s->sha1[2 * i + 1] = digits[d[i] & 15];
    }
    s->sha1[40] = '\0';
}

/* By its digest; with its text when Redis has forgotten it, having done nothing. */
static bool run_script(Ctx *cx, const Script *s, RedisAsk *ask, RedisAnswer *out)
{
    ask->words[0] = S("EVALSHA");
    ask->words[1] = str_of(s->sha1);
    if (!redis_ask(cx, ask, out))
        return false;
    if (out->kind == ANSWER_ERROR && str_is(str_of(out->error), S("NOSCRIPT"))) {
        ask->words[0] = S("EVAL");
        ask->words[1] = str_of(s->text);
        if (!redis_ask(cx, ask, out))
            return false;
    }
    return out->kind == ANSWER_NUMBERS || redis_refuses(cx, ask, out);
}

/* ---- entries -------------------------------------------------------------- */

static Str number(Ctx *cx, i64 n) { return str_fmt(cx->mem, "%jd", (intmax_t)n); }

static Str named(Ctx *cx, const char *space, Str key)
{
    Buf b = buf_in(cx->mem, key.len + 8);

    buf_lit(&b, "tt:");
    buf_add(&b, str_of(space));
    buf_byte(&b, ':');
    buf_add(&b, key);
    return buf_str(&b);
}

/* Redis refuses a life of nothing; the clock of the work ends such an entry at once. */
static Str life(Ctx *cx, Span ttl) { return number(cx, ttl.ms > 0 ? ttl.ms : 1); }

static bool make_entry(Ctx *cx, Str value, Span ttl, Str *out)
{
    Buf b = buf_in(cx->mem, value.len + 24);

    if (value.len > ENTRY_MOST)
        return fail(cx, INTERNAL_ERROR, "kv entry too large: %td bytes", value.len);
    buf_int(&b, later(cx->now, ttl).ms);
    buf_byte(&b, ' ');
    buf_add(&b, value);
    *out = buf_str(&b);
    return true;
}

/* What is left of an entry that has not ended; false when it has, or is none of ours. */
static bool read_entry(Ctx *cx, const RedisAnswer *a, Str *value)
{
    Str left = a->text;
    Instant expires;

    if (a->kind != ANSWER_TEXT || !str_int(str_cut(&left, ' '), &expires.ms) ||
        left.at == NULL)
        return false;
    *value = left;
    return before(cx->now, expires);
}

static bool ask_entry(Ctx *cx, const RedisAsk *ask, Str *value, bool *found)
{
    RedisAnswer a;

    if (!redis_ask(cx, ask, &a))
        return false;
    if (a.kind != ANSWER_TEXT && a.kind != ANSWER_NONE)
        return redis_refuses(cx, ask, &a);
    *found = read_entry(cx, &a, value);
    return true;
}

/* ---- the port ------------------------------------------------------------- */

static bool count(Ctx *cx, Str key, Span window, i64 most, i64 *n, Instant *reset)
{
    RedisAsk ask = { "count", false, 7, { [2] = S("1"), named(cx, "c", key),
                     number(cx, cx->now.ms), number(cx, window.ms), number(cx, most) } };
    RedisAnswer a;

    if (!run_script(cx, &count_script, &ask, &a))
        return false;
    *n = a.n[0];
    reset->ms = a.n[1];
    return true;
}

static bool uncount(Ctx *cx, Str key)
{
    RedisAsk ask = { "uncount", false, 5, { [2] = S("1"), named(cx, "c", key),
                     number(cx, cx->now.ms) } };
    RedisAnswer a;

    return run_script(cx, &uncount_script, &ask, &a);
}

static bool counted(Ctx *cx, Str key, i64 *n)
{
    RedisAsk ask = { "counted", true, 2, { S("GET"), named(cx, "c", key) } };
    Str text;
    bool found;

    *n = 0;
    if (!ask_entry(cx, &ask, &text, &found))
        return false;
    return !found || str_int(text, n) ||
           fail(cx, INTERNAL_ERROR, "redis counted: no number");
}

static bool put(Ctx *cx, Str key, Str value, Span ttl)
{
    RedisAsk ask = { "put", false, 5, { S("SET"), named(cx, "v", key), [3] = S("PX"),
                     life(cx, ttl) } };
    RedisAnswer a;

    return make_entry(cx, value, ttl, &ask.words[2]) && redis_ask(cx, &ask, &a) &&
           (a.kind == ANSWER_TEXT || redis_refuses(cx, &ask, &a));
}

static bool put_new(Ctx *cx, Str key, Str value, Span ttl, bool *made)
{
    RedisAsk ask = { "put_new", false, 7, { [2] = S("1"), named(cx, "v", key),
                     number(cx, cx->now.ms), [6] = life(cx, ttl) } };
    RedisAnswer a;

    if (!make_entry(cx, value, ttl, &ask.words[5]) ||
        !run_script(cx, &put_new_script, &ask, &a))
        return false;
    *made = a.n[0] == 1;
    return true;
}

static bool get(Ctx *cx, Str key, Str *value, bool *found)
{
    RedisAsk ask = { "get", true, 2, { S("GET"), named(cx, "v", key) } };
    return ask_entry(cx, &ask, value, found);
}

static bool take(Ctx *cx, Str key, Str *value, bool *found)
{
    RedisAsk ask = { "take", false, 2, { S("GETDEL"), named(cx, "v", key) } };
    return ask_entry(cx, &ask, value, found);
}

/* Two commands: in a cluster the two keys may be in two places. */
static bool drop_one(Ctx *cx, const char *space, Str key)
{
    RedisAsk ask = { "delete", false, 2, { S("DEL"), named(cx, space, key) } };
    RedisAnswer a;

    return redis_ask(cx, &ask, &a) &&
           (a.kind == ANSWER_NUMBERS || redis_refuses(cx, &ask, &a));
}

static bool drop(Ctx *cx, Str key)
{
    return drop_one(cx, "v", key) && drop_one(cx, "c", key);
}

/* ---- start and end -------------------------------------------------------- */

/* What every other command needs is there: GETDEL is the youngest (6.2), and a user of
 * Redis may be forbidden to run scripts. */
static bool try_all(Arena *mem, Str *why)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    Str value;
    bool found, made;

    if (take(&cx, S("start"), &value, &found) &&
        put_new(&cx, S("start"), S(""), seconds(1), &made))
        return true;
    *why = str_fmt(mem,
                   "REDIS_URL: %s; Redis 6.2 or Valkey is needed, and a user who may run"
                   " GET SET GETDEL DEL EVAL EVALSHA on tt:*", cx.fault.why);
    return false;
}

/* TLS writes by itself, and a write to a closed socket would end the process. */
static bool start(Arena *mem, const KvConfig *config, Str *why)
{
    int attempts = config->attempts > 0 ? config->attempts : ATTEMPTS;

    name_script(&count_script);
    name_script(&uncount_script);
    name_script(&put_new_script);
    signal(SIGPIPE, SIG_IGN);
    if (!redis_pool_open(mem, config->url, attempts, why))
        return false;
    if (try_all(mem, why))
        return true;
    redis_pool_close();
    return false;
}

const KvEngine kv_redis = {
    .schemes = "redis: rediss: unix:", .open = start, .close = redis_pool_close,
    .count = count, .counted = counted, .uncount = uncount, .put = put,
    .put_new = put_new, .get = get, .take = take, .drop = drop, };
