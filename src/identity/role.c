/* role.c - see role.h. */
#include "identity/role.h"

static const char *const words[ROLE_COUNT] = {
    [ANYONE] = "anyone", [CUSTOMER] = "customer", [VENUE_MANAGER] = "venue_manager",
    [ADMIN] = "admin", [SUPER_ADMIN] = "super-admin",
};
const Names role_names = { words, ROLE_COUNT };

Role role_find(Str name)
{
    int i = names_find(&role_names, name);
    return i <= (int)ANYONE ? ANYONE : (Role)i;
}
