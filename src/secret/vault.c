/* vault.c - HashiCorp Vault (and OpenBao, which speaks the same): KV version 2.
 *
 * Signed in by AppRole or by the pod's token, we give the token back when we have read:
 * a process that runs for months has no use for it. A token that was given stays. */
#include "secret/engine.h"
#include "base/file.h"

enum { HEADERS = 4, POD_TOKEN_MOST = 16 << 10 };

typedef struct Vault {
    const Config *c;
    Reading      *r;
    Str           token;
} Vault;

static bool named(const Config *c) { return c->vault_addr.len > 0; }

static Str url_of(Ctx *cx, const Config *c, Str path)
{
    Str addr = c->vault_addr;

    while (str_ends(addr, S("/")))
        addr.len--;
    return str_fmt(cx->mem, "%.*s/v1/%.*s", STR_ARGS(addr), STR_ARGS(path));
}

/* {"errors":["permission denied"]} */
static Str error_of(Ctx *cx, const Json *answer)
{
    const Json *list = answer != NULL && json_kind(answer) == J_OBJECT
                     ? json_member(answer, "errors") : NULL;

    if (list == NULL || json_kind(list) != J_LIST || json_count(list) == 0 ||
        json_kind(json_item(list, 0)) != J_STR)
        return S("no reason given");
    return secret_says(cx->mem, json_str(json_item(list, 0)));
}

/* What an answer other than 2xx means, to who can mend it. */
static const char *cure_of(Str path, int status)
{
    bool login = str_ends(path, S("/login"));

    if (str_starts(path, S("auth/approle")) && login)
        return "VAULT_ROLE_ID or VAULT_SECRET_ID is not, or no longer, good";
    if (login && status == 404)
        return "VAULT_AUTH_MOUNT is another one";
    if (login)
        return "VAULT_ROLE_ID and VAULT_SECRET_ID, or VAULT_K8S_ROLE, are not good there";
    if (status == 403)
        return "VAULT_TOKEN has ended, or the policy of who signed in lets him read "
               "something else";
    if (status == 404)
        return "VAULT_NAMESPACE, VAULT_KV_MOUNT or VAULT_KV_PATH is another one";
    return status == 503 ? "unseal it" : NULL;
}

static bool ask(Ctx *cx, const Vault *v, Method method, Str path, Str body,
                const Json **out)
{
    Header h[HEADERS] = { { S("X-Vault-Request"), S("true") } };
    isize n = 1;
    int status;
    Fetch f = { .method = method, .url = url_of(cx, v->c, path), .headers = h,
                .body = body, .reach = FETCH_ANYONE,
                .plain = secret_safe(v->c->vault_addr), .ca = v->c->vault_ca };

    if (v->c->vault_namespace.len > 0)
        h[n++] = (Header){ S("X-Vault-Namespace"), v->c->vault_namespace };
    if (v->token.len > 0)
        h[n++] = (Header){ S("X-Vault-Token"), v->token };
    if (body.len > 0)
        h[n++] = (Header){ S("Content-Type"), S("application/json") };
    f.header_count = n;
    if (!secret_ask(cx, &f, &status, out))
        return false;
    if (status >= 200 && status <= 299)
        return true;
    v->r->cure = cure_of(path, status);
    return fail(cx, BAD_GATEWAY, "%.*s gives %d: %.*s", STR_ARGS(f.url), status,
                STR_ARGS(error_of(cx, *out)));
}

/* ---- signing in ------------------------------------------------------------------ */

static bool login(Ctx *cx, Vault *v, Str mount, Str body)
{
    Str at = v->c->vault_auth.len > 0 ? v->c->vault_auth : mount;
    const Json *answer, *auth;

    if (!ask(cx, v, M_POST, str_fmt(cx->mem, "auth/%.*s/login", STR_ARGS(at)), body,
             &answer))
        return false;
    auth = answer != NULL ? json_member(answer, "auth") : NULL;
    if (auth == NULL || json_kind(auth) != J_OBJECT ||
        !json_get_str(auth, "client_token", &v->token) || v->token.len == 0)
        return fail(cx, BAD_GATEWAY, "the login at auth/%.*s gives no token: is"
                    " VAULT_AUTH_MOUNT another one?", STR_ARGS(at));
    secret_hide(v->token);
    return true;
}

static bool login_app(Ctx *cx, Vault *v)
{
    const Secret *id = &v->c->vault_secret_id;
    Buf b = buf_in(cx->mem, 256);

    secret_hide((Str){ (const char *)id->at, id->len });
    buf_lit(&b, "{\"role_id\":");
    json_put_str(&b, v->c->vault_role_id);
    buf_lit(&b, ",\"secret_id\":");
    json_put_str(&b, (Str){ (const char *)id->at, id->len });
    buf_byte(&b, '}');
    return login(cx, v, S("approle"), buf_str(&b));
}

static bool login_pod(Ctx *cx, Vault *v)
{
    Str path = v->c->vault_k8s_token, jwt;
    Buf b = buf_in(cx->mem, 2048);

    if (!file_read(cx->mem, path, POD_TOKEN_MOST, &jwt))
        return fail(cx, BAD_GATEWAY, "VAULT_K8S_TOKEN_PATH %.*s can't be read",
                    STR_ARGS(path));
    jwt = str_trim(str_cut(&jwt, '\n'));
    secret_hide(jwt);
    buf_lit(&b, "{\"role\":");
    json_put_str(&b, v->c->vault_k8s_role);
    buf_lit(&b, ",\"jwt\":");
    json_put_str(&b, jwt);
    buf_byte(&b, '}');
    return login(cx, v, S("kubernetes"), buf_str(&b));
}

static bool sign_in(Ctx *cx, Vault *v)
{
    const Secret *token = &v->c->vault_token;

    if (token->len > 0) {
        v->token = (Str){ (const char *)token->at, token->len };
        secret_hide(v->token);
        return true;
    }
    if (v->c->vault_role_id.len > 0)
        return login_app(cx, v);
    if (v->c->vault_k8s_role.len > 0)
        return login_pod(cx, v);
    return fail(cx, BAD_GATEWAY,
                "give VAULT_TOKEN, or VAULT_ROLE_ID and VAULT_SECRET_ID, or"
                " VAULT_K8S_ROLE");
}

/* Also when nothing could be read: why not is what is told then. */
static void leave(Ctx *cx, const Vault *v)
{
    const Json *answer;
    const char *cure = v->r->cure;
    Fault was = cx->fault;

    if (v->c->vault_token.len == 0 &&
        !ask(cx, v, M_POST, S("auth/token/revoke-self"), (Str){ 0 }, &answer))
        fault_clear(cx);                          /* it ends by itself        */
    cx->fault = was;
    v->r->cure = cure;
}

/* ---- reading --------------------------------------------------------------------- */

/* {"data":{"data":{...},"metadata":{"version":3}}} */
static bool unpack(Ctx *cx, const Vault *v, const Json *answer)
{
    const Json *data = answer != NULL ? json_member(answer, "data") : NULL;
    const Json *meta;
    i64 version = 0;

    const Json *held = data != NULL && json_kind(data) == J_OBJECT
                     ? json_member(data, "data") : NULL;
    if (held == NULL || json_kind(held) != J_OBJECT)
        return fail(cx, BAD_GATEWAY, "%.*s/%.*s holds nothing that KV version 2 would"
                    " give: is VAULT_KV_MOUNT one of version 1?",
                    STR_ARGS(v->c->vault_mount), STR_ARGS(v->c->vault_path));
    v->r->held = held;
    meta = json_member(data, "metadata");
    if (meta != NULL && json_kind(meta) == J_OBJECT &&
        !json_get_int(meta, "version", &version))
        version = 0;
    v->r->from = str_fmt(cx->mem, "Vault %.*s/%.*s version %jd",
                         STR_ARGS(v->c->vault_mount), STR_ARGS(v->c->vault_path),
                         (intmax_t)version);
    return true;
}

static bool read(Ctx *cx, const Config *c, Reading *out)
{
    Vault v = { .c = c, .r = out };
    const Json *answer;

    if (!secret_safe(c->vault_addr))
        return fail(cx, BAD_GATEWAY,
                    "VAULT_ADDR must begin with https:// (http:// only on this"
                    " machine)");
    if (!sign_in(cx, &v))
        return false;
    Str path = str_fmt(cx->mem, "%.*s/data/%.*s", STR_ARGS(c->vault_mount),
                       STR_ARGS(c->vault_path));
    bool good = ask(cx, &v, M_GET, path, (Str){ 0 }, &answer) &&
                unpack(cx, &v, answer);
    leave(cx, &v);
    return good;
}

const SecretEngine secret_vault = { "Vault", named, read };
