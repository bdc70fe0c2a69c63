/* pages.c - whatever a page shows that we did not write is escaped by put_html. The
 * letters' page is for development: a letter holds tokens, so it is NOT_FOUND unless
 * boot said where letters lie. */
#include "web/pages.h"
#include "base/file.h"
#include "web/jobs.h"
#include "web/problem.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_FILE(symbol, path)                                                        \
    __asm__(".section .rodata\n" #symbol ":\n.incbin \"" path "\"\n.byte 0\n.previous\n"); \
    extern const char symbol[]

PAGE_FILE(page_index_html, "src/web/pages/index.html");
PAGE_FILE(page_index_js,   "src/web/pages/index.js");
PAGE_FILE(page_docs_html,  "src/web/pages/docs.html");
PAGE_FILE(page_docs_js,    "src/web/pages/docs.js");
PAGE_FILE(page_style_css,  "src/web/pages/style.css");

enum { LETTERS_MOST = 5000, LETTERS_SHOWN = 100, LETTER_BYTES = 1 << 20 };

static Str mail;

void pages_open(Str mail_folder) { mail = mail_folder; }

static bool show(Ctx *cx, Req *rq, Str type, const char *text)
{
    reply_header(cx, rq, S("Cache-Control"), S("public, max-age=60"));
    return reply_text(rq, 200, type, str_of(text));
}

#define HTML_TYPE S("text/html; charset=utf-8")
#define JS_TYPE   S("text/javascript; charset=utf-8")

bool page_start(Ctx *cx, Req *rq)        { return show(cx, rq, HTML_TYPE, page_index_html); }
bool page_start_script(Ctx *cx, Req *rq) { return show(cx, rq, JS_TYPE, page_index_js); }
bool page_docs(Ctx *cx, Req *rq)         { return show(cx, rq, HTML_TYPE, page_docs_html); }
bool page_docs_script(Ctx *cx, Req *rq)  { return show(cx, rq, JS_TYPE, page_docs_js); }

bool page_style(Ctx *cx, Req *rq)
{
    return show(cx, rq, S("text/css; charset=utf-8"), page_style_css);
}

/* ---- made pages -------------------------------------------------------------- */

static void put_html(Buf *b, Str s)
{
    for (isize i = 0; i < s.len; i++)
        switch (s.at[i]) {
        case '&':  buf_lit(b, "&amp;"); break;
        case '<':  buf_lit(b, "&lt;"); break;
        case '>':  buf_lit(b, "&gt;"); break;
        case '"':  buf_lit(b, "&quot;"); break;
        default:   buf_byte(b, s.at[i]);
        }
}

static Buf page_of(Ctx *cx, const char *title)
{
    Buf b = buf_in(cx->mem, 4096);

    buf_fmt(&b, "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            "<title>%s</title>\n<link rel=\"icon\" href=\"data:,\">\n"
            "<link rel=\"stylesheet\" href=\"/style.css\">\n<header><h1>%s</h1></header>\n<main>\n",
            title, title);
    return b;
}

static bool show_made(Req *rq, Buf *b)
{
    buf_lit(b, "</main>\n</html>\n");
    return reply_text(rq, 200, HTML_TYPE, buf_str(b));
}

bool page_problem(Ctx *cx, Req *rq)
{
    Str name = req_param(rq, "code");

    for (int c = OK + 1; c < FAULT_COUNT; c++) {
        const FaultFacts *f = fault_facts((FaultCode)c);
        if (!str_is(name, str_of(f->code)))
            continue;
        Buf b = page_of(cx, str_z(cx->mem, problem_title(cx->mem, (FaultCode)c)));
        buf_fmt(&b, "<p class=\"lead\">%s</p>\n<p>Code <code>%s</code>, HTTP status %d. %s</p>\n",
                f->sentence, f->code, f->status,
                f->retry ? "The same request may succeed later."
                         : "The same request will not succeed; change it first.");
        return show_made(rq, &b);
    }
    return fail(cx, NOT_FOUND, "problem=%.*s", STR_ARGS(name));
}

/* ---- letters ------------------------------------------------------------------ */

static int newest_first(const void *a, const void *b)
{
    return -strcmp(*(const char *const *)a, *(const char *const *)b);
}

static isize letter_names(Ctx *cx, const char **names)
{
    DIR *d = opendir(str_z(cx->mem, mail));
    struct dirent *e;
    isize n = 0;

    while (d != NULL && n < LETTERS_MOST && (e = readdir(d)) != NULL)
        if (str_ends(str_of(e->d_name), S(".eml")))
            names[n++] = str_z(cx->mem, str_of(e->d_name));
    if (d != NULL)
        closedir(d);
    qsort(names, (size_t)n, sizeof *names, newest_first);
    return n;
}

/* The value of a header line of the letter's head; absent when there is none. */
static Str letter_header(Str letter, Str name)
{
    while (letter.len > 0) {
        Str value = str_cut(&letter, '\n');
        if (value.len <= 1)
            break;
        if (str_is_nocase(str_cut(&value, ':'), name))
            return str_trim(str_ends(value, S("\r")) ? str_sub(value, 0, value.len - 1)
                                                     : value);
    }
    return (Str){ 0 };
}

static bool read_letter(Ctx *cx, Str name, Str *out)
{
    return file_read(cx->mem,
                     str_fmt(cx->mem, "%.*s/%.*s", STR_ARGS(mail), STR_ARGS(name)),
                     LETTER_BYTES, out);
}

static void put_letter_row(Ctx *cx, Buf *b, const char *name)
{
    Str letter;

    if (!read_letter(cx, str_of(name), &letter))
        return;
    buf_lit(b, "<tr><td><a href=\"/mail/");
    put_html(b, str_of(name));
    buf_lit(b, "\">");
    put_html(b, letter_header(letter, S("Subject")));
    buf_lit(b, "</a></td><td>");
    put_html(b, letter_header(letter, S("To")));
    buf_lit(b, "</td><td class=\"quiet\">");
    put_html(b, letter_header(letter, S("Date")));
    buf_lit(b, "</td></tr>\n");
}

bool page_letters(Ctx *cx, Req *rq)
{
    if (mail.len == 0)
        return fail(cx, NOT_FOUND, "letters are shown in development only");
    const char **names = make(cx->mem, const char *, LETTERS_MOST);
    isize n = letter_names(cx, names);
    Buf b = page_of(cx, "Letters");
    buf_lit(&b, "<p class=\"lead\">What this server would have sent; the newest "
                "first.</p>\n<table>\n");
    for (isize i = 0; i < n && i < LETTERS_SHOWN; i++)
        put_letter_row(cx, &b, names[i]);
    buf_lit(&b, "</table>\n");
    if (n == 0)
        buf_lit(&b, "<p class=\"quiet\">None yet.</p>\n");
    return show_made(rq, &b);
}

/* Quoted-printable (RFC 2045 6.7) for reading: soft line ends go, =XX is a byte. */
static Str unquote(Arena *mem, Str s)
{
    Buf b = buf_in(mem, s.len + 1);
    u8 byte;

    for (isize i = 0; i < s.len; i++) {
        if (s.at[i] != '=')
            buf_byte(&b, s.at[i]);
        else if (str_starts(str_sub(s, i, s.len), S("=\r\n")))
            i += 2;
        else if (hex_read(str_sub(s, i + 1, i + 3), &byte, 1)) {
            buf_byte(&b, (char)byte);
            i += 2;
        } else
            buf_byte(&b, '=');
    }
    return buf_str(&b);
}

/* Most letters are there to be followed: the first address in it that is ours. */
static void put_link(Buf *b, Str letter)
{
    Str path = letter;
    isize end = 0;

    while (path.len > 0 && !str_starts(path, S("/auth/")))
        path = str_sub(path, 1, path.len);
    if (path.len == 0)
        return;
    while (end < path.len && path.at[end] > ' ' && path.at[end] != '"' &&
           path.at[end] != '<')
        end++;
    buf_lit(b, "<p><a href=\"");
    put_html(b, str_sub(path, 0, end));
    buf_lit(b, "\">Follow its link</a></p>\n");
}

bool page_letter(Ctx *cx, Req *rq)
{
    Str name = req_param(rq, "name"), letter;

    if (mail.len == 0 || !str_ends(name, S(".eml")) || str_find(name, '/') >= 0 ||
        str_starts(name, S(".")) || !read_letter(cx, name, &letter))
        return fail(cx, NOT_FOUND, "letter");
    letter = unquote(cx->mem, letter);
    Buf b = page_of(cx, "Letter");
    put_link(&b, letter);
    buf_lit(&b, "<pre class=\"letter\">");
    put_html(&b, letter);
    buf_lit(&b, "</pre>\n");
    return show_made(rq, &b);
}

/* ---- the test clock ------------------------------------------------------------ */

static const Field clock_move_fields[] = {
    NUMBER(ClockMove, advanceMs, 0, 10LL * 366 * 86400000, 0, 0,
           "how far the calendar jumps ahead"),
};
const Shape clock_move_shape = { "ClockMove", sizeof(ClockMove), clock_move_fields,
                                 countof(clock_move_fields) };

static const Field clock_now_fields[] = {
    TIME(ClockNow, now, 0, "what time it is now"),
    NUMBER(ClockNow, aheadMs, 0, 0, 0, 0, "how far ahead of the machine's clock that is"),
};
const Shape clock_now_shape = { "ClockNow", sizeof(ClockNow), clock_now_fields,
                                countof(clock_now_fields) };

bool clock_advance(Ctx *cx, Req *rq)
{
    ClockMove in;

    if (!req_read(cx, rq, &clock_move_shape, &in))
        return false;
    time_shift((Span){ time_shifted().ms + in.advanceMs });
    jobs_run_all();
    ClockNow out = { time_now(), time_shifted().ms };
    return reply(cx, rq, 200, &clock_now_shape, &out);
}
