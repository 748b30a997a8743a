#!/bin/sh
# SPDX-License-Identifier: MIT
# examples/redis against a Redis server of its own.
# shellcheck source=test/support.sh
. "$SRCDIR/test/support.sh"
need redis-server

stop_server() {
    kill "$server" 2>/dev/null
    wait "$server" 2>/dev/null
}

# start PORT: whether it serves there.
start() {
    redis-server --port "$1" --bind 127.0.0.1 --save '' --appendonly no --dir "$tmp" >"$tmp/log" \
        2>&1 </dev/null &
    server=$!
    tries=0
    while kill -0 "$server" 2>/dev/null && [ "$tries" -lt 300 ]; do
        ! grep -q 'Ready to accept connections' "$tmp/log" || return 0
        tries=$((tries + 1))
        sleep 0.1
    done
    stop_server
    return 1
}

port=$((20000 + $$ % 10000))
until start "$port"; do
    port=$((port + 1))
    [ "$port" -lt $((20000 + $$ % 10000 + 10)) ] || no_server "$tmp/log"
done

check 'tasks that share a connection' 0 127.0.0.1 "$port" <<'END'
DEL coro:counter coro:fruit: done
100 tasks, writes: 1, sum of the replies: 5050
RPUSH coro:fruit apple: done
BLPOP coro:fruit 0: apple
BLPOP coro:fruit 0: Connection timed out
RPUSH coro:fruit pear: done
PING: PONG
PING too many: ERR wrong number of arguments for 'ping' command
QUIT: OK
PING: Server closed the connection
END

stop_server
check 'no server' 1 127.0.0.1 "$port" <<'END'
DEL coro:counter coro:fruit: Connection refused
END
