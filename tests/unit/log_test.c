/* log_test.c - lines keep their form whatever is put in, and secrets stay out. */
#include "unit/test.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include <fcntl.h>
#include <unistd.h>

static int fd;

static void capture(bool json)
{
    fd = open(temp_path("log"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    must(fd >= 0);
    log_setup(LOG_DEBUG, json, fd);
}

static Str captured(void)
{
    Str s;
    log_setup(LOG_INFO, false, 2);
    must(lseek(fd, 0, SEEK_SET) == 0 && file_read_fd(mem, fd, 1 << 20, &s) && close(fd) == 0);
    return s;
}

/* Requirements file 000, section 4, with the nested and the header forms. */
static const char *const redacted[] = {
    "email", "password", "token", "authorization", "creditCard", "ssn", "phone", "address",
    "apiKey", "secret", "refreshToken", "accessToken",
    "user.email", "user.password", "x.token", "x.authorization", "x.creditCard", "x.ssn",
    "x.phone", "x.address", "x.apiKey", "x.secret",
    "req.headers.authorization", "req.headers.cookie", "req.headers.x-api-key",
    "req.headers.x-auth-token", "req.headers.x-service-token", "res.headers.set-cookie",
    "Authorization", "Cookie", "X-Api-Key", "X-Auth-Token", "X-Service-Token", "Set-Cookie",
    "credit_card", "api_key", "refresh_token", "oldPassword", "stripeSecret",
    "req.headers[\"x-api-key\"]", "res.headers[\"set-cookie\"]" };

TEST(no_field_of_the_redaction_list_shows_its_value)
{
    for (int json = 0; json < 2; json++) {
        capture(json);
        for (isize i = 0; i < countof(redacted); i++) {
            log_info("planted", L(redacted[i], S("hunter2-planted")), L("kept", S("visible")));
            log_warn("planted", L(redacted[i], (i64)7391562840));
        }
        Str out = captured();
        must(!str_has(out, S("hunter2")) && !str_has(out, S("7391562840")));
        must(str_has(out, S("[redacted]")) && str_has(out, S("visible")));
        must(str_has(out, S("refreshToken")));    /* the name itself may be seen */
    }
}

TEST(without_the_mask_the_search_would_find_it)
{
    capture(true);
    log_info("planted", L("note", S("hunter2-planted")));
    must(str_has(captured(), S("hunter2-planted")));
}

TEST(every_json_line_is_json_whatever_is_in_it)
{
    static char all[256], much[9000];
    Str why;

    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    for (isize i = 0; i < countof(much); i++)
        much[i] = i % 2 == 0 ? '"' : '\\';
    capture(true);
    log_info("all \"bytes\"\n", L("bytes", (Str){ all + 1, 255 }), L("n", (i64)-5), L("k\"ey", S("v")));
    log_info("umlaut", L("name", S("Z\xC3\xBCrich")));
    log_info("much", L("a", (Str){ much, countof(much) }), L("b", S("later")));
    log_info("much", L("a", (Str){ much, 4070 }), L("b", (i64)5), L("c", S("x")));
    for (isize n = 3900; n < 4100; n++)
        log_info("edge", L("a", (Str){ much, n / 2 }), L("b", (i64)5));
    Str out = captured();
    int lines = 0;
    while (out.len > 0) {
        Str line = str_cut(&out, '\n');
        must(json_read(mem, line, &why) != NULL);
        lines++;
    }
    must(lines == 204);
}

TEST(a_letter_beyond_ascii_stays_readable)
{
    capture(true);
    log_info("x", L("name", S("Z\xC3\xBCrich")));
    must(str_has(captured(), S("Z\xC3\xBCrich")));
    capture(false);
    log_info("x", L("name", S("Z\xC3\xBCrich")));
    must(str_has(captured(), S("Z\xC3\xBCrich")));
}

TEST(a_readable_line_can_not_be_forged_or_colour_the_terminal)
{
    capture(false);
    log_info("x", L("name", S("a\n12:00:00 error forged\x1b[31m")));
    Str out = captured();
    must(str_find(out, '\n') == out.len - 1 && str_find(out, '\x1b') < 0);
}

TEST(a_level_silences_what_is_below_it)
{
    capture(false);
    log_setup(LOG_WARN, false, fd);
    log_info("no", L("a", 1));
    log_warn("yes", L("a", 1));
    must(!log_on(LOG_INFO) && log_on(LOG_ERROR));
    Str out = captured();
    must(!str_has(out, S(" no ")) && str_has(out, S(" yes ")));
}
