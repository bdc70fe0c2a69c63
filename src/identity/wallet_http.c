/* wallet_http.c - read, call, reply. */
#include "identity/wallet_http.h"
#include "identity/auth_http.h"

#define PUBLIC_KEY(T) TEXT(T, publicKey, 32, 128, 0, "the wallet's address")
#define CHAIN(T) NAME(T, chain, &chain_names, OPTIONAL, "default: solana")

typedef struct Asking { Str publicKey; int chain, purpose; } Asking;
const Shape wallet_ask_shape = SHAPE(Asking, PUBLIC_KEY(Asking), CHAIN(Asking),
    NAME(Asking, purpose, &wallet_use_names, OPTIONAL,
         "default: login; link: for who is signed in"));

const Shape wallet_asked_shape = SHAPE(Asked,
    TEXT(Asked, nonce, 64, 64, 0, "good once"),
    TEXT(Asked, message, 1, 2000, 0,
         "what the wallet is to sign, to the letter (EIP-4361)"),
    TIME(Asked, expiresAt, 0, "until when"));

typedef struct Showing { Str publicKey, nonce, signature; int chain; } Showing;
const Shape wallet_signed_shape = SHAPE(Showing, PUBLIC_KEY(Showing), CHAIN(Showing),
    TEXT(Showing, nonce, 64, 64, WRITEONLY, "of POST /auth/wallet/nonce"),
    TEXT(Showing, signature, 1, 256, WRITEONLY,
         "Ethereum: 0x and 65 bytes in hex; Solana: base58 or base64"));

typedef struct Linked { bool success; Wallet wallet; } Linked;
const Shape wallet_linked_shape = SHAPE(Linked, BOOL(Linked, success, 0, "true"),
    OBJECT(Linked, wallet, &wallet_shape, 0, "the wallet"));

static Signed signed_of(const Showing *in)
{
    return (Signed){ in->chain, in->publicKey, in->nonce, in->signature };
}

/* POST /auth/wallet/nonce -> 200 {nonce, message, expiresAt} */
bool wallet_nonce(Ctx *cx, Req *rq)
{
    Asking in;
    Asked out;

    http_keep_private(cx, rq);
    return req_read(cx, rq, &wallet_ask_shape, &in) &&
           wallet_ask(cx, (Chain)in.chain, in.publicKey, (WalletUse)in.purpose, &out) &&
           reply(cx, rq, 200, &wallet_asked_shape, &out);
}

/* POST /auth/wallet/link -> 200 {success, wallet} */
bool wallet_link_http(Ctx *cx, Req *rq)
{
    Showing in;
    Linked out = { .success = true };

    if (!req_read(cx, rq, &wallet_signed_shape, &in))
        return false;
    Signed s = signed_of(&in);
    return wallet_link(cx, cx->who.user, &s, &out.wallet) &&
           reply(cx, rq, 200, &wallet_linked_shape, &out);
}

/* POST /auth/wallet/login -> 200 {user, tokens} or {requiresMfa, challenge} */
bool wallet_login(Ctx *cx, Req *rq)
{
    Showing in;
    SignedIn out;
    Caller from = http_caller(rq);

    http_keep_private(cx, rq);
    if (!req_read(cx, rq, &wallet_signed_shape, &in))
        return false;
    Signed s = signed_of(&in);
    return wallet_enter(cx, &from, &s, &out) && reply(cx, rq, 200, &entered_shape, &out);
}

/* GET /auth/wallet -> 200 {data} */
bool wallet_index(Ctx *cx, Req *rq)
{
    Wallet *rows;
    isize n;

    return wallet_list(cx, cx->who.user, &rows, &n) &&
           reply_list(cx, rq, &wallet_shape, rows, n, WALLETS_MOST, (Str){ 0 });
}

/* DELETE /auth/wallet/unlink/:publicKey -> 200 {success} */
bool wallet_unlink_http(Ctx *cx, Req *rq)
{
    return wallet_unlink(cx, cx->who.user, req_param(rq, "publicKey")) &&
           reply(cx, rq, 200, &done_shape, &http_done);
}
