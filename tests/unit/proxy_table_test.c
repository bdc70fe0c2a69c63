/* proxy_table_test.c - rows are taken by many threads while the file changes. */
#include "unit/test.h"
#include <pthread.h>
#include <stdio.h>
#include "gateway/proxy.h"

enum { TAKERS = 4, CHANGES = 120 };

/* A file with a row for each letter, whose audience says which file it was. */
static Str written(const char *letters, int version)
{
    Str path = str_of(temp_path("proxy.json"));
    FILE *f = fopen(path.at, "w");

    must(f != NULL);
    fprintf(f, "{\"upstreams\": [");
    for (const char *l = letters; *l != '\0'; l++)
        fprintf(f, "%s{\"name\": \"%c\", \"prefix\": \"/api/%c\", \"audience\": \"%d\", "
                "\"urls\": \"http://127.0.0.1:9\"}", l == letters ? "" : ",", *l, *l, version);
    fprintf(f, "]}");
    must(fclose(f) == 0);
    return path;
}

static ProxyTable *table(const char *letters, int version)
{
    Str why = { 0 };
    ProxyTable *t = proxy_table(mem, written(letters, version), &why);

    must(t != NULL);
    return t;
}

TEST(a_row_lives_as_long_as_anybody_has_it)
{
    proxy_use(table("ab", 1));
    const ProxyRow *a = proxy_take(S("/api/a/x")), *b = proxy_take(S("/api/b"));
    must(a != NULL && b != NULL && proxy_take(S("/api/c")) == NULL);
    ProxyChange c = proxy_use(table("bc", 1));
    must(c.kept == 1 && c.opened == 1 && c.ended == 1);
    must(proxy_take(S("/api/a")) == NULL);
    must(str_is(a->name, S("a")) && a->up->retired && !b->up->retired);
    const ProxyRow *same = proxy_take(S("/api/b"));
    must(same == b);
    proxy_done(same);
    proxy_done(a);
    proxy_done(b);
    proxy_close();
    must(!proxy_any() && proxy_take(S("/api/b")) == NULL);
}

static _Atomic bool ended;
static _Atomic int newest, oldest;                /* what a row may say           */

/* A row that is had is whole; nothing is older than a change that has ended. */
static void *take_on_and_on(void *arg)
{
    Arena own = { 0 };

    while (!ended) {
        int least = oldest;
        const ProxyRow *row = proxy_take(S("/api/a/x"));
        i64 version = 0;
        must(row != NULL && str_is(row->prefix, S("/api/a")) && row->up->config.url_count == 1);
        must(str_int(row->audience, &version) && version >= least && version <= newest);
        proxy_done(row);
        int n;
        const ProxyRow **rows = proxy_rows(&own, &n);
        must(n == 2);
        proxy_rows_done(rows, n);
        arena_reset(&own, 64 << 10);
    }
    arena_close(&own);
    return arg;
}

TEST(while_the_table_changes_each_gets_a_whole_row_and_never_one_from_before)
{
    pthread_t threads[TAKERS];

    newest = oldest = 1;
    ended = false;
    proxy_use(table("ab", 1));
    for (int i = 0; i < TAKERS; i++)
        must(pthread_create(&threads[i], NULL, take_on_and_on, NULL) == 0);
    for (int v = 2; v < CHANGES; v++) {
        ProxyTable *t = table("ab", v);
        newest = v;
        must(proxy_use(t).ended == 2);
        oldest = v;
    }
    ended = true;
    for (int i = 0; i < TAKERS; i++)
        pthread_join(threads[i], NULL);
    proxy_close();
}
