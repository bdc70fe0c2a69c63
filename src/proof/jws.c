/* jws.c - RFC 7515, compact serialisation.
 *
 * What a token must be, or it is refused before its signature is looked at:
 *   at most 8 KiB, three parts, strict base64url (no padding, no loose last bits);
 *   a header that is one JSON object without a repeated member, with none of jku jwk
 *   x5u x5c crit b64 zip; a kid of our alphabet that names a key of ours; that key's
 *   algorithm; the typ that the caller expects; a signature of the exact length. */
#include "proof/jws.h"

Str jws_sign(Arena *mem, const JwsKey *k, const char *typ, Str payload)
{
    u8 sig[SIGNATURE_MOST];
    Buf b = buf_in(mem, 256 + payload.len * 4 / 3 + k->sig_bytes * 4 / 3);
    Str head = str_fmt(mem, "{\"alg\":\"%s\",\"kid\":\"%.*s\",\"typ\":\"%s\"}",
                       alg_names.at[k->alg], STR_ARGS(jws_kid(k)), typ);

    buf_add(&b, base64url_write(mem, head.at, head.len));
    buf_byte(&b, '.');
    buf_add(&b, base64url_write(mem, payload.at, payload.len));
    jws_signature(k, buf_str(&b), sig);
    buf_byte(&b, '.');
    buf_add(&b, base64url_write(mem, sig, k->sig_bytes));
    must(b.len <= JWS_MOST);
    return buf_str(&b);
}

static const JwsKey *key_for(Arena *mem, Str head, JwsFind *find, void *arg,
                             const char *typ, const char **why)
{
    static const char *const refused[] = { "jku", "jwk", "x5u", "x5c", "crit", "b64",
                                           "zip" };
    Str said, kid, alg, is;
    const Json *j = json_read(mem, head, &said);

    *why = "header is no JSON object";
    if (j == NULL || json_kind(j) != J_OBJECT)
        return NULL;
    *why = "header has a member that is refused";
    for (isize i = 0; i < countof(refused); i++)
        if (json_member(j, refused[i]) != NULL)
            return NULL;
    *why = "kid names no key";
    if (!json_get_str(j, "kid", &kid) || !jws_kid_is(kid))
        return NULL;
    const JwsKey *k = find(arg, kid);
    if (k == NULL)
        return NULL;
    *why = "alg is not the key's";
    if (!json_get_str(j, "alg", &alg) || !str_is(alg, str_of(alg_names.at[k->alg])))
        return NULL;
    *why = "another typ was expected";
    if (typ != NULL && (!json_get_str(j, "typ", &is) || !str_is(is, str_of(typ))))
        return NULL;
    return k;
}

bool jws_verify(Arena *mem, JwsFind *find, void *arg, const char *typ, Str token,
                Str *payload, const char **why)
{
    Str rest = token, head, sig;

    *why = "not three parts of base64url";
    if (token.len == 0 || token.len > JWS_MOST)
        return false;
    Str first = str_cut(&rest, '.'), second = str_cut(&rest, '.');
    if (rest.at == NULL || str_find(rest, '.') >= 0 ||
        !base64url_read(mem, first, &head) ||
        !base64url_read(mem, second, payload) || !base64url_read(mem, rest, &sig))
        return false;
    const JwsKey *k = key_for(mem, head, find, arg, typ, why);
    if (k == NULL)
        return false;
    *why = "signature does not hold";
    return jws_holds(k, (Str){ token.at, first.len + 1 + second.len }, sig);
}
