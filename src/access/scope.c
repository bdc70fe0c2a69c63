/* scope.c - the words are those of requirements file 000, users:read for its internal
 * questions about people, and proxy:* for what is answered by services behind. */
#include "access/scope.h"

static const char *const words[SCOPES] = {
    "events:read", "events:write", "events:delete", "venues:read", "tickets:read",
    "tickets:write", "orders:read", "orders:write", "users:read", "admin:*",
    "proxy:*",
};
const Names scope_names = { words, SCOPES };

unsigned scope_find(Str word)
{
    int i = names_find(&scope_names, word);
    return i < 0 ? 0 : 1u << (SCOPE_SHIFT + i);
}

bool scopes_read(const Json *list, unsigned *out, Str *unknown)
{
    *out = 0;
    *unknown = (Str){ 0 };
    if (list == NULL || json_kind(list) != J_LIST)
        return false;
    for (isize i = 0; i < json_count(list); i++) {
        const Json *item = json_item(list, i);
        if (json_kind(item) != J_STR)
            return false;
        unsigned one = scope_find(json_str(item));
        if (one == 0 && unknown->at == NULL)
            *unknown = json_str(item);
        *out |= one;
    }
    return true;
}

static void put(Buf *b, unsigned scopes, const char *around, const char *between)
{
    const char *comma = "";

    for (int i = 0; i < SCOPES; i++)
        if ((scopes >> (SCOPE_SHIFT + i) & 1) != 0) {
            buf_fmt(b, "%s%s%s%s", comma, around, words[i], around);
            comma = between;
        }
}

void scopes_write(Buf *b, unsigned scopes)
{
    buf_byte(b, '[');
    put(b, scopes, "\"", ",");
    buf_byte(b, ']');
}

Str scopes_str(Arena *mem, unsigned scopes)
{
    Buf b = buf_in(mem, 64);

    put(&b, scopes, "", ", ");
    return buf_str(&b);
}
