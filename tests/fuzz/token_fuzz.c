/* token_fuzz.c - any bytes as a token: never a crash, and never a good one unless a key of
 * ours signed it. Each input is read twice: as it is, and as header and payload that are
 * then signed for real, so that what stands behind the signature is reached too. */
#include "identity/jwt.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static const JwtParty party = { { "tickettoken", 11 }, { "tickettoken", 11 } };
static const Instant now = { 1795420800000 };
static JwsKey *key;

/* Whatever kid is asked for is ours: so the checks after it are reached. */
static const JwsKey *any_key(void *arg, Str kid)
{
    (void)arg, (void)kid;
    return key;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static Arena mem;
    Str in = { (const char *)data, (isize)size };
    const char *why = "";
    Claims c;

    if (key == NULL)
        key = jws_key_make(ALG_EDDSA);
    must(jwt_read(&mem, any_key, NULL, TOKEN_ACCESS, &party, now, in, &c, &why) == JWT_BAD);
    if (in.len > 0 && in.len < JWS_MOST / 2) {
        Str signed_one = jws_sign(&mem, key, "at+jwt", in);
        JwtResult r = jwt_read(&mem, any_key, NULL, TOKEN_ACCESS, &party, now, signed_one, &c, &why);
        must(r == JWT_BAD || (c.role > ANYONE && c.role < ROLE_COUNT && !uuid_zero(c.user.v) &&
                              !uuid_zero(c.tenant.v)));
    }
    arena_reset(&mem, 1 << 16);
    return 0;
}
