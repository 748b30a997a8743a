#!/bin/sh
# SPDX-License-Identifier: MIT
# Includes point downward only (docs/design.md has the picture), and each .c file includes its own
# header first.
set -u

# Folders of lib/, low to high: a file includes headers of its own folder and of lower ones.
folders='util context sched thread task sync io'

# The files of sched, low to high: a file includes its own header and those of lower ones.
sched='clock signal locals advice slab guard stack task ready environment overflow fork wait timer cell inbox poller loop alarm block deadlock start'

# place WORD LIST...: prints how high WORD is in the list; nothing if it is not there.
place() {
    word=$1 n=0
    shift
    for w; do
        n=$((n + 1))
        [ "$w" = "$word" ] && echo "$n"
    done
}

# includes FILE: the headers that it names in quotes, in their order.
includes() {
    sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p' "$1"
}

# check FILE (sched/timer.c): prints a line for each include that points upward.
check() {
    folder=${1%%/*} base=${1##*/}
    base=${base%.*}
    # The tables are lists of words.
    # shellcheck disable=SC2086
    here=$(place "$folder" $folders)
    [ -n "$here" ] || echo "# lib/$1: its folder is not in the table of $0"
    includes "$SRCDIR/lib/$1" | while read -r header; do
        case $header in
            config.h | coro.h | coro/*) continue ;;
            */*) ;;
            *) header=$folder/$header ;;
        esac
        if [ ! -f "$SRCDIR/lib/$header" ]; then
            echo "# lib/$1 includes \"$header\", which is not in lib/"
            continue
        fi
        # shellcheck disable=SC2086
        there=$(place "${header%%/*}" $folders)
        if [ "${there:-0}" -gt "${here:-0}" ]; then
            echo "# lib/$1 includes upward: $header"
        elif [ "$folder" = sched ] && [ "${header%%/*}" = sched ]; then
            other=${header##*/}
            other=${other%.h}
            # shellcheck disable=SC2086
            mine=$(place "$base" $sched) theirs=$(place "$other" $sched)
            if [ -z "$mine" ] || [ -z "$theirs" ]; then
                echo "# lib/$1 and $header: both must be in the table of sched of $0"
            elif [ "$theirs" -gt "$mine" ]; then
                echo "# lib/$1 includes upward within sched: $header"
            fi
        fi
    done
    own=${1%.c}.h
    if [ "$own" != "$1" ] && [ -f "$SRCDIR/lib/$own" ]; then
        first=$(includes "$SRCDIR/lib/$1" | sed -n '/^config\.h$/!{p;q;}')
        [ "$first" = "$own" ] || [ "$first" = "${own##*/}" ] ||
            echo "# lib/$1 does not include its own header first"
    fi
}

for file in "$SRCDIR"/lib/*/*.[ch]; do
    file=${file#"$SRCDIR"/lib/}
    wrong=$(check "$file")
    if [ -z "$wrong" ]; then
        echo "ok - lib/$file"
    else
        echo "not ok - lib/$file"
        printf '%s\n' "$wrong"
    fi
done
