/* refusal_test.c - refusals are on record, and nobody can fill the record with them. */
#include "access/guard.h"
#include "access/refusal.h"
#include "identity/audit.h"
#include "unit/with_identity.h"

static const Route house = { .method = M_GET, .path = "/auth/admin/users", .access = ADMINS };
static const Route yard = { .method = M_POST, .path = "/api/v1/events", .access = ORGANISER };

static Ctx began(void)
{
    refusal_clear();
    return with_identity();
}

static void refused(Ctx *cx, int person, const Route *route, FaultCode code)
{
    cx->who = (Who){ .home = TENANT_DEFAULT };
    if (person > 0)
        cx->who.user = (UserId){ { { 1, [12] = (u8)(person >> 8), [13] = (u8)person, [15] = (u8)person } } };
    fail(cx, code, "a test");
    refusal_note(cx, &(Req){ .route = route, .peer = S("192.0.2.7") });
    fault_clear(cx);
}

SQL(test_refusals, "SELECT count(*) FROM audit WHERE tenant = $1 AND action = 'permission.denied'"
                   " AND NOT success");
SQL(test_counted, "SELECT count(*) FROM audit WHERE tenant = $1 AND action = 'permission.denied'"
                  " AND CAST(details AS TEXT) LIKE $2");

static bool count(Ctx *cx, void *n) { return sql_int(cx, &test_refusals, n); }

typedef struct { Str like; i64 n; } Counted;
static bool counted(Ctx *cx, void *arg)
{
    Counted *c = arg;
    return sql_int(cx, &test_counted, &c->n, V(c->like));
}

static i64 rows(Ctx *cx)
{
    i64 n;

    must(refusal_flush(cx) && read_tx(cx, count, &n));
    return n;
}

/* How many say that they stand for `n`; PostgreSQL writes a blank after the colon. */
static i64 rows_of(Ctx *cx, const char *n)
{
    Counted c = { str_fmt(mem, "%%\"count\":%%%s,%%", n), 0 };

    must(read_tx(cx, counted, &c));
    return c.n;
}

TEST(the_first_is_written_at_once_and_an_hour_of_them_as_one)
{
    Ctx cx = began();

    must(rows(&cx) == 0);
    refused(&cx, 1, &house, FORBIDDEN);
    must(rows(&cx) == 1 && rows_of(&cx, "1") == 1);
    for (int i = 0; i < 5000; i++)
        refused(&cx, 1, &house, FORBIDDEN);
    must(rows(&cx) == 1);
    refused(&cx, 1, &yard, FORBIDDEN);
    refused(&cx, 2, &house, FORBIDDEN);
    must(rows(&cx) == 3);
    cx.now = later(cx.now, minutes(61));
    must(rows(&cx) == 4 && rows_of(&cx, "5000") == 1);
    must(rows(&cx) == 4);
    cx.now = later(cx.now, minutes(61));
    refused(&cx, 1, &house, FORBIDDEN);
    must(rows(&cx) == 5);
    cx.now = later(cx.now, hours(3));
    must(rows(&cx) == 5);
    identity_done();
}

TEST(who_is_nobody_or_failed_otherwise_is_not_on_record)
{
    Ctx cx = began();

    refused(&cx, 0, &house, FORBIDDEN);
    refused(&cx, 1, &house, NOT_FOUND);
    refused(&cx, 1, NULL, FORBIDDEN);
    cx.who = (Who){ .user = { { { 1 } } }, .home = TENANT_DEFAULT, .comer = A_PEER };
    fail(&cx, FORBIDDEN, "a test");
    refusal_note(&cx, &(Req){ .route = &house });
    fault_clear(&cx);
    must(rows(&cx) == 0);
    identity_done();
}

TEST(however_many_are_refused_the_rows_are_bounded)
{
    Ctx cx = began();

    for (int i = 1; i < 5000; i++)
        refused(&cx, i, &house, FORBIDDEN);
    i64 n = rows(&cx);
    must(n > 0 && n <= REFUSALS_MOST);
    for (int i = 1; i < 5000; i++)
        refused(&cx, i, &house, FORBIDDEN);
    must(rows(&cx) == n);
    identity_done();
}
