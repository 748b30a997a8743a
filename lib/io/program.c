/* SPDX-License-Identifier: MIT */
#include "io/program.h"
#include "util/memory.h"

#include <stdlib.h>
#include <string.h>

static const char *path_of(const char *const *environment)
{
    static const char name[] = "PATH=";
    for (; *environment; environment++)
        if (strncmp(*environment, name, sizeof name - 1) == 0)
            return *environment + sizeof name - 1;
    return NULL;
}

static size_t count_folders(const char *path)
{
    size_t count = 1;
    while ((path = strchr(path, ':'))) {
        path++;
        count++;
    }
    return count;
}

/* FOLDER/NAME, or for an empty folder NAME; returns the end. */
static char *join(char *to, const char *folder, size_t length, const char *name)
{
    memcpy(to, folder, length);
    to += length;
    if (length > 0)
        *to++ = '/';
    const size_t size = strlen(name) + 1;
    memcpy(to, name, size);
    return to + size;
}

char **coro__program_files(const char *name, const char *const *environment)
{
    const char *path = environment ? path_of(environment) : getenv("PATH");
    if (!*name || strchr(name, '/'))
        path = "";
    else if (!path)
        path = "/bin:/usr/bin";
    const size_t count = count_folders(path);
    char **files =
        coro__malloc((count + 1) * sizeof(char *) + strlen(path) + 1 + count * (strlen(name) + 2));
    if (!files)
        return NULL;
    char *text = (char *)(files + count + 1);
    for (size_t i = 0; i < count; i++) {
        const size_t length = strcspn(path, ":");
        files[i] = text;
        text = join(text, path, length, name);
        path += length + 1;
    }
    files[count] = NULL;
    return files;
}
