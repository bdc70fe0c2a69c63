/* siwe.c - the blank line before a statement stays when there is none (EIP-4361,
 * ABNF). */
#include "proof/siwe.h"

Str siwe_write(Arena *mem, const SignIn *s)
{
    Buf b = buf_in(mem, 512);

    buf_fmt(&b, "%.*s wants you to sign in with your %s account:\n%.*s\n\n",
            STR_ARGS(s->domain), s->chain, STR_ARGS(s->address));
    if (s->statement.at != NULL)
        buf_fmt(&b, "%.*s\n", STR_ARGS(s->statement));
    buf_fmt(&b, "\nURI: %.*s\nVersion: 1\nChain ID: %.*s\nNonce: %.*s\nIssued At: %.*s",
            STR_ARGS(s->uri), STR_ARGS(s->chain_id), STR_ARGS(s->nonce),
            STR_ARGS(s->issued));
    if (s->expires.at != NULL)
        buf_fmt(&b, "\nExpiration Time: %.*s", STR_ARGS(s->expires));
    return buf_str(&b);
}
