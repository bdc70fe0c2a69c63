/* job.c - nearly every request and its answer fit in the room, and jobs come from a
 * shelf, so the usual request calls malloc not once. */
#include "net/job.h"
#include <stdlib.h>
#include <string.h>

enum { SHELF_MOST = 256 };

typedef struct JobExtra {
    struct JobExtra *next;
    _Alignas(16) char room[];
} JobExtra;

Job *job_new(JobShelf *s)
{
    Job *j = s->first;

    if (j != NULL) {
        s->first = j->next_free;
        s->count--;
    } else
        must((j = malloc(sizeof *j)) != NULL);
    memset(j, 0, offsetof(Job, room));
    return j;
}

static void free_extras(Job *j)
{
    for (JobExtra *e = j->extra, *next; e != NULL; e = next) {
        next = e->next;
        free(e);
    }
    free(j->body_own);
}

void job_free(JobShelf *s, Job *j)
{
    s->bodies -= j->counted;
    free_extras(j);
    if (s->count == SHELF_MOST) {
        free(j);
        return;
    }
    j->next_free = s->first;
    s->first = j;
    s->count++;
}

void job_shelf_close(JobShelf *s)
{
    for (Job *j = s->first, *next; j != NULL; j = next) {
        next = j->next_free;
        free(j);
    }
    must(s->bodies == 0);
    *s = (JobShelf){ 0 };
}

void *job_take(Job *j, isize n)
{
    isize at = (j->used + 15) & ~(isize)15;

    if (n <= JOB_ROOM - at) {
        j->used = at + n;
        return j->room + at;
    }
    JobExtra *e = malloc(sizeof *e + (size_t)n);
    must(e != NULL);
    e->next = j->extra;
    j->extra = e;
    return e->room;
}

Str job_keep(Job *j, Str s)
{
    if (s.at == NULL)
        return s;
    char *to = job_take(j, s.len);
    memcpy(to, s.at, (size_t)s.len);
    return (Str){ to, s.len };
}

/* Where `s` is, once the text around it has moved from `old` to `copy`. */
static Str moved(Str s, Str old, const char *copy)
{
    return s.at == NULL ? s : (Str){ copy + (s.at - old.at), s.len };
}

void job_fill(Job *j, const Req *rq, const Head *h)
{
    Req *to = &j->rq;
    Str head = { h->method_text.at, h->end - h->method_text.at };
    Header *headers = job_take(j, rq->header_count * (isize)sizeof(Header));
    const char *copy = job_keep(j, head).at;
    bool inside = rq->path.at >= head.at && rq->path.at < head.at + head.len;

    *to = *rq;
    to->target = moved(rq->target, head, copy);
    to->query = moved(rq->query, head, copy);
    to->path = inside ? moved(rq->path, head, copy) : job_keep(j, rq->path);
    for (int i = 0; i < rq->param_count; i++)
        to->params[i].value = moved(rq->params[i].value, rq->path, to->path.at);
    for (isize i = 0; i < rq->header_count; i++) {
        headers[i].name = moved(rq->headers[i].name, head, copy);
        headers[i].value = moved(rq->headers[i].value, head, copy);
    }
    to->headers = headers;
}

static bool count_in(JobShelf *s, Job *j, isize cap)
{
    if (s == NULL)
        return true;
    if (s->bodies + cap - j->counted > s->bodies_most)
        return false;
    s->bodies += cap - j->counted;
    j->counted = cap;
    return true;
}

bool job_grow(JobShelf *s, Job *j, isize more)
{
    isize cap = j->body_cap * 2, need = j->body_len + more;
    isize whole = j->body_want > need ? (isize)j->body_want : need;

    if (need <= j->body_cap)
        return true;
    if (j->body == NULL && JOB_ROOM - j->used >= whole + 16) {
        j->body = job_take(j, whole);
        j->body_cap = whole;
        return true;
    }
    if (cap < need || j->body_want > 0)
        cap = cap < need ? need : cap < whole ? cap : whole;
    if (!count_in(s, j, cap))
        return false;
    char *to = realloc(j->body_own, (size_t)cap);
    must(to != NULL);
    if (j->body_own == NULL && j->body_len > 0)
        memcpy(to, j->body, (size_t)j->body_len);
    j->body = j->body_own = to;
    j->body_cap = cap;
    return true;
}

static StreamWish *keep_wish(Job *j, const StreamWish *wish)
{
    StreamWish *w;

    if (wish == NULL)
        return NULL;
    w = job_take(j, (isize)sizeof *w);
    *w = *wish;
    w->first = (Str){ 0 };
    return w;
}

void job_answer(Job *j, Wire *w)
{
    char *to = job_take(j, wire_size(w, &j->rq));

    j->answer = (Str){ to, wire_write(w, &j->rq, j->how, to) };
    j->wish = keep_wish(j, j->rq.reply.stream);
}

/* The page takes the place of the body, which nobody reads any more. */
void job_turn_page(Job *j, Ctx *cx)
{
    StreamWish *w = j->wish;

    j->answer = (Str){ 0 };
    if (!w->page(cx, w)) {
        j->wish = NULL;
        return;
    }
    j->body_own = realloc(j->body_own, (size_t)w->first.len + 1);
    must(j->body_own != NULL);
    memcpy(j->body_own, w->first.at, (size_t)w->first.len);
    j->answer = (Str){ j->body_own, w->first.len };
    w->first = (Str){ 0 };
}
