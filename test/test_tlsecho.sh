#!/bin/sh
# SPDX-License-Identifier: MIT
# examples/tlsecho, and openssl(1) and curl as its clients.
# shellcheck disable=SC1091,SC2154
. "$SRCDIR/test/support.sh"
. "$SRCDIR/test/support_server.sh"
. "$SRCDIR/test/support_tls.sh"
need openssl

# s_client ARGUMENT...: what it sends comes from stdin.
s_client() {
    openssl s_client -connect "127.0.0.1:$port" -CAfile "$tmp/ca.pem" -verify_return_error -quiet \
        -no_ign_eof "$@" >"$tmp/out" 2>"$tmp/err"
}

# lines N: as many, and then the end, when they have come back: s_client does not wait for them.
lines() {
    seq "$1"
    tries=0
    until [ "$(tail -n 1 "$tmp/out")" = "$1" ] || [ "$tries" = 500 ]; do
        tries=$((tries + 1))
        sleep 0.02
    done
}

# echoes TITLE N ARGUMENT...: so many lines come back.
echoes() {
    title=$1 count=$2
    shift 2
    : >"$tmp/out"
    lines "$count" | s_client "$@"
    if seq "$count" | cmp -s - "$tmp/out"; then
        echo "ok - $title"
    else
        echo "not ok - $title"
        sed 's/^/# /' "$tmp/err"
    fi
}

start tlsecho "$tmp/server.pem"
echoes 's_client' 20000 -tls1_3
echoes 's_client, with an older version' 20000 -tls1_2
# The name of the authority, and that it was verified.
echo hello | openssl s_client -connect "127.0.0.1:$port" -CAfile "$tmp/ca.pem" -verify_hostname localhost \
    -servername localhost >"$tmp/out" 2>&1
hears 's_client verifies' 'subject=CN = localhost' 'Verification: OK'
openssl s_client -connect "127.0.0.1:$port" -tls1_1 -cipher 'ALL:@SECLEVEL=0' </dev/null >"$tmp/out" 2>&1
grep -o 'alert protocol version' "$tmp/out" >"$tmp/alert"
mv "$tmp/alert" "$tmp/out"
hears 'a version that is too old' 'alert protocol version'

# curl takes its own request for the answer, which is none.
if command -v curl >/dev/null 2>&1; then
    curl -q -N -sS -m 20 --noproxy '*' --http0.9 --cacert "$tmp/ca.pem" "https://localhost:$port/page" \
        --resolve "localhost:$port:127.0.0.1" >"$tmp/out" 2>"$tmp/err" &
    client=$!
    tries=0
    until grep -q 'GET /page' "$tmp/out" || [ "$tries" = 500 ]; do
        tries=$((tries + 1))
        sleep 0.02
    done
    kill "$client" 2>/dev/null
    wait "$client" 2>/dev/null
    hears 'curl' 'GET /page HTTP/1.1'
else
    echo 'ok - curl # SKIP no curl'
fi
kill -TERM "$server"
end 143 'a signal ends it'

start tlsecho "$tmp/server.pem" "$tmp/ca.pem"
echoes 'a client with a certificate' 10 -cert "$tmp/client.pem"
echo hello | s_client
[ -s "$tmp/out" ] || echo 'ok - a client without one'
kill -TERM "$server"
end 143 'a signal ends it'
