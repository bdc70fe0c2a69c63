/* redis_test.c - what only a Redis can do: be away, come back, refuse, be somebody else.
 * Each test starts a redis-server of its own on a socket in the test's folder. */
#include "unit/test.h"
#include "kv/kv.h"
#include "kv/redis_url.h"
#include "unit/self_signed.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <netinet/in.h>

typedef struct Redis { pid_t pid; const char *folder, *socket; } Redis;

static bool installed(void)
{
    static bool told;
    bool there = false;
    Str left = str_of(getenv("PATH"));

    while (left.len > 0 && !there) {
        Str folder = str_cut(&left, ':');
        there = access(str_fmt(mem, "%.*s/redis-server", STR_ARGS(folder)).at, X_OK) == 0;
    }
    if (!there && !told)
        printf("redis_test: no redis-server, left out\n");
    told = true;
    return there;
}

static bool listens(const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(at.sun_path, path, strlen(path) + 1);
    bool good = connect(fd, (struct sockaddr *)&at, sizeof at) == 0;
    close(fd);
    return good;
}

static void wait_until(bool (*fact)(const char *), const char *arg)
{
    for (int i = 0; i < 6000 && !fact(arg); i++)
        usleep(10000);
    must(fact(arg));
}

/* `more`: its settings beside folder and socket. It ends when the test does. */
static void run(Redis *r, const char *const *more)
{
    const char *args[40] = { "redis-server", "--port", "0", "--unixsocket", r->socket,
                             "--save", "", "--dir", r->folder };
    int n = 9;

    while (more != NULL && *more != NULL)
        args[n++] = *more++;
    r->pid = fork();
    if (r->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int nowhere = open("/dev/null", O_RDWR);
        dup2(nowhere, 1);
        dup2(nowhere, 2);
        execvp("redis-server", (char *const *)(uintptr_t)args);
        _exit(127);
    }
    must(r->pid > 0 && n < countof(args));
    wait_until(listens, r->socket);
}

static Redis redis(const char *const *more)
{
    Redis r = { .folder = temp_path(str_z(mem, uuid_str(mem, uuid_new(time_now())))) };

    must(mkdir(r.folder, 0700) == 0);
    r.socket = str_z(mem, str_fmt(mem, "%s/s", r.folder));
    run(&r, more);
    return r;
}

static void stop(Redis *r)
{
    int status;

    if (r->pid == 0)
        return;
    kill(r->pid, SIGKILL);
    must(waitpid(r->pid, &status, 0) == r->pid);
    r->pid = 0;
    unlink(r->socket);
}

static bool open_at(Str url, Str *why)
{
    return kv_open(mem, &(KvConfig){ url, 0, 1 }, why);
}

static void open_unix(const Redis *r)
{
    Str why = { 0 };

    if (!open_at(str_fmt(mem, "unix:%s", r->socket), &why))
        must_failed(str_z(mem, why), __FILE__, __LINE__);
}

static bool try_put(Ctx *cx, const char *name)
{
    fault_clear(cx);
    cx->deadline = mono_after(mono_now(), seconds(30));
    return kv_put(cx, kv_key(cx, "nonce", str_of(name)), S("v"), seconds(60));
}

static i64 ms_since(Mono t) { return mono_us(t, mono_now()) / 1000; }

/* ---- away and back -------------------------------------------------------- */

static void *hammer(void *arg)
{
    Arena own = { 0 };
    Mono begun = mono_now();

    for (int i = 0; i < 50; i++) {
        Ctx cx = ctx_new(&own, TENANT_DEFAULT);
        must(!kv_put(&cx, kv_key(&cx, "nonce", S("a")), S("v"), seconds(60)));
        must(cx.fault.code == KV_UNAVAILABLE && cx.fault.retry_after == 2);
        arena_close(&own);
    }
    *(i64 *)arg = ms_since(begun);
    return NULL;
}

TEST(while_redis_is_dead_calls_fail_at_once_and_limits_let_through)
{
    if (!installed())
        return;
    Redis r = redis(NULL);
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    Key limited = kv_key(&cx, "login", S("eve"));
    pthread_t threads[16];
    i64 fifty[16] = { 0 }, opened = metric_get(METRIC_KV_OPEN_LOGIN);
    Str value;
    bool found;

    open_unix(&r);
    must(try_put(&cx, "token"));
    must(kv_limit(&cx, limited, hours(1), 1, METRIC_KV_OPEN_LOGIN));
    must(!kv_limit(&cx, limited, hours(1), 1, METRIC_KV_OPEN_LOGIN));
    stop(&r);
    for (int i = 0; i < 16; i++)
        must(pthread_create(&threads[i], NULL, hammer, &fifty[i]) == 0);
    for (int i = 0; i < 16; i++) {
        pthread_join(threads[i], NULL);
        must(fifty[i] < 20000);                   /* each waiting a second: 50 s */
    }
    must(!try_put(&cx, "token"));
    must_fault(&cx, KV_UNAVAILABLE);
    must(cx.fault.retry_after == 2 && fault_facts(KV_UNAVAILABLE)->status == 503);
    fault_clear(&cx);
    must(!kv_take(&cx, kv_key(&cx, "nonce", S("token")), &value, &found));
    must_fault(&cx, KV_UNAVAILABLE);
    fault_clear(&cx);
    for (int i = 0; i < 3; i++)
        must(kv_limit(&cx, limited, hours(1), 1, METRIC_KV_OPEN_LOGIN) && cx.fault.code == OK);
    must(metric_get(METRIC_KV_OPEN_LOGIN) == opened + 3 && metric_get(METRIC_KV_UP) == 0);
    must(!kv_answers(&cx) && kv_do_without(&cx, METRIC_KV_NO_TENANT) && cx.fault.code == OK);
    kv_close();
}

TEST(what_died_and_came_back_is_used_again_by_itself)
{
    if (!installed())
        return;
    Redis r = redis(NULL);
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    i64 times = metric_get(METRIC_KV_RECONNECTS);

    open_unix(&r);
    must(try_put(&cx, "a"));
    stop(&r);
    for (Mono t = mono_now(); ms_since(t) < 1500; usleep(20000))
        must(!try_put(&cx, "a"));
    run(&r, NULL);
    Mono begun = mono_now();
    while (!try_put(&cx, "a")) {
        must(ms_since(begun) < 20000);
        usleep(10000);
    }
    must(metric_get(METRIC_KV_RECONNECTS) == times + 1 && metric_get(METRIC_KV_UP) == 1);
    stop(&r);
    kv_close();
}

/* The links of the pool are dead and nobody has noticed: the next call makes its own. */
TEST(a_restart_between_two_calls_is_not_noticed)
{
    if (!installed())
        return;
    Redis r = redis(NULL);
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    Str value;
    bool found;

    open_unix(&r);
    for (int i = 0; i < 3; i++) {
        must(try_put(&cx, "a"));
        must(kv_take(&cx, kv_key(&cx, "nonce", S("a")), &value, &found) && found);
        stop(&r);
        run(&r, NULL);
    }
    must(kv_get(&cx, kv_key(&cx, "nonce", S("a")), &value, &found) && !found);
    stop(&r);
    kv_close();
}

TEST(a_frozen_redis_holds_each_call_for_a_second_at_most_and_most_not_at_all)
{
    if (!installed())
        return;
    Redis r = redis(NULL);
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    int slow = 0;

    open_unix(&r);
    must(try_put(&cx, "a"));
    must(kill(r.pid, SIGSTOP) == 0);
    for (int i = 0; i < 200; i++) {
        Mono begun = mono_now();
        must(!try_put(&cx, "a") && ms_since(begun) < 5000);
        slow += ms_since(begun) > 900;
    }
    must(slow >= 1 && slow <= 3);
    must(kill(r.pid, SIGCONT) == 0);
    Mono begun = mono_now();
    while (!try_put(&cx, "a"))
        must(ms_since(begun) < 20000 && usleep(10000) == 0);
    stop(&r);
    kv_close();
}

TEST(a_caller_without_time_says_nothing_about_redis)
{
    if (!installed())
        return;
    Redis r = redis(NULL);
    Ctx cx = ctx_new(mem, TENANT_DEFAULT), late = cx;

    open_unix(&r);
    late.deadline = mono_now();
    must(!kv_put(&late, kv_key(&cx, "nonce", S("a")), S("v"), seconds(60)));
    must_fault(&late, KV_UNAVAILABLE);
    must(metric_get(METRIC_KV_UP) == 1 && try_put(&cx, "a"));
    stop(&r);
    kv_close();
}

/* ---- a middle-man that loses answers -------------------------------------- */

typedef struct Middle { int listening; const char *behind; bool deaf; } Middle;

static int connect_unix(const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(at.sun_path, path, strlen(path) + 1);
    must(connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
    return fd;
}

/* One question, one answer; GETDEL is done and its answer lost with the connection. */
static void *carry(void *arg)
{
    const Middle *m = arg;
    char bytes[4096];
    ssize_t n;

    for (int in; (in = accept(m->listening, NULL, NULL)) >= 0;) {
        int out = connect_unix(m->behind);
        while ((n = read(in, bytes, sizeof bytes)) > 0) {
            bool lose = memmem(bytes, (size_t)n, "GETDEL", 6) != NULL &&
                        memmem(bytes, (size_t)n, "tt:v:start", 10) == NULL;
            must(write(out, bytes, (size_t)n) == n);
            n = read(out, bytes, sizeof bytes);
            if (lose || n <= 0)
                break;
            must(write(in, bytes, (size_t)n) == n);
        }
        close(in);
        close(out);
    }
    return NULL;
}

TEST(a_take_whose_answer_was_lost_is_a_fault_and_not_asked_again)
{
    if (!installed())
        return;
    Redis r = redis(NULL);
    Middle m = { socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r.socket, false };
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    const char *path = temp_path("middle");
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    Key k = kv_key(&cx, "nonce", S("token"));
    pthread_t thread;
    Str why, value;
    bool found;

    memcpy(at.sun_path, path, strlen(path) + 1);
    must(bind(m.listening, (struct sockaddr *)&at, sizeof at) == 0 && listen(m.listening, 8) == 0);
    must(pthread_create(&thread, NULL, carry, &m) == 0);
    must(open_at(str_fmt(mem, "unix:%s", path), &why));
    must(kv_put(&cx, k, S("v"), seconds(60)));
    must(!kv_take(&cx, k, &value, &found));
    must_fault(&cx, KV_UNAVAILABLE);
    fault_clear(&cx);
    must(kv_get(&cx, k, &value, &found) && !found);      /* it was done          */
    kv_close();
    shutdown(m.listening, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(m.listening);
    unlink(path);
    stop(&r);
}

/* ---- who we are ----------------------------------------------------------- */

TEST(a_wrong_password_is_said_at_once_and_never_shown)
{
    if (!installed())
        return;
    Redis r = redis((const char *const[]){ "--requirepass", "p@ss:word", NULL });
    Str why = { 0 };
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);

    must(!kv_open(mem, &(KvConfig){ str_fmt(mem, "unix://:nope@%s", r.socket), 0, 5 }, &why));
    must(str_has(why, S("password was refused (WRONGPASS)")) && !str_has(why, S("nope")));
    must(!kv_open(mem, &(KvConfig){ str_fmt(mem, "unix:%s", r.socket), 0, 5 }, &why));
    must(str_has(why, S("NOAUTH")));
    must(open_at(str_fmt(mem, "unix://:p%%40ss%%3Aword@%s?db=3", r.socket), &why));
    must(try_put(&cx, "a"));
    kv_close();
    must(!open_at(str_fmt(mem, "unix://:p%%40ss%%3Aword@%s?db=99", r.socket), &why));
    must(str_has(why, S("database's number")));
    stop(&r);
}

TEST(a_user_with_the_rights_that_are_named_is_enough_and_one_less_is_said)
{
    if (!installed())
        return;
    Redis r = redis((const char *const[]){
        "--user", "shop", "on", ">pw", "~tt:*", "+get", "+set", "+getdel", "+del", "+eval",
        "+evalsha", "+ping", "--user", "less", "on", ">pw", "~tt:*", "+get", "+set", "+ping", NULL });
    Str why = { 0 };
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    i64 n;
    Instant reset;

    must(open_at(str_fmt(mem, "unix://shop:pw@%s", r.socket), &why));
    must(try_put(&cx, "a"));
    must(kv_count(&cx, kv_key(&cx, "w", S("a")), seconds(9), 2, &n, &reset) && n == 1);
    kv_close();
    must(!open_at(str_fmt(mem, "unix://less:pw@%s", r.socket), &why));
    must(str_has(why, S("NOPERM")) && str_has(why, S("GETDEL")));
    stop(&r);
}

TEST(scripts_that_redis_forgot_are_sent_again)
{
    if (!installed())
        return;
    Redis r = redis(NULL);
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    Key k = kv_key(&cx, "w", S("a"));
    Instant reset;
    i64 n;
    char answer[16];

    open_unix(&r);
    must(kv_count(&cx, k, seconds(9), 5, &n, &reset) && n == 1);
    int fd = connect_unix(r.socket);
    must(write(fd, "SCRIPT FLUSH\r\n", 14) == 14 && read(fd, answer, sizeof answer) == 5);
    close(fd);
    must(kv_count(&cx, k, seconds(9), 5, &n, &reset) && n == 2);
    stop(&r);
    kv_close();
}

TEST(nothing_there_is_said_with_the_place)
{
    Str why = { 0 };

    must(!open_at(S("unix:/nonexistent/socket"), &why));
    must(str_has(why, S("/nonexistent/socket")) && str_has(why, S("No such file")));
    must(!open_at(S("redis://:secret@127.0.0.1:1/0"), &why));
    must(str_has(why, S("127.0.0.1:1")) && !str_has(why, S("secret")));
}

/* ---- addresses ------------------------------------------------------------ */

static bool read_url(const char *url, RedisAddress *a)
{
    Str why = { 0 };
    return redis_address_read(mem, str_of(url), a, &why);
}

TEST(an_address_is_read_in_every_form)
{
    RedisAddress a;

    must(read_url("redis://cache", &a) && str_is(a.host, S("cache")) && a.port == 6379 && a.db == 0);
    must(!a.tls && a.password.at == NULL && a.user.at == NULL && a.ca.at == NULL);
    must(read_url("redis://u:p%40%3a@cache:7000/12", &a) && a.port == 7000 && a.db == 12);
    must(str_is(a.user, S("u")) && str_is(a.password, S("p@:")));
    must(read_url("redis://:p@[::1]:7000/", &a) && str_is(a.host, S("::1")) && a.port == 7000);
    must(a.user.at == NULL && str_is(redis_address_str(mem, &a), S("[::1]:7000")));
    must(read_url("redis://[::1]", &a) && a.port == 6379);
    must(read_url("rediss://cache/1?ca=/a%20b.pem", &a) && a.tls && a.db == 1);
    must(str_is(a.ca, S("/a b.pem")));
    must(read_url("unix:/run/r.sock?db=2", &a) && a.port == 0 && a.db == 2);
    must(read_url("unix://u:p@/run/r.sock", &a) && str_is(a.host, S("/run/r.sock")));
    must(str_is(a.user, S("u")) && str_is(a.password, S("p")));
}

TEST(an_address_that_is_none_is_refused_without_its_password)
{
    static const char *const wrong[] = {
        "redis:cache", "redis://", "redis://:6379", "redis://cache:0", "redis://cache:65536",
        "redis://cache:x", "redis://cache/x", "redis://cache/-1", "redis://u:s3cret@x@cache",
        "redis://s3cret@cache?", "redis://u:@cache", "redis://u:s3cret%2@cache",
        "redis://u:s3cret%zz@cache", "redis://cache?ca=/x", "rediss://cache?ca=", "rediss://cache?x=1",
        "redis://[::1", "redis://[::1]x", "unix:run/r.sock", "unix:", "unix:/r?db=x", "unix:/r?ca=/x" };
    RedisAddress a;
    Str why;

    for (isize i = 0; i < countof(wrong); i++) {
        bool good = redis_address_read(mem, str_of(wrong[i]), &a, &why);
        if (good)
            fprintf(stderr, "%s was taken\n", wrong[i]);
        must(!good && !str_has(why, S("s3cret")) && str_has(why, S("REDIS_URL")));
    }
}

/* ---- TLS ------------------------------------------------------------------ */

static int free_port(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    must(bind(fd, (struct sockaddr *)&at, n) == 0 && getsockname(fd, (struct sockaddr *)&at, &n) == 0);
    close(fd);
    return ntohs(at.sin_port);
}

typedef struct Secure { Redis redis; int port; const char *cert; } Secure;

static Secure secure_redis(const char *name)
{
    Secure s = { .port = free_port(), .cert = temp_path("redis.pem") };
    const char *key = temp_path("redis.key"), *port = str_z(mem, str_fmt(mem, "%d", s.port));

    write_self_signed(s.cert, key, (SelfSigned){ "redis", name, 1 });
    s.redis = redis((const char *const[]){ "--tls-port", port, "--tls-cert-file", s.cert,
                    "--tls-key-file", key, "--tls-ca-cert-file", s.cert, "--tls-auth-clients", "no",
                    NULL });
    return s;
}

TEST(under_tls_every_operation_works)
{
    if (!installed())
        return;
    Secure s = secure_redis("IP:127.0.0.1");
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    Key k = kv_key(&cx, "nonce", S("big"));
    Str big = { make(mem, char, 300000), 300000 }, why = { 0 }, value;
    bool found;

    if (!open_at(str_fmt(mem, "rediss://127.0.0.1:%d/1?ca=%s", s.port, s.cert), &why))
        must_failed(str_z(mem, why), __FILE__, __LINE__);
    must(kv_put(&cx, k, big, seconds(60)) && kv_get(&cx, k, &value, &found) && found);
    must(str_is(value, big) && kv_take(&cx, k, &value, &found) && found);
    stop(&s.redis);
    must(!try_put(&cx, "a"));
    must_fault(&cx, KV_UNAVAILABLE);
    kv_close();
}

TEST(a_certificate_of_nobody_we_know_or_for_another_host_is_refused)
{
    if (!installed())
        return;
    Secure s = secure_redis("DNS:other.example");
    Str why = { 0 };

    must(!open_at(str_fmt(mem, "rediss://127.0.0.1:%d", s.port), &why));
    must(str_has(why, S("TLS certificate: ")));
    must(!open_at(str_fmt(mem, "rediss://127.0.0.1:%d?ca=%s", s.port, s.cert), &why));
    must(str_has(why, S("IP address mismatch")));
    must(!open_at(str_fmt(mem, "rediss://localhost:%d?ca=%s", s.port, s.cert), &why));
    must(str_has(why, S("hostname mismatch")));
    must(!open_at(str_fmt(mem, "rediss://localhost:%d?ca=/nonexistent", s.port), &why));
    must(str_has(why, S("/nonexistent")));
    stop(&s.redis);
}
