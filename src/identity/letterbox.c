/* letterbox.c - who carries a letter first moves its moment ahead, by one UPDATE that
 * asks whether it is still due: of many nodes one has it, and should that one die, it is
 * due again a minute later. Only then the relay is called, outside of any transaction. */
#include "identity/letterbox.h"
#include "identity/audit.h"
#include "proof/seal.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/trace.h"

enum { LETTER_BYTES_MOST = 64 << 10, PAUSE_LONGEST_S = 3600 };

static Sealer sealer;

void letterbox_open(const Secret *master) { sealer = sealer_of(master, S("letter")); }
void letterbox_close(void)                { wipe(&sealer, sizeof sealer); }

static Str place_of(Ctx *cx, Uuid id)
{
    return str_fmt(cx->mem, "%.*s %.*s", STR_ARGS(uuid_str(cx->mem, cx->tenant.v)),
                   STR_ARGS(uuid_str(cx->mem, id)));
}

/* ---- putting it in -------------------------------------------------------- */

SQL(letter_put,
    "INSERT INTO letter (tenant, id, person, kind, sealed, created_at, due_at,"
    " expires_at, trace)"
    " VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8)");

/* Four texts with a zero between: none of them has one. */
static Str pack(Arena *mem, const Letter *l)
{
    const Str parts[] = { l->to, l->subject, l->text, l->html };
    Buf b = buf_in(mem, 4096);

    for (isize i = 0; i < countof(parts); i++) {
        must(str_find(parts[i], '\0') < 0);
        buf_add(&b, parts[i]);
        buf_byte(&b, '\0');
    }
    must(b.len <= LETTER_BYTES_MOST);
    return buf_str(&b);
}

bool letterbox_put(Ctx *cx, UserId user, const char *kind, const Letter *letter,
                   Span lasts)
{
    Uuid id = uuid_new(cx->now);
    Str sealed = seal(cx->mem, &sealer, place_of(cx, id), pack(cx->mem, letter));

    return sql_run(cx, &letter_put, NULL, V(id), V(user.v), V(kind), V(val_blob(sealed)),
                   V(cx->now), V(later(cx->now, lasts)),
                   V(trace_kept(cx->mem, &cx->trace)));
}

/* ---- carrying ------------------------------------------------------------- */

typedef struct Carried {
    TenantId tenant;
    Uuid     id;
    UserId   person;
    Str      kind, sealed;
    i64      tries;
    Instant  expires;
    Str      trace;
    bool     found;
} Carried;

static const Shape next_row = SHAPE(Carried,
    ID(Carried, tenant, 0, ""), ID(Carried, id, 0, ""));
static const Shape taken_row = SHAPE(Carried,
    ID(Carried, person, 0, ""), TEXT(Carried, kind, 0, 40, 0, ""),
    TEXT(Carried, sealed, 0, 2 * LETTER_BYTES_MOST, 0, ""),
    NUMBER(Carried, tries, 0, INT64_MAX, 0, 0, ""), TIME(Carried, expires, 0, ""),
    TEXT(Carried, trace, 0, 55, OPTIONAL, ""));

/* From tenant to tenant in the index, without a look at the letters in between; the first
 * one behind $1 of whom a letter is due. */
SQL_ALL(letter_next,
    "WITH RECURSIVE few_waiting(tenant) AS ("
    " SELECT (SELECT tenant FROM letter WHERE tenant > $1 ORDER BY tenant LIMIT 1)"
    " UNION ALL SELECT (SELECT l.tenant FROM letter l WHERE l.tenant > few_waiting.tenant"
    "   ORDER BY l.tenant LIMIT 1) FROM few_waiting WHERE few_waiting.tenant IS NOT NULL)"
    " SELECT tenant, id FROM (SELECT few_waiting.tenant AS tenant,"
    "  (SELECT d.id FROM letter d WHERE d.tenant = few_waiting.tenant AND d.due_at <= $2"
    "   ORDER BY d.due_at LIMIT 1) AS id FROM few_waiting) AS due"
    " WHERE id IS NOT NULL LIMIT 1");

SQL(letter_take,
    "UPDATE letter SET due_at = $3, tries = tries + 1 WHERE tenant = $1 AND id = $2"
    " AND due_at <= $4 RETURNING person, kind, sealed, tries, expires_at, trace");

SQL(letter_done, "DELETE FROM letter WHERE tenant = $1 AND id = $2");
SQL(letter_again, "UPDATE letter SET due_at = $3 WHERE tenant = $1 AND id = $2");

typedef struct Look { TenantId last; Carried next; bool found; } Look;

static bool look_behind(Ctx *cx, Look *l, TenantId tenant)
{
    Val behind = { .kind = VAL_BYTES, .u = tenant.v };   /* zero is no NULL here   */
    return sql_find(cx, &letter_next, &next_row, &l->next, &l->found, V(behind),
                    V(cx->now));
}

/* Behind the last tenant comes the first. */
static bool look(Ctx *cx, void *arg)
{
    Look *l = arg;

    return look_behind(cx, l, l->last) &&
           (l->found || uuid_zero(l->last.v) || look_behind(cx, l, (TenantId){ 0 }));
}

static bool take(Ctx *cx, void *arg)
{
    Carried *c = arg, row;

    if (!sql_find(cx, &letter_take, &taken_row, &row, &c->found, V(c->id),
                  V(later(cx->now, LETTER_CARRIED)), V(cx->now)))
        return false;
    row.tenant = c->tenant;
    row.id = c->id;
    row.found = c->found;
    if (c->found)
        *c = row;
    return true;
}

static bool done(Ctx *cx, void *arg)
{
    const Carried *c = arg;
    return sql_run(cx, &letter_done, NULL, V(c->id));
}

/* 1 s, 4 s, 16 s ... an hour. */
static Span pause_after(i64 tries)
{
    i64 s = tries < 7 ? (i64)1 << (2 * (tries - 1)) : PAUSE_LONGEST_S;
    return seconds(s < PAUSE_LONGEST_S ? s : PAUSE_LONGEST_S);
}

static bool again(Ctx *cx, void *arg)
{
    const Carried *c = arg;
    return sql_run(cx, &letter_again, NULL, V(c->id),
                   V(later(cx->now, pause_after(c->tries))));
}

static bool give_up(Ctx *cx, void *arg)
{
    const Carried *c = arg;
    return done(cx, arg) &&
           audit_write(cx, &(Deed){ .action = AUDIT_LETTER_GIVEN_UP, .failed = true,
                                    .subject = c->person, .target = c->kind });
}

static bool drop(Ctx *cx, Carried *c, const char *why)
{
    log_error("letter given up", L("kind", c->kind), L("tries", c->tries), L("why", why));
    metric_add(METRIC_LETTERS_GIVEN_UP, 1);
    return write_tx(cx, lane_of(c->id), give_up, c);
}

static bool put_off(Ctx *cx, Carried *c)
{
    Instant next = later(cx->now, pause_after(c->tries));
    bool hopeless = cx->fault.code == BAD_REQUEST || c->tries >= LETTER_TRIES ||
                    !before(next, c->expires);
    Str why = str_fmt(cx->mem, "%s", cx->fault.why);

    fault_clear(cx);
    if (hopeless)
        return drop(cx, c, str_z(cx->mem, why));
    log_warn("letter not handed over", L("kind", c->kind), L("try", c->tries),
             L("why", why));
    metric_add(METRIC_LETTERS_RETRIED, 1);
    return write_tx(cx, lane_of(c->id), again, c);
}

static bool hand_over(Ctx *cx, Carried *c)
{
    Letter l;
    Str plain;

    if (!unseal(cx->mem, &sealer, place_of(cx, c->id), c->sealed, &plain))
        return drop(cx, c, "it can't be opened: INTERNAL_SERVICE_SECRET is another one");
    if (!before(cx->now, c->expires))
        return drop(cx, c, "too late to be of use");
    l.to = str_cut(&plain, '\0');
    l.subject = str_cut(&plain, '\0');
    l.text = str_cut(&plain, '\0');
    l.html = str_cut(&plain, '\0');
    Step step = trace_begin(cx);
    bool sent = mail_send(cx, &l);
    trace_end(cx, &step, TRACE_CLIENT, "hand over to the relay", L("kind", c->kind));
    if (!sent)
        return put_off(cx, c);
    metric_add(METRIC_LETTERS_SENT, 1);
    return write_tx(cx, lane_of(c->id), done, c);
}

/* Goes on with the trace of what the letter tells of. */
static bool carry(Ctx *cx, Carried *c)
{
    Mono from = mono_now();

    if (c->trace.len > 0)
        trace_follow(cx, c->trace);
    bool good = hand_over(cx, c);
    if (cx->trace.on)
        trace_whole(cx, mono_us(from, mono_now()), TRACE_CONSUMER, "letter", NULL, 0);
    return good;
}

bool letterbox_carry(Ctx *cx, TenantId *turn, bool *found)
{
    TenantId own = cx->tenant;
    Look l = { .last = *turn };
    Carried *c = &l.next;

    bool good = read_tx(cx, look, &l);
    *found = good && l.found;
    if (*found) {
        cx->tenant = *turn = c->tenant;
        good = write_tx(cx, lane_of(c->id), take, c) && (!c->found || carry(cx, c));
        cx->tenant = own;
    }
    return good;
}
