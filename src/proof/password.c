/* password.c - made with libargon2, which can make four lanes; checked with libsodium,
 * which is twice as fast at it. Our one hash thread computes the four lanes itself: more
 * threads would only take cores from other sign-ins.
 *
 * A hash from elsewhere may order its parameters otherwise (an npm library of 2025 writes
 * m,p,t) or ask for absurd costs; it is read by us before a library sees it. */
#include "proof/password.h"
#include "proof/bcrypt.h"
#include "proof/commonpass.h"
#include "proof/hasher.h"
#include "base/crypto.h"
#include "base/rand.h"
#include <argon2.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <zxcvbn.h>

enum { MEMORY_KIB_MOST = 256 << 10, PASSES = 3, LANES = 4, SALT_BYTES = 16,
       HASH_BYTES = 32, PHC_LETTERS = 160, REPEATS_MOST = 2,
       PASSES_MOST = 16, LANES_MOST = 16 };

/* ---- policy --------------------------------------------------------------- */

static bool has_run(Str s)
{
    for (isize i = REPEATS_MOST; i < s.len; i++) {
        isize k = 1;
        while (k <= REPEATS_MOST && s.at[i - k] == s.at[i])
            k++;
        if (k > REPEATS_MOST)
            return true;
    }
    return false;
}

enum { LOWER = 1, UPPER = 2, DIGIT = 4, OTHER = 8 };

static unsigned classes(Str s)
{
    unsigned has = 0;

    for (isize i = 0; i < s.len; i++) {
        char c = s.at[i];
        has |= c >= 'a' && c <= 'z' ? LOWER : c >= 'A' && c <= 'Z' ? UPPER
             : c >= '0' && c <= '9' ? DIGIT : OTHER;
    }
    return has;
}

static bool has_length(Ctx *cx, Str p, int least)
{
    isize n = str_letters(p);

    return (n >= least && n <= PASSWORD_MOST) ||
           fail_field(cx, S("password"), "must have %d to %d characters", least,
                      PASSWORD_MOST);
}

static bool allowed_classic(Ctx *cx, Str p, int least)
{
    Str field = S("password");
    unsigned has = classes(p);
    bool good = has_length(cx, p, least);

    if ((has & LOWER) == 0)
        good = fail_field(cx, field, "must have a lower-case letter");
    if ((has & UPPER) == 0)
        good = fail_field(cx, field, "must have an upper-case letter");
    if ((has & DIGIT) == 0)
        good = fail_field(cx, field, "must have a digit");
    if ((has & OTHER) == 0)
        good = fail_field(cx, field, "must have a character that is no letter or digit");
    if (has_run(p))
        good = fail_field(cx, field,
                          "must not have a character more than %d times in a row",
                          REPEATS_MOST);
    return good;
}

/* The estimate costs with the length, and more of it is never a worse password. */
enum { ESTIMATED_BYTES = 64 };

static bool allowed_asvs5(Ctx *cx, Str p, int least)
{
    static const char *const shop[] = { "tickettoken", "ticket", NULL };
    bool good = has_length(cx, p, least);
    char *text = (char *)(uintptr_t)str_z(cx->mem, str_sub(p, 0, ESTIMATED_BYTES));
    double bits = ZxcvbnMatch(text, (const char **)(uintptr_t)shop, NULL);

    wipe(text, (isize)strlen(text));
    return good & (bits >= ASVS_BITS ||
                   fail_field(cx, S("password"), "is too easy to guess"));
}

bool password_allowed(Ctx *cx, const Rules *rules, Str p)
{
    bool asvs5 = rules->policy == POLICY_ASVS5;
    int least = asvs5 ? ASVS_LEAST : PASSWORD_LEAST;

    if (rules->least > least)
        least = rules->least;
    if (!str_utf8(p))
        return fail_field(cx, S("password"), "must be text");
    bool good = asvs5 ? allowed_asvs5(cx, p, least) : allowed_classic(cx, p, least);
    if (commonpass_is(cx->mem, p))
        good = fail_field(cx, S("password"), "is one of those that everybody tries");
    return good;
}

/* ---- making --------------------------------------------------------------- */

/* What one hash takes; a setting, because tests make thousands. */
static i64 memory_kib = PASSWORD_MEMORY_KIB;

/* A thread keeps that memory, since fetching the pages anew is a fifth of the work, but
 * says that the system may have them back when it is short. */
static pthread_key_t own_key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void own_free(void *at) { munmap(at, (size_t)memory_kib * 1024); }

static void prepare(void)
{
    must(sodium_init() >= 0);                     /* finds out what this processor can */
    must(pthread_key_create(&own_key, own_free) == 0);
}

/* What an unknown person's password is compared with: well-formed, of our costs, and the
 * hash of nothing. */
static char nobody[PHC_LETTERS];

static void make_nobody(void)
{
    snprintf(nobody, sizeof nobody,
             "$argon2id$v=19$m=%jd,t=%d,p=%d$bm9ib2R5IGhhcyB0aGlzIQ"
             "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", (intmax_t)memory_kib, PASSES,
             LANES);
}

void password_open(const HasherConfig *config)
{
    pthread_once(&once, prepare);
    memory_kib = config->memory_kib > 0 ? config->memory_kib : PASSWORD_MEMORY_KIB;
    must(memory_kib >= 8 * LANES && memory_kib <= MEMORY_KIB_MOST);
    make_nobody();
    hasher_open(config);
}

void password_close(void) { hasher_close(); }

static int memory_take(u8 **out, size_t n)
{
    void *at = pthread_getspecific(own_key);

    must(n <= (size_t)memory_kib * 1024);
    if (at == NULL) {
        at = mmap(NULL, (size_t)memory_kib * 1024, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        must(at != MAP_FAILED && pthread_setspecific(own_key, at) == 0);
    }
    *out = at;
    return ARGON2_OK;
}

static void memory_give(u8 *at, size_t n)
{
    madvise(at, n, MADV_FREE);
}

typedef struct Making { Str password; char phc[PHC_LETTERS]; } Making;

/* PHC form wants the other base64, without padding. */
static Str plain64(Arena *mem, const u8 *bytes, isize n)
{
    Str url = base64url_write(mem, bytes, n);
    char *to = make(mem, char, url.len);

    for (isize i = 0; i < url.len; i++)
        to[i] = url.at[i] == '-' ? '+' : url.at[i] == '_' ? '/' : url.at[i];
    return (Str){ to, url.len };
}

static void make_hash(void *arg)
{
    Making *m = arg;
    Arena mem = { 0 };
    u8 salt[SALT_BYTES], hash[HASH_BYTES];

    rand_bytes(salt, SALT_BYTES);
    argon2_context c = {
        .out = hash, .outlen = HASH_BYTES, .salt = salt, .saltlen = SALT_BYTES,
        .pwd = (u8 *)(uintptr_t)m->password.at, .pwdlen = (u32)m->password.len,
        .t_cost = PASSES, .m_cost = (u32)memory_kib, .lanes = LANES, .threads = 1,
        .version = ARGON2_VERSION_13, .allocate_cbk = memory_take,
        .free_cbk = memory_give, };
    must(argon2id_ctx(&c) == ARGON2_OK);
    Str phc = str_fmt(&mem, "$argon2id$v=19$m=%jd,t=%d,p=%d$%.*s$%.*s",
                      (intmax_t)memory_kib, PASSES, LANES,
                      STR_ARGS(plain64(&mem, salt, SALT_BYTES)),
                      STR_ARGS(plain64(&mem, hash, HASH_BYTES)));
    must(phc.len < PHC_LETTERS);
    memcpy(m->phc, phc.at, (size_t)phc.len);
    m->phc[phc.len] = '\0';
    arena_close(&mem);
}

bool password_hash(Ctx *cx, Str password, Str *phc)
{
    Making m = { .password = password };

    must(password.len > 0 && password.len <= PASSWORD_BYTES_MOST);
    if (!hasher_run(cx, make_hash, &m))
        return false;
    *phc = str_copy(cx->mem, str_of(m.phc));
    return true;
}

/* ---- checking ------------------------------------------------------------- */

typedef struct Costs { i64 m, t, p; } Costs;

static bool read_cost(Str part, Costs *c)
{
    i64 *to = str_starts(part, S("m=")) ? &c->m : str_starts(part, S("t=")) ? &c->t
            : str_starts(part, S("p=")) ? &c->p : NULL;

    return to != NULL && *to == 0 && str_int(str_sub(part, 2, part.len), to) && *to > 0;
}

/* Cuts a PHC string; `rest` gets "$salt$hash". */
static bool read_phc(Str phc, Costs *c, Str *rest)
{
    *c = (Costs){ 0 };
    if (!str_starts(phc, S("$argon2id$v=19$")) || phc.len >= PHC_LETTERS)
        return false;
    Str tail = str_sub(phc, 15, phc.len), costs = str_cut(&tail, '$');
    for (Str part; costs.at != NULL;)
        if (!read_cost(part = str_cut(&costs, ','), c))
            return false;
    if (tail.at == NULL)
        return false;
    *rest = (Str){ tail.at - 1, tail.len + 1 };
    return c->m >= 8 * c->p && c->m <= MEMORY_KIB_MOST && c->t >= 1 &&
           c->t <= PASSES_MOST && c->p >= 1 && c->p <= LANES_MOST;
}

bool password_phc_settle(Arena *mem, Str phc, Str *out)
{
    Costs c;
    Str rest;

    if (!read_phc(phc, &c, &rest))
        return false;
    *out = str_fmt(mem, "$argon2id$v=19$m=%jd,t=%jd,p=%jd%.*s", (intmax_t)c.m,
                   (intmax_t)c.t, (intmax_t)c.p, STR_ARGS(rest));
    return true;
}

typedef struct Checking { const char *phc; Str bcrypt, password; bool same; } Checking;

static void check_hash(void *arg)
{
    Checking *c = arg;

    if (c->bcrypt.at != NULL)
        c->same = bcrypt_same(c->bcrypt, c->password);
    else
        c->same = crypto_pwhash_str_verify(c->phc, c->password.at,
                                           (u64)c->password.len) == 0;
}

bool password_check(Ctx *cx, Str phc, Str password, bool *same, bool *stale)
{
    Costs c = { 0 };
    Str rest, settled;
    bool foreign = phc.at != NULL && bcrypt_is(phc);
    bool real = phc.at != NULL && password_phc_settle(cx->mem, phc, &settled);
    Checking job = { real ? str_z(cx->mem, settled) : nobody, foreign ? phc : (Str){ 0 },
                     password, false };

    must(password.len <= PASSWORD_BYTES_MOST);
    if (!hasher_run(cx, check_hash, &job))
        return false;
    *same = (real || foreign) && job.same;
    *stale = *same && (!read_phc(phc, &c, &rest) || c.m != memory_kib || c.t != PASSES ||
                       c.p != LANES);
    return true;
}

bool password_hash_is(Arena *mem, Str hash)
{
    Str settled;

    return hash.at != NULL &&
           (bcrypt_is(hash) || password_phc_settle(mem, hash, &settled));
}
