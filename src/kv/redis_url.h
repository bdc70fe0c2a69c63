/* redis_url.h - where a Redis is and as whom we come, read from REDIS_URL.
 * Needs: base.  Used by: redis_link, redis_pool. */
#pragma once
#include "base/str.h"

typedef struct RedisAddress {
    Str  host;                           /* a socket's path when port is 0   */
    int  port;
    bool tls;
    Str  user, password;                 /* absent: none                     */
    i64  db;
    Str  ca;                             /* PEM file; absent: the system's   */
} RedisAddress;

/* Reads
 *   redis://[[USER]:PASSWORD@]HOST[:PORT][/DB]
 *   rediss://...[?ca=FILE]                           TLS, verified
 *   unix:PATH[?db=N], unix://[USER]:PASSWORD@PATH    a socket; its path begins with /
 * User and password are percent-encoded (RFC 3986 section 2.1).
 *   gives   texts in mem
 *   fails   with *why, in which the password never stands */
CHECKED bool redis_address_read(Arena *mem, Str url, RedisAddress *out, Str *why);

/* "redis.example:6379" or the socket's path: for people. */
Str redis_address_str(Arena *mem, const RedisAddress *a);
