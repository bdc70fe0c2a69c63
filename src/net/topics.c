/* topics.c - chained buckets that double when there are more topics than buckets.
 * Topics are hashes already, so their low bits are the bucket. */
#include "net/topics.h"
#include <stdlib.h>

enum { BUCKETS = 256 };

void topics_open(Topics *t)
{
    *t = (Topics){ .size = BUCKETS };
    t->buckets = calloc(BUCKETS, sizeof *t->buckets);
    must(t->buckets != NULL);
}

void topics_close(Topics *t)
{
    must(t->count == 0);
    free(t->buckets);
}

static TopicList **bucket(const Topics *t, Topic topic)
{
    return &t->buckets[topic.v & (u64)(t->size - 1)];
}

static TopicList *find(const Topics *t, Topic topic)
{
    TopicList *list = *bucket(t, topic);

    while (list != NULL && list->topic.v != topic.v)
        list = list->next;
    return list;
}

static void put(Topics *t, TopicList *list)
{
    TopicList **at = bucket(t, list->topic);

    list->next = *at;
    *at = list;
}

static void double_buckets(Topics *t)
{
    Topics old = *t;

    t->size *= 2;
    t->buckets = calloc((size_t)t->size, sizeof *t->buckets);
    must(t->buckets != NULL);
    for (isize i = 0; i < old.size; i++)
        for (TopicList *list = old.buckets[i], *next; list != NULL; list = next) {
            next = list->next;
            put(t, list);
        }
    free(old.buckets);
}

void topics_join(Topics *t, Sub *sub)
{
    TopicList *list = find(t, sub->topic);

    if (list == NULL) {
        if (t->count == t->size)
            double_buckets(t);
        list = calloc(1, sizeof *list);
        must(list != NULL);
        list->topic = sub->topic;
        put(t, list);
        t->count++;
    }
    sub->list = list;
    sub->prev = NULL;
    sub->next = list->first;
    if (list->first != NULL)
        list->first->prev = sub;
    list->first = sub;
}

static void remove_list(Topics *t, TopicList *list)
{
    TopicList **at = bucket(t, list->topic);

    while (*at != list)
        at = &(*at)->next;
    *at = list->next;
    free(list);
    t->count--;
}

void topics_leave(Topics *t, Sub *sub)
{
    if (sub->prev != NULL)
        sub->prev->next = sub->next;
    else
        sub->list->first = sub->next;
    if (sub->next != NULL)
        sub->next->prev = sub->prev;
    if (sub->list->first == NULL)
        remove_list(t, sub->list);
    sub->list = NULL;
}

Sub *topics_first(const Topics *t, Topic topic)
{
    const TopicList *list = find(t, topic);
    return list == NULL ? NULL : list->first;
}
