#!/usr/bin/env bash
# Executes the notebooks and the check of readers in a virtual environment of their own, with the release binary or $NASLENS.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "notebooks: $1" >&2; exit 1; }

python="${PYTHON:-python3}"
command -v "$python" >/dev/null || fail "$python is missing; install Python 3.11 or newer, or name one in the variable PYTHON"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
    || fail "$("$python" --version) is too old; the notebooks need Python 3.11 or newer (name one in the variable PYTHON)"
if [ ! -x .venv-notebooks/bin/python ]; then
    "$python" -m venv .venv-notebooks || { rm -rf .venv-notebooks; fail "cannot make a virtual environment; on Debian or Ubuntu: apt-get install python3-venv"; }
fi
installed=.venv-notebooks/requirements.txt
if ! cmp -s notebooks/requirements.txt "$installed"; then
    .venv-notebooks/bin/python -m pip install --quiet --disable-pip-version-check -r notebooks/requirements.txt \
        || fail "pip could not install notebooks/requirements.txt; is the package index reachable?"
    cp notebooks/requirements.txt "$installed"
fi

# Screens and trainings of an earlier version are not the ones to look at.
rm -rf runs/notebooks
.venv-notebooks/bin/python notebooks/check_readers.py
.venv-notebooks/bin/python notebooks/execute.py
