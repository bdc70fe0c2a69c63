/* ceiling.c - what the disk and SQLite allow: the same rows that a hold writes, straight
 * into the same schema, in batches of 128, with no HTTP, no JSON and no checks.
 *
 *   ceiling FILE ROWS       FILE is a migrated database that nobody else has open */
#include "base/ctx.h"
#include "base/crypto.h"
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

enum { BATCH = 128, STATEMENTS = 5 };

static const char *const text[STATEMENTS] = {
    "UPDATE ticket_type SET available = available - 1, held = held + 1"
    " WHERE tenant = ?1 AND id = ?2 AND available >= 1",
    "INSERT INTO hold (tenant, id, event, person, status, quantity, total_cents, currency,"
    " expires_at, created_at) VALUES (?1, ?3, ?4, ?5, 'ACTIVE', 1, 5000, 'USD', ?6, ?6)",
    "INSERT INTO hold_line (tenant, hold, type, quantity, price_cents) VALUES (?1, ?3, ?2, 1, 5000)",
    "INSERT INTO outbox (tenant, person, event, type, data, at)"
    " VALUES (?1, ?5, ?4, 'reservation.created', ?7, ?6)",
    "INSERT INTO once (tenant, person, scope, key, request, status, answer, at)"
    " VALUES (?1, ?5, 'POST /api/v1/tickets/purchase', ?8, ?9, 201, ?7, ?6)",
};

/* As long as what the server keeps for a hold. */
static const char answer[] =
    "{\"reservation\":{\"id\":\"0190a0b0-0000-7000-8000-000000000000\",\"eventId\":"
    "\"0190a0b0-0000-7000-8000-000000000000\",\"status\":\"ACTIVE\",\"quantity\":1,\"totalCents\":"
    "5000,\"currency\":\"USD\",\"expiresAt\":\"2026-11-22T07:40:00.000Z\",\"createdAt\":"
    "\"2026-11-22T07:30:00.000Z\",\"tickets\":[{\"ticketTypeId\":"
    "\"0190a0b0-0000-7000-8000-000000000000\",\"quantity\":1,\"priceCents\":5000}]}}";

typedef struct { sqlite3 *db; sqlite3_stmt *st[STATEMENTS]; Uuid type, event; } Raw;

static void say(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
}

static void write_one(Raw *r, i64 n)
{
    Instant now = time_now();
    Uuid hold = uuid_new(now), person = uuid_new(now);
    Digest request = sha256(S("{}"));
    char key[40];

    snprintf(key, sizeof key, "ceiling-%jd", (intmax_t)n);
    for (int i = 0; i < STATEMENTS; i++) {
        sqlite3_stmt *st = r->st[i];
        int count = sqlite3_bind_parameter_count(st);
        sqlite3_bind_blob(st, 1, TENANT_DEFAULT.v.b, 16, SQLITE_STATIC);
        sqlite3_bind_blob(st, 2, r->type.b, 16, SQLITE_STATIC);
        if (count >= 3)
            sqlite3_bind_blob(st, 3, hold.b, 16, SQLITE_STATIC);
        if (count >= 4)
            sqlite3_bind_blob(st, 4, r->event.b, 16, SQLITE_STATIC);
        if (count >= 5)
            sqlite3_bind_blob(st, 5, person.b, 16, SQLITE_STATIC);
        if (count >= 6)
            sqlite3_bind_int64(st, 6, now.ms);
        if (count >= 7)
            sqlite3_bind_text(st, 7, answer, -1, SQLITE_STATIC);
        if (count >= 8)
            sqlite3_bind_text(st, 8, key, -1, SQLITE_STATIC);
        if (count >= 9)
            sqlite3_bind_blob(st, 9, request.b, 32, SQLITE_STATIC);
        must(sqlite3_step(st) == SQLITE_DONE);
        sqlite3_reset(st);
    }
}

static void open_raw(Raw *r, const char *path)
{
    must(sqlite3_open(path, &r->db) == SQLITE_OK);
    say(r->db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-131072;"
               "PRAGMA wal_autocheckpoint=8192; PRAGMA foreign_keys=OFF");
    r->type = uuid_new(time_now());
    r->event = uuid_new(time_now());
    sqlite3_stmt *st;
    must(sqlite3_prepare_v2(r->db,
        "INSERT INTO ticket_type (tenant, id, event, name, price_cents, currency, quantity, available,"
        " most, created_at, updated_at) VALUES (?1, ?2, ?3, 'x', 5000, 'USD', 100000000, 100000000, 10, 1, 1)",
        -1, &st, NULL) == SQLITE_OK);
    sqlite3_bind_blob(st, 1, TENANT_DEFAULT.v.b, 16, SQLITE_STATIC);
    sqlite3_bind_blob(st, 2, r->type.b, 16, SQLITE_STATIC);
    sqlite3_bind_blob(st, 3, r->event.b, 16, SQLITE_STATIC);
    must(sqlite3_step(st) == SQLITE_DONE);
    sqlite3_finalize(st);
    say(r->db, "PRAGMA foreign_keys=ON");
    for (int i = 0; i < STATEMENTS; i++)
        must(sqlite3_prepare_v2(r->db, text[i], -1, &r->st[i], NULL) == SQLITE_OK);
}

int main(int argc, char **argv)
{
    Raw r;
    i64 rows;

    if (argc != 3 || !str_int(str_of(argv[2]), &rows)) {
        fprintf(stderr, "usage: ceiling FILE ROWS\n");
        return 2;
    }
    open_raw(&r, argv[1]);
    Mono start = mono_now();
    for (i64 n = 0; n < rows;) {
        say(r.db, "BEGIN IMMEDIATE");
        for (int i = 0; i < BATCH && n < rows; i++)
            write_one(&r, n++);
        say(r.db, "COMMIT");
    }
    i64 us = mono_us(start, mono_now());
    printf("ceiling    %.0f holds/s straight into SQLite, %jd rows sets in batches of %d\n",
           (double)rows * 1e6 / (double)us, (intmax_t)rows, BATCH);
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(r.st[i]);
    sqlite3_close(r.db);
    return 0;
}
