/* webauthn.c - authenticator data, section 6.1:
 *
 *   0          32      33        37
 *   | rpIdHash | flags | counter | AT: aaguid 16, n 2, id n, COSE key | ED: CBOR map |
 *
 * Bytes that are left over are refused: they would be signed but mean nothing to us. */
#include "proof/webauthn.h"
#include "proof/cbor.h"
#include "proof/pubkey.h"
#include "base/crypto.h"
#include "base/json.h"

enum { UP = 0x01, UV = 0x04, BE = 0x08, BS = 0x10, AT = 0x40, ED = 0x80 };
enum { HASH_AT = 0, FLAGS_AT = 32, COUNTER_AT = 33, HEAD = 37, AAGUID = 16 };

/* RFC 9053, and the order in which WebAuthn names them. */
enum { COSE_KTY = 1, COSE_ALG = 3, KTY_OKP = 1, KTY_EC2 = 2, KTY_RSA = 3,
       ALG_ES256 = -7, ALG_EDDSA = -8, ALG_RS256 = -257, CRV_P256 = 1, CRV_ED25519 = 6 };

static bool refuse(Ctx *cx, const char *why)
{
    return fail(cx, INVALID_SIGNATURE, "passkey: %s", why);
}

/* ---- client data ------------------------------------------------------------ */

static bool is_origin(const Relying *rp, Str origin)
{
    Str left = rp->origins;

    while (left.at != NULL)
        if (str_is(str_trim(str_cut(&left, ',')), origin))
            return origin.len > 0;
    return false;
}

static const Json *client_json(Ctx *cx, Str client_data)
{
    Str why;
    return client_data.len > CLIENT_DATA_MOST ? NULL
                                              : json_read(cx->mem, client_data, &why);
}

bool webauthn_challenge(Ctx *cx, Str client_data, Str *challenge)
{
    const Json *j = client_json(cx, client_data);

    return (j != NULL && json_get_str(j, "challenge", challenge)) ||
           fail_field(cx, S("clientDataJSON"), "must be client data");
}

/* Frames of other origins are refused: nobody shows our sign-in within his page. */
static bool check_client(Ctx *cx, const Relying *rp, const char *type, Str challenge,
                         Str client_data)
{
    const Json *j = client_json(cx, client_data);
    Str said;

    if (j == NULL)
        return refuse(cx, "client data can't be read");
    if (!json_get_str(j, "type", &said) || !str_is(said, str_of(type)))
        return refuse(cx, "another type");
    if (!json_get_str(j, "challenge", &said) || challenge.len == 0 ||
        !str_is(said, challenge))
        return refuse(cx, "another challenge");
    if (!json_get_str(j, "origin", &said) || !is_origin(rp, said))
        return refuse(cx, "another origin");
    const Json *cross = json_member(j, "crossOrigin");
    if (cross != NULL && (json_kind(cross) != J_BOOL || json_bool(cross)))
        return refuse(cx, "from a frame of another origin");
    return json_member(j, "topOrigin") == NULL || refuse(cx, "within another origin");
}

/* ---- authenticator data ------------------------------------------------------ */

static i64 big_endian(Str s)
{
    i64 v = 0;
    for (isize i = 0; i < s.len; i++)
        v = v << 8 | (u8)s.at[i];
    return v;
}

static bool check_head(Ctx *cx, const Relying *rp, Str data, Seen *out)
{
    Digest id = sha256(rp->id);

    if (data.len < HEAD)
        return refuse(cx, "authenticator data too short");
    if (!same_bytes(data.at + HASH_AT, id.b, SHA256_BYTES))
        return refuse(cx, "another relying party");
    int flags = (u8)data.at[FLAGS_AT];
    if ((flags & UP) == 0)
        return refuse(cx, "nobody was present");
    if ((flags & BS) != 0 && (flags & BE) == 0)
        return refuse(cx, "backed up, which it can't be");
    *out = (Seen){ (flags & UV) != 0, (flags & BE) != 0, (flags & BS) != 0,
                   big_endian(str_sub(data, COUNTER_AT, HEAD)) };
    return true;
}

static bool check_tail(Ctx *cx, int flags, Str left)
{
    Str whole;
    Cbor map;

    if ((flags & ED) != 0) {
        if (!cbor_skip(&left, &whole) || !cbor_next(&whole, &map) || map.kind != CBOR_MAP)
            return refuse(cx, "extensions can't be read");
    }
    return left.len == 0 || refuse(cx, "bytes left over");
}

/* ---- the key ----------------------------------------------------------------- */

typedef struct Cose { i64 kty, alg, crv; Str x, y, n, e; } Cose;

/* Labels -1, -2, -3 mean other things for other kinds; bytes and numbers don't mix. */
static void put_label(Cose *k, i64 label, const Cbor *v)
{
    if (v->kind == CBOR_INT && label == COSE_KTY)
        k->kty = v->number;
    else if (v->kind == CBOR_INT && label == COSE_ALG)
        k->alg = v->number;
    else if (v->kind == CBOR_INT && label == -1)
        k->crv = v->number;
    else if (v->kind == CBOR_BYTES && label == -1)
        k->n = v->s;
    else if (v->kind == CBOR_BYTES && label == -2)
        k->x = k->e = v->s;
    else if (v->kind == CBOR_BYTES && label == -3)
        k->y = v->s;
}

static bool read_cose(Str *from, Cose *out)
{
    Cbor map, label, value;
    Str whole;

    *out = (Cose){ 0 };
    if (!cbor_next(from, &map) || map.kind != CBOR_MAP)
        return false;
    for (i64 i = 0; i < map.number; i++) {
        if (!cbor_next(from, &label) || label.kind != CBOR_INT ||
            !cbor_skip(from, &whole) || !cbor_next(&whole, &value))
            return false;
        put_label(out, label.number, &value);
    }
    return true;
}

static Str spki_of(Arena *mem, const Cose *k)
{
    if (k->alg == ALG_ES256 && k->kty == KTY_EC2 && k->crv == CRV_P256 &&
        k->x.len == P256_HALF && k->y.len == P256_HALF)
        return pubkey_p256(mem, k->x, k->y);
    if (k->alg == ALG_EDDSA && k->kty == KTY_OKP && k->crv == CRV_ED25519 &&
        k->x.len == ED25519_KEY)
        return pubkey_ed25519(mem, k->x);
    if (k->alg == ALG_RS256 && k->kty == KTY_RSA)
        return pubkey_rsa(mem, k->n, k->e);
    return S("");
}

/* Attested credential data, section 6.5.1, of what stands after the head. */
static bool read_credential(Ctx *cx, Str *left, NewCredential *out)
{
    Cose key;

    if (left->len < AAGUID + 2)
        return refuse(cx, "no credential");
    isize n = (isize)big_endian(str_sub(*left, AAGUID, AAGUID + 2));
    if (n < 1 || n > CREDENTIAL_MOST || left->len < AAGUID + 2 + n)
        return refuse(cx, "a credential id of no length");
    out->id = str_sub(*left, AAGUID + 2, AAGUID + 2 + n);
    *left = str_sub(*left, AAGUID + 2 + n, left->len);
    if (!read_cose(left, &key))
        return refuse(cx, "a key that can't be read");
    out->public_key = spki_of(cx->mem, &key);
    return pubkey_good(out->public_key) ||
           refuse(cx, "a key of a kind that was not asked for");
}

/* ---- the two ceremonies ------------------------------------------------------- */

static bool read_attestation(Ctx *cx, Str from, Str *auth_data)
{
    Cbor map, name, value;
    Str whole, format = { 0 }, statement = { 0 };

    *auth_data = (Str){ 0 };
    if (from.len > ATTESTATION_MOST || !cbor_next(&from, &map) || map.kind != CBOR_MAP)
        return refuse(cx, "no attestation object");
    for (i64 i = 0; i < map.number; i++) {
        if (!cbor_next(&from, &name) || name.kind != CBOR_TEXT ||
            !cbor_skip(&from, &whole))
            return refuse(cx, "an attestation object that can't be read");
        Str text = whole;
        if (!cbor_next(&text, &value))
            return refuse(cx, "an attestation object that can't be read");
        if (str_is(name.s, S("fmt")) && value.kind == CBOR_TEXT)
            format = value.s;
        else if (str_is(name.s, S("attStmt")) && value.kind == CBOR_MAP)
            statement = whole;
        else if (str_is(name.s, S("authData")) && value.kind == CBOR_BYTES)
            *auth_data = value.s;
    }
    if (from.len != 0 || format.at == NULL || statement.at == NULL ||
        auth_data->at == NULL)
        return refuse(cx, "an attestation object without its parts");
    return !str_is(format, S("none")) || str_is(statement, S("\xa0")) ||
           refuse(cx, "a statement of no attestation");
}

bool webauthn_register(Ctx *cx, const Relying *rp, Str challenge, Str client_data,
                       Str attestation, NewCredential *out)
{
    Str data;

    if (!check_client(cx, rp, "webauthn.create", challenge, client_data) ||
        !read_attestation(cx, attestation, &data) ||
        !check_head(cx, rp, data, &out->seen))
        return false;
    int flags = (u8)data.at[FLAGS_AT];
    Str left = str_sub(data, HEAD, data.len);
    if ((flags & AT) == 0)
        return refuse(cx, "no credential");
    return read_credential(cx, &left, out) && check_tail(cx, flags, left);
}

bool webauthn_assert(Ctx *cx, const Relying *rp, Str challenge, Str public_key,
                     Str client_data, Str auth_data, Str signature, Seen *out)
{
    Digest d = sha256(client_data);
    Buf text = buf_in(cx->mem, auth_data.len + SHA256_BYTES);

    if (!check_client(cx, rp, "webauthn.get", challenge, client_data) ||
        !check_head(cx, rp, auth_data, out))
        return false;
    int flags = (u8)auth_data.at[FLAGS_AT];
    if ((flags & AT) != 0)
        return refuse(cx, "a new credential in a sign-in");
    if (!check_tail(cx, flags, str_sub(auth_data, HEAD, auth_data.len)))
        return false;
    buf_add(&text, auth_data);
    buf_add(&text, (Str){ (const char *)d.b, SHA256_BYTES });
    return pubkey_holds(public_key, buf_str(&text), signature) ||
           refuse(cx, "another signature");
}
