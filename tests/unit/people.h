/* people.h - a test's people, each with units of work of his own. */
#pragma once
#include "unit/with_store.h"

/* Another person's unit of work at the same moment. */
static inline Ctx as(const Ctx *cx, UserId who, Role role)
{
    Ctx other = ctx_new(mem, cx->tenant);

    other.who = (Who){ .user = who, .role = role };
    other.now = cx->now;
    other.deadline = cx->deadline;
    return other;
}
