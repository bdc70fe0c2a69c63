/* problem.c - `type` is an address of this server (/problems/SOLD_OUT) that explains
 * the code to people; programs look at `code`. */
#include "web/problem.h"
#include <string.h>

enum { RETRY_AFTER_BUSY = 1, RETRY_AFTER_LIMIT = 60 };

Str trace_str(Arena *mem, const Trace *trace)
{
    return hex_write(mem, trace->id, sizeof trace->id);
}

Str problem_title(Arena *mem, FaultCode code)
{
    Str s = str_of(fault_facts(code)->code);
    char *to = make(mem, char, s.len + 1);

    for (isize i = 0; i < s.len; i++)
        to[i] = s.at[i] == '_' ? ' ' : i == 0 ? s.at[i] : (char)(s.at[i] | 0x20);
    return (Str){ to, s.len };
}

static bool has_header(const Req *rq, Str name)
{
    for (const ReplyHeader *h = rq->reply.headers; h != NULL; h = h->next)
        if (str_is_nocase(h->name, name))
            return true;
    return false;
}

/* In how many seconds to come again; 0: that isn't the point. */
static int wait_of(const Ctx *cx, int status)
{
    bool later = status == 429 || status == 503 || status == 504;

    if (!later || cx->fault.retry_after > 0)
        return later ? cx->fault.retry_after : 0;
    return status == 429 ? RETRY_AFTER_LIMIT : RETRY_AFTER_BUSY;
}

static void put_retry(Ctx *cx, Req *rq, int wait)
{
    Str seconds = str_fmt(cx->mem, "%d", wait);

    if (!has_header(rq, S("Retry-After")))
        reply_header(cx, rq, S("Retry-After"), seconds);
    if (cx->fault.limit <= 0)
        return;
    reply_header(cx, rq, S("RateLimit-Limit"),
                 str_fmt(cx->mem, "%jd", (intmax_t)cx->fault.limit));
    reply_header(cx, rq, S("RateLimit-Remaining"), S("0"));
    reply_header(cx, rq, S("RateLimit-Reset"), seconds);
}

/* RFC 6750 section 3: a token that was sent and refused is named as the reason. */
static void put_challenge(Ctx *cx, Req *rq, FaultCode code)
{
    bool sent = code == TOKEN_EXPIRED || code == INVALID_TOKEN;

    reply_header(cx, rq, S("WWW-Authenticate"),
                 sent ? S("Bearer realm=\"tickettoken\", error=\"invalid_token\"")
                      : S("Bearer realm=\"tickettoken\""));
}

static void put_errors(Buf *b, const FieldError *e)
{
    json_put_name(b, "errors");
    buf_byte(b, '[');
    for (bool first = true; e != NULL; e = e->next, first = false) {
        buf_add(b, first ? S("{") : S(",{"));
        json_put_text(b, "field", e->field);
        json_put_text(b, "message", e->message);
        buf_byte(b, '}');
    }
    buf_byte(b, ']');
}

void problem_reply(Ctx *cx, Req *rq)
{
    FaultCode code = cx->fault.code == OK ? INTERNAL_ERROR : cx->fault.code;
    const FaultFacts *f = fault_facts(code);
    Buf b = buf_in(cx->mem, 400);
    int wait = wait_of(cx, f->status);

    buf_byte(&b, '{');
    json_put_text(&b, "type", str_fmt(cx->mem, "/problems/%s", f->code));
    json_put_text(&b, "title", problem_title(cx->mem, code));
    json_put_int(&b, "status", f->status);
    json_put_text(&b, "code", str_of(f->code));
    json_put_text(&b, "detail",
                  cx->fault.said.at != NULL ? cx->fault.said : str_of(f->sentence));
    if (rq->path.at != NULL)
        json_put_text(&b, "instance", rq->path);
    if (f->status >= 500)
        json_put_text(&b, "errorId", trace_str(cx->mem, &cx->trace));
    if (f->status == 429)
        json_put_int(&b, "retryAfter", wait);
    if (cx->fault.fields != NULL)
        put_errors(&b, cx->fault.fields);
    buf_byte(&b, '}');

    rq->reply.status = f->status;
    rq->reply.type = S("application/problem+json");
    rq->reply.body = buf_str(&b);
    rq->reply.stream = NULL;
    rq->reply.endless = false;
    rq->reply.forward = NULL;
    if (wait > 0)
        put_retry(cx, rq, wait);
    if (f->status == 401)
        put_challenge(cx, rq, code);
}
