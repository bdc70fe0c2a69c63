/* proxy.h - who really asks, when a load balancer stands between.
 *
 * Limits and the audit count by address; behind a load balancer all people would share
 * one. Its word (X-Forwarded-For) is taken only from an address in TRUSTED_PROXIES:
 * from anybody else the header is what he likes to write.
 * Needs: network, req.  Used by: serve.c. */
#pragma once
#include "net/req.h"

/* The right-most address that is none of ours; the connection's own when nobody of
 * ours said anything.  gives  text of the request or of rq->peer */
Str proxy_asker(Str trusted, const Req *rq);
