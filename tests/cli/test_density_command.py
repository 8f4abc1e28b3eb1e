"""`hpcbbp density --simulate` and `--operator`: spectra beside the curve, every option with every method."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from commands import answer, error_lines, run
from scipy import integrate

MODEL = ("density", "-p", 1, "-a", 1.5, "--alpha", 3)
SMALL = ("--simulate", 400, "--steps", 30, "--points", 300)
METHODS = ("stored", "dice", "regenerated", "deferred")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "import numpy as np\nfrom hpcbbp.operators import summed_operator\n\n\n"
        "def wide(group):\n    values = np.where(np.arange(90) % group.size == group.rank, np.arange(90.0), 0.0)\n"
        "    return summed_operator(lambda v: values * v, 90, group, name='wide')\n"
    )
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("method", METHODS)
def test_a_spectrum_beside_the_curve(method, tmp_path):
    found = answer(*MODEL, *SMALL, "--method", method, "--seed", 2)
    (sampled,), (curve,) = found["simulated"], found["curves"]
    assert (sampled["n"], sampled["m"], sampled["method"], sampled["steps"]) == (400, 1200, method, 30)
    assert sampled["probes"] == (2 if method == "deferred" else 8) and sampled["products"] == 30 * sampled["probes"]
    assert 0 < sampled["distance"] < 0.08 and 0 < sampled["distance_error"] < 0.05
    mean = integrate.trapezoid(np.array(curve["x"]) * curve["rho"], curve["x"])
    assert sampled["moments"][0] == pytest.approx(mean, abs=6 * sampled["moment_errors"][0] + 0.5)
    rows = pd.read_csv(tmp_path / "density.csv")
    assert (tmp_path / "density.png").stat().st_size > 10_000
    assert rows["method"].dropna().unique().tolist() == [method] and len(rows) == 300 + 400
    assert rows["cumulative"].dropna().is_monotonic_increasing


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("stored", ("--storage", "float32")),
        ("stored", ("--storage", "bf16")),
        ("stored", ("--storage", "int8")),
        ("dice", ("--storage", "float32")),
        ("deferred", ("--storage", "float32")),
        ("deferred", ("--probes", 1)),
        ("deferred", ("--covariance", "levels:0.5,0.5,1.5,0.5")),
        ("stored", ("--covariance", "uniform:0.5")),
        ("deferred", ("-p", 2, "--p-star", 2)),
        ("regenerated", ("-p", 2, "--probes", 3)),
        ("deferred", ("--activation", "tanh", "--loss", "square", "-a", "-")),
        ("deferred", ("--alpha", 0.7)),
    ],
)
def test_options(method, words):
    words = [*MODEL, *SMALL, "--method", method, *words]
    if "-" in words:
        at = words.index("-")
        words = [w for i, w in enumerate(words) if i not in (3, 4, at - 1, at)]
    found = answer(*words)
    assert len(found["simulated"]) == len(found["curves"])
    assert all(one["distance"] < 0.15 for one in found["simulated"])


@pytest.mark.launcher
@pytest.mark.parametrize("method", METHODS)
def test_one_answer_on_any_number_of_ranks(method):
    words = (*MODEL, *SMALL, "--method", method, "--probes", 2)
    alone, several = (answer(*words, ranks=ranks)["simulated"][0] for ranks in (0, 3))
    tol = 1e-6 if method != "dice" else 0.05  # docs/dice.md
    np.testing.assert_allclose(several["moments"][:2], alone["moments"][:2], rtol=tol)


@pytest.mark.parametrize("ranks", [0, pytest.param(2, marks=pytest.mark.launcher)])
def test_an_operator_of_the_user_s_own(ranks, tmp_path):
    found = answer("density", "--operator", "mine:wide", "--probes", 6, "--steps", 90, ranks=ranks)
    (sampled,) = found["simulated"]
    assert (sampled["operator"], sampled["size"], found["curves"]) == ("wide", 90, [])
    assert sampled["moments"][0] == pytest.approx(44.5, abs=8 * sampled["moment_errors"][0])
    assert (tmp_path / "density.png").exists()
    assert "stochastic Lanczos quadrature" in run("density", "--operator", "mine:wide").stdout


BAD = [
    (("density",), "-p, --alpha missing: give -p, -a and --alpha, or an --operator of your own"),
    (("density", "-p", 1), "--alpha missing"),
    (("density", "--operator", "mine"), "--operator mine: MODULE:FUNCTION is wanted"),
    (("density", "--operator", "mine:none"), "--operator mine:none: AttributeError"),
    (("density", "--operator", "mine:wide", "-p", 1), "-p with --operator"),
    (("density", "--operator", "mine:wide", "--alpha", 1), "--alpha with --operator"),
    (("density", "--operator", "mine:wide", "-a", 1), "-a with --operator"),
    (("density", "--operator", "mine:wide", "--simulate", 100), "--simulate with --operator"),
    (("density", "--operator", "mine:wide", "--method", "dice"), "--method with --operator"),
    (("density", "--operator", "mine:wide", "--loss", "square"), "--loss with --operator"),
    (("density", "--operator", "mine:wide", "--probes", 0), "probes = 0"),
    ((*MODEL, "--method", "stored"), "--method without --simulate: there is no instance; say of which N"),
    ((*MODEL, "--storage", "float32"), "--storage without --simulate"),
    ((*MODEL, "--probes", 2), "--probes without --simulate"),
    ((*MODEL, "--steps", 20), "--steps without --simulate"),
    ((*MODEL, "--simulate", "x"), "N = x: a whole number >= 2 is wanted"),
    ((*MODEL, "--simulate", 400, "--method", "dense"), "--method dense: one of stored, dice, regenerated, deferred"),
    ((*MODEL, "--simulate", 400, "--method", "none"), "--method none: one of stored"),
    ((*MODEL, "--simulate", 400, "--storage", "int16"), "--storage int16: a density keeps images in float64"),
    ((*MODEL, "--simulate", 400, "--storage", "int8"), "int8"),
    ((*MODEL, "--simulate", 400, "--steps", 1), "steps = 1"),
    ((*MODEL, "--simulate", 400, "--seed", -1), "seed"),
    ((*MODEL, "--simulate", "1e12", "--storage", "float32"), "are free: take fewer probes or steps"),
    (("density", "-p", "inf", "-a", 2, "--alpha", 3, "--simulate", 100), "-p inf with --simulate"),
]


@pytest.mark.parametrize(("words", "refusal"), BAD)
def test_bad_input_is_one_line(words, refusal, tmp_path):
    done = run(*words)
    assert done.returncode == 2, done.stdout
    assert len(error_lines(done)) == 1 and refusal in error_lines(done)[0]
    assert not (tmp_path / "density.png").exists()
