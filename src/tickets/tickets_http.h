/* tickets_http.h - the handlers of this room, for the table of routes. */
#pragma once
#include "net/req.h"

Handler type_post, type_put, type_one, type_of_event;
Handler hold_create, hold_show, hold_release;
Handler order_create, order_show, order_page_http;
Handler ticket_show, ticket_page_http, ticket_transfer, ticket_code;
Handler door_post, door_key;
Handler payment_success, payment_failure;

/* Clock: forgets webhook nonces that are past their window. */
CHECKED bool payment_clock(Ctx *cx);

extern const Shape purchase_shape, purchase_answer_shape, code_answer_shape,
                   key_answer_shape,
    success_shape, failure_shape, processed_shape;
