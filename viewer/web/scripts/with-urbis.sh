#!/usr/bin/env bash
# Runs a command beside a fresh demo: with-urbis.sh PROGRAM -- COMMAND...
# The command finds the page's address in URBIS_URL, the broker's in URBIS_MQTT and the data folder in URBIS_DEMO.
# Ports are free ones on loopback; the demo and its data are gone afterwards.
set -euo pipefail
program=$1
shift 2
folder=$(mktemp -d)
log=$folder/demo.log
"$program" demo --data "$folder/data" --listen 127.0.0.1:0 --mqtt 127.0.0.1:0 >"$log" 2>&1 &
demo=$!
trap 'kill "$demo" 2>/dev/null || true; wait "$demo" 2>/dev/null || true; rm -rf "$folder"' EXIT
for _ in $(seq 300); do
    grep -q '^page:' "$log" && break
    kill -0 "$demo" 2>/dev/null || { cat "$log" >&2; exit 1; }
    sleep 0.2
done
URBIS_URL=$(sed -n 's#^page: *\(http://[^/]*\)/$#\1#p' "$log")
URBIS_MQTT=$(sed -n 's#^mqtt: *mqtt://##p' "$log")
[ -n "$URBIS_URL" ] || { echo 'the demo did not start within 60 s:' >&2; cat "$log" >&2; exit 1; }
export URBIS_URL URBIS_MQTT URBIS_DEMO="$folder/data"
"$@"
