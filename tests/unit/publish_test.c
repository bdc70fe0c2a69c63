/* publish_test.c - whose an id is. */
#include "gateway/publish.h"
#include "unit/with_identity.h"

SQL(test_as_before, "UPDATE published SET id = $2 WHERE tenant = $1");
SQL(test_told, "SELECT count(*) FROM outbox WHERE tenant = $1 AND type = 'my.own'");

static bool as_before(Ctx *cx, void *id)
{
    return sql_run(cx, &test_as_before, NULL, V(*(Str *)id));
}

static bool count(Ctx *cx, void *n) { return sql_int(cx, &test_told, n); }

static i64 told(Ctx *cx)
{
    i64 n;
    must(read_tx(cx, count, &n));
    return n;
}

static UserId somebody(Ctx *cx)
{
    Account a = { S("a@x.example"), S("Blue-Kettle-42"), S("Ada"), S("Byron"), { 0 } };
    SignedIn in;

    must(login_register(cx, &(Caller){ S("192.0.2.1"), S("test") }, &a, &in));
    return in.user.id;
}

static Ctx by(int service)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);

    cx.who = (Who){ .comer = A_PEER, .machine = { { [0] = 7, [15] = (u8)service } } };
    return cx;
}

typedef struct { FaultCode fault; bool known; } Said;

static Said say(int service, UserId to, Str id, Str data)
{
    Ctx cx = by(service);
    Publication p = { .id = id, .type = S("my.own"), .data = data, .user = to };
    bool good = publish_all_of(&cx, &p, 1);

    must(good == (cx.fault.code == OK));
    return (Said){ cx.fault.code, p.known };
}

TEST(an_id_is_its_publishers_alone)
{
    Ctx cx = with_identity();
    UserId ann = somebody(&cx);

    must(!say(1, ann, S("a"), S("{}")).known && !say(2, ann, S("a"), S("{}")).known);
    must(say(3, ann, S("a"), S("{\"b\":1}")).fault == OK && told(&cx) == 3);
    must(say(1, ann, S("a"), S("{}")).known && say(2, ann, S("a"), S("{}")).known);
    must(say(2, ann, S("a"), S("{\"b\":1}")).fault == MESSAGE_ID_REUSED && told(&cx) == 3);
    identity_done();
}

TEST(an_id_that_a_version_before_has_claimed_alone_is_known_by_what_it_says)
{
    Ctx cx = with_identity();
    UserId ann = somebody(&cx);
    Str id = S("a");

    must(!say(1, ann, id, S("{}")).known);
    must(write_tx(&cx, (Lane){ 0 }, as_before, &id));
    must(say(1, ann, id, S("{}")).known && told(&cx) == 1);
    must(!say(2, ann, id, S("{\"b\":1}")).known && told(&cx) == 2);
    identity_done();
}
