/* schema.c - the schema's steps, taken into the program as the files they are. */
#include "store/engine.h"

#define STEP_FILE(symbol, path)                                              \
    __asm__(".section .rodata\n" #symbol ":\n.incbin \"" path "\"\n.byte 0\n.previous\n"); \
    extern const char symbol[]

STEP_FILE(schema_sqlite_0001, "src/store/schema/sqlite/0001_store.sql");
STEP_FILE(schema_sqlite_0002, "src/store/schema/sqlite/0002_identity.sql");
STEP_FILE(schema_sqlite_0003, "src/store/schema/sqlite/0003_events.sql");
STEP_FILE(schema_sqlite_0004, "src/store/schema/sqlite/0004_tickets.sql");

static const SchemaStep sqlite_steps[] = {
    { 1, "store",    schema_sqlite_0001 },
    { 2, "identity", schema_sqlite_0002 },
    { 3, "events",   schema_sqlite_0003 },
    { 4, "tickets",  schema_sqlite_0004 },
};

const SchemaStep *schema_steps(isize *count)
{
    *count = countof(sqlite_steps);
    return sqlite_steps;
}
