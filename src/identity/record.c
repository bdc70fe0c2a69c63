/* record.c - rows come by id, which rises with time, so a cursor is the last row's id. An
 * export gives at most EXPORT_MOST rows and says in Next-Cursor where to go on, so no
 * export is larger than the memory of one request; to export is itself on record. */
#include "identity/record.h"
#include "identity/audit.h"
#include "identity/auth_http.h"
#include <string.h>

enum { EXPORT_MOST = 5000 };

typedef struct Row {
    Uuid    id;
    Instant at;
    int     action;
    bool    success;
    Uuid    actor, subject;
    Str     target, ip, userAgent, details;
} Row;

const Shape record_shape = SHAPE(Row,
    ID(Row, id, 0, "the entry"),
    TIME(Row, at, 0, "when"),
    NAME(Row, action, &audit_action_names, 0, "what was done"),
    BOOL(Row, success, 0, "whether it succeeded"),
    ID(Row, actor, OPTIONAL, "who did it, if that is known"),
    ID(Row, subject, OPTIONAL, "whose account it was about"),
    TEXT(Row, target, 0, 500, OPTIONAL, "what else it was about"),
    TEXT(Row, ip, 0, 45, OPTIONAL, "from where"),
    TEXT(Row, userAgent, 0, 255, OPTIONAL, "by what"),
    RAW(Row, details, 0, "more about it"));

#define COLUMNS " id, at, action, success, actor, subject, target, ip, user_agent, details"
/* An absent filter lets everything through. */
#define FILTERS " AND (action = $2 OR $2 IS NULL) AND (subject = $3 OR $3 IS NULL)"      \
                " AND (actor = $4 OR $4 IS NULL) AND (at >= $5 OR $5 IS NULL)"           \
                " AND (at < $6 OR $6 IS NULL) AND (success OR $7 <> 1) AND (NOT success OR $7 <> 0)"

SQL(record_newest,
    "SELECT" COLUMNS " FROM audit WHERE tenant = $1" FILTERS " AND id < $8"
    " ORDER BY id DESC LIMIT $9");
SQL(record_oldest,
    "SELECT" COLUMNS " FROM audit WHERE tenant = $1" FILTERS " AND id > $8"
    " ORDER BY id LIMIT $9");
SQL(record_logins,
    "SELECT" COLUMNS " FROM audit WHERE tenant = $1 AND subject = $2 AND id < $3"
    " AND action IN ('user.login', 'user.login_failed', 'user.account_locked',"
    " 'user.mfa_failed')"
    " ORDER BY id DESC LIMIT $4");

typedef struct Wanted {
    Str     action;
    Uuid    subject, actor, cursor;
    Instant from, to;
    i64     success;                              /* 1, 0, or -1: either      */
    i64     most;
    Row    *rows;
    isize   count;
} Wanted;

/* ---- reading what is asked for --------------------------------------------------- */

typedef struct Asked {
    int     action;
    Uuid    subject, actor, cursor;
    Instant from, to;
    Maybe   success;
} Asked;

#define ASKED                                                                              \
    CHOICE(Asked, action, &audit_action_names, "only of this kind"),                       \
    ID(Asked, subject, OPTIONAL, "only about this person's account"),                      \
    ID(Asked, actor, OPTIONAL, "only what this person did"),                               \
    TIME(Asked, from, OPTIONAL, "from then on"), TIME(Asked, to, OPTIONAL, "before then"), \
    MAYBE(Asked, success, "only what succeeded, or only what did not")
const Shape record_query_shape = SHAPE(Asked, ASKED);
const Shape record_export_query_shape = SHAPE(Asked, ASKED,
    ID(Asked, cursor, OPTIONAL, "the header Next-Cursor of the part before"));

static bool read_wanted(Ctx *cx, const Req *rq, const Shape *shape, Wanted *w)
{
    Asked a = { 0 };

    if (!req_read_query(cx, rq, shape, &a))
        return false;
    if (a.action >= 0)
        w->action = names_str(&audit_action_names, a.action);
    w->subject = a.subject, w->actor = a.actor, w->cursor = a.cursor;
    w->from = a.from, w->to = a.to;
    w->success = a.success == MAYBE_ABSENT ? -1 : a.success == MAYBE_TRUE;
    return true;
}

/* ---- lists ------------------------------------------------------------------------ */

static void from_newest(Wanted *w)
{
    if (uuid_zero(w->cursor))
        memset(w->cursor.b, 0xFF, sizeof w->cursor.b);
}

static bool list_newest(Ctx *cx, void *arg)
{
    Wanted *w = arg;
    return sql_rows(cx, &record_newest, &record_shape, &w->rows, &w->count, V(w->action),
                    V(w->subject), V(w->actor), V(w->from), V(w->to), V(w->success),
                    V(w->cursor), V(w->most));
}

static bool list_logins(Ctx *cx, void *arg)
{
    Wanted *w = arg;
    return sql_rows(cx, &record_logins, &record_shape, &w->rows, &w->count,
                    V(cx->who.user.v), V(w->cursor), V(w->most));
}

static bool reply_page(Ctx *cx, Req *rq, TxFn *fn, Wanted *w)
{
    Page page;
    Str next = { 0 };

    if (!req_page_id(cx, rq, &page, &w->cursor))
        return false;
    from_newest(w);
    w->most = page.limit + 1;
    if (!read_tx(cx, fn, w))
        return false;
    if (page_cut(&page, &w->count))
        next = uuid_str(cx->mem, w->rows[w->count - 1].id);
    return reply_list(cx, rq, &record_shape, w->rows, w->count, page.limit, next);
}

bool record_own(Ctx *cx, Req *rq)
{
    return reply_page(cx, rq, list_logins, &(Wanted){ 0 });
}

bool record_list(Ctx *cx, Req *rq)
{
    Wanted w = { 0 };

    return read_wanted(cx, rq, &record_query_shape, &w) &&
           reply_page(cx, rq, list_newest, &w);
}

/* ---- the export ------------------------------------------------------------------- */

static bool list_oldest(Ctx *cx, void *arg)
{
    Wanted *w = arg;
    Uuid first = { { 0 } };
    Val from = uuid_zero(w->cursor) ? val_blob((Str){ (const char *)first.b, 16 })
                                    : V(w->cursor);

    return sql_rows(cx, &record_oldest, &record_shape, &w->rows, &w->count, V(w->action),
                    V(w->subject), V(w->actor), V(w->from), V(w->to), V(w->success), from,
                    V(w->most));
}

bool record_export(Ctx *cx, Req *rq)
{
    Wanted w = { .most = EXPORT_MOST };
    Buf b = buf_in(cx->mem, 4096);

    if (!read_wanted(cx, rq, &record_export_query_shape, &w) ||
        !read_tx(cx, list_oldest, &w) ||
        !audit_note(cx, &(Deed){ .action = AUDIT_READ, .actor = cx->who.user,
                                 .from = http_caller(rq) }))
        return false;
    for (isize i = 0; i < w.count; i++) {
        shape_write(&b, &record_shape, &w.rows[i]);
        buf_byte(&b, '\n');
    }
    if (w.count == EXPORT_MOST)
        reply_header(cx, rq, S("Next-Cursor"), uuid_str(cx->mem, w.rows[w.count - 1].id));
    reply_header(cx, rq, S("Content-Disposition"),
                 S("attachment; filename=\"audit.ndjson\""));
    return reply_text(rq, 200, S("application/x-ndjson"),
                      b.len == 0 ? S("") : buf_str(&b));
}
