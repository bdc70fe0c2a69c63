/* metric_test.c - the table of metrics keeps to Prometheus' rules, and counting counts. */
#include "unit/test.h"
#include "base/histogram.h"
#include "base/metric.h"
#include <pthread.h>
#include <string.h>

static bool good_name(const char *s)
{
    return s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0' &&
           (str_starts(str_of(s), S("tickettoken_")) || str_starts(str_of(s), S("process_")) ||
            str_starts(str_of(s), S("sse_")) || str_starts(str_of(s), S("nats_")));
}

TEST(a_counter_ends_in_total_and_names_are_ours)
{
    for (int m = 0; m < METRIC_COUNT; m++) {
        const MetricFacts *f = metric_facts((Metric)m);
        must(good_name(f->name));
        must((f->kind == COUNTER || f->kind == COUNTER_MS) == str_ends(str_of(f->name), S("_total")));
    }
}

TEST(rows_of_one_name_stand_together_and_the_first_explains_them)
{
    for (int m = 0; m < METRIC_COUNT; m++) {
        const MetricFacts *f = metric_facts((Metric)m);
        bool first = m == 0 || strcmp(metric_facts((Metric)(m - 1))->name, f->name) != 0;
        must(first == (f->says[0] != '\0'));
        for (int k = 0; first && k < m; k++)
            must(strcmp(metric_facts((Metric)k)->name, f->name) != 0);
    }
}

TEST(a_name_is_explained_once_and_followed_by_its_values)
{
    Buf b = buf_in(mem, 4096);

    metric_add(METRIC_KV_OPEN_LOGIN, 3);
    metric_set(METRIC_STARTED, 1700000000042);
    metric_write(&b);
    must(str_has(buf_str(&b), S("# TYPE tickettoken_kv_failed_open_total counter\n"
        "tickettoken_kv_failed_open_total{limit=\"login\"} 3\n"
        "tickettoken_kv_failed_open_total{limit=\"register\"} 0\n")));
    must(str_has(buf_str(&b), S("\ntickettoken_start_time_seconds 1700000000.042\n")));
    must(str_ends(buf_str(&b), S("\n")));
}

TEST(a_value_stands_in_its_bucket_and_all_larger_ones)
{
    Histogram h = { 0 };
    Buf b = buf_in(mem, 4096);

    must(histogram_empty(&h));
    histogram_put(&h, SECONDS, 1000);
    histogram_put(&h, SECONDS, 1001);
    histogram_put(&h, SECONDS, 99000000);
    must(!histogram_empty(&h));
    histogram_show(&b, &h, SECONDS, "x", S("a=\"b\""));
    must(str_starts(buf_str(&b), S("x_bucket{a=\"b\",le=\"0.001\"} 1\nx_bucket{a=\"b\",le=\"0.0025\"} 2\n")));
    must(str_has(buf_str(&b), S("le=\"10\"} 2\nx_bucket{a=\"b\",le=\"+Inf\"} 3\n")));
    must(str_ends(buf_str(&b), S("x_sum{a=\"b\"} 99.002001\nx_count{a=\"b\"} 3\n")));
}

static void *count(void *arg)
{
    for (int i = 0; i < 10000; i++)
        metric_add(METRIC_KV_ERRORS, 1);
    return arg;
}

TEST(counts_of_many_threads_are_all_there)
{
    pthread_t threads[8];
    i64 before = metric_get(METRIC_KV_ERRORS);

    for (int i = 0; i < 8; i++)
        must(pthread_create(&threads[i], NULL, count, NULL) == 0);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    must(metric_get(METRIC_KV_ERRORS) == before + 80000);
}
