/* service.c - the services that call us, from the operator's side. Works while a server
 * runs: what is revoked here is refused there within a second. */
#include "access/service.h"
#include "access/service_revoked.h"
#include "cli/verb.h"
#include <stdio.h>

static const Option options[] = {
    { "--reason", "TEXT", NULL, "why, for whoever is refused (revoke)" },
    { "--audience", "ID", NULL,
      "the service that the token is for (token; default SERVICE_ID)" },
    OPTION_DATA, OPTION_SET,
};

static Exit list(Work *w)
{
    isize n;
    const ServiceView *all = services_view(w->cx.mem, &n);
    Buf b = buf_in(w->cx.mem, 1024);

    for (isize i = 0; i < n; i++) {
        Str why = revocation_of(w->cx.mem, A_SERVICE, all[i].id, w->cx.now);
        buf_fmt(&b, "%-24.*s %-7s %-8s %.*s\n", STR_ARGS(all[i].id),
                all[i].alone ? "own" : all[i].keyed ? "shared" : "none",
                why.at != NULL ? "revoked" : "trusted",
                STR_ARGS(scopes_str(w->cx.mem, all[i].scopes)));
    }
    cli_print(&b);
    return EXIT_DONE;
}

static Exit token(Work *w)
{
    Str t;

    if (!service_mint(&w->cx, w->word, args_value(w->a, "--audience"),
                      SERVICE_TOKEN_LASTS, &t))
        return (Exit)app_fault(&w->cx);
    printf("%.*s\n", STR_ARGS(t));
    return EXIT_DONE;
}

/* A word that is no service of the list may be the hash of a token. */
static Exit revoke(Work *w)
{
    Str reason = args_value(w->a, "--reason");
    u8 bytes[SHA256_BYTES];
    bool hash = hex_read(w->word, bytes, SHA256_BYTES);
    Instant until = { 0 };

    if (reason.len == 0 || reason.len > REASON_MOST)
        return cli_usage("service revoke: say why with --reason, in at most %d letters",
                         REASON_MOST);
    if (!hash && !service_known(w->word))
        return cli_failed("no service %.*s; tokens are named by their SHA-256 in hex",
                          STR_ARGS(w->word));
    if (hash)
        until = later(w->cx.now, (Span){ SERVICE_TOKEN_LASTS.ms + 60000 });
    if (!service_revoke(&w->cx, hash ? A_TOKEN : A_SERVICE,
                        hash ? str_lower(w->cx.mem, w->word) : w->word, reason, until))
        return (Exit)app_fault(&w->cx);
    printf("%.*s is refused everywhere within a second\n", STR_ARGS(w->word));
    return EXIT_DONE;
}

static Exit unrevoke(Work *w)
{
    if (!service_known(w->word))
        return cli_failed("no service %.*s", STR_ARGS(w->word));
    if (!service_unrevoke(&w->cx, w->word))
        return (Exit)app_fault(&w->cx);
    printf("%.*s may speak again\n", STR_ARGS(w->word));
    return EXIT_DONE;
}

static const Verb verbs[] = {
    { "list", NULL, list, false }, { "token", "id", token, false },
    { "revoke", "id", revoke, true }, { "unrevoke", "id", unrevoke, true },
};

const Command command_service = {
    .name = "service",
    .usage = "[list | token ID | revoke ID --reason TEXT | unrevoke ID]",
    .says = "the services that may call: list, make a token, take back",
    .help =
        "Which services are trusted, their scopes and secrets stand in SERVICES_FILE; this says\n"
        "what came of it. `token` prints an X-Service-Token of five minutes as that service\n"
        "would make it. `revoke` takes a service's id, or the SHA-256 of one token in hex; every\n"
        "node refuses it within a second, also after a restart.\n\n"
        "  tickettoken service\n"
        "  curl -H \"x-service-token: $(tickettoken service token ticket-service)\" ...\n"
        "  tickettoken service revoke ticket-service --reason \"stolen laptop\"\n"
        "  tickettoken service unrevoke ticket-service",
    .options = options, .option_count = countof(options), .words_most = 2,
    .verbs = &(const Verbs){ verbs, countof(verbs), ENGINES_PEOPLE },
};
