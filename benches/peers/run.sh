#!/usr/bin/env bash
# The peers beside us, by one command: benches/peers/run.sh [--scale 0.01] [--only w4,w5] [--peers postgis,duckdb] ...
# Installs what is missing (PostGIS and Redis from Debian, the rest from PyPI into a virtual environment of its own).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

say() { printf '== peers: %s\n' "$*" >&2; }

wanted=()
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || wanted+=(postgresql)
ls /usr/share/postgresql/*/extension/postgis.control >/dev/null 2>&1 || wanted+=(postgis postgresql-postgis)
command -v redis-server >/dev/null || wanted+=(redis-server)
dpkg -s python3-venv >/dev/null 2>&1 || wanted+=(python3-venv)
if [ "${#wanted[@]}" -gt 0 ]; then
    say "Debian packages: ${wanted[*]}"
    sudo=''
    [ "$(id -u)" = 0 ] || sudo=sudo
    # No cluster and no server of the packages' own: each run starts its own.
    if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
        $sudo mkdir -p /etc/postgresql-common
        echo 'create_main_cluster = false' | $sudo tee /etc/postgresql-common/createcluster.conf >/dev/null
    fi
    $sudo apt-get update -qq || true
    $sudo env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends \
        -o Dpkg::Options::=--force-confold "${wanted[@]}" >/dev/null || say 'not all could be installed: the results will say so'
fi

venv=$here/.venv
if ! cmp -s "$here/requirements.txt" "$venv/requirements.txt"; then
    say 'Python packages'
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
    if "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"; then
        cp "$here/requirements.txt" "$venv/requirements.txt"
    else
        # One by one: a peer that cannot be had is left out, and the results say so.
        grep -v '^#' "$here/requirements.txt" | while read -r package; do
            "$venv/bin/pip" install --quiet --disable-pip-version-check "$package" || say "$package: not installed"
        done
    fi
fi
exec "$venv/bin/python" "$here/run.py" "$@"
