/* webhook_attempt.c - the receiver's answer is looked at for its status alone; a private
 * address is not called, unless the settings say that anyone may be. */
#include "gateway/webhook_attempt.h"
#include "net/fetch.h"
#include "proof/base64.h"

static Span within = { 10000 };

void attempt_open(Span t) { within = t; }

static Str sign(Ctx *cx, Str secret, Str signed_text)
{
    Digest d = hmac_sha256(secret.at, secret.len, signed_text);
    return base64_padded(cx->mem, d.b, SHA256_BYTES);
}

Str attempt_signature(Ctx *cx, const EndpointSecrets *s, Str id, i64 timestamp, Str body)
{
    Str text = str_fmt(cx->mem, "%.*s.%jd.%.*s", STR_ARGS(id), (intmax_t)timestamp,
                       STR_ARGS(body));
    Str now = sign(cx, s->now, text);

    if (s->before.at == NULL)
        return str_fmt(cx->mem, "v1,%.*s", STR_ARGS(now));
    Str before = sign(cx, s->before, text);
    return str_fmt(cx->mem, "v1,%.*s v1,%.*s", STR_ARGS(now), STR_ARGS(before));
}

static Attempt judge(Ctx *cx, bool good, const Fetched *got)
{
    Attempt a = { .status = good ? got->status : 0, .ms = got->us / 1000 };

    if (!good)
        a.error = str_copy(cx->mem, str_sub(str_of(cx->fault.why), 0, 200));
    else if (got->status < 200 || got->status > 299)
        a.error = str_fmt(cx->mem, "it answered %d", got->status);
    fault_clear(cx);
    return a;
}

Attempt attempt_make(Ctx *cx, Str url, const EndpointSecrets *s, Str id, i64 sequence,
                     Str body)
{
    i64 at = time_now().ms / 1000;
    bool anyone = endpoint_reach() == REACH_ANYONE;

    if (s->now.at == NULL)
        return (Attempt){ .error = S("its secret does not open any more: rotate it") };
    Header headers[] = {
        { S("Content-Type"), S("application/json") },
        { S("User-Agent"), S("TicketToken-Webhooks/1") },
        { S("webhook-id"), id },
        { S("webhook-timestamp"), str_fmt(cx->mem, "%jd", (intmax_t)at) },
        { S("webhook-signature"), attempt_signature(cx, s, id, at, body) },
        { S("webhook-sequence"), str_fmt(cx->mem, "%jd", (intmax_t)sequence) },
    };
    Fetch f = { .method = M_POST, .url = url, .headers = headers,
                .header_count = countof(headers),
                .body = body, .reach = anyone ? FETCH_ANYONE : FETCH_PUBLIC,
                .plain = anyone, .within = within, .most = 4096, .too_long = FETCH_CUT };
    Fetched *got = make(cx->mem, Fetched, 1);
    Mono from = mono_now();

    bool good = fetch(cx, &f, got);
    got->us = mono_us(from, mono_now());
    return judge(cx, good, got);
}
