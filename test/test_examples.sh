#!/bin/sh
# SPDX-License-Identifier: MIT
# Each program of examples/ that needs nothing else prints exactly what examples/expected has for it,
# its elapsed time included, when it runs on the virtual clock.
set -u

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# Only the clock is set: another order, or debug mode, is the caller's and would print otherwise.
unset CORO_SEED CORO_DEBUG
CORO_CLOCK=virtual
export CORO_CLOCK

# check NAME: it ends with 0, prints what is expected, and the library has nothing to report. (Other
# lines on stderr may be the wrapper's, or a sanitizer's.)
check() {
    expected=$SRCDIR/examples/expected/$1.txt
    if [ ! -f "$expected" ]; then
        echo "not ok - $1"
        echo "# examples/expected/$1.txt is missing"
        return
    fi
    rc=0
    # The wrapper is several words.
    # shellcheck disable=SC2086
    ${TEST_WRAPPER:-} "$BUILDDIR/examples/$1" </dev/null >"$tmp/out" 2>"$tmp/err" || rc=$?
    diff -u "$expected" "$tmp/out" >"$tmp/diff"
    if [ "$rc" = 0 ] && [ ! -s "$tmp/diff" ] && ! grep -q '^libcoro: ' "$tmp/err"; then
        echo "ok - $1"
    else
        echo "not ok - $1 (status $rc)"
        sed 's/^/# /' "$tmp/diff" "$tmp/err"
    fi
}

# Those that need a server have a script of their own.
for source in "$SRCDIR"/examples/*.c; do
    name=$(basename "$source" .c)
    [ -f "$SRCDIR/test/test_$name.sh" ] || check "$name"
done

# A program that was renamed must not leave its expectation behind.
for expected in "$SRCDIR"/examples/expected/*.txt; do
    name=$(basename "$expected" .txt)
    [ -f "$SRCDIR/examples/$name.c" ] || echo "not ok - examples/expected/$name.txt has no program"
done
