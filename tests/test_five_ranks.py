"""The smallest instances on five ranks, of which some hold nothing: the collective tests of the matrix again."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import run_python

from hpcbbp import petsc

pytestmark = [
    pytest.mark.launcher,
    pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed"),
]

HERE = Path(__file__).parent


def test_the_matrix_on_five_ranks():
    words = (
        "-m",
        "pytest",
        "-q",
        "-m",
        "mpi",
        "-p",
        "no:cacheprovider",
        "-k",
        "N2 or (N4 and not N40) or more_ranks",
    )
    done = run_python(*words, HERE / "test_option_matrix.py", ranks=5, timeout=600)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    assert " passed" in done.stdout
