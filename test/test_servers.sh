#!/bin/sh
# SPDX-License-Identifier: MIT
# examples/echo as a server, and examples/portscan, which finds it.
# shellcheck disable=SC1091,SC2034,SC2154
. "$SRCDIR/test/support.sh"
example='echo'
. "$SRCDIR/test/support_server.sh"
need nc
nc -h 2>&1 | grep -q -e '-N' || skip 'this nc cannot end what it sends (-N)'

start echo
printf 'to be\n' | talk
hears 'a line' 'to be'

# The clients are more than the echo's buffers hold, and read only what comes back.
head -c 3000000 /dev/urandom >"$tmp/much"
clients=''
for i in 1 2 3 4 5 6 7 8 9 10; do
    nc -N -w 20 127.0.0.1 "$port" <"$tmp/much" >"$tmp/much.$i" &
    clients="$clients $!"
done
# They are several words.
# shellcheck disable=SC2086
wait $clients
same=0
for i in 1 2 3 4 5 6 7 8 9 10; do
    ! cmp -s "$tmp/much" "$tmp/much.$i" || same=$((same + 1))
done
echo "$same of 10" >"$tmp/out"
hears 'much, from ten clients' '10 of 10'

run_example() {
    # The wrapper is several words.
    # shellcheck disable=SC2086
    ${TEST_WRAPPER:-} "$BUILDDIR/examples/$1" 127.0.0.1 "$2" "$3" >"$tmp/out" 2>"$tmp/err"
}
run_example portscan $((port > 50 ? port - 50 : 1)) "$port"
hears 'a port scan finds it' "port $port is open"

kill -TERM "$server"
end 143 'it ends at SIGTERM'
