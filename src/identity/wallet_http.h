/* wallet_http.h - the handlers under /auth/wallet, and the shapes of their bodies.
 * Needs: wallet, net.  Used by: web (the table of routes). */
#pragma once
#include "identity/wallet.h"
#include "net/req.h"

extern const Shape wallet_ask_shape, wallet_asked_shape, wallet_signed_shape,
                   wallet_linked_shape;

Handler wallet_nonce, wallet_link_http, wallet_login, wallet_index, wallet_unlink_http;
