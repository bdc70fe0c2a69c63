/* fresh.c - it may be lost, so it is in the kv: then a code is asked for once more. */
#include "identity/fresh.h"
#include "identity/person.h"
#include "kv/kv.h"

static Key key_of(Ctx *cx, Uuid session)
{
    return kv_key(cx, "mfa-fresh", uuid_str(cx->mem, session));
}

bool fresh_mark(Ctx *cx, Uuid session)
{
    return kv_put(cx, key_of(cx, session), S("1"), FRESH_LASTS) ||
           kv_do_without(cx, METRIC_KV_NO_FRESH);
}

bool fresh_check(Ctx *cx)
{
    Person p;
    Str value;
    bool found;

    if (!person_look(cx, cx->who.user, &p))
        return false;
    if (!p.mfaEnabled)
        return true;
    if (!kv_get(cx, key_of(cx, cx->who.session), &value, &found))
        return false;
    return found || fail(cx, MFA_REQUIRED, "no second factor within five minutes");
}
