/* claim.c - see claim.h. */
#include "proof/claim.h"

bool claim_time(const Json *j, const char *name, Instant *out)
{
    i64 s;

    if (!json_get_int(j, name, &s) || s <= 0 || s > INT64_C(1) << 40)
        return false;
    *out = (Instant){ s * 1000 };
    return true;
}

bool claim_id(const Json *j, const char *name, Uuid *out)
{
    Str s;
    return json_member(j, name) == NULL ||
           (json_get_str(j, name, &s) && uuid_read(s, out) && !uuid_zero(*out));
}
