#!/bin/sh
# SPDX-License-Identifier: MIT
# examples/chat with nc as its clients.
# shellcheck disable=SC1091,SC2154
. "$SRCDIR/test/support.sh"
. "$SRCDIR/test/support_server.sh"
need nc mkfifo
nc -h 2>&1 | grep -q -e '-N' || skip 'this nc cannot end what it sends (-N)'

# eventually FILE TEXT: waits until some line of the file begins so.
eventually() {
    tries=0
    until grep -q "^$2" "$1" || [ "$tries" = 500 ]; do
        tries=$((tries + 1))
        sleep 0.02
    done
}

start chat
mkfifo "$tmp/ann" "$tmp/slow" "$tmp/unread"
nc -N 127.0.0.1 "$port" <"$tmp/ann" >"$tmp/ann.out" &
ann=$!
exec 3>"$tmp/ann"
echo Ann >&3
tries=0
until printf 'Zoe' | talk && grep -q '^\* Ann is here' "$tmp/out" || [ "$tries" = 50 ]; do
    tries=$((tries + 1))
done
printf 'Bob\nhello\nBob again' | talk
hears 'a newcomer is asked, and told who is there' 'Your name?' '* Ann is here'
eventually "$tmp/ann.out" '\* Bob goes'
cp "$tmp/ann.out" "$tmp/out"
hears 'the others read what one writes' 'Your name?' '* Bob comes' 'Bob: hello' 'Bob: Bob again' '* Bob goes'

# A long line ends who writes it, a short one that comes before is read.
{ printf 'Eve\nshort\n'; head -c 5000 /dev/zero | tr '\0' x; } | talk
eventually "$tmp/ann.out" '\* Eve goes'
cp "$tmp/ann.out" "$tmp/out"
hears 'a line has a limit' 'Eve: short' '* Eve goes'

# What the others do not hear is more than the buffers on the way hold.
exec 3>&-
wait "$ann"
exec 5<>"$tmp/unread"
nc 127.0.0.1 "$port" <"$tmp/slow" >"$tmp/unread" &
slow=$!
exec 4>"$tmp/slow"
echo Slow >&4
line=$(head -c 1000 /dev/zero | tr '\0' x)
{
    printf 'Bob\n'
    yes "$line" | head -n 20000
} | talk
hears 'who does not read is thrown out' '* Slow is here' '* Slow goes'
kill "$slow"
exec 4>&- 5>&-

printf 'Zoe\n' | talk
hears 'the room is empty again' 'Your name?'
kill -TERM "$server"
end 0 'it ends at SIGTERM'
