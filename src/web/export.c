/* export.c - one list a row of the table below, all read in one transaction, so they
 * agree with each other. Columns that carry a secret aren't selected. Who has more rows
 * of a kind than fit is told so: `complete` is false. */
#include "web/export.h"
#include "identity/note.h"
#include "identity/person.h"

enum { ROWS_MOST = 5000 };

typedef struct { Uuid id; Str a, b, c; Instant at, until; i64 n; bool good; } Row;

typedef struct { Uuid id, eventId; Str a, b; Instant at, until; i64 n; } HoldRow;

SQL(export_sessions,
    "SELECT id, ip, user_agent, ended_why, created_at, ended_at FROM session"
    " WHERE tenant = $1 AND person = $2 ORDER BY id LIMIT $3");
static const Shape session_row = SHAPE(Row,
    { F_(Row, id, K_ID), .says = "" },
    { .name = "ip", .at = offsetof(Row, a), .kind = K_STR },
    { .name = "userAgent", .at = offsetof(Row, b), .kind = K_STR },
    { .name = "endedWhy", .at = offsetof(Row, c), .kind = K_STR },
    { .name = "createdAt", .at = offsetof(Row, at), .kind = K_TIME },
    { .name = "endedAt", .at = offsetof(Row, until), .kind = K_TIME, .is = OPTIONAL });

SQL(export_roles,
    "SELECT venue, role, granted_at, expires_at FROM venue_staff"
    " WHERE tenant = $1 AND person = $2 ORDER BY venue LIMIT $3");
static const Shape role_row = SHAPE(Row,
    { .name = "venueId", .at = offsetof(Row, id), .kind = K_ID },
    { .name = "role", .at = offsetof(Row, a), .kind = K_STR },
    { .name = "grantedAt", .at = offsetof(Row, at), .kind = K_TIME },
    { .name = "expiresAt", .at = offsetof(Row, until), .kind = K_TIME, .is = OPTIONAL });

SQL(export_orders,
    "SELECT id, number, status, currency, total_cents, created_at FROM orders"
    " WHERE tenant = $1 AND person = $2 ORDER BY id LIMIT $3");
static const Shape order_row = SHAPE(Row,
    { F_(Row, id, K_ID), .says = "" },
    { .name = "orderNumber", .at = offsetof(Row, a), .kind = K_STR },
    { .name = "status", .at = offsetof(Row, b), .kind = K_STR },
    { .name = "currency", .at = offsetof(Row, c), .kind = K_STR },
    { .name = "totalCents", .at = offsetof(Row, n), .kind = K_INT },
    { .name = "createdAt", .at = offsetof(Row, at), .kind = K_TIME });

SQL(export_tickets,
    "SELECT id, number, status, currency, price_cents, issued_at, used_at FROM ticket"
    " WHERE tenant = $1 AND person = $2 ORDER BY id LIMIT $3");
static const Shape ticket_row = SHAPE(Row,
    { F_(Row, id, K_ID), .says = "" },
    { .name = "ticketNumber", .at = offsetof(Row, a), .kind = K_STR },
    { .name = "status", .at = offsetof(Row, b), .kind = K_STR },
    { .name = "currency", .at = offsetof(Row, c), .kind = K_STR },
    { .name = "priceCents", .at = offsetof(Row, n), .kind = K_INT },
    { .name = "issuedAt", .at = offsetof(Row, at), .kind = K_TIME },
    { .name = "usedAt", .at = offsetof(Row, until), .kind = K_TIME, .is = OPTIONAL });

SQL(export_passkeys,
    "SELECT id, name, created_at, last_used_at FROM passkey"
    " WHERE tenant = $1 AND person = $2 ORDER BY id LIMIT $3");
static const Shape passkey_row = SHAPE(Row,
    { F_(Row, id, K_ID), .says = "" },
    { .name = "name", .at = offsetof(Row, a), .kind = K_STR },
    { .name = "createdAt", .at = offsetof(Row, at), .kind = K_TIME },
    { .name = "lastUsedAt", .at = offsetof(Row, until), .kind = K_TIME, .is = OPTIONAL });

SQL(export_devices,
    "SELECT id, name, kind, device, created_at, last_used_at FROM device_key"
    " WHERE tenant = $1 AND person = $2 ORDER BY device LIMIT $3");
static const Shape device_row = SHAPE(Row,
    { F_(Row, id, K_ID), .says = "" },
    { .name = "name", .at = offsetof(Row, a), .kind = K_STR },
    { .name = "kind", .at = offsetof(Row, b), .kind = K_STR },
    { .name = "device", .at = offsetof(Row, c), .kind = K_STR },
    { .name = "createdAt", .at = offsetof(Row, at), .kind = K_TIME },
    { .name = "lastUsedAt", .at = offsetof(Row, until), .kind = K_TIME, .is = OPTIONAL });

SQL(export_wallets,
    "SELECT chain, address, created_at, last_used_at FROM wallet"
    " WHERE tenant = $1 AND person = $2 ORDER BY chain, address LIMIT $3");
static const Shape wallet_row = SHAPE(Row,
    { .name = "chain", .at = offsetof(Row, a), .kind = K_STR },
    { .name = "address", .at = offsetof(Row, b), .kind = K_STR },
    { .name = "linkedAt", .at = offsetof(Row, at), .kind = K_TIME },
    { .name = "lastUsedAt", .at = offsetof(Row, until), .kind = K_TIME, .is = OPTIONAL });

SQL(export_identities,
    "SELECT issuer, subject, created_at FROM foreign_identity"
    " WHERE tenant = $1 AND person = $2 ORDER BY id LIMIT $3");
static const Shape identity_row = SHAPE(Row,
    { .name = "issuer", .at = offsetof(Row, a), .kind = K_STR },
    { .name = "subject", .at = offsetof(Row, b), .kind = K_STR },
    { .name = "linkedAt", .at = offsetof(Row, at), .kind = K_TIME });

SQL(export_factor,
    "SELECT t.created_at, (SELECT count(*) FROM backup_code b WHERE b.tenant = t.tenant"
    " AND b.person = t.person AND b.used_at IS NULL)"
    " FROM totp t WHERE t.tenant = $1 AND t.person = $2 LIMIT $3");
static const Shape factor_row = SHAPE(Row,
    { .name = "enabledAt", .at = offsetof(Row, at), .kind = K_TIME },
    { .name = "backupCodesLeft", .at = offsetof(Row, n), .kind = K_INT });

SQL(export_holds,
    "SELECT id, event, status, currency, total_cents, created_at, ended_at FROM hold"
    " WHERE tenant = $1 AND person = $2 ORDER BY event, id LIMIT $3");
static const Shape hold_row = SHAPE(HoldRow,
    { F_(HoldRow, id, K_ID), .says = "" }, { F_(HoldRow, eventId, K_ID), .says = "" },
    { .name = "status", .at = offsetof(HoldRow, a), .kind = K_STR },
    { .name = "currency", .at = offsetof(HoldRow, b), .kind = K_STR },
    { .name = "totalCents", .at = offsetof(HoldRow, n), .kind = K_INT },
    { .name = "createdAt", .at = offsetof(HoldRow, at), .kind = K_TIME },
    { .name = "endedAt", .at = offsetof(HoldRow, until), .kind = K_TIME,
      .is = OPTIONAL });

/* Proofs of the mailbox that letters carried, and letters that are still on their way. */
SQL(export_proofs,
    "SELECT purpose, created_at, used_at FROM mail_proof"
    " WHERE tenant = $1 AND person = $2 ORDER BY purpose, created_at LIMIT $3");
static const Shape proof_row = SHAPE(Row,
    { .name = "purpose", .at = offsetof(Row, a), .kind = K_STR },
    { .name = "sentAt", .at = offsetof(Row, at), .kind = K_TIME },
    { .name = "usedAt", .at = offsetof(Row, until), .kind = K_TIME, .is = OPTIONAL });

SQL(export_letters,
    "SELECT kind, created_at FROM letter WHERE tenant = $1 AND person = $2 ORDER BY id"
    " LIMIT $3");
static const Shape letter_row = SHAPE(Row,
    { .name = "kind", .at = offsetof(Row, a), .kind = K_STR },
    { .name = "createdAt", .at = offsetof(Row, at), .kind = K_TIME });

/* Sign-ins and what else was done to the account, the newest first. */
SQL(export_record,
    "SELECT id, action, ip, user_agent, at, success FROM audit"
    " WHERE tenant = $1 AND subject = $2 ORDER BY id DESC LIMIT $3");
static const Shape record_row = SHAPE(Row,
    { F_(Row, id, K_ID), .says = "" },
    { .name = "action", .at = offsetof(Row, a), .kind = K_STR },
    { .name = "ip", .at = offsetof(Row, b), .kind = K_STR },
    { .name = "userAgent", .at = offsetof(Row, c), .kind = K_STR },
    { .name = "at", .at = offsetof(Row, at), .kind = K_TIME },
    { .name = "success", .at = offsetof(Row, good), .kind = K_BOOL });

static const struct { const char *name; const Sql *find; const Shape *row; } lists[] = {
    { "sessions", &export_sessions, &session_row },
    { "venueRoles", &export_roles, &role_row }, { "orders", &export_orders, &order_row },
    { "tickets", &export_tickets, &ticket_row },
    { "passkeys", &export_passkeys, &passkey_row },
    { "deviceKeys", &export_devices, &device_row },
    { "wallets", &export_wallets, &wallet_row },
    { "identities", &export_identities, &identity_row },
    { "secondFactors", &export_factor, &factor_row },
    { "reservations", &export_holds, &hold_row },
    { "mailProofs", &export_proofs, &proof_row },
    { "lettersWaiting", &export_letters, &letter_row },
    { "record", &export_record, &record_row }, };

typedef struct { Buf *b; bool cut; } Export;

static bool put_list(Ctx *cx, Export *e, isize which)
{
    const Shape *shape = lists[which].row;
    char *rows;
    isize count;

    if (!sql_rows(cx, lists[which].find, shape, &rows, &count, V(cx->who.user.v),
                  V((i64)ROWS_MOST)))
        return false;
    json_put_name(e->b, lists[which].name);
    buf_byte(e->b, '[');
    for (isize i = 0; i < count; i++) {
        if (i > 0)
            buf_byte(e->b, ',');
        shape_write(e->b, shape, rows + i * shape->size);
    }
    buf_byte(e->b, ']');
    e->cut |= count == ROWS_MOST;
    return true;
}

static bool gather(Ctx *cx, void *arg)
{
    Export *e = arg;
    Person p;

    e->b->len = 0;
    e->cut = false;
    if (!person_get(cx, cx->who.user, &p))
        return false;
    buf_lit(e->b, "{\"exportedAt\":\"");
    time_write(e->b, cx->now);
    buf_byte(e->b, '"');
    json_put_name(e->b, "user");
    shape_write(e->b, &person_shape, &p);
    for (isize i = 0; i < countof(lists); i++)
        if (!put_list(cx, e, i))
            return false;
    json_put_name(e->b, "complete");
    buf_add(e->b, e->cut ? S("false}") : S("true}"));
    return true;
}

static bool record(Ctx *cx, void *arg)
{
    (void)arg;
    return note_write(cx, AUDIT_DATA_EXPORTED, cx->who.user, (Str){ 0 });
}

/* Gathered by a reader, since buyers wait for the lanes; recorded before it is given
 * out. */
bool export_own(Ctx *cx, Req *rq)
{
    Buf b = buf_in(cx->mem, 16 << 10);
    Export e = { .b = &b };

    reply_header(cx, rq, S("Content-Disposition"),
                 S("attachment; filename=\"tickettoken-export.json\""));
    return read_tx(cx, gather, &e) &&
           write_tx(cx, lane_of(cx->who.user.v), record, NULL) &&
           reply_json(rq, 200, buf_str(&b));
}
