/* topics.h - who wants what: the subscribers of each topic, of one io thread.
 * Needs: stream.h.  Used by: hub.c. */
#pragma once
#include "net/stream.h"

struct Stream;

/* One stream's wish for one topic; it lies in the stream. */
typedef struct Sub {
    struct Stream    *stream;
    struct Sub       *prev, *next;
    struct TopicList *list;
    Topic             topic;
} Sub;

typedef struct TopicList {
    struct TopicList *next;                       /* in the same bucket       */
    Topic             topic;
    Sub              *first;
} TopicList;

typedef struct Topics { TopicList **buckets; isize size, count; } Topics;

void topics_open(Topics *t);
void topics_close(Topics *t);                     /* all must have left       */

void topics_join(Topics *t, Sub *sub);            /* to sub->topic */
void topics_leave(Topics *t, Sub *sub);

/* The first subscriber, NULL when nobody wants it. */
Sub *topics_first(const Topics *t, Topic topic);
