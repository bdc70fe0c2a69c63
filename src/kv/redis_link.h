/* redis_link.h - one connection to a Redis: asks one thing at a time, never for longer
 * than it may.
 *
 * A link that failed in the middle is to be closed: nobody knows whose answer would come
 * next. Knows nothing of the pool, of keys or of what a command means.
 * Needs: redis_url.  Used by: redis_pool. */
#pragma once
#include "base/time.h"
#include "kv/redis_url.h"
#include <sys/socket.h>

typedef enum RedisEnd {
    REDIS_FINE,
    REDIS_BROKEN,                        /* refused, reset, closed, or speaks no RESP */
    REDIS_LATE,                          /* no answer in time                */
    REDIS_REFUSED                        /* password, certificate: trying again is no
                                            use */
} RedisEnd;

typedef struct RedisTrouble { RedisEnd end; char why[200]; } RedisTrouble;

/* What the address's name stands for, as it was last asked. */
enum { REDIS_PLACES_MOST = 4 };
typedef struct RedisPlaces {
    struct { struct sockaddr_storage at; socklen_t len; } each[REDIS_PLACES_MOST];
    int count;
} RedisPlaces;

/* Asks the resolver, which keeps its own time: call it where only one caller can wait. */
CHECKED bool redis_look_up(const RedisAddress *a, RedisPlaces *out, RedisTrouble *t);

/* What all TLS links share; NULL for a plain address and, with t->end REDIS_REFUSED, when
 * the authorities can't be read. */
typedef struct RedisTls RedisTls;
RedisTls *redis_tls_open(const RedisAddress *a, RedisTrouble *t);
void      redis_tls_close(RedisTls *tls);

/* Connects, shakes hands, signs in, chooses the database and sees that it answers.
 *   gives   NULL with *t when it could not */
typedef struct RedisLink RedisLink;
RedisLink *redis_link_open(const RedisAddress *a, const RedisPlaces *places,
                           RedisTls *tls, Mono until, RedisTrouble *t);
void       redis_link_close(RedisLink *l);

/* True when it is still open and nothing has come that nobody asked for. */
bool       redis_link_idle(RedisLink *l);

typedef enum AnswerKind {
    ANSWER_NONE, ANSWER_TEXT, ANSWER_NUMBERS, ANSWER_ERROR
} AnswerKind;
typedef struct RedisAnswer {
    AnswerKind kind;
    Str        text;                     /* in the arena that was given      */
    i64        n[2];
    char       error[20];                /* the first word only: the rest may hold keys */
} RedisAnswer;

enum { REDIS_WORDS_MOST = 10, REDIS_ANSWER_MOST = 2 << 20 };

/* Sends one command and waits for its answer. An error that Redis gives is an answer. */
CHECKED bool redis_link_ask(RedisLink *l, Arena *mem, const Str *words, int count,
                            Mono until, RedisAnswer *out, RedisTrouble *t);
