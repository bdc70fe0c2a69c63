/* issuer_test.c - how long the keys of an issuer serve when it is away. */
#include "identity/issuer.h"
#include "unit/sayer.h"

static const Span at_once = { 1 }, never = { 3600000 };

static Str published(const JwsKey *k)
{
    Buf set = buf_in(mem, 1024);

    buf_lit(&set, "{\"keys\":[");
    jws_key_put_jwk(&set, k);
    buf_lit(&set, "]}");
    return str_fmt(mem, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %td\r\n\r\n%.*s", set.len,
                   STR_ARGS(buf_str(&set)));
}

static IssuersConfig named(const Sayer *s)
{
    const char *path = temp_path("issuers.json");
    FILE *f = fopen(path, "w");

    must(f != NULL);
    fprintf(f, "{\"issuers\":[{\"issuer\":\"https://id.example\",\"audience\":\"us\","
            "\"tenant\":\"00000000-0000-0000-0000-000000000001\","
            "\"jwksUrl\":\"http://127.0.0.1:%d/keys\"}]}", s->port);
    fclose(f);
    return (IssuersConfig){ .file = str_of(path), .self = S("tickettoken"), .plain = true };
}

static void use(const IssuersConfig *c)
{
    Str why = { 0 };

    must(issuers_open(mem, c, &why));
    usleep(5000);                                 /* older than `at_once`     */
}

/* OK, or why not. */
static FaultCode judged(const JwsKey *k)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    Str why, payload, token = jws_sign(mem, k, "JWT", S("{\"sub\":\"ada\"}"));
    const Json *claims = json_read(mem, S("{\"aud\":\"us\"}"), &why);
    Issuer *i = issuer_take(S("https://id.example"), json_member(claims, "aud"));

    must(i != NULL);
    bool good = issuer_verify(&cx, i, token, &payload);
    issuer_done(i);
    must(good == (cx.fault.code == OK) && (!good || str_is(payload, S("{\"sub\":\"ada\"}"))));
    return cx.fault.code;
}

static const Str away = S("HTTP/1.1 503 Away\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");

TEST(keys_serve_on_while_their_issuer_is_away_but_not_for_ever)
{
    JwsKey *k = jws_key_make(ALG_ES256), *other = jws_key_make(ALG_ES256);
    Sayer s = { .answer = published(k) };

    sayer_open(&s);
    IssuersConfig c = named(&s);
    c.fresh_for = c.ask_every = at_once;
    use(&c);
    must(judged(k) == OK && s.asked == 1);
    must(judged(other) == INVALID_TOKEN);

    s.now = &away;
    usleep(5000);
    int asked = s.asked;
    must(judged(k) == OK && s.asked > asked);     /* asked in vain            */

    c.serves_for = at_once;
    use(&c);                                      /* it inherits the keys, too old here */
    asked = s.asked;
    must(judged(k) == BAD_GATEWAY && s.asked > asked);
    must(judged(k) == BAD_GATEWAY);

    c.serves_for = never;
    s.now = NULL;
    use(&c);
    must(judged(k) == OK);
    issuers_close();
    sayer_close(&s);
    jws_key_free(k), jws_key_free(other);
}

TEST(keys_that_are_old_enough_are_asked_for_again_and_only_now_and_then)
{
    JwsKey *k = jws_key_make(ALG_ES256), *next = jws_key_make(ALG_ES256);
    Sayer s = { .answer = published(k) };

    sayer_open(&s);
    IssuersConfig c = named(&s);
    c.fresh_for = at_once;
    c.ask_every = never;
    use(&c);
    for (int i = 0; i < 20; i++)
        must(judged(k) == OK);
    must(s.asked == 1);
    Str other = published(next);
    s.now = &other;
    must(judged(next) == OK && s.asked == 2);     /* a kid that is not known  */
    for (int i = 0; i < 20; i++)
        must(judged(k) == INVALID_TOKEN);         /* taken back; nobody is asked again */
    must(s.asked == 2);
    issuers_close();
    sayer_close(&s);
    jws_key_free(k), jws_key_free(next);
}
