/* redis_link.c - hiredis reads and writes RESP here, the socket is ours: Debian 12's
 * hiredis has no TLS, and its own reads know a time-out but no deadline.
 *
 * The socket never blocks; every wait is a poll() that ends at the caller's deadline. */
#include "kv/redis_link.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

struct RedisTls { SSL_CTX *context; };

struct RedisLink {
    int          fd;
    SSL         *tls;                    /* NULL: plain                      */
    redisReader *reader;
};

static bool trouble(RedisTrouble *t, RedisEnd end, const char *format, ...) PRINTS(3, 4);
static bool trouble(RedisTrouble *t, RedisEnd end, const char *format, ...)
{
    va_list args;

    t->end = end;
    va_start(args, format);
    vsnprintf(t->why, sizeof t->why, format, args);
    va_end(args);
    return false;
}

static bool wait_for(int fd, short events, Mono until, RedisTrouble *t)
{
    struct pollfd p = { .fd = fd, .events = events };

    for (;;) {
        i64 left_ms = (until.ns - mono_now().ns + 999999) / 1000000;
        int n = poll(&p, 1, left_ms > 0 ? (int)left_ms : 0);
        if (n > 0)
            return true;
        if (n == 0)
            return trouble(t, REDIS_LATE, "no answer in time");
        if (errno != EINTR)
            return trouble(t, REDIS_BROKEN, "poll: %s", strerror(errno));
    }
}

/* ---- TLS ------------------------------------------------------------------ */

RedisTls *redis_tls_open(const RedisAddress *a, RedisTrouble *t)
{
    char file[512];

    t->end = REDIS_FINE;
    if (!a->tls)
        return NULL;
    SSL_CTX *c = SSL_CTX_new(TLS_client_method());
    RedisTls *tls = calloc(1, sizeof *tls);
    must(c != NULL && tls != NULL);
    tls->context = c;
    SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE |
                     SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    snprintf(file, sizeof file, "%.*s", STR_ARGS(a->ca));
    if (a->ca.at == NULL ? SSL_CTX_set_default_verify_paths(c) == 1
                         : SSL_CTX_load_verify_file(c, file) == 1)
        return tls;
    trouble(t, REDIS_REFUSED, "no certificates can be read from %s",
            a->ca.at != NULL ? file : "the system");
    redis_tls_close(tls);
    return NULL;
}

void redis_tls_close(RedisTls *tls)
{
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->context);
    free(tls);
}

/* Gives what poll() is to wait for; 0 when the link is over. */
static short tls_wants(SSL *tls, int result)
{
    switch (SSL_get_error(tls, result)) {
    case SSL_ERROR_WANT_READ:  return POLLIN;
    case SSL_ERROR_WANT_WRITE: return POLLOUT;
    default:                   return 0;
    }
}

/* The certificate must be for this name, or for this number; a star in it is a whole
 * label (RFC 9525 6.3). */
static bool tls_expect(SSL *tls, const char *host)
{
    struct in6_addr number;

    if (inet_pton(AF_INET, host, &number) == 1 || inet_pton(AF_INET6, host, &number) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), host) == 1;
    SSL_set_hostflags(tls, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                      X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return SSL_set1_host(tls, host) == 1 && SSL_set_tlsext_host_name(tls, host) == 1;
}

static bool tls_greet(RedisLink *l, const RedisAddress *a, RedisTls *tls, Mono until,
                      RedisTrouble *t)
{
    char host[300];
    int n;

    snprintf(host, sizeof host, "%.*s", STR_ARGS(a->host));
    l->tls = SSL_new(tls->context);
    must(l->tls != NULL);
    if (SSL_set_fd(l->tls, l->fd) != 1 || !tls_expect(l->tls, host))
        return trouble(t, REDIS_REFUSED, "TLS: this host can't be checked");
    while (ERR_clear_error(), (n = SSL_connect(l->tls)) != 1) {
        short events = tls_wants(l->tls, n);
        long verdict = SSL_get_verify_result(l->tls);
        if (verdict != X509_V_OK)
            return trouble(t, REDIS_REFUSED, "TLS certificate: %s",
                           X509_verify_cert_error_string(verdict));
        if (events == 0)
            return trouble(t, REDIS_BROKEN, "TLS: the handshake failed");
        if (!wait_for(l->fd, events, until, t))
            return false;
    }
    return true;
}

/* ---- bytes ---------------------------------------------------------------- */

typedef enum Way { IN, OUT } Way;

/* Moves some bytes; 0 with *events when it has to wait, less when the link is over. */
static isize step(RedisLink *l, Way way, void *at, isize n, short *events)
{
    if (l->tls != NULL) {
        ERR_clear_error();
        int k = way == IN ? SSL_read(l->tls, at, (int)n) : SSL_write(l->tls, at, (int)n);
        *events = k > 0 ? 0 : tls_wants(l->tls, k);
        return k > 0 ? k : *events != 0 ? 0 : -1;
    }
    *events = way == IN ? POLLIN : POLLOUT;
    ssize_t k = way == IN ? recv(l->fd, at, (size_t)n, 0)
                          : send(l->fd, at, (size_t)n, MSG_NOSIGNAL);
    if (k > 0)
        return k;
    return k < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static bool move(RedisLink *l, Way way, void *at, isize n, Mono until, isize *moved,
                 RedisTrouble *t)
{
    short events;

    while ((*moved = step(l, way, at, n, &events)) == 0)
        if (!wait_for(l->fd, events, until, t))
            return false;
    return *moved > 0 || trouble(t, REDIS_BROKEN, "the connection is closed");
}

static bool send_all(RedisLink *l, char *at, isize n, Mono until, RedisTrouble *t)
{
    for (isize moved; n > 0; at += moved, n -= moved)
        if (!move(l, OUT, at, n, until, &moved, t))
            return false;
    return true;
}

/* ---- RESP ----------------------------------------------------------------- */

/* "WRONGPASS invalid ..." is WRONGPASS. */
static void first_word(RedisAnswer *a, const char *text)
{
    isize n = 0;

    while (n < (isize)sizeof a->error - 1 && text[n] >= 'A' && text[n] <= 'Z') {
        a->error[n] = text[n];
        n++;
    }
    a->error[n] = '\0';
}

static bool take_reply(const redisReply *r, Arena *mem, RedisAnswer *a)
{
    *a = (RedisAnswer){ 0 };
    switch (r->type) {
    case REDIS_REPLY_NIL:
        return true;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
        a->kind = ANSWER_TEXT;
        a->text = str_copy(mem, (Str){ r->str, (isize)r->len });
        return true;
    case REDIS_REPLY_INTEGER:
        a->kind = ANSWER_NUMBERS;
        a->n[0] = r->integer;
        return true;
    case REDIS_REPLY_ERROR:
        a->kind = ANSWER_ERROR;
        first_word(a, r->str);
        return true;
    case REDIS_REPLY_ARRAY:
        a->kind = ANSWER_NUMBERS;
        for (size_t i = 0; i < r->elements; i++) {
            if (i >= countof(a->n) || r->element[i]->type != REDIS_REPLY_INTEGER)
                return false;
            a->n[i] = r->element[i]->integer;
        }
        return true;
    }
    return false;
}

static bool hear(RedisLink *l, Mono until, redisReply **out, RedisTrouble *t)
{
    char piece[16 << 10];
    isize all = 0, n;
    void *reply = NULL;

    for (;;) {
        if (redisReaderGetReply(l->reader, &reply) != REDIS_OK)
            return trouble(t, REDIS_BROKEN, "what came is no RESP");
        if (reply != NULL)
            break;
        if (!move(l, IN, piece, sizeof piece, until, &n, t))
            return false;
        all += n;
        if (all > REDIS_ANSWER_MOST ||
            redisReaderFeed(l->reader, piece, (size_t)n) != REDIS_OK)
            return trouble(t, REDIS_BROKEN, "the answer is too long");
    }
    *out = reply;
    return true;
}

bool redis_link_ask(RedisLink *l, Arena *mem, const Str *words, int count, Mono until,
                    RedisAnswer *out, RedisTrouble *t)
{
    const char *at[REDIS_WORDS_MOST];
    size_t len[REDIS_WORDS_MOST];
    char *command = NULL;
    redisReply *reply = NULL;

    must(count <= REDIS_WORDS_MOST);
    for (int i = 0; i < count; i++) {
        at[i] = words[i].len > 0 ? words[i].at : "";
        len[i] = (size_t)words[i].len;
    }
    int n = redisFormatCommandArgv(&command, count, at, len);
    must(n > 0);
    bool good = send_all(l, command, n, until, t) && hear(l, until, &reply, t);
    redisFreeCommand(command);
    if (!good)
        return false;
    good = take_reply(reply, mem, out);
    freeReplyObject(reply);
    return good || trouble(t, REDIS_BROKEN, "an answer that nobody understands");
}

bool redis_link_idle(RedisLink *l)
{
    struct pollfd p = { .fd = l->fd, .events = POLLIN };

    return l->reader->pos == l->reader->len && poll(&p, 1, 0) == 0 &&
           (l->tls == NULL || SSL_pending(l->tls) == 0);
}

/* ---- signing in ----------------------------------------------------------- */

/* What Redis answers while it starts or changes places will pass; a "no" won't. */
static bool refused(RedisTrouble *t, const char *what, const RedisAnswer *a)
{
    bool passing = strcmp(a->error, "LOADING") == 0 ||
                   strcmp(a->error, "MASTERDOWN") == 0 || strcmp(a->error, "BUSY") == 0;

    if (strcmp(a->error, "NOAUTH") == 0)
        return trouble(t, REDIS_REFUSED, "Redis wants a password (NOAUTH)");
    return trouble(t, passing ? REDIS_BROKEN : REDIS_REFUSED, "%s was refused (%s)", what,
                   a->error);
}

static bool say(RedisLink *l, const Str *words, int count, Mono until, RedisTrouble *t)
{
    Arena own = { 0 };
    RedisAnswer a;
    bool good = redis_link_ask(l, &own, words, count, until, &a, t);
    const char *what = str_is(words[0], S("AUTH")) ? "the password"
                     : str_is(words[0], S("SELECT")) ? "the database's number" : "a PING";

    arena_close(&own);
    return good && (a.kind != ANSWER_ERROR || refused(t, what, &a));
}

/* A user may be forbidden to name his connection; it is only for people who look. */
static bool sign_in(RedisLink *l, const RedisAddress *a, Mono until, RedisTrouble *t)
{
    char number[24];
    Str db = { number, snprintf(number, sizeof number, "%jd", (intmax_t)a->db) };
    Str named[] = { S("AUTH"), a->user, a->password },
        unnamed[] = { S("AUTH"), a->password };
    Str choose[] = { S("SELECT"), db }, ping[] = { S("PING") };
    Str name[] = { S("CLIENT"), S("SETNAME"), S("tickettoken") };
    RedisTrouble unminded;

    if (a->password.at != NULL && !(a->user.at != NULL ? say(l, named, 3, until, t)
                                                       : say(l, unnamed, 2, until, t)))
        return false;
    if (a->db != 0 && !say(l, choose, 2, until, t))
        return false;
    if (!say(l, name, 3, until, &unminded) && unminded.end != REDIS_REFUSED) {
        *t = unminded;
        return false;
    }
    return say(l, ping, 1, until, t);
}

/* ---- connecting ----------------------------------------------------------- */

static bool socket_place(const RedisAddress *a, RedisPlaces *out, RedisTrouble *t)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };

    if (a->host.len >= (isize)sizeof un.sun_path)
        return trouble(t, REDIS_REFUSED, "the socket's path is too long");
    memcpy(un.sun_path, a->host.at, (size_t)a->host.len);
    memcpy(&out->each[0].at, &un, sizeof un);
    out->each[0].len = sizeof un;
    out->count = 1;
    return true;
}

bool redis_look_up(const RedisAddress *a, RedisPlaces *out, RedisTrouble *t)
{
    struct addrinfo wants = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV },
                    *found;
    char host[300], port[8];

    memset(out, 0, sizeof *out);
    if (a->port == 0)
        return socket_place(a, out, t);
    snprintf(host, sizeof host, "%.*s", STR_ARGS(a->host));
    snprintf(port, sizeof port, "%d", a->port);
    int error = getaddrinfo(host, port, &wants, &found);
    if (error != 0)
        return trouble(t, REDIS_BROKEN, "its name is not known: %s", gai_strerror(error));
    const struct addrinfo *i = found;
    for (; i != NULL && out->count < REDIS_PLACES_MOST; i = i->ai_next) {
        memcpy(&out->each[out->count].at, i->ai_addr, i->ai_addrlen);
        out->each[out->count++].len = i->ai_addrlen;
    }
    freeaddrinfo(found);
    return true;
}

static bool finish_connect(int fd, Mono until, RedisTrouble *t)
{
    int error = 0;
    socklen_t n = sizeof error;

    if (!wait_for(fd, POLLOUT, until, t))
        return trouble(t, t->end, "it can't be reached in time");
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 && error == 0)
        return true;
    return trouble(t, REDIS_BROKEN, "connect: %s", strerror(error));
}

/* A unix socket's full backlog is EAGAIN: it does not answer either. */
static int connect_one(const RedisPlaces *p, int i, Mono until, RedisTrouble *t)
{
    const struct sockaddr *at = (const struct sockaddr *)&p->each[i].at;
    int fd = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

    if (fd < 0) {
        trouble(t, REDIS_BROKEN, "socket: %s", strerror(errno));
        return -1;
    }
    if (at->sa_family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, at, p->each[i].len) == 0)
        return fd;
    if (errno == EINPROGRESS ? finish_connect(fd, until, t)
                             : trouble(t, REDIS_BROKEN, "connect: %s", strerror(errno)))
        return fd;
    close(fd);
    return -1;
}

static int connect_any(const RedisPlaces *p, Mono until, RedisTrouble *t)
{
    int fd = -1;

    trouble(t, REDIS_BROKEN, "its name stands for nothing");
    for (int i = 0; i < p->count && fd < 0; i++)
        fd = connect_one(p, i, until, t);
    return fd;
}

RedisLink *redis_link_open(const RedisAddress *a, const RedisPlaces *places,
                           RedisTls *tls, Mono until, RedisTrouble *t)
{
    int fd = connect_any(places, until, t);

    if (fd < 0)
        return NULL;
    RedisLink *l = calloc(1, sizeof *l);
    must(l != NULL);
    *l = (RedisLink){ .fd = fd, .reader = redisReaderCreate() };
    must(l->reader != NULL);
    if ((tls == NULL || tls_greet(l, a, tls, until, t)) && sign_in(l, a, until, t)) {
        t->end = REDIS_FINE;
        return l;
    }
    redis_link_close(l);
    return NULL;
}

void redis_link_close(RedisLink *l)
{
    SSL_free(l->tls);
    redisReaderFree(l->reader);
    close(l->fd);
    free(l);
}
