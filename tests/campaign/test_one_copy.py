"""Campaigns that ask for fewer copies of the outlier than p p*: one vector a step, told in points and records."""

from __future__ import annotations

from dataclasses import replace

import pytest
from commands import run

from hpcbbp import Problem, deferred_instance, solve_deferred
from hpcbbp.campaign.cost import model_seconds
from hpcbbp.campaign.spec import parse_campaign
from hpcbbp.campaign.store import Store
from hpcbbp.solvers.request import Request


def test_one_copy_takes_one_vector_a_step():
    """Where fewer copies of the outlier than p p* are asked for, with a key and an estimate of its own."""
    text = 'name = "x"\n[[grid]]\np = [1, 2]\na = 1.5\nalpha = 3\nn = 20000\nseeds = 1\nmethod = "deferred"\n'
    both, copies = (parse_campaign(text + more, "x.toml").points() for more in ("", "nev = 1\n"))
    assert [point.block for point in both] == [None, None]
    assert [point.block for point in copies] == [None, 1]
    assert copies[0].key == both[0].key
    assert copies[1].key.endswith(" nev=1 tol=1e-06 block=1")
    assert "block" not in copies[0].to_dict()
    assert copies[1].to_dict()["block"] == copies[1].request.block == 1
    assert copies[1].request.few
    assert model_seconds(copies[1]) < model_seconds(replace(copies[1], block=None))
    fewer = text.replace("[1, 2]", "2") + "p_star = 2\nnev = 3\ntol = 1e-8\n"
    (point,) = parse_campaign(fewer, "x.toml").points()
    assert (point.block, point.storage) == (1, "float64")


@pytest.mark.parametrize(("p", "p_star", "usual"), [(1, 1, 1), (1, 3, 3), (2, 1, 2), (2, 2, 1), (3, 1, 1), (4, 2, 1)])
def test_one_vector_a_step_is_the_default_for_more_than_two_outliers(p, p_star, usual):
    """Everywhere, but in records without a block: they are of p p* vectors."""
    problem, outliers = Problem(p=p, p_star=p_star, a=1.5, alpha=3.0), p * p_star
    assert Request(problem, 300, method="deferred").vectors == usual
    instance = deferred_instance(problem, 300, 1)
    assert solve_deferred(instance, 1, tol=1e-3).eigen.provenance["block"] == usual
    given = deferred_instance(problem, 300, 1, block=outliers)
    assert solve_deferred(given, 1, tol=1e-3).eigen.provenance["block"] == outliers
    grid = f"p = {p}\np_star = {p_star}\na = 1.5\nalpha = 3\nn = 20000\nseeds = 1\nmethod = 'deferred'\n"
    (point,) = parse_campaign(f"name = 'x'\n[[grid]]\n{grid}", "x.toml").points()
    assert point.block == (None if usual == outliers else usual)
    assert point.request.vectors == usual
    assert replace(point, block=None).request.vectors == outliers


@pytest.mark.launcher
@pytest.mark.parametrize("ranks", [1, 2])
def test_one_copy_is_recorded_as_what_it_is(tmp_path, ranks):
    """With one vector a step, as the point says; it is what a solve by hand finds, and done when the run goes on."""
    grid = "p = 2\na = 1.5\nalpha = 3\nn = 300\nseeds = 2\nmethod = 'deferred'\nnev = 1"
    (tmp_path / "one.toml").write_text(f"name = 'one'\n[[grid]]\n{grid}\n")
    out = tmp_path / "out"
    done = run("run", tmp_path / "one.toml", "--out", out, ranks=ranks)
    assert done.returncode == 0, done.stderr
    for record in Store(out / "results.jsonl").read().values():
        point = record.point
        assert (point.block, record.provenance["block"], len(record.eigenvalues)) == (1, 1, 1)
        assert record.key == point.key
        instance = deferred_instance(point.problem, 300, point.seed, storage=point.storage, nev=1, block=1)
        alone = solve_deferred(instance, 1, tol=1e-6, block=1)
        assert record.eigenvalues == pytest.approx(alone.eigen.eigenvalues, rel=1e-11)  # BLAS threads differ
    again = run("run", tmp_path / "one.toml", "--out", out, ranks=ranks)
    assert again.returncode == 0, again.stderr
    assert len((out / "results.jsonl").read_text().splitlines()) == 2
