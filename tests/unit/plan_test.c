/* plan_test.c - how SQLite will look for rows, for every statement of the program.
 *
 * Linked with the whole program (Makefile), so that every SQL() is here. A statement
 * that reads a table from end to end, or all that a tenant has, is slow only once
 * there is something in it; this test sees it before a sale does. */
#include "unit/with_store.h"
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

extern Sql *const __start_sqls[], *const __stop_sqls[];

/* These may: commands of an operator, who asks for all of it, and what is small. */
static const char *const allowed[] = {
    "person_page",                                /* user list, in order of its key */
    "api_key_all", "api_key_count",               /* a hundred, and those revoked this month */
    "send_due",                                   /* twenty, and those removed this week */
    "member_home",                                /* one look into each tenant */
    "venue_hand_over", "member_admins",           /* an index that has only admins */
};

static bool is_allowed(const char *name)
{
    for (isize i = 0; i < countof(allowed); i++)
        if (strcmp(allowed[i], name) == 0)
            return true;
    return false;
}

static sqlite3 *migrated(void)
{
    const char *path = temp_path("plan.db");
    i64 from, to;
    Str why;
    sqlite3 *db;

    StoreConfig c = { .url = str_fmt(mem, "sqlite:%s", path) };
    must(store_migrate(mem, &c, &from, &to, &why));
    must(sqlite3_open(path, &db) == SQLITE_OK);
    return db;
}

/* What a statement calls few_ is a part of itself that has a LIMIT. */
static bool looks_far(const char *step)
{
    if (strncmp(step, "SCAN few_", 9) == 0 || strncmp(step, "SCAN (subquery-", 15) == 0)
        return false;
    return strncmp(step, "SCAN ", 5) == 0 ? strstr(step, "CONSTANT ROW") == NULL
                                          : strstr(step, "(tenant=?)") != NULL;
}

/* Says what looks far, unless it is meant to. */
typedef enum { SAY, BE_QUIET } Noise;

static int far_steps(sqlite3 *db, const Sql *q, Noise noise)
{
    char text[5000];
    sqlite3_stmt *st;
    int far = 0;

    snprintf(text, sizeof text, "EXPLAIN QUERY PLAN %s", q->text);
    for (char *p = text; *p != '\0'; p++)
        if (*p == '$')
            *p = '?';
    must(sqlite3_prepare_v2(db, text, -1, &st, NULL) == SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW) {
        const char *step = (const char *)sqlite3_column_text(st, 3);
        if (looks_far(step)) {
            if (noise == SAY)
                fprintf(stderr, "    %s: %s\n", q->name, step);
            far++;
        }
    }
    sqlite3_finalize(st);
    return far;
}

TEST(no_statement_reads_a_whole_table_or_all_of_a_tenant)
{
    sqlite3 *db = migrated();
    int far = 0;

    must(__stop_sqls - __start_sqls > 80);        /* the whole program is here */
    for (Sql *const *q = __start_sqls; q < __stop_sqls; q++)
        if (((*q)->is & FAR_ONLY) == 0 && !is_allowed((*q)->name))
            far += far_steps(db, *q, SAY);
    sqlite3_close(db);
    must(far == 0);
}

static Sql blind = { "blind", "SELECT count(*) FROM hold WHERE tenant = $1 AND quantity = $2", 0, 0 };

TEST(a_blind_statement_would_be_seen)
{
    sqlite3 *db = migrated();
    must(far_steps(db, &blind, BE_QUIET) == 1);
    sqlite3_close(db);
}

TEST(every_statement_of_the_program_is_good_on_this_engine)
{
    with_store();                                 /* boot prepares them all   */
    store_close();
}
