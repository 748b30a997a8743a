#!/bin/sh
# SPDX-License-Identifier: MIT
# examples/https and the servers of openssl(1).
# shellcheck disable=SC1091,SC2154
. "$SRCDIR/test/support.sh"
. "$SRCDIR/test/support_server.sh"
. "$SRCDIR/test/support_tls.sh"
need openssl

# s_server ARGUMENT...: a server with its port in port; it serves the folder.
s_server() {
    stop_server
    : >"$tmp/log"
    (cd "$tmp" && exec openssl s_server -accept 127.0.0.1:0 -cert server.pem "$@" >"$tmp/log" 2>&1) &
    server=$!
    await_port 's/^ACCEPT 127.0.0.1:\([0-9]*\).*/\1/p'
}

# says TITLE STATUS PATTERN: what it has to say of that.
says() {
    : >"$tmp/wrong"
    grep -q "$3" "$tmp/err" || { echo "no line like $3:"; cat "$tmp/err"; } >"$tmp/wrong"
    verdict "$1" "$2"
}

head -c 300000 /dev/urandom | od -An -tx1 >"$tmp/page"

s_server -HTTP
printf 'HTTP/1.0 200 OK\r\n\r\n' | cat - "$tmp/page" >"$tmp/page.http"
run 127.0.0.1 "$port" /page.http "$tmp/ca.pem"
sed '1,2d' "$tmp/out" | cmp - "$tmp/page" >"$tmp/wrong" 2>&1
verdict 'a page is fetched' 0
says 'the version and the subject' 0 '^TLSv1.3, .*, CN=localhost$'

run 127.0.0.1 "$port" /page.http
says 'whom the system does not trust' 1 'certificate verify failed: '
run 127.0.0.2 "$port" /page.http "$tmp/ca.pem"
says 'who is not there' 1 'Connection refused'

s_server -HTTP -tls1_2
run localhost "$port" /page.http "$tmp/ca.pem"
says 'an older version' 0 '^TLSv1.2, .*, CN=localhost$'

s_server -HTTP -cert2 other.pem -servername localhost
run localhost "$port" /page.http "$tmp/ca.pem"
says 'who is not who was asked for' 1 'hostname mismatch, it is not for localhost'
