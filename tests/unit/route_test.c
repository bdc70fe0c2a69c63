/* route_test.c */
#include "unit/test.h"
#include <sys/wait.h>
#include <unistd.h>
#include "net/route.h"

static const Route table[] = {
    { .method = M_GET, .path = "/" },
    { .method = M_GET, .path = "/api/v1/orders" },
    { .method = M_POST, .path = "/api/v1/orders" },
    { .method = M_GET, .path = "/api/v1/orders/:id" },
    { .method = M_POST, .path = "/api/v1/orders/search" },
    { .method = M_DELETE, .path = "/api/v1/orders/:orderId/items/:itemId" },
    { .method = M_GET, .path = "/api/v1/tickets/" },
};

static RouteMatch find(Method method, Str path)
{
    Router *r = router_open(table, countof(table));
    RouteMatch m;

    router_find(r, method, path, &m);
    router_close(r);
    return m;
}

static unsigned bit(Method m) { return 1u << m; }

TEST(a_path_and_method_find_their_row)
{
    must(find(M_GET, S("/")).route == &table[0]);
    must(find(M_GET, S("/api/v1/orders")).route == &table[1]);
    must(find(M_POST, S("/api/v1/orders")).route == &table[2]);
    must(find(M_GET, S("/api/v1/tickets")).route == &table[6]);
    must(find(M_GET, S("/api/v1/tickets/")).route == &table[6]);
    must(find(M_HEAD, S("/api/v1/orders")).route == &table[1]);
}

TEST(parameters_have_the_names_of_their_row)
{
    RouteMatch m = find(M_DELETE, S("/api/v1/orders/7/items/a b"));

    must(m.route == &table[5] && m.count == 2);
    must(str_is((Str){ m.params[0].name, m.params[0].name_len }, S("orderId")));
    must(str_is(m.params[0].value, S("7")) && str_is(m.params[1].value, S("a b")));
    m = find(M_GET, S("/api/v1/orders/9"));
    must(m.count == 1 && str_is(m.params[0].value, S("9")));
    must(str_is((Str){ m.params[0].name, m.params[0].name_len }, S("id")));
}

TEST(a_written_segment_wins_but_not_for_a_method_it_lacks)
{
    must(find(M_POST, S("/api/v1/orders/search")).route == &table[4]);
    RouteMatch m = find(M_GET, S("/api/v1/orders/search"));
    must(m.route == &table[3] && str_is(m.params[0].value, S("search")));
}

TEST(an_unknown_path_allows_nothing)
{
    must(find(M_GET, S("/api")).route == NULL && find(M_GET, S("/api")).allow == 0);
    must(find(M_GET, S("/api/v1/orders/1/items")).allow == 0);
    must(find(M_GET, S("/api/v1/orders//items")).allow == 0);
    must(find(M_GET, S("//")).allow == 0);
    must(find(M_GET, S("/api/v1/orders//")).allow == 0);
    must(find(M_OTHER, S("/")).route == NULL);
}

TEST(a_known_path_says_what_it_allows)
{
    RouteMatch m = find(M_PUT, S("/api/v1/orders"));
    must(m.route == NULL);
    must(m.allow == (bit(M_GET) | bit(M_HEAD) | bit(M_POST) | bit(M_OPTIONS)));
    m = find(M_PUT, S("/api/v1/orders/search"));
    must(m.allow == (bit(M_GET) | bit(M_HEAD) | bit(M_POST) | bit(M_OPTIONS)));
    m = find(M_OPTIONS, S("/api/v1/orders/1/items/2"));
    must(m.route == NULL && m.allow == (bit(M_DELETE) | bit(M_OPTIONS)));
}

TEST(two_rows_for_one_path_stop_the_start)
{
    static const Route twice[] = {
        { .method = M_GET, .path = "/a/:id" },
        { .method = M_GET, .path = "/a/:name" },
    };
    pid_t child = fork();
    int status;

    if (child == 0) {
        close(2);
        router_open(twice, 2);
        _exit(0);
    }
    must(waitpid(child, &status, 0) == child);
    must(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
}
