/* webauthn_test.c - the W3C's test vectors, each judged by name, and what becomes of them
 * when one thing about them is changed. */
#include "unit/vectors.h"
#include "proof/cbor.h"
#include "proof/webauthn.h"
#include "base/rand.h"
#include <string.h>

static const Relying example = { { "example.org", 11 }, { "https://example.org", 19 } };

/* Why a published case is refused here; all the others are taken. */
static const struct { const char *name, *why; } refused[] = {
    { "none-es256-crossOrigin", "a sign-in within another origin's page is refused" },
    { "none-es256-topOrigin", "the same" },
    { "packed-es384", "the algorithm is not asked for" },
    { "packed-es512", "the algorithm is not asked for" },
    { "packed-ed448", "the algorithm is not asked for" },
};

static bool is_refused(Str name)
{
    for (int i = 0; i < countof(refused); i++)
        if (str_is(name, str_of(refused[i].name)))
            return true;
    return false;
}

typedef struct Case { Str name, challenge, client, attestation, auth_challenge, auth_client, auth_data, signature; } Case;

static Case case_of(const Json *j)
{
    const Json *r = json_member(j, "reg"), *a = json_member(j, "auth");
    Str c1 = bytes_of(r, "challenge"), c2 = bytes_of(a, "challenge");
    return (Case){ get(j, "name"), base64url_write(mem, c1.at, c1.len),
                   bytes_of(r, "clientDataJSON"), bytes_of(r, "attestationObject"),
                   base64url_write(mem, c2.at, c2.len), bytes_of(a, "clientDataJSON"),
                   bytes_of(a, "authenticatorData"), bytes_of(a, "signature") };
}

static Case first(void) { return case_of(json_item(vectors_all("webauthn_l3.json"), 0)); }

static bool registers(Ctx *cx, const Case *c, NewCredential *out)
{
    fault_clear(cx);
    return webauthn_register(cx, &example, c->challenge, c->client, c->attestation, out);
}

static bool asserts(Ctx *cx, const Case *c, Str key, Seen *out)
{
    fault_clear(cx);
    return webauthn_assert(cx, &example, c->auth_challenge, key, c->auth_client, c->auth_data,
                           c->signature, out);
}

TEST(the_w3cs_vectors_are_judged_as_they_should_be)
{
    const Json *all = vectors_all("webauthn_l3.json");
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    int taken = 0;

    for (isize i = 0; i < json_count(all); i++) {
        Case c = case_of(json_item(all, i));
        NewCredential n;
        Seen s;
        Str word;
        bool good = registers(&cx, &c, &n) && asserts(&cx, &c, n.public_key, &s);
        if (good == is_refused(c.name))
            printf("%.*s: %s\n", STR_ARGS(c.name), cx.fault.why);
        must(good != is_refused(c.name));
        must(good || cx.fault.code == INVALID_SIGNATURE);
        must(webauthn_challenge(&cx, c.client, &word) && str_is(word, c.challenge));
        taken += good;
    }
    must(taken == 10 && json_count(all) == 15);
}

static Str flipped(Str s, isize at, int bit)
{
    Str copy = str_copy(mem, s);
    ((char *)(uintptr_t)copy.at)[at] ^= (char)(1 << bit);
    return copy;
}

/* Every bit of what is signed is signed: the authenticator data, the client data and the
 * signature, of one vector of each algorithm. */
TEST(a_sign_in_with_any_bit_changed_is_refused)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    Case c = first();
    NewCredential n;
    Seen s;

    must(registers(&cx, &c, &n));
    for (isize i = 0; i < c.auth_data.len; i++) {
        Case d = c;
        d.auth_data = flipped(c.auth_data, i, (int)(i % 8));
        must(!asserts(&cx, &d, n.public_key, &s));
    }
    for (isize i = 0; i < c.auth_client.len; i++) {
        Case d = c;
        d.auth_client = flipped(c.auth_client, i, (int)(i % 8));
        must(!asserts(&cx, &d, n.public_key, &s));
    }
    for (isize i = 0; i < c.signature.len; i++) {
        Case d = c;
        d.signature = flipped(c.signature, i, (int)(i % 8));
        must(!asserts(&cx, &d, n.public_key, &s));
    }
    must(asserts(&cx, &c, n.public_key, &s));
}

TEST(a_registration_that_is_cut_short_or_has_more_behind_it_is_refused)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    Case c = first();
    NewCredential n;

    for (isize i = 0; i < c.attestation.len; i++) {
        Case d = c;
        d.attestation = str_copy(mem, str_sub(c.attestation, 0, i));
        must(!registers(&cx, &d, &n));
    }
    Buf b = buf_in(mem, 300);
    buf_add(&b, c.attestation);
    buf_byte(&b, 0);
    Case d = c;
    d.attestation = buf_str(&b);
    must(!registers(&cx, &d, &n));
    must(registers(&cx, &c, &n));
}

static bool with(Ctx *cx, Case c, const Relying *rp)
{
    NewCredential n;
    fault_clear(cx);
    return webauthn_register(cx, rp, c.challenge, c.client, c.attestation, &n);
}

TEST(another_party_origin_challenge_or_ceremony_is_refused)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    Case c = first(), d = c;
    NewCredential n;
    Seen s;

    must(with(&cx, c, &example));
    must(!with(&cx, c, &(Relying){ S("example.com"), S("https://example.org") }));
    must(!with(&cx, c, &(Relying){ S("example.org"), S("https://example.com,http://example.org") }));
    must(!with(&cx, c, &(Relying){ S("example.org"), S("") }));
    must(with(&cx, c, &(Relying){ S("example.org"), S("https://a.example, https://example.org") }));
    d.challenge = c.auth_challenge;
    must(!with(&cx, d, &example));
    d.challenge = S("");
    must(!with(&cx, d, &example));
    must(registers(&cx, &c, &n));
    d = c;
    d.auth_client = c.client;                     /* webauthn.create          */
    d.auth_challenge = c.challenge;
    must(!asserts(&cx, &d, n.public_key, &s));
    must(strstr(cx.fault.why, "another type") != NULL);
}

TEST(the_flags_say_who_was_there_and_must_agree_with_each_other)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    Case c = first(), d;
    NewCredential n;
    isize flags = 0;

    must(registers(&cx, &c, &n));
    for (isize i = 0; i < c.attestation.len - 33 && flags == 0; i++)
        if (str_starts(str_sub(c.attestation, i, c.attestation.len), S("hauthData")))
            flags = i + 9 + 2 + 32;               /* name, head of the bytes, hash */
    must(flags > 0);
    d = c;
    d.attestation = flipped(c.attestation, flags, 0);         /* UP */
    must(!registers(&cx, &d, &n) && strstr(cx.fault.why, "present") != NULL);
    d.attestation = flipped(c.attestation, flags, 6);         /* AT */
    must(!registers(&cx, &d, &n));
    d.attestation = flipped(c.attestation, flags, 2);         /* UV */
    must(registers(&cx, &d, &n));
}

/* ---- CBOR ------------------------------------------------------------------------ */

static bool whole(Str text)
{
    Str left = text, item;
    return cbor_skip(&left, &item) && left.len == 0;
}

TEST(cbor_reads_what_ctap_may_send_and_believes_no_length)
{
    static const struct { const char *hex; bool good; } cases[] = {
        { "00", true }, { "1818", true }, { "390100", true }, { "f6", true }, { "f5", true },
        { "a0", true }, { "80", true }, { "a10102", true }, { "820102", true }, { "6161", true },
        { "", false }, { "18", false }, { "1b8000000000000000", false }, { "3bffffffffffffffff", false },
        { "4201", false }, { "5bffffffffffffffff00", false }, { "5b7fffffffffffffff00", false },
        { "9b7fffffffffffffff00", false }, { "bb4000000000000000", false }, { "a101", false },
        { "5f4101ff", false }, { "9fff", false }, { "1c", false }, { "c000", false },
        { "f97e00", false }, { "f7", false }, { "61ff", false }, { "bf", false },
        { "818181818181818100", false }, { "8181818181818100", true } };
    for (int i = 0; i < countof(cases); i++)
        must(whole(bytes_of_hex(str_of(cases[i].hex))) == cases[i].good);
}

TEST(chance_bytes_never_break_the_reader)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    Case c = first();
    NewCredential n;

    for (int i = 0; i < 20000; i++) {
        char bytes[48];
        isize len = rand_below(sizeof bytes);
        rand_bytes(bytes, len);
        Case d = c;
        d.attestation = (Str){ bytes, len };
        must(!registers(&cx, &d, &n));
    }
    for (int i = 0; i < 5000; i++) {
        Case d = c;
        d.attestation = flipped(c.attestation, rand_below((u32)c.attestation.len), (int)rand_below(8));
        (void)!registers(&cx, &d, &n);
    }
}
