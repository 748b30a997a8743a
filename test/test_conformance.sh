#!/bin/sh
# SPDX-License-Identifier: MIT
# Every case of CPython's has its row in docs/conformance.md, and the page is what the tests say.
set -u
tmp=$(mktemp) || exit 1
trap 'rm -f "$tmp" "$tmp.errors"' EXIT

if sh "$SRCDIR/test/conformance/table" >"$tmp" 2>"$tmp.errors"; then
    echo 'ok - every case has its row'
else
    echo 'not ok - every case has its row'
    sed 's/^/# /' "$tmp.errors"
fi
if cmp -s "$tmp" "$SRCDIR/docs/conformance.md"; then
    echo 'ok - docs/conformance.md is up to date'
else
    echo 'not ok - docs/conformance.md is up to date'
    echo '# run: sh test/conformance/table >docs/conformance.md'
fi
