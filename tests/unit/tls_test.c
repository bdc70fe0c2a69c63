/* tls_test.c - the server under TLS, asked by OpenSSL's own client, with a certificate
 * that is made here. */
#include <netinet/tcp.h>
#include "unit/peer.h"
#include "unit/self_signed.h"
#include <openssl/ssl.h>

static void make_certificate(const char *cert_path, const char *key_path, long serial)
{
    write_self_signed(cert_path, key_path, (SelfSigned){ "localhost", NULL, serial });
}

static ServerConfig secure_config(void)
{
    ServerConfig c = house_config();
    const char *cert = temp_path("cert.pem"), *key = temp_path("key.pem");

    make_certificate(cert, key, 1);
    c.tls_cert = str_of(cert);
    c.tls_key = str_of(key);
    return c;
}

typedef struct Client { SSL_CTX *context; SSL *ssl; int fd; } Client;

/* Shakes hands; ssl is NULL when the server would not. `alpn` in wire form. */
static Client greet_with(int port, const char *alpn, int newest, const char *ciphers)
{
    Client c = { SSL_CTX_new(TLS_client_method()), NULL, peer_connect(port) };

    SSL_CTX_set_max_proto_version(c.context, newest);
    SSL_CTX_set_min_proto_version(c.context, TLS1_VERSION);
    must(SSL_CTX_set_cipher_list(c.context, ciphers) == 1);
    c.ssl = SSL_new(c.context);
    if (alpn != NULL)
        must(SSL_set_alpn_protos(c.ssl, (const u8 *)alpn, (unsigned)strlen(alpn)) == 0);
    must(SSL_set_fd(c.ssl, c.fd) == 1);
    if (SSL_connect(c.ssl) != 1) {
        SSL_free(c.ssl);
        c.ssl = NULL;
    }
    return c;
}

static Client greet(int port, const char *alpn, int newest)
{
    return greet_with(port, alpn, newest, "ALL:@SECLEVEL=0");
}

static void leave(Client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->context);
    close(c->fd);
}

static void say(Client *c, Str bytes)
{
    must(SSL_write(c->ssl, bytes.at, (int)bytes.len) == bytes.len);
}

static Str hear(Client *c, Str until)
{
    Buf b = buf_in(mem, 65536);
    char piece[16384];

    while (!str_has(str_sub(buf_str(&b), b.len - 20000, b.len), until)) {
        int n = SSL_read(c->ssl, piece, sizeof piece);
        if (n <= 0)
            break;
        buf_add(&b, (Str){ piece, n });
    }
    return buf_str(&b);
}

TEST(requests_are_answered_under_tls_1_2_and_1_3)
{
    Server *s = house_open(secure_config());
    static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

    for (isize i = 0; i < countof(versions); i++) {
        Client c = greet(server_port(s), "\x08http/1.1", versions[i]);
        const unsigned char *chosen;
        unsigned len;
        must(c.ssl != NULL && SSL_version(c.ssl) == versions[i]);
        SSL_get0_alpn_selected(c.ssl, &chosen, &len);
        must(len == 8 && memcmp(chosen, "http/1.1", 8) == 0);
        for (int k = 0; k < 3; k++) {
            say(&c, S("GET /health HTTP/1.1\r\nHost: a\r\n\r\n"));
            must(str_has(hear(&c, S("ok\"}")), S("200 OK")));
            say(&c, S("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel"));
            say(&c, S("lo"));
            must(str_has(hear(&c, S("hello")), S("200 OK")));
        }
        leave(&c);
    }
    house_close(s);
}

/* OpenSSL reads ahead, and no event tells of what it has. A worker has the connection
 * between two of them. */
TEST(records_that_come_together_are_all_read)
{
    Server *s = house_open(secure_config());
    Client c = greet(server_port(s), NULL, TLS1_3_VERSION);
    isize answers = 0;

    for (int round = 0; round < 20; round++) {
        must(setsockopt(c.fd, IPPROTO_TCP, TCP_CORK, &(int){ 1 }, sizeof(int)) == 0);
        for (int i = 0; i < 40; i++)
            say(&c, i % 4 == 0 ? S("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
                               : S("GET /health HTTP/1.1\r\nHost: a\r\n\r\n"));
        must(setsockopt(c.fd, IPPROTO_TCP, TCP_CORK, &(int){ 0 }, sizeof(int)) == 0);
        for (answers = 0; answers < 40;) {
            char piece[16384];
            int n = SSL_read(c.ssl, piece, sizeof piece);
            must(n > 0);
            answers += count_of((Str){ piece, n }, S("HTTP/1.1 200 OK"));
        }
        must(answers == 40);
    }
    leave(&c);
    house_close(s);
}

static bool speaks(const Client *c, const char *protocol)
{
    const unsigned char *chosen;
    unsigned len;

    SSL_get0_alpn_selected(c->ssl, &chosen, &len);
    return len == strlen(protocol) && memcmp(chosen, protocol, len) == 0;
}

TEST(old_versions_and_other_protocols_are_refused)
{
    Server *s = house_open(secure_config());
    Client old = greet(server_port(s), NULL, TLS1_1_VERSION);
    Client other = greet(server_port(s), "\x02h3", TLS1_3_VERSION);
    Client both = greet(server_port(s), "\x08http/1.1\x02h2", TLS1_3_VERSION);

    must(old.ssl == NULL && other.ssl == NULL && both.ssl != NULL && speaks(&both, "h2"));
    leave(&old), leave(&other), leave(&both);
    house_close(s);
}

/* Without forward secrecy, or with a MAC after the encryption. */
TEST(weak_ciphers_are_refused)
{
    static const char *const weak[] = { "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384", "ECDHE-ECDSA-AES128-CCM8",
                                        "AES128-GCM-SHA256", "aNULL:eNULL:@SECLEVEL=0" };
    Server *s = house_open(secure_config());

    for (isize i = 0; i < countof(weak); i++) {
        Client c = greet_with(server_port(s), NULL, TLS1_2_VERSION, weak[i]);
        must(c.ssl == NULL);
        leave(&c);
    }
    Client good = greet_with(server_port(s), NULL, TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256");
    must(good.ssl != NULL);
    leave(&good);
    house_close(s);
}

/* A client that could have the server do the costly part of a handshake again and again. */
TEST(nobody_shakes_hands_twice)
{
    Server *s = house_open(secure_config());
    Client c = greet(server_port(s), NULL, TLS1_2_VERSION);

    must(c.ssl != NULL && SSL_renegotiate(c.ssl) == 1);
    must(SSL_do_handshake(c.ssl) != 1 || SSL_renegotiate_pending(c.ssl));
    leave(&c);
    house_close(s);
}

TEST(http_2_is_not_offered_where_it_is_off)
{
    ServerConfig config = secure_config();
    config.http2 = HTTP2_OFF;
    Server *s = house_open(config);
    Client h2 = greet(server_port(s), "\x02h2", TLS1_3_VERSION);
    Client both = greet(server_port(s), "\x02h2\x08http/1.1", TLS1_3_VERSION);

    must(h2.ssl == NULL && both.ssl != NULL && speaks(&both, "http/1.1"));
    leave(&h2), leave(&both);
    house_close(s);
}

/* The serial number of the certificate that a new connection is shown. */
static i64 serial_shown(const Server *s)
{
    Client c = greet(server_port(s), NULL, TLS1_3_VERSION);
    X509 *x = SSL_get1_peer_certificate(c.ssl);
    i64 serial = ASN1_INTEGER_get(X509_get_serialNumber(x));

    X509_free(x);
    leave(&c);
    return serial;
}

TEST(a_new_certificate_is_taken_and_old_connections_stay)
{
    ServerConfig config = secure_config();
    Server *s = house_open(config);
    Client old = greet(server_port(s), NULL, TLS1_3_VERSION);

    must(serial_shown(s) == 1);
    make_certificate(config.tls_cert.at, config.tls_key.at, 2);
    must(serial_shown(s) == 1);
    server_renew(s, IF_CHANGED);
    must(serial_shown(s) == 2);
    say(&old, S("GET /health HTTP/1.1\r\nHost: a\r\n\r\n"));
    must(str_has(hear(&old, S("ok\"}")), S("200 OK")));
    leave(&old);
    house_close(s);
}

TEST(a_bad_certificate_changes_nothing)
{
    ServerConfig config = secure_config();
    Server *s = house_open(config);
    FILE *f = fopen(config.tls_cert.at, "w");

    must(f != NULL && fputs("half a file", f) >= 0 && fclose(f) == 0);
    server_renew(s, IF_CHANGED);
    must(serial_shown(s) == 1);
    make_certificate(config.tls_cert.at, temp_path("another.pem"), 3);
    server_renew(s, NOW);                         /* not this key's            */
    must(serial_shown(s) == 1);
    make_certificate(config.tls_cert.at, config.tls_key.at, 4);
    server_renew(s, IF_CHANGED);
    must(serial_shown(s) == 4);
    house_close(s);
}

TEST(large_answers_and_streams_go_under_tls_too)
{
    Server *s = house_open(secure_config());
    Client c = greet(server_port(s), NULL, TLS1_3_VERSION);
    Topic a = topic_of(S("a"));

    say(&c, S("GET /big HTTP/1.1\r\nHost: a\r\n\r\nGET /health HTTP/1.1\r\nHost: a\r\n\r\n"));
    must(hear(&c, S("{\"status\":\"ok\"}")).len > BIG);
    say(&c, S("GET /stream?t=a HTTP/1.1\r\nHost: a\r\n\r\n"));
    must(str_has(hear(&c, S("connected\ndata: {}\n\n")), S("text/event-stream")));
    for (i64 id = 1; id <= 1000; id++) {
        Str wire = str_fmt(mem, "id: %jd\ndata: a line of some length to fill records\n\n",
                           (intmax_t)id);
        stream_publish(s, id, &a, 1, wire);
    }
    must(count_of(hear(&c, S("id: 1000\ndata: a line of some length to fill records\n\n")),
                  S("id: ")) == 1000);
    leave(&c);
    house_close(s);
}

/* ---- a stream whose reader has stopped ------------------------------------------ */

static Server *watched;
static bool open_is(i64 n) { return stream_counts(watched).open == n; }
static bool connections_are(i64 n) { return server_counts(watched).connections == n; }

static Client watch(const char *query)
{
    Client c = greet(server_port(watched), NULL, TLS1_3_VERSION);

    must(setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &(int){ 4096 }, sizeof(int)) == 0);
    say(&c, str_fmt(mem, "GET /stream?%s HTTP/1.1\r\nHost: a\r\n\r\n", query));
    must(str_has(hear(&c, S("connected\ndata: {}\n\n")), S("text/event-stream")));
    return c;
}

/* More than the kernel takes for who does not read, one by one: the record that is half out
 * in the end is shorter than a word of parting. */
static void tell_many(Client *reader)
{
    Topic a = topic_of(S("a"));

    for (int id = 1; id <= 4000; id++) {
        char wire[64], came[64];
        int n = snprintf(wire, sizeof wire, "id: %d\ndata: some words to fill it\n\n", id);
        stream_publish(watched, id, &a, 1, (Str){ wire, n });
        must(SSL_read(reader->ssl, came, sizeof came) == n && memcmp(came, wire, (size_t)n) == 0);
    }
}

/* All that came, up to the end. */
static Str rest_of(Client *c)
{
    Buf b = buf_in(mem, 1 << 20);
    char piece[16384];

    for (int n; (n = SSL_read(c->ssl, piece, sizeof piece)) > 0;)
        buf_add(&b, (Str){ piece, n });
    return buf_str(&b);
}

TEST(a_stream_that_is_stuck_under_tls_is_closed_without_a_word)
{
    ServerConfig config = secure_config();
    config.io_threads = 1;
    Server *s = watched = house_open(config);
    Client pushed = watch("t=a&owner=x&most=1"), stuck = watch("t=a"), reader = watch("t=a");
    Mono begun;

    tell_many(&reader);
    must(open_is(3) && connections_are(3));
    begun = mono_now();
    Client newer = watch("t=b&owner=x&most=1");
    must(eventually(open_is, 3, 3000) && eventually(connections_are, 3, 3000));
    stream_publish(s, 5000, (Topic[]){ topic_of(S("a")) }, 1, S("id: 5000\ndata: still\n\n"));
    must(str_has(hear(&reader, S("still")), S("still")));
    must(server_drain(s, seconds(5)) && mono_us(begun, mono_now()) < 5000000);
    must(str_has(rest_of(&reader), S("SHUTDOWN")) && str_has(rest_of(&newer), S("SHUTDOWN")));
    must(!str_has(rest_of(&pushed), S("event: ")) && !str_has(rest_of(&stuck), S("event: ")));
    leave(&pushed), leave(&stuck), leave(&reader), leave(&newer);
    house_close(s);
}

/* ---- HTTP/2, record by record ------------------------------------------------- */

/* Which record brought the end of stream 1 and which its reset; 0: none yet. */
typedef struct Seen { int end, stop; u8 why; } Seen;

static void look(Seen *seen, Str record, int number)
{
    for (const u8 *f; record.len >= 9; record = str_sub(record, 9 + (f[0] << 16 | f[1] << 8 | f[2]), record.len)) {
        f = (const u8 *)record.at;
        if (f[8] == 1 && f[3] == 0 && (f[4] & 1) != 0)        /* DATA, END_STREAM */
            seen->end = number;
        if (f[8] == 1 && f[3] == 3) {                         /* RST_STREAM       */
            seen->stop = number;
            seen->why = (u8)f[12];
        }
    }
}

/* Node.js' client never closes a stream whose reset it reads along with the answer's end. */
TEST(who_still_sends_a_refused_body_is_told_to_stop_in_a_record_of_its_own)
{
    Server *s = house_open(secure_config());

    for (int i = 0; i < 20; i++) {
        Client c = greet(server_port(s), "\x02h2", TLS1_3_VERSION);
        Seen seen = { 0 };
        char piece[16384];

        say(&c, S("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
                  "\0\0\x0d\1\4\0\0\0\1\x83\x86\x41\1a\x44\6/small"
                  "\0\0\x14\0\0\0\0\0\1twenty bytes of body"));
        for (int number = 1; seen.stop == 0; number++) {
            int n = SSL_read(c.ssl, piece, sizeof piece);     /* one record at most */
            must(n > 0);
            look(&seen, (Str){ piece, n }, number);
        }
        must(seen.end > 0 && seen.end < seen.stop && seen.why == 0);
        leave(&c);
    }
    house_close(s);
}

TEST(a_handshake_has_a_deadline)
{
    ServerConfig config = secure_config();
    config.head_within = (Span){ 300 };
    Server *s = house_open(config);
    int fd = peer_connect(server_port(s));

    peer_send(fd, S("\x16\x03\x01\x02"));
    must(!peer_closed(fd, 100) && peer_closed(fd, 5000));
    close(fd);
    house_close(s);
}

TEST(a_drain_says_goodbye_under_tls)
{
    Server *s = house_open(secure_config());
    Client c = greet(server_port(s), NULL, TLS1_3_VERSION);
    char piece[16];

    say(&c, S("GET /health HTTP/1.1\r\nHost: a\r\n\r\n"));
    must(hear(&c, S("ok\"}")).len > 0);
    must(server_drain(s, seconds(2)));
    int n = SSL_read(c.ssl, piece, sizeof piece);
    must(n == 0 && SSL_get_error(c.ssl, n) == SSL_ERROR_ZERO_RETURN);
    leave(&c);
    house_close(s);
}

TEST(a_certificate_that_cant_be_read_stops_the_start)
{
    ServerConfig c = house_config();
    ServerHooks hooks = { NULL, house_serve, house_refuse, NULL };
    Str why = { 0 };

    c.tls_cert = S("/nonexistent/cert.pem");
    c.tls_key = S("/nonexistent/key.pem");
    must(server_open(&c, &hooks, mem, &why) == NULL && str_starts(why, S("TLS_CERT_FILE /nonexistent/cert.pem: No such file")));
    c = secure_config();
    c.tls_key = c.tls_cert;
    must(server_open(&c, &hooks, mem, &why) == NULL && str_starts(why, S("TLS_KEY_FILE ")));
}
