/* door.c - the order of the answers: a code that is not ours says nothing about any
 * ticket; only after its MAC holds do we look, and tell why. Every answer is a row
 * of `scan`, also the refusals. */
#include "tickets/door.h"
#include "events/event.h"
#include "store/outbox.h"
#include "tickets/code.h"

static const char *const result_text[] = { "ALLOW", "DENY" };
static const Names scan_result_names = { result_text, countof(result_text) };

const Shape scan_shape = SHAPE(Scan,
    TEXT(Scan, qrCode, 1, 512, 0, "What the scanner read"),
    ID(Scan, eventId, 0, "The event at this door"),
    TEXT(Scan, gate, 0, 100, OPTIONAL, "Which door"),
    TEXT(Scan, deviceId, 0, 100, OPTIONAL, "Which scanner"));

const Shape verdict_shape = SHAPE(Verdict,
    NAME(Verdict, result, &scan_result_names, 0, "ALLOW or DENY"),
    TEXT(Verdict, reason, 0, 50, OPTIONAL, "Why not"),
    OBJECT(Verdict, ticket, &ticket_shape, OPTIONAL, "The ticket that the code names"));

SQL(door_enter,
    "UPDATE ticket SET used_at = $3, used_gate = $4 WHERE tenant = $1 AND id = $2");
SQL(door_note,
    "INSERT INTO scan (tenant, event, ticket, at, person, gate, device, result, reason)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");

typedef struct { const Scan *scan; CodeResult read; Code code; Verdict *out; } Judging;

static bool deny(Verdict *v, const char *reason)
{
    v->result = SCAN_DENY;
    v->reason = str_of(reason);
    return true;
}

static bool let_in(Ctx *cx, Judging *j)
{
    Ticket *t = &j->out->ticket;
    Buf b = buf_in(cx->mem, 512);

    if (!ticket_move(cx, t, TICKET_USED, j->scan->gate) ||
        !sql_run(cx, &door_enter, NULL, V(t->id.v), V(cx->now), V(j->scan->gate)))
        return false;
    t->usedAt = cx->now;
    t->usedGate = j->scan->gate;
    shape_write(&b, &ticket_shape, t);
    return outbox_tell(cx, t->personId, t->eventId, "ticket.used", buf_str(&b));
}

static bool judge_ticket(Ctx *cx, Judging *j)
{
    Verdict *v = j->out;
    bool found;

    if (!ticket_any(cx, j->code.ticket, &v->ticket, &found))
        return false;
    if (!found || !uuid_is(v->ticket.eventId.v, j->scan->eventId.v)) {
        v->ticket = (Ticket){ 0 };
        return deny(v, "INVALID_CODE");
    }
    if (GUARDED(v->ticket.status == TICKET_USED))
        return deny(v, "ALREADY_USED");
    if ((v->ticket.generation & 63) != j->code.generation)
        return deny(v, "OLD_OWNER");
    if (GUARDED(v->ticket.status != TICKET_SOLD &&
                v->ticket.status != TICKET_TRANSFERRED))
        return deny(v, ticket_status_names.at[v->ticket.status]);
    return let_in(cx, j);
}

static bool judge(Ctx *cx, Judging *j, const Event *e)
{
    if (j->read != CODE_GOOD)
        return deny(j->out, j->read == CODE_STALE ? "CODE_EXPIRED" : "INVALID_CODE");
    if (e->status == EVENT_CANCELLED)
        return deny(j->out, "EVENT_CANCELLED");
    return judge_ticket(cx, j);
}

static bool judge_and_note(Ctx *cx, void *arg)
{
    Judging *j = arg;
    const Scan *s = j->scan;

    Event e;

    *j->out = (Verdict){ 0 };
    if (!event_get(cx, s->eventId, &e) || !venue_may(cx, e.venueId, DOOR_SCAN) ||
        !judge(cx, j, &e))
        return false;
    return sql_run(cx, &door_note, NULL, V(s->eventId.v), V(j->out->ticket.id.v),
                   V(cx->now), V(cx->who.user.v), V(s->gate), V(s->deviceId),
                   V(names_str(&scan_result_names, (int)j->out->result)),
                   V(j->out->reason));
}

bool door_scan(Ctx *cx, const Scan *scan, Verdict *out)
{
    Judging j = { .scan = scan, .out = out };

    CodeKey key = code_key(cx->tenant, scan->eventId);
    j.read = code_read(&key, cx->tenant, scan->eventId, scan->qrCode, cx->now, &j.code);
    return write_tx(cx, lane_of(scan->eventId.v), judge_and_note, &j);
}
