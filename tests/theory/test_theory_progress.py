"""Theory that takes long says how far it is."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from hpcbbp import Problem
from hpcbbp.theory import density, quenched_sample
from hpcbbp.theory.phase_diagram import phase_table

PAPERS = Problem(p=2, p_star=1, alpha=3.0, a=1.5)


@pytest.mark.parametrize(
    "ask",
    [
        lambda heard: density(2, 1, 1.5, 1.0, points=400, progress=heard),
        lambda heard: density(2, 1, 1.5, 1.0, np.linspace(-0.9, 1.0, 300), progress=heard),
        lambda heard: quenched_sample(PAPERS, 100_000, progress=heard),
        lambda heard: phase_table([1, 2], 1, [0.5, 1.0], [1.0], progress=heard),
    ],
    ids=["density", "density at points", "quenched_sample", "phase_table"],
)
def test_whoever_asks_hears_how_much_is_done(ask):
    """Shares that grow to 1, several of them: a sample of 10^8 and a curve of 10^5 points take minutes."""
    shares: list[float] = []
    ask(shares.append)
    assert len(shares) > 2
    assert all(before <= after for before, after in itertools.pairwise(shares))
    assert 0.0 < shares[0] < 0.6
    assert 0.8 < shares[-1] <= 1.0


def test_long_commands_tell_how_much_is_done(monkeypatch, capsys):
    """After ten seconds, a line now and then with the time left; not a word before."""
    from hpcbbp.cli import output as console
    from hpcbbp.cli import theory as theory_command

    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 0.25
        return now

    monkeypatch.setattr(console.time, "monotonic", clock)
    with theory_command.progress_of(2, "curves") as part:
        for label in ("alpha = 1", "alpha = 2"):
            heard = part(label)
            for percent in range(1, 101):
                heard(percent / 100)
    lines = capsys.readouterr().err.splitlines()
    assert 5 < len(lines) < 12
    assert lines[0].startswith("[ 20%] 0 of 2 curves, 10 s, ETA 40 s  (alpha = 1)")
    assert lines[-1].startswith("[100%] 2 of 2 curves")
    with theory_command.progress_of(1) as part:
        part("short")(1.0)
    assert capsys.readouterr().err == ""
