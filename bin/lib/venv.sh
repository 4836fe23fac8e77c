# For the scripts in bin/: creates .venv and keeps it in sync with the pinned packages.

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

# make_venv FILE: installs FILE into .venv, unless this version is already installed.
make_venv() {
  if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$(find_python)
    [ -n "$python" ] || complain "Python 3.11 or later is required, but was not found. See https://www.python.org/downloads/"
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
      complain "$python cannot create virtual environments. On Debian and Ubuntu: apt install python3-venv"
    "$python" -m venv --clear .venv || complain "could not create the virtual environment .venv in $(pwd)"
  fi
  # requirements-dev.txt includes all of requirements.txt, so it covers both.
  wanted=$(cksum "$1")
  if ! grep -qxF "$wanted" .venv/installed 2>/dev/null; then
    echo "Installing $1 ..."
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$1" ||
      complain "could not install the packages in $1; see the lines above"
    [ -f .venv/installed ] && grep -vF " $1" .venv/installed >.venv/installed.new || :
    echo "$wanted" >>.venv/installed.new
    mv .venv/installed.new .venv/installed
  fi
}
