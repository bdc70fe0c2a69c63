/* wallet.h - an account of a chain, tied to one person, who signs in by its key.
 *
 * nonce -> the wallet signs the message -> link or sign in. One wallet, one account of a
 * tenant, by the table's key.
 * Needs: siwe, ethereum, base58, challenge, entry.  Used by: wallet_http. */
#pragma once
#include "identity/entry.h"

typedef enum Chain { SOLANA, ETHEREUM } Chain;
extern const Names chain_names;

enum { WALLETS_MOST = 20, WALLET_LETTERS = 64 };

typedef enum WalletMessages { MESSAGES_BOUND, MESSAGES_CLASSIC_TOO } WalletMessages;

/* Copies the url, whose host is the domain of the messages. MESSAGES_CLASSIC_TOO takes a
 * signature of the two lines "Connect wallet to TicketToken", "Nonce: ..." as well. */
void wallet_open(Str public_url, WalletMessages messages);
void wallet_close(void);

typedef struct Wallet {
    Str address;
    int chain;
    Instant createdAt, lastUsedAt;
    UserId person;
} Wallet;
extern const Shape wallet_shape;

/* What a nonce is for: a signature made to sign in ties no wallet to anybody. */
typedef enum WalletUse { WALLET_LOGIN, WALLET_LINK } WalletUse;
extern const Names wallet_use_names;

typedef struct Asked { Str nonce, message; Instant expiresAt; } Asked;

/* For WALLET_LINK cx->who must be signed in, and it is his.
 *   fails   VALIDATION_ERROR: no address of that chain; UNAUTHORIZED; KV_UNAVAILABLE */
CHECKED bool wallet_ask(Ctx *cx, Chain chain, Str address, WalletUse use, Asked *out);

/* as they came */
typedef struct Signed { int chain; Str address, nonce, signature; } Signed;

/*   fails   INVALID_TOKEN: the nonce; INVALID_SIGNATURE; CONFLICT: it is another
 *           account's
 *   tx      opens its own */
CHECKED bool wallet_link(Ctx *cx, UserId user, const Signed *in, Wallet *out);

/*   fails   INVALID_TOKEN, INVALID_SIGNATURE; AUTHENTICATION_FAILED: nobody's wallet
 *   tx      opens its own */
CHECKED bool wallet_enter(Ctx *cx, const Caller *from, const Signed *in, SignedIn *out);

/* Each opens its own transaction; somebody else's are NOT_FOUND. */
CHECKED bool wallet_list(Ctx *cx, UserId user, Wallet **rows, isize *count);
CHECKED bool wallet_unlink(Ctx *cx, UserId user, Str address);
