/* otlp.h - sends the steps of traces to a collector of OpenTelemetry.
 *
 * A thread of its own, so that nobody who is traced waits. What a collector does not take
 * within a few tries is dropped and counted.
 * Needs: trace, fetch.  Used by: cli.
 *   source  OTLP 1.x over HTTP, JSON Protobuf encoding; OpenTelemetry exporter
 *           settings */
#pragma once
#include "base/config.h"

/* Turns tracing on when `c` names a collector. False with *why. */
CHECKED bool otlp_open(Arena *mem, const Config *c, Str *why);

/* Whether it could be; opens nothing, and must not be open. False with *why. */
CHECKED bool otlp_reads(Arena *mem, const Config *c, Str *why);

/* Sends what waits, for five seconds at most, and turns it off. */
void otlp_close(void);
