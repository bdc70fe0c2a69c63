/* aws.c - AWS Secrets Manager: GetSecretValue, whose SecretString is a JSON object.
 *
 * No SDK: one request is asked of one service, and the signature is 200 lines that AWS
 * publishes test values for. */
#include "secret/awskeys.h"
#include "secret/sigv4.h"

#define SERVICE S("secretsmanager")
enum { OURS = 2 };

static bool named(const Config *c) { return c->aws_secret_id.len > 0; }

static Str endpoint(Ctx *cx, const Config *c)
{
    Str at = c->aws_endpoint;

    while (str_ends(at, S("/")))
        at.len--;
    return at.len > 0 ? at : str_fmt(cx->mem, "https://secretsmanager.%.*s.amazonaws.com",
                                     STR_ARGS(c->aws_region));
}

static Str host_of(Str url)
{
    Str rest = str_sub(url, str_starts(url, S("https://")) ? 8 : 7, url.len);

    return str_cut(&rest, '/');
}

/* {"__type":"ResourceNotFoundException","Message":"..."}, either spelling of both. */
static bool refused(Ctx *cx, int status, const Json *j)
{
    Str type = S("no reason given"), says = { 0 };
    bool object = j != NULL && json_kind(j) == J_OBJECT;

    if (object && !json_get_str(j, "__type", &type))
        type = S("no reason given");
    if (object && !json_get_str(j, "Message", &says) &&
        !json_get_str(j, "message", &says))
        says = (Str){ 0 };
    return fail(cx, BAD_GATEWAY, "GetSecretValue gives %d: %.*s %.*s", status,
                STR_ARGS(secret_says(cx->mem, type)),
                STR_ARGS(secret_says(cx->mem, says)));
}

static const struct { const char *type, *cure; } cures[] = {
    { "InvalidSignatureException", "AWS_SECRET_ACCESS_KEY is not that of"
      " AWS_ACCESS_KEY_ID, or the clock of this machine is wrong" },
    { "UnrecognizedClientException", "AWS_ACCESS_KEY_ID is not known, or"
      " AWS_SESSION_TOKEN is missing" },
    { "ExpiredTokenException", "AWS_SESSION_TOKEN has ended" },
    { "AccessDeniedException", "who signed needs the right secretsmanager:GetSecretValue,"
      " and kms:Decrypt where the secret has a key of its own" },
    { "ResourceNotFoundException", "AWS_SECRET_ID or AWS_REGION is another one" },
    { "DecryptionFailure", "who signed needs the right kms:Decrypt for its key" },
};

/* A type may stand behind a namespace and a #. */
static const char *cure_of(const Json *j)
{
    Str type = { 0 };

    if (j == NULL || json_kind(j) != J_OBJECT || !json_get_str(j, "__type", &type))
        return NULL;
    for (isize i = 0; i < countof(cures); i++)
        if (str_ends(type, str_of(cures[i].type)))
            return cures[i].cure;
    return NULL;
}

static bool ask(Ctx *cx, const Config *c, const AwsKeys *keys, const Json **out)
{
    SigV4 s = { keys->id, keys->key, keys->session, c->aws_region, SERVICE, cx->now };
    Header h[OURS + SIGV4_ADDS] = {
        { S("Content-Type"), S("application/x-amz-json-1.1") },
        { S("X-Amz-Target"), S("secretsmanager.GetSecretValue") } };
    Str at = endpoint(cx, c);
    Buf body = buf_in(cx->mem, 256);
    int status;

    if (!secret_safe(at))
        return fail(cx, BAD_GATEWAY,
                    "AWS_ENDPOINT_URL_SECRETS_MANAGER must begin with https://");
    buf_lit(&body, "{\"SecretId\":");
    json_put_str(&body, c->aws_secret_id);
    buf_byte(&body, '}');
    isize n = OURS + sigv4_sign(cx->mem, &s, S("POST"), host_of(at), S("/"), (Str){ 0 },
                                h, OURS, buf_str(&body), h + OURS);
    Fetch f = { .method = M_POST, .url = str_fmt(cx->mem, "%.*s/", STR_ARGS(at)),
                .headers = h, .header_count = n, .body = buf_str(&body),
                .reach = FETCH_ANYONE, .plain = true };
    if (!secret_ask(cx, &f, &status, out))
        return false;
    return status == 200 || refused(cx, status, *out);
}

static bool read(Ctx *cx, const Config *c, Reading *out)
{
    AwsKeys keys = { 0 };
    const Json *answer = NULL;
    Str text, version, why;

    if (c->aws_region.len == 0)
        return fail(cx, BAD_GATEWAY, "AWS_SECRET_ID wants AWS_REGION");
    if (!awskeys_find(cx, c, &keys))
        return false;
    if (!ask(cx, c, &keys, &answer)) {
        out->cure = cure_of(answer);
        return false;
    }
    if (answer == NULL || json_kind(answer) != J_OBJECT ||
        !json_get_str(answer, "SecretString", &text))
        return fail(cx, BAD_GATEWAY, "%.*s holds no text: store it as a SecretString",
                    STR_ARGS(c->aws_secret_id));
    out->held = json_read(cx->mem, text, &why);
    if (out->held == NULL || json_kind(out->held) != J_OBJECT)
        return fail(cx, BAD_GATEWAY, "%.*s is no JSON object of settings",
                    STR_ARGS(c->aws_secret_id));
    if (!json_get_str(answer, "VersionId", &version))
        version = S("unknown");
    out->from = str_fmt(cx->mem, "AWS %.*s version %.*s", STR_ARGS(c->aws_secret_id),
                        STR_ARGS(secret_says(cx->mem, version)));
    return true;
}

const SecretEngine secret_aws = { "AWS Secrets Manager", named, read };
