/* config_check.c - rules that look at more than one setting, or at what a text says. */
#include "base/config_check.h"
#include "base/network.h"

typedef struct Check { const Config *c; Buf *mistakes; } Check;

static bool rule(const Check *k, bool holds, const char *says)
{
    if (!holds)
        buf_fmt(k->mistakes, "%s\n", says);
    return holds;
}

static bool good_origin(Str o)
{
    Str host = str_starts(o, S("https://")) ? str_sub(o, 8, o.len)
             : str_starts(o, S("http://")) ? str_sub(o, 7, o.len) : (Str){ 0 };
    return host.len > 0 && str_find(host, '/') < 0 && str_find(host, '*') < 0;
}

static bool check_origins(const Check *k)
{
    Str left = k->c->cors_origins;
    bool good = true;

    while (left.len > 0) {
        Str o = str_trim(str_cut(&left, ','));
        if (o.len > 0 && !good_origin(o)) {
            buf_fmt(k->mistakes, "CORS_ORIGINS: \"%.*s\" is no origin; write it as"
                    " https://shop.example, without a path and never *\n", STR_ARGS(o));
            good = false;
        }
    }
    return good;
}

static bool check_proxies(const Check *k)
{
    Str bad = networks_bad(k->c->trusted_proxies);

    if (bad.at != NULL)
        buf_fmt(k->mistakes,
                "TRUSTED_PROXIES: \"%.*s\" is no address and no network such as"
                " 10.0.0.0/24\n", STR_ARGS(bad));
    return bad.at == NULL;
}

static bool is_url(Str s)
{
    return s.len == 0 || str_starts(s, S("http://")) || str_starts(s, S("https://"));
}

static bool begins_with_one_of(Str s, const char *words)
{
    Str left = str_of(words);

    while (left.at != NULL)
        if (str_starts(s, str_cut(&left, ' ')))
            return true;
    return false;
}

/* Without a moment the old secret's last day would begin anew with each start. */
static bool check_rotation(const Check *k)
{
    Str text = k->c->service_rotated;
    Instant at;

    return rule(k, k->c->service_key_before.len == 0 || k->c->service_key.len > 0,
                "SERVICE_SECRET_PREVIOUS: is good only beside SERVICE_SECRET") &&
           rule(k, text.len > 0 ? time_read(text, &at)
                                : k->c->service_key_before.len == 0,
                "SERVICE_SECRET_ROTATED_AT: must say when SERVICE_SECRET_PREVIOUS was "
                "replaced, such as 2026-11-22T08:00:00Z");
}

static bool check_rules(const Check *k)
{
    const Config *c = k->c;
    bool good = check_origins(k);

    good &= check_proxies(k);
    good &= check_rotation(k);

    good &= rule(k, c->clock == CLOCK_SYSTEM || c->environment != ENV_PRODUCTION,
                 "CLOCK: test is refused in production");
    good &= rule(k, c->hash_memory >= 19456 || c->environment == ENV_DEVELOPMENT ||
                    c->environment == ENV_TEST,
                 "HASH_MEMORY_KIB: under 19456 is for tests only");
    good &= rule(k, (c->tls_cert.len > 0) == (c->tls_key.len > 0),
                 "TLS_CERT_FILE and TLS_KEY_FILE: give both or neither");
    good &= rule(k, is_url(c->public_url),
                 "PUBLIC_URL: must begin with http:// or https://");
    good &= rule(k, is_url(c->otel_endpoint),
                 "OTEL_EXPORTER_OTLP_ENDPOINT: must begin with http:// or https://");
    good &= rule(k, is_url(c->otel_traces),
                 "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: must begin with http:// or "
                 "https://");
    good &= rule(k,
                 begins_with_one_of(c->database_url, "sqlite: postgresql:// postgres://"),
                 "DATABASE_URL: must begin with sqlite: or postgresql://");
    good &= rule(k, c->owner_url.len == 0 ||
                    begins_with_one_of(c->owner_url, "postgresql:// postgres://"),
                 "DATABASE_OWNER_URL: must begin with postgresql://");
    good &= rule(k, c->redis_url.len == 0 ||
                    begins_with_one_of(c->redis_url, "redis:// rediss:// unix:"),
                 "REDIS_URL: must begin with redis://, rediss:// or unix:");
    good &= rule(k, c->nats_url.len == 0 ||
                 begins_with_one_of(c->nats_url, "nats:// tls://"),
                 "NATS_URL: must begin with nats:// or tls://");
    good &= rule(k, begins_with_one_of(c->mail_url, "folder: smtp:// smtps://"),
                 "MAIL_URL: must begin with folder:, smtp:// or smtps://");
    return good;
}

bool config_check(const Config *c, Buf *mistakes)
{
    return check_rules(&(Check){ c, mistakes });
}
