#!/bin/sh
# Makes the virtual environment and installs drorch with its lab and test parts into it.
# What it needs of the system comes first: tools/system_packages.sh installs or names it.
set -eu
venv=$1
python=${PYTHON:-python3}

PYTHON=$python sh "$(dirname "$0")/system_packages.sh" demo
"$python" - <<'PY' || { echo "drorch: needs Python 3.11 or newer; name one with PYTHON=..." >&2; exit 2; }
import sys
sys.exit(sys.version_info < (3, 11))
PY
if [ ! -x "$venv/bin/pip" ]; then
    "$python" -m venv "$venv"
fi
started=$(date +%s)
echo "drorch: installing Python packages into $venv ..."
"$venv/bin/pip" install --quiet --disable-pip-version-check -e '.[lab,web,pdf,dev]'
echo "drorch: installed in $(( $(date +%s) - started )) s"
