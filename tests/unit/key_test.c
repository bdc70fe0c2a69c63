/* key_test.c - the life of a signing key. */
#include "unit/test.h"
#include "identity/key.h"
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static KeyConfig config_in(const char *name, Alg alg)
{
    return (KeyConfig){ str_of(temp_path(name)), alg, days(7) };
}

static void opened(const KeyConfig *config)
{
    Str why = { 0 };
    if (!key_open(mem, config, &why))
        must_failed(str_z(mem, why), __FILE__, __LINE__);
}

static isize count_of(Ctx *cx, KeyState state)
{
    KeyRow *rows;
    isize count, n = 0;

    key_list(cx, &rows, &count);
    for (isize i = 0; i < count; i++)
        n += rows[i].state == (int)state;
    return n;
}

TEST(the_first_start_makes_keys_that_only_we_can_read_and_the_next_finds_them)
{
    KeyConfig config = config_in("first", ALG_ES256);
    struct stat st;

    opened(&config);
    Str kid = str_copy(mem, jws_kid(key_active()));
    const char *path = str_z(mem, str_fmt(mem, "%.*s/%.*s.pem", STR_ARGS(config.dir), STR_ARGS(kid)));
    must(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    must(stat(str_z(mem, config.dir), &st) == 0 && (st.st_mode & 0777) == 0700);
    key_close();
    opened(&config);
    must(str_is(jws_kid(key_active()), kid));
    key_close();
}

TEST(the_jwks_shows_what_signs_and_what_will_and_no_private_part)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    static const char *const parts[] = { "\"crv\":\"P-256\"", "\"kty\":\"RSA\"", "\"crv\":\"Ed25519\"" };
    Str why = { 0 };

    for (int a = 0; a < ALG_PAIRS; a++) {
        KeyConfig config = config_in(alg_names.at[a], (Alg)a);
        opened(&config);
        Str jwks = key_jwks(mem);
        const Json *j = json_read(mem, jwks, &why), *keys = json_member(j, "keys");
        must(json_count(keys) == 2 && count_of(&cx, KEY_NEXT) == 1 && count_of(&cx, KEY_ACTIVE) == 1);
        must(str_has(jwks, str_of(parts[a])) && str_has(jwks, jws_kid(key_active())));
        for (isize i = 0; i < json_count(keys); i++) {
            static const char *const secret[] = { "d", "p", "q", "dp", "dq", "qi", "k" };
            for (isize s = 0; s < countof(secret); s++)
                must(json_member(json_item(keys, i), secret[s]) == NULL);
        }
        key_close();
    }
}

TEST(a_rotation_goes_by_its_stages_and_an_old_key_verifies_until_it_is_retired)
{
    KeyConfig config = config_in("rotate", ALG_ES256);
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    struct stat st;

    opened(&config);
    Str first = str_copy(mem, jws_kid(key_active()));
    u64 generation = key_generation();
    must(!key_rotate(&cx, KEY_STAGED));           /* next is not known yet    */
    must_fault(&cx, INVALID_STATE);
    fault_clear(&cx);
    cx.now = later(cx.now, seconds(JWKS_MAX_AGE_S + 1));
    must(key_rotate(&cx, KEY_STAGED));
    must(!str_is(jws_kid(key_active()), first) && key_generation() != generation);
    must(key_find(NULL, first) != NULL && count_of(&cx, KEY_RETIRING) == 1);
    must(str_has(key_jwks(mem), first));

    cx.now = later(cx.now, days(7));
    must(key_rotate(&cx, KEY_STAGED));
    must(key_find(NULL, first) == NULL && count_of(&cx, KEY_RETIRED) == 1);
    must(!str_has(key_jwks(mem), first));
    must(stat(str_z(mem, str_fmt(mem, "%.*s/%.*s.pem", STR_ARGS(config.dir), STR_ARGS(first))), &st) != 0);
    Str active = str_copy(mem, jws_kid(key_active()));
    key_close();
    opened(&config);
    must(str_is(jws_kid(key_active()), active) && count_of(&cx, KEY_RETIRED) == 1);
    key_close();
}

TEST(rotating_at_once_for_ever_keeps_the_record_bounded)
{
    KeyConfig config = config_in("often", ALG_EDDSA);
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);

    opened(&config);
    for (int i = 0; i < 40; i++) {
        cx.now = later(cx.now, days(8));
        must(key_rotate(&cx, KEY_AT_ONCE));
    }
    must(count_of(&cx, KEY_ACTIVE) == 1 && count_of(&cx, KEY_NEXT) == 1);
    cx.now = later(cx.now, days(8));
    must(key_rotate(&cx, KEY_AT_ONCE));           /* the old ones can go now   */
    do
        cx.now = later(cx.now, seconds(KEYS_KNOWN_S));
    while (key_rotate(&cx, KEY_AT_ONCE));
    must_fault(&cx, INVALID_STATE);               /* all of them still verify  */
    must(str_has(str_of(cx.fault.why), S("32 keys")));
    key_close();
    opened(&config);
    key_close();
}

TEST(another_algorithm_is_published_before_it_signs_and_the_old_key_goes_on_verifying)
{
    KeyConfig config = config_in("change", ALG_ES256);
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);

    opened(&config);
    Str first = str_copy(mem, jws_kid(key_active()));
    key_close();
    config.alg = ALG_EDDSA;
    opened(&config);
    cx.now = time_now();
    must(key_follow(&cx) && str_is(jws_kid(key_active()), first));
    must(str_has(key_jwks(mem), S("Ed25519")));   /* as next */
    cx.now = later(cx.now, seconds(JWKS_MAX_AGE_S + 1));
    must(key_follow(&cx) && key_follow(&cx));
    must(jws_alg(key_active()) == ALG_EDDSA && key_find(NULL, first) != NULL);
    must(count_of(&cx, KEY_ACTIVE) == 1 && count_of(&cx, KEY_RETIRING) == 1);
    key_close();

    config.alg = ALG_RS256;                       /* a node with other settings meanwhile */
    opened(&config);
    must(jws_alg(key_active()) == ALG_EDDSA && key_find(NULL, first) != NULL);
    key_close();
}

TEST(even_at_once_a_key_signs_only_when_every_node_has_had_time_to_look)
{
    KeyConfig config = config_in("known", ALG_ES256);
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);

    opened(&config);
    cx.now = later(time_now(), seconds(KEYS_KNOWN_S + 1));
    must(key_rotate(&cx, KEY_AT_ONCE));
    must(!key_rotate(&cx, KEY_AT_ONCE));
    must_fault(&cx, INVALID_STATE);
    fault_clear(&cx);
    cx.now = later(cx.now, seconds(KEYS_KNOWN_S));
    must(key_rotate(&cx, KEY_AT_ONCE));
    key_close();
}

TEST(a_rotation_by_another_process_is_noticed)
{
    KeyConfig config = config_in("other", ALG_ES256);

    opened(&config);
    Str first = str_copy(mem, jws_kid(key_active()));

    const char *index = str_z(mem, str_fmt(mem, "%.*s/index.json", STR_ARGS(config.dir)));
    char text[8192];
    FILE *f = fopen(index, "r");
    size_t n = fread(text, 1, sizeof text, f);
    fclose(f);
    Str was = { text, (isize)n }, next = was;

    /* What a rotation writes: the states of the two keys are others. */
    Buf b = buf_in(mem, was.len + 64);
    while (next.len > 0) {
        if (str_starts(next, S("\"next\""))) {
            buf_lit(&b, "\"active\"");
            next = str_sub(next, 6, next.len);
        } else if (str_starts(next, S("\"active\""))) {
            buf_lit(&b, "\"retiring\"");
            next = str_sub(next, 8, next.len);
        } else {
            buf_byte(&b, next.at[0]);
            next = str_sub(next, 1, next.len);
        }
    }
    const char *aside = str_z(mem, str_fmt(mem, "%s.x", index));
    f = fopen(aside, "w");
    must(fwrite(b.at, 1, (size_t)b.len, f) == (size_t)b.len && fclose(f) == 0);
    must(rename(aside, index) == 0);
    key_watch();
    must(!str_is(jws_kid(key_active()), first) && key_find(NULL, first) != NULL);

    f = fopen(index, "w");                        /* damage is not taken over */
    must(fputs("{", f) >= 0 && fclose(f) == 0);
    key_watch();
    must(!str_is(jws_kid(key_active()), first));
    key_close();
}

TEST(a_damaged_or_strange_folder_is_said_and_not_repaired)
{
    KeyConfig config = config_in("damaged", ALG_ES256);
    Str why = { 0 };

    opened(&config);
    Str kid = str_copy(mem, jws_kid(key_active()));
    key_close();
    const char *pem = str_z(mem, str_fmt(mem, "%.*s/%.*s.pem", STR_ARGS(config.dir), STR_ARGS(kid)));
    must(unlink(pem) == 0);
    must(!key_open(mem, &config, &why) && str_has(why, kid));

    const char *index = str_z(mem, str_fmt(mem, "%.*s/index.json", STR_ARGS(config.dir)));
    FILE *f = fopen(index, "w");
    must(fputs("{\"keys\":[{\"kid\":\"../../../../etc/passwd\",\"alg\":\"ES256\",\"state\":\"active\","
               "\"createdAt\":\"2026-01-01T00:00:00Z\",\"changedAt\":\"2026-01-01T00:00:00Z\"}]}", f) >= 0);
    fclose(f);
    must(!key_open(mem, &config, &why) && str_has(why, S("thumbprint")));
    config.dir = S("/nonexistent/keys");
    must(!key_open(mem, &config, &why));
}
