/* engine.h - what a server of secrets must do for us; vault.c and aws.c do it.
 *
 * Only the files of this room include it. */
#pragma once
#include "base/json.h"
#include "net/fetch.h"
#include "secret/secret.h"

typedef struct Reading {
    const Json *held;                             /* an object                */
    Str         from;                             /* what people call the place */
    const char *cure;                             /* after a fault that does not say
                                                     itself what is to be mended */
} Reading;

typedef struct SecretEngine {
    const char *name;
    bool (*named)(const Config *c);               /* whether the settings speak of it */
    /* Signs in and reads.
     *   fails   the fault's `why` is shown to people: it holds no secret */
    bool (*read)(Ctx *cx, const Config *c, Reading *out);
} SecretEngine;

extern const SecretEngine secret_vault, secret_aws;

/* Whether a secret may go to this address: by TLS, or in the clear to this machine. */
bool secret_safe(Str url);

/* Asks and reads the answer as JSON, once more after a pause when the server is away,
 * busy or broken. *status is 0 when nobody answered; then the fault says why.
 *   gives   *out, NULL when the body is no JSON */
CHECKED bool secret_ask(Ctx *cx, const Fetch *f, int *status, const Json **out);

/* A text of the answer fit to be shown: short, printable, on one line, and without what
 * was hidden. AWS tells who signed wrongly all that he has sent, his token too. */
Str secret_says(Arena *mem, Str text);
/* Each secret that is sent to a server of secrets, before it is; until the next reading.
 *   keeps  the text, which must stay as long
 *   thread one reads at a time */
void secret_hide(Str secret);
