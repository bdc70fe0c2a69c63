/* mail_test.c - what the mail port promises, asked of every engine in the list: each
 * entry knows how to get back the one letter that was handed over. */
#include "unit/test.h"
#include "mail/mail.h"
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *box;

static int letters(void)
{
    DIR *d = opendir(box);
    int n = 0;

    must(d != NULL);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        n += e->d_name[0] != '.' || strlen(e->d_name) > 2;
    closedir(d);
    return n;
}

static Str folder_read(void)
{
    DIR *d = opendir(box);
    char *text = make(mem, char, 64 << 10);
    isize n = 0;

    must(d != NULL);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (!str_ends(str_of(e->d_name), S(".eml")))
            continue;
        const char *path = str_z(mem, str_fmt(mem, "%s/%s", box, e->d_name));
        FILE *f = fopen(path, "r");
        must(f != NULL);
        n = (isize)fread(text, 1, 64 << 10, f);
        fclose(f);
        unlink(path);
    }
    closedir(d);
    return (Str){ text, n };
}

static const struct { const char *scheme; Str (*read)(void); } engines[] = {
    { "folder:", folder_read },
};

typedef void Facts(Ctx *cx, Str (*read)(void));

static void with_each(const char *name, Facts *facts)
{
    for (isize i = 0; i < countof(engines); i++) {
        Ctx cx = ctx_new(mem, TENANT_DEFAULT);
        Str why = { 0 };
        box = temp_path(name);
        MailConfig config = { str_fmt(mem, "%s%s", engines[i].scheme, box), S("shop@example.org") };
        must(mail_open(mem, &config, &why));
        facts(&cx, engines[i].read);
        mail_close();
    }
}

static void headers_facts(Ctx *cx, Str (*read)(void))
{
    cx->now = (Instant){ 1795420800000 };
    must(mail_send(cx, &(Letter){ S("ada@example.org"), S("Welcome"), S("Hello."), { 0 } }));
    Str m = read();
    must(str_has(m, S("To: <ada@example.org>\r\n")) && str_has(m, S("From: <shop@example.org>\r\n")));
    must(str_has(m, S("Subject: Welcome\r\n")));
    must(str_has(m, S("Date: Mon, 23 Nov 2026 08:00:00 +0000\r\n")));
    must(str_has(m, S("\r\n\r\nHello.\r\n")));
}
TEST(a_letter_is_a_message_with_its_headers_and_its_text) { with_each("a", headers_facts); }

static void lines_facts(Ctx *cx, Str (*read)(void))
{
    Str text = S("Grüße \xF0\x9F\x8E\x9F = ok \nA line that is so long that it has to be broken in two"
                 " somewhere, because no line of a message is longer than it may be.\n");
    Letter l = { S("ada@example.org"), S("Ihre Bestätigung für das große Fest am Fluß, und noch mehr"),
                 text, S("<p>Grüße</p>") };

    must(mail_send(cx, &l));
    Str m = read();
    must(str_has(m, S("Gr=C3=BC=C3=9Fe =F0=9F=8E=9F =3D ok=20\r\n")));
    must(str_has(m, S("Subject: =?utf-8?B?SWhyZSBCZXN0w6R0aWd1bmcg")));
    must(str_has(m, S("multipart/alternative")) && str_has(m, S("text/html")));
    while (m.at != NULL) {
        Str line = str_cut(&m, '\n');
        must(line.len <= 77);
        must(m.at == NULL || str_ends(line, S("\r")));
        for (isize i = 0; i < line.len; i++)
            must((u8)line.at[i] < 0x80);
    }
}
TEST(every_line_is_short_ascii_and_ends_with_crlf) { with_each("b", lines_facts); }

static void refusal_facts(Ctx *cx, Str (*read)(void))
{
    static const char *const to[] = {
        "ada@example.org\r\nBcc: all@example.org", "ada@example.org\n", "ada", "@example.org",
        "ada@", "a@b@c", "ada@example.org, bob@example.org", "Ada <ada@example.org>", "",
    };
    (void)read;

    for (isize i = 0; i < countof(to); i++) {
        fault_clear(cx);
        must(!mail_send(cx, &(Letter){ str_of(to[i]), S("s"), S("t"), { 0 } }));
        must_fault(cx, BAD_REQUEST);
    }
    fault_clear(cx);
    must(!mail_send(cx, &(Letter){ S("a@b.c"), S("s\r\nBcc: x@y.z"), S("t"), { 0 } }));
    must_fault(cx, BAD_REQUEST);
    must(letters() == 0);
}
TEST(no_line_break_reaches_a_header_and_one_letter_has_one_reader) { with_each("c", refusal_facts); }

TEST(a_folder_that_is_gone_is_a_fault_and_leaves_nothing_half_written)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    Str why = { 0 };

    box = temp_path("d");
    MailConfig config = { str_fmt(mem, "folder:%s", box), S("shop@example.org") };
    must(mail_open(mem, &config, &why) && rmdir(box) == 0);
    must(!mail_send(&cx, &(Letter){ S("a@b.c"), S("s"), S("t"), { 0 } }));
    must_fault(&cx, INTERNAL_ERROR);
    mail_close();
}
