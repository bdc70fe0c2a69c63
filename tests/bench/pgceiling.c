/* pgceiling.c - what the disk and PostgreSQL allow: the same rows that a hold writes, into
 * the same schema, by one connection, 128 holds a commit, with no HTTP, no JSON and no
 * checks. Each table takes its rows of a batch in one statement, and the whole batch goes
 * as one pipeline, so that a round trip is paid once for 128 holds.
 *
 *   pgceiling URL EVENT:TYPE HOLDS        URL is a migrated database and the server's role
 *
 * Prints two ceilings: all that a hold writes, and its own row with the stock alone. */
#include "base/ctx.h"
#include "base/crypto.h"
#include <postgresql/libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BATCH = 128 };
enum { TENANT, STOCK, HOLD, LINE, OUTBOX, ONCE, STATEMENTS };

/* Arrays are of the batch. */
static const struct { const char *name, *text; } sql[STATEMENTS] = {
    { "tenant", "SELECT set_config('tickettoken.tenant', $1, true)" },
    { "stock",
    "UPDATE ticket_type SET available = available - $4::int8, held = held + $4::int8"
    " WHERE tenant = $1 AND event = $2 AND id = $3 AND available >= $4::int8" },
    { "hold",
    "INSERT INTO hold (tenant, id, event, person, status, quantity, total_cents, currency,"
    " expires_at, created_at) SELECT $1, x.id, $2, x.person, 'ACTIVE', 1, 5000, 'USD', now()"
    " + interval '10 min', now() FROM unnest($3::uuid[], $4::uuid[]) AS x (id, person)" },
    { "line",
    "INSERT INTO hold_line (tenant, hold, type, quantity, price_cents)"
    " SELECT $1, x, $2, 1, 5000 FROM unnest($3::uuid[]) AS x" },
    { "outbox",
    "INSERT INTO outbox (tenant, person, event, type, data, at) SELECT $1, x.person, $2,"
    " 'reservation.created', x.data, now()"
    " FROM unnest($3::uuid[], $4::jsonb[]) AS x (person, data)" },
    { "once",
    "INSERT INTO once (tenant, person, scope, key, request, status, answer, at)"
    " SELECT $1, x.person, 'POST /api/v1/tickets/purchase', x.key, $2, 201, x.answer, now()"
    " FROM unnest($3::uuid[], $4::text[], $5::text[]) AS x (person, key, answer)" },
};

/* As long as what the server keeps for a hold. */
static const char answer[] =
    "{\"reservation\":{\"id\":\"0190a0b0-0000-7000-8000-000000000000\",\"eventId\":"
    "\"0190a0b0-0000-7000-8000-000000000000\",\"status\":\"ACTIVE\",\"quantity\":1,\"totalCents\":"
    "5000,\"currency\":\"USD\",\"expiresAt\":\"2026-11-22T07:40:00.000Z\",\"createdAt\":"
    "\"2026-11-22T07:30:00.000Z\",\"tickets\":[{\"ticketTypeId\":"
    "\"0190a0b0-0000-7000-8000-000000000000\",\"quantity\":1,\"priceCents\":5000}]}}";

typedef struct Raw {
    PGconn     *db;
    const char *tenant;
    char        event[40], type[40];
    const char *answers;                          /* an array of BATCH of them */
    i64         keys;                             /* makes each key new       */
} Raw;

static void broke(const Raw *r, const char *what)
{
    fprintf(stderr, "pgceiling: %s: %s", what, PQerrorMessage(r->db));
    exit(1);
}

static void send_text(Raw *r, const char *text)
{
    must(PQsendQueryParams(r->db, text, 0, NULL, NULL, NULL, NULL, 0) == 1);
}

static void send(Raw *r, int statement, const char *const *vals, int n)
{
    must(PQsendQueryPrepared(r->db, sql[statement].name, n, vals, NULL, NULL, 0) == 1);
}
#define SEND(r, statement, ...) \
    send(r, statement, (const char *[]){ __VA_ARGS__ }, \
         (int)countof(((const char *[]){ __VA_ARGS__ })))

/* Reads until the batch has been committed; anything but success ends the program. */
static void settle(Raw *r)
{
    must(PQpipelineSync(r->db) == 1);
    for (;;) {
        PGresult *said = PQgetResult(r->db);
        ExecStatusType status = said == NULL ? PGRES_COMMAND_OK : PQresultStatus(said);
        PQclear(said);
        if (status == PGRES_PIPELINE_SYNC)
            return;
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
            broke(r, "a batch");
    }
}

/* ---- a batch ---------------------------------------------------------------- */

static const char *ids(Arena *mem, isize n)
{
    Buf b = buf_in(mem, n * (UUID_LETTERS + 1) + 8);
    Instant now = time_now();

    for (isize i = 0; i < n; i++) {
        buf_byte(&b, i == 0 ? '{' : ',');
        uuid_write(&b, uuid_new(now));
    }
    buf_byte(&b, '}');
    return str_z(mem, buf_str(&b));
}

static const char *keys(Arena *mem, Raw *r, isize n)
{
    Buf b = buf_in(mem, n * 48);

    for (isize i = 0; i < n; i++)
        buf_fmt(&b, "%cceiling-%jd-%jd", i == 0 ? '{' : ',', (intmax_t)getpid(),
                (intmax_t)r->keys++);
    buf_byte(&b, '}');
    return str_z(mem, buf_str(&b));
}

static const char *answers(Arena *mem)
{
    Buf b = buf_in(mem, BATCH * (isize)sizeof answer);

    for (int i = 0; i < BATCH; i++) {
        buf_byte(&b, i == 0 ? '{' : ',');
        buf_byte(&b, '"');
        for (const char *c = answer; *c != '\0'; c++) {
            if (*c == '"')
                buf_byte(&b, '\\');
            buf_byte(&b, *c);
        }
        buf_byte(&b, '"');
    }
    buf_byte(&b, '}');
    return str_z(mem, buf_str(&b));
}

static void write_batch(Raw *r, Arena *mem, bool all)
{
    const char *hold = ids(mem, BATCH), *person = ids(mem, BATCH);
    static const char batch[] = "128", request[] =
        "\\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

    send_text(r, "BEGIN");
    SEND(r, TENANT, r->tenant);
    SEND(r, STOCK, r->tenant, r->event, r->type, batch);
    SEND(r, HOLD, r->tenant, r->event, hold, person);
    if (all) {
        SEND(r, LINE, r->tenant, r->type, hold);
        SEND(r, OUTBOX, r->tenant, r->event, person, r->answers);
        SEND(r, ONCE, r->tenant, request, person, keys(mem, r, BATCH), r->answers);
    }
    send_text(r, "COMMIT");
    settle(r);
    arena_reset(mem, 1 << 20);
}

/* Holds a second, counted in whole batches. */
static double run(Raw *r, i64 holds, bool all)
{
    Arena mem = { 0 };
    i64 done = 0;
    Mono start = mono_now();

    must(PQenterPipelineMode(r->db) == 1);
    for (; done < holds; done += BATCH)
        write_batch(r, &mem, all);
    i64 us = mono_us(start, mono_now());
    must(PQexitPipelineMode(r->db) == 1);
    arena_close(&mem);
    return (double)done * 1e6 / (double)us;
}

static void open_raw(Raw *r, const char *url)
{
    r->db = PQconnectdb(url);
    if (PQstatus(r->db) != CONNECTION_OK)
        broke(r, "connecting");
    for (int i = 0; i < STATEMENTS; i++) {
        PGresult *said = PQprepare(r->db, sql[i].name, sql[i].text, 0, NULL);
        if (PQresultStatus(said) != PGRES_COMMAND_OK)
            broke(r, sql[i].text);
        PQclear(said);
    }
}

int main(int argc, char **argv)
{
    Arena mem = { 0 };
    Raw r = { .tenant = "00000000-0000-0000-0000-000000000001" };
    i64 holds;

    if (argc != 4 || sscanf(argv[2], "%39[0-9a-f-]:%39[0-9a-f-]", r.event, r.type) != 2 ||
        !str_int(str_of(argv[3]), &holds)) {
        fprintf(stderr, "usage: pgceiling URL EVENT:TYPE HOLDS\n");
        return 2;
    }
    r.answers = answers(&mem);
    open_raw(&r, argv[1]);
    run(&r, holds / 4, true);                     /* the first are slower     */
    printf("ceiling    %.0f holds/s, all rows of a hold, one connection, %d a commit\n",
           run(&r, holds, true), BATCH);
    printf("rows       %.0f holds/s, the hold's own row and the stock alone\n",
           run(&r, holds, false));
    PQfinish(r.db);
    arena_close(&mem);
    return 0;
}
