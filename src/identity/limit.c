/* limit.c - an address belongs to no tenant: who could name another shop in each request
 * would have as many windows as there are shops. */
#include "identity/limit.h"
#include <arpa/inet.h>

typedef struct Class { const char *word; i64 most; Span window; Metric opened; } Class;

static struct { bool on; Class classes[6]; } own;

enum { CLASS_SHIFT = 16 };

void limit_open(const LimitConfig *c)
{
    own.on = c->on;
    own.classes[LIMIT_LOGIN >> CLASS_SHIFT] =
        (Class){ "limit-login", c->login, seconds(60), METRIC_KV_OPEN_LOGIN };
    own.classes[LIMIT_REGISTER >> CLASS_SHIFT] =
        (Class){ "limit-register", c->registering, seconds(300),
                 METRIC_KV_OPEN_REGISTER };
    own.classes[LIMIT_WALLET >> CLASS_SHIFT] =
        (Class){ "limit-wallet", c->wallet, seconds(60), METRIC_KV_OPEN_WALLET };
    own.classes[LIMIT_DEFAULT >> CLASS_SHIFT] =
        (Class){ "limit-default", c->other, seconds(60), METRIC_KV_OPEN_DEFAULT };
    own.classes[LIMIT_STREAM >> CLASS_SHIFT] =
        (Class){ "limit-stream", c->stream, seconds(60), METRIC_KV_OPEN_STREAM };
}

bool limits_on(void) { return own.on; }

Str limit_address(Ctx *cx, Str peer)
{
    u8 bytes[16];

    if (str_find(peer, ':') < 0 || inet_pton(AF_INET6, str_z(cx->mem, peer), bytes) != 1)
        return peer;
    return hex_write(cx->mem, bytes, 8);
}

/* NULL when nothing is limited. */
static const Class *class_of(const Ctx *cx, unsigned route_is)
{
    unsigned i = (route_is & LIMIT_CLASS) >> CLASS_SHIFT;

    if (!own.on || i == 0 || cx->who.comer == A_PEER)
        return NULL;
    must(i < (unsigned)countof(own.classes));
    return &own.classes[i];
}

bool limit_asker(Ctx *cx, unsigned route_is, Str peer)
{
    const Class *c = class_of(cx, route_is);

    return c == NULL || kv_limit(cx, kv_key_global(cx, c->word, limit_address(cx, peer)),
                                 c->window, c->most, c->opened);
}

bool limit_person(Ctx *cx, unsigned route_is)
{
    const Class *c = class_of(cx, route_is);

    Uuid who = cx->who.comer == A_PERSON ? cx->who.user.v : cx->who.machine;

    return c == NULL || uuid_zero(who) ||
           kv_limit(cx, kv_key(cx, c->word, uuid_str(cx->mem, who)), c->window, c->most,
                    c->opened);
}

bool limit_give_back(Ctx *cx, unsigned route_is, Str peer)
{
    const Class *c = class_of(cx, route_is);

    return c == NULL ||
           kv_uncount(cx, kv_key_global(cx, c->word, limit_address(cx, peer)));
}
