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

typedef struct Service {
    Str      id;
    unsigned scopes;
    Uuid     machine;                             /* the same on every node   */
    bool     alone;                               /* its secret is its own    */
    Keys     keys;                                /* no secret: none verifies */
} Service;

typedef struct ServicesConfig {
    Str file;                                     /* SERVICES_FILE; empty: the table */
    Str trusted;                                  /* TRUSTED_SERVICES; empty: all of the file */
    Keys shared;                                  /* borrowed                 */
} ServicesConfig;

/* Reads the file. False with *why: it can't be read, or says what makes no sense. */
CHECKED bool services_open(Arena *mem, const ServicesConfig *config, Str *why);
void services_close(void);

/* NULL when it is not trusted. */
const Service *service_find(Str id);
const Service *services_all(isize *count);

/* What signs and verifies between us and that service: its own secret, or the shared. */
const Keys *service_keys(Str id);
