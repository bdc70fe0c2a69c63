/* webhook_attempt.h - one body sent to one address, signed, and what became of it.
 * Needs: webhook_endpoint, net (fetch).  Used by: webhook_send, webhook_http.
 * source: Standard Webhooks, https://www.standardwebhooks.com (ids, timestamps,
 * signatures) */
#pragma once
#include "gateway/webhook_endpoint.h"

/* no error: it arrived */
typedef struct Attempt { int status; i64 ms; Str error; } Attempt;

/* How long an answer may take. */
void attempt_open(Span within);

Attempt attempt_make(Ctx *cx, Str url, const EndpointSecrets *s, Str id, i64 sequence,
                     Str body);

/* "v1,SIGNATURE", or two with a blank between. */
Str attempt_signature(Ctx *cx, const EndpointSecrets *s, Str id, i64 timestamp, Str body);
