/* route.c - a tree of path segments. A written segment wins over a parameter, and the
 * search comes back to the parameter when the written one has no such method, so
 * /orders/search and /orders/:id can stand beside each other. One slash at the end,
 * in a row or a request, means nothing. A row that ends in a star has what no other row
 * knows by any method, so what is served here keeps its 404 and 405. OPTIONS of it is
 * answered here: a preflight has no token. */
#include "net/route.h"
#include "base/log.h"

enum { METHODS = M_OTHER };

static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS",
                                       "HEAD", "ALL" };
const Names method_names = { methods, countof(methods) };

typedef struct Node {
    Str          text;
    struct Node *next;                            /* the next child of the parent */
    struct Node *children, *any;                  /* written ones; the parameter  */
    const Route *rows[METHODS];
    const Route *rest;                            /* of all that is below and unknown */
} Node;

struct Router { Arena mem; Node root; };

/* "a/:b" gives "a" and leaves ":b"; absent at the end. */
static Str next_segment(Str *path)
{
    return path->at == NULL ? *path : str_cut(path, '/');
}

/* What is between the first slash and one at the end; absent for the root. */
static Str inner(Str path)
{
    path = str_sub(path, 1, path.len);
    if (path.len == 0)
        return (Str){ 0 };
    return str_ends(path, S("/")) ? str_sub(path, 0, path.len - 1) : path;
}

static Node *find_child(const Node *n, Str text)
{
    Node *child = n->children;

    while (child != NULL && !str_is(child->text, text))
        child = child->next;
    return child;
}

static Node *grow(Router *r, Node *n, Str text)
{
    if (text.at[0] == ':') {
        if (n->any == NULL)
            n->any = make(&r->mem, Node, 1);
        return n->any;
    }
    Node *child = find_child(n, text);
    if (child == NULL) {
        child = make(&r->mem, Node, 1);
        *child = (Node){ .text = text, .next = n->children };
        n->children = child;
    }
    return child;
}

/* "/api/" and a star, for every method but OPTIONS. */
static void add_rest(Router *r, const Route *row)
{
    Str path = inner(str_of(row->path));
    Node *n = &r->root;

    must(str_ends(path, S("/*")));
    path = str_sub(path, 0, path.len - 2);
    for (Str s; (s = next_segment(&path)).at != NULL; n = grow(r, n, s))
        must(s.len > 0 && s.at[0] != ':');
    must(n->rest == NULL);
    n->rest = row;
}

static void add(Router *r, const Route *row)
{
    Str path = inner(str_of(row->path));
    Node *n = &r->root;
    int params = 0;

    if (row->method == M_OTHER) {
        add_rest(r, row);
        return;
    }
    for (Str s; (s = next_segment(&path)).at != NULL; n = grow(r, n, s)) {
        must(s.len > 0);
        params += s.at[0] == ':';
    }
    bool alone = n->rows[row->method] == NULL;
    if (!alone)
        log_error("two routes for one path", L("path", row->path),
                  L("method", methods[row->method]));
    must(alone && params <= PARAMS_MOST && row->path[0] == '/');
    n->rows[row->method] = row;
}

Router *router_open(const Route *table, isize count)
{
    Arena mem = { 0 };
    Router *r = make(&mem, Router, 1);

    r->mem = mem;
    for (isize i = 0; i < count; i++)
        add(r, &table[i]);
    return r;
}

void router_close(Router *r)
{
    Arena mem = r->mem;
    arena_close(&mem);
}

static unsigned allowed(const Node *n)
{
    unsigned bits = 0;

    for (int m = 0; m < METHODS; m++)
        if (n->rows[m] != NULL)
            bits |= 1u << m;
    if (bits & 1u << M_GET)
        bits |= 1u << M_HEAD;
    return bits == 0 ? 0 : bits | 1u << M_OPTIONS;
}

static bool search(const Node *n, Method method, Str rest, RouteMatch *out)
{
    Str segment = next_segment(&rest);

    if (segment.at == NULL) {
        out->allow |= allowed(n);
        out->route = n->rows[method];
        return out->route != NULL;
    }
    const Node *child = find_child(n, segment);
    if (child != NULL && search(child, method, rest, out))
        return true;
    if (n->any == NULL || segment.len == 0)
        return false;
    int place = out->count++;
    out->params[place].value = segment;
    if (search(n->any, method, rest, out))
        return true;
    out->count = place;
    return false;
}

/* The row of the deepest node above that takes what nobody knows. */
static const Route *find_rest(const Node *n, Str rest)
{
    const Route *row = NULL;

    for (Str s; n != NULL && (s = next_segment(&rest)).at != NULL; n = find_child(n, s))
        if (n->rest != NULL)
            row = n->rest;
    return row;
}

/* The values were found on the way down; their names stand in the row. */
static void name_params(RouteMatch *m)
{
    Str path = inner(str_of(m->route->path));
    int i = 0;

    for (Str s; (s = next_segment(&path)).at != NULL;) {
        if (s.at[0] != ':')
            continue;
        m->params[i].name = s.at + 1;
        m->params[i].name_len = s.len - 1;
        i++;
    }
}

void router_find(const Router *r, Method method, Str path, RouteMatch *out)
{
    out->route = NULL;
    out->count = 0;
    out->allow = 0;
    if (path.len == 0 || path.at[0] != '/' || method == M_OTHER)
        return;
    if (search(&r->root, method == M_HEAD ? M_GET : method, inner(path), out))
        name_params(out);
    if (out->route != NULL || out->allow != 0)
        return;
    const Route *row = find_rest(&r->root, inner(path));
    if (row != NULL)
        out->allow = (1u << M_OTHER) - 1;
    if (method != M_OPTIONS)
        out->route = row;
}
