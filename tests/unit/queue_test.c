/* queue_test.c - nothing is lost, doubled or left waiting, however many threads. */
#include "unit/test.h"
#include "base/queue.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sched.h>

enum { PUSHERS = 4, TAKERS = 4, EACH = 5000 };

typedef struct Item { QueueLink link; atomic_int taken; } Item;

static Queue q;
static Item items[PUSHERS * EACH];
static atomic_int total;

static void *push_all(void *arg)
{
    for (Item *i = arg; i < (Item *)arg + EACH; i++)
        while (!queue_push(&q, &i->link))
            sched_yield();
    return NULL;
}

static void *take_all(void *arg)
{
    QueueLink *l;
    (void)arg;
    while ((l = queue_take(&q)) != NULL) {
        ((Item *)l)->taken++;
        total++;
    }
    return NULL;
}

TEST(each_item_is_taken_once)
{
    pthread_t push[PUSHERS], take[TAKERS];

    total = 0;
    queue_init(&q, 64);
    for (int i = 0; i < TAKERS; i++)
        must(pthread_create(&take[i], NULL, take_all, NULL) == 0);
    for (int i = 0; i < PUSHERS; i++)
        must(pthread_create(&push[i], NULL, push_all, &items[i * EACH]) == 0);
    for (int i = 0; i < PUSHERS; i++)
        must(pthread_join(push[i], NULL) == 0);
    queue_close(&q);
    for (int i = 0; i < TAKERS; i++)
        must(pthread_join(take[i], NULL) == 0);
    must(total == PUSHERS * EACH && queue_count(&q) == 0);
    for (int i = 0; i < PUSHERS * EACH; i++)
        must(items[i].taken == 1);
    queue_free(&q);
}

/* With a wake that goes astray this waits for ever: items come one by one, each
 * only when the one before has been taken. */
TEST(a_lone_item_always_wakes_somebody)
{
    static Item one;
    pthread_t take[TAKERS];

    total = 0;
    queue_init(&q, 64);
    for (int i = 0; i < TAKERS; i++)
        must(pthread_create(&take[i], NULL, take_all, NULL) == 0);
    for (int i = 1; i <= 20000; i++) {
        must(queue_push(&q, &one.link));
        while (total < i)
            sched_yield();
    }
    queue_close(&q);
    for (int i = 0; i < TAKERS; i++)
        must(pthread_join(take[i], NULL) == 0);
    queue_free(&q);
}

TEST(a_full_or_closed_queue_says_so_at_once)
{
    Item a = { 0 }, b = { 0 }, c = { 0 };

    queue_init(&q, 2);
    must(queue_push(&q, &a.link) && queue_push(&q, &b.link) && !queue_push(&q, &c.link));
    must(queue_count(&q) == 2 && queue_take(&q) == &a.link);
    must(queue_push(&q, &c.link));
    queue_close(&q);
    must(!queue_push(&q, &a.link));
    must(queue_take(&q) == &b.link && queue_take(&q) == &c.link && queue_take(&q) == NULL);
    queue_free(&q);
}
