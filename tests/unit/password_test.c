/* password_test.c - the policy, the hash and the line before it. */
#include "unit/test.h"
#include "proof/commonpass.h"
#include "proof/password.h"
#include <argon2.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static Ctx opened(int threads, i64 queue)
{
    password_open(&(HasherConfig){ threads, queue, 0 });
    return ctx_new(mem, TENANT_DEFAULT);
}

static isize refusals_by(Rules rules, const char *password)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    isize n = 0;

    bool good = password_allowed(&cx, &rules, str_of(password));
    for (FieldError *e = cx.fault.fields; e != NULL; e = e->next)
        n++;
    must(good == (n == 0) && (good || cx.fault.code == VALIDATION_ERROR));
    return n;
}

static isize refusals(const char *password)
{
    return refusals_by((Rules){ POLICY_CLASSIC, 0 }, password);
}

TEST(asvs5_asks_for_length_and_what_is_hard_to_guess_and_for_no_classes)
{
    Rules asvs5 = { POLICY_ASVS5, 0 }, longer = { POLICY_ASVS5, 15 };

    must(refusals_by(asvs5, "kettle rhubarb otter") == 0 && refusals_by(asvs5, "qzvmxtpwkj") == 0);
    must(refusals_by(asvs5, "qzvmxtp") >= 1);
    must(refusals_by(asvs5, "tickettoken1") >= 1 && refusals_by(asvs5, "Password123!") >= 1);
    must(refusals_by(asvs5, "aaaaaaaaaaaaaaaa") >= 1 && refusals_by(asvs5, "abcdefghijklmnop") >= 1);
    must(refusals_by(longer, "qzvmxtpwkjrnsd") == 1 && refusals_by(longer, "qzvmxtpwkjrnsdl") == 0);
}

TEST(a_longer_least_goes_up_and_never_down)
{
    must(refusals_by((Rules){ POLICY_CLASSIC, 16 }, "Blue-Kettle-42") == 1);
    must(refusals_by((Rules){ POLICY_CLASSIC, 4 }, "Blue-42-Ket") == 1);
}

TEST(the_policy_takes_what_has_four_classes_and_twelve_letters)
{
    must(refusals("Blue-Kettle-42") == 0 && refusals("Gr\xC3\xBC\xC3\x9F" "e-aus-7-Bergen") == 0);
    must(refusals("aA1!aA1!aA1!") == 0 && refusals("Short-1a") == 1);
    must(refusals("blue-kettle-42") == 1 && refusals("BLUE-KETTLE-42") == 1);
    must(refusals("Blue-Kettle-xx") == 1 && refusals("BlueKettle42x") == 1);
    must(refusals("Blue--Kettle-42") == 0 && refusals("Blue---Kettle-42") == 1);
    must(refusals("a") == 4);
    must(refusals("Blue-Kettle-42\xFF\xFE") == 1);
    char *longest = make(mem, char, 130);
    for (int i = 0; i < 129; i++)
        longest[i] = "aB3-"[i % 4];
    must(refusals(longest) == 1);
    longest[128] = '\0';
    must(refusals(longest) == 0);
}

TEST(common_passwords_are_known_through_their_trimmings)
{
    static const char *const common[] = {
        "password123", "12345678", "qwerty123", "letmein", "welcome123", "password", "admin123",
        "root1234", "master123", "pass1234", "PASSWORD", "Password123!", "P@ssw0rd2024!",
        "Welcome12345!", "!!Qwerty123456", "1qaz2wsx!!!!" + 9, "Adm1nistrator#1",
    };
    for (isize i = 0; i < countof(common); i++)
        must(commonpass_is(mem, str_of(common[i])));
    must(!commonpass_is(mem, S("Blue-Kettle-42")) && !commonpass_is(mem, S("SecurePass123!")));
    must(refusals("Password123!") == 1);
}

TEST(a_hash_has_our_costs_and_knows_its_password)
{
    Ctx cx = opened(1, 4);
    Str one, two;
    bool same, stale;

    must(password_hash(&cx, S("Blue-Kettle-42"), &one) && password_hash(&cx, S("Blue-Kettle-42"), &two));
    must(str_starts(one, S("$argon2id$v=19$m=65536,t=3,p=4$")) && !str_is(one, two));
    must(one.len == 31 + 22 + 1 + 43);
    must(argon2id_verify(str_z(mem, one), "Blue-Kettle-42", 14) == ARGON2_OK);   /* another reader */
    must(password_check(&cx, one, S("Blue-Kettle-42"), &same, &stale) && same && !stale);
    must(password_check(&cx, one, S("Blue-Kettle-43"), &same, &stale) && !same);
    must(password_check(&cx, (Str){ 0 }, S("Blue-Kettle-42"), &same, &stale) && !same);
    must(password_check(&cx, (Str){ 0 }, S(""), &same, &stale) && !same);
    password_close();
}

/* From the reference implementation's own tests (phc-winner-argon2, src/test.c). */
TEST(published_answers_are_known_and_their_costs_are_not_ours)
{
    static const char *const published[] = {
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
    };
    Ctx cx = opened(1, 4);
    bool same, stale;

    for (isize i = 0; i < countof(published); i++) {
        must(password_check(&cx, str_of(published[i]), S("password"), &same, &stale) && same && stale);
        must(password_check(&cx, str_of(published[i]), S("passwork"), &same, &stale) && !same && !stale);
    }
    password_close();
}

TEST(a_hash_of_any_order_is_read_and_one_of_absurd_costs_is_not)
{
    Str out;

    must(password_phc_settle(mem, S("$argon2id$v=19$m=65536,p=4,t=3$c2FsdA$aGFzaA"), &out));
    must(str_is(out, S("$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA")));
    static const char *const bad[] = {
        "$argon2id$v=19$m=65536,p=4$c2FsdA$aGFzaA", "$argon2id$v=19$m=65536,t=3,p=4,m=1$c$a",
        "$argon2id$v=19$m=99999999,t=3,p=4$c$a", "$argon2id$v=19$m=65536,t=999,p=4$c$a",
        "$argon2id$v=19$m=65536,t=3,p=99$c$a", "$argon2i$v=19$m=65536,t=3,p=4$c$a",
        "$argon2id$v=16$m=65536,t=3,p=4$c$a", "$argon2id$v=19$m=-1,t=3,p=4$c$a",
        "$argon2id$v=19$m=65536,t=3,p=4", "$argon2id$v=19$m=7,t=3,p=1$c$a", "", "plain",
        "$2b$10$abcdefghijklmnopqrstuv", "$argon2id$v=19$",
    };
    for (isize i = 0; i < countof(bad); i++)
        must(!password_phc_settle(mem, str_of(bad[i]), &out));
}

/* ---- the line -------------------------------------------------------------- */

static _Atomic int running, most_running, served, busy;

static void slow(void *arg)
{
    int now = ++running, most = most_running;
    (void)arg;

    while (now > most && !atomic_compare_exchange_weak(&most_running, &most, now))
        ;
    for (int i = 0; i < 2 || (i < 500 && busy == 0); i++)
        usleep(10000);                            /* until somebody was turned away */
    running--;
}

static void *ask(void *unused)
{
    Arena own = { 0 };
    Ctx cx = ctx_new(&own, TENANT_DEFAULT);
    (void)unused;

    if (hasher_run(&cx, slow, NULL))
        served++;
    else {
        must_fault(&cx, BUSY);
        must(cx.fault.retry_after > 0);
        busy++;
    }
    arena_close(&own);
    return NULL;
}

TEST(no_more_hash_at_once_than_there_are_threads_and_a_full_line_says_busy)
{
    enum { ASKERS = 16 };
    pthread_t threads[ASKERS];

    hasher_open(&(HasherConfig){ 2, 4, 0 });
    for (int i = 0; i < ASKERS; i++)
        must(pthread_create(&threads[i], NULL, ask, NULL) == 0);
    for (int i = 0; i < ASKERS; i++)
        pthread_join(threads[i], NULL);
    hasher_close();
    must(most_running <= 2 && served >= 4 && busy >= 1 && served + busy == ASKERS);
}
