#!/bin/sh
# Runs a command beside moto, a stand-in for AWS by others, with REKEYD_MOTO_URL set:
#   tests/support/moto.sh target/moto cargo test --test store_conformance
# Installs moto into DIRECTORY/venv when it is not there. Needs python3 with venv, and PyPI once.
set -eu
[ $# -ge 2 ] || { echo "usage: $0 DIRECTORY COMMAND [ARGUMENT...]" >&2; exit 2; }
directory=$1
shift
mkdir -p "$directory"
if ! [ -x "$directory/venv/bin/moto_server" ]; then
    python3 -m venv "$directory/venv"
    "$directory/venv/bin/pip" install --quiet --disable-pip-version-check 'moto[server]'
fi
log=$(mktemp "$directory/moto.XXXXXX")
# Port 0: the system picks a free one, which the log names.
"$directory/venv/bin/moto_server" -H 127.0.0.1 -p 0 >"$log" 2>&1 &
moto=$!
trap 'kill "$moto" 2>/dev/null || true; rm -f "$log"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
tries=0
until REKEYD_MOTO_URL=$(sed -n 's/.*\(http:\/\/127\.0\.0\.1:[0-9]*\).*/\1/p' "$log" | head -n 1) &&
    [ -n "$REKEYD_MOTO_URL" ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 300 ] || ! kill -0 "$moto" 2>/dev/null; then
        echo "moto did not start:" >&2
        cat "$log" >&2
        exit 1
    fi
    sleep 0.1
done
export REKEYD_MOTO_URL
status=0
"$@" || status=$?
exit "$status"
