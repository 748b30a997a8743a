/* SPDX-License-Identifier: MIT */
/* What the suites of files share: a folder for each test, and what lies in it. */
#ifndef SUPPORT_FILE_H
#define SUPPORT_FILE_H

#include "support.h"

/* The path of the folder, and of a file in it ("a" and "b" are removed with it), in one of a few
 * buffers. */
extern char folder[256];
const char *in_folder(const char *name);

void make_folder(void);
void remove_folder(void);

/* A test with such a folder, which must leave no descriptor behind. */
#define FILE_TEST(name)                             \
    static int name##_body(void);                   \
    TASK_TEST(name)                                 \
    {                                               \
        return run_with_folder(#name, name##_body); \
    }                                               \
    static int name##_body(void)

int run_with_folder(const char *name, int (*body)(void));

void put(const char *name, const void *data, size_t size);
void expect_content(const char *name, const void *data, size_t size);

/* For free(). */
char *some_data(size_t size);

#endif
