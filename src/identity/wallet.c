/* wallet.c - the nonce is taken before the signature is looked at, so each is one guess.
 * What it stands for (chain, address, person) is kept with it and the message is made
 * anew of that: whatever the wallet has signed, it was this or it is refused. */
#include "identity/wallet.h"
#include "identity/challenge.h"
#include "identity/note.h"
#include "proof/ethereum.h"
#include "proof/siwe.h"
#include "proof/solana.h"

enum { NONCE_LETTERS = 2 * CHALLENGE_BYTES };

static const char *const chain_words[] = { "solana", "ethereum" };
const Names chain_names = { chain_words, countof(chain_words) };
static const char *const use_words[] = { "login", "link" };
const Names wallet_use_names = { use_words, countof(use_words) };
static const char *const kinds[] = { "wallet-login", "wallet-link" };

const Shape wallet_shape = SHAPE(Wallet,
    TEXT(Wallet, address, 1, WALLET_LETTERS, 0, "the account, as its chain writes it"),
    NAME(Wallet, chain, &chain_names, 0, "the chain"),
    TIME(Wallet, createdAt, 0, "when it was linked"),
    TIME(Wallet, lastUsedAt, OPTIONAL, "when it last signed in"),
    ID(Wallet, person, UNLISTED, ""));

#define COLUMNS " address, chain, created_at, last_used_at, person"

SQL(wallet_add,
    "INSERT INTO wallet (tenant, chain, address, person, created_at)"
    " VALUES ($1, $2, $3, $4, $5)"
    " ON CONFLICT (tenant, chain, address) DO NOTHING");
SQL(wallet_by_address,
    "SELECT" COLUMNS " FROM wallet WHERE tenant = $1 AND chain = $2 AND address = $3");
SQL(wallet_of,
    "SELECT" COLUMNS " FROM wallet WHERE tenant = $1 AND person = $2"
                     " ORDER BY chain, address LIMIT 100");
SQL(wallet_use,
    "UPDATE wallet SET last_used_at = $4 WHERE tenant = $1 AND chain = $2"
    " AND address = $3");
SQL(wallet_drop,
    "DELETE FROM wallet WHERE tenant = $1 AND chain = $2 AND address = $3"
    " AND person = $4");

static struct { Arena mem; Str uri, domain; WalletMessages messages; } all;

void wallet_open(Str public_url, WalletMessages messages)
{
    Str rest = str_copy(&all.mem, public_url);

    all.messages = messages;
    all.uri = rest;
    if (str_has(rest, S("://")))
        rest = str_sub(rest, str_find(rest, ':') + 3, rest.len);
    all.domain = str_cut(&rest, '/');
}

void wallet_close(void) { arena_close(&all.mem); }

/* ---- addresses and signatures -------------------------------------------------- */

static bool settle_address(Arena *mem, Chain chain, Str text, Str *out)
{
    EthAddress a;

    if (chain == ETHEREUM) {
        if (!eth_address_read(text, &a))
            return false;
        *out = eth_address_write(mem, &a);
        return true;
    }
    *out = text;
    return solana_account_is(text);
}

static bool ethereum_signed(Arena *mem, Str address, Str message, Str signature)
{
    u8 sig[ETH_SIGNATURE];
    EthAddress signer;

    return str_starts(signature, S("0x")) &&
           hex_read(str_sub(signature, 2, signature.len), sig, ETH_SIGNATURE) &&
           eth_signer(mem, message, (Str){ (const char *)sig, ETH_SIGNATURE }, &signer) &&
           str_is(eth_address_write(mem, &signer), address);
}

static bool is_signed(Arena *mem, Chain chain, Str address, Str message, Str signature)
{
    return chain == ETHEREUM ? ethereum_signed(mem, address, message, signature)
                             : solana_signed(mem, address, message, signature);
}

/* ---- the nonce ------------------------------------------------------------------- */

static Str time_text(Arena *mem, Instant t)
{
    Buf b = buf_in(mem, 32);
    time_write(&b, t);
    return buf_str(&b);
}

static Str message_of(Ctx *cx, Chain chain, Str address, WalletUse use, Str nonce,
                      Instant until)
{
    SignIn s = {
        .chain = chain == ETHEREUM ? "Ethereum" : "Solana", .domain = all.domain,
        .address = address, .uri = all.uri, .nonce = nonce,
        .chain_id = chain == ETHEREUM ? S("1") : S("mainnet"),
        .statement = use == WALLET_LINK
        ? S("Link this wallet to your TicketToken account.")
        : S("Sign in to TicketToken."),
        .issued = time_text(cx->mem, earlier(until, CHALLENGE_LASTS)),
        .expires = time_text(cx->mem, until),
    };
    return siwe_write(cx->mem, &s);
}

/* EIP-4361 wants letters and digits; the challenge's word has others. */
static Str nonce_of(Ctx *cx, Str word)
{
    Str bytes;
    must(base64url_read(cx->mem, word, &bytes));
    return hex_write(cx->mem, bytes.at, bytes.len);
}

static Str data_of(Ctx *cx, Chain chain, Str address, UserId user)
{
    return str_fmt(cx->mem, "%.*s %.*s %.*s",
                   STR_ARGS(names_str(&chain_names, (int)chain)), STR_ARGS(address),
                   STR_ARGS(uuid_str(cx->mem, user.v)));
}

bool wallet_ask(Ctx *cx, Chain chain, Str address, WalletUse use, Asked *out)
{
    UserId user = use == WALLET_LINK ? cx->who.user : (UserId){ 0 };
    Instant until = later(cx->now, CHALLENGE_LASTS);
    Str settled, word;

    if (use == WALLET_LINK && uuid_zero(user.v))
        return fail(cx, UNAUTHORIZED, "a nonce to link, and nobody signed in");
    if (!settle_address(cx->mem, chain, address, &settled))
        return fail_field(cx, S("publicKey"), "must be an address of that chain");
    if (!challenge_make(cx, kinds[use], data_of(cx, chain, settled, user), &word))
        return false;
    out->nonce = nonce_of(cx, word);
    out->message = message_of(cx, chain, settled, use, out->nonce, until);
    out->expiresAt = until;
    return true;
}

static bool take(Ctx *cx, const Signed *in, WalletUse use, UserId user, Str address)
{
    u8 bytes[CHALLENGE_BYTES];
    Challenge c;

    if (!hex_read(in->nonce, bytes, CHALLENGE_BYTES))
        return fail(cx, INVALID_TOKEN, "a nonce that is none");
    Str nonce = hex_write(cx->mem, bytes, CHALLENGE_BYTES);
    if (!challenge_take(cx, kinds[use], base64url_write(cx->mem, bytes, CHALLENGE_BYTES),
                        &c))
        return false;
    if (!str_is(c.data, data_of(cx, (Chain)in->chain, address, user)))
        return fail(cx, INVALID_TOKEN, "a nonce for another wallet or person");
    Str message = message_of(cx, (Chain)in->chain, address, use, nonce, c.until);
    if (is_signed(cx->mem, (Chain)in->chain, address, message, in->signature))
        return true;
    message = str_fmt(cx->mem, "Connect wallet to TicketToken\nNonce: %.*s",
                      STR_ARGS(nonce));
    return (all.messages == MESSAGES_CLASSIC_TOO &&
            is_signed(cx->mem, (Chain)in->chain, address, message, in->signature)) ||
           fail(cx, INVALID_SIGNATURE, "wallet: another signature");
}

/* ---- linking and signing in -------------------------------------------------------- */

typedef struct { UserId user; Chain chain; Str address; Wallet row; bool found; } Linking;

static bool find(Ctx *cx, void *arg)
{
    Linking *l = arg;
    return sql_find(cx, &wallet_by_address, &wallet_shape, &l->row, &l->found,
                    V(names_str(&chain_names, (int)l->chain)), V(l->address));
}

static bool link_it(Ctx *cx, void *arg)
{
    Linking *l = arg;
    Wallet *rows;
    isize n;

    if (!sql_rows(cx, &wallet_of, &wallet_shape, &rows, &n, V(l->user.v)))
        return false;
    if (n >= WALLETS_MOST)
        return fail(cx, CONFLICT, "%td wallets are enough", n);
    if (!sql_run(cx, &wallet_add, NULL, V(names_str(&chain_names, (int)l->chain)),
                 V(l->address), V(l->user.v), V(cx->now)) || !find(cx, l))
        return false;
    if (!l->found || !uuid_is(l->row.person.v, l->user.v))
        return fail(cx, CONFLICT, "the wallet is another account's");
    return note_write(cx, AUDIT_WALLET_LINKED, l->user, l->address);
}

bool wallet_link(Ctx *cx, UserId user, const Signed *in, Wallet *out)
{
    Linking l = { .user = user, .chain = (Chain)in->chain };

    if (!settle_address(cx->mem, l.chain, in->address, &l.address))
        return fail_field(cx, S("publicKey"), "must be an address of that chain");
    if (!take(cx, in, WALLET_LINK, user, l.address) ||
        !write_tx(cx, lane_of(user.v), link_it, &l))
        return false;
    *out = l.row;
    return true;
}

static bool note_use(Ctx *cx, void *arg)
{
    const Linking *l = arg;
    return sql_run(cx, &wallet_use, NULL, V(names_str(&chain_names, (int)l->chain)),
                   V(l->address), V(cx->now));
}

bool wallet_enter(Ctx *cx, const Caller *from, const Signed *in, SignedIn *out)
{
    Linking l = { .chain = (Chain)in->chain };

    if (!settle_address(cx->mem, l.chain, in->address, &l.address))
        return fail_field(cx, S("publicKey"), "must be an address of that chain");
    if (!take(cx, in, WALLET_LOGIN, (UserId){ 0 }, l.address) || !read_tx(cx, find, &l))
        return false;
    if (!l.found)
        return fail(cx, AUTHENTICATION_FAILED, "nobody's wallet");
    return write_tx(cx, lane_of(l.row.person.v), note_use, &l) &&
           entry_admit(cx, from, l.row.person, ONE_FACTOR, out);
}

/* ---- one's own --------------------------------------------------------------------- */

typedef struct {
    UserId user;
    Str as_said, address[2];
    Wallet **rows;
    isize *count;
} Owning;

static bool list(Ctx *cx, void *arg)
{
    Owning *o = arg;
    return sql_rows(cx, &wallet_of, &wallet_shape, o->rows, o->count, V(o->user.v));
}

bool wallet_list(Ctx *cx, UserId user, Wallet **rows, isize *count)
{
    return read_tx(cx, list, &(Owning){ .user = user, .rows = rows, .count = count });
}

/* An address says of which chain it is: none reads as both. */
static bool drop(Ctx *cx, void *arg)
{
    const Owning *o = arg;
    i64 gone = 0;

    for (int chain = SOLANA; chain <= ETHEREUM && gone == 0; chain++)
        if (o->address[chain].at != NULL &&
            !sql_run(cx, &wallet_drop, &gone, V(names_str(&chain_names, chain)),
                     V(o->address[chain]), V(o->user.v)))
            return false;
    return gone == 1 ? note_write(cx, AUDIT_WALLET_UNLINKED, o->user, o->as_said)
                     : fail(cx, NOT_FOUND, "no such wallet of this person");
}

bool wallet_unlink(Ctx *cx, UserId user, Str address)
{
    Owning o = { .user = user, .as_said = address };

    for (int chain = SOLANA; chain <= ETHEREUM; chain++)
        if (!settle_address(cx->mem, (Chain)chain, address, &o.address[chain]))
            o.address[chain] = (Str){ 0 };
    return write_tx(cx, lane_of(user.v), drop, &o);
}
