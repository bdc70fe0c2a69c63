/* publish.c - the id is claimed by an INSERT that minds no conflict: of many that come at
 * once, on whichever node, one changes a row and tells; the others wait for its commit,
 * find the row and compare. Two batches that share ids in another order may fight; the
 * database ends one of them and the store runs it again.
 *
 * What is claimed is the id and whose it is: two programs of one tenant may count alike,
 * and neither shall swallow, or spoil, what the other says. The blank between them is in
 * no id, so a row of a version that claimed the id alone is seen for what it is; there
 * are such for a day after an upgrade, or while it goes on.
 *
 * The digest covers what the message says, not how it was written: members are sorted
 * (shape_read). A time that the publisher left out is no part of it. */
#include "gateway/publish.h"
#include "base/metric.h"
#include <string.h>

SQL(published_claim,
    "INSERT INTO published (tenant, id, digest, at, came_at) VALUES ($1, $2, $3, $4, $5)"
    " ON CONFLICT DO NOTHING");
SQL(published_find, "SELECT digest, at FROM published WHERE tenant = $1 AND id = $2");
SQL(published_alone,
    "SELECT digest, at FROM published WHERE tenant = $1 AND id = $2 AND digest = $3");
SQL(publish_person,
    "SELECT count(*) FROM person WHERE tenant = $1 AND id = $2 AND status <> 'DELETED'");
SQL(publish_event,
    "SELECT count(*) FROM event WHERE tenant = $1 AND id = $2 AND deleted_at IS NULL");
SQL_ALL(published_forget,
    "DELETE FROM published WHERE (tenant, id) IN"
    " (SELECT tenant, id FROM published WHERE came_at < $1 LIMIT 1000)");

typedef struct Known { Str digest; Instant at; } Known;
static const Shape known_row = SHAPE(Known,
    TEXT(Known, digest, 0, 64, 0, ""),
    TIME(Known, at, 0, ""));

bool publish_type_good(Str type)
{
    static const char *const own[] = { "connected", "gap", "availability", "reconnect",
                                      "closed", "error", "open", "staff.changed" };

    for (isize i = 0; i < countof(own); i++)
        if (str_is(type, str_of(own[i])))
            return false;
    for (isize i = 0; i < type.len; i++) {
        char c = type.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-'))
            return false;
    }
    return type.len > 0 && type.len <= PUBLISH_TYPE_MOST;
}

bool publish_type_ours(Str type)
{
    static const char *const families[] = { "reservation.", "order.", "ticket.", "event.",
                                            "refund.", "payment.", "staff.", "webhook.",
                                            "availability." };

    for (isize i = 0; i < countof(families); i++)
        if (str_starts(type, str_of(families[i])))
            return true;
    return false;
}

/* ---- taking ------------------------------------------------------------------- */

/* No part holds a NUL byte, so the text reads in one way only. */
static Digest digest_of(Ctx *cx, const Publication *p)
{
    Buf b = buf_in(cx->mem, p->data.len + 256);

    buf_add(&b, p->type);
    buf_byte(&b, '\0');
    buf_int(&b, p->at.ms);
    buf_byte(&b, '\0');
    uuid_write(&b, p->user.v);
    uuid_write(&b, p->event.v);
    buf_add(&b, p->data);
    return sha256(buf_str(&b));
}

static bool check_hearer(Ctx *cx, const Publication *p)
{
    i64 n;

    if (!(uuid_zero(p->user.v) ? sql_int(cx, &publish_event, &n, V(p->event.v))
                               : sql_int(cx, &publish_person, &n, V(p->user.v))))
        return false;
    return n > 0 || fail(cx, NOT_FOUND, "nobody hears message %.*s", STR_ARGS(p->id));
}

static Str claimed_as(Ctx *cx, Str id)
{
    Uuid who = cx->who.comer == A_PERSON ? cx->who.user.v : cx->who.machine;

    return str_fmt(cx->mem, "%.*s %.*s", STR_ARGS(uuid_str(cx->mem, who)), STR_ARGS(id));
}

static bool compare(Ctx *cx, Publication *p, Digest d)
{
    Known k;

    if (!sql_get(cx, &published_find, &known_row, &k, V(claimed_as(cx, p->id))))
        return false;
    if (k.digest.len != SHA256_BYTES || memcmp(k.digest.at, d.b, SHA256_BYTES) != 0)
        return fail(cx, MESSAGE_ID_REUSED, "id %.*s", STR_ARGS(p->id));
    p->at = k.at;
    p->known = true;
    return true;
}

static Val bytes_of(const Digest *d)
{
    return val_blob((Str){ (const char *)d->b, SHA256_BYTES });
}

static bool find_alone(Ctx *cx, Publication *p, const Digest *d)
{
    Known k;

    if (!sql_find(cx, &published_alone, &known_row, &k, &p->known, V(p->id),
                  V(bytes_of(d))))
        return false;
    if (p->known)
        p->at = k.at;
    return true;
}

static bool take(Ctx *cx, Publication *p, Digest d)
{
    Instant at = is_set(p->at) ? p->at : cx->now;
    i64 claimed;

    if (!find_alone(cx, p, &d))
        return false;
    if (p->known)
        return true;
    if (!sql_run(cx, &published_claim, &claimed, V(claimed_as(cx, p->id)),
                 V(bytes_of(&d)), V(at), V(cx->now)))
        return false;
    if (GUARDED(claimed == 0))
        return compare(cx, p, d);
    p->at = at;
    return check_hearer(cx, p) &&
           outbox_tell(cx, p->user, p->event, str_z(cx->mem, p->type), p->data);
}

typedef struct { const Publication *list; Publication *taken; isize count; } Taking;

/* May run again: it begins from the list as it was given. */
static bool take_all(Ctx *cx, void *arg)
{
    const Taking *t = arg;

    for (isize i = 0; i < t->count; i++) {
        t->taken[i] = t->list[i];
        if (!take(cx, &t->taken[i], digest_of(cx, &t->list[i])))
            return false;
    }
    return true;
}

/* Those with one id meet in one lane, on whichever node they came. */
static Lane lane_for(Ctx *cx, const Publication *first)
{
    Digest d = sha256(claimed_as(cx, first->id));
    Uuid key;

    memcpy(key.b, d.b, sizeof key.b);
    return lane_of(key);
}

bool publish_all_of(Ctx *cx, Publication *list, isize count)
{
    Taking t = { list, make(cx->mem, Publication, count + 1), count };

    if (count == 0)
        return true;
    if (!write_tx(cx, lane_for(cx, &list[0]), take_all, &t))
        return false;
    for (isize i = 0; i < count; i++)
        metric_add(t.taken[i].known ? METRIC_PUBLISH_AGAIN : METRIC_PUBLISH_TAKEN, 1);
    memcpy(list, t.taken, (size_t)count * sizeof *list);
    return true;
}

/* ---- forgetting ---------------------------------------------------------------- */

typedef struct { Instant until; i64 *gone; } Sweep;

static bool forget(Ctx *cx, void *arg)
{
    Sweep *s = arg;
    return sql_run(cx, &published_forget, s->gone, V(s->until));
}

bool publish_sweep(Ctx *cx, i64 *gone)
{
    return write_tx(cx, (Lane){ 0 }, forget,
                    &(Sweep){ earlier(cx->now, PUBLISH_KEPT), gone });
}
