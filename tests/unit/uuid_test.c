/* uuid_test.c - RFC 9562, its example and the edges of reading. */
#include "unit/test.h"
#include "base/uuid.h"

TEST(a_new_id_is_version_7_and_carries_its_time)
{
    Uuid u = uuid_new((Instant){ 0x017F22E279B0 });  /* RFC 9562 appendix A.6  */
    Str s = uuid_str(mem, u);
    must(str_starts(s, S("017f22e2-79b0-7")) && s.len == UUID_LETTERS);
    must((u.b[8] & 0xC0) == 0x80);
}

TEST(ids_sort_by_their_time_and_do_not_repeat)
{
    Uuid a = uuid_new((Instant){ 1000 }), b = uuid_new((Instant){ 1001 });
    must(__builtin_memcmp(a.b, b.b, 16) < 0);
    must(!uuid_is(uuid_new((Instant){ 5 }), uuid_new((Instant){ 5 })));
}

TEST(an_id_reads_back_in_either_case)
{
    Uuid u = uuid_new(time_now()), back;
    must(uuid_read(uuid_str(mem, u), &back) && uuid_is(u, back));
    must(uuid_read(S("00000000-0000-0000-0000-000000000001"), &back));
    must(uuid_is(back, TENANT_DEFAULT.v));
    must(uuid_read(S("C232AB00-9414-11EC-B3C8-9F6BDECED846"), &back));
    must(str_is(uuid_str(mem, back), S("c232ab00-9414-11ec-b3c8-9f6bdeced846")));
}

TEST(what_is_no_id_is_refused)
{
    static const char *const bad[] = {
        "", "c232ab00-9414-11ec-b3c8-9f6bdeced84", "c232ab00-9414-11ec-b3c8-9f6bdeced8466",
        "c232ab00941411ecb3c89f6bdeced846", "{232ab00-9414-11ec-b3c8-9f6bdeced846",
        "c232ab0g-9414-11ec-b3c8-9f6bdeced846", "c232ab00_9414-11ec-b3c8-9f6bdeced846",
        "c232ab00-9414-11ec-b3c89-f6bdeced846", " 232ab00-9414-11ec-b3c8-9f6bdeced846" };
    Uuid u = { { 9 } };
    for (isize i = 0; i < countof(bad); i++)
        must(!uuid_read(str_of(bad[i]), &u) && u.b[0] == 9);
    must(uuid_zero((Uuid){ { 0 } }) && !uuid_zero(u));
}
