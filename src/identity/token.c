/* token.c - see token.h. The memory of checked tokens holds only good ones: a bad token
 * costs its sender a full check each time, and can't push a good one out. */
#include "identity/token.h"
#include "identity/key.h"
#include "identity/revoked.h"
#include "identity/seen.h"
#include <stdatomic.h>

static struct {
    Arena    mem;
    JwtParty party;
    Span     access_lasts, refresh_lasts;
    _Atomic TokenMemory memory;
} all;

void token_open(const TokenConfig *config)
{
    all.party = (JwtParty){ str_copy(&all.mem, config->issuer),
                            str_copy(&all.mem, config->audience) };
    all.access_lasts = config->access_lasts;
    all.refresh_lasts = config->refresh_lasts;
    seen_open();
}

void token_close(void)
{
    seen_close();
    arena_close(&all.mem);
}

void token_memory(TokenMemory memory) { atomic_store(&all.memory, memory); }
Span token_access_lasts(void)         { return all.access_lasts; }

/* Longer than exact: clocks of two nodes differ, and so does the leeway. */
Instant token_last_use(Instant now)
{
    return later(later(now, all.access_lasts), minutes(2));
}

static Str issue(Ctx *cx, TokenUse use, Claims *c)
{
    c->tenant = cx->tenant;
    c->id = uuid_new(cx->now);
    c->issued = cx->now;
    return jwt_write(cx->mem, key_active(), use, &all.party, c);
}

Str token_access(Ctx *cx, UserId user, Role role, Uuid session, i64 epoch)
{
    Claims c = { .user = user, .role = role, .session = session, .epoch = epoch,
                 .expires = later(cx->now, all.access_lasts) };
    return issue(cx, TOKEN_ACCESS, &c);
}

Str token_refresh(Ctx *cx, UserId user, Uuid session, Instant *expires)
{
    Claims c = { .user = user, .session = session,
                 .expires = later(cx->now, all.refresh_lasts) };
    *expires = c.expires;
    return issue(cx, TOKEN_REFRESH, &c);
}

static bool judge(Ctx *cx, JwtResult result, const char *why)
{
    if (result == JWT_EXPIRED)
        return fail(cx, TOKEN_EXPIRED, "token expired");
    return result == JWT_GOOD || fail(cx, INVALID_TOKEN, "token: %s", why);
}

bool token_check_refresh(Ctx *cx, Str token, Claims *out)
{
    const char *why = "";
    JwtResult r = jwt_read(cx->mem, key_find, NULL, TOKEN_REFRESH, &all.party, cx->now,
                           token, out, &why);
    return judge(cx, r, why);
}

/* The generation is read before the keys are, so a key that is taken away meanwhile
 * makes the entry stale and not wrong. */
static JwtResult check_whole(Ctx *cx, Str token, const Digest *digest, Claims *out,
                             const char **why)
{
    u64 generation = key_generation();
    JwtResult r = jwt_read(cx->mem, key_find, NULL, TOKEN_ACCESS, &all.party, cx->now,
                           token, out, why);

    if (r == JWT_GOOD)
        seen_add(digest, generation, out);
    return r;
}

static bool is_standing(Ctx *cx, const Claims *c)
{
    switch (revoked_judge(c->tenant.v, c->session, c->id, c->user.v, c->epoch)) {
    case REVOKED:
        return fail(cx, INVALID_TOKEN, "it was taken back, or its session has ended");
    case OF_AN_OLD_EPOCH:
        return fail(cx, TOKEN_EXPIRED, "the person's epoch is another now");
    case NOT_REVOKED: break;
    }
    return true;
}

bool token_check(Ctx *cx, Str token, Claims *out)
{
    const char *why = "not valid yet";
    JwtResult r;

    if (token.len == 0 || token.len > JWS_MOST)
        return fail(cx, INVALID_TOKEN, "token: too long or empty");
    Digest digest = sha256(token);
    if (atomic_load(&all.memory) == TOKENS_REMEMBERED &&
        seen_find(&digest, key_generation(), out))
        r = jwt_times(out, cx->now);
    else
        r = check_whole(cx, token, &digest, out, &why);
    if (!judge(cx, r, why))
        return false;
    return is_standing(cx, out);
}
