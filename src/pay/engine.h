/* engine.h - what a payment provider must be able to do. One table per engine.
 * Needs: pay.  Used by: pay.c, the engines. */
#pragma once
#include "pay/pay.h"

typedef struct PayEngine {
    const char *name;
    bool (*open)(const PayConfig *config, Str *why);
    void (*close)(void);
    bool (*intent)(Ctx *cx, OrderId order, i64 amount, Str currency, PayIntent *out);
} PayEngine;

extern const PayEngine pay_sandbox;
