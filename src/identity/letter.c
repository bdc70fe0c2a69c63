/* letter.c - a letter lives as long as what it says is good. */
#include "identity/letter.h"
#include "identity/letterbox.h"

static struct { Arena mem; Str public_url; } own;

void letter_open(Str public_url) { own.public_url = str_copy(&own.mem, public_url); }
void letter_close(void)          { arena_close(&own.mem); }

bool letter_verify(Ctx *cx, UserId user, Str to, const MailProof *p)
{
    Str link = str_fmt(cx->mem, "%.*s/auth/verify-email?token=%.*s",
                       STR_ARGS(own.public_url), STR_ARGS(p->token));
    Letter letter = {
        .to = to, .subject = S("Please confirm your email address"),
        .text = str_fmt(cx->mem,
                        "Welcome.\n\nPlease confirm your email address by opening this"
                        " link within 24 hours:\n\n%.*s\n\n"
                        "or type this code within ten minutes: %.*s\n\n"
                        "If you did not make an account, you need not do anything.\n",
                        STR_ARGS(link), STR_ARGS(p->code)),
        .html = str_fmt(cx->mem,
                        "<p>Welcome.</p><p>Please <a href=\"%.*s\">confirm your email"
                        " address</a> within 24 hours,"
                        " or type this code within ten minutes:"
                        " <b>%.*s</b></p><p>If you did not make an account,"
                        " you need not do anything.</p>\n", STR_ARGS(link),
                        STR_ARGS(p->code)),
    };
    return letterbox_put(cx, user, "verify", &letter, VERIFY_LASTS);
}

bool letter_reset(Ctx *cx, UserId user, Str to, const MailProof *p)
{
    Str link = str_fmt(cx->mem, "%.*s/auth/reset-password?token=%.*s",
                       STR_ARGS(own.public_url), STR_ARGS(p->token));
    Letter letter = {
        .to = to, .subject = S("Choose a new password"),
        .text = str_fmt(cx->mem,
                        "Somebody, hopefully you, has forgotten the password of this"
                        " account.\n\nChoose a new one within an hour:\n\n%.*s\n\n"
                        "If it was not you, you need not do anything: the old one "
                        "stays.\n", STR_ARGS(link)),
        .html = str_fmt(cx->mem,
                        "<p>Somebody, hopefully you, has forgotten the password of this"
                        " account.</p><p><a href=\"%.*s\">Choose a new one</a> within"
                        " an hour.</p><p>If it was not you,"
                        " you need not do anything: the old one stays."
                        "</p>\n", STR_ARGS(link)),
    };
    return letterbox_put(cx, user, "reset", &letter, RESET_LASTS);
}

bool letter_changed(Ctx *cx, UserId user, Str to)
{
    Letter letter = {
        .to = to, .subject = S("Your password was changed"),
        .text = S("The password of your account was changed, and everybody who was "
                  "signed in with it is signed out.\n\n"
                  "If it was not you, choose a new one at once: say"
                  " that you have forgotten it.\n"),
        .html = S("<p>The password of your account was changed, and everybody who was "
                  "signed in with it is signed out.</p><p>If it was not you, choose a "
                  "new one at once: say that you have forgotten it.</p>\n"),
    };
    return letterbox_put(cx, user, "changed", &letter, CHANGED_LASTS);
}

bool letter_webhook(Ctx *cx, UserId user, Str to, Uuid endpoint)
{
    Str id = uuid_str(cx->mem, endpoint);
    Letter letter = {
        .to = to, .subject = S("A webhook was paused"),
        .text = str_fmt(cx->mem,
                        "The webhook endpoint %.*s has not answered for a long time, so"
                        " nothing is sent there any more.\n\n"
                        "Mend it, then set its status to"
                        " ACTIVE: what it missed follows in order, as far as it is kept.\n",
                        STR_ARGS(id)),
        .html = str_fmt(cx->mem,
                        "<p>The webhook endpoint %.*s has not answered for a long time,"
                        " so nothing is sent there any more.</p><p>Mend it,"
                        " then set its status to"
                        " ACTIVE: what it missed follows in order, as far as it is kept.</p>\n",
                        STR_ARGS(id)),
    };
    return letterbox_put(cx, user, "webhook", &letter, CHANGED_LASTS);
}
