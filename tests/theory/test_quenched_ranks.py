"""A sample's own prediction by the ranks that hold its rows: nothing gathered, the same numbers, refusals by all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from commands import run_python

from hpcbbp import InputError, gaussian_instance
from hpcbbp.campaign.cost import memory_needed
from hpcbbp.campaign.measure import solve_point
from hpcbbp.machine import memory, petsc
from hpcbbp.machine.ranks import Group
from hpcbbp.solvers.point import Point
from hpcbbp.theory import quenched

MODELS = [(1, 1, 3.0, 700), (2, 1, 1.5, 1500), (3, 2, 4.0, 200), (2, 1, 1.5, 3)]


def sample(p: int, p_star: int, alpha: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    m = round(alpha * n)
    return rng.standard_normal((m, p)), rng.standard_normal((m, p_star))


def uneven(group: Group, m: int) -> slice:
    """Rows of this rank: none on the last of several ranks, most on the first."""
    if group.size == 1:
        return slice(0, m)
    ends = [0, *np.linspace(m // 2, m, group.size - 1).astype(int).tolist(), m]
    return slice(ends[group.rank], ends[group.rank + 1])


@pytest.mark.mpi
@pytest.mark.parametrize(("p", "p_star", "alpha", "n"), MODELS)
@pytest.mark.parametrize("shares", ["even", "uneven"])
def test_any_number_of_ranks_predicts_the_same(p, p_star, alpha, n, shares, group):
    """To 1e-9 of what one process predicts from all rows; at N = 3 most ranks have one row or none."""
    s, u = sample(p, p_star, alpha, n)
    rows = slice(group.owned(len(s)).start, group.owned(len(s)).stop) if shares == "even" else uneven(group, len(s))
    assert group.sum(np.array([float(len(s[rows]))]))[0] == len(s)
    expected = quenched(s, u, 0.8, n, threads=1)
    found = quenched(s[rows], u[rows], 0.8, n, group=group)
    assert (found.n, found.m) == (n, len(s))
    for name in ("edge", "edge_scale", "eigenvalues", "overlap2", "student_overlap2", "lowest"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-7, atol=1e-9, err_msg=name)
    # all ranks have one answer, to the last bit
    assert group.share(found.edge) == found.edge
    np.testing.assert_array_equal(group.share(found.overlap2), found.overlap2)


@pytest.mark.mpi
def test_bad_rows_of_one_rank_are_refused_by_all(group):
    s, u = sample(2, 1, 1.5, 60)
    rows = list(group.owned(len(s)))
    s, u = s[rows], u[rows]
    if group.rank == group.size - 1:
        s[-1, 0] = np.nan
    with pytest.raises(InputError, match="finite numbers"):
        quenched(s, u, 1.5, 60, group=group)


@pytest.mark.mpi
def test_what_has_no_edge_is_refused_by_all(group):
    ones = np.ones((len(group.owned(40)), 1))
    with pytest.raises(InputError, match="M = 40 are >= 0"):
        quenched(2.0 * ones, ones, 1.5, 60, group=group)


@pytest.mark.mpi
def test_no_rank_holds_the_rows_of_another(group, monkeypatch):
    """What travels is of the order of p x p matrices, however many samples there are."""
    if group.size == 1:
        return  # nothing to send
    sent = []
    for name in ("sum", "share"):
        known = getattr(Group, name)

        def counted(self, value, known=known):
            sent.append(len(value) if isinstance(value, np.ndarray) else sum(map(np.size, value[1])))
            return known(self, value)

        monkeypatch.setattr(Group, name, counted)
    s, u = sample(2, 1, 1.5, 20_000)
    rows = list(group.owned(len(s)))
    quenched(s[rows], u[rows], 1.5, 20_000, group=group)
    assert 0 < max(sent) < 200


@pytest.mark.mpi
@pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed")
def test_records_of_campaigns_hold_it_on_every_rank(group):
    """One seed is one instance on any number of ranks, and has one prediction."""
    point = Point(p=2, p_star=1, a=1.5, alpha=3.0, n=60, seed=3, tol=1e-4)
    record = solve_point(point, group)["quenched"]
    assert group.share(record) == record
    instance = gaussian_instance(point.problem, 60, 3)
    weights = np.concatenate([instance.student, instance.teacher], axis=1)
    expected = quenched(*instance.projections, 1.5, 60, gram=weights.T @ weights / 60)
    np.testing.assert_allclose(record["edge"], expected.edge, rtol=1e-7)
    np.testing.assert_allclose(record["eigenvalues"], expected.eigenvalues, rtol=1e-7)
    np.testing.assert_allclose(record["overlap2"], expected.overlap2, rtol=1e-6)


def test_the_memory_of_a_campaign_s_instance_holds_its_projections(monkeypatch):
    """N = 10^8, p = 2: 4.8 GB over the ranks (two copies for a moment), not on the first of them."""
    point = Point(p=2, p_star=1, a=1.5, alpha=1.0, n=10**8, seed=0, method="deferred", storage="int16", tol=1e-4)
    held = memory_needed(point, 64)
    monkeypatch.setattr(memory, "quenched_prediction", lambda *_: 0)
    assert held - memory_needed(point, 64) == pytest.approx(2 * 2.4e9 / 64)


@pytest.mark.launcher
@pytest.mark.skipif(bool(petsc.missing_modules()), reason="needs MPI")
def test_more_ranks_than_rows():
    """The collective tests above on 5 ranks, of which some have no rows."""
    done = run_python("-m", "pytest", "-q", "-x", "-m", "mpi", Path(__file__), ranks=5)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "12 passed" in done.stdout
