/* tokens.c - what checking a token and a password costs on this machine, with no network.
 *
 *   tokens DIR        DIR is an empty folder for keys */
#include "identity/key.h"
#include "identity/token.h"
#include "proof/password.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { COLD = 2000, CACHED = 400000, TOKENS = 64, HASH_SECONDS = 5, ASKERS = 16 };

static double seconds_since(Mono start) { return (double)(mono_now().ns - start.ns) / 1e9; }

static double checks_a_second(Ctx *cx, const Str *tokens, int times)
{
    Mono start = mono_now();
    Claims c;

    for (int i = 0; i < times; i++)
        must(token_check(cx, tokens[i % TOKENS], &c));
    return times / seconds_since(start);
}

static void measure_tokens(const char *dir, Alg alg)
{
    Arena mem = { 0 };
    Ctx cx = ctx_new(&mem, TENANT_DEFAULT);
    Str why = { 0 }, tokens[TOKENS];
    KeyConfig keys = { str_fmt(&mem, "%s/%s", dir, alg_names.at[alg]), alg, days(7) };
    TokenConfig config = { S("bench"), S("bench"), minutes(15), days(7) };

    must(key_open(&mem, &keys, &why));
    token_open(&config);
    Mono start = mono_now();
    for (int i = 0; i < TOKENS; i++)
        tokens[i] = token_access(&cx, (UserId){ uuid_new(cx.now) }, CUSTOMER, uuid_new(cx.now), 0);
    double signs = TOKENS / seconds_since(start);
    token_memory(TOKENS_FORGOTTEN);
    double cold = checks_a_second(&cx, tokens, COLD);
    token_memory(TOKENS_REMEMBERED);
    checks_a_second(&cx, tokens, TOKENS);
    double cached = checks_a_second(&cx, tokens, CACHED);
    printf("%-6s signs %8.0f/s   checks cold %8.0f/s   remembered %10.0f/s   %jd bytes a token\n",
           alg_names.at[alg], signs, cold, cached, (intmax_t)tokens[0].len);
    token_close();
    key_close();
    arena_close(&mem);
}

/* ---- the limit of the hash threads ---------------------------------------- */

static struct { Str phc; _Atomic i64 done; Mono until; } hashing;

static void *ask(void *unused)
{
    Arena mem = { 0 };
    bool same, stale;

    (void)unused;
    while (mono_now().ns < hashing.until.ns) {
        Ctx cx = ctx_new(&mem, TENANT_DEFAULT);
        if (password_check(&cx, hashing.phc, S("Correct-Horse-7-Battery"), &same, &stale))
            hashing.done++;
        arena_reset(&mem, 4096);
    }
    arena_close(&mem);
    return NULL;
}

static void measure_hashes(void)
{
    pthread_t threads[ASKERS];
    Arena mem = { 0 };
    Ctx cx = ctx_new(&mem, TENANT_DEFAULT);

    password_open(&(HasherConfig){ 0, 4 * ASKERS, 0 });
    must(password_hash(&cx, S("Correct-Horse-7-Battery"), &hashing.phc));
    hashing.until = mono_after(mono_now(), seconds(HASH_SECONDS));
    Mono start = mono_now();
    for (int i = 0; i < ASKERS; i++)
        must(pthread_create(&threads[i], NULL, ask, NULL) == 0);
    for (int i = 0; i < ASKERS; i++)
        pthread_join(threads[i], NULL);
    printf("passwords checked: %.1f/s on %ld hash threads (Argon2id, 64 MiB, t=3, p=4)\n",
           (double)hashing.done / seconds_since(start), sysconf(_SC_NPROCESSORS_ONLN));
    password_close();
    arena_close(&mem);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: tokens DIR\n");
        return 2;
    }
    printf("one thread; nobody's tokens revoked\n");
    for (int a = 0; a < ALG_PAIRS; a++)
        measure_tokens(argv[1], (Alg)a);
    measure_hashes();
    return 0;
}
