#!/bin/sh
# SPDX-License-Identifier: MIT
# examples/http and real clients, polite ones and others.
# shellcheck disable=SC1091,SC2034,SC2154
. "$SRCDIR/test/support.sh"
. "$SRCDIR/test/support_server.sh"
need curl nc
nc -h 2>&1 | grep -q -e '-N' || skip 'this nc cannot end what it sends (-N)'

# fetch ARGUMENT...: by curl, without what the environment says of proxies.
fetch() {
    curl -q -sS -m 20 --noproxy '*' "$@" >"$tmp/out" 2>&1
}

# xs N: so many.
xs() {
    head -c "$1" /dev/zero | tr '\0' x
}

start http
url=http://127.0.0.1:$port

fetch -i "$url/"
hears 'a page' 'HTTP/1.1 200 OK' 'Connection: keep-alive' '<p>Each client is a task.'
fetch -I "$url/"
hears 'a page that is not sent' 'HTTP/1.1 200 OK' 'Content-Length: 65'
fetch -d 12345 "$url/"
hears 'a body' '5 bytes'
fetch -H 'Transfer-Encoding: chunked' -d 123 "$url/"
hears 'a body in chunks' '3 bytes'
fetch -i "$url/other"
hears 'another page' 'HTTP/1.1 404 '
fetch -i -X PUT -d 1 "$url/"
hears 'another method' 'HTTP/1.1 405 '
fetch -i -0 "$url/"
hears 'HTTP/1.0' 'HTTP/1.1 200 ' 'Connection: close'
fetch -o /dev/null -w '%{num_connects} connection\n' "$url/" -o /dev/null "$url/"
hears 'a connection is kept' '1 connection' '0 connection'

printf 'GET / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nabGET /x HTTP/1.1\r\n\r\n' | talk
hears 'several requests at once' 'HTTP/1.1 200' '<p>' 'HTTP/1.1 200' '2 bytes' 'HTTP/1.1 404'
{
    printf 'GET / HT'
    sleep 0.05
    printf 'TP/1.1\r\nA: b\r'
    sleep 0.05
    printf '\n\r\n'
} | talk
hears 'a request in pieces' 'HTTP/1.1 200'
printf 'GET / HTTP/1.1\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n\r\n' | talk
[ "$(grep -c '^HTTP' "$tmp/out")" = 1 ] && hears 'nothing after the last one' 'HTTP/1.1 200' 'Connection: close'

printf 'nothing like it\r\n\r\n' | talk
hears 'garbage' 'HTTP/1.1 400' 'Connection: close'
head -c 100000 /dev/urandom | talk
hears 'much of it' 'HTTP/1.1 400'
printf 'GET / HTTP/1.1\r\nContent-Len' | talk
hears 'half a request, and the end' 'HTTP/1.1 408'
fetch -i "$url/$(xs 2000)"
hears 'a URL that is too long' 'HTTP/1.1 414'
fetch -i -H "A: $(xs 10000)" "$url/"
hears 'headers that are too long' 'HTTP/1.1 431'
xs 66000 >"$tmp/body"
fetch -i --data-binary "@$tmp/body" "$url/"
hears 'a body that is too long' 'HTTP/1.1 413'

if command -v wrk >/dev/null 2>&1; then
    wrk -c 100 -t 1 -d 1 "$url/" >"$tmp/out" 2>&1
    grep 'Socket errors' "$tmp/out"
    hears '100 connections, by wrk' '  1 threads and 100 connections' 'Requests/sec:'
else
    echo 'ok - 100 connections # SKIP no wrk'
fi

# until_in FILE TEXT: waits for it, as long as the server is there.
until_in() {
    until grep -q -e "$2" "$tmp/$1"; do
        kill -0 "$server" || break
        sleep 0.02
    done
}

# --- A graceful stop ------------------------------------------------------------------------------
: >"$tmp/idle.err"
nc -v -d -w 60 127.0.0.1 "$port" >"$tmp/idle.out" 2>"$tmp/idle.err" &
idle=$!
until_in idle.err succeeded
: >"$tmp/busy.out"
mkfifo "$tmp/words"
nc -N -w 60 127.0.0.1 "$port" <"$tmp/words" >"$tmp/busy.out" &
busy=$!
exec 3>"$tmp/words"
printf 'GET / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nab' >&3
until_in busy.out 'is a task'
kill -TERM "$server"
wait "$idle"
echo 'ok - a stop ends idle connections'
if fetch "$url/"; then
    echo 'not ok - a stop takes no new ones'
else
    echo 'ok - a stop takes no new ones'
fi
printf 'cd' >&3
exec 3>&-
wait "$busy"
mv "$tmp/busy.out" "$tmp/out"
hears 'a stop finishes requests' 'HTTP/1.1 200' 'Connection: keep-alive' 'HTTP/1.1 200' \
    'Connection: close' '4 bytes'
end 0 'a stop is a success'

# --- A limit of time: on the virtual clock it is up at once ---------------------------------------
export CORO_CLOCK=virtual
start http
nc -d -w 60 127.0.0.1 "$port" >"$tmp/out"
[ -s "$tmp/out" ] || echo 'ok - a connection that is idle for too long'
kill -TERM "$server"
end 0 'a stop when nothing is there'
