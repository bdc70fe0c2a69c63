/* pay.h - takes money for an order, whoever the provider is.
 *
 * An intent says what is to be paid; the buyer settles it with the provider, and
 * the provider tells us by a signed webhook (webhook.h). Nothing is ever paid by
 * what a buyer's browser says.
 * Needs: base, net.  Used by: tickets (orders), web (boot). */
#pragma once
#include "base/crypto.h"
#include "base/shape.h"
#include "net/req.h"

typedef struct PayIntent {
    Str provider;                                 /* "sandbox"                */
    Str intentId;
    Str clientSecret;                             /* for the provider's script in the
                                                     browser */
    Str url;                                      /* a page where it can be paid */
} PayIntent;
extern const Shape pay_intent_shape;

/* Asks the provider for an intent. The same order asked again has the same intent,
 * so a caller that died in between may just ask again.
 *   gives   *out, its texts in cx->mem; `amount` is minor units of the ISO currency
 *   fails   BUSY when the provider can't be reached
 *   tx      never inside one: it may talk to the world */
CHECKED bool pay_intent(Ctx *cx, OrderId order, i64 amount, Str currency, PayIntent *out);

typedef struct PayConfig {
    Str    provider;                              /* "sandbox"                */
    Secret webhook_key;                           /* borrowed until pay_close */
    Str    public_url;                            /* http://host:port, no slash at the
                                                     end */
} PayConfig;

/* False with *why when there is no such provider. */
CHECKED bool pay_open(const PayConfig *config, Str *why);
void pay_close(void);

/* How the sandbox brings its webhooks: a POST of `body` to one of our own paths,
 * answered as any request from outside would be. *status is the answer's.
 *   thread  the caller's */
typedef bool PayDeliver(Ctx *cx, Str path, const Header *headers, isize count, Str body,
                        int *status);
void pay_set_deliver(PayDeliver *deliver);
