# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# shellcheck disable=SC2154
# For scripts of TLS: after support.sh. The certificates of test/support_tls_pem.h are files in the
# temporary folder: ca.pem, server.pem and so on.

awk -v folder="$tmp" '
    /^static const char/ { file = $4; sub(/_pem.*/, "", file) }
    /^ *"/ { sub(/^ *"/, ""); sub(/\\n".*/, ""); print >(folder "/" file ".pem") }' \
    "$SRCDIR/test/support_tls_pem.h"
