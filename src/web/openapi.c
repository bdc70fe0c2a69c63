/* openapi.c - one walk over the table for the paths, one over what they mentioned for
 * the schemas (schema.h). A shape that is read and written is one schema: what is only
 * read is writeOnly, and answers leave out what is absent. */
#include "web/openapi.h"
#include "access/guard.h"
#include "web/routes.h"
#include "web/schema.h"
#include <stdlib.h>
#include <string.h>

typedef struct Doc {
    Arena       *mem;
    Buf         *b;
    const Route *routes;
    isize        count;
    Schemas      schemas;
} Doc;

/* ---- operations ------------------------------------------------------------- */

/* "/api/v1/orders/:id" is "/api/v1/orders/{id}" there. */
static Str braced(Arena *mem, const char *path)
{
    Buf b = buf_in(mem, 64);
    Str left = str_of(path);

    str_cut(&left, '/');
    while (left.at != NULL) {
        Str s = str_cut(&left, '/');
        if (str_starts(s, S(":")))
            buf_fmt(&b, "/{%.*s}", STR_ARGS(str_sub(s, 1, s.len)));
        else
            buf_fmt(&b, "/%.*s", STR_ARGS(s));
    }
    return buf_str(&b);
}

/* get_api_v1_orders_id: unique because method and path are. */
static Str operation_id(Arena *mem, const Route *r)
{
    Buf b = buf_in(mem, 64);

    buf_add(&b, str_lower(mem, str_of(method_names.at[r->method])));
    for (const char *p = r->path; *p != '\0'; p++)
        if (*p != ':')
            buf_byte(&b, *p == '/' || *p == '-' || *p == '.' ? '_' : *p);
    return buf_str(&b);
}

static void next_of(Doc *d)
{
    buf_add(d->b, d->b->at[d->b->len - 1] == '[' ? S("") : S(","));
}

static void put_param(Doc *d, Str name)
{
    bool id = (str_is(name, S("id")) || str_ends(name, S("Id"))) &&
              !str_is(name, S("intentId"));

    next_of(d);
    json_open(d->b, NULL);
    json_put_text(d->b, "name", name);
    json_put_text(d->b, "in", S("path"));
    json_put_raw(d->b, "required", S("true"));
    json_put_raw(d->b, "schema", id ? S("{\"type\":\"string\",\"format\":\"uuid\"}")
                                   : S("{\"type\":\"string\"}"));
    json_shut(d->b);
}

static void put_query_param(Doc *d, const Field *f)
{
    next_of(d);
    json_open(d->b, NULL);
    json_put_text(d->b, "name", str_of(f->name));
    json_put_text(d->b, "in", S("query"));
    json_put_text(d->b, "description", str_of(f->says));
    json_open(d->b, "schema");
    schema_put_kind(&d->schemas, f);
    json_shut(d->b);
    json_shut(d->b);
}

static bool has_query(const Route *r) { return r->method == M_GET && r->in != NULL; }

static void put_parameters(Doc *d, const Route *r)
{
    static const struct { unsigned is; const char *name; } shared[] = {
        { ONCE, "IdempotencyKey" }, { ONCE_MAY, "IdempotencyKeyMay" },
        { STREAM, "LastEventId" }, { PAGED, "Limit" }, { PAGED, "Cursor" } };
    Str left = str_of(r->path);

    json_put_name(d->b, "parameters");
    buf_byte(d->b, '[');
    while (left.at != NULL) {
        Str s = str_cut(&left, '/');
        if (str_starts(s, S(":")))
            put_param(d, str_sub(s, 1, s.len));
    }
    for (isize i = 0; has_query(r) && i < r->in->count; i++)
        put_query_param(d, &r->in->fields[i]);
    for (isize i = 0; i < countof(shared); i++)
        if ((r->is & shared[i].is) != 0) {
            next_of(d);
            buf_fmt(d->b, "{\"$ref\":\"#/components/parameters/%s\"}", shared[i].name);
        }
    buf_byte(d->b, ']');
}

static void put_body(Doc *d, const Route *r)
{
    if (r->in == NULL || has_query(r))
        return;
    json_open(d->b, "requestBody");
    json_put_raw(d->b, "required", (r->is & MAY_LACK) != 0 ? S("false") : S("true"));
    json_open(d->b, "content");
    json_open(d->b, "application/json");
    json_put_name(d->b, "schema");
    schema_put_ref(&d->schemas, r->in);
    json_shut(d->b);
    json_shut(d->b);
    json_shut(d->b);
}

static void put_list_schema(Doc *d, const Shape *s)
{
    buf_lit(d->b,
            "{\"type\":\"object\",\"required\":[\"data\",\"pagination\"],\"properties\":{"
                  "\"data\":{\"type\":\"array\",\"items\":");
    schema_put_ref(&d->schemas, s);
    buf_lit(d->b, "},\"pagination\":{\"$ref\":\"#/components/schemas/Pagination\"}}}");
}

static void put_answer(Doc *d, const Route *r, int status, Str says)
{
    json_open(d->b, str_fmt(d->mem, "%d", status).at);
    json_put_text(d->b, "description", says);
    if ((r->is & STREAM) != 0)
        json_put_raw(d->b, "content",
                     S("{\"text/event-stream\":{\"schema\":{\"type\":\"string\"}}}"));
    else if (r->out != NULL) {
        json_open(d->b, "content");
        json_open(d->b, "application/json");
        json_put_name(d->b, "schema");
        if ((r->is & LISTED) != 0)
            put_list_schema(d, r->out);
        else
            schema_put_ref(&d->schemas, r->out);
        json_shut(d->b);
        json_shut(d->b);
    }
    json_shut(d->b);
}

static void put_security(Doc *d, const Route *r)
{
    static const char *const wants[ACCESSES] = {
        [OPEN] = "", [SIGNED_IN] = "{\"bearer\":[]}", [ORGANISER] = "{\"bearer\":[]}",
        [ADMINS] = "{\"bearer\":[]}", [SIGNED] = "{\"signature\":[]}",
        [OPERATORS] = "{\"bearer\":[]}", [SUPERS] = "{\"bearer\":[]}", [MACHINES] = "",
        [SERVICES] = "", [TELLERS] = "{\"bearer\":[]}" };
    const char *person = (r->is & STREAM) != 0 ? "{\"bearer\":[]},{\"streamToken\":[]}"
                                               : wants[access_of(r->access)];
    Access a = access_of(r->access);
    bool keys = a < OPERATORS || a == MACHINES || a == TELLERS;
    const char *machine = scope_of(r->access) == 0 ? ""
                        : keys ? "{\"service\":[]},{\"apiKey\":[]}"
                        : "{\"service\":[]}";

    json_put_raw(d->b, "security",
                 str_fmt(d->mem, "[%s%s%s]", person,
                         person[0] != '\0' && machine[0] != '\0' ? "," : "", machine));
}

static Str who_may(Doc *d, const Route *r)
{
    Str who = route_access_str(r), scope = route_scope_str(d->mem, r);
    bool only = access_of(r->access) == MACHINES || access_of(r->access) == SERVICES;

    if ((r->is & STREAM) != 0)
        return S("Who may: signed in, by bearer or by ?token= of POST /events/token. It begins"
                 " with `connected`; `gap` says that what was missed can't be told any more,"
                 " `reconnect` that it is time to come again, `closed` why not to.");
    if (scope.len == 0)
        return str_fmt(d->mem, "Who may: %.*s.", STR_ARGS(who));
    return str_fmt(d->mem, "Who may: %.*s%s with `%.*s`.", STR_ARGS(who),
                   only ? "" : ", or a machine", STR_ARGS(scope));
}

static void put_operation(Doc *d, const Route *r)
{
    json_open(d->b, str_lower(d->mem, str_of(method_names.at[r->method])).at);
    json_put_name(d->b, "tags");
    buf_byte(d->b, '[');
    json_put_str(d->b, str_of(r->tag));
    buf_byte(d->b, ']');
    json_put_text(d->b, "operationId", operation_id(d->mem, r));
    json_put_text(d->b, "summary", str_of(r->says));
    json_put_text(d->b, "description", who_may(d, r));
    put_security(d, r);
    put_parameters(d, r);
    put_body(d, r);
    json_open(d->b, "responses");
    put_answer(d, r, r->status, S("Success."));
    if ((r->is & OR_503) != 0)
        put_answer(d, r, 503, S("Not now."));
    json_put_raw(d->b, "4XX", S("{\"$ref\":\"#/components/responses/Problem\"}"));
    json_put_raw(d->b, "5XX", S("{\"$ref\":\"#/components/responses/Problem\"}"));
    json_shut(d->b);
    json_shut(d->b);
}

static bool listed(const Route *r) { return (r->is & (PAGE | FORWARDS)) == 0; }

static bool seen_before(const Doc *d, isize i)
{
    for (isize k = 0; k < i; k++)
        if (listed(&d->routes[k]) && strcmp(d->routes[k].path, d->routes[i].path) == 0)
            return true;
    return false;
}

static void put_paths(Doc *d)
{
    json_open(d->b, "paths");
    for (isize i = 0; i < d->count; i++) {
        if (!listed(&d->routes[i]) || seen_before(d, i))
            continue;
        json_open(d->b, str_z(d->mem, braced(d->mem, d->routes[i].path)));
        for (isize k = i; k < d->count; k++)
            if (listed(&d->routes[k]) &&
                strcmp(d->routes[k].path, d->routes[i].path) == 0)
                put_operation(d, &d->routes[k]);
        json_shut(d->b);
    }
    json_shut(d->b);
}

/* ---- the frame -------------------------------------------------------------- */

static const struct { const char *name, *says; } tags[] = {
    { "people",     "An account, its email, its password, and where it is signed in." },
    { "trust",      "What admins do: roles, tenants, services, API keys, signing keys." },
    { "audit",      "The record of what was done to accounts." },
    { "internal",   "What other services ask about people." },
    { "factors",    "Codes of an app, passkeys, wallets, keys of a device." },
    { "venues",     "Places, and who works there." },
    { "events",     "What takes place there, its states, and what its page shows." },
    { "tickets",
      "Kinds of tickets, holds, tickets, transfers, and the code for the gate." },
    { "orders",     "What was bought, and paying for it." },
    { "webhooks",   "What the payment provider says, and what integrators are sent." },
    { "door",       "Scanning, with a network and without." },
    { "stream",     "What happens, as it happens: server-sent events." },
    { "operations", "Health, metrics, this document." },
    { "publishing",
      "What other services tell people's streams, and what could not be told." },
};

static Str tag_says(const char *name)
{
    for (isize i = 0; i < countof(tags); i++)
        if (strcmp(tags[i].name, name) == 0)
            return str_of(tags[i].says);
    must(!"a tag of the table");
    return S("");
}

static void put_tags(Doc *d)
{
    json_put_name(d->b, "tags");
    buf_byte(d->b, '[');
    for (isize i = 0; i < d->count; i++) {
        bool seen = !listed(&d->routes[i]);
        for (isize k = 0; k < i && !seen; k++)
            seen = listed(&d->routes[k]) &&
                   strcmp(d->routes[k].tag, d->routes[i].tag) == 0;
        if (seen)
            continue;
        buf_add(d->b, d->b->at[d->b->len - 1] == '[' ? S("{") : S(",{"));
        json_put_text(d->b, "name", str_of(d->routes[i].tag));
        json_put_text(d->b, "description", tag_says(d->routes[i].tag));
        json_shut(d->b);
    }
    buf_byte(d->b, ']');
}

static void put_problem_schema(Doc *d)
{
    json_put_raw(d->b, "Problem",
        S("{\"type\":\"object\",\"description\":\"RFC 9457 problem details. Programs "
          "look at"
        " `code`; `errorId` comes with 5xx and finds the line in the server's log;"
        " `retryAfter` comes with 429, in seconds.\","
        "\"required\":[\"type\",\"title\",\"status\",\"code\"],\"properties\":{"
        "\"type\":{\"type\":\"string\",\"format\":\"uri-reference\"},"
        "\"title\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},"
        "\"code\":{\"type\":\"string\",\"enum\":["));
    for (int c = OK + 1; c < FAULT_COUNT; c++)
        buf_fmt(d->b, "%s\"%s\"", c > 1 ? "," : "", fault_facts((FaultCode)c)->code);
    buf_lit(d->b,
            "]},\"detail\":{\"type\":\"string\"},\"instance\":{\"type\":\"string\"},"
        "\"errorId\":{\"type\":\"string\"},\"retryAfter\":{\"type\":\"integer\"},"
        "\"errors\":{\"type\":\"array\",\"items\":{"
        "\"type\":\"object\",\"required\":[\"field\",\"message\"],\"properties\":{"
        "\"field\":{\"type\":\"string\"},\"message\":{\"type\":\"string\"}}}}}}");
}

static const char shared_parts[] =
    "\"responses\":{\"Problem\":{\"description\":\"What went wrong, as RFC 9457 says "
    "it.\",\"content\":{\"application/problem+json\":{\"schema\":"
    "{\"$ref\":\"#/components/schemas/Problem\"}}}}},"
    "\"parameters\":{"
    "\"IdempotencyKey\":{\"name\":\"Idempotency-Key\",\"in\":\"header\","
    "\"required\":true,"
    "\"description\":\"A retried request with the same key gets the first one's answer"
    " for 24 hours.\","
    "\"schema\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":255}},"
    "\"IdempotencyKeyMay\":{\"name\":\"Idempotency-Key\",\"in\":\"header\","
    "\"description\":\"May be given; a retried request then gets the first one's "
    "answer.\",\"schema\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":255}},"
    "\"LastEventId\":{\"name\":\"Last-Event-ID\",\"in\":\"header\","
    "\"description\":\"The id of the last event that was seen; those after it follow.\","
    "\"schema\":{\"type\":\"string\"}},"
    "\"Limit\":{\"name\":\"limit\",\"in\":\"query\","
    "\"description\":\"Entries on a page.\","
    "\"schema\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"default\":20}},"
    "\"Cursor\":{\"name\":\"cursor\",\"in\":\"query\",\"description\":\"nextCursor of "
    "the page before.\",\"schema\":{\"type\":\"string\"}}},"
    "\"securitySchemes\":{"
    "\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\",\"bearerFormat\":\"JWT\","
    "\"description\":\"The accessToken of a sign-in.\"},"
    "\"streamToken\":{\"type\":\"apiKey\",\"in\":\"query\",\"name\":\"token\","
    "\"description\":\"The token of POST /events/token: one stream, once.\"},"
    "\"service\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-Service-Token\","
    "\"description\":\"A service's signed token of five minutes, with X-Tenant-Id.\"},"
    "\"apiKey\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-API-Key\","
    "\"description\":\"A key of one tenant, made at /auth/admin/api-keys.\"},"
    "\"signature\":{\"type\":\"apiKey\",\"in\":\"header\","
    "\"name\":\"x-internal-signature\","
    "\"description\":\"Hex HMAC-SHA256 of `timestamp:nonce:body`, the body as JSON with "
    "sorted members and no spaces; with x-webhook-timestamp and x-webhook-nonce.\"}}";

static void put_components(Doc *d)
{
    json_open(d->b, "components");
    json_open(d->b, "schemas");
    put_problem_schema(d);
    json_put_raw(d->b, "Pagination", S("{\"type\":\"object\",\"required\":[\"limit\"],"
        "\"properties\":{\"limit\":{\"type\":\"integer\"},\"nextCursor\":{"
        "\"type\":[\"string\",\"null\"],"
        "\"description\":\"Ask for the next page with it; absent at the end.\"}}}"));
    schemas_put(&d->schemas);
    json_shut(d->b);
    buf_byte(d->b, ',');
    buf_add(d->b, S(shared_parts));
    json_shut(d->b);
}

void openapi_write(Arena *mem, Buf *b, const Route *routes, isize count, Str server)
{
    Doc *d = make(mem, Doc, 1);

    *d = (Doc){ .mem = mem, .b = b, .routes = routes, .count = count,
                .schemas = { mem, b } };
    json_open(d->b, NULL);
    json_put_text(d->b, "openapi", S("3.1.0"));
    json_open(d->b, "info");
    json_put_text(d->b, "title", S("TicketToken"));
    json_put_text(d->b, "version", S(VERSION));
    json_put_text(d->b, "description",
                  S("Runs an event business end to end: accounts, events, tickets, "
         "orders, the door and a live stream. Errors are RFC 9457 problem details."));
    json_put_raw(d->b, "license",
                 S("{\"name\":\"Apache-2.0\",\"identifier\":\"Apache-2.0\"}"));
    json_shut(d->b);
    json_put_name(b, "servers");
    buf_lit(b, "[{\"url\":");
    json_put_str(b, server);
    buf_lit(b, "}]");
    put_tags(d);
    put_paths(d);
    put_components(d);
    json_shut(d->b);
}

bool openapi_show(Ctx *cx, Req *rq)
{
    Buf b = buf_in(cx->mem, 64 << 10);
    isize n;
    const Route *table = routes_table(cx->mem, false, &n);

    openapi_write(cx->mem, &b, table, n, S("/"));
    reply_header(cx, rq, S("Cache-Control"), S("public, max-age=300"));
    return reply_json(rq, 200, buf_str(&b));
}
