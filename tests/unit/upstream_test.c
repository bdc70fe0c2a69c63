/* upstream_test.c - addresses of a name, who holds an upstream, and which certificates are
 * good for which name: a server of OpenSSL's own shows them. */
#include "unit/test.h"
#include "net/upstream.h"
#include "unit/self_signed.h"
#include <netdb.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* ---- addresses --------------------------------------------------------------- */

/* 192.0.2.N for each letter; as getaddrinfo gives them. */
static void take(Endpoint *e, const char *last)
{
    isize n = (isize)strlen(last);
    struct addrinfo *all = make(mem, struct addrinfo, n + 1);
    struct sockaddr_in *at = make(mem, struct sockaddr_in, n + 1);

    for (isize i = 0; i < n; i++) {
        at[i] = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(80) };
        at[i].sin_addr.s_addr = htonl(0xC0000200 + (u8)last[i]);
        all[i] = (struct addrinfo){ .ai_addr = (struct sockaddr *)&at[i],
            .ai_addrlen = sizeof at[i], .ai_next = i + 1 < n ? &all[i + 1] : NULL };
    }
    endpoint_take(e, n > 0 ? all : NULL);
}

/* Those it gives in turn, each once. */
static Str given(Endpoint *e)
{
    Buf b = buf_in(mem, 16);

    for (int i = 0; i < e->count; i++) {
        struct sockaddr_storage at;
        socklen_t len;
        must(endpoint_address(e, &at, &len) && len == sizeof(struct sockaddr_in));
        buf_byte(&b, (char)(ntohl(((struct sockaddr_in *)&at)->sin_addr.s_addr) & 0xFF));
    }
    return buf_str(&b);
}

TEST(the_order_of_addresses_means_nothing_and_others_begin_a_generation)
{
    Endpoint e = { 0 };

    lock_init(&e.lock, RANK_SERVER);
    take(&e, "cab");
    u64 first = e.generation;
    must(str_is(given(&e), S("abc")) && first == 1);
    take(&e, "bca");
    take(&e, "abcabc");
    must(e.generation == first && str_is(given(&e), S("abc")));
    take(&e, "abd");
    must(e.generation == first + 1 && str_is(given(&e), S("abd")));
    take(&e, "ab");
    must(e.generation == first + 2 && str_is(given(&e), S("ab")));
    lock_close(&e.lock);
}

TEST(of_more_addresses_than_there_is_room_for_the_same_are_taken)
{
    Endpoint e = { 0 };

    lock_init(&e.lock, RANK_SERVER);
    take(&e, "kjihgfedcba");
    must(e.count == ADDRESSES_MOST && str_is(given(&e), S("abcdefgh")));
    u64 first = e.generation;
    take(&e, "edcbakjihgf");
    take(&e, "abcdefghijk");
    must(e.generation == first && str_is(given(&e), S("abcdefgh")));
    lock_close(&e.lock);
}

/* ---- who holds it -------------------------------------------------------------- */

static Upstream *plain_upstream(const char *name)
{
    static Url url;
    Str why = { 0 };
    UpstreamConfig c = { .name = str_of(name), .urls = &url, .url_count = 1, .lines_most = 4,
                         .breaker = { 5, seconds(10), seconds(5) } };

    must(url_read(mem, S("http://127.0.0.1:9/v2"), &url));
    return upstream_open(mem, &c, &why);
}

TEST(an_upstream_keeps_its_place_until_the_last_lets_it_go)
{
    Upstream *a = plain_upstream("a"), *b = plain_upstream("b");
    int place = a->number;

    must(place != b->number && str_is(a->config.name, S("a")));
    upstream_hold(a);
    upstream_retire(a);
    must(a->retired);
    Upstream *c = plain_upstream("c");
    must(c->number != place && c->number != b->number);
    upstream_let_go(a);
    Upstream *d = plain_upstream("d");
    must(d->number == place && !d->retired);
    upstream_let_go(b);
    upstream_let_go(c);
    upstream_let_go(d);
}

TEST(when_all_places_are_taken_another_one_is_refused)
{
    Upstream *all[UPSTREAM_PLACES];

    for (int i = 0; i < UPSTREAM_PLACES; i++)
        must((all[i] = plain_upstream("one")) != NULL);
    must(plain_upstream("more") == NULL);
    for (int i = 0; i < UPSTREAM_PLACES; i++)
        upstream_let_go(all[i]);
}

/* ---- names in certificates ------------------------------------------------------ */

static EVP_PKEY *key;

static X509 *certificate(const char *common, const char *names)
{
    if (key == NULL)
        key = EVP_EC_gen("P-256");
    return self_signed(key, (SelfSigned){ common, names, 1 });
}

typedef struct Shown { X509 *certificate; int fd; } Shown;

static void *show(void *arg)
{
    const Shown *s = arg;
    SSL_CTX *c = SSL_CTX_new(TLS_server_method());

    must(SSL_CTX_use_certificate(c, s->certificate) == 1 && SSL_CTX_use_PrivateKey(c, key) == 1);
    SSL *ssl = SSL_new(c);
    SSL_set_fd(ssl, s->fd);
    SSL_accept(ssl);
    SSL_free(ssl);
    SSL_CTX_free(c);
    close(s->fd);
    return NULL;
}

static bool shakes(TlsClient *t, Link *l, const char *host)
{
    return tls_client_wrap(t, l, host) && l->via->greet(l) == GREETED;
}

/* Whether who shows that certificate, which we trust, is `host` to us. */
static bool is_good(const char *host, const char *common, const char *names)
{
    X509 *x = certificate(common, names);
    const char *path = temp_path("ca.pem");
    FILE *f = fopen(path, "w");
    int pair[2];
    pthread_t thread;
    Str why = { 0 };

    signal(SIGPIPE, SIG_IGN);
    must(f != NULL && PEM_write_X509(f, x) == 1 && fclose(f) == 0);
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    TlsClient *t = tls_client_open(mem, str_of(path), (Str){ 0 }, (Str){ 0 }, &why);
    must(t != NULL);
    must(pthread_create(&thread, NULL, show, &(Shown){ x, pair[1] }) == 0);
    Link l = { .via = &plain_transport, .fd = pair[0] };
    bool good = shakes(t, &l, host);
    l.via->free(&l);
    must(pthread_join(thread, NULL) == 0);
    tls_client_close(t);
    X509_free(x);
    return good;
}

TEST(a_certificate_is_good_for_the_names_it_says_and_a_star_is_one_whole_label)
{
    must(is_good("shop.example", "x", "DNS:shop.example"));
    must(is_good("SHOP.example", "x", "DNS:other.example, DNS:shop.EXAMPLE"));
    must(is_good("a.shop.example", "x", "DNS:*.shop.example"));
    must(!is_good("shop.example", "x", "DNS:other.example"));
    must(!is_good("shop.example", "x", "DNS:*.shop.example"));
    must(!is_good("b.a.shop.example", "x", "DNS:*.shop.example"));
    must(!is_good("shop.example", "x", "DNS:*.example, DNS:*"));
    must(!is_good("a.shop.example", "x", "DNS:a.*.example"));
}

/* RFC 9525 section 6.3; OpenSSL takes these when nobody says otherwise. */
TEST(a_star_within_a_label_is_no_star)
{
    X509 *x = certificate("x", "DNS:ca*.shop.example");

    must(X509_check_host(x, "catalog.shop.example", 0, 0, NULL) == 1);       /* the control */
    X509_free(x);
    must(!is_good("catalog.shop.example", "x", "DNS:ca*.shop.example"));
    must(!is_good("catalog.shop.example", "x", "DNS:*log.shop.example"));
    must(!is_good("catalog.shop.example", "x", "DNS:c*g.shop.example"));
}

/* RFC 9525 section 2: the common name is for people to read. */
TEST(the_common_name_is_no_name_and_a_number_is_not_one)
{
    X509 *x = certificate("shop.example", NULL);

    must(X509_check_host(x, "shop.example", 0, 0, NULL) == 1);               /* the control */
    X509_free(x);
    must(!is_good("shop.example", "shop.example", NULL));
    must(!is_good("shop.example", "shop.example", "IP:127.0.0.1"));
    must(is_good("127.0.0.1", "x", "IP:127.0.0.1"));
    must(!is_good("127.0.0.1", "127.0.0.1", "DNS:127.0.0.1"));
    must(is_good("::1", "x", "IP:::1"));
}
