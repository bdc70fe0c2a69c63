/* account_pages.c - the pages are the same for everybody; the token stays in the
 * browser's address, where the script takes it from, and the server doesn't look at it
 * until the button is pressed. */
#include "web/account_pages.h"

#define PAGE_FILE(symbol, path)                                                        \
    __asm__(".section .rodata\n" #symbol ":\n.incbin \"" path "\"\n.byte 0\n.previous\n"); \
    extern const char symbol[]

PAGE_FILE(page_verify_html, "src/web/pages/verify.html");
PAGE_FILE(page_reset_html,  "src/web/pages/reset.html");
PAGE_FILE(page_account_js,  "src/web/pages/account.js");

bool page_verify(Ctx *cx, Req *rq)
{
    (void)cx;
    return reply_text(rq, 200, S("text/html; charset=utf-8"), str_of(page_verify_html));
}

bool page_reset(Ctx *cx, Req *rq)
{
    (void)cx;
    return reply_text(rq, 200, S("text/html; charset=utf-8"), str_of(page_reset_html));
}

bool page_account_script(Ctx *cx, Req *rq)
{
    (void)cx;
    return reply_text(rq, 200, S("text/javascript; charset=utf-8"),
                      str_of(page_account_js));
}
