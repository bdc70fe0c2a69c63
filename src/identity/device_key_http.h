/* device_key_http.h - the handlers under /auth/biometric, and the shapes of their bodies.
 * Needs: device_key, net.  Used by: web (the table of routes). */
#pragma once
#include "identity/device_key.h"
#include "net/req.h"

extern const Shape device_new_shape, device_made_shape, device_ask_shape,
                   device_asked_shape, device_enter_shape, device_rename_shape,
                   device_answer_shape;

Handler device_register, device_challenge, device_login, device_index, device_update,
        device_delete;
