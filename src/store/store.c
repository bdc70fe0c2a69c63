/* store.c - opens the one store of this process and lends its reading connections.
 *
 * Readers are lent, not owned by threads: 128 workers that mostly wait for a lane
 * need ten connections. Where the database is far they are opened as they are needed
 * and closed when nobody has needed them for a while. The one that came back last is
 * lent first, so that those in excess grow old. */
#include "store/engine.h"
#include "base/trace.h"
#include "store/pgconn.h"
#include "base/lock.h"
#include <string.h>

extern Sql *const __start_sqls[] __attribute__((weak));
extern Sql *const __stop_sqls[] __attribute__((weak));

enum { READERS_MOST = 256, TRIES = 4 };
#define IDLE_MOST seconds(30)

typedef struct Idle { Db *db; Mono since; } Idle;

static struct {
    const Engine  *engine;
    StoreConfig    config;
    Arena          mem;                           /* the config's texts       */
    Lock           lock;
    pthread_cond_t more;
    Idle           idle[READERS_MOST];            /* the oldest first         */
    int            idle_count;
    int            open, most;                    /* lent ones included       */
} pool;

static const Engine *const engines[] = { &sqlite_engine, &postgres_engine };

const Engine *engine_of(Arena *mem, Str url, Str *why)
{
    for (isize i = 0; i < countof(engines); i++)
        for (Str left = str_of(engines[i]->schemes); left.at != NULL;)
            if (str_starts(url, str_cut(&left, ' ')))
                return engines[i];
    *why = str_fmt(mem, "DATABASE_URL: no engine for this scheme; write sqlite:FILE or "
                   "postgresql://ROLE@HOST/NAME");
    return NULL;
}

/* ---- lending -------------------------------------------------------------- */

/* Takes an idle one, or leave to open one: then *db is NULL. False when none became
 * free. */
static bool take_place(Ctx *cx, Db **db)
{
    bool got = true;

    *db = NULL;
    lock(&pool.lock);
    while (pool.idle_count == 0 && pool.open == pool.most && got)
        got = lock_wait(&pool.lock, &pool.more, cx->deadline.ns);
    if (pool.idle_count > 0) {
        *db = pool.idle[--pool.idle_count].db;
        got = true;
    } else if (pool.open < pool.most) {
        pool.open++;
        got = true;
    }
    unlock(&pool.lock);
    return got || fail(cx, BUSY, "no reading connection became free");
}

static void leave_place(void)
{
    lock(&pool.lock);
    pool.open--;
    unlock(&pool.lock);
    pthread_cond_signal(&pool.more);
}

static Db *borrow(Ctx *cx)
{
    Str why = { 0 };
    Db *db;

    if (!take_place(cx, &db))
        return NULL;
    if (db == NULL)
        db = pool.engine->open(cx->mem, &pool.config, DB_READS, &why);
    if (db == NULL) {
        leave_place();
        fail(cx, DATABASE_CONNECTION_ERROR, "%.*s", STR_ARGS(why));
    }
    return db;
}

static void give_back(Db *db)
{
    lock(&pool.lock);
    pool.idle[pool.idle_count++] = (Idle){ db, mono_now() };
    unlock(&pool.lock);
    pthread_cond_signal(&pool.more);
}

/* Closes those that are idle since before `since`. */
static void close_idle(Mono since)
{
    Idle old[READERS_MOST];
    int n = 0;

    lock(&pool.lock);
    while (n < pool.idle_count && pool.idle[n].since.ns < since.ns)
        n++;
    memcpy(old, pool.idle, (size_t)n * sizeof *old);
    memmove(pool.idle, pool.idle + n, (size_t)(pool.idle_count - n) * sizeof *pool.idle);
    pool.idle_count -= n;
    pool.open -= n;
    unlock(&pool.lock);
    for (int i = 0; i < n; i++)
        pool.engine->close(old[i].db);
    if (n > 0)
        pthread_cond_broadcast(&pool.more);
}

void store_tidy(void)
{
    if (pool.engine != NULL && pool.engine->far)
        close_idle((Mono){ mono_now().ns - IDLE_MOST.ms * 1000000 });
}

StoreCounts store_counts(void)
{
    StoreCounts c = lane_counts();

    if (pool.engine == NULL)
        return c;
    lock(&pool.lock);
    c.readers_open = pool.open;
    c.readers_idle = pool.idle_count;
    unlock(&pool.lock);
    return c;
}

/* ---- reading -------------------------------------------------------------- */

/* A connection that was lost says that the idle ones are, too. */
static void drop(Db *db)
{
    pool.engine->close(db);
    leave_place();
    close_idle(mono_now());
}

static bool try_read(Ctx *cx, TxFn *fn, void *arg, bool *again)
{
    Db *db = borrow(cx);

    *again = false;
    if (db == NULL)
        return false;
    cx->db = db;
    db->again = false;
    bool good = db->engine->begin(cx, TX_READ) && fn(cx, arg);
    if (!db->dead)
        db->engine->rollback(cx);                 /* nothing was written      */
    cx->db = NULL;
    *again = !good && (db->dead || db->again);
    if (db->dead)
        drop(db);
    else
        give_back(db);
    return good;
}

bool read_tx(Ctx *cx, TxFn *fn, void *arg)
{
    bool again = true, good = false;
    Step step = trace_begin(cx);

    must(cx->db == NULL);
    for (int i = 0; i < TRIES && !good && again; i++) {
        if (i > 0)
            fault_clear(cx);
        good = try_read(cx, fn, arg, &again);
    }
    trace_end(cx, &step, TRACE_INTERNAL, "read_tx");
    return good;
}

SQL_ALL(store_alive, "SELECT 1");

static bool ask(Ctx *cx, void *arg) { return sql_int(cx, &store_alive, (i64 *)arg); }

bool store_ready(Ctx *cx)
{
    i64 one = 0;
    return read_tx(cx, ask, &one) && one == 1;
}

typedef struct Called { Str version; } Called;
static const Shape called_row = SHAPE(Called, TEXT(Called, version, 0, 100, 0, ""));

SQL_FAR(store_says, "SELECT current_setting('server_version')");

static bool ask_version(Ctx *cx, void *arg)
{
    return sql_get(cx, &store_says, &called_row, arg);
}

bool store_version(Ctx *cx, Str *out)
{
    Called c = { S("in this process") };

    if (pool.engine->far && !read_tx(cx, ask_version, &c))
        return false;
    *out = str_fmt(cx->mem, "%s, %.*s", pool.engine->called, STR_ARGS(c.version));
    return true;
}

static bool look_for_damage(Ctx *cx, void *arg)
{
    *(i64 *)arg = 0;
    return cx->db->engine->damage == NULL || cx->db->engine->damage(cx, arg);
}

bool store_shared(void) { return pool.engine->far; }

bool store_damage(Ctx *cx, i64 *faults) { return read_tx(cx, look_for_damage, faults); }

/* ---- boot ----------------------------------------------------------------- */

/* Numbers the statements; every connection finds its prepared ones by it. */
static void number_all(void)
{
    for (isize i = 0; i < __stop_sqls - __start_sqls; i++)
        __start_sqls[i]->number = (int)i;
}

static bool names_tenant(const Sql *q)
{
    Str text = str_of(q->text);
    return sql_spans(q) || (str_has(text, S("$1")) && str_has(text, S("tenant")));
}

static isize check_sql(Db *db, Buf *wrong)
{
    isize bad = 0;

    for (isize i = 0; i < __stop_sqls - __start_sqls; i++) {
        const Sql *q = __start_sqls[i];
        const char *why = "names no tenant";
        if ((q->is & FAR_ONLY) != 0 && !db->engine->far)
            continue;
        if (names_tenant(q) && db->engine->prepare(db, q, &why))
            continue;
        buf_fmt(wrong, "%ssql %s: %s", bad == 0 ? "" : "; ", q->name, why);
        bad++;
    }
    return bad;
}

/* May this be served, and is every statement good? */
static bool check(Arena *mem, Db *db, Str *why)
{
    Ctx cx = ctx_new(mem, TENANT_DEFAULT);
    Buf wrong = buf_in(mem, 256);

    cx.db = db;
    if (db->engine->inspect != NULL && !db->engine->inspect(&cx, why))
        return false;
    if (check_sql(db, &wrong) == 0)
        return true;
    *why = buf_str(&wrong);
    return false;
}

static void keep_config(const StoreConfig *c, const Engine *e)
{
    memset(&pool, 0, sizeof pool);
    pool.engine = e;
    pool.config = *c;
    pool.config.url = str_copy(&pool.mem, c->url);
    pool.config.owner_url = str_copy(&pool.mem, c->owner_url);
    pool.config.attempts = 1;
    pool.most = c->readers < READERS_MOST ? c->readers : READERS_MOST;
    lock_init(&pool.lock, RANK_POOL);
    cond_init(&pool.more);
}

static void forget_config(void)
{
    close_idle((Mono){ INT64_MAX });
    pthread_cond_destroy(&pool.more);
    lock_close(&pool.lock);
    pgconn_login(NULL);
    arena_close(&pool.mem);
    pool.engine = NULL;
}

static bool open_readers(Arena *mem, Str *why)
{
    while (!pool.engine->far && pool.open < pool.most) {
        Db *db = pool.engine->open(mem, &pool.config, DB_READS, why);
        if (db == NULL)
            return false;
        pool.open++;
        give_back(db);
    }
    return true;
}

static bool open_writers(Arena *mem, const StoreConfig *c, Db **writers, int *count,
                         Str *why)
{
    const Engine *e = pool.engine;
    int most = c->lanes < 1 ? 1 : c->lanes < e->lanes ? c->lanes : e->lanes;
    StoreConfig first = pool.config;

    first.attempts = c->attempts;          /* who has reached it once needs no patience */
    for (*count = 0; *count < most; ++*count) {
        Db *db = e->open(mem, *count == 0 ? &first : &pool.config, DB_WRITES, why);
        if (db == NULL)
            return false;
        writers[*count] = db;
        if (*count == 0 && !check(mem, db, why)) {
            ++*count;
            return false;
        }
    }
    return true;
}

bool store_open(Arena *mem, const StoreConfig *config, Str *why)
{
    const Engine *e = engine_of(mem, config->url, why);
    Db *writers[LANES_MOST];
    int count = 0;

    if (e == NULL)
        return false;
    keep_config(config, e);
    number_all();
    if (open_writers(mem, config, writers, &count, why) && open_readers(mem, why)) {
        lanes_open(e, writers, count, config->batch_most);
        return true;
    }
    while (count > 0)
        e->close(writers[--count]);
    forget_config();
    return false;
}

void store_login(Str url)
{
    if (!pool.engine->far)
        return;
    lock(&pool.lock);
    const char *z = str_z(&pool.mem, url);        /* stays: somebody may be reading the
                                                     old one */
    unlock(&pool.lock);
    pgconn_login(z);
}

void store_close(void)
{
    lanes_close();
    must(pool.idle_count == pool.open);           /* nobody reads any more    */
    forget_config();
}
