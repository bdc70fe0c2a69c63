/* webhook_send.h - brings deliveries to their endpoints, in their order, until they
 * arrive.
 *
 * A few threads, of which half keep to endpoints that answer quickly: so one that is slow
 * or dead delays its own deliveries and nobody else's. A delivery that fails is tried
 * again with growing pauses; one that failed for days pauses its endpoint, which its
 * maker is told. At least once: who dies between sending and writing that down sends
 * again, with the same id.
 * Needs: webhook_feed, webhook_turn, webhook_attempt.  Used by: webhook_http, cli. */
#pragma once
#include "gateway/webhook_endpoint.h"

typedef struct SenderConfig {
    int  threads;                                 /* 0: this node sends nothing */
    Span within;                                  /* for one answer           */
    Span give_up;                                 /* after failing so long    */
} SenderConfig;

/* Starts the threads; after store_open and bus_open. */
void sender_open(const SenderConfig *config);

/* Waits for what is on its way. Before bus_close and store_close. */
void sender_close(void);

/* Looks for work at once. */
void sender_wake(void);

/* Sends what is due to one endpoint, if any is; *found says so. For tests and the
 * threads. */
CHECKED bool sender_pass(Ctx *cx, bool slow_too, bool *found);
