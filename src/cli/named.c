/* named.c - see named.h. Only for settings that config_read took: what is wrong with one
 * by itself was told before. */
#include "cli/named.h"
#include "access/service_list.h"
#include "cli/app.h"
#include "gateway/proxy.h"
#include "identity/issuer.h"
#include "mail/mail.h"
#include "net/link.h"
#include "web/metrics.h"
#include "web/otlp.h"

/* Who asks shows more of it than a word. */
static bool read_certificate(Arena *mem, const Config *c, Str *detail)
{
    TlsFiles files = { .cert = c->tls_cert, .key = c->tls_key };
    Instant ends;

    return files.cert.len == 0 || tls_look(mem, &files, &ends, detail);
}

static bool read_proxy(Arena *mem, const Config *c, Str *detail)
{
    int n;
    return proxy_read(mem, c->proxy_file, &n, detail) != NULL;
}

static bool read_services(Arena *mem, const Config *c, Str *detail)
{
    ServiceConfig config = app_services(mem, c);
    ServiceList *list = services_read(mem, &config.list, detail);

    if (list == NULL)
        return false;
    services_drop(list);
    *detail = str_fmt(mem, "%s%s", c->services_file.len > 0 ? "those of SERVICES_FILE"
                                                            : "those of ops/services.json",
                      c->service_key.len > 0 ? ""
                      : "; without SERVICE_SECRET only who has a secret of its own may call");
    return true;
}

static bool read_issuers(Arena *mem, const Config *c, Str *detail)
{
    IssuersConfig config = app_issuers(c);

    if (c->issuers_file.len == 0)
        return true;
    IssuerList *list = issuers_read(mem, &config, detail);
    if (list == NULL)
        return false;
    issuers_drop(list);
    *detail = S("those of ISSUERS_FILE");
    return true;
}

static bool read_operator(Arena *mem, const Config *c, Str *detail)
{
    Str token;

    if (!metrics_token(mem, c->metrics_token, &token, detail))
        return false;
    *detail = c->metrics_token.len > 0 ? S("has a token of METRICS_TOKEN_FILE")
                                       : (Str){ 0 };
    return true;
}

/* A folder of letters would be made, so only relays are read. */
static bool read_mail(Arena *mem, const Config *c, Str *detail)
{
    MailConfig config = { c->mail_url, c->mail_from };

    if (str_starts(c->mail_url, S("folder:")))
        return true;
    if (!mail_open(mem, &config, detail))
        return false;
    mail_close();
    *detail = S("goes to the relay of MAIL_URL");
    return true;
}

static bool read_traces(Arena *mem, const Config *c, Str *detail)
{
    if (!otlp_reads(mem, c, detail))
        return false;
    *detail = c->otel_endpoint.len + c->otel_traces.len > 0 ? S("go to a collector")
                                                            : (Str){ 0 };
    return true;
}

const Named named_settings[] = {
    { "certificate", read_certificate,
      "the pair must fit; until then the server does not start" },
    { "proxy", read_proxy, "docs/operate.md shows the file" },
    { "services", read_services, "docs/operate.md, Services and programs that call" },
    { "issuers", read_issuers, "docs/operate.md shows the file" },
    { "operator", read_operator, "32 letters or more, of the server's user, mode 0640" },
    { "mail", read_mail, "docs/configuration.md says how it is written" },
    { "traces", read_traces, "docs/configuration.md says how it is written" },
};
const isize named_count = countof(named_settings);
