"""Scripts of examples/: what their pages say, at a smaller size."""

from __future__ import annotations

import importlib.util
import json

import pytest
from commands import ROOT, run_python

pytestmark = [
    pytest.mark.examples,
    pytest.mark.launcher,
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in ("jax", "sklearn")), reason="the extra examples"
    ),
]


def test_digits(tmp_path):
    """docs/digits.md: nine outliers by what they know, a lowest eigenvalue that the labels decide."""
    script = ROOT / "examples" / "digits.py"
    done = run_python("-m", "mpi4py", script, "--out", tmp_path / "d.png", "--networks", 1, "--steps", 0, 100,
                      ranks=2, timeout=300)  # fmt: skip
    assert done.returncode == 0, done.stderr
    (found,) = json.loads((tmp_path / "d.json").read_text())
    assert (tmp_path / "d.png").stat().st_size > 10_000
    true, shuffled = (found[labels]["0"] for labels in ("true", "shuffled"))
    assert all(at["converged"] for labels in ("true", "shuffled") for at in found[labels].values())
    assert true["size"] == 64 * 32 + 32 + 32 * 10 + 10
    assert true["loss"] > 2 and found["true"]["100"]["loss"] < 0.2 < found["shuffled"]["100"]["loss"]
    assert true["in class means"][8] > 3 * true["in class means"][9]
    assert true["lowest"][0] < 1.4 * shuffled["lowest"][0] < 0
    assert found["same largest"] > 0.6 > found["same lowest"]
    chance = 9 / true["size"]
    assert true["way, lowest"] > 4 * chance > shuffled["way, lowest"]
    assert "| true | 0 |" in done.stdout and "networks at the start" in done.stdout
