# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# shellcheck disable=SC2154
# For scripts that run an example as a server, for real clients: after support.sh.

# await_port EXPRESSION: waits until sed finds the port of the server, which runs, in its log.
await_port() {
    tries=0
    until port=$(sed -n "$1" "$tmp/log") && [ -n "$port" ]; do
        tries=$((tries + 1))
        if [ "$tries" = 1000 ] || ! kill -0 "$server" 2>/dev/null; then
            no_server "$tmp/log"
        fi
        sleep 0.03
    done
}

# start NAME ARGUMENT...: serves on a port of its own, with more arguments behind that; in server is
# its process and in port its port.
start() {
    program=$1
    shift
    : >"$tmp/log"
    # The wrapper is several words.
    # shellcheck disable=SC2086
    ${TEST_WRAPPER:-} "$BUILDDIR/examples/$program" 0 "$@" </dev/null >"$tmp/log" 2>&1 &
    server=$!
    await_port 's/^listening on port //p'
}

stop_server() {
    [ -z "${server:-}" ] || kill -KILL "$server" 2>/dev/null
}

# end STATUS TITLE: the server has ended with the status, and the library has nothing to report.
end() {
    rc=0
    wait "$server" || rc=$?
    server=
    if [ "$rc" = "$1" ] && ! grep -q '^libcoro: ' "$tmp/log"; then
        echo "ok - $2"
    else
        echo "not ok - $2 (status $rc)"
        sed 's/^/# /' "$tmp/log"
    fi
}

# hears TITLE LINE...: each line is what some line of the file "out" begins with, and in this order.
hears() {
    title=$1
    shift
    for line; do
        printf '%s\n' "$line"
    done >"$tmp/lines"
    if awk 'NR == FNR { wanted[++n] = $0; next } at < n && index($0, wanted[at + 1]) == 1 { at++ }
            END { exit at < n }' "$tmp/lines" "$tmp/out"; then
        echo "ok - $title"
    else
        echo "not ok - $title"
        sed 's/^/# /' "$tmp/out" "$tmp/log"
    fi
}

# talk: what is sent, and then the end; the answer is in the file "out".
talk() {
    nc -N -w 10 127.0.0.1 "$port" >"$tmp/out" 2>"$tmp/err"
}
