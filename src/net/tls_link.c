/* tls_link.c - TLS as a link, by OpenSSL on a non-blocking socket.
 *
 * OpenSSL's own way to a socket reads the head of a record and its body by a call each,
 * and doesn't say when a read has left nothing, so there would be a third to be told
 * that. Ours reads ahead and remembers (`dry`): one call for a request. What it has read
 * ahead is OpenSSL's, and no epoll tells of it, so a link that has some of that is never
 * dry. */
#include "net/link.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECORD = 16 << 10 };

/* ---- the socket under it --------------------------------------------------------- */

static bool is_not_now(int error) { return error == EAGAIN || error == EINTR; }

static int take(BIO *b, char *to, int n)
{
    Link *l = BIO_get_data(b);
    ssize_t got = recv(l->fd, to, (size_t)n, 0);

    BIO_clear_flags(b, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
    l->dry = got > 0 && got < n;
    if (got == 0)
        BIO_set_flags(b, BIO_FLAGS_IN_EOF);
    else if (got < 0 && is_not_now(errno))
        BIO_set_retry_read(b);
    return (int)got;
}

static int give(BIO *b, const char *at, int n)
{
    const Link *l = BIO_get_data(b);
    ssize_t gone = send(l->fd, at, (size_t)n, MSG_NOSIGNAL);

    BIO_clear_flags(b, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
    if (gone < 0 && is_not_now(errno))
        BIO_set_retry_write(b);
    return (int)gone;
}

static long control(BIO *b, int what, long number, void *at)
{
    (void)number, (void)at;
    return what == BIO_CTRL_EOF ? BIO_test_flags(b, BIO_FLAGS_IN_EOF) != 0
                                : what == BIO_CTRL_FLUSH;
}

static BIO_METHOD *method;

static void make_method(void)
{
    must((method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
                                "link")) != NULL);
    must(BIO_meth_set_read(method, take) == 1 && BIO_meth_set_write(method, give) == 1 &&
         BIO_meth_set_ctrl(method, control) == 1);
}

bool tls_sit_on(Link *l, void *ssl)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_method);
    BIO *b = BIO_new(method);
    if (b == NULL)
        return false;
    BIO_set_data(b, l);
    BIO_set_init(b, 1);
    SSL_set_bio(ssl, b, b);
    l->tls = ssl;
    l->via = &tls_transport;
    return true;
}

/* ---- the link ------------------------------------------------------------------ */

/* SSL_get_error takes what others left for what went wrong here. */
static void forget_errors(void)
{
    if (ERR_peek_error() != 0)
        ERR_clear_error();
}

static isize outcome(Link *l, int result)
{
    int error = result > 0 ? SSL_ERROR_NONE : SSL_get_error(l->tls, result);

    switch (error) {
    case SSL_ERROR_NONE:        return result;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:  return LINK_AGAIN;
    case SSL_ERROR_ZERO_RETURN: return 0;
    default:
        ERR_clear_error();
        return LINK_GONE;
    }
}

static isize tls_read(Link *l, char *to, isize n)
{
    forget_errors();
    l->dry = false;
    isize got = outcome(l, SSL_read(l->tls, to, n > RECORD ? RECORD : (int)n));
    l->dry = l->dry && !SSL_has_pending(l->tls);
    return got;
}

/* One record of what the parts hold: a small write each would be a record each. */
static isize tls_write(Link *l, const struct iovec *parts, int count)
{
    static _Thread_local char record[RECORD];
    size_t have = 0;

    for (int i = 0; i < count && have < RECORD; i++) {
        size_t n = parts[i].iov_len;
        if (n > RECORD - have)
            n = RECORD - have;
        memcpy(record + have, parts[i].iov_base, n);
        have += n;
    }
    if (have == 0)
        return 0;
    forget_errors();
    return outcome(l, SSL_write(l->tls, record, (int)have));
}

static isize tls_greet(Link *l)
{
    forget_errors();
    isize got = outcome(l, SSL_do_handshake(l->tls));
    const unsigned char *chosen;
    unsigned len;

    if (got <= 0)
        return got == 0 ? LINK_GONE : got;
    SSL_get0_alpn_selected(l->tls, &chosen, &len);
    return len == 2 ? GREETED_H2 : GREETED;
}

static void tls_finish(Link *l)
{
    forget_errors();
    if (SSL_is_init_finished(l->tls))
        (void)SSL_shutdown(l->tls);
    shutdown(l->fd, SHUT_WR);
}

static void tls_free(Link *l)
{
    SSL_free(l->tls);
    close(l->fd);
}

const Transport tls_transport = { tls_read, tls_write, tls_greet, tls_finish, tls_free,
                                  .shared = false };
