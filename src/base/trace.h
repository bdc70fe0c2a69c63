/* trace.h - what a unit of work did and how long it took, for whoever follows a request
 * from the click to the letter.
 *
 * A step is begun and ended on the same Ctx; while it lasts cx->trace.span is its own, so
 * what is done meanwhile becomes its child, and what is told (outbox, letter, another
 * server) carries it along. A step that ends is copied into a bounded line that the
 * exporter empties (web/otlp.h); when it is full the step is dropped and counted. Nobody
 * waits. With tracing off, or a trace that is not sampled, a step is one comparison.
 *
 * No secret, query or body may become an attribute; a name that the log would mask is
 * left out.
 * Needs: log.  Used by: every room that does something worth following.
 *   source  W3C Trace Context Level 2; OpenTelemetry trace data model */
#pragma once
#include "base/log.h"

typedef enum TraceKind {                          /* numbers of OTLP          */
    TRACE_INTERNAL = 1, TRACE_SERVER, TRACE_CLIENT, TRACE_PRODUCER, TRACE_CONSUMER
} TraceKind;

typedef enum TraceSampler {                       /* words of OTEL_TRACES_SAMPLER */
    SAMPLE_PARENT_RATIO, SAMPLE_PARENT_ON, SAMPLE_PARENT_OFF, SAMPLE_ON, SAMPLE_OFF,
    SAMPLE_RATIO
} TraceSampler;

typedef struct TraceConfig {
    TraceSampler sampler;
    double       ratio;                           /* 0..1                     */
    isize        waiting_most;                    /* steps that may wait      */
} TraceConfig;

void trace_open(const TraceConfig *config);       /* until then it is off     */
void trace_close(void);
bool trace_on(void);

/* ---- where a trace comes from ------------------------------------------------- */

/* Goes on with the caller's trace, or begins one; decides whether it is sampled. Anything
 * but a well-formed `parent` counts as none, and then `state` is ignored, too.
 *   keeps  `state` is borrowed */
void trace_join(Ctx *cx, Str parent, Str state);

/* The same for what a message says: its traceparent, or absent. */
void trace_follow(Ctx *cx, Str parent);

/* "00-<trace>-<span>-<flags>", 55 letters: what the next server is told. */
Str trace_parent(Arena *mem, const Trace *t);

/* What an outbox row or a message keeps: the same, absent when nobody follows. */
Str trace_kept(Arena *mem, const Trace *t);

CHECKED bool trace_read(Str parent, Trace *out);
bool trace_state_good(Str state);                 /* section 3.3              */

/* ---- steps ---------------------------------------------------------------------- */

typedef struct Step { u8 outer[8], parent[8]; i64 from; bool on; } Step;

Step trace_begin(Ctx *cx);

/* trace_end(cx, &step, TRACE_CLIENT, "commit", L("batch", n)): `name` and the keys must
 * stay; the values are copied, up to 200 bytes of text in all. A fault of ours (5xx) is
 * told by its code. */
#define trace_end(cx, step, kind, ...) \
    ((step)->on ? trace_end_((cx), (step), (kind), LOG_ARGS(__VA_ARGS__)) : (void)0)
void trace_end_(Ctx *cx, const Step *s, TraceKind kind, const char *name,
                const LogField *f, isize n);

/* A step that somebody else did for this work, under its present one. */
void trace_note(const Ctx *cx, Mono from, Mono to, TraceKind kind, const char *name,
                const LogField *f, isize n);

/* The step that the whole unit of work was: begun `us` before now, its parent the
 * caller's. */
void trace_whole(const Ctx *cx, i64 us, TraceKind kind, const char *name,
                 const LogField *f, isize n);

/* ---- for the exporter -------------------------------------------------------------- */

enum { TRACE_ATTRS = 8, TRACE_NAME = 80, TRACE_TEXT = 200 };

typedef struct TraceAttr { const char *key; bool is_str; i64 i; int at, len; } TraceAttr;

typedef struct TraceRecord {
    u8        id[16], span[8], parent[8], flags;
    bool      failed;
    TraceKind kind;
    i64       from_ns, to_ns;                     /* since 1970               */
    char      name[TRACE_NAME];
    TraceAttr attrs[TRACE_ATTRS];
    int       attr_count, text_used;
    char      text[TRACE_TEXT];
} TraceRecord;

/* Waits until `enough` wait, `until` has passed or trace_hurry was called; takes up to
 * `most`. */
isize trace_take(TraceRecord *out, isize most, isize enough, Mono until);
void  trace_hurry(void);
