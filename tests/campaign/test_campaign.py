"""Campaigns: nothing computed is lost, nothing is computed twice, tables and pictures say what was found."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from commands import ENVIRONMENT, MPIRUN, PATIENCE, error_lines, kill, run
from PIL import Image
from records import kept, point_at, solved

from hpcbbp.analysis.aggregate import curves as overlap_curves
from hpcbbp.analysis.instances import instance_table
from hpcbbp.campaign.record import to_line
from hpcbbp.campaign.store import Store
from hpcbbp.figures.campaign import overlap_figure
from hpcbbp.figures.canvas import save
from hpcbbp.figures.catalogue import packaged_campaign
from hpcbbp.machine import petsc
from hpcbbp.machine.ranks import Group
from hpcbbp.machine.wording import duration, with_error
from hpcbbp.theory import spectrum, transition

needs_slepc = pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed")


def test_store_survives_a_torn_line(tmp_path):
    store = Store(tmp_path / "folder" / "records.jsonl")
    assert store.read() == {}
    a, b, c, d = (solved(point_at(seed)) for seed in range(4))
    store.append(a)
    store.append(b)
    with store.path.open("ab") as stream:
        stream.write(to_line(c)[:300])  # a kill in the middle of a write
    assert store.read() == {each["key"]: kept(each) for each in (a, b)}
    with store.path.open("ab") as stream:
        stream.write(b"\xff\xfe not text\n[1]\n3\nnull\n")
    store.append(d)
    assert store.read() == {each["key"]: kept(each) for each in (a, b, d)}


def record(n, alpha, m2, flags=(True, True), seed=0):
    return {
        "p": 2, "p_star": 1, "a": 1.5, "n": n, "alpha": alpha, "seed": seed, "overlap2": m2,
        "eigenvalues": [-1.0 - 0.1 * seed, -0.9], "converged_flags": list(flags),
    }  # fmt: skip


def test_curves_average_converged_instances_only():
    records = [
        record(100, 3.0, [0.4, 0.6], seed=0),
        record(100, 3.0, [0.2, 0.4], seed=1),
        record(100, 3.0, [0.9, 0.9], (True, False), seed=2),
        record(200, 1.0, [0.1, 0.3]),
    ]
    curves = overlap_curves(instance_table(records))
    first, second = curves.iloc[0], curves.iloc[1]
    assert (first["n"], first["seeds"], first["unconverged"]) == (100, 2, 1)
    np.testing.assert_allclose([first["overlap2"], first["overlap2_sem"]], [0.4, 0.1])
    np.testing.assert_allclose([first["lambda_1"], first["lambda_1_sem"]], [-1.05, 0.05])
    np.testing.assert_allclose([first["lambda_mean"], first["lambda_mean_sem"]], [-0.975, 0.025])
    at = spectrum(2, 1, 1.5, 3.0)
    np.testing.assert_allclose([first["theory_overlap2"], first["theory_lambda_star"]], [at.overlap2, at.lambda_star])
    assert second["theory_overlap2"] == 0
    assert np.isnan(second["theory_lambda_star"])
    assert np.isnan(second["overlap2_sem"])  # no error bar from a single seed


def test_demo_points_lie_on_both_sides_of_both_transitions():
    points = packaged_campaign("demo").points()
    assert len(points) == len({point.key for point in points})
    assert {transition(2, 1, a).kind for a in {point.a for point in points}} == {"continuous", "discontinuous"}
    for a in {point.a for point in points}:
        alphas = {point.alpha for point in points if point.a == a}
        assert min(alphas) < 0.8 * transition(2, 1, a).alpha_bbp < 1.5 * transition(2, 1, a).alpha_bbp < max(alphas)
    assert len({point.n for point in points}) >= 3


def test_picture(tmp_path):
    """Both panels, every N with its points and error bars, theory, alpha_BBP and alpha_0."""
    rows = []
    for a in (0.7, 1.5):
        for n in (100, 200):
            for seed in range(2):
                for alpha in (0.7, 1.3, 2.0):
                    rows.append({**record(n, alpha, [0.1 * seed, 0.3], seed=seed), "a": a})
    curves = overlap_curves(instance_table(rows))
    figure = overlap_figure(curves)
    save(figure, tmp_path / "figure.png", "a title")
    with Image.open(tmp_path / "figure.png") as picture:
        assert picture.info["Title"] == "a title"
        assert picture.info["Description"].split()[0] == "hpcbbp"
        image = np.asarray(picture.convert("L"))
    assert image.shape[0] > 400
    assert image.shape[1] > 1000
    assert image.std() > 10  # something is drawn
    for axis, a in zip(figure.axes, (0.7, 1.5), strict=True):
        at = transition(2, 1, a)
        labels = [text.get_text() for text in axis.get_legend().get_texts()]
        assert sum("N = " in label for label in labels) >= 2
        assert any("theory" in label for label in labels)
        assert any(r"\alpha_0" in label for label in labels) == (a == 1.5)
        assert any(f"{at.alpha_bbp:.4f}" in label for label in labels)
        points = [line for line in axis.lines if line.get_marker() in ("o", "s")]
        assert len(points) == 2
        mean = curves[(curves["a"] == a) & (curves["n"] == 100)]["overlap2"]
        np.testing.assert_allclose(points[0].get_ydata(orig=False), mean)
        curve = next(line for line in axis.lines if "theory" in str(line.get_label()))
        alpha, m2 = curve.get_xdata(orig=False)[50], curve.get_ydata(orig=False)[50]
        assert abs(m2 - spectrum(2, 1, a, float(alpha)).overlap2) < 1e-12


@needs_slepc
@pytest.mark.launcher
def test_a_killed_demo_goes_on_where_it_stopped(tmp_path):
    records = tmp_path / "results.jsonl"
    command = [MPIRUN, "-n", "2", sys.executable, "-m", "hpcbbp", "demo", "--quick", "--out", str(tmp_path)]
    with subprocess.Popen(
        command, env={**os.environ, **ENVIRONMENT}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as job:  # fmt: skip
        patience = time.monotonic() + 60 * PATIENCE
        while not (records.exists() and records.read_bytes().count(b"\n") >= 3):
            assert time.monotonic() < patience, "no records after a minute"
            assert job.poll() is None, "the job ended before it could be killed"
            time.sleep(0.005)
        kill(job)
    before = Store(records).read()
    assert 3 <= len(before) < len(packaged_campaign("demo-quick").points())
    done = run("demo", "--quick", "--out", tmp_path, "--json", ranks=2)
    assert done.returncode == 0, done.stderr
    after = Store(records).read()
    assert {key: after[key] for key in before} == before  # untouched, so not computed again
    assert set(after) == {point.key for point in packaged_campaign("demo-quick").points()}
    whole = [line for line in records.read_text().splitlines() if line.endswith("}")]
    assert len(whole) == len(after)
    found = json.loads(done.stdout)
    with (tmp_path / "demo-quick.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert (
        len(rows)
        == len(found["curves"])
        == len({(p.a, p.n, p.alpha) for p in packaged_campaign("demo-quick").points()})
    )
    assert float(rows[0]["overlap2"]) == pytest.approx(found["curves"][0]["overlap2"], rel=1e-6)
    assert (tmp_path / "demo-quick.png").stat().st_size > 20_000
    text = run("demo", "--quick", "--out", tmp_path).stdout
    assert "discontinuous" in text
    assert "demo-quick.csv" in text


@needs_slepc
@pytest.mark.launcher
def test_progress_tells_how_long(tmp_path):
    done = run("demo", "--quick", "--out", tmp_path, ranks=2)
    assert done.returncode == 0, done.stderr
    assert "ETA" in done.stderr
    assert "[100%]" in done.stderr


@needs_slepc
@pytest.mark.launcher
def test_an_unusable_folder_is_told_before_anything_is_computed(tmp_path):
    (tmp_path / "file").touch()
    done = run("demo", "--quick", "--out", tmp_path / "file", ranks=2)
    assert done.returncode == 2
    assert len(error_lines(done)) == 1
    assert "cannot be made a folder" in done.stderr
    (tmp_path / "demo-quick.png").mkdir()
    done = run("demo", "--quick", "--out", tmp_path)
    assert done.returncode == 2
    assert "demo-quick.png is a folder, where a file of that name is written" in done.stderr


def test_numbers_for_people():
    assert with_error(0.39284, 0.0035) == "0.3928(35)"
    assert with_error(-1.016, 0.12) == "-1.02(12)"
    assert with_error(0.5, None) == with_error(0.5, float("nan")) == "0.5000"
    assert with_error(float("nan"), float("nan")) == "-"
    assert (duration(42), duration(200), duration(7500)) == ("42 s", "3 min 20 s", "2 h 05 min")
    assert pd.Series([1.0]).sem() != 0
    assert Group().share(3) == 3
