/* nats.c - the engine for many nodes: JetStream keeps what the relay publishes, each
 * node hears all of it once, and streams that come back are told from it.
 *
 * A start without NATS is refused after five attempts; a running server bears any
 * absence, because nothing that matters is only here. */
#include "bus/nats.h"
#include "base/log.h"
#include "base/rand.h"

enum { ATTEMPTS = 5 };
#define FIRST_WAIT seconds(2)

static bool try_once(Arena *mem, Str *why, bool *hopeless)
{
    JetFacts facts;
    Buf b = buf_in(mem, 128);

    if (link_now() == NULL && !link_open(mem, why, hopeless))
        return false;
    Link *l = link_now();
    if (l != NULL && jet_look(l, &facts, &b))
        return true;
    *why = b.len > 0 ? buf_str(&b) : S("the connection was lost");
    return false;
}

/* Two seconds times the attempt, and up to half of it more. */
static void wait_after(int attempt, Span first)
{
    i64 ms = (first.ms > 0 ? first.ms : FIRST_WAIT.ms) * attempt;

    wait_at_start((Span){ ms + rand_below((u32)(ms / 2 + 1)) });
}

static bool nats_open(Arena *mem, const BusConfig *config, Str *why)
{
    bool hopeless = false;

    if (!link_setup(mem, config->url, why))
        return false;
    jet_setup(config);
    publish_reset();
    for (int attempt = 1; attempt <= ATTEMPTS && !hopeless; attempt++) {
        if (attempt > 1)
            wait_after(attempt - 1, config->retry);
        if (try_once(mem, why, &hopeless)) {
            log_info("NATS is connected", L("where", link_where()));
            return true;
        }
        log_warn("NATS does not answer as it should", L("attempt", attempt),
                 L("why", *why));
    }
    link_close();
    return false;
}

static void nats_close(void)
{
    tail_stop();
    link_close();
}

static bool nats_check(Arena *mem, const BusConfig *config, Str *detail)
{
    JetFacts f;
    Buf b = buf_in(mem, 128);
    bool hopeless;

    if (!link_setup(mem, config->url, detail))
        return false;
    bool good = link_open(mem, detail, &hopeless);
    Link *l = good ? link_now() : NULL;
    if (l != NULL) {
        good = jet_look_only(l, &f, &b);
        if (good)
            buf_fmt(&b, "%.*s, %jd messages kept", STR_ARGS(link_where()),
                    (intmax_t)f.messages);
        *detail = buf_str(&b);
    }
    link_close();
    return good;
}

static BusState nats_state(void)
{
    return link_now() != NULL ? BUS_UP : BUS_AWAY;
}

#define NATS_ENGINE(scheme_) {                                                         \
    .scheme = (scheme_), .keeps = true, .open = nats_open, .close = nats_close,        \
    .check = nats_check, .last = publish_last, .publish = publish_all,                 \
    .begin = tail_begin, .replay = replay_wish, .state = nats_state,                          \
    .answers = link_answers, .nudge = link_nudge }

const BusEngine bus_nats = NATS_ENGINE("nats");
const BusEngine bus_nats_tls = NATS_ENGINE("tls");
