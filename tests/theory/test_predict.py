"""hpcbbp.theory.predict: what the command shows, for whoever asks in Python."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest
from commands import answer

from hpcbbp import InputError, spectrum, transition
from hpcbbp.machine.listener import Advance, Silent
from hpcbbp.theory import Prediction, effective_threshold, predict, resonance


@dataclass
class Heard(Silent):
    """A listener that remembers."""

    begun: list[tuple[float, int, str]] = field(default_factory=list)
    told: list[tuple[float, str, int]] = field(default_factory=list)

    @contextmanager
    def working(self, total: float, count: int, what: str = "instances") -> Iterator[Advance]:
        self.begun.append((total, count, what))
        yield lambda work, label, pieces=1, /: self.told.append((work, label, pieces))


@pytest.mark.launcher
def test_python_and_the_command_say_the_same(tmp_path):
    out = tmp_path / "p.png"
    words = ("-p", 1, "--p-star", 2, "-a", 0.7, "--alpha", 2.5, "--alpha", 1.2, "-n", "1e2", "-n", 60)
    told = answer("predict", *words, "--samples", 3, "--seed", 5, "--out", out)
    found = predict(1, 2, 0.7, [2.5, 1.2], [100, 60], 3, 5)
    assert told.pop("files") == [str(out), str(out.with_suffix(".csv"))]
    assert told == found.to_dict()
    kept, rows = pd.read_csv(out.with_suffix(".csv")), found.table()
    assert list(kept.columns) == list(rows.columns)
    pd.testing.assert_frame_equal(kept.astype(float), rows.astype(float), rtol=1e-9)


def test_points_come_by_n_and_alpha_beside_their_limits():
    found = predict(2, 1, 1.5, (1.5, 1.0, 1.5), (np.int64(200), 100), samples=2)
    assert [(point.found.n, point.limit.alpha) for point in found.points] == [
        (100, 1.0), (100, 1.5), (200, 1.0), (200, 1.5),
    ]  # fmt: skip
    assert found.transition == transition(2, 1, 1.5)
    assert [point.limit for point in found.points[:2]] == [spectrum(2, 1, 1.5, alpha) for alpha in (1.0, 1.5)]
    one = predict(2, 1, 1.5, 1.5, 200, samples=2)
    assert one.points == found.points[3:]


def test_the_resonance_stands_beside_averages():
    found = predict(2, 1, 1.5, [1.1, 1.5], [60, 10**5], samples=2)
    assert [point.resonance for point in found.points[:2]] == [resonance(2, 1, 1.5, alpha) for alpha in (1.1, 1.5)]
    assert found.effective == tuple(effective_threshold(2, 1, 1.5, n) for n in (60, 10**5))
    told = found.to_dict()
    assert told["effective"][1]["alpha_bbp_n"] == found.effective[1].alpha
    first, second = told["points"][:2]
    assert first["resonance_overlap2"] == found.points[0].resonance.overlap2 and first["resonance_reason"] is None
    assert second["resonance_lambda"] is None and "outlier itself" in second["resonance_reason"]


def test_a_listener_hears_all_of_the_work_and_what_is_known_grows():
    heard, known = Heard(), list[Prediction]()
    found = predict(2, 1, 1.5, [1.0, 3.0], [50, 100], samples=4, listener=heard, finished=known.append)
    ((total, count, what),) = heard.begun
    assert (count, what) == (16, "samples")
    assert sum(work for work, _, _ in heard.told) == pytest.approx(total)
    assert sum(pieces for _, _, pieces in heard.told) == count
    assert heard.told[0][1] == "N = 50, alpha = 1"
    assert [len(at.points) for at in known] == [1, 2, 3, 4]
    assert known[-1] == found


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"p": math.inf}, "p = inf: predictions at finite N"),
        ({"p": 2.5}, "p = 2.5"),
        ({"p_star": 0}, "p_star = 0"),
        ({"p": 30}, "go up to 400"),
        ({"a": math.nan}, "a = nan"),
        ({"alpha": []}, "alpha: at least one value"),
        ({"alpha": "ab"}, "alpha = 'a'"),
        ({"alpha": np.timedelta64(3)}, "timedelta64"),
        ({"alpha": [1.0, -1.0]}, "alpha = -1.0"),
        ({"alpha": 1e-3}, "0 samples"),
        ({"n": []}, "n: at least one value"),
        ({"n": 2}, "N = 2: a whole number from p + p"),
        ({"n": [100, 1e3]}, "N = 1000.0"),
        ({"samples": 1}, "samples = 1"),
        ({"samples": True}, "samples = True"),
        ({"seed": -1}, "seed = -1"),
        ({"seed": 2**64 - 2}, "seed = "),
    ],
)
def test_odd_values_are_refused_before_anything_is_drawn(changed, said):
    heard = Heard()
    asked = {"p": 2, "p_star": 1, "a": 1.5, "alpha": 1.0, "n": 100, "samples": 3, **changed}
    with pytest.raises(InputError) as caught:
        predict(**asked, listener=heard)
    assert said in str(caught.value)
    assert not heard.begun
