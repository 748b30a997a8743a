/* SPDX-License-Identifier: MIT */
#include "support_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

char folder[256];

void make_folder(void)
{
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/coro-test-XXXXXX", parent ? parent : P_tmpdir);
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

const char *in_folder(const char *name)
{
    static char paths[4][300];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

void remove_folder(void)
{
    unlink(in_folder("a"));
    unlink(in_folder("b"));
    ck_assert_int_eq(rmdir(folder), 0);
}

static int next_number(void)
{
    const int fd = dup(0);
    close(fd);
    return fd;
}

/* The first call may open what the loop needs for them all. */
int run_with_folder(const char *name, int (*body)(void))
{
    struct stat status;
    make_folder();
    ck_assert_int_eq(coro_stat(folder, &status), 0);
    const int before = next_number();
    const int rc = body();
    ck_assert_msg(next_number() == before, "%s leaves a descriptor", name);
    remove_folder();
    return rc;
}

void put(const char *name, const void *data, size_t size)
{
    FILE *file = fopen(in_folder(name), "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(data, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

void expect_content(const char *name, const void *data, size_t size)
{
    char *found = malloc(size + 1);
    ck_assert_ptr_nonnull(found);
    FILE *file = fopen(in_folder(name), "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fread(found, 1, size + 1, file), size);
    if (size > 0)
        ck_assert_mem_eq(found, data, size);
    fclose(file);
    free(found);
}

char *some_data(size_t size)
{
    char *data = malloc(size);
    ck_assert_ptr_nonnull(data);
    for (size_t i = 0; i < size; i++)
        data[i] = (char)(i * 7 + i / 1000);
    return data;
}
