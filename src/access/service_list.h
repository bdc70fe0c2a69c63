/* service_list.h - the services that this installation trusts, and what each may do.
 *
 * Data, not code: a JSON file, or without one the table of requirements file 000
 * (ops/services.json). A service may have a secret of its own, which only it and this
 * server know, so no other can speak in its name; those without share SERVICE_SECRET. A
 * secret that was replaced is good for 24 hours more.
 *
 *   {"services":[{"id":"scanner","scopes":["tickets:read"],"secretFile":"/run/secrets/scanner",
 *     "previousSecretFile":"/run/secrets/scanner.old","rotatedAt":"2026-11-22T08:00:00Z"}]}
 *
 * Needs: scope, base.  Used by: service, machine, cli. */
#pragma once
#include "access/scope.h"
#include "base/crypto.h"

#define SECRET_OVERLAP hours(24)
enum { SERVICES_MOST = 64, SERVICE_ID_MOST = 64, SERVICE_SECRET_LEAST = 32 };

/* The secrets that verify: the first one also signs. */
typedef struct Keys { Secret now, before; Instant before_until; } Keys;

typedef struct ServiceList ServiceList;           /* what was read at once    */

typedef struct Service {
    Str      id;
    unsigned scopes;
    Uuid     machine;                             /* the same on every node   */
    bool     alone;                               /* its secret is its own    */
    Keys     keys;                                /* no secret: none verifies */
    ServiceList *of;
} Service;

typedef struct ServicesConfig {
    Str file;                                     /* SERVICES_FILE; empty: the table */
    Str trusted;                                  /* TRUSTED_SERVICES; empty: all of the
                                                     file */
    Keys shared;                                  /* copied                   */
} ServicesConfig;

/* Reads the file. NULL with *why, in mem: it can't be read, or says what makes no
 * sense. */
ServiceList *services_read(Arena *mem, const ServicesConfig *config, Str *why);

/* The list from now on; may be called while others ask. The one before goes, and its
 * secrets are wiped, when nobody looks at it any more. */
void services_use(ServiceList *list);
void services_drop(ServiceList *list);            /* one that is not to be used */

/* Both at once. */
CHECKED bool services_open(Arena *mem, const ServicesConfig *config, Str *why);
void services_close(void);

/* Holds it: it is as it was until service_done. NULL when it is not trusted.
 *   thread  any */
const Service *service_take(Str id);
void service_done(const Service *s);
bool service_known(Str id);

/* Whose keys sign and verify between us and that service: its own secret, or the shared
 * one, which is that of nobody in particular. Held as above. */
const Service *service_take_keys(Str id);

typedef struct ServiceView { Str id; unsigned scopes; bool alone, keyed; } ServiceView;
ServiceView *services_view(Arena *mem, isize *count);
