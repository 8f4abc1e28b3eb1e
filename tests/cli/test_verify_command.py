"""`hpcbbp solve --verify` as users meet it: their own X of equal blocks, with and without mpirun."""

from __future__ import annotations

import numpy as np
import pytest
from commands import answer, error_lines, run
from spectra import blocks, dense

from hpcbbp import Group
from hpcbbp.machine import petsc

pytestmark = [
    pytest.mark.launcher,
    pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed"),
]


@pytest.fixture
def threefold(tmp_path):
    """The words that solve an X of three equal blocks, and the eigenvalues of one of them."""
    instance, words = blocks(Group(), 3), ["solve", "-a", 1.5]
    for option, array in (
        ("data", instance.data.local),
        ("teacher", instance.teacher.T),
        ("student", instance.student.T),
    ):
        np.save(tmp_path / f"{option}.npy", array)
        words += [f"--{option}", tmp_path / f"{option}.npy"]
    return words, np.linalg.eigvalsh(dense(blocks(Group(), 1)))


@pytest.mark.parametrize("ranks", [0, 3])
def test_every_copy_is_found(threefold, ranks):
    words, single = threefold
    found = answer(*words, "--nev", 5, "--verify", ranks=ranks)
    np.testing.assert_allclose(found["eigenvalues"], np.repeat(single, 3)[:5], atol=1e-9)
    assert (found["nev"], found["found"], found["converged"], found["verified"]) == (5, 5, 5, True)
    found = answer(*words, "--below", (single[0] + single[1]) / 2, "--verify", ranks=ranks)
    np.testing.assert_allclose(found["eigenvalues"], np.repeat(single, 3)[:4], atol=1e-9)
    assert (found["nev"], found["verified"]) == (4, True)


def test_what_was_done_is_told(threefold):
    words, _ = threefold
    assert "; verified, " in run(*words, "--verify").stdout
    plain = run(*words)
    assert "verified" not in plain.stdout + plain.stderr
    assert answer(*words)["verified"] is None
    cut = run(*words, "--verify", "--", "-eps_max_it", 1)
    assert cut.returncode == 0
    assert "verified, " not in cut.stdout


def test_deferred_krylov_has_nothing_to_verify():
    done = run("solve", "-n", 100, "-p", 1, "-a", 1, "--alpha", 2, "--method", "deferred", "--verify")
    assert done.returncode == 2
    assert ["--verify belongs to --method stored, dice or regenerated" in line for line in error_lines(done)] == [
        True
    ]
