/* with_identity.h - a fresh store, kv, mail folder and identity for one test.
 *   Ctx cx = with_identity();  ...  identity_done(); */
#pragma once
#include "access/access.h"
#include "identity/identity.h"
#include "identity/login.h"
#include "kv/kv.h"
#include "mail/mail.h"
#include "unit/with_store.h"
#include <sys/stat.h>

static Secret test_master = { (u8 *)(uintptr_t) "a master secret that only tests know", 36 };
static const char *test_data_dir;
static Secret test_service_secret = { (u8 *)(uintptr_t) "a service secret that only tests know", 37 };
static ServiceConfig test_services = { .id = { "tickettoken", 11 }, .environment = { "test", 4 } };

static inline IdentityConfig identity_test_config(void)
{
    return (IdentityConfig){
        .keys_dir = str_fmt(mem, "%s/keys", test_data_dir), .issuer = S("tickettoken"),
        .audience = S("tickettoken"), .public_url = S("http://shop.test"),
        .access_lasts = minutes(15), .refresh_lasts = days(7), .refresh_grace = seconds(30),
        .audit_kept = days(400), .lockout_attempts = 5, .lockout_lasts = minutes(15),
        .hash_queue = 64, .hash_memory_kib = 1024, .seal_master = &test_master,
    };
}

static inline void identity_gone(void)
{
    access_close();
    identity_close();
}

static inline void identity_again(void)           /* after identity_gone      */
{
    IdentityConfig config = identity_test_config();
    Str why = { 0 };

    test_services.list.shared.now = test_service_secret;
    if (!identity_open(mem, &config, &why) || !access_open(mem, &test_services, &why))
        must_failed(str_z(mem, why), __FILE__, __LINE__);
}

static inline Ctx with_identity(void)
{
    Ctx cx = with_store();
    Str why = { 0 };

    test_data_dir = temp_path(str_z(mem, uuid_str(mem, uuid_new(time_now()))));
    must(mkdir(test_data_dir, 0700) == 0);
    must(kv_open(mem, &(KvConfig){ .url = S("embedded:") }, &why));
    MailConfig mail = { str_fmt(mem, "folder:%s/mail", test_data_dir), S("shop@example.org") };
    must(mail_open(mem, &mail, &why));
    identity_again();
    return cx;
}

static inline void identity_done(void)
{
    identity_gone();
    mail_close();
    kv_close();
    store_close();
}
