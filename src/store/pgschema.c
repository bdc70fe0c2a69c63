/* pgschema.c - what only the owner of the tables does. */
#include "store/pgschema.h"
#include <postgresql/libpq-fe.h>
#include <stdio.h>
#include <string.h>

/* Whoever changes a table waits for its readers, and everybody else waits behind him: so
 * not for long. The turn among starters may take as long as the steps do. */
const char pgschema_step_begin[] =
    "BEGIN; SELECT pg_advisory_xact_lock(7474, -1), set_config('tickettoken.tenant', '*',"
    " true);"
    " SET LOCAL lock_timeout = '5s'";
const char pgschema_step_end[] =
    "UPDATE schema_version SET version = %jd, oldest = %jd; COMMIT";

bool pgschema_script(Pipe *p, const char *text, const char **why)
{
    static _Thread_local char said[300];
    PGresult *r = pipe_script(p, text);
    bool good = PQresultStatus(r) == PGRES_COMMAND_OK ||
                PQresultStatus(r) == PGRES_TUPLES_OK;

    snprintf(said, sizeof said, "%s", PQresultErrorMessage(r));
    said[strcspn(said, "\n")] = '\0';
    *why = said;
    PQclear(r);
    return good;
}

/* Texts, because a script's answers are. */
static bool ask(Pipe *p, const char *text, i64 *one, i64 *two)
{
    PGresult *r = pipe_script(p, text);
    bool good = PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1 &&
                str_int(str_of(PQgetvalue(r, 0, 0)), one) &&
                str_int(str_of(PQgetvalue(r, 0, 1)), two);

    PQclear(r);
    return good;
}

/* A scan, and not to_regclass: who has once looked for the table and then waited for
 * another's step would go on believing that it isn't there. */
bool pgschema_version(Pipe *p, i64 *version, i64 *oldest)
{
    i64 there = 0, ignored;

    *version = *oldest = 0;
    return ask(p, "SELECT count(*), 0 FROM pg_class WHERE relname = 'schema_version'"
                  " AND relnamespace = current_schema()::regnamespace", &there,
                  &ignored) &&
           (there == 0 ||
            ask(p, "SELECT version, oldest FROM schema_version", version, oldest));
}

/* The name of the role that a url signs in as. */
static bool role_of(Arena *mem, Str url, const char **role)
{
    PQconninfoOption *options = PQconninfoParse(str_z(mem, url), NULL);

    *role = NULL;
    for (PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++)
        if (strcmp(o->keyword, "user") == 0 && o->val != NULL)
            *role = str_z(mem, str_of(o->val));
    PQconninfoFree(options);
    return *role != NULL;
}

bool pgschema_grant(Arena *mem, Pipe *p, Str server_url, const char **why)
{
    const char *role;

    *why = "DATABASE_URL names no role";
    if (!role_of(mem, server_url, &role))
        return false;
    char *name = PQescapeLiteral(p->at, role, strlen(role));
    must(name != NULL);
    Str text = str_fmt(mem,                       /* one starter at a time, like a step */
        "SELECT pg_advisory_xact_lock(7474, -1), set_config('tickettoken.role', %s,"
        " true);"
        "DO $$ DECLARE here text := current_schema(); role text := "
        "current_setting('tickettoken.role');"
        " BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %%I TO %%I', here, role);"
        " EXECUTE format('GRANT SELECT, INSERT, UPDATE,"
        " DELETE ON ALL TABLES IN SCHEMA %%I TO %%I', here, role);"
        " EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON schema_version"
        " FROM %%I', role); END $$;",
        name);
    PQfreemem(name);
    return pgschema_script(p, str_z(mem, text), why);
}
