/* forward_test.c - requests that go to a service behind, where both ends are in the hand of
 * the test: what either does at the worst moment. */
#include <fcntl.h>
#include <openssl/ssl.h>
#include <sys/resource.h>
#include "unit/behind.h"

/* ---- both ends as they should be ------------------------------------------------------ */

TEST(a_line_carries_one_request_after_another)
{
    open_all(usual());
    int c = asks("GET /api/1 HTTP/1.1\r\n" H "\r\n");
    int b = heard(&own.behind, "GET /api/1 HTTP/1.1\r\nHost: 127.0.0.1:");

    peer_send(b, S(OK_2 "ok"));
    must(str_ends(peer_read(c, 1, 3000), S("\r\n\r\nok")));
    for (int i = 0; i < 20; i++) {
        peer_send(c, S("POST /api/2 HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc"));
        must(peer_await(b, S("\r\n\r\nabc"), 3000).at != NULL);
        peer_send(b, S(OK_2 "ok"));
        must(str_ends(peer_read(c, 1, 3000), S("\r\n\r\nok")));
    }
    must(nobody_came(&own.behind, 0) && lines_are(1));
    close(c), close(b);
    close_all();
}

TEST(an_answer_may_come_byte_by_byte)
{
    static const char chunks[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n"
                                 "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-T: 1\r\n\r\n";
    open_all(usual());
    int c = asks("GET /api/1 HTTP/1.1\r\n" H "\r\n"), b = heard(&own.behind, "\r\n\r\n");
    Buf got = buf_in(mem, 1000);

    isize body = strstr(chunks, "\r\n\r\n") - chunks;
    for (isize i = 0; i < (isize)sizeof chunks - 1; i++) {
        peer_send(b, (Str){ chunks + i, 1 });
        if (i > body && chunks[i] >= 'a' && chunks[i] <= 'e') /* or two come as one */
            while (!str_has(buf_str(&got), str_fmt(mem, "\r\n1\r\n%c\r\n", chunks[i])))
                must(peer_some(c, &got, 30000) > 0);
    }
    while (!str_has(buf_str(&got), S("0\r\n\r\n")))
        must(peer_some(c, &got, 3000) > 0);
    must(str_has(buf_str(&got), S("X-A: b\r\n")) && !str_has(buf_str(&got), S("X-T")));
    for (const char *letter = "abcde"; *letter != '\0'; letter++)
        must(count_of(buf_str(&got), str_fmt(mem, "\r\n1\r\n%c\r\n", *letter)) == 1);
    close(c), close(b);
    close_all();
}

TEST(who_speaks_http_1_0_gets_no_chunks)
{
    open_all(usual());
    int c = asks("GET /api/1 HTTP/1.0\r\nConnection: keep-alive\r\nTE: trailers\r\n\r\n");
    int b = heard(&own.behind, "GET /api/1 HTTP/1.1\r\n");
    Buf got = buf_in(mem, 1000);

    peer_send(b, S("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "2\r\nok\r\n0\r\nDigest: c\r\n\r\n"));
    while (peer_some(c, &got, 3000) > 0)
        ;
    must(count_of(buf_str(&got), S("HTTP/1.")) == 1 && str_ends(buf_str(&got), S("\r\n\r\nok")));
    must(!str_has(buf_str(&got), S("chunked")) && str_has(buf_str(&got), S("Connection: close\r\n")));
    close(c), close(b);
    close_all();
}

TEST(of_early_hints_only_the_links_come_through)
{
    open_all(usual());
    int c = asks("GET /api/1 HTTP/1.1\r\n" H "\r\n"), b = heard(&own.behind, "\r\n\r\n");

    peer_send(b, S("HTTP/1.1 103 Hints\r\nSet-Cookie: a=1\r\nLink: </s.css>\r\nX-Accel-Redirect: /x\r\n\r\n"));
    must(str_is(peer_await(c, S("\r\n\r\n"), 3000), S("HTTP/1.1 103 Early Hints\r\nLink: </s.css>\r\n\r\n")));
    peer_send(b, S(OK_2 "ok"));
    must(status_of(peer_read(c, 1, 3000)) == 200);
    close(c), close(b);
    close_all();
}

TEST(trailers_go_both_ways_and_ours_do_not)
{
    open_all(usual());
    int c = asks("POST /api/1 HTTP/1.1\r\n" H "TE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "2\r\nhi\r\n0\r\nX-Ours: a\r\nDigest: b\r\nHost: evil\r\n\r\n");
    int b = heard(&own.behind, "\r\n2\r\nhi\r\n0\r\nDigest: b\r\n\r\n");
    peer_send(b, S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"
                   "0\r\nX-Ours: a\r\nDigest: c\r\nSet-Cookie: d\r\n\r\n"));
    must(peer_await(c, S("\r\n0\r\nDigest: c\r\n\r\n"), 3000).at != NULL);
    close(c), close(b);
    close_all();
}

/* ---- the service behind does what it should not ------------------------------------ */

TEST(what_is_no_body_of_chunks_is_cut_and_its_line_is_not_used_again)
{
    static const char *const wrong[] = { "x\r\n", "3\r\nabcd\r\n", "3\r\nabc\n", "fffffffffffffffff\r\n",
                                         "0\r\n X: y\r\n\r\n", "-1\r\n" };

    open_all(usual());
    for (isize i = 0; i < countof(wrong); i++) {
        int c = asks("GET /api/1 HTTP/1.1\r\n" H "\r\n"), b = heard(&own.behind, "\r\n\r\n");
        peer_send(b, str_fmt(mem, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s", wrong[i]));
        must(peer_closed(c, 3000) && peer_closed(b, 3000));
        close(c), close(b);
    }
    must(eventually(lines_are, 0, 1000));
    close_all();
}

/* Each of these could hand the next asker an answer that is not his. */
TEST(a_line_is_used_again_only_after_one_whole_answer_and_nothing_else)
{
    static const char *const last[] = {
        OK_2 "okHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", OK_2 "ok\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nx",
        "HTTP/1.1 204 No\r\n\r\nx" };

    open_all(usual());
    for (isize i = 0; i < countof(last); i++) {
        int c = asks("GET /api/1 HTTP/1.1\r\n" H "\r\n"), b = heard(&own.behind, "\r\n\r\n");
        peer_send(b, str_of(last[i]));
        must(status_of(peer_read(c, 1, 3000)) / 100 == 2 && peer_closed(b, 2000));
        close(c), close(b);
    }
    int c = asks("GET /api/1 HTTP/1.1\r\n" H "\r\n"), b = heard(&own.behind, "\r\n\r\n");
    peer_send(b, S(OK_2 "ok"));
    must(status_of(peer_read(c, 1, 3000)) == 200 && lines_are(1));
    peer_send(b, S("x"));                         /* while nobody has asked   */
    must(peer_closed(b, 2000));
    close(c), close(b);
    c = asks("POST /api/1 HTTP/1.1\r\n" H "Content-Length: 100\r\n\r\nhalf");
    b = heard(&own.behind, "half");
    peer_send(b, S(OK_2 "ok"));                   /* the rest would be the next request there */
    must(status_of(peer_read(c, 1, 3000)) == 200 && peer_closed(c, 2000) && peer_closed(b, 2000));
    close(c), close(b);
    close_all();
}

/* The request was there first, and what stands on its line before it was sent is not for it. */
TEST(what_came_before_the_question_is_no_answer_to_it)
{
    open_all(usual());
    int c = asks("GET /api/1 HTTP/1.1\r\n" H "\r\n"), b = heard(&own.behind, "\r\n\r\n");
    peer_send(b, S(OK_2 "ok"));
    must(status_of(peer_read(c, 1, 3000)) == 200 && lines_are(1));
    int sleeper = asks("GET /nap HTTP/1.1\r\n" H "\r\n");
    must(eventually(waiting_is, 1, 5000));        /* the thread is held: both come in one turn */
    peer_send(c, S("GET /api/2 HTTP/1.1\r\n" H "\r\n"));
    usleep(50000);
    peer_send(b, S("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"));
    house_release(1);
    int fresh = heard(&own.behind, "GET /api/2 ");
    peer_send(fresh, S(OK_2 "ok"));
    must(str_ends(peer_read(c, 1, 3000), S("\r\n\r\nok")) && peer_closed(b, 2000));
    close(c), close(b), close(fresh), close(sleeper);
    close_all();
}

TEST(what_switches_protocols_or_breaks_off_is_no_answer)
{
    struct linger hard = { 1, 0 };

    open_all(usual());
    int c = asks("GET /api/1 HTTP/1.1\r\n" H "\r\n"), b = heard(&own.behind, "\r\n\r\n");
    peer_send(b, S("HTTP/1.1 101 Other\r\nUpgrade: x\r\n\r\n" OK_2 "ok"));
    must(status_of(peer_read(c, 1, 3000)) == 502 && peer_closed(b, 2000));
    close(c), close(b);
    c = asks("GET /api/1 HTTP/1.1\r\n" H "\r\n"), b = heard(&own.behind, "\r\n\r\n");
    peer_send(b, S("HTTP/1.1 200 OK\r\n\r\nhalf"));
    must(peer_await(c, S("half"), 3000).at != NULL);
    must(setsockopt(b, SOL_SOCKET, SO_LINGER, &hard, sizeof hard) == 0);
    close(b);                                     /* a reset is no end of a body */
    Buf rest = buf_in(mem, 100);
    while (peer_some(c, &rest, 3000) > 0)
        ;
    must(!str_has(buf_str(&rest), S("0\r\n\r\n")));
    close(c);
    close_all();
}

/* One answer under TLS, without a length; and the end, with a goodbye or without. */
static void answer_under_tls(SSL_CTX *context, bool politely)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\n\r\nhalf";
    char asked[2000];
    int fd = accept4(own.behind.fd, NULL, NULL, SOCK_CLOEXEC);
    SSL *ssl = SSL_new(context);

    must(fd >= 0 && SSL_set_fd(ssl, fd) == 1 && SSL_accept(ssl) == 1);
    must(SSL_read(ssl, asked, sizeof asked) > 0 && SSL_write(ssl, answer, sizeof answer - 1) > 0);
    if (politely)
        must(SSL_shutdown(ssl) >= 0);
    SSL_free(ssl);
    close(fd);
}

/* Anybody on the way can end a connection, and so cut a body short (RFC 9112 9.8). */
TEST(under_tls_an_end_without_a_goodbye_ends_no_body)
{
    const char *cert = temp_path("behind.pem"), *key = temp_path("behind-key.pem");
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    UpstreamConfig u = usual();

    must(system(str_z(mem, str_fmt(mem, "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
                                   " -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
                                   " -keyout '%s' -out '%s' 2> /dev/null", key, cert))) == 0);
    must(SSL_CTX_use_certificate_chain_file(context, cert) == 1);
    must(SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1);
    u.ca_file = str_of(cert);
    open_before_at("https://localhost", behind_open(8), u);
    for (int politely = 0; politely < 2; politely++) {
        int c = asks("GET /api/1 HTTP/1.1\r\n" H "\r\n");
        Buf got = buf_in(mem, 1000);
        answer_under_tls(context, politely);
        while (!str_has(buf_str(&got), S("0\r\n\r\n")) && peer_some(c, &got, 3000) > 0)
            ;
        must(str_has(buf_str(&got), S("half")) && str_has(buf_str(&got), S("0\r\n\r\n")) == politely);
        close(c);
    }
    close_all();
    SSL_CTX_free(context);
}

TEST(what_was_heard_of_is_not_asked_again)
{
    open_all(usual());
    int c = asks("GET /api/1 HTTP/1.1\r\n" H "\r\n"), b = heard(&own.behind, "\r\n\r\n");
    peer_send(b, S(OK_2 "ok"));
    must(status_of(peer_read(c, 1, 3000)) == 200);
    peer_send(c, S("GET /api/2 HTTP/1.1\r\n" H "\r\n"));
    must(peer_await(b, S("\r\n\r\n"), 3000).at != NULL);
    peer_send(b, S("HTTP/1.1 2"));
    close(b);
    must(status_of(peer_read(c, 1, 3000)) == 502 && nobody_came(&own.behind, 100));
    peer_send(c, S("GET /api/3 HTTP/1.1\r\n" H "\r\n"));
    b = heard(&own.behind, "\r\n\r\n");
    peer_send(b, S(OK_2 "ok"));
    must(status_of(peer_read(c, 1, 3000)) == 200);
    peer_send(c, S("GET /api/4 HTTP/1.1\r\n" H "\r\n"));
    must(peer_await(b, S("\r\n\r\n"), 3000).at != NULL);
    close(b);                                     /* not a word: once more, on another */
    b = heard(&own.behind, "GET /api/4 ");
    peer_send(b, S(OK_2 "ok"));
    must(status_of(peer_read(c, 1, 3000)) == 200);
    peer_send(c, S("PUT /api/5 HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nhi"));
    must(peer_await(b, S("hi"), 3000).at != NULL);
    close(b);                                     /* its body is gone         */
    must(status_of(peer_read(c, 1, 3000)) == 502 && nobody_came(&own.behind, 100));
    peer_send(c, S("GET /api/6 HTTP/1.1\r\n" H "\r\n"));
    b = heard(&own.behind, "GET /api/6 ");
    peer_send(b, S(OK_2 "ok"));
    must(status_of(peer_read(c, 1, 3000)) == 200);
    close(c), close(b);
    close_all();
}

/* It may answer before it has read the body (RFC 9112 9.3); then it closes. */
TEST(an_early_answer_comes_through_although_the_rest_can_not_be_written)
{
    Str part = { make(mem, char, 1 << 20), 1 << 20 };

    open_all(usual());
    for (int abrupt = 0; abrupt < 2; abrupt++) {
        int c = asks("POST /api/1 HTTP/1.1\r\n" H "Content-Length: 4000000\r\n\r\n");
        int b = heard(&own.behind, "\r\n\r\n");
        peer_send(b, S("HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlarge"));
        if (abrupt)
            close(b);                             /* what comes now is answered by a reset */
        peer_send(c, part);
        Str got = peer_read(c, 1, 3000);
        must(status_of(got) == 413 || (abrupt && (status_of(got) == 502 || got.len == 0)));
        must(peer_closed(c, 3000));
        close(c);
        if (!abrupt)
            close(b);
    }
    must(eventually(lines_are, 0, 1000));
    close_all();
}

TEST(a_service_that_takes_no_connection_is_given_up_in_time)
{
    UpstreamConfig u = usual();
    Behind full = behind_open(0);
    int filler[4];

    for (int i = 0; i < 4; i++) {
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((u16)full.port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(filler[i], (struct sockaddr *)&a, sizeof a);
    }
    u.connect_within = (Span){ 300 };
    open_before(full, u);
    int c = asks("GET /api/1 HTTP/1.1\r\n" H "\r\n");
    Mono from = mono_now();
    must(status_of(peer_read(c, 1, 5000)) == 504 && mono_us(from, mono_now()) < 30000000);
    for (int i = 0; i < 4; i++)
        close(filler[i]);
    close(c);
    close_all();
}

TEST(a_service_that_is_not_there_is_said_at_once)
{
    Behind gone = behind_open(1);

    close(gone.fd);
    gone.fd = -1;
    open_before(gone, usual());
    int c = asks("PUT /api/1 HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nok");
    must(status_of(peer_read(c, 1, 3000)) == 502 && own.up->counts.unreachable == 1);
    close(c);
    close_all();
}

/* ---- the client does what it should not ---------------------------------------------- */

TEST(who_does_not_read_the_answer_loses_it_and_costs_little)
{
    UpstreamConfig u = usual();
    Str part = { make(mem, char, 1 << 20), 1 << 20 };

    u.idle_within = (Span){ 400 };
    open_all(u);
    int c = asks("GET /api/1 HTTP/1.1\r\n" H "\r\n"), b = heard(&own.behind, "\r\n\r\n");
    must(fcntl(b, F_SETFL, O_NONBLOCK) == 0);
    peer_send(b, S("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"));
    isize sent = 0;
    ssize_t n;
    for (int quiet = 0; quiet < 50; quiet = n > 0 ? 0 : quiet + 1) {
        n = send(b, part.at, (size_t)part.len, MSG_NOSIGNAL);
        sent += n > 0 ? n : 0;
        if (n <= 0)
            usleep(2000);
    }
    must(sent < 64 << 20);
    must(eventually(lines_are, 0, 3000) && eventually(connections_are, 0, 3000));
    must(own.up->counts.late == 0 && breaker_view(&own.up->breaker, mono_now()).bad == 0);
    close(c), close(b);
    close_all();
}

TEST(no_body_of_a_refused_request_is_a_request)
{
    static const char inner[] = "GET /health HTTP/1.1\r\n" H "\r\n";
    Behind gone = behind_open(1);

    close(gone.fd);
    gone.fd = -1;
    open_before(gone, usual());
    int c = asks("POST /api/1 HTTP/1.1\r\n" H "Content-Length: 35\r\n\r\n");
    must(status_of(peer_read(c, 1, 3000)) == 502);
    peer_send(c, str_of(inner));
    must(peer_read(c, 1, 300).len == 0 && peer_closed(c, 5000));
    close(c);
    c = asks("POST /api/1 HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n500000\r\n");
    int status = status_of(peer_read(c, 1, 3000));
    must(status == 413 || status == 502);
    peer_send(c, str_of(inner));
    must(peer_read(c, 1, 300).len == 0 && peer_closed(c, 5000));
    close(c);
    close_all();
}

TEST(a_body_of_chunks_is_bounded_before_it_comes)
{
    open_all(usual());
    int c = asks("POST /api/1 HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n");
    int b = heard(&own.behind, "2\r\nok\r\n");
    peer_send(c, S("400000\r\n"));
    must(status_of(peer_read(c, 1, 3000)) == 413 && peer_closed(b, 2000));
    close(c), close(b);
    close_all();
}

TEST(who_stops_in_his_body_is_late_himself)
{
    UpstreamConfig u = usual();

    u.idle_within = (Span){ 300 };
    open_all(u);
    int c = asks("POST /api/1 HTTP/1.1\r\n" H "Content-Length: 100\r\n\r\nhalf"), b = heard(&own.behind, "half");
    must(status_of(peer_read(c, 1, 3000)) == 408 && peer_closed(b, 2000));
    must(own.up->counts.late == 0 && breaker_view(&own.up->breaker, mono_now()).bad == 0);
    close(c), close(b);
    close_all();
}

/* Drips without end, and each drop is in time; but lines are few. */
TEST(who_brings_less_than_a_kibibyte_a_second_loses_his_line)
{
    UpstreamConfig u = usual();
    int drops = 0;
    char said[13];

    u.idle_within = (Span){ 400 };
    open_all(u);
    int c = asks("POST /api/1 HTTP/1.1\r\n" H "Content-Length: 100000\r\n\r\nfirst"), b = heard(&own.behind, "first");
    struct pollfd p = { c, POLLIN, 0 };
    while (poll(&p, 1, 50) == 0 && drops < 400) { /* 20 bytes a second, 20 seconds */
        peer_send(c, S("."));
        drops++;
    }
    must(drops < 400 && recv(c, said, sizeof said, 0) == sizeof said);
    must(status_of((Str){ said, sizeof said }) == 408 && peer_closed(b, 5000));
    must(own.up->counts.late == 0 && breaker_view(&own.up->breaker, mono_now()).bad == 0);
    close(c), close(b);
    close_all();
}

TEST(who_brings_more_than_that_has_all_the_time_he_needs)
{
    UpstreamConfig u = usual();
    Str piece = { memset(make(mem, char, 8192), 'x', 8192), 8192 };
    Buf all = buf_in(mem, 1 << 20);

    u.idle_within = (Span){ 2000 };
    open_all(u);
    int c = asks("POST /api/1 HTTP/1.1\r\n" H "Content-Length: 204800\r\n\r\n"), b = heard(&own.behind, "\r\n\r\n");
    for (int i = 0; i < 25; i++) {                /* longer than there may be silence */
        peer_send(c, piece);
        while (peer_some(b, &all, 100) > 0)
            ;
    }
    for (Mono until = mono_after(mono_now(), seconds(60)); all.len < 204800 && ms_left(until) > 0;)
        peer_some(b, &all, 100);
    must(all.len == 204800);
    peer_send(b, S(OK_2 "ok"));
    must(status_of(peer_read(c, 1, 3000)) == 200);
    close(c), close(b);
    close_all();
}

TEST(who_waits_for_a_line_gets_one_or_is_told_that_there_is_none)
{
    UpstreamConfig u = usual();
    int c[4], b[2];

    u.lines_most = 2;
    u.connect_within = (Span){ 500 };
    open_all(u);
    for (int i = 0; i < 4; i++)
        c[i] = asks("GET /api/1 HTTP/1.1\r\n" H "\r\n");
    b[0] = heard(&own.behind, "\r\n\r\n");
    b[1] = heard(&own.behind, "\r\n\r\n");
    must(eventually(waiting_are, 2, 2000) && lines_are(2));
    peer_send(b[0], S(OK_2 "ok"));
    must(peer_await(b[0], S("\r\n\r\n"), 2000).at != NULL && waiting_are(1));
    usleep(600000);
    peer_send(b[0], S(OK_2 "ok"));
    peer_send(b[1], S(OK_2 "ok"));
    int ok = 0, busy = 0;
    for (int i = 0; i < 4; i++) {
        int status = status_of(peer_read(c[i], 1, 3000));
        ok += status == 200;
        busy += status == 503;
        close(c[i]);
    }
    must(ok == 3 && busy == 1 && nobody_came(&own.behind, 0));
    close(b[0]), close(b[1]);
    close_all();
}

TEST(who_leaves_takes_his_line_or_his_place_with_him)
{
    UpstreamConfig u = usual();

    u.lines_most = 1;
    open_all(u);
    int one = asks("GET /api/1 HTTP/1.1\r\n" H "\r\n"), b = heard(&own.behind, "\r\n\r\n");
    int two = asks("GET /api/2 HTTP/1.1\r\n" H "\r\n"), three = asks("GET /api/3 HTTP/1.1\r\n" H "\r\n");
    must(eventually(waiting_are, 2, 2000));
    struct linger hard = { 1, 0 };                /* by a reset: an end alone may be half a one */
    must(setsockopt(two, SOL_SOCKET, SO_LINGER, &hard, sizeof hard) == 0);
    close(two);
    must(eventually(waiting_are, 1, 2000));
    must(setsockopt(one, SOL_SOCKET, SO_LINGER, &hard, sizeof hard) == 0);
    close(one);
    must(peer_closed(b, 2000));
    close(b);
    b = heard(&own.behind, "GET /api/3 ");
    peer_send(b, S(OK_2 "ok"));
    must(status_of(peer_read(three, 1, 3000)) == 200);
    close(three), close(b);
    close_all();
}

/* ---- this process has no more ----------------------------------------------------------- */

TEST(without_descriptors_a_request_is_refused_and_a_later_one_is_not)
{
    struct rlimit was, none;

    open_all(usual());
    int c = asks("GET /health HTTP/1.1\r\n" H "\r\n");
    must(status_of(peer_read(c, 1, 3000)) == 200);
    must(getrlimit(RLIMIT_NOFILE, &was) == 0);
    none = was;
    int first_free = dup(c);
    must(first_free >= 0 && close(first_free) == 0);
    none.rlim_cur = (rlim_t)first_free;
    must(setrlimit(RLIMIT_NOFILE, &none) == 0);
    peer_send(c, S("GET /api/1 HTTP/1.1\r\n" H "\r\n"));
    must(status_of(peer_read(c, 1, 3000)) == 503);
    must(setrlimit(RLIMIT_NOFILE, &was) == 0);
    peer_send(c, S("GET /api/1 HTTP/1.1\r\n" H "\r\n"));
    int b = heard(&own.behind, "\r\n\r\n");
    peer_send(b, S(OK_2 "ok"));
    must(status_of(peer_read(c, 1, 3000)) == 200);
    close(c), close(b);
    close_all();
}

/* ---- the end, at any moment --------------------------------------------------------------- */

TEST(a_stop_in_the_middle_of_everything_leaves_nothing_behind)
{
    UpstreamConfig u = usual();
    int c[6], b[3];

    u.lines_most = 3;
    open_all(u);
    c[0] = asks("GET /api/head HTTP/1.1\r\n" H "\r\n");
    b[0] = heard(&own.behind, "\r\n\r\n");
    c[1] = asks("GET /api/body HTTP/1.1\r\n" H "\r\n");
    b[1] = heard(&own.behind, "\r\n\r\n");
    peer_send(b[1], S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"));
    c[2] = asks("POST /api/up HTTP/1.1\r\n" H "Content-Length: 100\r\n\r\nhalf");
    b[2] = heard(&own.behind, "half");
    c[3] = asks("GET /api/waits HTTP/1.1\r\n" H "\r\n");
    c[4] = asks("GET /api/waits HTTP/1.1\r\n" H "\r\n");
    H2Peer *p = h2_connect(server_port(own.server));
    h2_get(p, "/api/waits");
    h2_post(p, "/api/waits", S("too"));
    h2_turn(p, 100);
    must(eventually(waiting_are, 4, 3000));
    c[5] = asks("GET /api/quick HTTP/1.1\r\n" H "\r\nGET /api/next HTTP/1.1\r\n" H "\r\n");
    must(eventually(waiting_are, 5, 3000));
    close_all();
    must(status_of(peer_read(c[0], 1, 500)) == 503 && status_of(peer_read(c[3], 1, 500)) == 503);
    for (int i = 0; i < 6; i++) {
        must(peer_closed(c[i], 1000));
        close(c[i]);
    }
    for (int i = 0; i < 3; i++) {
        must(peer_closed(b[i], 1000));
        close(b[i]);
    }
    h2_leave(p);
}

/* ---- HTTP/2 before it ------------------------------------------------------------------------ */

TEST(a_stream_that_is_reset_takes_its_line_with_it)
{
    open_all(usual());
    H2Peer *p = h2_connect(server_port(own.server));
    i32 up = h2_ask_with(p, "POST", "/api/1", S(""), S("half"), true);
    h2_turn(p, 50);
    int b = heard(&own.behind, "half");
    nghttp2_submit_rst_stream(p->session, 0, up, NGHTTP2_CANCEL);
    h2_turn(p, 50);
    must(peer_closed(b, 2000) && eventually(lines_are, 0, 2000));
    close(b);
    i32 down = h2_get(p, "/api/2");
    h2_turn(p, 50);
    b = heard(&own.behind, "\r\n\r\n");
    peer_send(b, S("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"));
    must(h2_hears(p, down, S("half"), 3000));
    nghttp2_submit_rst_stream(p->session, 0, down, NGHTTP2_CANCEL);
    h2_turn(p, 50);
    must(peer_closed(b, 2000) && eventually(lines_are, 0, 2000));
    close(b);
    h2_leave(p);
    close_all();
}

TEST(a_body_of_http_2_is_bounded_by_what_goes_behind)
{
    Str body = { make(mem, char, 5 << 20), 5 << 20 };

    open_all(usual());
    H2Peer *p = h2_connect(server_port(own.server));
    i32 id = h2_ask_with(p, "POST", "/api/1", S(""), body, true);
    h2_turn(p, 100);
    int b = heard(&own.behind, "\r\n\r\n");
    Buf all = buf_in(mem, 5 << 20);
    Mono until = mono_after(mono_now(), seconds(60));
    while (!h2_answer(p, id)->closed && ms_left(until) > 0) {
        peer_some(b, &all, 5);
        h2_turn(p, 5);
    }
    must(h2_answer(p, id)->status == 413 && all.len < 5 << 20);
    must(peer_closed(b, 2000));
    close(b);
    h2_leave(p);
    close_all();
}
