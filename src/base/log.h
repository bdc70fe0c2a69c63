/* log.h - one line per thing that happened.
 *
 * JSON in production, readable in development. Every field and header of the
 * redaction list (requirements file 000, section 4) is masked here, by name, so
 * no caller can forget it. A Secret has no LOG field and does not compile.
 * Needs: str, ctx.  Used by: main, net, web, engines' threads. */
#pragma once
#include "base/ctx.h"

typedef enum LogLevel { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_SILENT } LogLevel;

typedef struct LogField { const char *key; bool is_str; Str s; i64 i; } LogField;

static inline LogField log_of_str(const char *k, Str s)
{
    return (LogField){ k, true, s, 0 };
}

static inline LogField log_of_z(const char *k, const char *z)
{
    return (LogField){ k, true, str_of(z), 0 };
}

static inline LogField log_of_i64(const char *k, i64 i)
{
    return (LogField){ k, false, { 0 }, i };
}

static inline LogField log_of_int(const char *k, int i)
{
    return (LogField){ k, false, { 0 }, i };
}

/* L(key, value); variadic, so that a compound literal with commas is one value. */
#define L(key, ...) _Generic((__VA_ARGS__), Str: log_of_str, const char *: log_of_z,     \
                             char *: log_of_z, i64: log_of_i64, int: log_of_int)((key), (__VA_ARGS__))

/* log_warn("engine away", L("engine", "redis"), L("errno", errno)) */
#define log_debug(...) log_line(LOG_DEBUG, LOG_ARGS(__VA_ARGS__))
#define log_info(...)  log_line(LOG_INFO,  LOG_ARGS(__VA_ARGS__))
#define log_warn(...)  log_line(LOG_WARN,  LOG_ARGS(__VA_ARGS__))
#define log_error(...) log_line(LOG_ERROR, LOG_ARGS(__VA_ARGS__))
#define LOG_ARGS(message, ...) (message), (const LogField[]){ { 0 }, __VA_ARGS__ }, \
                               countof(((const LogField[]){ { 0 }, __VA_ARGS__ }))

void log_line(LogLevel level, const char *message, const LogField *fields, isize n);

/* `json` true writes one JSON object a line, else a readable line; to file `fd`. */
void log_setup(LogLevel least, bool json, int fd);
bool log_on(LogLevel level);

/* True when a field or header of this name must not be shown. */
bool log_redacts(Str name);

