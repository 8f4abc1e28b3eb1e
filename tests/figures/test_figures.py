"""Named figures: their campaigns, how each is drawn, and the commands figure, analyze and report."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pandas as pd
import pytest
from commands import answer, error_lines, run
from PIL import Image
from records import failed

from hpcbbp import Group
from hpcbbp.campaign.cost import model_seconds
from hpcbbp.campaign.courses import courses
from hpcbbp.campaign.descents import descend_point
from hpcbbp.campaign.driver import _solved
from hpcbbp.campaign.kept import checked
from hpcbbp.campaign.measure import solve_point
from hpcbbp.campaign.record import to_line
from hpcbbp.campaign.store import Store
from hpcbbp.figures.catalogue import FIGURES, packaged_text
from hpcbbp.machine import petsc
from hpcbbp.solvers.point import Point
from hpcbbp.theory import spectrum, transition

needs_slepc = pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed")
SIMULATED = [name for name, named in FIGURES.items() if named.simulated]


def small_records(name: str, seeds: int = 4) -> list[dict]:
    """Records of the figure's quick campaign with N scaled down to tens and few seeds."""
    points = FIGURES[name].campaign(True).points()
    sizes = {n: 30 + 12 * i for i, n in enumerate(sorted({point.n for point in points}))}
    made, kept = {}, []
    for point in points:
        place = (point.p, point.p_star, point.a, point.alpha, point.n)
        made[place] = made.get(place, 0) + 1
        if made[place] <= seeds:
            n = sizes[point.n]
            whole = point.method == "dense" and point.nev > point.p * point.p_star
            method = "dense" if point.method == "dense" else "stored"
            kept.append(dataclasses.replace(point, n=n, method=method, nev=point.p * n if whole else point.nev))
    solver = descend_point if kept[0].descent is not None else solve_point
    records = [_solved(point, Group(), lambda *of: solver(*of[:2]), lambda: False) for point in kept]
    if kept[0].descent is None:
        return records
    return courses([checked({**record, "schema": 2}) for record in records]).to_dict("records")


@pytest.mark.parametrize("name", SIMULATED)
@pytest.mark.parametrize("quick", [True, False])
def test_campaigns_of_figures(name, quick):
    """Valid, named after the figure, and quick ones quick (by the model of times, on two ranks)."""
    campaign = FIGURES[name].campaign(quick)
    points = campaign.points()
    assert campaign.name == f"figure-{name}{'-quick' if quick else ''}"
    if quick:
        assert sum(map(model_seconds, points)) / 2 < 240
    else:
        assert len(points) > len(FIGURES[name].campaign(True).points()) or name == "5"


@needs_slepc
@pytest.mark.parametrize("name", SIMULATED)
def test_a_figure_is_drawn_from_records(name, tmp_path):
    records = small_records(name)
    assert not any("failed" in record for record in records)
    figure, data = FIGURES[name].draw(records, True)
    figure.savefig(tmp_path / "figure.png")
    with Image.open(tmp_path / "figure.png") as picture:
        assert np.asarray(picture.convert("L")).std() > 10
    for axis in figure.axes:
        assert axis.get_xlabel()
        assert any(axis.get_legend_handles_labels()[1]) or axis.lines or axis.patches
    assert len(data) > 4
    # What is drawn is what was recorded.
    mine = [r for r in records if (r["p"], r["p_star"], r["a"], r["n"], r["alpha"]) == place_of(records[0])]
    if name in ("1", "4", "7", "edge", "3"):
        curves = data[data["n"].eq(records[0]["n"]) & data["alpha"].sub(records[0]["alpha"]).abs().lt(1e-9)]
        curves = curves[
            curves["overlap2"].notna() & curves["p"].eq(records[0]["p"]) & curves["a"].eq(records[0]["a"])
        ]
        curves = curves[curves["p_star"].eq(records[0]["p_star"])]
        count = records[0]["p"] * records[0]["p_star"]
        expected = np.mean([np.mean(r["overlap2"][:count]) for r in mine])
        assert float(curves["overlap2"].iloc[0]) == pytest.approx(expected)
    if name in ("9", "10"):
        reached = data[data["n"].eq(records[0]["n"]) & data["alpha"].eq(records[0]["alpha"])]
        assert float(reached["largest_overlap2"].iloc[0]) == pytest.approx(
            np.mean([r["largest_overlap2"] for r in mine])
        )
    if name == "distribution":
        assert sorted(data["overlap2_1"]) == pytest.approx(sorted(r["overlap2"][0] for r in records))
    if name == "5":
        first = data[(data["panel"] == "whole") & (data["a"] == 0.7)]
        width = first["x"].diff().median()
        held = np.mean([[first["x"].min() - width / 2 <= v < first["x"].max() + width / 2 for v in r["eigenvalues"]]
                        for r in records if r["a"] == 0.7])  # fmt: skip
        assert (first["measured"] * width).sum() == pytest.approx(held, abs=1e-6)


def place_of(record):
    return record["p"], record["p_star"], record["a"], record["n"], record["alpha"]


@pytest.mark.parametrize(("name", "p_star"), [("2", 1), ("6", 2)])
def test_figures_of_theory(tmp_path, name, p_star):
    made = answer("figure", name, "--quick", "--out", tmp_path)
    assert [path.rsplit(".", 1)[1] for path in made["files"]] == ["png", "pdf", "csv"]
    data = pd.read_csv(tmp_path / f"figure-{name}-quick.csv")
    row = data[(data["p"] == 2)].iloc[7]
    assert row["alpha_bbp"] == pytest.approx(transition(2, p_star, row["a"]).alpha_bbp, rel=1e-6)
    assert set(data["panel"]) == {"against_a", "against_p"}
    assert math.inf in set(data["p"])
    with Image.open(tmp_path / f"figure-{name}-quick.png") as picture:
        words = picture.info
    assert words["Description"] == f"hpcbbp figure {name} --quick --out {tmp_path} --json"
    assert words["Software"].startswith("hpcbbp ")
    assert b"hpcbbp figure" in (tmp_path / f"figure-{name}-quick.pdf").read_bytes()


@needs_slepc
@pytest.mark.launcher
def test_a_figure_is_run_resumed_and_drawn(tmp_path):
    made = answer("figure", "5", "--quick", "--out", tmp_path, ranks=2)
    store = tmp_path / "figure-5-quick" / "results.jsonl"
    lines = store.read_text().splitlines(keepends=True)
    assert len(lines) == 16
    assert all((tmp_path / f"figure-5-quick.{ending}").stat().st_size > 5000 for ending in ("png", "pdf", "csv"))
    data = pd.read_csv(made["files"][2])
    near = data[(data["a"] == 0.7) & (data["panel"] == "whole") & data["x"].between(0.5, 4)]
    # Histograms of 8 spectra of 1000 beside the density at N = infinity: 20 bins, all within 5 standard errors.
    assert ((near["measured"] - near["rho"]).abs() < 5 * near["measured_sem"] + 0.01).all()
    store.write_text("".join(lines[:10]))
    again = run("figure", "5", "--quick", "--out", tmp_path, ranks=1)
    assert again.returncode == 0, again.stderr
    assert store.read_text().splitlines(keepends=True)[:10] == lines[:10]
    assert len(Store(store).read()) == 16
    # Its campaign file is there to be changed and run.
    campaign = tmp_path / "figure-5-quick" / "campaign.toml"
    assert campaign.read_text() == packaged_text("5-quick")
    assert answer("plan", campaign, "--out", campaign.parent)["done"] == 16


CAMPAIGN = """
name = "small"
[[grid]]
p = 2
a = 1.5
alpha = "0.6..1.4 alpha_bbp in 5"
n = [30, 45, 60]
seeds = 12
method = "dense"
"""


@pytest.fixture
def small(tmp_path):
    """A campaign of 180 whole spectra, one of them failed and one unconverged."""
    spec = tmp_path / "small.toml"
    spec.write_text(CAMPAIGN)
    done = answer("run", spec, "--out", tmp_path / "small", ranks=2)
    assert done["computed"] == 180
    store = tmp_path / "small" / "results.jsonl"
    lines = [json.loads(line) for line in store.read_text().splitlines()]
    lines[3] = failed(Point(**lines[3]["point"]), "out of <luck>")
    lines[4]["converged_flags"][0] = False
    lines[4]["converged"] -= 1
    lines[4]["reason"] = "not converged: a test says so"
    for line in lines:
        line.pop("sha256", None)
    store.write_bytes(b"".join(map(to_line, lines)))
    return spec


@needs_slepc
@pytest.mark.launcher
def test_analyze_and_report(small, tmp_path):
    folder = tmp_path / "small"
    found = answer("analyze", small, "--out", folder, "--to", tmp_path / "tables")
    assert {"curves", "alpha_0", "spreads", "edges"} <= set(found)
    assert sum(row["seeds"] for row in found["curves"]) == 178
    assert sum(row["unconverged"] for row in found["curves"]) == 1
    for row in found["curves"]:
        limit = spectrum(2, 1, 1.5, row["alpha"])
        assert row["theory_overlap2"] == pytest.approx(limit.overlap2)
        assert row["phi_low"] <= row["phi"] <= row["phi_high"]
    curves = pd.read_csv(tmp_path / "tables" / "curves.csv")
    assert len(curves) == 15
    assert set(found["files"]) == {str(path) for path in (tmp_path / "tables").glob("*.csv")}
    text = run("analyze", folder).stdout
    for words in ("alpha_0: m^2 continued to zero", "Overlaps", "Eigenvalues", "A/(log N + B)", "Spread over"):
        assert words in text
    files = answer("report", small, "--out", folder)["files"]
    page = (folder / "report.html").read_text()
    assert page.count('src="data:image/') == sum(name.endswith(".png") for name in files) >= 3
    assert "out of &lt;luck&gt;" in page
    assert 'src="http' not in page
    markdown = (folder / "report.md").read_text()
    for words in ("of &lt;luck&gt;", "a test says so", "2 instances, left out", 'name = "small"', "A/(log N + B)"):
        assert words in markdown
    for name in files:
        assert (folder / name.rsplit("/", 1)[1]).stat().st_size > 500
        if name.endswith(".png"):
            assert f"]({name.rsplit('/', 1)[1]})" in markdown


@needs_slepc
def test_bad_input_is_one_line(tmp_path):
    spec = tmp_path / "small.toml"
    spec.write_text(CAMPAIGN)
    (tmp_path / "taken").write_text("")
    for words, message in (
        (("figure", "11"), "figure 11: one of 1, 2, 3"),
        (("figure", "2", "--out", tmp_path / "taken"), "cannot be made a folder"),
        (("figure", "5", "--out", tmp_path / "taken"), "cannot be made a folder"),
        (("analyze", spec, "--out", tmp_path / "none"), "no results there yet"),
        (("analyze", tmp_path / "none.toml"), "cannot be read"),
        (("analyze", tmp_path, "--out", tmp_path), "is a folder of results itself"),
        (("report", spec, "--out", tmp_path / "none"), "no results there yet"),
    ):
        done = run(*words)
        assert done.returncode == 2, (words, done.stderr)
        assert len(error_lines(done)) == 1, (words, done.stderr)
        assert message in error_lines(done)[0]
