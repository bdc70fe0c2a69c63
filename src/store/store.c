/* store.c - opens the one store of this process and lends its reading connections.
 *
 * Readers are lent, not owned by threads: 128 workers that mostly wait for a lane
 * need ten connections, and that is also how a PostgreSQL pool will be. */
#include "store/engine.h"
#include "base/lock.h"
#include "base/log.h"
#include <stdlib.h>
#include <string.h>

extern Sql *const __start_sqls[] __attribute__((weak));
extern Sql *const __stop_sqls[] __attribute__((weak));

enum { READERS_MOST = 256 };

static struct {
    const Engine  *engine;
    Lock           lock;
    pthread_cond_t more;
    Db            *free[READERS_MOST];
    int            free_count, readers;
} pool;

static const Engine *const engines[] = { &sqlite_engine };

const Engine *engine_of(Arena *mem, Str url, Str *where, Str *why)
{
    for (isize i = 0; i < countof(engines); i++) {
        Str scheme = str_of(engines[i]->scheme);
        if (str_starts(url, scheme) && url.len > scheme.len + 1 && url.at[scheme.len] == ':') {
            *where = str_sub(url, scheme.len + 1, url.len);
            return engines[i];
        }
    }
    *why = str_fmt(mem, "DATABASE_URL: no engine for this scheme; write sqlite:FILE");
    return NULL;
}

/* ---- reading -------------------------------------------------------------- */

static Db *borrow(Ctx *cx)
{
    Db *db = NULL;

    lock(&pool.lock);
    while (pool.free_count == 0)
        if (!lock_wait(&pool.lock, &pool.more, cx->deadline.ns))
            break;
    if (pool.free_count > 0)
        db = pool.free[--pool.free_count];
    unlock(&pool.lock);
    if (db == NULL)
        fail(cx, BUSY, "no reading connection became free");
    return db;
}

static void give_back(Db *db)
{
    lock(&pool.lock);
    pool.free[pool.free_count++] = db;
    unlock(&pool.lock);
    pthread_cond_signal(&pool.more);
}

bool read_tx(Ctx *cx, TxFn *fn, void *arg)
{
    must(cx->db == NULL);
    Db *db = borrow(cx);
    if (db == NULL)
        return false;
    cx->db = db;
    bool good = db->engine->begin(cx, TX_READ) && fn(cx, arg);
    db->engine->rollback(cx);                     /* nothing was written      */
    cx->db = NULL;
    give_back(db);
    return good;
}

SQL_ALL(store_alive, "SELECT 1");

static bool ask(Ctx *cx, void *arg) { return sql_int(cx, &store_alive, (i64 *)arg); }

bool store_ready(Ctx *cx)
{
    i64 one = 0;
    return read_tx(cx, ask, &one) && one == 1;
}

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
    return q->all || (str_has(text, S("$1")) && str_has(text, S("tenant")));
}

static isize check_sql(Db *db, Buf *wrong)
{
    isize bad = 0;

    for (isize i = 0; i < __stop_sqls - __start_sqls; i++) {
        const Sql *q = __start_sqls[i];
        const char *why = "names no tenant";
        if (names_tenant(q) && db->engine->prepare(db, q, &why))
            continue;
        buf_fmt(wrong, "%ssql %s: %s", bad == 0 ? "" : "; ", q->name, why);
        bad++;
    }
    return bad;
}

static void close_readers(void)
{
    for (int i = 0; i < pool.free_count; i++)
        pool.engine->close(pool.free[i]);
    pool.free_count = pool.readers = 0;
}

static bool open_readers(Arena *mem, Str where, int count, Str *why)
{
    for (int i = 0; i < count; i++) {
        Db *db = pool.engine->open(mem, where, false, why);
        if (db == NULL)
            return false;
        pool.free[pool.free_count++] = db;
        pool.readers++;
    }
    return true;
}

bool store_open(Arena *mem, const StoreConfig *config, Str *why)
{
    Str where;
    Buf wrong = buf_in(mem, 256);

    memset(&pool, 0, sizeof pool);
    pool.engine = engine_of(mem, config->url, &where, why);
    if (pool.engine == NULL)
        return false;
    number_all();
    Db *writer = pool.engine->open(mem, where, true, why);
    if (writer == NULL)
        return false;
    if (check_sql(writer, &wrong) > 0) {
        *why = buf_str(&wrong);
        writer->engine->close(writer);
        return false;
    }
    lock_init(&pool.lock, RANK_POOL);
    cond_init(&pool.more);
    int readers = config->readers < READERS_MOST ? config->readers : READERS_MOST;
    if (!open_readers(mem, where, readers, why)) {
        close_readers();
        writer->engine->close(writer);
        return false;
    }
    lanes_open(pool.engine, &writer, 1, config->batch_most);
    return true;
}

void store_close(void)
{
    lanes_close();
    must(pool.free_count == pool.readers);        /* nobody reads any more    */
    close_readers();
    pthread_cond_destroy(&pool.more);
    lock_close(&pool.lock);
}
