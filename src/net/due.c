/* due.c - see due.h. */
#include "net/due.h"

void dues_init(Dues *d, DueKind kind, Span lasts)
{
    d->lists[kind].lasts_ns = lasts.ms * 1000000;
}

static void unlink_due(Dues *d, Due *due)
{
    if (due->older != NULL)
        due->older->newer = due->newer;
    else
        d->lists[due->kind].oldest = due->newer;
    if (due->newer != NULL)
        due->newer->older = due->older;
    else
        d->lists[due->kind].newest = due->older;
    due->older = due->newer = NULL;
    due->kind = DUE_NONE;
}

/* Behind `older`, or first when that is NULL. */
static void link_after(Dues *d, Due *due, DueKind kind, Due *older)
{
    Due **next = older != NULL ? &older->newer : &d->lists[kind].oldest;

    due->kind = kind;
    due->older = older;
    due->newer = *next;
    *next = due;
    if (due->newer != NULL)
        due->newer->older = due;
    else
        d->lists[kind].newest = due;
}

void due_set(Dues *d, Due *due, DueKind kind, Mono now)
{
    if (due->kind != DUE_NONE)
        unlink_due(d, due);
    if (kind == DUE_NONE)
        return;
    due->at_ns = now.ns + d->lists[kind].lasts_ns;
    link_after(d, due, kind, d->lists[kind].newest);
}

void due_at(Dues *d, Due *due, DueKind kind, Mono at)
{
    if (due->kind != DUE_NONE)
        unlink_due(d, due);
    Due *older = d->lists[kind].newest;
    while (older != NULL && older->at_ns > at.ns)
        older = older->older;
    due->at_ns = at.ns;
    link_after(d, due, kind, older);
}

Due *due_next(const Dues *d, Mono now)
{
    for (int kind = DUE_NONE + 1; kind < DUE_KINDS; kind++) {
        Due *oldest = d->lists[kind].oldest;
        if (oldest != NULL && oldest->at_ns <= now.ns)
            return oldest;
    }
    return NULL;
}

int due_wait(const Dues *d, Mono now, int most)
{
    for (int kind = DUE_NONE + 1; kind < DUE_KINDS; kind++) {
        const Due *oldest = d->lists[kind].oldest;
        if (oldest == NULL)
            continue;
        i64 ms = (oldest->at_ns - now.ns + 999999) / 1000000;
        if (ms < most)
            most = ms < 0 ? 0 : (int)ms;
    }
    return most;
}
