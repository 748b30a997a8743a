#!/bin/sh
# SPDX-License-Identifier: MIT
# The shared library exports exactly what the headers declare and the version script lists.
set -u

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# Each declaration begins with CORO_API; the name is the word before its first parenthesis that is
# not an attribute's. Joined to one line each, comments left out.
cat "$SRCDIR"/include/*.h "$SRCDIR"/include/coro/*.h |
    awk '
        /^CORO_API/ { declaration = "" ; open = 1 }
        open {
            declaration = declaration " " $0
            if (/;/) {
                if (match(declaration, /coro_[a-z0-9_]+\(/))
                    print substr(declaration, RSTART, RLENGTH - 1)
                open = 0
            }
        }' | sort >"$tmp/declared"

sed -n 's/^ *\(coro_[a-z0-9_]*\);$/\1/p' "$SRCDIR/lib/libcoro.map" | sort >"$tmp/mapped"

# same TITLE FILE
same() {
    if diff "$tmp/declared" "$tmp/$2" >"$tmp/diff"; then
        echo "ok - $1"
    else
        echo "not ok - $1 (<: declared in include/ only; >: there only)"
        sed 's/^/# /' "$tmp/diff"
    fi
}

if [ ! -s "$tmp/declared" ]; then
    echo 'not ok - no declaration found in include/'
    exit
fi
same 'the version script lists the functions that the headers declare' mapped

if [ "${SHARED:-}" = yes ]; then
    # Names only: without the version, and without the version's own absolute symbol.
    "${NM:-nm}" -D --defined-only "$BUILDDIR/libcoro.so" |
        awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort >"$tmp/exported"
    same 'the shared library exports the functions that the headers declare' exported
else
    echo 'ok - no shared library on this system # SKIP'
fi
