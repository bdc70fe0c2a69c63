/* test.h - TEST(name) { ... } lists itself, so a test cannot be forgotten.
 *
 * A test states facts with must(). Its name says what is true:
 *   TEST(a_pool_never_promises_more_than_it_has) { ... }
 * Run one: build/unit/str_test a_pool */
#pragma once
#include "base/ctx.h"

typedef struct Test { const char *name; void (*run)(void); } Test;
#define TEST(name_)                                                          \
    static void name_(void);                                                 \
    static const Test name_##_test = { #name_, name_ };                      \
    static const Test *const name_##_listed                                  \
        __attribute__((section("tests"), used)) = &name_##_test;             \
    static void name_(void)

/* Fails the test unless `code` was the fault. */
#define must_fault(cx, code_)  must((cx)->fault.code == (code_))

/* An arena for the running test; freed after it. */
extern Arena *mem;

/* A path for this test's own files, under a folder that is removed at the end. */
const char *temp_path(const char *name);
