/* epoch.c - see epoch.h. */
#include "identity/epoch.h"
#include "identity/revoked.h"
#include "identity/role.h"
#include "identity/token.h"

static const Shape standing_row = SHAPE(Standing,
    NUMBER(Standing, epoch, 0, INT64_MAX, 0, 0, ""),
    NAME(Standing, role, &role_names, 0, ""),
    BOOL(Standing, closed, 0, ""));

SQL(epoch_look,
    "SELECT p.epoch, p.role, t.status <> 'ACTIVE' FROM person p"
    " JOIN tenant t ON t.id = p.tenant"
    " WHERE p.tenant = $1 AND p.id = $2");

SQL(epoch_rise,
    "UPDATE person SET epoch = epoch + 1, epoch_at = $3 WHERE tenant = $1 AND id = $2"
    " RETURNING epoch");

bool epoch_read(Ctx *cx, UserId user, Standing *out)
{
    bool found;

    *out = (Standing){ 0 };
    return sql_find(cx, &epoch_look, &standing_row, out, &found, V(user.v));
}

bool epoch_raise(Ctx *cx, UserId user, i64 *epoch)
{
    return sql_int(cx, &epoch_rise, epoch, V(user.v), V(cx->now));
}

void epoch_heard(Ctx *cx, UserId user, i64 epoch)
{
    if (epoch > 0)
        revoked_below(user.v, epoch, token_last_use(cx->now));
}
