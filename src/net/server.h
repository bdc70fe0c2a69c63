/* server.h - HTTP/1.1 and HTTP/2 (RFC 9110, 9112, 9113) for many connections on few
 * threads.
 *
 * What a connection costs, beside the kernel's share (measured with 10,000 of each on
 * x86-64, plain): idle 210 bytes, an idle stream 420. At most: 16 KiB while a head is
 * coming, 32 KiB of pipelined requests, the body's limit while a body comes and is at
 * work, the rest of one answer (or 64 KiB of small ones) while the peer is slow, 2
 * MiB for each io thread. A stream never owns more than the frame it is in: frames lie
 * once in a log of 16,384. HTTP/2: an idle connection 11.1 KB (nghttp2's session), an
 * idle stream 870 bytes; at most 64 KiB of frames on their way out and 8 MiB of bodies.
 * Bodies of all requests that come at once: 256 MiB (bodies_most).
 *
 * Io threads own sockets, parsers and streams and never block; worker threads own
 * a Ctx each and never touch a socket. In between stand one bounded queue of
 * requests and a queue of replies for each io thread.
 * Needs: base, route, req.  Used by: web (which says what a request means). */
#pragma once
#include "base/ctx.h"
#include "net/req.h"

typedef struct Server Server;

typedef struct ServerHooks {
    const Router *router;
    /* Answers one request: rq->reply must be set when it returns, errors too. An
     * OPTIONS that no row claims comes with rq->route NULL and rq->allow set.
     *   thread  a worker; the io thread for INLINE routes and OPTIONS */
    void (*serve)(Ctx *cx, Req *rq);
    /* Renders cx->fault, which the server itself found (400, 404, 405, 408, 413, 503
     * ...), into rq->reply. Allow and Retry-After are there already. When the head
     * could not be read, rq has nothing but peer and reply (target.at is NULL).
     *   thread  the io thread */
    void (*refuse)(Ctx *cx, Req *rq);
    /* Called once a request has been answered or refused, to write its log line. */
    void (*done)(Ctx *cx, const Req *rq, i64 us);
} ServerHooks;

/* With TLS for who offers it; nowhere; also without TLS for who begins with it. The
 * setting HTTP2 has the same words in the same order. */
typedef enum Http2 { HTTP2_TLS, HTTP2_OFF, HTTP2_ALWAYS } Http2;

typedef struct ServerConfig {
    Str  host;
    int  port;                                    /* 0: any                   */
    int  io_threads, workers;
    i64  queue_most, conns_most, body_most;
    i64  bodies_most;                             /* bytes, of all that come at once */
    i64  address_most;                            /* connections of one; 0: no bound */
    Str  trusted_proxies;                         /* networks that it does not bound */
    Str  tls_cert, tls_key;                       /* files; empty: no TLS     */
    Http2 http2;                                  /* where it is spoken       */
    Span head_within, body_within, keep_alive, write_within;   /* 10 s 30 s 72 s 30 s */
    Span sse_heartbeat, sse_lasts;
    bool hsts;                                    /* send Strict-Transport-Security */
    Str  extra_headers;                           /* whole lines, each with its CRLF, for
                                                     every response */
} ServerConfig;

ServerConfig server_defaults(void);

/* Listens and starts the threads. NULL, with the reason in *why, when the address
 * can't be had or the certificate can't be read. */
Server *server_open(const ServerConfig *config, const ServerHooks *hooks, Arena *mem,
                    Str *why);
int     server_port(const Server *s);

/* Takes the certificate for new connections from its files: at once, or (IF_CHANGED) only
 * when they are others than before. A bad one is said in the log and changes nothing.
 *   thread  any, one at a time */
typedef enum Renewal { NOW, IF_CHANGED } Renewal;
void server_renew(Server *s, Renewal when);

/* Stops accepting, tells streams to reconnect, closes idle connections, waits until
 * what is in flight is answered or `within` has passed; true when all was. */
bool server_drain(Server *s, Span within);

/* Stops and joins all threads, frees everything. */
void server_close(Server *s);

typedef struct ServerCounts {
    i64 connections, requests, refused, queued, timeouts;
    i64 turned_away;                              /* connections of a full address */
} ServerCounts;
ServerCounts server_counts(Server *s);
