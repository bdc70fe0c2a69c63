/* webhook_endpoint.c - a removed endpoint keeps its row, without secrets, because its
 * deliveries stand under it until they are old. A new one begins after the newest
 * tiding. */
#include "gateway/webhook_endpoint.h"
#include "base/log.h"
#include "base/rand.h"
#include "identity/note.h"
#include "proof/base64.h"
#include "proof/seal.h"

static const Names endpoint_status_names = {
    (const char *const[]){ "ACTIVE", "PAUSED", "FAILED" }, 3 };

const Shape endpoint_shape = SHAPE(WebhookEndpoint,
    ID(WebhookEndpoint, id, 0, "the endpoint"),
    TEXT(WebhookEndpoint, url, 1, ENDPOINT_URL_MOST, 0, "where to"),
    RAW(WebhookEndpoint, eventTypes, 0, "which types: order.paid, ticket.*, or *"),
    TEXT(WebhookEndpoint, description, 0, 200, 0, "for people"),
    NAME(WebhookEndpoint, status, &endpoint_status_names, 0,
         "FAILED: given up after days"),
    NUMBER(WebhookEndpoint, told, 0, INT64_MAX, 0, 0, "number of its last delivery"),
    NUMBER(WebhookEndpoint, sent, 0, INT64_MAX, 0, 0, "number of the last that arrived"),
    NUMBER(WebhookEndpoint, tries, 0, INT64_MAX, 0, 0, "that failed since"),
    TIME(WebhookEndpoint, tryAt, OPTIONAL, "not before"),
    TIME(WebhookEndpoint, failingSince, OPTIONAL, "when it began to fail"),
    TIME(WebhookEndpoint, oldSecretUntil, OPTIONAL,
         "how long the secret before signs too"),
    TEXT(WebhookEndpoint, lastError, 0, 300, OPTIONAL, "why it failed"),
    TIME(WebhookEndpoint, createdAt, 0, "when it was made"),
    TIME(WebhookEndpoint, updatedAt, 0, "when it was last changed"));

static struct { Sealer sealer; EndpointReach reach; } own;

void endpoint_setup(const Secret *master, EndpointReach reach)
{
    own.sealer = sealer_of(master, S("webhook secret"));
    own.reach = reach;
}

EndpointReach endpoint_reach(void) { return own.reach; }

/* ---- statements -------------------------------------------------------------------- */

#define COLUMNS "id, url, types, description, status, told, sent, tries," \
                " CASE WHEN try_at > created_at THEN try_at END, failing_since," \
                " old_until, last_error, created_at, updated_at"

SQL(endpoint_count,
    "SELECT count(*) FROM webhook_endpoint WHERE tenant = $1 AND id > $2"
    " AND status <> 'DELETED'");
SQL_ALL(endpoint_newest, "SELECT max(id) FROM outbox");
SQL(endpoint_new,
    "INSERT INTO webhook_endpoint (tenant, id, url, types, description, secret, cursor,"
    " created_by, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8,"
    " $9, $9)");
SQL(endpoint_page,
    "SELECT " COLUMNS " FROM webhook_endpoint WHERE tenant = $1 AND id > $2"
    " AND status <> 'DELETED' ORDER BY id LIMIT 100");
SQL(endpoint_one,
    "SELECT " COLUMNS " FROM webhook_endpoint WHERE tenant = $1 AND id = $2"
    " AND status <> 'DELETED'");
SQL(endpoint_delete,
    "UPDATE webhook_endpoint SET status = 'DELETED', secret = NULL, old_secret = NULL,"
    " old_until = NULL, updated_at = $3 WHERE tenant = $1 AND id = $2"
    " AND status <> 'DELETED'");
SQL(endpoint_renew,
    "UPDATE webhook_endpoint SET old_secret = secret, old_until = $4, secret = $3,"
    " updated_at = $5 WHERE tenant = $1 AND id = $2 AND status <> 'DELETED'");
SQL(endpoint_edit,
    "UPDATE webhook_endpoint SET url = $3, types = $4, description = $5, updated_at = $6"
    " WHERE tenant = $1 AND id = $2 AND status <> 'DELETED'");
SQL(endpoint_pause,
    "UPDATE webhook_endpoint SET status = 'PAUSED' WHERE tenant = $1 AND id = $2"
    " AND status <> 'DELETED'");
SQL(endpoint_resume,
    "UPDATE webhook_endpoint SET status = 'ACTIVE', tries = 0, try_at = created_at,"
    " failing_since = NULL, last_error = NULL"
    " WHERE tenant = $1 AND id = $2 AND status <> 'DELETED'");
SQL(endpoint_rewind,
    "UPDATE webhook_endpoint SET sent = $3, try_at = created_at"
    " WHERE tenant = $1 AND id = $2 AND status <> 'DELETED' AND sent >= $3");
SQL(endpoint_sealed,
    "SELECT secret, CASE WHEN old_until > $3 THEN old_secret END FROM webhook_endpoint"
    " WHERE tenant = $1 AND id = $2 AND status <> 'DELETED'");

static Val first_id(void)
{
    static const u8 zeros[16];
    return val_blob((Str){ (const char *)zeros, sizeof zeros });
}

typedef struct Work {
    EndpointId id;
    Str url, types, description, sealed;
    const EndpointChange *change;
    i64 from;
    WebhookEndpoint out;
    WebhookEndpoint *rows;
    isize count;
} Work;

static bool note(Ctx *cx, AuditAction what, EndpointId id)
{
    return note_write(cx, what, (UserId){ 0 }, uuid_str(cx->mem, id.v));
}

static bool get(Ctx *cx, void *arg)
{
    Work *w = arg;
    return sql_get(cx, &endpoint_one, &endpoint_shape, &w->out, V(w->id.v));
}

/* ---- secrets ----------------------------------------------------------------------- */

static Str place_of(Ctx *cx, EndpointId id)
{
    return str_fmt(cx->mem, "webhook/%.*s/%.*s",
                   STR_ARGS(uuid_str(cx->mem, cx->tenant.v)),
                   STR_ARGS(uuid_str(cx->mem, id.v)));
}

static Str new_secret(Ctx *cx, EndpointId id, Str *sealed)
{
    u8 key[ENDPOINT_SECRET_BYTES];

    rand_bytes(key, sizeof key);
    Str bytes = { (const char *)key, sizeof key };
    *sealed = seal(cx->mem, &own.sealer, place_of(cx, id), bytes);
    Str text = base64_padded(cx->mem, key, sizeof key);
    Str shown = str_fmt(cx->mem, "whsec_%.*s", STR_ARGS(text));
    wipe(key, sizeof key);
    return shown;
}

static const Shape secrets_row = SHAPE(EndpointSecrets,
    TEXT(EndpointSecrets, now, 0, 200, 0, ""),
    TEXT(EndpointSecrets, before, 0, 200, OPTIONAL, ""));

bool endpoint_secrets(Ctx *cx, EndpointId id, EndpointSecrets *out)
{
    EndpointSecrets sealed;
    Str place = place_of(cx, id);

    if (!sql_get(cx, &endpoint_sealed, &secrets_row, &sealed, V(id.v), V(cx->now)))
        return false;
    *out = (EndpointSecrets){ 0 };
    if (!unseal(cx->mem, &own.sealer, place, sealed.now, &out->now)) {
        log_error("a webhook secret does not open: INTERNAL_SERVICE_SECRET is "
                  "another one",
                  L("endpoint", uuid_str(cx->mem, id.v)));
        out->now = (Str){ 0 };
    }
    if (sealed.before.at != NULL &&
        !unseal(cx->mem, &own.sealer, place, sealed.before, &out->before))
        out->before = (Str){ 0 };
    return true;
}

/* ---- verbs ------------------------------------------------------------------------- */

static bool add(Ctx *cx, void *arg)
{
    Work *w = arg;
    i64 n, newest;

    if (!sql_int(cx, &endpoint_count, &n, first_id()))
        return false;
    if (n >= WEBHOOK_ENDPOINTS_MOST)
        return fail(cx, INVALID_STATE, "%jd endpoints already", (intmax_t)n);
    return sql_int(cx, &endpoint_newest, &newest) &&
           sql_run(cx, &endpoint_new, NULL, V(w->id.v), V(w->url), V(w->types),
                   V(w->description), V(val_blob(w->sealed)), V(newest),
                   V(cx->who.user.v), V(cx->now)) &&
           get(cx, w) && note(cx, AUDIT_WEBHOOK_ADDED, w->id);
}

bool endpoint_add(Ctx *cx, Str url, Str types, Str description, WebhookEndpoint *out,
                  Str *secret)
{
    Work w = { .id = { uuid_new(cx->now) }, .url = url, .types = types,
               .description = description };

    Str shown = new_secret(cx, w.id, &w.sealed);
    if (!write_tx(cx, lane_of(cx->tenant.v), add, &w))
        return false;
    *out = w.out;
    *secret = shown;
    return true;
}

static bool list(Ctx *cx, void *arg)
{
    Work *w = arg;
    return sql_rows(cx, &endpoint_page, &endpoint_shape, &w->rows, &w->count, first_id());
}

bool endpoint_list(Ctx *cx, WebhookEndpoint **rows, isize *count)
{
    Work w = { 0 };

    if (!read_tx(cx, list, &w))
        return false;
    *rows = w.rows;
    *count = w.count;
    return true;
}

bool endpoint_get(Ctx *cx, EndpointId id, WebhookEndpoint *out)
{
    Work w = { .id = id };

    if (!read_tx(cx, get, &w))
        return false;
    *out = w.out;
    return true;
}

/* Runs in the endpoint's own lane and gives what became of it. */
static bool write_and_give(Ctx *cx, TxFn *fn, Work *w, WebhookEndpoint *out)
{
    if (!write_tx(cx, lane_of(w->id.v), fn, w))
        return false;
    *out = w->out;
    return true;
}

static bool remove_it(Ctx *cx, void *arg)
{
    Work *w = arg;
    return get(cx, w) && sql_run(cx, &endpoint_delete, NULL, V(w->id.v), V(cx->now)) &&
           note(cx, AUDIT_WEBHOOK_REMOVED, w->id);
}

bool endpoint_remove(Ctx *cx, EndpointId id)
{
    return write_tx(cx, lane_of(id.v), remove_it, &(Work){ .id = id });
}

static bool rotate(Ctx *cx, void *arg)
{
    Work *w = arg;
    return sql_run(cx, &endpoint_renew, NULL, V(w->id.v), V(val_blob(w->sealed)),
                   V(later(cx->now, ENDPOINT_OVERLAP)), V(cx->now)) &&
           get(cx, w) && note(cx, AUDIT_WEBHOOK_ROTATED, w->id);
}

bool endpoint_rotate(Ctx *cx, EndpointId id, WebhookEndpoint *out, Str *secret)
{
    Work w = { .id = id };
    Str shown = new_secret(cx, id, &w.sealed);

    if (!write_and_give(cx, rotate, &w, out))
        return false;
    *secret = shown;
    return true;
}

static bool change(Ctx *cx, void *arg)
{
    Work *w = arg;
    const EndpointChange *c = w->change;

    if (!get(cx, w))
        return false;
    Str url = c->url.at != NULL ? c->url : w->out.url;
    Str types = c->types.at != NULL ? c->types : w->out.eventTypes;
    Str description = c->description.at != NULL ? c->description : w->out.description;
    if (!sql_run(cx, &endpoint_edit, NULL, V(w->id.v), V(url), V(types), V(description),
                 V(cx->now)))
        return false;
    if (c->status >= 0 &&
        !sql_run(cx, c->status == ENDPOINT_ACTIVE ? &endpoint_resume : &endpoint_pause,
                 NULL, V(w->id.v)))
        return false;
    return get(cx, w) && note(cx, AUDIT_WEBHOOK_CHANGED, w->id);
}

bool endpoint_change(Ctx *cx, EndpointId id, const EndpointChange *in,
                     WebhookEndpoint *out)
{
    Work w = { .id = id, .change = in };
    return write_and_give(cx, change, &w, out);
}

static bool replay(Ctx *cx, void *arg)
{
    Work *w = arg;
    i64 changed;

    if (!get(cx, w) ||
        !sql_run(cx, &endpoint_rewind, &changed, V(w->id.v), V(w->from - 1)))
        return false;
    if (changed == 0)
        return fail_field(cx, S("from"), "must be at most %jd",
                          (intmax_t)w->out.sent + 1);
    return get(cx, w) && note(cx, AUDIT_WEBHOOK_REPLAYED, w->id);
}

bool endpoint_replay(Ctx *cx, EndpointId id, i64 from, WebhookEndpoint *out)
{
    Work w = { .id = id, .from = from };
    return write_and_give(cx, replay, &w, out);
}
