#!/bin/sh
# SPDX-License-Identifier: MIT
# Each public header compiles alone, twice over, as C11 and as C++17, without a warning.
# HEADER_COMPILERS="gcc clang g++ clang++" names others than those that the library is built with.
set -u

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

warnings='-pedantic -Wall -Wextra -Wconversion -Wshadow -Wundef -Werror'

# try COMPILER LANGUAGE STANDARD HEADER
try() {
    printf '#include <%s>\n#include <%s>\n' "$4" "$4" >"$tmp/header.$2"
    # The compiler and the flags are several words each.
    # shellcheck disable=SC2086
    if $1 -std="$3" $warnings -I"$SRCDIR/include" -fsyntax-only "$tmp/header.$2" >"$tmp/out" 2>&1; then
        echo "ok - $4 as $3 with $1"
    else
        echo "not ok - $4 as $3 with $1"
        sed 's/^/# /' "$tmp/out"
    fi
}

compilers() {
    if [ -n "${HEADER_COMPILERS:-}" ]; then
        # shellcheck disable=SC2086
        printf '%s\n' $HEADER_COMPILERS
    else
        printf '%s\n' "$CC"
        [ -z "${CXX:-}" ] || printf '%s\n' "$CXX"
    fi
}

for header in "$SRCDIR"/include/*.h "$SRCDIR"/include/coro/*.h; do
    header=${header#"$SRCDIR"/include/}
    compilers | while IFS= read -r compiler; do
        case $compiler in
            *++*) try "$compiler" cc c++17 "$header" ;;
            *) try "$compiler" c c11 "$header" ;;
        esac
    done
done
