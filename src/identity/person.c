/* person.c - rows and nothing else; what they mean for signing in is login.c's. */
#include "identity/person.h"
#include "identity/epoch.h"

static const char *const status_words[] = { "PENDING", "ACTIVE", "SUSPENDED", "DELETED" };
const Names person_status_names = { status_words, countof(status_words) };

const Shape person_shape = SHAPE(Person,
    ID(Person, id, 0, "the person"),
    TEXT(Person, email, 3, 255, EMAIL, "in lower case"),
    TEXT(Person, firstName, 0, 100, 0, "given name"),
    TEXT(Person, lastName, 0, 100, 0, "family name"),
    TEXT(Person, phone, 0, 32, OPTIONAL, "as it was given"),
    BOOL(Person, emailVerified, 0, "whether the mailbox was reached"),
    BOOL(Person, mfaEnabled, 0, "whether a second factor is asked for"),
    NAME(Person, role, &role_names, 0, "what the person may do in this tenant"),
    NAME(Person, status, &person_status_names, UNLISTED, ""),
    ID(Person, tenantId, 0, "the tenant that the person belongs to"),
    TEXT(Person, passwordHash, 0, 255, UNLISTED, ""),
    TIME(Person, lockedUntil, UNLISTED, ""),
    TIME(Person, lastLoginAt, UNLISTED, ""),
    TIME(Person, createdAt, UNLISTED, ""),
    TIME(Person, updatedAt, UNLISTED, ""),
    NUMBER(Person, version, 1, INT32_MAX, 0, 0, "rises with each change"));

#define COLUMNS " id, email, first_name, last_name, phone, email_verified, mfa_enabled, role," \
                " status, tenant, password_hash, locked_until, last_login_at, created_at,"     \
                " updated_at, version"

SQL(person_new,
    "INSERT INTO person (tenant, id, email, password_hash, first_name, last_name,"
    " phone, role, status, email_verified, created_at, updated_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)"
    " ON CONFLICT (tenant, email) DO NOTHING RETURNING" COLUMNS);

SQL(person_by_email, "SELECT" COLUMNS " FROM person WHERE tenant = $1 AND email = $2");
SQL(person_by_id,    "SELECT" COLUMNS " FROM person WHERE tenant = $1 AND id = $2");

SQL(person_enter,
    "UPDATE person SET last_login_at = $3, failed_logins = 0, locked_until = NULL,"
    " password_hash = COALESCE($4, password_hash) WHERE tenant = $1 AND id = $2"
    " AND (password_hash = $5 OR $5 IS NULL) AND status IN ('PENDING', 'ACTIVE')");

SQL(person_close,
    "UPDATE person SET failed_logins = $3, locked_until = $4"
    " WHERE tenant = $1 AND id = $2"
    " AND (locked_until IS NULL OR locked_until <= $5)");

SQL(person_renew_hash,
    "UPDATE person SET password_hash = $4, failed_logins = 0, locked_until = NULL,"
    " updated_at = $5, version = version + 1 WHERE tenant = $1 AND id = $2"
    " AND (password_hash = $3 OR $3 IS NULL) AND status IN ('PENDING', 'ACTIVE')"
    " RETURNING email");

SQL(person_edit,
    "UPDATE person SET first_name = COALESCE($3, first_name),"
    " last_name = COALESCE($4, last_name), phone = COALESCE($5, phone), updated_at = $6,"
    " version = version + 1 WHERE tenant = $1 AND id = $2 AND (version = $7 OR $7 = 0)"
    " AND status IN ('PENDING', 'ACTIVE') RETURNING" COLUMNS);

SQL(person_verify,
    "UPDATE person SET email_verified = TRUE, updated_at = $3, version = version + 1,"
    " status = CASE status WHEN 'PENDING' THEN 'ACTIVE' ELSE status END"
    " WHERE tenant = $1 AND id = $2 AND NOT email_verified");

bool person_add(Ctx *cx, const NewPerson *in, Person *out)
{
    Str email = str_lower(cx->mem, in->email);
    bool made, verified = in->status == PERSON_ACTIVE;

    if (!sql_find(cx, &person_new, &person_shape, out, &made, V(in->id.v), V(email),
                  V(in->passwordHash),
                  V(in->firstName.at == NULL ? S("") : in->firstName),
                  V(in->lastName.at == NULL ? S("") : in->lastName), V(in->phone),
                  V(names_str(&role_names, (int)in->role)),
                  V(names_str(&person_status_names, (int)in->status)), V(verified),
                  V(cx->now)))
        return false;
    return made || fail(cx, DUPLICATE_EMAIL, "email is taken");
}

bool person_find(Ctx *cx, Str email, Person *out, bool *found)
{
    return sql_find(cx, &person_by_email, &person_shape, out, found,
                    V(str_lower(cx->mem, email)));
}

bool person_get(Ctx *cx, UserId id, Person *out)
{
    return sql_get(cx, &person_by_id, &person_shape, out, V(id.v));
}

bool person_entered(Ctx *cx, UserId id, Str new_hash)
{
    return person_let_in(cx, id, (Str){ 0 }, new_hash);
}

bool person_let_in(Ctx *cx, UserId id, Str known_hash, Str new_hash)
{
    i64 changed;

    if (!sql_run(cx, &person_enter, &changed, V(id.v), V(cx->now), V(new_hash),
                 V(known_hash)))
        return false;
    return changed == 1 || fail(cx, AUTHENTICATION_FAILED, "changed while signing in");
}

typedef struct { Str email; } Mailbox;
static const Shape mailbox_row = SHAPE(Mailbox, TEXT(Mailbox, email, 3, 255, 0, ""));

bool person_renew(Ctx *cx, UserId id, Str known_hash, Str new_hash, Str *email)
{
    Mailbox m;
    bool found;

    if (!sql_find(cx, &person_renew_hash, &mailbox_row, &m, &found, V(id.v),
                  V(known_hash), V(new_hash), V(cx->now)))
        return false;
    *email = m.email;
    return found ||
           fail(cx, AUTHENTICATION_FAILED, "no such person, or changed meanwhile");
}

bool person_change(Ctx *cx, UserId id, const ProfileChange *in, Person *out)
{
    bool changed;

    if (!sql_find(cx, &person_edit, &person_shape, out, &changed, V(id.v),
                  V(in->firstName), V(in->lastName), V(in->phone), V(cx->now),
                  V(in->version)))
        return false;
    if (changed)
        return true;
    return person_get(cx, id, out) &&
           fail(cx, CONFLICT, "version %jd", (intmax_t)out->version);
}

bool person_lock(Ctx *cx, UserId id, i64 failures, Instant until)
{
    return sql_run(cx, &person_close, NULL, V(id.v), V(failures), V(until), V(cx->now));
}

bool person_verified(Ctx *cx, UserId id)
{
    return sql_run(cx, &person_verify, NULL, V(id.v), V(cx->now));
}

typedef struct { UserId id; Str email; Person *out; bool found; } Looking;

static bool get_one(Ctx *cx, void *arg)
{
    Looking *l = arg;
    return person_get(cx, l->id, l->out);
}

bool person_look(Ctx *cx, UserId id, Person *out)
{
    return read_tx(cx, get_one, &(Looking){ .id = id, .out = out });
}

static bool find_one(Ctx *cx, void *arg)
{
    Looking *l = arg;
    return person_find(cx, l->email, l->out, &l->found);
}

bool person_look_email(Ctx *cx, Str email, Person *out, bool *found)
{
    Looking l = { .email = email, .out = out };
    bool good = read_tx(cx, find_one, &l);
    *found = l.found;
    return good;
}

SQL(person_page, "SELECT" COLUMNS " FROM person WHERE tenant = $1 ORDER BY id LIMIT $2");

typedef struct { i64 most; Person **rows; isize *count; } Listing;

static bool list(Ctx *cx, void *arg)
{
    Listing *l = arg;
    return sql_rows(cx, &person_page, &person_shape, l->rows, l->count, V(l->most));
}

bool person_list(Ctx *cx, i64 most, Person **rows, isize *count)
{
    return read_tx(cx, list, &(Listing){ most, rows, count });
}

SQL(person_promote,
    "UPDATE person SET role = $3, updated_at = $4, version = version + 1"
    " WHERE tenant = $1 AND id = $2");

typedef struct { UserId id; Role role; i64 epoch; } Promotion;

static bool promote(Ctx *cx, void *arg)
{
    Promotion *p = arg;
    i64 changed;

    if (!sql_run(cx, &person_promote, &changed, V(p->id.v),
                 V(names_str(&role_names, (int)p->role)), V(cx->now)))
        return false;
    return changed == 1 ? epoch_raise(cx, p->id, &p->epoch)
                        : fail(cx, NOT_FOUND, "no such person");
}

bool person_set_role(Ctx *cx, UserId id, Role role)
{
    Promotion p = { .id = id, .role = role };

    if (!write_tx(cx, lane_of(id.v), promote, &p))
        return false;
    epoch_heard(cx, id, p.epoch);
    return true;
}
