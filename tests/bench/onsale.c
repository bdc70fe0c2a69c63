/* onsale.c - an on-sale over real HTTP, with what it costs: of one event, or of many at
 * once, on one node or on several.
 *
 *   onsale TARGETS DATA_DIR SALES REQUESTS CONNECTIONS [seen]
 *
 * TARGETS is host:port,host:port or just a port. SALES is EVENT:TYPE, or a file with one
 * of them a line, which are bought from in turn. Each request holds one ticket for a
 * buyer of its own, with that buyer's token and an idempotency key. Tokens are signed
 * beforehand with the installation's key, as a login would have. With `seen` as last
 * word each buyer looks at the ticket types first, as a crowd does that waits for a
 * sale, so that the server has checked the signature of his token before. Prints
 * holds/s, p50, p99, errors. */
#include "bench/client.h"
#include "base/crypto.h"
#include "identity/key.h"
#include "identity/token.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN_ROOM = 640, ID_ROOM = 37, SALES_MOST = 10000 };

typedef struct Offer { char event[ID_ROOM], type[ID_ROOM]; } Offer;

typedef struct Sale {
    Offer      *offers;
    i64         count;
    char       *tokens;                           /* TOKEN_ROOM bytes each    */
    i64         run;                              /* makes keys of runs differ */
    i64         by_status[600];
} Sale;

static isize next(void *arg, i64 number, char *to, isize room)
{
    const Sale *s = arg;
    const Offer *o = &s->offers[number % s->count];
    char body[256];
    int n = snprintf(body, sizeof body, "{\"eventId\":\"%s\",\"tickets\":[{\"ticketTypeId\":\"%s\","
                     "\"quantity\":1}]}", o->event, o->type);
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
                       "Authorization: Bearer %s\r\n\r\n", s->offers[number % s->count].event,
                       s->tokens + number * TOKEN_ROOM);
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
        Str t = token_access(&cx, (UserId){ uuid_new(cx.now) }, CUSTOMER, uuid_new(cx.now), 0);
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

static bool read_offer(Sale *s, const char *text)
{
    Offer *o = &s->offers[s->count];

    if (s->count == SALES_MOST || sscanf(text, "%36[0-9a-f-]:%36[0-9a-f-]", o->event, o->type) != 2)
        return false;
    s->count++;
    return true;
}

static bool read_offers(Sale *s, const char *arg)
{
    char text[128];
    FILE *f = fopen(arg, "re");
    bool good = true;

    s->offers = calloc(SALES_MOST, sizeof *s->offers);
    must(s->offers != NULL);
    if (f == NULL)
        return read_offer(s, arg);
    while (good && fgets(text, sizeof text, f) != NULL)
        good = read_offer(s, text);
    fclose(f);
    return good && s->count > 0;
}

static void print(const Load *l, const Sale *s)
{
    i64 held = s->by_status[201];

    printf("holds      %jd of %jd requests of %jd events, %d connections to %d nodes\n", (intmax_t)held,
           (intmax_t)l->requests, (intmax_t)s->count, l->connections, l->targets);
    printf("rate       %.0f holds/s\n", (double)held * 1e6 / (double)l->took_us);
    printf("latency    p50 %.2f ms  p99 %.2f ms\n",
           (double)percentile(l->latency_us, l->requests, 50) / 1000,
           (double)percentile(l->latency_us, l->requests, 99) / 1000);
    printf("errors     %jd not 201, %jd broken connections\n", (intmax_t)(l->requests - held),
           (intmax_t)l->broken);
}

int main(int argc, char **argv)
{
    bool seen = argc == 7 && str_is(str_of(argv[6]), S("seen"));
    Sale sale = { .run = time_now().ms };
    Load load = { .next = next, .answered = answered, .arg = &sale };

    if ((argc != 6 && !seen) || !load_targets(&load, argv[1]) || !read_offers(&sale, argv[3])) {
        fprintf(stderr, "usage: onsale TARGETS DATA_DIR EVENT:TYPE|FILE REQUESTS CONNECTIONS [seen]\n");
        return 2;
    }
    load.requests = number(argv[4]);
    load.connections = (int)number(argv[5]);
    open_keys(argv[2]);
    sign_tokens(&sale, load.requests);
    if (seen) {
        load.next = look;
        load_run(&load);
        load.next = next;
        printf("looked     %jd requests, %jd of them 200\n", (intmax_t)load.requests,
               (intmax_t)sale.by_status[200]);
        fflush(stdout);                           /* a watcher reads the clocks now */
        memset(sale.by_status, 0, sizeof sale.by_status);
    }
    load.latency_us = calloc((size_t)load.requests, sizeof(i64));
    must(load.latency_us != NULL);
    load_run(&load);
    print(&load, &sale);
    return 0;
}
