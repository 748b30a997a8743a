/* SPDX-License-Identifier: MIT */
#include "io/fd.h"
#include "io/system.h"
#include "util/memory.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { FIRST_CHUNKS = 16 };

void coro__fds_destroy(struct coro__fds *fds)
{
    for (size_t i = 0; i < fds->count; i++)
        free(fds->chunks[i]);
    free(fds->chunks);
}

/* Has there be a place for this chunk. */
static bool grow(struct coro__fds *fds, size_t chunk)
{
    size_t count = fds->count ? fds->count : FIRST_CHUNKS;
    while (count <= chunk)
        count *= 2;
    if (count == fds->count)
        return true;
    struct coro__fd **chunks = coro__realloc(fds->chunks, count * sizeof(struct coro__fd *));
    if (!chunks)
        return false;
    memset(chunks + fds->count, 0, (count - fds->count) * sizeof(struct coro__fd *));
    fds->chunks = chunks;
    fds->count = count;
    return true;
}

static struct coro__fd *make_chunk(size_t chunk)
{
    struct coro__fd *fds = coro__aligned_alloc(CORO__CACHE_LINE, CORO__FDS_CHUNK * sizeof *fds);
    if (!fds)
        return NULL;
    memset(fds, 0, CORO__FDS_CHUNK * sizeof *fds);
    for (int i = 0; i < CORO__FDS_CHUNK; i++) {
        fds[i].number = (int)(chunk << CORO__FDS_CHUNK_SHIFT) + i;
        coro__fd_reset(&fds[i]);
    }
    return fds;
}

struct coro__fd *coro__fds_make(struct coro__fds *fds, int number)
{
    const size_t chunk = (unsigned)number >> CORO__FDS_CHUNK_SHIFT;
    if (!grow(fds, chunk))
        return NULL;
    if (!fds->chunks[chunk] && !(fds->chunks[chunk] = make_chunk(chunk)))
        return NULL;
    return coro__fds_find(fds, number);
}

void coro__fd_reset(struct coro__fd *fd)
{
    fd->type = CORO__FD_UNKNOWN;
    fd->ready = CORO__BOTH;
    fd->watched = 0;
    fd->exceptional = false;
    fd->nonblocking = false;
}

enum coro__fd_type coro__fd_type_of_socket(int number)
{
    int protocol = 0;
    socklen_t size = sizeof protocol;
    const int saved_errno = errno;
    if (getsockopt(number, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) < 0)
        errno = saved_errno;
    return protocol == IPPROTO_TCP ? CORO__FD_TCP : CORO__FD_SOCKET;
}

bool coro__fd_is_open(int number)
{
    const int saved_errno = errno;
    return coro__system_result(fcntl(number, F_GETFD), saved_errno) >= 0;
}

static int add_nonblocking(int number)
{
    const int saved_errno = errno;
    int rc = fcntl(number, F_GETFL);
    if (rc >= 0 && !(rc & O_NONBLOCK))
        rc = fcntl(number, F_SETFL, rc | O_NONBLOCK);
    return rc < 0 ? (int)coro__system_result(rc, saved_errno) : 0;
}

int coro__fd_identify(int number, enum coro__fd_type *type)
{
    struct stat file;
    const int saved_errno = errno;
    const int rc = (int)coro__system_result(fstat(number, &file), saved_errno);
    if (rc < 0)
        return rc;
    if (S_ISSOCK(file.st_mode)) {
        *type = coro__fd_type_of_socket(number);
        return 0;
    }
    if (S_ISREG(file.st_mode) || S_ISDIR(file.st_mode) || S_ISBLK(file.st_mode)) {
        *type = CORO__FD_FILE;
        return 0;
    }
    *type = S_ISFIFO(file.st_mode) ? CORO__FD_PIPE : CORO__FD_OTHER;
    return add_nonblocking(number);
}

int coro__fd_set_nonblocking(struct coro__fd *fd)
{
    if (fd->nonblocking)
        return 0;
    const int rc = add_nonblocking(fd->number);
    fd->nonblocking = rc == 0;
    return rc;
}
