/* policy.c - read from the tenant's row each time: choosing a password costs a hash,
 * beside which one row is nothing, and a stricter rule holds at once on all nodes. Length
 * only ever goes up, so no tenant is less careful than the installation's policy is at
 * its least. */
#include "identity/policy.h"
#include "identity/tenant.h"
#include "base/json.h"

static const char *const policy_words[] = { "classic", "asvs5" };
static const Names policies = { policy_words, countof(policy_words) };
static Policy general;

void policy_open(Policy otherwise) { general = otherwise; }

static bool read_policy(Ctx *cx, const Json *settings, Rules *out)
{
    const Json *j = json_member(settings, "passwordPolicy");
    int found = j != NULL && json_kind(j) == J_STR ? names_find(&policies, json_str(j))
                                                   : -1;

    if (j == NULL)
        return true;
    if (found < 0)
        return fail_field(cx, S("settings.passwordPolicy"), "must be classic or asvs5");
    out->policy = (Policy)found;
    return true;
}

static bool read_least(Ctx *cx, const Json *settings, Rules *out)
{
    const Json *j = json_member(settings, "passwordMinLength");
    int by_itself = out->policy == POLICY_ASVS5 ? ASVS_LEAST : PASSWORD_LEAST;

    if (j == NULL)
        return true;
    if (json_kind(j) != J_INT || json_int(j) < by_itself ||
        json_int(j) > POLICY_LEAST_MOST)
        return fail_field(cx, S("settings.passwordMinLength"), "must be %d to %d",
                          by_itself, POLICY_LEAST_MOST);
    out->least = (int)json_int(j);
    return true;
}

static bool read_rules(Ctx *cx, Str settings, Rules *out)
{
    Str why;
    const Json *j = json_read(cx->mem, settings, &why);

    *out = (Rules){ general, 0 };
    if (j == NULL || json_kind(j) != J_OBJECT)
        return fail_field(cx, S("settings"), "must be an object");
    bool good = read_policy(cx, j, out);
    return read_least(cx, j, out) && good;
}

bool policy_check(Ctx *cx, Str settings)
{
    Rules rules;
    return read_rules(cx, settings, &rules);
}

typedef struct { Tenant tenant; bool found; } Looking;

static bool look(Ctx *cx, void *arg)
{
    Looking *l = arg;
    return tenant_find(cx, &l->tenant, &l->found);
}

/* Settings from before they were checked may say anything; then the general policy
 * holds. */
bool policy_allows(Ctx *cx, Str password)
{
    Rules rules = { general, 0 };
    Looking l = { .found = false };

    if (!read_tx(cx, look, &l))
        return false;
    if (l.found && !read_rules(cx, l.tenant.settings, &rules)) {
        fault_clear(cx);
        rules = (Rules){ general, 0 };
    }
    return password_allowed(cx, &rules, password);
}
