/* trace.c - see trace.h. The line is a ring of records of one size, made when tracing is
 * turned on: a step costs one copy under a lock and no malloc. The lock's rank is near
 * the end, so a step may end wherever a log line may be written. */
#include "base/trace.h"
#include "base/lock.h"
#include "base/metric.h"
#include "base/rand.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PARENT_LEN = 55, STATE_MOST = 512, STATE_MEMBERS_MOST = 32, FLAG_SAMPLED = 1,
       FLAG_RANDOM = 2 };

static struct {
    _Atomic bool   on;
    TraceConfig    config;
    u64            threshold;                     /* of 2^56: below it a trace is
                                                     sampled */
    i64            epoch_ns;                      /* 1970 on the clock that runs
                                                     forward */
    Lock           lock;
    pthread_cond_t more;
    TraceRecord   *ring;
    isize          first, count;
    isize          enough;                        /* the taker wants to be woken then */
    bool           hurry;
} own = { .lock = LOCK_OF(RANK_TRACE) };

/* ---- on and off -------------------------------------------------------------- */

static i64 epoch_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (i64)t.tv_sec * 1000000000 + t.tv_nsec - mono_now().ns;
}

void trace_open(const TraceConfig *config)
{
    must(!own.on && config->waiting_most > 0);
    own.config = *config;
    own.threshold = (u64)(config->ratio * (double)((u64)1 << 56));
    own.epoch_ns = epoch_now();
    own.first = own.count = own.enough = 0;
    own.hurry = false;
    cond_init(&own.more);
    own.ring = calloc((size_t)config->waiting_most, sizeof *own.ring);
    must(own.ring != NULL);
    own.on = true;
}

/* When nobody works any more. */
void trace_close(void)
{
    if (!own.on)
        return;
    own.on = false;
    pthread_cond_destroy(&own.more);
    free(own.ring);
    own.ring = NULL;
}

bool trace_on(void) { return own.on; }

/* ---- traceparent (Trace Context 3.2) and tracestate (3.3) ----------------------- */

static bool lower_hex(Str s)
{
    for (isize i = 0; i < s.len; i++)
        if (!((s.at[i] >= '0' && s.at[i] <= '9') || (s.at[i] >= 'a' && s.at[i] <= 'f')))
            return false;
    return s.len > 0;
}

static bool all_zero(const u8 *at, isize n)
{
    while (n > 0 && at[n - 1] == 0)
        n--;
    return n == 0;
}

/* 00-<32 hex>-<16 hex>-<2 hex>. A later version may add to it, ff is forbidden. */
bool trace_read(Str s, Trace *out)
{
    Trace t = { 0 };
    Str version = str_cut(&s, '-'), id = str_cut(&s, '-'), span = str_cut(&s, '-');
    Str flags = str_cut(&s, '-');

    if (version.len != 2 || !lower_hex(version) || str_is(version, S("ff")) ||
        !lower_hex(id) || !lower_hex(span) || !lower_hex(flags) ||
        (s.at != NULL && str_is(version, S("00"))))
        return false;
    if (!hex_read(id, t.id, sizeof t.id) || !hex_read(span, t.span, sizeof t.span) ||
        !hex_read(flags, &t.flags, 1) || all_zero(t.id, sizeof t.id) ||
        all_zero(t.span, sizeof t.span))
        return false;
    t.flags &= FLAG_SAMPLED | FLAG_RANDOM;        /* what else is set means nothing yet */
    *out = t;
    return true;
}

static bool key_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '*' || c == '/' || c == '@';
}

/* key=value; the value printable, without ',' and '=', not ending in a space. */
static bool member_good(Str m)
{
    Str value = m, key = str_cut(&value, '=');

    if (key.len < 1 || key.len > 256 || value.at == NULL || value.len < 1 ||
        value.len > 256)
        return false;
    if (!((key.at[0] >= 'a' && key.at[0] <= 'z') ||
          (key.at[0] >= '0' && key.at[0] <= '9')))
        return false;
    for (isize i = 0; i < key.len; i++)
        if (!key_char(key.at[i]))
            return false;
    for (isize i = 0; i < value.len; i++)
        if (value.at[i] < ' ' || value.at[i] > '~' || value.at[i] == '=')
            return false;
    return value.at[value.len - 1] != ' ';
}

bool trace_state_good(Str state)
{
    int members = 0;

    if (state.len == 0 || state.len > STATE_MOST)
        return false;
    while (state.at != NULL) {
        Str m = str_trim(str_cut(&state, ','));
        if (m.len > 0 && (!member_good(m) || ++members > STATE_MEMBERS_MOST))
            return false;
    }
    return members > 0;
}

Str trace_parent(Arena *mem, const Trace *t)
{
    return str_fmt(mem, "00-%.*s-%.*s-%02x",
                   STR_ARGS(hex_write(mem, t->id, sizeof t->id)),
                   STR_ARGS(hex_write(mem, t->span, sizeof t->span)), t->flags);
}

Str trace_kept(Arena *mem, const Trace *t)
{
    return t->on ? trace_parent(mem, t) : (Str){ 0 };
}

/* ---- joining, and the choice ----------------------------------------------------- */

/* The last seven bytes are the ones that are random (Level 2, section 5.1.1). */
static bool by_ratio(const Trace *t)
{
    u64 v = 0;

    for (int i = 9; i < 16; i++)
        v = v << 8 | t->id[i];
    return v < own.threshold;
}

static bool sample(const Trace *t, bool has_parent)
{
    switch (own.config.sampler) {
    case SAMPLE_ON:  return true;
    case SAMPLE_OFF: return false;
    case SAMPLE_RATIO: return by_ratio(t);
    case SAMPLE_PARENT_ON: return !has_parent || (t->flags & FLAG_SAMPLED) != 0;
    case SAMPLE_PARENT_OFF: return has_parent && (t->flags & FLAG_SAMPLED) != 0;
    case SAMPLE_PARENT_RATIO: break;
    }
    return has_parent ? (t->flags & FLAG_SAMPLED) != 0 : by_ratio(t);
}

static void new_span(Trace *t)
{
    memcpy(t->parent, t->span, sizeof t->parent);
    rand_bytes(t->span, sizeof t->span);
}

/* Where nothing is recorded the caller stays the parent of whom we ask: a span of ours
 * that nobody ever sees would tear the tree. */
void trace_join(Ctx *cx, Str parent, Str state)
{
    Trace t;
    bool has_parent = parent.len > 0 && trace_read(parent, &t);

    if (has_parent) {
        t.state = trace_state_good(state) ? state : (Str){ 0 };
        cx->trace = t;
    } else                                        /* turned off, we leave it to those
                                                     behind us whether to follow */
        cx->trace.flags = FLAG_RANDOM | (own.on ? 0 : FLAG_SAMPLED);
    if (!own.on)
        return;
    cx->trace.on = sample(&cx->trace, has_parent);
    cx->trace.flags = (u8)((cx->trace.flags & FLAG_RANDOM) |
                           (cx->trace.on ? FLAG_SAMPLED : 0));
    if (has_parent)
        new_span(&cx->trace);
}

void trace_follow(Ctx *cx, Str parent)
{
    if (own.on)
        trace_join(cx, parent, (Str){ 0 });
}

/* ---- steps ------------------------------------------------------------------------- */

Step trace_begin(Ctx *cx)
{
    Step s = { .on = cx->trace.on };

    if (!s.on)
        return s;
    memcpy(s.outer, cx->trace.span, sizeof s.outer);
    memcpy(s.parent, cx->trace.parent, sizeof s.parent);
    s.from = mono_now().ns;
    new_span(&cx->trace);
    return s;
}

static void add(TraceRecord *r, const LogField *f)
{
    if (f->key == NULL || r->attr_count == TRACE_ATTRS || log_redacts(str_of(f->key)))
        return;
    isize room = TRACE_TEXT - r->text_used, len = f->s.len < room ? f->s.len : room;
    TraceAttr *a = &r->attrs[r->attr_count++];
    *a = (TraceAttr){ f->key, f->is_str, f->i, r->text_used, (int)len };
    if (f->is_str && len > 0) {
        memcpy(r->text + r->text_used, f->s.at, (size_t)len);
        r->text_used += (int)len;
    }
}

static void fill(TraceRecord *r, const Ctx *cx, TraceKind kind, const char *name,
                 const LogField *f, isize n)
{
    const Trace *t = &cx->trace;

    memcpy(r->id, t->id, sizeof r->id);
    memcpy(r->span, t->span, sizeof r->span);
    memcpy(r->parent, t->parent, sizeof r->parent);
    r->flags = t->flags;
    r->kind = kind;
    r->attr_count = r->text_used = 0;
    strncpy(r->name, name, TRACE_NAME - 1);
    r->name[TRACE_NAME - 1] = '\0';
    r->failed = cx->fault.code != OK && fault_facts(cx->fault.code)->status >= 500;
    if (r->failed)
        add(r, (const LogField[]){ L("error.type", fault_facts(cx->fault.code)->code) });
    for (isize i = 0; i < n; i++)
        add(r, &f[i]);
}

static void push(const TraceRecord *r)
{
    bool full, wake = false;

    lock(&own.lock);
    full = own.count == own.config.waiting_most;
    if (!full) {
        own.ring[(own.first + own.count++) % own.config.waiting_most] = *r;
        wake = own.enough > 0 && own.count >= own.enough;
    }
    unlock(&own.lock);
    if (wake)
        pthread_cond_signal(&own.more);
    if (full)
        metric_add(METRIC_TRACE_LOST_LINE, 1);
}

void trace_end_(Ctx *cx, const Step *s, TraceKind kind, const char *name,
                const LogField *f, isize n)
{
    TraceRecord r;

    fill(&r, cx, kind, name, f, n);
    r.from_ns = own.epoch_ns + s->from;
    r.to_ns = own.epoch_ns + mono_now().ns;
    memcpy(cx->trace.span, s->outer, sizeof s->outer);
    memcpy(cx->trace.parent, s->parent, sizeof s->parent);
    push(&r);
}

void trace_note(const Ctx *cx, Mono from, Mono to, TraceKind kind, const char *name,
                const LogField *f, isize n)
{
    TraceRecord r;

    if (!cx->trace.on)
        return;
    fill(&r, cx, kind, name, f, n);
    memcpy(r.parent, cx->trace.span, sizeof r.parent);
    rand_bytes(r.span, sizeof r.span);
    r.from_ns = own.epoch_ns + from.ns;
    r.to_ns = own.epoch_ns + to.ns;
    push(&r);
}

void trace_whole(const Ctx *cx, i64 us, TraceKind kind, const char *name,
                 const LogField *f, isize n)
{
    TraceRecord r;

    if (!cx->trace.on)
        return;
    fill(&r, cx, kind, name, f, n);
    r.to_ns = own.epoch_ns + mono_now().ns;
    r.from_ns = r.to_ns - us * 1000;
    push(&r);
}

/* ---- the other end ----------------------------------------------------------------- */

isize trace_take(TraceRecord *out, isize most, isize enough, Mono until)
{
    isize n = 0;

    lock(&own.lock);
    own.enough = enough;
    while (own.count < enough && !own.hurry && mono_now().ns < until.ns)
        lock_wait(&own.lock, &own.more, until.ns);
    own.enough = 0;
    for (; n < most && own.count > 0; n++, own.count--) {
        out[n] = own.ring[own.first];
        own.first = (own.first + 1) % own.config.waiting_most;
    }
    unlock(&own.lock);
    return n;
}

void trace_hurry(void)
{
    lock(&own.lock);
    own.hurry = true;
    unlock(&own.lock);
    pthread_cond_broadcast(&own.more);
}
