/* app.h - the program's engines, opened in order and closed in the other.
 *
 * A command opens what it needs; the server opens everything.
 * Needs: everything.  Used by: the commands. */
#pragma once
#include "access/service.h"
#include "bus/bus.h"
#include "cli/args.h"
#include "identity/issuer.h"
#include "net/server.h"
#include "store/store.h"

typedef struct App {
    Arena  mem;                  /* lives as long as the process works       */
    Config config;
    int    opened;               /* how many engines are open (app.c)        */
    int    lock;                 /* server.lock (running.h); 0: not held     */
} App;

/* Reads the settings, prints every mistake to stderr, sets up the log. */
CHECKED bool app_config(App *app, const Args *a);

/* Sets up the log as the settings say. */
void app_log(const Config *config);

/* How others reach this server; empty when the system is to choose the port. */
Str app_public_url(App *app);

/* The store as the settings describe it. */
StoreConfig app_store(const App *app);
BusConfig   app_bus(const Config *config);

/* Who else may call, as the settings say. */
ServiceConfig app_services(Arena *mem, const Config *config);
IssuersConfig app_issuers(const Config *config);

/* Brings the schema up to date; says what it did in the log. */
CHECKED bool app_migrate(App *app);

typedef enum AppEngines {
    ENGINES_STORE,               /* the database                             */
    ENGINES_PEOPLE,              /* and accounts                             */
    ENGINES_ALL                  /* and all that requests need               */
} AppEngines;

/* Opens the engines; on failure says why on stderr and closes what was open. */
CHECKED bool app_open(App *app, AppEngines which);

/* Closes what is open and wipes the secrets; after any of the above. */
void app_close(App *app);

/* A unit of work of a command, in the app's memory. */
Ctx app_ctx(App *app, TenantId tenant);

/* Says the fault of `cx` on stderr, its refused fields too; gives EXIT_FAILED's
 * number. */
int app_fault(const Ctx *cx);
