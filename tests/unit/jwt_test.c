/* jwt_test.c - which claims make a token of ours. */
#include "unit/test.h"
#include "identity/jwt.h"

static const JwtParty party = { { "iss", 3 }, { "aud", 3 } };
static const Instant now = { 1795420800000 };

static const JwsKey *the_key(void *arg, Str kid)
{
    const JwsKey *k = arg;
    return str_is(kid, jws_kid(k)) ? k : NULL;
}

static Claims some_claims(void)
{
    return (Claims){ .tenant = TENANT_DEFAULT, .user = { uuid_new(now) }, .role = ADMIN,
                     .session = uuid_new(now), .id = uuid_new(now), .issued = now,
                     .expires = later(now, minutes(15)) };
}

static JwtResult read_at(JwsKey *k, TokenUse use, Instant at, Str token)
{
    const char *why;
    Claims out;
    return jwt_read(mem, the_key, k, use, &party, at, token, &out, &why);
}

TEST(what_was_written_is_read_again)
{
    JwsKey *k = jws_key_make(ALG_ES256);
    Claims c = some_claims(), out;
    const char *why;
    Str token = jwt_write(mem, k, TOKEN_ACCESS, &party, &c);

    must(jwt_read(mem, the_key, k, TOKEN_ACCESS, &party, now, token, &out, &why) == JWT_GOOD);
    must(uuid_is(out.tenant.v, c.tenant.v) && uuid_is(out.user.v, c.user.v) && out.role == ADMIN);
    must(uuid_is(out.session, c.session) && uuid_is(out.id, c.id));
    must(out.issued.ms == c.issued.ms && out.expires.ms == c.expires.ms);
    must(read_at(k, TOKEN_REFRESH, now, token) == JWT_BAD);
    must(read_at(k, TOKEN_ACCESS, now, jwt_write(mem, k, TOKEN_REFRESH, &party, &c)) == JWT_BAD);
    jws_key_free(k);
}

TEST(times_have_thirty_seconds_of_leeway_and_no_more)
{
    JwsKey *k = jws_key_make(ALG_ES256);
    Claims c = some_claims();
    Str token = jwt_write(mem, k, TOKEN_ACCESS, &party, &c);

    must(read_at(k, TOKEN_ACCESS, later(c.expires, (Span){ 29999 }), token) == JWT_GOOD);
    must(read_at(k, TOKEN_ACCESS, later(c.expires, seconds(30)), token) == JWT_EXPIRED);
    must(read_at(k, TOKEN_ACCESS, earlier(now, seconds(30)), token) == JWT_GOOD);
    must(read_at(k, TOKEN_ACCESS, earlier(now, seconds(31)), token) == JWT_BAD);
    jws_key_free(k);
}

TEST(a_payload_that_lacks_or_bends_a_claim_is_refused)
{
    static const char id[] = "00000000-0000-0000-0000-000000000001";
    JwsKey *k = jws_key_make(ALG_ES256);
    static const struct { JwtResult want; const char *payload; } cases[] = {
        { JWT_GOOD, "'iss':'iss','aud':'aud','sub':'I','tenant_id':'I','sid':'I','jti':'I','role':'admin','iat':1795420800,'exp':1795421700" },
        { JWT_GOOD, "'iss':'iss','aud':'aud','sub':'I','tenant_id':'I','sid':'I','jti':'I','role':'admin','iat':1795420800,'exp':1795421700,'nbf':1795420830" },
        { JWT_BAD,  "'iss':'iss','aud':'aud','sub':'I','tenant_id':'I','sid':'I','jti':'I','role':'admin','iat':1795420800,'exp':1795421700,'nbf':1795420831" },
        { JWT_BAD,  "'iss':'ISS','aud':'aud','sub':'I','tenant_id':'I','sid':'I','jti':'I','role':'admin','iat':1795420800,'exp':1795421700" },
        { JWT_BAD,  "'iss':'iss','aud':'all','sub':'I','tenant_id':'I','sid':'I','jti':'I','role':'admin','iat':1795420800,'exp':1795421700" },
        { JWT_BAD,  "'iss':'iss','aud':['aud'],'sub':'I','tenant_id':'I','sid':'I','jti':'I','role':'admin','iat':1795420800,'exp':1795421700" },
        { JWT_BAD,  "'iss':'iss','sub':'I','tenant_id':'I','sid':'I','jti':'I','role':'admin','iat':1795420800,'exp':1795421700" },
        { JWT_BAD,  "'iss':'iss','aud':'aud','tenant_id':'I','sid':'I','jti':'I','role':'admin','iat':1795420800,'exp':1795421700" },
        { JWT_BAD,  "'iss':'iss','aud':'aud','sub':'me','tenant_id':'I','sid':'I','jti':'I','role':'admin','iat':1795420800,'exp':1795421700" },
        { JWT_BAD,  "'iss':'iss','aud':'aud','sub':'I','tenant_id':'00000000-0000-0000-0000-000000000000','sid':'I','jti':'I','role':'admin','iat':1795420800,'exp':1795421700" },
        { JWT_BAD,  "'iss':'iss','aud':'aud','sub':'I','tenant_id':'I','jti':'I','role':'admin','iat':1795420800,'exp':1795421700" },
        { JWT_BAD,  "'iss':'iss','aud':'aud','sub':'I','tenant_id':'I','sid':'I','jti':'I','role':'anyone','iat':1795420800,'exp':1795421700" },
        { JWT_BAD,  "'iss':'iss','aud':'aud','sub':'I','tenant_id':'I','sid':'I','jti':'I','role':'root','iat':1795420800,'exp':1795421700" },
        { JWT_BAD,  "'iss':'iss','aud':'aud','sub':'I','tenant_id':'I','sid':'I','jti':'I','role':'admin','iat':1795420800" },
        { JWT_BAD,  "'iss':'iss','aud':'aud','sub':'I','tenant_id':'I','sid':'I','jti':'I','role':'admin','iat':1795420800,'exp':'1795421700'" },
        { JWT_BAD,  "'iss':'iss','aud':'aud','sub':'I','tenant_id':'I','sid':'I','jti':'I','role':'admin','iat':1795420800,'exp':9223372036854775807" },
        { JWT_BAD,  "'iss':'iss','aud':'aud','sub':'I','tenant_id':'I','sid':'I','jti':'I','role':'admin','iat':1795420800,'exp':-1" },
        { JWT_BAD,  "'iss':'iss','aud':'aud','sub':'I','tenant_id':'I','sid':'I','jti':'I','role':'admin','role':'customer','iat':1795420800,'exp':1795421700" },
        { JWT_BAD,  "" },
    };

    for (isize i = 0; i < countof(cases); i++) {
        Buf b = buf_in(mem, 512);
        buf_byte(&b, '{');
        for (const char *p = cases[i].payload; *p != '\0'; p++)
            if (*p == 'I' && p[-1] == '\'' && p[1] == '\'')
                buf_lit(&b, id);
            else
                buf_byte(&b, *p == '\'' ? '"' : *p);
        buf_byte(&b, '}');
        must(read_at(k, TOKEN_ACCESS, now, jws_sign(mem, k, "at+jwt", buf_str(&b))) == cases[i].want);
    }
    must(read_at(k, TOKEN_ACCESS, now, jws_sign(mem, k, "at+jwt", S("[]"))) == JWT_BAD);
    must(read_at(k, TOKEN_ACCESS, now, jws_sign(mem, k, "at+jwt", S("foo"))) == JWT_BAD);
    jws_key_free(k);
}
