/* openapi.c - one walk over the table for the paths, one over what they mentioned for
 * the schemas. A shape that is read and written is one schema: what is only read is
 * writeOnly, and answers leave out what is absent. */
#include "web/openapi.h"
#include "access/guard.h"
#include "web/routes.h"
#include <stdlib.h>
#include <string.h>

enum { SHAPES_MOST = 200 };

typedef struct Doc {
    Arena       *mem;
    Buf         *b;
    const Route *routes;
    isize        count;
    const Shape *shapes[SHAPES_MOST];
    isize        shape_count;
} Doc;

/* ---- small pieces of JSON --------------------------------------------------- */

static void open_object(Doc *d, const char *name)
{
    if (name != NULL)
        json_put_name(d->b, name);
    buf_byte(d->b, '{');
}

static void shut(Doc *d) { buf_byte(d->b, '}'); }

static void text(Doc *d, const char *name, Str value)
{
    json_put_name(d->b, name);
    json_put_str(d->b, value);
}

static void number(Doc *d, const char *name, i64 v)
{
    json_put_name(d->b, name);
    buf_int(d->b, v);
}

static void raw(Doc *d, const char *name, const char *json)
{
    json_put_name(d->b, name);
    buf_add(d->b, str_of(json));
}

/* ---- schemas ---------------------------------------------------------------- */

/* Two rooms may call their shapes alike: the second is Name2. */
static Str schema_name(const Doc *d, const Shape *s)
{
    int same = 0;

    for (isize i = 0; i < d->shape_count; i++) {
        same += strcmp(d->shapes[i]->name, s->name) == 0;
        if (d->shapes[i] == s)
            break;
    }
    return same > 1 ? str_fmt(d->mem, "%s%d", s->name, same) : str_of(s->name);
}

static void mention(Doc *d, const Shape *s)
{
    for (isize i = 0; i < d->shape_count; i++)
        if (d->shapes[i] == s)
            return;
    must(d->shape_count < SHAPES_MOST);
    d->shapes[d->shape_count++] = s;
    for (isize i = 0; i < s->count; i++)
        if (s->fields[i].of != NULL)
            mention(d, s->fields[i].of);
}

static void put_ref(Doc *d, const Shape *s)
{
    mention(d, s);
    buf_fmt(d->b, "{\"$ref\":\"#/components/schemas/%.*s\"}", STR_ARGS(schema_name(d, s)));
}

static void put_names(Doc *d, const Names *names)
{
    json_put_name(d->b, "enum");
    buf_byte(d->b, '[');
    for (isize i = 0; i < names->count; i++) {
        if (i > 0)
            buf_byte(d->b, ',');
        json_put_str(d->b, names_str(names, (int)i));
    }
    buf_byte(d->b, ']');
}

static void put_text_kind(Doc *d, const Field *f)
{
    raw(d, "type", "\"string\"");
    if (f->least > 0)
        number(d, "minLength", f->least);
    if (f->most > 0)
        number(d, "maxLength", f->most);
    if ((f->is & EMAIL) != 0)
        raw(d, "format", "\"email\",\"examples\":[\"ada@example.com\"]");
    if ((f->is & WRITEONLY) != 0)
        raw(d, "writeOnly", "true");
}

static void put_list_kind(Doc *d, const Field *f)
{
    raw(d, "type", "\"array\"");
    if (f->least > 0)
        number(d, "minItems", f->least);
    if (f->most > 0)
        number(d, "maxItems", f->most);
    json_put_name(d->b, "items");
    put_ref(d, f->of);
}

static void put_number_kind(Doc *d, const Field *f)
{
    raw(d, "type", "\"integer\"");
    raw(d, "format", "\"int64\"");
    if (f->least != 0 || f->most != 0) {
        number(d, "minimum", f->least);
        number(d, "maximum", f->most);
    }
    if ((f->is & OPTIONAL) != 0 && f->otherwise != 0)
        number(d, "default", f->otherwise);
}

static void put_kind(Doc *d, const Field *f)
{
    switch (f->kind) {
    case K_STR:  put_text_kind(d, f); break;
    case K_INT:  put_number_kind(d, f); break;
    case K_LIST: put_list_kind(d, f); break;
    case K_BOOL:
    case K_MAYBE: raw(d, "type", "\"boolean\""); break;
    case K_ID:
        raw(d, "type", "\"string\"");
        raw(d, "format", "\"uuid\",\"examples\":[\"019ab2c4-5d6e-7f80-9123-456789abcdef\"]");
        break;
    case K_TIME:
        raw(d, "type", "\"string\"");
        raw(d, "format", "\"date-time\",\"examples\":[\"2026-11-22T19:30:00.000Z\"]");
        break;
    case K_NAME:
        raw(d, "type", "\"string\"");
        put_names(d, f->names);
        break;
    case K_OBJECT:
        mention(d, f->of);
        text(d, "$ref", str_fmt(d->mem, "#/components/schemas/%.*s",
                                STR_ARGS(schema_name(d, f->of))));
        break;
    case K_RAW: break;                            /* any JSON                 */
    }
}

static void put_field(Doc *d, const Field *f)
{
    open_object(d, f->name);
    if (f->says != NULL && f->says[0] != '\0')
        text(d, "description", str_of(f->says));
    put_kind(d, f);
    shut(d);
}

static void put_required(Doc *d, const Shape *s)
{
    Buf names = buf_in(d->mem, 128);

    for (isize i = 0; i < s->count; i++)
        if ((s->fields[i].is & (OPTIONAL | UNLISTED)) == 0)
            buf_fmt(&names, "%s\"%s\"", names.len > 0 ? "," : "", s->fields[i].name);
    if (names.len > 0)
        raw(d, "required", str_fmt(d->mem, "[%.*s]", STR_ARGS(buf_str(&names))).at);
}

static void put_schema(Doc *d, const Shape *s)
{
    open_object(d, str_z(d->mem, schema_name(d, s)));
    raw(d, "type", "\"object\"");
    put_required(d, s);
    open_object(d, "properties");
    for (isize i = 0; i < s->count; i++)
        if ((s->fields[i].is & UNLISTED) == 0)
            put_field(d, &s->fields[i]);
    shut(d);
    shut(d);
}

static void put_problem_schema(Doc *d)
{
    raw(d, "Problem",
        "{\"type\":\"object\",\"description\":\"RFC 9457 problem details. Programs look at"
        " `code`; `errorId` comes with 5xx and finds the line in the server's log.\","
        "\"required\":[\"type\",\"title\",\"status\",\"code\"],\"properties\":{"
        "\"type\":{\"type\":\"string\",\"format\":\"uri-reference\"},"
        "\"title\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},"
        "\"code\":{\"type\":\"string\",\"enum\":[");
    for (int c = OK + 1; c < FAULT_COUNT; c++)
        buf_fmt(d->b, "%s\"%s\"", c > 1 ? "," : "", fault_facts((FaultCode)c)->code);
    buf_lit(d->b, "]},\"detail\":{\"type\":\"string\"},\"instance\":{\"type\":\"string\"},"
        "\"errorId\":{\"type\":\"string\"},\"errors\":{\"type\":\"array\",\"items\":{"
        "\"type\":\"object\",\"required\":[\"field\",\"message\"],\"properties\":{"
        "\"field\":{\"type\":\"string\"},\"message\":{\"type\":\"string\"}}}}}}");
}

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

static void next_of(Doc *d) { buf_add(d->b, d->b->at[d->b->len - 1] == '[' ? S("") : S(",")); }

static void put_param(Doc *d, Str name)
{
    bool id = (str_is(name, S("id")) || str_ends(name, S("Id"))) && !str_is(name, S("intentId"));

    next_of(d);
    open_object(d, NULL);
    text(d, "name", name);
    raw(d, "in", "\"path\"");
    raw(d, "required", "true");
    raw(d, "schema", id ? "{\"type\":\"string\",\"format\":\"uuid\"}" : "{\"type\":\"string\"}");
    shut(d);
}

static void put_query_param(Doc *d, const Field *f)
{
    next_of(d);
    open_object(d, NULL);
    text(d, "name", str_of(f->name));
    raw(d, "in", "\"query\"");
    text(d, "description", str_of(f->says));
    open_object(d, "schema");
    put_kind(d, f);
    shut(d);
    shut(d);
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
    open_object(d, "requestBody");
    raw(d, "required", "true");
    open_object(d, "content");
    open_object(d, "application/json");
    json_put_name(d->b, "schema");
    put_ref(d, r->in);
    shut(d);
    shut(d);
    shut(d);
}

static void put_list_schema(Doc *d, const Shape *s)
{
    buf_lit(d->b, "{\"type\":\"object\",\"required\":[\"data\",\"pagination\"],\"properties\":{"
                  "\"data\":{\"type\":\"array\",\"items\":");
    put_ref(d, s);
    buf_lit(d->b, "},\"pagination\":{\"$ref\":\"#/components/schemas/Pagination\"}}}");
}

static void put_answer(Doc *d, const Route *r, int status, Str says)
{
    open_object(d, str_fmt(d->mem, "%d", status).at);
    text(d, "description", says);
    if ((r->is & STREAM) != 0)
        raw(d, "content", "{\"text/event-stream\":{\"schema\":{\"type\":\"string\"}}}");
    else if (r->out != NULL) {
        open_object(d, "content");
        open_object(d, "application/json");
        json_put_name(d->b, "schema");
        if ((r->is & LISTED) != 0)
            put_list_schema(d, r->out);
        else
            put_ref(d, r->out);
        shut(d);
        shut(d);
    }
    shut(d);
}

static void put_security(Doc *d, const Route *r)
{
    static const char *const wants[ACCESSES] = {
        [OPEN] = "", [SIGNED_IN] = "{\"bearer\":[]}", [ORGANISER] = "{\"bearer\":[]}",
        [ADMINS] = "{\"bearer\":[]}", [SIGNED] = "{\"signature\":[]}",
        [OPERATORS] = "{\"bearer\":[]}", [SUPERS] = "{\"bearer\":[]}", [MACHINES] = "",
        [SERVICES] = "", [TELLERS] = "{\"bearer\":[]}" };
    const char *person = wants[access_of(r->access)];
    Access a = access_of(r->access);
    bool keys = a < OPERATORS || a == MACHINES || a == TELLERS;
    const char *machine = scope_of(r->access) == 0 ? ""
                        : keys ? "{\"service\":[]},{\"apiKey\":[]}"
                        : "{\"service\":[]}";

    raw(d, "security", str_fmt(d->mem, "[%s%s%s]", person,
                               person[0] != '\0' && machine[0] != '\0' ? "," : "", machine).at);
}

static Str who_may(Doc *d, const Route *r)
{
    Str who = route_access_str(r), scope = route_scope_str(d->mem, r);
    bool only = access_of(r->access) == MACHINES || access_of(r->access) == SERVICES;

    if (scope.len == 0)
        return str_fmt(d->mem, "Who may: %.*s.", STR_ARGS(who));
    return str_fmt(d->mem, "Who may: %.*s%s with `%.*s`.", STR_ARGS(who),
                   only ? "" : ", or a machine", STR_ARGS(scope));
}

static void put_operation(Doc *d, const Route *r)
{
    open_object(d, str_lower(d->mem, str_of(method_names.at[r->method])).at);
    json_put_name(d->b, "tags");
    buf_byte(d->b, '[');
    json_put_str(d->b, str_of(r->tag));
    buf_byte(d->b, ']');
    text(d, "operationId", operation_id(d->mem, r));
    text(d, "summary", str_of(r->says));
    text(d, "description", who_may(d, r));
    put_security(d, r);
    put_parameters(d, r);
    put_body(d, r);
    open_object(d, "responses");
    put_answer(d, r, r->status, S("Success."));
    if ((r->is & OR_503) != 0)
        put_answer(d, r, 503, S("Not now."));
    raw(d, "4XX", "{\"$ref\":\"#/components/responses/Problem\"}");
    raw(d, "5XX", "{\"$ref\":\"#/components/responses/Problem\"}");
    shut(d);
    shut(d);
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
    open_object(d, "paths");
    for (isize i = 0; i < d->count; i++) {
        if (!listed(&d->routes[i]) || seen_before(d, i))
            continue;
        open_object(d, str_z(d->mem, braced(d->mem, d->routes[i].path)));
        for (isize k = i; k < d->count; k++)
            if (listed(&d->routes[k]) && strcmp(d->routes[k].path, d->routes[i].path) == 0)
                put_operation(d, &d->routes[k]);
        shut(d);
    }
    shut(d);
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
    { "tickets",    "Kinds of tickets, holds, tickets, transfers, and the code for the gate." },
    { "orders",     "What was bought, and paying for it." },
    { "webhooks",   "What the payment provider says, and what integrators are sent." },
    { "door",       "Scanning, with a network and without." },
    { "stream",     "What happens, as it happens: server-sent events." },
    { "operations", "Health, metrics, this document." },
    { "publishing", "What other services tell people's streams, and what could not be told." },
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
            seen = listed(&d->routes[k]) && strcmp(d->routes[k].tag, d->routes[i].tag) == 0;
        if (seen)
            continue;
        buf_add(d->b, d->b->at[d->b->len - 1] == '[' ? S("{") : S(",{"));
        text(d, "name", str_of(d->routes[i].tag));
        text(d, "description", tag_says(d->routes[i].tag));
        shut(d);
    }
    buf_byte(d->b, ']');
}

static const char shared_parts[] =
    "\"responses\":{\"Problem\":{\"description\":\"What went wrong, as RFC 9457 says it.\","
    "\"content\":{\"application/problem+json\":{\"schema\":"
    "{\"$ref\":\"#/components/schemas/Problem\"}}}}},"
    "\"parameters\":{"
    "\"IdempotencyKey\":{\"name\":\"Idempotency-Key\",\"in\":\"header\",\"required\":true,"
    "\"description\":\"A retried request with the same key gets the first one's answer for"
    " 24 hours.\",\"schema\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":255}},"
    "\"IdempotencyKeyMay\":{\"name\":\"Idempotency-Key\",\"in\":\"header\","
    "\"description\":\"May be given; a retried request then gets the first one's answer.\","
    "\"schema\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":255}},"
    "\"LastEventId\":{\"name\":\"Last-Event-ID\",\"in\":\"header\",\"description\":\"The id of"
    " the last event that was seen; those after it follow.\",\"schema\":{\"type\":\"string\"}},"
    "\"Limit\":{\"name\":\"limit\",\"in\":\"query\",\"description\":\"Entries on a page.\","
    "\"schema\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"default\":20}},"
    "\"Cursor\":{\"name\":\"cursor\",\"in\":\"query\",\"description\":\"nextCursor of the page"
    " before.\",\"schema\":{\"type\":\"string\"}}},"
    "\"securitySchemes\":{"
    "\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\",\"bearerFormat\":\"JWT\","
    "\"description\":\"The accessToken of a sign-in.\"},"
    "\"service\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-Service-Token\","
    "\"description\":\"A service's signed token of five minutes, with X-Tenant-Id.\"},"
    "\"apiKey\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-API-Key\","
    "\"description\":\"A key of one tenant, made at /auth/admin/api-keys.\"},"
    "\"signature\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"x-internal-signature\","
    "\"description\":\"Hex HMAC-SHA256 of `timestamp:nonce:body`, the body as JSON with sorted"
    " members and no spaces; with x-webhook-timestamp and x-webhook-nonce.\"}}";

static void put_components(Doc *d)
{
    open_object(d, "components");
    open_object(d, "schemas");
    put_problem_schema(d);
    raw(d, "Pagination", "{\"type\":\"object\",\"required\":[\"limit\"],\"properties\":{"
        "\"limit\":{\"type\":\"integer\"},\"nextCursor\":{\"type\":[\"string\",\"null\"],"
        "\"description\":\"Ask for the next page with it; absent at the end.\"}}}");
    for (isize i = 0; i < d->shape_count; i++)
        put_schema(d, d->shapes[i]);
    shut(d);
    buf_byte(d->b, ',');
    buf_add(d->b, S(shared_parts));
    shut(d);
}

void openapi_write(Arena *mem, Buf *b, const Route *routes, isize count, Str server)
{
    Doc *d = make(mem, Doc, 1);

    *d = (Doc){ .mem = mem, .b = b, .routes = routes, .count = count };
    open_object(d, NULL);
    text(d, "openapi", S("3.1.0"));
    open_object(d, "info");
    text(d, "title", S("TicketToken"));
    text(d, "version", S(VERSION));
    text(d, "description", S("Runs an event business end to end: accounts, events, tickets, "
         "orders, the door and a live stream. Errors are RFC 9457 problem details."));
    raw(d, "license", "{\"name\":\"Apache-2.0\",\"identifier\":\"Apache-2.0\"}");
    shut(d);
    json_put_name(b, "servers");
    buf_lit(b, "[{\"url\":");
    json_put_str(b, server);
    buf_lit(b, "}]");
    put_tags(d);
    put_paths(d);
    put_components(d);
    shut(d);
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
