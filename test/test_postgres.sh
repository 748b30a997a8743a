#!/bin/sh
# SPDX-License-Identifier: MIT
# examples/postgres against a PostgreSQL server of its own.
# shellcheck source=test/support.sh
. "$SRCDIR/test/support.sh"
need

bin=
for folder in /usr/lib/postgresql/*/bin; do
    [ ! -x "$folder/initdb" ] || bin=$folder
done
[ -n "$bin" ] || skip 'no PostgreSQL server'

# as_server COMMAND...: which refuses to run as root.
if [ "$(id -u)" != 0 ]; then
    as_server() {
        "$@"
    }
else
    user=postgres
    id "$user" >/dev/null 2>&1 || user=nobody
    chown "$user" "$tmp"
    as_server() {
        setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups "$@"
    }
fi

# control ACTION...: waits for the server to be up, or down.
control() {
    as_server "$bin/pg_ctl" --pgdata="$tmp/data" --wait "$@" >>"$tmp/log" 2>&1 </dev/null
}

stop_server() {
    [ ! -f "$tmp/data/postmaster.pid" ] || control --mode=immediate stop
}

start() {
    control --log="$tmp/server.log" \
        --options="-p $1 -c listen_addresses=127.0.0.1 -k '' -F -c logging_collector=off" start
}

unset PGHOST PGHOSTADDR PGPORT PGDATA PGUSER PGDATABASE PGPASSWORD PGSERVICE PGOPTIONS PGSSLMODE
: >"$tmp/log"
: >"$tmp/server.log"
[ "$(id -u)" != 0 ] || chown "$user" "$tmp/server.log"
cd "$tmp" || exit 1
as_server "$bin/initdb" --pgdata=data --username=coro --auth=trust --no-sync >>log 2>&1 ||
    no_server log
port=$((30000 + $$ % 10000)) tries=10
until start "$port"; do
    port=$((port + 1)) tries=$((tries - 1))
    [ "$tries" -gt 0 ] || no_server log
done
conninfo="hostaddr=127.0.0.1 port=$port user=coro dbname=postgres"

check 'queries, their errors and their cancel' 0 "$conninfo" <<'END'
3 queries wait in the server
SELECT 1 FROM pg_sleep(60): Connection timed out
SELECT 6 * 7: 42
SELECT 6 / 0: division by zero
SELECT pg_terminate_backend(pg_backend_pid()): FATAL:  terminating connection due to administrator command
SELECT 6 * 7: no connection to the server
END

if [ "$(grep -c 'canceling statement due to user request' server.log)" = 2 ]; then
    echo 'ok - the server knows of the cancels'
else
    echo 'not ok - the server knows of the cancels'
    sed 's/^/# /' server.log
fi

stop_server
run "$conninfo"
expect_line 'no server' 1 '^no connection: .*Connection refused'
