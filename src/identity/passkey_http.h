/* passkey_http.h - the handlers under /auth/passkeys, and the shapes of their bodies.
 *
 * Bodies are those of WebAuthn Level 3 section 5.1 (RegistrationResponseJSON and its
 * kin), so a browser's toJSON() may be sent as it is.
 * Needs: passkey, net.  Used by: web (the table of routes). */
#pragma once
#include "identity/passkey.h"
#include "net/req.h"

extern const Shape passkey_new_shape, passkey_answer_shape, passkey_enter_shape,
                   passkey_rename_shape, passkey_options_shape;

Handler passkey_new_options, passkey_create, passkey_enter_options, passkey_login,
        passkey_index, passkey_update, passkey_delete;
