#!/bin/sh
# Set up .venv with hpcbbp in it, on MPI, PETSc and SLEPc that are there already or Debian's. Repeatable.
#
#   sh .ci/install.sh [PYTHON] [EXTRAS]        EXTRAS: of pyproject.toml (all)
#
# PYTHON (python3): if petsc4py, slepc4py and mpi4py are importable from it (conda, spack, modules, pip), they are
# used and no system package is installed. Otherwise Debian's or Ubuntu's packages, which serve /usr/bin/python3.
set -eu
cd "$(dirname "$0")/.."
python=${1:-python3}
extras=${2:-}
packages="python3-petsc4py-64-real python3-slepc4py-64-real python3-mpi4py python3-venv openmpi-bin"

say() { printf '== %s\n' "$*"; }
die() { printf 'install: %s\n' "$*" >&2; exit 1; }
has_petsc() { "$1" -c 'import mpi4py, petsc4py, slepc4py' >/dev/null 2>&1; }

# 1. MPI, PETSc, SLEPc
if command -v "$python" >/dev/null 2>&1 && has_petsc "$python"; then
    python=$(command -v "$python")
    say "PETSc: petsc4py, slepc4py and mpi4py of $python"
else
    command -v apt-get >/dev/null 2>&1 || die "$python has no petsc4py, slepc4py and mpi4py, and this is not Debian or Ubuntu:
load or install them (conda install -c conda-forge slepc4py mpi4py; spack install py-slepc4py; your cluster's modules), then make install PYTHON=..."
    missing=""
    for package in $packages; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
    done
    if [ -n "$missing" ]; then
        say "system packages:$missing"
        root=""
        if [ "$(id -u)" != 0 ]; then
            command -v sudo >/dev/null 2>&1 || die "not root and no sudo; ask your administrator for: apt-get install --no-install-recommends$missing"
            root=sudo
        fi
        log=$(mktemp)
        { $root apt-get update -q && $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing; } \
            >"$log" 2>&1 || { tail -n 20 "$log" >&2; die "apt-get failed (whole log: $log)"; }
        rm -f "$log"
    else
        say "system packages: all there"
    fi
    [ "$python" = python3 ] || say "$python has no petsc4py and slepc4py; Debian's serve /usr/bin/python3, which is taken"
    python=/usr/bin/python3
fi

# 2. the virtual environment
origin="$python for $(pwd)"
if [ "$(cat .venv/made-from 2>/dev/null || true)" = "$origin" ] && .venv/bin/python -c '' 2>/dev/null; then
    say "virtual environment: .venv is there"
else
    say "virtual environment: .venv from $python"
    [ ! -L .venv ] || die ".venv is a link to an environment that was made elsewhere: remove it, or use it as it is"
    rm -rf .venv
    "$python" -m venv --system-site-packages .venv
    printf '%s' "$origin" >.venv/made-from
fi
site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
if ! has_petsc .venv/bin/python; then
    if has_petsc "$python"; then # $python is itself a virtual environment, or has them on PYTHONPATH
        "$python" -c 'import os, mpi4py, petsc4py, slepc4py
print(*sorted({os.path.dirname(m.__path__[0]) for m in (mpi4py, petsc4py, slepc4py)}), sep="\n")' >"$site/hpcbbp-petsc.pth"
    else # Debian keeps the 64-bit-index variants outside Python's path
        ls -d /usr/lib/petscdir/petsc64-*/*-real/lib/python3/dist-packages \
            /usr/lib/slepcdir/slepc64-*/*-real/lib/python3/dist-packages >"$site/hpcbbp-petsc.pth"
    fi
    has_petsc .venv/bin/python || die "petsc4py cannot be imported from .venv; see $site/hpcbbp-petsc.pth"
fi

# 3. Python packages. petsc4py was compiled against the numpy that $python sees, and an extension compiled against
# numpy 1.x cannot be loaded with 2.x.
constraints=.venv/constraints.txt
case $("$python" -c 'import numpy; print(numpy.__version__)' 2>/dev/null || true) in
    1.*) echo 'numpy<2' ;;
    *) : ;;
esac >$constraints
now=$(cat pyproject.toml setup.cfg setup.py hpcbbp/_version.py "$0" $constraints | cksum)
stamp=.venv/installed${extras:+-$extras}
if [ "$(cat "$stamp" 2>/dev/null || true)" = "$now" ] && [ -x .venv/bin/hpcbbp ]; then
    say "Python packages: all there"
else
    say "Python packages: hpcbbp${extras:+ with $extras} ($(cat $constraints | grep . || echo 'no constraint on numpy')); a few minutes the first time"
    .venv/bin/python -m pip install -q --disable-pip-version-check -c $constraints --config-settings editable_mode=compat -e ".[${extras:-all}]"
    printf '%s' "$now" | tee "$stamp" >.venv/installed
fi
.venv/bin/python -c 'import numpy, mpi4py, petsc4py, slepc4py
print("== ready: .venv/bin/hpcbbp with numpy", numpy.__version__, "petsc4py", petsc4py.__version__, "slepc4py", slepc4py.__version__)'
