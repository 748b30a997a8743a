# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# For test_NAME.sh that runs examples/NAME against a server of its own: it defines stop_server for
# the end of the script, whatever ends it.
set -u
example=$(basename "$0" .sh)
example=${example#test_}
unset CORO_SEED CORO_DEBUG CORO_CLOCK
LC_ALL=C
export LC_ALL

tmp=$(mktemp -d) || exit 1
stop_server() { :; }
trap 'stop_server; rm -rf "$tmp"' EXIT
trap 'exit 143' HUP INT TERM

skip() {
    echo "ok - examples/$example # SKIP $1"
    exit 0
}

# need PROGRAM...: skips unless the example was built, and all of these are there.
need() {
    [ -x "$BUILDDIR/examples/$example" ] || skip 'it was not built: configure did not find its library'
    for program; do
        command -v "$program" >/dev/null 2>&1 || skip "no $program"
    done
}

# no_server LOG: it could not be started.
no_server() {
    echo "not ok - a server for examples/$example"
    sed 's/^/# /' "$1"
    exit 1
}

# run ARGUMENT...: the example, with its output in out and err, and its status in rc.
run() {
    rc=0
    # The wrapper is several words.
    # shellcheck disable=SC2086
    ${TEST_WRAPPER:-} "$BUILDDIR/examples/$example" "$@" </dev/null >"$tmp/out" 2>"$tmp/err" || rc=$?
}

# verdict TITLE STATUS: what was run has ended with the status, the library has nothing to report,
# and the file wrong is empty.
verdict() {
    if [ "$rc" = "$2" ] && [ ! -s "$tmp/wrong" ] && ! grep -q '^libcoro: ' "$tmp/err"; then
        echo "ok - $1"
    else
        echo "not ok - $1 (status $rc)"
        sed 's/^/# /' "$tmp/wrong" "$tmp/err"
    fi
}

# expect_line TITLE STATUS PATTERN: it has printed a line like that.
expect_line() {
    : >"$tmp/wrong"
    grep -q "$3" "$tmp/out" || { echo "no line like $3:"; cat "$tmp/out"; } >"$tmp/wrong"
    verdict "$1" "$2"
}

# expect_lines TITLE STATUS: it has printed the lines of the file expected, in any order.
expect_lines() {
    sort "$tmp/out" | diff -u "$tmp/expected" - >"$tmp/wrong"
    verdict "$1" "$2"
}

# check TITLE STATUS ARGUMENT... <EXPECTED: with the default poller, and with the plainest.
check() {
    title=$1 status=$2
    shift 2
    sort >"$tmp/expected"
    run "$@"
    expect_lines "$title" "$status"
    CORO_POLLER=poll
    export CORO_POLLER
    run "$@"
    expect_lines "$title, over poll(2)" "$status"
    unset CORO_POLLER
}
