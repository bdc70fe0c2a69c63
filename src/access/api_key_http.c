/* api_key_http.c - read, call, reply. No key may do what all tenants are run with. */
#include "access/api_key_http.h"
#include "base/log.h"

typedef struct ApiKeyIn { Str name, scopes; Instant expiresAt; } ApiKeyIn;
const Shape api_key_in_shape = SHAPE(ApiKeyIn,
    TEXT(ApiKeyIn, name, 1, 100, 0, "what it is for"),
    RAW(ApiKeyIn, scopes, 0, "a list of words such as events:write"),
    TIME(ApiKeyIn, expiresAt, OPTIONAL, "when it shall be good no longer"));

typedef struct ApiKeyMade { ApiKey apiKey; Str key; } ApiKeyMade;
const Shape api_key_made_shape = SHAPE(ApiKeyMade,
    OBJECT(ApiKeyMade, apiKey, &api_key_shape, 0, "what the list shows"),
    TEXT(ApiKeyMade, key, 1, 64, 0, "for the X-API-Key header; it is shown this once"));

static bool read_scopes(Ctx *cx, Str text, unsigned *out)
{
    Str why, unknown = { 0 };
    const Json *list = json_read(cx->mem, text, &why);

    if (!scopes_read(list, out, &unknown) || *out == 0)
        return fail_field(cx, S("scopes"),
                          "must be a list of words such as events:write");
    if (unknown.at != NULL)
        return fail_field(cx, S("scopes"), "there is no scope %.*s",
                          STR_ARGS(str_sub(unknown, 0, 40)));
    return (*out & MAY_ADMIN) == 0 ||
           fail_field(cx, S("scopes"), "admin:* is for services");
}

bool api_key_index(Ctx *cx, Req *rq)
{
    ApiKey *rows;
    isize n;

    return api_key_list(cx, &rows, &n) &&
           reply_list(cx, rq, &api_key_shape, rows, n, API_KEYS_MOST, (Str){ 0 });
}

bool api_key_post(Ctx *cx, Req *rq)
{
    ApiKeyIn in;
    ApiKeyMade out;
    unsigned scopes = 0;

    if (!req_read(cx, rq, &api_key_in_shape, &in) || !read_scopes(cx, in.scopes, &scopes))
        return false;
    if (is_set(in.expiresAt) && !before(cx->now, in.expiresAt))
        return fail_field(cx, S("expiresAt"), "must be in the future");
    if (!api_key_create(cx, in.name, scopes, in.expiresAt, &out.apiKey, &out.key))
        return false;
    log_info("API key made", L("id", uuid_str(cx->mem, out.apiKey.id)),
             L("scopes", out.apiKey.scopes));
    return reply(cx, rq, 201, &api_key_made_shape, &out);
}

bool api_key_delete(Ctx *cx, Req *rq)
{
    Uuid id;

    return req_id(cx, rq, "id", &id) && api_key_revoke(cx, id) && reply_empty(rq, 204);
}
