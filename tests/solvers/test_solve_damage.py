"""Damaged states of solves by SLEPc: the right answer, or one line."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from damage import damaged
from fuzzing import bounded, fuzzed
from hypothesis import given
from hypothesis import strategies as st

from hpcbbp import InputError, Problem, gaussian_instance, solve_instance
from hpcbbp.errors import StoppedError
from hpcbbp.machine import petsc
from hpcbbp.solvers.checkpoint import SolveCheckpoint

pytestmark = pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed")

PROBLEM = Problem(p=2, p_star=1, alpha=3.0, a=1.5)


def made(kind):
    return gaussian_instance(PROBLEM, 150, 1, data=kind)


def stopped(folder, kind="stored", **asked):
    with pytest.raises(StoppedError):
        solve_instance(made(kind), checkpoint=SolveCheckpoint(folder, 1e9, stop=lambda: True), **asked)
    return folder


FILES = ["images.bin", "state.npz"]


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    """One of a search, one of a search for copies, one on dice."""
    folder = tmp_path_factory.mktemp("states")
    whole = solve_instance(made("stored"), nev=2).eigen
    asked = [0]

    def late():
        asked[0] += 1
        return asked[0] > len(whole.history) + 1

    with pytest.raises(StoppedError):
        solve_instance(made("stored"), nev=2, verify=True, checkpoint=SolveCheckpoint(folder / "verify", stop=late))
    stopped(folder / "search", nev=2)
    stopped(folder / "dice", "dice", nev=2)
    return folder


@pytest.mark.fuzz
@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("state", ["search", "verify", "dice"])
def test_damage_is_noticed(states, tmp_path, state, file):
    kind, asked = ("dice" if state == "dice" else "stored"), {"nev": 2, "verify": state == "verify"}
    original = (states / state / file).read_bytes()
    expected = None if kind == "dice" else solve_instance(made(kind), **asked).eigen.eigenvalues

    @fuzzed(12)
    @given(st.data())
    def cases(data):
        folder = tmp_path / "c"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(states / state, folder)
        content = data.draw(damaged(original))
        (folder / file).write_bytes(content)
        found, said = None, ""
        try:
            with bounded(30.0, 2048):
                found = solve_instance(made(kind), checkpoint=SolveCheckpoint(folder), **asked).eigen
        except InputError as error:
            said = str(error)
        assert found is not None or ("checkpoint" in said and "\n" not in said)
        if found is not None and expected is not None:  # bytes that nothing reads, or none that were changed
            assert np.allclose(found.eigenvalues, expected, atol=1e-6)

    cases()
