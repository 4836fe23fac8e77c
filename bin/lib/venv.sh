# For the scripts beside this folder: makes .venv and keeps it at the pinned packages.

complain() {
  echo "$0: $1" >&2
  exit 1
}

find_python() {
  for name in python3.13 python3.12 python3.11 python3; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
}

# make_venv FILE: installs FILE into .venv, unless exactly that was done before.
make_venv() {
  if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$(find_python)
    [ -n "$python" ] || complain "Python 3.11 or later is needed, and none was found. See https://www.python.org/downloads/"
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
      complain "$python cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv"
    "$python" -m venv --clear .venv || complain "the virtual environment .venv could not be made in $(pwd)"
  fi
  # requirements-dev.txt holds all of requirements.txt, so it serves for both.
  wanted=$(cksum "$1")
  if ! grep -qxF "$wanted" .venv/installed 2>/dev/null; then
    echo "Installing $1 ..."
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$1" ||
      complain "the packages of $1 could not be installed; the lines above say why"
    [ -f .venv/installed ] && grep -vF " $1" .venv/installed >.venv/installed.new || :
    echo "$wanted" >>.venv/installed.new
    mv .venv/installed.new .venv/installed
  fi
}
