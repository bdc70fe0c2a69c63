/* engine.h - what a server of secrets must do for us; vault.c and aws.c do it.
 *
 * Only the files of this room include it. */
#pragma once
#include "base/json.h"
#include "net/fetch.h"
#include "secret/secret.h"

typedef struct SecretEngine {
    const char *name;
    bool (*named)(const Config *c);               /* whether the settings speak of it */
    /* Signs in and reads. *held is a JSON object, *from what people call the place.
     *   fails   the fault's `why` is shown to people: it holds no secret */
    bool (*read)(Ctx *cx, const Config *c, const Json **held, Str *from);
} SecretEngine;

extern const SecretEngine secret_vault, secret_aws;

/* Whether a secret may go to this address: by TLS, or in the clear to this machine. */
bool secret_safe(Str url);

/* Asks and reads the answer as JSON, once more after a pause when the server is away,
 * busy or broken. *status is 0 when nobody answered; then the fault says why.
 *   gives   *out, NULL when the body is no JSON */
CHECKED bool secret_ask(Ctx *cx, const Fetch *f, int *status, const Json **out);

/* A text of the answer fit to be shown: short, printable, on one line. */
Str secret_says(Arena *mem, Str text);
