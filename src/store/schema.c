/* schema.c - the schema's steps, taken into the program as the files they are.
 *
 * Both engines have the same steps with the same numbers. */
#include "store/engine.h"

#define STEP_FILE(symbol, path)                                              \
    __asm__(".globl " #symbol "\n.section .rodata\n" #symbol ":\n.incbin \""    \
            path "\"\n.byte 0\n.previous\n");                                \
    extern const char symbol[]
#define STEP(number, name)                                                   \
    STEP_FILE(sqlite_##number##_##name,                                 \
              "src/store/schema/sqlite/" #number "_" #name ".sql");          \
    STEP_FILE(postgres_##number##_##name,                               \
              "src/store/schema/postgres/" #number "_" #name ".sql")

STEP(0001, store);
STEP(0002, identity);
STEP(0003, events);
STEP(0004, tickets);
STEP(0005, accounts);
STEP(0006, factors);
STEP(0007, trust);
STEP(0008, letters);
STEP(0009, services);
STEP(0010, foreign);
STEP(0011, publish);
STEP(0012, trace);
STEP(0013, webhooks);
STEP(0014, feeds);
STEP(0015, hooks);
STEP(0016, again);
STEP(0017, turns);
STEP_FILE(schema_sqlite_plans, "src/store/schema/sqlite/plans.sql");

const SchemaStep schema_sqlite[SCHEMA_SQLITE_COUNT] = {
    { 1, "store",    sqlite_0001_store, 1 },
    { 2, "identity", sqlite_0002_identity, 2 },
    { 3, "events",   sqlite_0003_events, 3 },
    { 4, "tickets",  sqlite_0004_tickets, 4 },
    { 5, "accounts", sqlite_0005_accounts, 4 },
    { 6, "factors",  sqlite_0006_factors, 4 },
    { 7, "trust",    sqlite_0007_trust, 4 },
    { 8, "letters",  sqlite_0008_letters, 4 },
    { 9, "services", sqlite_0009_services, 4 },
    { 10, "foreign", sqlite_0010_foreign, 4 },
    { 11, "publish", sqlite_0011_publish, 4 },
    { 12, "trace",   sqlite_0012_trace, 4 },
    { 13, "webhooks", sqlite_0013_webhooks, 4 },
    { 14, "feeds",   sqlite_0014_feeds, 4 },
    { 15, "hooks",   sqlite_0015_hooks, 4 },
    { 16, "again",   sqlite_0016_again, 4 },
    { 17, "turns",   sqlite_0017_turns, 4 },
};

const SchemaStep schema_postgres[SCHEMA_POSTGRES_COUNT] = {
    { 1, "store",    postgres_0001_store, 1 },
    { 2, "identity", postgres_0002_identity, 2 },
    { 3, "events",   postgres_0003_events, 3 },
    { 4, "tickets",  postgres_0004_tickets, 4 },
    { 5, "accounts", postgres_0005_accounts, 4 },
    { 6, "factors",  postgres_0006_factors, 4 },
    { 7, "trust",    postgres_0007_trust, 4 },
    { 8, "letters",  postgres_0008_letters, 4 },
    { 9, "services", postgres_0009_services, 4 },
    { 10, "foreign", postgres_0010_foreign, 4 },
    { 11, "publish", postgres_0011_publish, 4 },
    { 12, "trace",   postgres_0012_trace, 4 },
    { 13, "webhooks", postgres_0013_webhooks, 4 },
    { 14, "feeds",   postgres_0014_feeds, 4 },
    { 15, "hooks",   postgres_0015_hooks, 4 },
    { 16, "again",   postgres_0016_again, 4 },
    { 17, "turns",   postgres_0017_turns, 4 },
};
