/* awskeys.c - see awskeys.h. The places that hand out roles are asked in the clear,
 * because they are addresses of the machine itself that nobody else can take: only these,
 * loopback and https are asked. */
#include "secret/awskeys.h"

#define ECS S("http://169.254.170.2")

static Str text_of(Secret s) { return (Str){ (const char *)s.at, s.len }; }

static bool handed_out(Str url)
{
    static const char *const trusted[] = {
        "http://169.254.170.2/", "http://169.254.170.23/",
        "http://169.254.169.254/", "http://[fd00:ec2::23]/", "http://[fd00:ec2::254]/" };

    for (isize i = 0; i < countof(trusted); i++)
        if (str_starts(url, str_of(trusted[i])))
            return true;
    return secret_safe(url);
}

/* {"AccessKeyId":..,"SecretAccessKey":..,"Token":..} */
static bool take_keys(Ctx *cx, const Json *j, const char *whose, AwsKeys *out)
{
    Str key;

    if (j == NULL || json_kind(j) != J_OBJECT ||
        !json_get_str(j, "AccessKeyId", &out->id) ||
        !json_get_str(j, "SecretAccessKey", &key) ||
        !json_get_str(j, "Token", &out->session))
        return fail(cx, BAD_GATEWAY, "the role of this %s has no credentials", whose);
    secret_hide(key);
    secret_hide(out->session);
    out->key = (Secret){ (u8 *)(uintptr_t)key.at, key.len };
    return true;
}

static bool of_container(Ctx *cx, const Config *c, AwsKeys *out)
{
    Str url = c->aws_relative.len > 0
            ? str_fmt(cx->mem, "%.*s%.*s", STR_ARGS(ECS), STR_ARGS(c->aws_relative))
            : c->aws_full;
    Header h = { S("Authorization"), text_of(c->aws_container) };
    Fetch f = { .method = M_GET, .url = url, .headers = &h,
                .header_count = h.value.len > 0, .reach = FETCH_ANYONE, .plain = true };
    const Json *j;
    int status;

    secret_hide(h.value);
    if (!handed_out(url))
        return fail(cx, BAD_GATEWAY,
                    "AWS_CONTAINER_CREDENTIALS_%s_URI is no address that"
                    " hands out credentials",
                    c->aws_relative.len > 0 ? "RELATIVE" : "FULL");
    if (!secret_ask(cx, &f, &status, &j))
        return false;
    if (status != 200)
        return fail(cx, BAD_GATEWAY, "%.*s gives %d: is AWS_CONTAINER_AUTHORIZATION_TOKEN"
                    " that of this container, and has its task or pod a role?",
                    STR_ARGS(secret_says(cx->mem, url)), status);
    return take_keys(cx, j, "container", out);
}

/* IMDSv2: a token first, so that a page which only makes us GET something gets
 * nothing. */
static bool machine_token(Ctx *cx, Str at, Str *token)
{
    Header h = { S("X-aws-ec2-metadata-token-ttl-seconds"), S("60") };
    Fetched got;
    Fetch f = { .method = M_PUT, .headers = &h, .header_count = 1, .reach = FETCH_ANYONE,
                .plain = true, .within = { 2000 }, .body = S(""),
                .url = str_fmt(cx->mem, "%.*s/latest/api/token", STR_ARGS(at)) };

    if (!handed_out(f.url))
        return fail(cx, BAD_GATEWAY,
                    "AWS_EC2_METADATA_SERVICE_ENDPOINT is no address that hands"
                    " out credentials");
    if (!fetch(cx, &f, &got) || got.status != 200) {
        fault_clear(cx);
        return fail(cx, BAD_GATEWAY, "no credentials: give AWS_ACCESS_KEY_ID and"
                    " AWS_SECRET_ACCESS_KEY, or a role to this container or machine");
    }
    *token = got.body;
    return true;
}

static bool of_machine(Ctx *cx, const Config *c, AwsKeys *out)
{
    Str at = c->aws_metadata, role, token, why;
    Fetched got;

    while (str_ends(at, S("/")))
        at.len--;
    if (!machine_token(cx, at, &token))
        return false;
    Header h = { S("X-aws-ec2-metadata-token"), token };
    Fetch f = { .method = M_GET, .headers = &h, .header_count = 1, .reach = FETCH_ANYONE,
                .plain = true, .within = { 2000 },
                .url = str_fmt(cx->mem, "%.*s/latest/meta-data/iam/security-credentials/",
                               STR_ARGS(at)) };
    if (!fetch(cx, &f, &got))
        return false;
    role = str_trim(str_cut(&got.body, '\n'));
    if (got.status != 200 || role.len == 0)
        return fail(cx, BAD_GATEWAY, "this machine has no role: give it one, or"
                    " AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
    f.url = str_fmt(cx->mem, "%.*s%.*s", STR_ARGS(f.url), STR_ARGS(role));
    if (!fetch(cx, &f, &got))
        return false;
    return take_keys(cx, got.status == 200 ? json_read(cx->mem, got.body, &why) : NULL,
                     "machine", out);
}

bool awskeys_find(Ctx *cx, const Config *c, AwsKeys *out)
{
    if (c->aws_key_id.len > 0 && c->aws_key.len > 0) {
        *out = (AwsKeys){ c->aws_key_id, text_of(c->aws_session), c->aws_key };
        secret_hide(text_of(c->aws_key));
        secret_hide(out->session);
        return true;
    }
    if (c->aws_relative.len > 0 || c->aws_full.len > 0)
        return of_container(cx, c, out);
    return of_machine(cx, c, out);
}
