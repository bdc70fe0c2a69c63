/* mail.c - picks the engine by the url's scheme, and refuses letters that would say
 * more than they should. */
#include "mail/engine.h"
#include <string.h>

static const MailEngine *const engines[] = { &mail_folder, &mail_smtp, &mail_smtps };
static const MailEngine *engine;
static char sender[256];

static bool is_header_safe(Str s)
{
    for (isize i = 0; i < s.len; i++)
        if ((u8)s.at[i] < ' ' || s.at[i] == 0x7F)
            return false;
    return s.len > 0 && str_utf8(s);
}

/* Enough to be sure that one mailbox is meant and nothing else: no list, no comment,
 * no display name. */
static bool is_address(Str s)
{
    isize at = str_find(s, '@');

    for (isize i = 0; i < s.len; i++)
        if ((u8)s.at[i] <= ' ' || strchr("<>()[],;:\\\"", s.at[i]) != NULL)
            return false;
    return is_header_safe(s) && at > 0 && at < s.len - 1 && s.len < countof(sender) &&
           str_find(str_sub(s, at + 1, s.len), '@') < 0;
}

bool mail_open(Arena *mem, const MailConfig *config, Str *why)
{
    must(engine == NULL);
    if (!is_address(config->from)) {
        *why = str_fmt(mem, "MAIL_FROM: \"%.*s\" is no address", STR_ARGS(config->from));
        return false;
    }
    for (isize i = 0; i < countof(engines); i++) {
        Str scheme = str_of(engines[i]->scheme);
        if (!str_starts(config->url, scheme))
            continue;
        if (!engines[i]->open(mem, str_sub(config->url, scheme.len, config->url.len),
                              why))
            return false;
        memcpy(sender, config->from.at, (size_t)config->from.len);
        sender[config->from.len] = '\0';
        engine = engines[i];
        return true;
    }
    *why = S("MAIL_URL: no engine for it; write folder:PATH, smtp://HOST or "
             "smtps://HOST");
    return false;
}

void mail_close(void)
{
    if (engine != NULL)
        engine->close();
    engine = NULL;
}

bool mail_send(Ctx *cx, const Letter *letter)
{
    must(engine != NULL && cx->db == NULL);
    if (!is_address(letter->to))
        return fail(cx, BAD_REQUEST, "not an address to write to");
    if (!is_header_safe(letter->subject))
        return fail(cx, BAD_REQUEST, "a subject must be one line of text");
    if (letter->text.len == 0)
        return fail(cx, BAD_REQUEST, "a letter without text");
    Str from = str_of(sender);
    return engine->send(cx, from, letter->to, message_write(cx, from, letter));
}
