/* with_store.h - a fresh store of this program's schema for one test.
 *   Ctx cx = with_store();  ...  store_close(); */
#pragma once
#include "store/store.h"
#include "unit/test.h"

static inline Ctx with_store(void)
{
    Str name = uuid_str(mem, uuid_new(time_now()));
    Str url = str_fmt(mem, "sqlite:%s", temp_path(str_z(mem, name)));
    i64 from, to;
    Str why = { 0 };

    if (!store_migrate(mem, url, &from, &to, &why) ||
        !store_open(mem, &(StoreConfig){ url, 4, 128 }, &why))
        must_failed(str_z(mem, why), __FILE__, __LINE__);
    return ctx_new(mem, TENANT_DEFAULT);
}
