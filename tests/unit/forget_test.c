/* forget_test.c - no table may learn of a person behind the back of who exports his data and
 * of who erases it. Every id in the schema is somebody's or something's: a new column has to
 * be said to be one or the other here, and then, if it is a person's, a statement export_*
 * and a statement *_erase must name its table, or a reason must stand beside it. */
#include "store/sql.h"
#include "unit/with_store.h"
#include <sqlite3.h>
#include <stdio.h>

extern Sql *const __start_sqls[], *const __stop_sqls[];

/* Columns of bytes that are no person's id. */
static const char *const things[] = {
    "tenant", "id", "event", "venue", "session", "ticket", "orders", "hold", "type",
    "hash", "request", "successor", "secret", "code", "credential", "public_key", "sealed", "digest",
};

typedef struct Kept {
    const char *table, *column;
    const char *not_exported, *not_erased;        /* why not; NULL: it is     */
} Kept;

#define BOOKS  "the organiser's books; the id says nobody once the person is erased"
#define ANOTHER "says who did it, in somebody else's business"
#define SHORT  "runs out by itself, long before the thirty days are over"

static const Kept kept[] = {
    { "session", "person", NULL, NULL },
    { "venue_staff", "person", NULL, NULL },
    { "venue_staff", "granted_by", ANOTHER, BOOKS },
    { "totp", "person", NULL, NULL },
    { "backup_code", "person", NULL, NULL },
    { "passkey", "person", NULL, NULL },
    { "wallet", "person", NULL, NULL },
    { "foreign_identity", "person", NULL, NULL },
    { "dead_letter", "person", "tells of what is exported", NULL },
    { "device_key", "person", NULL, NULL },
    { "mail_proof", "person", NULL, NULL },
    { "letter", "person", NULL, NULL },
    { "audit", "subject", NULL, NULL },
    { "audit", "actor", ANOTHER, NULL },
    { "orders", "person", NULL, BOOKS },
    { "ticket", "person", NULL, BOOKS },
    { "ticket", "buyer", "who bought it has the order", BOOKS },
    { "ticket_history", "person", ANOTHER, BOOKS },
    { "hold", "person", NULL, BOOKS },
    { "scan", "person", ANOTHER, BOOKS },
    { "venue", "created_by", ANOTHER, BOOKS },
    { "event", "created_by", ANOTHER, BOOKS },
    { "event_history", "person", ANOTHER, BOOKS },
    { "api_key", "created_by", ANOTHER, BOOKS },
    { "outbox", "person", "tells of what is exported", SHORT },
    { "once", "person", "repeats answers that he got", SHORT },
};

static bool is_thing(const char *column)
{
    for (isize i = 0; i < countof(things); i++)
        if (strcmp(things[i], column) == 0)
            return true;
    return false;
}

static const Kept *find(const char *table, const char *column)
{
    for (isize i = 0; i < countof(kept); i++)
        if (strcmp(kept[i].table, table) == 0 && strcmp(kept[i].column, column) == 0)
            return &kept[i];
    return NULL;
}

static bool names_table(const char *text, const char *word, const char *table)
{
    Str phrase = str_fmt(mem, "%s %s ", word, table);
    return str_has(str_fmt(mem, "%s ", text), phrase);
}

static bool has_statement(const Kept *k, bool export)
{
    for (Sql *const *q = __start_sqls; q < __stop_sqls; q++) {
        Str name = str_of((*q)->name);
        const char *text = (*q)->text;
        if (export ? str_starts(name, S("export_")) && names_table(text, "FROM", k->table)
                   : str_ends(name, S("_erase")) && (names_table(text, "DELETE FROM", k->table) ||
                                                     names_table(text, "UPDATE", k->table)))
            return true;
    }
    return false;
}

static bool is_cared_for(const char *table, const char *column)
{
    const Kept *k = find(table, column);

    if (k == NULL)
        fprintf(stderr, "    %s.%s: whose id is it?\n", table, column);
    else if (k->not_exported == NULL && !has_statement(k, true))
        fprintf(stderr, "    %s.%s: is in no export\n", table, column);
    else if (k->not_erased == NULL && !has_statement(k, false))
        fprintf(stderr, "    %s.%s: is erased by nothing\n", table, column);
    else
        return true;
    return false;
}

static sqlite3 *migrated(const char *name)
{
    StoreConfig c = { .url = str_fmt(mem, "sqlite:%s", temp_path(name)) };
    i64 from, to;
    Str why;
    sqlite3 *db;

    must(store_migrate(mem, &c, &from, &to, &why));
    must(sqlite3_open(str_z(mem, str_sub(c.url, 7, c.url.len)), &db) == SQLITE_OK);
    return db;
}

/* How many columns of bytes nobody cares for; *all of them are persons'. */
static int uncared(sqlite3 *db, int *all)
{
    sqlite3_stmt *st;
    int bad = 0;

    *all = 0;
    must(sqlite3_prepare_v2(db, "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c"
                            " WHERE m.type = 'table' AND c.type = 'BLOB'", -1, &st, NULL) == SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW) {
        const char *column = (const char *)sqlite3_column_text(st, 1);
        if (is_thing(column))
            continue;
        ++*all;
        bad += !is_cared_for((const char *)sqlite3_column_text(st, 0), column);
    }
    sqlite3_finalize(st);
    return bad;
}

TEST(every_table_that_knows_a_person_is_exported_and_erased_or_says_why_not)
{
    sqlite3 *db = migrated("forget.db");
    int all;

    must(uncared(db, &all) == 0);
    must(all == countof(kept));                   /* and no reason outlives its table */
    sqlite3_close(db);
}

TEST(a_table_that_nobody_cares_for_would_be_seen)
{
    sqlite3 *db = migrated("forgotten.db");
    int all;

    must(sqlite3_exec(db, "CREATE TABLE diary (tenant BLOB, author BLOB, page TEXT)", NULL, NULL,
                      NULL) == SQLITE_OK);
    must(uncared(db, &all) == 1);
    sqlite3_close(db);
}
