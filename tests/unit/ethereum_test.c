/* ethereum_test.c - hashes, addresses and signers, by cases of ethers, EIP-4361's
 * implementers and Project Wycheproof. */
#include "unit/vectors.h"
#include "proof/base58.h"
#include "proof/ethereum.h"
#include "proof/keccak.h"
#include "proof/siwe.h"
#include <secp256k1.h>
#include <string.h>

static Str unhex0x(Str s) { return bytes_of_hex(str_sub(s, 2, s.len)); }

TEST(keccak_256_gives_what_ethers_gives)
{
    const Json *all = vectors_all("ethers_hashes.json");

    for (isize i = 0; i < json_count(all); i++) {
        const Json *t = json_item(all, i);
        Digest d = keccak256(unhex0x(get(t, "data")));
        must(same_bytes(d.b, unhex0x(get(t, "keccak256")).at, SHA256_BYTES));
    }
    must(json_count(all) == 257);
}

TEST(addresses_are_written_as_eip_55_says_and_read_no_other_way)
{
    const Json *all = vectors_all("ethers_accounts.json");
    EthAddress a;

    for (isize i = 0; i < json_count(all); i++) {
        Str text = get(json_item(all, i), "address"), lower = str_lower(mem, text);
        must(eth_address_read(text, &a) && str_is(eth_address_write(mem, &a), text));
        must(eth_address_read(lower, &a) && str_is(eth_address_write(mem, &a), text));
    }
    must(json_count(all) > 200);
    must(!eth_address_read(S("0x7e5F4552091A69125d5DfCb7b8C2659029395Bdf"), &a));   /* one letter's case */
    must(!eth_address_read(S("7E5F4552091A69125d5DfCb7b8C2659029395Bdf00"), &a));
    must(!eth_address_read(S("0x7E5F4552091A69125d5DfCb7b8C2659029395Bd"), &a));
    must(!eth_address_read(S("0x7g5f4552091a69125d5dfcb7b8c2659029395bdf"), &a));
}

static SignIn sign_in_of(const Json *f)
{
    i64 chain = 0;
    must(json_get_int(f, "chainId", &chain));
    return (SignIn){ "Ethereum", get(f, "domain"), get(f, "address"), get(f, "statement"),
                     get(f, "uri"), str_fmt(mem, "%jd", (intmax_t)chain), get(f, "nonce"),
                     get(f, "issuedAt"), get(f, "expirationTime") };
}

/* A scheme and resources are members that we never write. */
TEST(a_message_is_that_of_eip_4361_to_the_letter)
{
    static const char *const names[] = {
        "no optional field", "timestamp without microseconds", "timezone not utc",
        "domain is RFC 3986 authority with IP", "domain is RFC 3986 authority with userinfo",
        "domain is RFC 3986 authority with port", "domain is localhost authority with port",
        "domain is RFC 3986 authority with userinfo and port", "no statement", "domain ipv6",
        "uri ipv6", "uri ipv4", "uri with port", "uri ipv4 query params and fragment",
        "chainId not 1", "recovery byte starting at 0" };
    const Json *all = vectors_all("siwe_parsing_positive.json");

    for (int i = 0; i < countof(names); i++) {
        const Json *t = json_member(all, names[i]);
        must(t != NULL);
        SignIn s = sign_in_of(json_member(t, "fields"));
        must(str_is(siwe_write(mem, &s), get(t, "message")));
    }
    must(json_count(all) == countof(names) + 3);  /* resources, two with a scheme */
}

static bool is_signer(const Json *t)
{
    SignIn s = sign_in_of(t);
    Str hex = get(t, "signature");
    EthAddress signer;

    if (get(t, "notBefore").at != NULL || hex.len != 2 + 2 * ETH_SIGNATURE)
        return false;
    return eth_signer(mem, siwe_write(mem, &s), unhex0x(hex), &signer) &&
           str_is(eth_address_write(mem, &signer), s.address);
}

TEST(the_signers_of_eip_4361s_cases_are_found)
{
    static const char *const good[] = { "example message", "expired message",
                                        "recovery byte starting at 0" };
    /* Their signatures hold; what is wrong with them we never write or look at first. */
    static const char *const bad[] = { "malformed signature", "wrong signature" };
    const Json *yes = vectors_all("siwe_verification_positive.json");
    const Json *no = vectors_all("siwe_verification_negative.json");

    must(json_count(yes) == 4 && json_count(no) == 10);
    for (int i = 0; i < countof(good); i++)
        must(is_signer(json_member(yes, good[i])));
    for (int i = 0; i < countof(bad); i++)
        must(!is_signer(json_member(no, bad[i])));
}

static EthAddress address_of(Str point)
{
    Digest d = keccak256(str_sub(point, 1, point.len));
    EthAddress a;
    memcpy(a.b, d.b + SHA256_BYTES - ETH_ADDRESS, ETH_ADDRESS);
    return a;
}

/* A signature is the key's when one of the two recoveries gives the key's address. */
static bool recovers(Str msg, Str der, const EthAddress *want)
{
    const secp256k1_context *c = secp256k1_context_static;
    secp256k1_ecdsa_signature sig;
    u8 compact[64];
    Digest d = sha256(msg);
    EthAddress got;

    if (secp256k1_ecdsa_signature_parse_der(c, &sig, (const u8 *)der.at, (size_t)der.len) != 1)
        return false;
    must(secp256k1_ecdsa_signature_serialize_compact(c, compact, &sig) == 1);
    for (int v = 0; v < 2; v++)
        if (eth_recover(d.b, compact, v, &got) && same_bytes(got.b, want->b, ETH_ADDRESS))
            return true;
    return false;
}

/* A few signatures in 10^38 need recovery ids 2 and 3, their r being above the order of the
 * group; Ethereum knows none. Wycheproof has one. */
TEST(wycheproofs_secp256k1_cases_recover_their_key_or_nothing)
{
    const Json *groups = json_member(vectors_all("wycheproof_ecdsa_secp256k1_sha256_bitcoin_test.json"), "testGroups");
    int cases = 0, valid = 0, beyond = 0;

    for (isize g = 0; g < json_count(groups); g++) {
        const Json *group = json_item(groups, g), *tests = json_member(group, "tests");
        EthAddress want = address_of(bytes_of(json_member(group, "publicKey"), "uncompressed"));
        for (isize i = 0; i < json_count(tests); i++, cases++) {
            const Json *t = json_item(tests, i);
            bool holds = str_is(get(t, "result"), S("valid"));
            bool found = recovers(bytes_of(t, "msg"), bytes_of(t, "sig"), &want);
            must(!found || holds);
            valid += found;
            beyond += holds && !found;
        }
    }
    must(cases == 463 && valid > 100 && beyond == 1);
}

TEST(a_signature_s_last_byte_says_which_way_and_nothing_else)
{
    const Json *t = json_member(vectors_all("siwe_verification_positive.json"), "example message");
    SignIn s = sign_in_of(t);
    Str sig = str_copy(mem, unhex0x(get(t, "signature"))), text = siwe_write(mem, &s);
    char *v = (char *)(uintptr_t)sig.at + 64;
    EthAddress a;

    must(*v == 27 && eth_signer(mem, text, sig, &a));
    *v = 0;
    must(eth_signer(mem, text, sig, &a) && str_is(eth_address_write(mem, &a), s.address));
    for (int wrong = 2; wrong < 256; wrong++) {
        *v = (char)wrong;
        must(eth_signer(mem, text, sig, &a) == (wrong == 27 || wrong == 28));
    }
    must(!eth_signer(mem, text, str_sub(sig, 0, 64), &a));
}

TEST(base58_is_written_and_read_one_way_only)
{
    static const struct { const char *hex, *text; } cases[] = {
        { "00000000000000000000000000000000000000000000000000000000000000", "1111111111111111111111111111111" },
        { "61", "2g" }, { "626262", "a3gV" }, { "516b6fcd0f", "ABnLTmg" },
        { "73696d706c792061206c6f6e6720737472696e67", "2cFupjhnEsSn59qHXstmK2ffpLv2" },
        { "00eb15231dfceb60925886b67d065299925915aeb172c06647", "1NS17iag9jJgTHD1VXjvLCEnZuQ3rJDE9L" } };
    u8 out[64];

    for (int i = 0; i < countof(cases); i++) {
        Str bytes = bytes_of_hex(str_of(cases[i].hex)), text = str_of(cases[i].text);
        must(str_is(base58_write(mem, bytes), text));
        must(base58_read(text, out, bytes.len) && same_bytes(out, bytes.at, bytes.len));
        must(!base58_read(text, out, bytes.len + 1) && !base58_read(text, out, bytes.len - 1));
    }
    must(!base58_read(S(""), out, 1) && !base58_read(S("0"), out, 1) && !base58_read(S("l"), out, 1));
    must(!base58_read(S("2g "), out, 1) && !base58_read(S("12g"), out, 1) && !base58_read(S("5R"), out, 1));
}
