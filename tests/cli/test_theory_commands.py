"""phase-diagram, density and predict as users meet them: pictures, CSV, JSON, one line for bad input."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import ROOT, answer, error_lines, run

from hpcbbp.theory import (
    a_c,
    density,
    effective_size,
    effective_threshold,
    finite_size,
    p_c,
    resonance,
    spectrum,
    transition,
)

pytestmark = pytest.mark.launcher


def is_picture(path: Path) -> bool:
    return path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and path.stat().st_size > 10_000


def test_theory_tells_where_the_kind_changes():
    found = answer("theory", "-p", 2, "-a", 0.7)
    assert found["a_c"] == a_c(2, 1)
    assert found["p_c"] == p_c(0.7) == 3
    assert answer("theory", "-p", 1, "--p-star", 1000, "-a", 1e-4)["p_c"] is None


def test_theory_shows_the_resonance_and_the_effective_threshold():
    words = ("-p", 2, "-a", 1.5, "--alpha", 1.1, "--alpha", 1.5, "--alpha", 0.5)
    found = answer("theory", *words, "-n", "1e6", "-n", 100)
    expected = resonance(2, 1, 1.5, 1.1)
    below, above, far = found["points"]
    assert below["resonance"] == {
        "lambda": expected.lambda_r, "width": expected.width, "overlap2": expected.overlap2,
        "imaginary": expected.imaginary,
    }  # fmt: skip
    assert below["resonance_reason"] is None
    assert below["effective_n"] == effective_size(2, 1, 1.5, 1.1).n
    assert above["resonance"] is None and "outlier itself" in above["resonance_reason"]
    assert far["resonance"] is None and far["effective_n"] is None
    assert found["resonance_end"] == pytest.approx(0.92938, abs=1e-5)
    assert found["effective"] == [effective_threshold(2, 1, 1.5, n).to_dict() for n in (10**6, 100)]
    shown = run("theory", *words, "-n", "1e6", "-n", 100)
    assert shown.returncode == 0, shown.stderr
    for word in ("1.021587", f"{expected.overlap2:.8f}", "5.79e+07", "too small", "Re m^2 <= 0"):
        assert word in shown.stdout, word


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("theory", "-p", 2, "-a", 1.5, "-n", 2), "N = 2: a whole number from p + p* = 3 to 1e+30 is wanted"),
        (("theory", "-p", 2, "-a", 1.5, "-n", "1e31"), "to 1e+30"),
        (("theory", "-p", 2, "-a", 1.5, "-n", "many"), "N = many"),
        (("phase-diagram", "-p", 2, "-p", 50, "-n", 40), "N = 40: a whole number from p + p* = 51"),
    ],
)
def test_sizes_are_checked(words, said):
    (line,) = error_lines(run(*words))
    assert said in line


def test_phase_diagram_at_finite_n(tmp_path):
    out = tmp_path / "d.png"
    words = ("-p", 2, "-p", "inf", "-a", 0.5, "-a", 1.5, "--inset-a", 1.0, "-n", "1e6", "-n", "1e12", "--out", out)
    found = answer("phase-diagram", *words)
    rows = {(row["p"], row["a"], row["n"]): row["alpha_bbp_n"] for row in found["effective"]}
    assert set(rows) == {
        (p, a, n) for p, a in ((2, 1.5), ("inf", 0.5), ("inf", 1.5)) for n in (10**6, 10**12)
    }  # p = 2, a = 0.5 is continuous
    assert rows[2, 1.5, 10**6] == effective_threshold(2, 1, 1.5, 10**6).alpha
    kept = pd.read_csv(out.with_suffix(".csv")).dropna(subset=["alpha_bbp_n"])
    assert sorted(kept["alpha_bbp_n"]) == pytest.approx(sorted(rows.values()), rel=1e-9)
    shown = run("phase-diagram", *words)
    assert f"{rows[2, 1.5, 10**12]:.6f}" in shown.stdout
    assert is_picture(out)


def test_phase_diagram(tmp_path):
    out = tmp_path / "new folder" / "diagram.png"
    found = answer("phase-diagram", "-p", 1, "-p", 2, "-p", "inf", "--points", 12, "--out", out)
    assert found["files"] == [str(out), str(out.with_suffix(".csv"))]
    assert is_picture(out)
    rows = pd.read_csv(out.with_suffix(".csv"))
    assert len(rows) == len(found["rows"]) == 14 + 14 + 12  # a_c from both sides, but for p = inf
    assert [curve["p"] for curve in found["curves"]] == [1, 2, "inf"]
    assert found["curves"][1]["a_c"] == a_c(2, 1)
    assert abs(found["curves"][1]["lowest_alpha_bbp"] - transition(2, 1, a_c(2, 1)).alpha_bbp) < 1e-6
    for row in found["rows"][::5]:
        at = transition(row["p"] if row["p"] != "inf" else math.inf, 1, row["a"])
        assert (row["alpha_bbp"], row["alpha_0"], row["transition"]) == (at.alpha_bbp, at.alpha_0, at.kind)
    shown = run("phase-diagram", "--points", 5, "--out", tmp_path / "all.pdf")
    assert shown.returncode == 0, shown.stderr
    assert "0.830387" in shown.stdout
    assert (tmp_path / "all.pdf").read_bytes()[:5] == b"%PDF-"


def test_the_table_of_thresholds_in_the_docs(tmp_path):
    page = (ROOT / "docs" / "thresholds.md").read_text()
    rows = re.findall(r"^\| (\d) \| ([\d.]+) \| (\w+) \| (.*) \|$", page, re.M)
    assert len(rows) == 60
    for number, (p, a, kind, values) in enumerate(rows):
        at = transition(int(p), 1 if number < 30 else 2, float(a))
        assert at.kind == kind
        exact = (at.alpha_c, at.alpha_bbp, at.jump_overlap2, at.alpha_0)
        assert values == " | ".join("-" if value is None else f"{value:.8f}" for value in exact)
    command = re.search(r"^    hpcbbp (phase-diagram .*)$", page, re.M)
    assert command is not None
    shown = run(*command[1].split(), "--out", tmp_path / "t.png").stdout
    assert "2.16982719   0.27826126  0.81774949" in shown


def test_density(tmp_path):
    out = tmp_path / "density.png"
    found = answer("density", "-p", 2, "-a", 1.5, "--alpha", 1, "--alpha", 3, "--points", 60, "--out", out)
    assert is_picture(out)
    smooth, sharp = found["curves"]
    expected = density(2, 1, 1.5, 1.0, points=60)
    assert (smooth["edge"], smooth["thinness"]) == ("smooth", expected.thinness)
    assert (sharp["edge"], sharp["thinness"]) == ("sharp", None)
    assert smooth["lambda_star"] is None
    assert sharp["lambda_star"] == spectrum(2, 1, 1.5, 3.0).lambda_star
    assert smooth["lambda_plus"] is None
    assert "no upper bound" in smooth["lambda_plus_reason"]
    np.testing.assert_allclose(smooth["rho"], expected.rho)
    rows = pd.read_csv(out.with_suffix(".csv"))
    assert list(rows.columns) == ["alpha", "x", "rho"]
    assert len(rows) == len(smooth["x"]) + len(sharp["x"])
    assert 100 < len(rows) < 140
    table = run("density", "-p", "inf", "-a", 1.5, "--alpha", 0.5, "--points", 30, "--out", out)
    assert table.returncode == 0, table.stderr
    assert "0.5000" in table.stdout  # eigenvalues at 0


def test_predict(tmp_path):
    out = tmp_path / "finite.png"
    words = ("predict", "-p", 2, "-a", 1.5, "--alpha", 1, "--alpha", 1.5, "-n", 100, "-n", "1e3", "--samples", 5)
    found = answer(*words, "--seed", 7, "--out", out)
    assert is_picture(out)
    assert [(row["n"], row["alpha"]) for row in found["points"]] == [(100, 1), (100, 1.5), (1000, 1), (1000, 1.5)]
    from hpcbbp import Problem

    expected = finite_size(Problem(p=2, p_star=1, alpha=1.5, a=1.5), 1000, 5, seed=7)
    assert {name: found["points"][3][name] for name in vars(expected)} == pytest.approx(vars(expected), rel=1e-12)
    assert found["points"][0]["limit_lambda_star"] is None
    assert found["points"][1]["limit_overlap2"] == spectrum(2, 1, 1.5, 1.5).overlap2
    rows = pd.read_csv(out.with_suffix(".csv"))
    assert rows["overlap2"].to_numpy() == pytest.approx([row["overlap2"] for row in found["points"]], rel=1e-8)
    many = run(*words[:9], "--alpha", 2, "-n", 100, "--samples", 3, "--out", out)
    assert many.returncode == 0, many.stderr
    assert "alpha_BBP = 1.32294" in many.stdout
    assert "9 of 9 samples" in many.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("phase-diagram", "--a-min", 3, "--a-max", 1), "0 < a_min < a_max"),
        (("phase-diagram", "--points", 1), "points = 1"),
        (("phase-diagram", "--points", 10**11), "to 100000"),
        (("predict", "-p", 1, "-a", 1, "--alpha", 1, "-n", "1e300"), "N = 10^300"),
        (("predict", "-p", 1, "-a", 1, "--alpha", 1e308, "-n", 100), "alpha = 1e+308"),
        (("predict", "-p", 1, "-a", 1, "--alpha", 1e11, "-n", 10**9), "go up to M"),
        (("predict", "-p", 1, "-a", 1, "--alpha", 1, "-n", 100, "--samples", 10**12), "samples = 10000"),
        (
            ("predict", "-p", 10**400, "-a", 1, "--alpha", 1, "-n", 100),
            "p = 10^400, about: at most",
        ),
        (("predict", "-p", 1, "-a", 1, "--alpha", 1, "-n", "9" * 5000), "N = 9999"),
        (("theory", "-p", "inf", "--p-star", 10**400, "-a", 1), "p_star = 10^400, about"),
        (("theory", "-p", "9" * 5000, "-a", 1), "p = 9999"),
        (("theory", "-p", 1, "-a", 1, "--alpha", "nan"), "alpha = nan"),
        (("phase-diagram", "--a-max", 1e308), "a = "),
        (("density", "-p", 10**400, "-a", 1, "--alpha", 1), "p = 10^400, about"),
        (("predict", "-p", 1, "--p-star", 399, "-a", 1, "--alpha", 1, "-n", 100), "p + p* = 400"),
        (("predict", "-p", 2, "-a", 1, "--alpha", 0.05, "-n", 100), "N = 100, alpha = 0.05, seed"),
        (("phase-diagram", "--points", 10**5, "--out", "/proc/x.png"), "x.png: /proc cannot be written to"),
        (("density", "-p", 2, "-a", 1, "--alpha", 3, "--points", 10**5, "--out", "/proc/x.png"), "/proc cannot be"),
        (("predict", "-p", 2, "-a", 1, "--alpha", 3, "-n", "1e7", "--out", "/proc/x.png"), "/proc cannot be written"),
        (("phase-diagram", "-p", "two"), "p = two"),
        (("phase-diagram", "-a", -1), "a = -1"),
        (("phase-diagram", "--out", "picture.jpeg"), ".png, .pdf, .svg"),
        (("phase-diagram", "--out", "/proc/nowhere/x.png"), "/proc/nowhere cannot be made a folder"),
        (("density", "-p", 2, "-a", 1, "--alpha", 0), "alpha = 0"),
        (("density", "-p", 2, "-a", 1, "--alpha", 1, "--points", 1), "points = 1"),
        (("density", "-p", 2, "-a", 1), "--alpha missing: give -p, -a and --alpha"),
        (("predict", "-p", "inf", "-a", 1, "--alpha", 1, "-n", 100), "p = inf"),
        (("predict", "-p", 1, "-a", 1, "--alpha", 1, "-n", "1e2.5"), "N = 1e2.5"),
        (("predict", "-p", 1, "-a", 1, "--alpha", 1, "-n", "1"), "N = 1"),
        (("predict", "-p", 1, "-a", 1, "--alpha", 0.001, "-n", 100), "0 samples"),
        (("predict", "-p", 1, "-a", 1, "--alpha", 1, "-n", 100, "--samples", 1), "samples = 1"),
        (("predict", "-p", 1, "-a", 1, "--alpha", 1, "-n", 100, "--seed", -1), "seed = -1"),
        (("predict", "-p", 30, "-a", 1, "--alpha", 1, "-n", 100), "go up to 400"),
        (("predict", "-p", 1, "-a", "nan", "--alpha", 1, "-n", 100), "a = nan"),
    ],
)
def test_bad_input_is_one_line(words, message, tmp_path):
    done = run(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert len(done.stderr) < 300
    assert message in error_lines(done)[0]
    assert not list(tmp_path.iterdir())
