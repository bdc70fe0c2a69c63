/* live_missed.c - the seam between replay and live is one number: the last id that this
 * node's bus has told, bus_heard(). It is read first, for every page anew. What has an id
 * up to it was committed before it was told: it is in the outbox (and, with a bus that
 * keeps messages, in what it keeps), and comes from there. What has a larger id will be
 * told after it, because ids rise, and comes as a frame. So nothing falls between and
 * nothing comes twice, however far the relay is behind the outbox, or this node behind
 * others. Who has heard more on another node has a last id ahead of the seam: nothing
 * is replayed, and frames up to that id are left out.
 *
 * Before anything was told the seam is where telling begins: after the newest row of
 * the outbox, or after the last message that the bus keeps; and until that is known,
 * no stream begins.
 *
 * What was missed comes from a bus that keeps messages, which spares the database a
 * crowd that reconnects. Where it can't surely say, the outbox does; and the outbox
 * alone says that a gap is too old, and what happened at an organiser's event. */
#include "gateway/live_missed.h"
#include "gateway/relay.h"

static i64 size_of(const Message *rows, isize count)
{
    i64 n = 0;

    for (isize i = 0; i < count; i++)
        n += rows[i].data.len;
    return n;
}

/* Not whether a gap is too old, nor about an id that this node has not heard of. */
static bool ask_bus(Ctx *cx, const Watches *w, i64 last, Missed *m)
{
    BusWish wish = { .after = last, .upto = m->seam, .most = MISSED_ROWS,
                     .bytes = MISSED_BYTES };

    if (last == NO_LAST_ID || last > m->seam || watches_any_feed(w) || !bus_keeps())
        return false;
    wish.subjects[wish.count++] = subject_user(cx->mem, cx->tenant, cx->who.user);
    for (int i = 0; i < w->count; i++)
        wish.subjects[wish.count++] = subject_event(cx->mem, cx->tenant, w->at[i].event);
    if (!bus_replay(cx, &wish, &m->rows, &m->count))
        return false;
    m->more = m->count == MISSED_ROWS || size_of(m->rows, m->count) >= MISSED_BYTES;
    return true;
}

/* A gap: rows after the last id are gone, or the id is none of ours. Rows after the seam
 * are not missed: while the bus is away there may be thousands. */
static bool ask_outbox(Ctx *cx, const Watches *w, i64 last, Missed *m)
{
    OutboxWish wish = { .user = cx->who.user, .watch_count = w->count,
                        .most = MISSED_ROWS, .chars = MISSED_BYTES, .after = last };
    OutboxPage p;

    for (int i = 0; i < w->count; i++)
        wish.watches[i] = w->at[i];
    if (!outbox_replay(cx, &wish, &p))
        return false;
    m->more = p.more;
    while (p.count > 0 && p.rows[p.count - 1].id > m->seam) {
        p.count--;
        m->more = false;
    }
    m->gap = last > p.newest || last + 1 < p.oldest;
    m->oldest = p.oldest;
    m->rows = make(cx->mem, Message, p.count + 1);
    for (isize i = 0; i < p.count; i++)
        m->rows[i] = relay_message(&p.rows[i]);
    m->count = p.count;
    return true;
}

bool missed_find(Ctx *cx, const Watches *w, i64 last, Missed *m)
{
    *m = (Missed){ .seam = bus_heard() };
    if (m->seam < 0)                              /* the sockets open a moment earlier */
        return fail(cx, BUSY, "the bus has not begun");
    return last == NO_LAST_ID || ask_bus(cx, w, last, m) || ask_outbox(cx, w, last, m);
}
