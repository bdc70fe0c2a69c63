/* code_test.c - what a rotating code promises. That a device of another make reads it
 * offline is shown by tests/api/door.test.mjs, with node's own crypto. */
#include "unit/test.h"
#include "tickets/code.h"
#include <string.h>

static const TenantId tenant = { { { 1 } } };
static const EventId event = { { { 2 } } }, other_event = { { { 3 } } };
static const TicketId ticket = { { { 4, 4, 4 } } };
static const Instant now = { 1763800000000 };

static CodeKey key_of(EventId e)
{
    static u8 bytes[32] = { 9, 9, 9 };
    code_setup((Secret){ bytes, 32 });
    return code_key(tenant, e);
}

static Str code_at(i64 step, int generation)
{
    CodeKey key = key_of(event);
    return code_write(mem, &key, tenant, event, &(Code){ ticket, generation, step });
}

static CodeResult read_at(Str text, Instant t, Code *out)
{
    CodeKey key = key_of(event);
    return code_read(&key, tenant, event, text, t, out);
}

TEST(a_code_says_its_ticket_generation_and_step)
{
    Code c;
    Str text = code_at(code_step(now), 5);
    must(text.len == CODE_LETTERS);
    must(read_at(text, now, &c) == CODE_GOOD);
    must(uuid_is(c.ticket.v, ticket.v) && c.generation == 5 && c.step == code_step(now));
}

TEST(one_step_of_skew_is_allowed_and_two_are_not)
{
    Code c;
    i64 step = code_step(now);
    must(read_at(code_at(step - 1, 0), now, &c) == CODE_GOOD);
    must(read_at(code_at(step + 1, 0), now, &c) == CODE_GOOD);
    must(read_at(code_at(step - 2, 0), now, &c) == CODE_STALE);
    must(read_at(code_at(step + 2, 0), now, &c) == CODE_STALE);
}

TEST(a_step_of_three_weeks_ago_does_not_come_round_again)
{
    Code c;
    i64 step = code_step(now);
    must(read_at(code_at(step - 65536, 0), now, &c) == CODE_FORGED);
    must(read_at(code_at(step + 65536, 0), now, &c) == CODE_FORGED);
}

TEST(every_flipped_letter_is_a_forgery)
{
    Code c;
    char text[CODE_LETTERS];
    Str good = code_at(code_step(now), 0);
    for (int i = 0; i < CODE_LETTERS; i++) {
        memcpy(text, good.at, CODE_LETTERS);
        text[i] = text[i] == 'A' ? 'B' : 'A';
        if (text[i] != good.at[i])
            must(read_at((Str){ text, CODE_LETTERS }, now, &c) == CODE_FORGED);
    }
}

TEST(a_code_of_another_event_or_tenant_is_a_forgery)
{
    Code c;
    Str text = code_at(code_step(now), 0);
    CodeKey other = key_of(other_event), key = key_of(event);
    must(code_read(&other, tenant, other_event, text, now, &c) == CODE_FORGED);
    must(code_read(&key, tenant, other_event, text, now, &c) == CODE_FORGED);
    must(code_read(&key, (TenantId){ { { 8 } } }, event, text, now, &c) == CODE_FORGED);
}

TEST(what_is_no_code_is_a_forgery)
{
    Code c;
    static const char *const junk[] = { "", "A", "ILOU", "00000000000000000000000000000000000000000000000",
        "ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ", "TKT-0000000000", "\x01\x02",
        "000000000000000000000000000000000000000000000000000000000000000000000000" };
    for (isize i = 0; i < countof(junk); i++)
        must(read_at(str_of(junk[i]), now, &c) == CODE_FORGED);
}

TEST(a_code_is_drawn_with_29_modules_and_a_quiet_zone)
{
    Ctx cx = ctx_new(mem, tenant);
    Str svg;
    must(code_svg(&cx, code_at(code_step(now), 0), &svg));
    must(str_has(svg, S("viewBox=\"0 0 37 37\"")) && str_ends(svg, S("</svg>")));
}
