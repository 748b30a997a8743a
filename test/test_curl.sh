#!/bin/sh
# SPDX-License-Identifier: MIT
# examples/curl against a web server on this machine: transfers at the same time, errors, the time
# limit, Ctrl-C.
# shellcheck source=test/support.sh
. "$SRCDIR/test/support.sh"
need python3
no_proxy='*'
export no_proxy

# /together/ answers when so many ask at the same time, /never not at all.
cat >"$tmp/server.py" <<'END'
import http.server, sys, threading

together = threading.Barrier(20)

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        what, _, argument = self.path[1:].partition("/")
        if what == "never":
            threading.Event().wait()
        if what == "together":
            together.wait()
        status = {"moved": 302, "size": 200, "together": 200}.get(what, 404)
        body = b"x" * int(argument) if status == 200 else b""
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/size/7")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass

    def parse_request(self):
        parsed = super().parse_request()
        print("GET", self.path, flush=True)
        return parsed

class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128

server = Server(("127.0.0.1", 0), Handler)
print("port", server.server_port, flush=True)
server.serve_forever()
END
python3 "$tmp/server.py" >"$tmp/log" 2>"$tmp/errors" </dev/null &
server=$!
stop_server() {
    kill "$server" 2>/dev/null
    wait "$server" 2>/dev/null
}

# await LINE: until the server has printed it.
await() {
    tries=0
    until grep -q "$1" "$tmp/log"; do
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || return 1
        sleep 0.1
    done
}

await '^port ' || no_server "$tmp/errors"
url=http://127.0.0.1:$(sed -n 's/^port //p' "$tmp/log")

together=
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    together="$together $url/together/$i"
done
# Words.
# shellcheck disable=SC2086
check 'twenty pages at the same time' 0 60 $together <<END
$(for page in $together; do echo "$page: status 200, ${page##*/} bytes"; done)
END

check 'what comes of a page' 0 60 "$url/size/1000000" "$url/moved" "$url/missing" \
    "http://localhost:${url##*:}/size/1" what://is/this <<END
$url/size/1000000: status 200, 1000000 bytes
$url/moved: status 200, 7 bytes
$url/missing: status 404, 0 bytes
http://localhost:${url##*:}/size/1: status 200, 1 bytes
what://is/this: Unsupported protocol
END

run 60 http://127.0.0.1:1/
expect_line 'no server' 0 '^http://127.0.0.1:1/: Could.* connect to server$'

check 'the time limit' 0 0.1 "$url/never" "$url/never" <<END
$url/never: Connection timed out
$url/never: Connection timed out
END

# Started by Python, since a shell has SIGINT ignored by what it runs in the background.
cat >"$tmp/interruptible.py" <<'END'
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])
END
echo "$url/never/mind: Operation canceled" >"$tmp/expected"
# The wrapper is several words.
# shellcheck disable=SC2086
python3 "$tmp/interruptible.py" ${TEST_WRAPPER:-} "$BUILDDIR/examples/curl" 60 "$url/never/mind" \
    </dev/null >"$tmp/out" 2>"$tmp/err" &
await 'GET /never/mind'
kill -INT $!
rc=0
wait $! || rc=$?
expect_lines 'Ctrl-C' 1
