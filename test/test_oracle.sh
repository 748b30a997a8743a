#!/bin/sh
# SPDX-License-Identifier: MIT
# Random programs run on libcoro as they run on asyncio: test/oracle/README.md.
#
# ORACLE_PROGRAMS  how many (1000)
# ORACLE_SEED      the number of the first (1)
# PYTHON           which Python, 3.11.7 or newer; 3.13 and later do all that libcoro does. Early 3.11
#                  reports a timeout as cancelled in a task that had been cancelled before
set -u

# The order is what is compared, and the clock is the program's own matter.
unset CORO_SEED CORO_DEBUG CORO_CLOCK

usable() {
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11, 7))' >/dev/null 2>&1
}

for python in ${PYTHON:-python3.14 python3.13 python3 python3.12 python3.11}; do
    if usable "$python"; then
        exec "$python" "$SRCDIR/test/oracle/oracle.py" \
            --interpreter "$BUILDDIR/test/oracle/interpreter" \
            --programs "${ORACLE_PROGRAMS:-1000}" --seed "${ORACLE_SEED:-1}"
    fi
done
echo "ok - random programs run as on asyncio # SKIP needs Python 3.11.7 or newer"
