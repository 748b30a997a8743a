#!/bin/sh
# SPDX-License-Identifier: MIT
# make install: a program outside of the tree builds against it with pkg-config, shared and static,
# as C11 and as C++17, and runs; DESTDIR is honoured; uninstall leaves no file behind.
set -u

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

verdict() {
    if [ "$1" = 0 ]; then
        echo "ok - $2"
    else
        echo "not ok - $2"
        sed 's/^/# /' "$tmp/log"
    fi
}

# files DIR: what is installed there, by name.
files() {
    (cd "$1" 2>/dev/null && find . ! -type d | sort)
}

build() {
    (cd "$BUILDDIR/.." && "${MAKE:-make}" "$@") >"$tmp/log" 2>&1
}

prefix=$tmp/prefix
places="prefix=$prefix exec_prefix=$prefix libdir=$prefix/lib includedir=$prefix/include docdir=$prefix/doc"

# Several words, and the temporary folder has no blank in its name.
# shellcheck disable=SC2086
build install $places
verdict $? 'make install'

cat >"$tmp/prog.c" <<'END'
#include <coro.h>
#include <stdio.h>

static int add(void *arg)
{
    int *sum = (int *)arg;
    int rc = coro_sleep(CORO_MILLISECOND);
    *sum += 1;
    return rc;
}

static int start(void *arg)
{
    coro_task *tasks[2];
    tasks[0] = coro_create_task(add, arg);
    tasks[1] = coro_create_task(add, arg);
    int rc = coro_gather(tasks, 2, 0);
    coro_release(tasks[0]);
    coro_release(tasks[1]);
    return rc;
}

int main(void)
{
    int sum = 0;
    int rc = coro_run(start, &sum);
    printf("%s %d %d\n", coro_version(), rc, sum);
    return 0;
}
END
cp "$tmp/prog.c" "$tmp/prog.cc"

pkg_config=${PKG_CONFIG:-pkg-config}
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
version=$($pkg_config --modversion libcoro 2>"$tmp/log")
verdict $? 'pkg-config finds libcoro'

# use TITLE COMPILER FLAGS SOURCE LIBRARIES...
use() {
    title=$1 compiler=$2 flags=$3 source=$4
    shift 4
    # Compiler and flags are several words each.
    # shellcheck disable=SC2046,SC2086
    $compiler $flags $($pkg_config --cflags libcoro) "$tmp/$source" -o "$tmp/prog" ${LDFLAGS:-} "$@" \
        >"$tmp/log" 2>&1 &&
        LD_LIBRARY_PATH="$prefix/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" \
            ${TEST_WRAPPER:-} "$tmp/prog" >"$tmp/out" 2>>"$tmp/log" &&
        echo "$version 0 2" | diff - "$tmp/out" >>"$tmp/log"
    verdict $? "a program builds and runs: $title"
}

# libraries [--static]: without the words of LDFLAGS, which come from the caller.
libraries() {
    $pkg_config "$@" --libs libcoro
}
static=$(libraries --static | sed 's/-lcoro/-Wl,-Bstatic -lcoro -Wl,-Bdynamic/')

# The libraries are words.
# shellcheck disable=SC2046,SC2086
{
    if [ "${SHARED:-}" = yes ]; then
        use 'C11, shared' "$CC" "-std=c11 ${CFLAGS:-}" prog.c $(libraries)
        [ -z "${CXX:-}" ] ||
            use 'C++17, shared' "$CXX" "-std=c++17 ${CXXFLAGS:-}" prog.cc $(libraries)
    fi
    use 'C11, static' "$CC" "-std=c11 ${CFLAGS:-}" prog.c $static
    [ -z "${CXX:-}" ] || use 'C++17, static' "$CXX" "-std=c++17 ${CXXFLAGS:-}" prog.cc $static
}

if [ "${SHARED:-}" = yes ] && command -v readelf >/dev/null 2>&1; then
    readelf -d "$prefix/lib/libcoro.so" >"$tmp/log"
    grep -q 'SONAME.*libcoro\.so\.[0-9]*\]' "$tmp/log" && ! grep -Eq 'RPATH|RUNPATH' "$tmp/log"
    verdict $? 'the shared library has its soname and no path of the build'
fi

# shellcheck disable=SC2086
build install $places DESTDIR="$tmp/stage"
files "$prefix" >"$tmp/plain"
files "$tmp/stage$prefix" | diff "$tmp/plain" - >>"$tmp/log"
verdict $? 'DESTDIR gets the same files'

# shellcheck disable=SC2086
{
    build uninstall $places
    files "$prefix" >"$tmp/left"
    build uninstall $places DESTDIR="$tmp/stage"
    files "$tmp/stage" >>"$tmp/left"
}
cat "$tmp/left" >>"$tmp/log"
[ -s "$tmp/plain" ] && [ ! -s "$tmp/left" ]
verdict $? 'make uninstall leaves no file behind'
