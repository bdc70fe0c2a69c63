/* smtp.c - hands letters to a relay.
 *
 *   smtp://[USER:PASSWORD@]HOST[:PORT]     587 or 25; STARTTLS is asked for, and demanded
 *                                          when there is a password to show
 *   smtps://...                            TLS from the first byte, 465
 *   ?ca=FILE                               a private authority; &tls=required
 *
 * Certificates and their names are always verified. One connection is kept between
 * letters; the postman uses it, and whoever calls mail_send besides takes his turn. */
#include "mail/engine.h"
#include "base/crypto.h"
#include "base/lock.h"
#include <curl/curl.h>
#include <string.h>

enum { CONNECT_MS = 10000, WHOLE_MS = 30000 };

static struct {
    Arena mem;
    Lock  lock;
    CURL *curl;
    Str   server, user, ca;
    Secret password;
    bool  demands_tls;
} own = { .lock = LOCK_OF(RANK_POOL) };

/* "%40" and the like, because a user is often an email address. */
static bool decode(Arena *mem, Str s, Str *out)
{
    char *to = make(mem, char, s.len + 1);
    isize n = 0;

    for (isize i = 0; i < s.len; i++) {
        u8 c = (u8)s.at[i];
        if (c == '%' && !hex_read(str_sub(s, i + 1, i + 3), &c, 1))
            return false;
        i += s.at[i] == '%' ? 2 : 0;
        if (c < ' ' || c == 0x7F)
            return false;
        to[n++] = (char)c;
    }
    *out = (Str){ to, n };
    return true;
}

static bool read_login(Str login)
{
    Str password, name = str_cut(&login, ':');

    if (!decode(&own.mem, name, &own.user) || own.user.len == 0 ||
        !decode(&own.mem, login, &password) || password.len == 0)
        return false;
    own.password = secret_copy(password);
    wipe((void *)(uintptr_t)password.at, password.len);
    return true;
}

static bool read_query(Str query)
{
    while (query.len > 0) {
        Str value = str_cut(&query, '&'), name = str_cut(&value, '=');
        if (str_is(name, S("ca")) && value.len > 0)
            own.ca = str_copy(&own.mem, value);
        else if (str_is(name, S("tls")) && str_is(value, S("required")))
            own.demands_tls = true;
        else
            return false;
    }
    return true;
}

static isize last_at(Str s)
{
    isize i = s.len;

    while (i > 0 && s.at[i - 1] != '@')
        i--;
    return i - 1;
}

static bool read_url(const char *scheme, Str rest)
{
    Str query = rest, place;

    if (!str_starts(rest, S("//")))
        return false;
    query = str_sub(rest, 2, rest.len);
    place = str_cut(&query, '?');
    isize at = last_at(place);
    if (at >= 0 && !read_login(str_sub(place, 0, at)))
        return false;
    Str host = str_sub(place, at + 1, place.len);
    if (str_ends(host, S("/")))
        host.len--;
    if (host.len == 0 || str_find(host, '/') >= 0 || !read_query(query))
        return false;
    own.server = str_fmt(&own.mem, "%s//%.*s", scheme, STR_ARGS(host));
    own.demands_tls |= own.password.len > 0;
    return true;
}

static void end(void)
{
    if (own.curl != NULL)
        curl_easy_cleanup(own.curl);
    own.curl = NULL;
    secret_wipe(&own.password);
    arena_close(&own.mem);
    own.server = own.user = own.ca = (Str){ 0 };
    own.demands_tls = false;
}

/* The url is not said again: there is a password in it. */
static bool start(const char *scheme, Arena *mem, Str rest, Str *why)
{
    if (!read_url(scheme, rest)) {
        end();
        *why = str_fmt(mem, "MAIL_URL: write %s//[USER:PASSWORD@]HOST[:PORT][?ca=FILE]",
                       scheme);
        return false;
    }
    must(curl_global_init(CURL_GLOBAL_DEFAULT) == 0);
    must((own.curl = curl_easy_init()) != NULL);
    return true;
}

static bool start_plain(Arena *mem, Str rest, Str *why)
{
    return start("smtp:", mem, rest, why);
}

static bool start_tls(Arena *mem, Str rest, Str *why)
{
    return start("smtps:", mem, rest, why);
}

static size_t give(char *to, size_t size, size_t count, void *arg)
{
    Str *left = arg;
    isize room = (isize)(size * count), n = left->len < room ? left->len : room;

    memcpy(to, left->at, (size_t)n);
    *left = str_sub(*left, n, left->len);
    return (size_t)n;
}

static void set_way(Arena *mem, CURL *c)
{
    Str password = { (const char *)own.password.at, own.password.len };

    curl_easy_setopt(c, CURLOPT_URL, str_z(mem, own.server));
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(c, CURLOPT_USE_SSL,
                     own.demands_tls ? CURLUSESSL_ALL : CURLUSESSL_TRY);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)WHOLE_MS);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    if (own.ca.at != NULL)
        curl_easy_setopt(c, CURLOPT_CAINFO, str_z(mem, own.ca));
    if (own.user.at == NULL)
        return;
    const char *text = str_z(mem, password);
    curl_easy_setopt(c, CURLOPT_USERNAME, str_z(mem, own.user));
    curl_easy_setopt(c, CURLOPT_PASSWORD, text);
    wipe((void *)(uintptr_t)text, password.len);
}

static bool send_letter(Ctx *cx, Str from, Str to, Str message)
{
    struct curl_slist *people = curl_slist_append(NULL, str_z(cx->mem, to));
    char error[CURL_ERROR_SIZE] = "";
    long code = 0;

    must(people != NULL);
    lock(&own.lock);
    curl_easy_reset(own.curl);                    /* its connection stays     */
    set_way(cx->mem, own.curl);
    curl_easy_setopt(own.curl, CURLOPT_MAIL_FROM, str_z(cx->mem, from));
    curl_easy_setopt(own.curl, CURLOPT_MAIL_RCPT, people);
    curl_easy_setopt(own.curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(own.curl, CURLOPT_READFUNCTION, give);
    curl_easy_setopt(own.curl, CURLOPT_READDATA, &message);
    curl_easy_setopt(own.curl, CURLOPT_ERRORBUFFER, error);
    CURLcode got = curl_easy_perform(own.curl);
    curl_easy_getinfo(own.curl, CURLINFO_RESPONSE_CODE, &code);
    curl_easy_setopt(own.curl, CURLOPT_ERRORBUFFER, NULL);
    unlock(&own.lock);
    curl_slist_free_all(people);
    if (got == CURLE_OK)
        return true;
    return fail(cx, INTERNAL_ERROR, "relay: %s (%ld)", error[0] != '\0' ? error
                : curl_easy_strerror(got), code);
}

const MailEngine mail_smtp = {
    .scheme = "smtp:", .open = start_plain, .close = end, .send = send_letter,
};
const MailEngine mail_smtps = {
    .scheme = "smtps:", .open = start_tls, .close = end, .send = send_letter,
};
