/* ctx.h - one unit of work: a request, a clock job, a bus message, a command, a test.
 *
 * It has one memory, one clock reading, one tenant, one fault. It is always the
 * first parameter and always named cx.
 * Needs: arena, time, uuid.  Used by: everything that does work. */
#pragma once
#include "base/uuid.h"

typedef enum FaultCode {
    OK = 0,
#define FAULT(code, status, retry, sentence) code,
#include "base/fault.def"
#undef FAULT
    FAULT_COUNT
} FaultCode;

typedef struct FaultFacts {
    const char *code;
    int status;
    bool retry;
    const char *sentence;
} FaultFacts;
const FaultFacts *fault_facts(FaultCode code);    /* must not be OK           */

/* One field of a body that was refused; a list of them goes out with VALIDATION_ERROR. */
typedef struct FieldError { struct FieldError *next; Str field, message; } FieldError;

typedef struct Fault {
    FaultCode   code;
    const char *file;                    /* where it was found               */
    int         line;
    int         retry_after;             /* seconds, 0: the default          */
    i64         limit;                   /* of RATE_LIMIT_EXCEEDED: how many may be in its
                                            window; 0: it is not told        */
    char        why[200];                /* for the log, never for clients   */
    Str         said;                    /* for clients, in place of the sentence */
    FieldError *fields;
} Fault;

/* Tenant roles, each holding what the one before may do. Venue roles are rows. */
typedef enum Role {
    ANYONE, CUSTOMER, VENUE_MANAGER, ADMIN, SUPER_ADMIN, ROLE_COUNT
} Role;

/* Who shows a credential: a person his token, a machine its own. */
typedef enum Comer { A_PERSON, A_PEER, A_KEY } Comer;  /* a service; a tenant's API key */

typedef struct Who {
    UserId   user;                       /* zero: nobody signed in           */
    Role     role;
    Uuid     session;                    /* the token's family               */
    Comer    comer;
    Uuid     machine;                    /* which one, of machines           */
    Str      service;                    /* its id or name                   */
    unsigned scopes;                     /* what it may do (access/scope.h) */
    TenantId home;                       /* the tenant that he is of         */
    i64      epoch;                      /* of the person, as the token says */
} Who;

/* W3C trace context; what it is for stands in trace.h. */
typedef struct Trace {
    u8   id[16], span[8];                /* what is being done now           */
    u8   parent[8];                      /* on whose behalf; zero: nobody's  */
    u8   flags;                          /* as they go on the wire           */
    bool on;                             /* steps are recorded               */
    Str  state;                          /* tracestate, borrowed             */
} Trace;

typedef struct Ctx {
    Arena     *mem;                      /* dies with the work               */
    TenantId   tenant;                   /* $1 of every statement            */
    Who        who;
    Instant    now;                      /* read once, so all of it agrees   */
    Mono       deadline;                 /* every engine call honours it     */
    Trace      trace;
    Fault      fault;                    /* the first failure wins           */
    struct Db *db;                       /* set inside read_tx and write_tx  */
} Ctx;

enum { WORK_LASTS_MS = 30000 };

/* A fresh unit of work in `mem`: now, a deadline of 30 s, a new trace. */
Ctx ctx_new(Arena *mem, TenantId tenant);

/* Records why and gives false, so `return fail(...)` reads as one word. */
#define fail(cx, code, ...)  fail_at((cx), (code), __FILE__, __LINE__, __VA_ARGS__)
bool fail_at(Ctx *cx, FaultCode code, const char *file, int line, const char *format, ...)
    PRINTS(5, 6);

/* Adds one refused field to the fault, which becomes VALIDATION_ERROR; gives false. */
bool fail_field(Ctx *cx, Str field, const char *format, ...) PRINTS(3, 4);

void fault_clear(Ctx *cx);

/* The tenant that an installation starts with (PRODUCT decision 2). */
extern const TenantId TENANT_DEFAULT;
