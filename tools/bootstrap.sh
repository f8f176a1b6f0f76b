#!/bin/sh
# Makes the virtual environment and installs drorch with its lab and test parts into it.
# On Debian as root it installs the packages that a bare machine lacks; otherwise it names them.
set -eu
venv=$1
python=${PYTHON:-python3}

need_packages() {
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "drorch: installing $* (once)"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    else
        echo "drorch: this machine lacks $*. Install it as root: apt-get install $*" >&2
        exit 2
    fi
}

command -v "$python" >/dev/null 2>&1 || need_packages python3
"$python" - <<'PY' || { echo "drorch: needs Python 3.11 or newer; name one with PYTHON=..." >&2; exit 2; }
import sys
sys.exit(sys.version_info < (3, 11))
PY
"$python" -c 'import ensurepip, venv' 2>/dev/null || need_packages python3-venv
if [ ! -x "$venv/bin/pip" ]; then
    "$python" -m venv "$venv"
fi
started=$(date +%s)
echo "drorch: installing Python packages into $venv ..."
"$venv/bin/pip" install --quiet --disable-pip-version-check -e '.[lab,web,pdf,dev]'
echo "drorch: installed in $(( $(date +%s) - started )) s"
