/* onsale.c - the on-sale of one event, over real HTTP, with what it costs.
 *
 *   onsale PORT DATA_DIR EVENT TYPE REQUESTS CONNECTIONS
 *
 * Each request holds one ticket for a buyer of its own, with that buyer's token and
 * an idempotency key. Tokens are signed beforehand with the installation's key, as
 * a login would have. With `seen` as last word each buyer looks at the ticket types
 * first, as a crowd does that waits for a sale, so that the server has checked the
 * signature of his token before. Prints holds/s, p50, p99, errors. */
#include "bench/client.h"
#include "base/crypto.h"
#include "identity/key.h"
#include "identity/token.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN_ROOM = 640 };

typedef struct Sale {
    const char *event, *type;
    char       *tokens;                           /* TOKEN_ROOM bytes each    */
    i64         run;                              /* makes keys of runs differ */
    i64         by_status[600];
} Sale;

static isize next(void *arg, i64 number, char *to, isize room)
{
    const Sale *s = arg;
    char body[256];
    int n = snprintf(body, sizeof body, "{\"eventId\":\"%s\",\"tickets\":[{\"ticketTypeId\":\"%s\","
                     "\"quantity\":1}]}", s->event, s->type);
    int len = snprintf(to, (size_t)room,
                       "POST /api/v1/tickets/purchase HTTP/1.1\r\nHost: sale\r\n"
                       "Authorization: Bearer %s\r\nIdempotency-Key: sale-%jx-%jd\r\n"
                       "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                       s->tokens + number * TOKEN_ROOM, (intmax_t)s->run, (intmax_t)number, n, body);
    must(len > 0 && len < room);
    return len;
}

static isize look(void *arg, i64 number, char *to, isize room)
{
    const Sale *s = arg;
    int len = snprintf(to, (size_t)room, "GET /api/v1/tickets/events/%s/types HTTP/1.1\r\nHost: sale\r\n"
                       "Authorization: Bearer %s\r\n\r\n", s->event, s->tokens + number * TOKEN_ROOM);
    must(len > 0 && len < room);
    return len;
}

static void answered(void *arg, const Sent *sent, int status, Str body)
{
    Sale *s = arg;
    if (status >= 400 && s->by_status[status] == 0)
        printf("first %d (request %jd): %.*s\n", status, (intmax_t)sent->number,
               (int)(body.len < 300 ? body.len : 300), body.at);
    s->by_status[status < 600 ? status : 599]++;
}

static void sign_tokens(Sale *s, i64 count)
{
    Arena mem = { 0 };

    s->tokens = calloc((size_t)count, TOKEN_ROOM);
    must(s->tokens != NULL);
    for (i64 i = 0; i < count; i++) {
        Ctx cx = ctx_new(&mem, TENANT_DEFAULT);
        Str t = token_access(&cx, (UserId){ uuid_new(cx.now) }, CUSTOMER, uuid_new(cx.now));
        must(t.len < TOKEN_ROOM);
        memcpy(s->tokens + i * TOKEN_ROOM, t.at, (size_t)t.len);
        arena_reset(&mem, 65536);
    }
    arena_close(&mem);
}

static void open_keys(const char *data)
{
    Arena mem = { 0 };
    Str why = { 0 };
    KeyConfig keys = { str_fmt(&mem, "%s/keys", data), ALG_ES256, days(7) };
    TokenConfig tokens = { S("tickettoken"), S("tickettoken"), minutes(15), days(7) };

    if (!key_open(&mem, &keys, &why)) {
        fprintf(stderr, "%.*s\n", STR_ARGS(why));
        exit(1);
    }
    token_open(&tokens);
}

static i64 number(const char *text)
{
    i64 v;
    must(str_int(str_of(text), &v) && v > 0);
    return v;
}

int main(int argc, char **argv)
{
    bool seen = argc == 8 && str_is(str_of(argv[7]), S("seen"));
    if (argc != 7 && !seen) {
        fprintf(stderr, "usage: onsale PORT DATA_DIR EVENT TYPE REQUESTS CONNECTIONS [seen]\n");
        return 2;
    }
    Sale sale = { .event = argv[3], .type = argv[4], .run = time_now().ms };
    Load load = { .port = (int)number(argv[1]), .connections = (int)number(argv[6]),
                  .requests = number(argv[5]), .next = next, .answered = answered, .arg = &sale };

    open_keys(argv[2]);
    sign_tokens(&sale, load.requests);
    if (seen) {
        load.next = look;
        load_run(&load);
        load.next = next;
        memset(sale.by_status, 0, sizeof sale.by_status);
    }
    load.latency_us = calloc((size_t)load.requests, sizeof(i64));
    must(load.latency_us != NULL);
    load_run(&load);
    i64 held = sale.by_status[201];
    printf("holds      %jd of %jd requests, %d connections\n", (intmax_t)held,
           (intmax_t)load.requests, load.connections);
    printf("rate       %.0f holds/s\n", (double)held * 1e6 / (double)load.took_us);
    printf("latency    p50 %.2f ms  p99 %.2f ms\n",
           (double)percentile(load.latency_us, load.requests, 50) / 1000,
           (double)percentile(load.latency_us, load.requests, 99) / 1000);
    printf("errors     %jd not 201, %jd broken connections\n", (intmax_t)(load.requests - held),
           (intmax_t)load.broken);
    return 0;
}
