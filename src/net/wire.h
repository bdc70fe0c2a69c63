/* wire.h - an answer as the bytes of HTTP/1.1 (RFC 9112 section 4, RFC 9110 6.6.1).
 * Needs: req.  Used by: conn.c, pool.c. */
#pragma once
#include "net/req.h"

/* What each thread keeps at hand for it. */
typedef struct Wire {
    Str  extra;                                   /* lines of every response  */
    i64  second;                                  /* the date stands for this */
    char date[32];
} Wire;

/* What the connection adds to an answer. */
typedef struct WireHow {
    bool close;                                   /* the last on this connection */
    bool keep_old;                                /* HTTP/1.0 that stays open    */
} WireHow;

/* Parts of a head, for who writes one field by field; each gives where it ended. */
char *wire_put_status(char *to, int status);
char *wire_put_date(Wire *w, char *to);
char *wire_put_length(char *to, i64 length);
char *wire_put_connection(char *to, WireHow how);
char *wire_put_headers(char *to, const ReplyHeader *h);
char *wire_put_field(char *to, Str name, Str value);
char *wire_put(char *to, Str s);

/* At least the bytes that wire_write will write. */
isize wire_size(const Wire *w, const Req *rq);

/* Writes head and body; a stream's head without a length.
 *   gives  how many bytes */
isize wire_write(Wire *w, const Req *rq, WireHow how, char *to);
