/* SPDX-License-Identifier: MIT */
#include "coro/base.h"

#define TEXT(x)          #x
#define VERSION(a, b, c) TEXT(a) "." TEXT(b) "." TEXT(c)

const char *coro_version(void)
{
    return VERSION(CORO_VERSION_MAJOR, CORO_VERSION_MINOR, CORO_VERSION_PATCH);
}
