"""The variables that mpirun reads: each with its name in Open MPI 4 and in 5, the same everywhere, and they act."""

from __future__ import annotations

import os
import re
import subprocess

import pytest
from commands import ENVIRONMENT, ROOT, run_python

from hpcbbp.machine import petsc

# Open MPI 4's name and the one that 5 reads for the same; seen to act with 4.1.4 and with 5.0.7.
SIBLINGS = {
    "OMPI_MCA_rmaps_base_oversubscribe": "PRTE_MCA_rmaps_default_mapping_policy",
    "OMPI_MCA_hwloc_base_binding_policy": "PRTE_MCA_hwloc_default_binding_policy",
    "OMPI_MCA_btl_vader_single_copy_mechanism": "OMPI_MCA_smsc",
    "OMPI_MCA_mpi_yield_when_idle": "OMPI_MCA_mpi_yield_when_idle",
}
SETTINGS = {name: value for name, value in ENVIRONMENT.items() if re.match("(OMPI|PRTE|PMIX)_MCA_|HWLOC_", name)}


def texts():
    """Every text of the tree but what is built, and the history."""
    places = (".ci", "docker", "docs", "hpcbbp", "jobs", "tests", "benchmarks", "tools")
    paths = [path for place in places for path in (ROOT / place).rglob("*") if path.is_file()]
    paths += [path for path in ROOT.iterdir() if path.is_file() and path.name != "CHANGELOG.md"]
    for path in paths:
        if not {"__pycache__", "_build"} & set(path.parts):
            yield path, path.read_text(encoding="utf-8", errors="replace")


def test_every_variable_has_its_sibling_beside_it():
    """A page, script or image that sets one for Open MPI 4 sets it for 5 as well."""
    known = {*SIBLINGS, *SIBLINGS.values()}
    seen = set()
    for path, text in texts():
        names = set(re.findall(r"\b(?:OMPI|PRTE|PMIX)_MCA_\w+", text))
        assert names <= known, f"{path}: {names - known}: what does the other Open MPI call it?"
        for four, five in SIBLINGS.items():
            assert (four in names) == (five in names), f"{path}: {four} and {five}"
        seen |= names
    assert seen == known


def test_one_place_and_its_copies():
    """Images cannot read .ci/mpi.env; what they set is what stands there."""
    assert {*SIBLINGS, *SIBLINGS.values()} == {name for name in SETTINGS if not name.startswith("HWLOC_")}
    for name in ("Dockerfile", "Dockerfile.source"):
        text = (ROOT / "docker" / name).read_text()
        last = text[text.rindex("\nENV ") :]
        found = dict(word.split("=", 1) for word in last.split() if "_MCA_" in word or word.startswith("HWLOC_"))
        assert found == SETTINGS, name
    text = (ROOT / "docker" / "hpcbbp.def").read_text()
    found = dict(re.findall(r"((?:OMPI|PRTE)_MCA_\w+)=(\S+)", text))
    assert found
    assert found.items() <= SETTINGS.items()


def test_make_exports_them_and_the_caller_has_the_last_word():
    bare = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
    mine = {"OMPI_MCA_hwloc_base_binding_policy": "core", "OMPI_MCA_smsc": "cma"}
    show = ["make", "-s", "--eval=show: ; @env", "show"]
    for given in ({}, mine):
        done = subprocess.run(show, cwd=ROOT, env={**bare, **given}, capture_output=True, text=True, check=True)
        found = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
        assert {name: found.get(name) for name in SETTINGS} == {**SETTINGS, **given}


@pytest.mark.launcher
@pytest.mark.skipif("mpi4py" in petsc.missing_modules(), reason="mpi4py is not installed")
def test_they_act():
    """More ranks than cores start, and each may run on all of them, with whatever mpirun this is."""
    cores = os.sched_getaffinity(0)
    ranks = len(cores) + 1
    code = "import os; os.write(1, f'{sorted(os.sched_getaffinity(0))}\\n'.encode())"
    done = run_python("-c", code, ranks=ranks)
    assert done.returncode == 0, done.stderr
    assert done.stdout.replace("\r", "").splitlines() == [str(sorted(cores))] * ranks
    assert "hwloc" not in done.stderr
