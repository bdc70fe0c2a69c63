/* pay.c - picks the engine by name and stands in front of it, so that what every
 * engine must refuse is refused once. */
#include "pay/engine.h"
#include "pay/webhook.h"

static const PayEngine *const engines[] = { &pay_sandbox };
static const PayEngine *engine;

static const Field pay_intent_fields[] = {
    TEXT(PayIntent, provider, 1, 50, 0, "who takes the money"),
    TEXT(PayIntent, intentId, 1, 255, 0, "the payment's name at the provider"),
    TEXT(PayIntent, clientSecret, 1, 255, OPTIONAL, "for the provider's script"),
    TEXT(PayIntent, url, 1, 2000, OPTIONAL, "page where the payment can be made"),
};
const Shape pay_intent_shape = { "PayIntent", sizeof(PayIntent), pay_intent_fields,
                                 countof(pay_intent_fields) };

static bool is_currency(Str s)
{
    for (isize i = 0; i < s.len; i++)
        if (s.at[i] < 'A' || s.at[i] > 'Z')
            return false;
    return s.len == 3;
}

bool pay_intent(Ctx *cx, OrderId order, i64 amount, Str currency, PayIntent *out)
{
    must(engine != NULL && amount >= 0 && is_currency(currency) && !uuid_zero(order.v));
    return engine->intent(cx, order, amount, currency, out);
}

bool pay_open(const PayConfig *config, Str *why)
{
    must(engine == NULL);
    for (isize i = 0; i < countof(engines); i++) {
        if (!str_is(config->provider, str_of(engines[i]->name)))
            continue;
        if (!engines[i]->open(config, why))
            return false;
        webhook_key(config->webhook_key);
        engine = engines[i];
        return true;
    }
    *why = S("PAYMENT_PROVIDER names no provider that is built in");
    return false;
}

void pay_close(void)
{
    if (engine != NULL)
        engine->close();
    webhook_key((Secret){ 0 });
    engine = NULL;
}
