"""What deferred solves tell of their residuals, whatever rounding does: bounds, flags, refusals, storage."""

from __future__ import annotations

import numpy as np
import pytest
from dense import completed, curvatures, dense_hessian, true_residuals

from hpcbbp import Checkpoint, InputError, Problem, deferred_instance, solve_deferred
from hpcbbp.campaign.spec import parse_campaign
from hpcbbp.solvers.deferred import engine
from hpcbbp.solvers.deferred.coordinates import Coordinates
from hpcbbp.solvers.deferred.floors import reachable, storage_for
from hpcbbp.solvers.deferred.progress import Progress
from hpcbbp.solvers.deferred.steps import stuck

STORAGES = ["float64", "float32", "int16"]
CONSTANTS = [100.0, 1.5, 0.1, 0.01, 1e-4, 1e-6]


def problem(p: int, a: float, p_star: int = 1) -> Problem:
    return Problem(p=p, p_star=p_star, alpha=3.0, a=a)


@pytest.fixture
def any_tolerance(monkeypatch):
    """Nothing is refused beforehand: what a solve tells then is tested."""
    monkeypatch.setattr(engine, "check_tolerance", lambda *_: None)


@pytest.mark.parametrize("a", CONSTANTS)
@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("p", [1, 2])
def test_residuals_told_are_never_too_small(any_tolerance, p, storage, a):
    """Curvatures up to 1e6 |lambda|, tolerances that nothing reaches: what is told holds, what is flagged is true."""
    for seed in (0, 1):
        for tol in (1e-6, 1e-12):
            instance = deferred_instance(problem(p, a), 90, seed, storage=storage)
            try:
                eigen = solve_deferred(instance, tol=tol).eigen
            except InputError as error:  # float32 cannot tell left queries apart, and says so
                assert "nearly dependent" in str(error)  # noqa: PT017 (may be raised, must not)
                assert (p, storage == "float64") == (1, False)
                continue
            true = true_residuals(instance, eigen.eigenvalues, eigen.vectors)
            assert (true <= eigen.residuals * (1 + 1e-9)).all()
            assert (true[eigen.converged] <= tol * np.abs(eigen.eigenvalues[eigen.converged])).all()
            assert (eigen.residuals <= 2 * true + 1e-15 * np.abs(curvatures(instance)).max() * 30).all()
            assert eigen.converged.all() or eigen.reason.startswith("not converged: rounding is all that is left")


def test_errors_of_eigenvalues_are_below_what_is_told(any_tolerance, rng):
    """The issue's two cases, against numpy's eigh of a completion."""
    for a, storage, tol in ((0.01, "float32", 1e-6), (0.01, "int16", 1e-6), (1e-6, "float64", 1e-12)):
        instance = deferred_instance(problem(1, a), 300, 1, storage=storage)
        eigen = solve_deferred(instance, tol=tol).eigen
        H = dense_hessian(completed(instance, rng)[0], curvatures(instance))
        exact = np.linalg.eigvalsh(H)
        error = np.abs(exact[0] - eigen.eigenvalues[0])
        assert error <= eigen.residuals[0] + 1e-14 * np.abs(exact).max()  # eigh's own error is that of |H|
        assert not eigen.converged.any()


def test_zero_is_converged(any_tolerance):
    """alpha < 1, p = 1: N - M eigenvalues are exactly zero, and no residual is relative to that."""
    instance = deferred_instance(Problem(p=1, p_star=1, alpha=0.3, a=1.5), 40, 0)
    eigen = solve_deferred(instance, 30, tol=1e-8).eigen
    assert (np.abs(eigen.eigenvalues) < 1e-13).sum() > 10
    assert eigen.converged.all()


@pytest.mark.parametrize(
    ("model", "n", "tol", "storage", "words"),
    [
        ((1, 1.5), 10**4, 1e-9, "float32", 'tol=4e-06 or more or storage="float64" (good to about 1.0e-12)'),
        ((1, 1.5), 10**4, 1e-9, "int16", 'tol=5e-06 or more or storage="float64" (good to about 1.0e-12)'),
        ((2, 1.5), 10**4, 1e-7, "int16", 'tol=5e-06 or more or storage="float32" (good to about 1.0e-08)'),
        ((1, 0.01), 800, 1e-4, "float32", 'storage="float64" (good to about 5.0e-12)'),
        ((1, 1e-6), 800, 1e-9, "float32", 'take storage="float64" and tol=5e-09'),
        (
            (1, 1e-6),
            800,
            1e-9,
            "float64",
            "good to about 5.0e-09 of |lambda| at N = 800, a = 1e-06; take tol=5e-09",
        ),
    ],
)
def test_a_tolerance_out_of_reach_names_what_is_not(model, n, tol, storage, words):
    with pytest.raises(InputError) as caught:
        engine.check_deferred(problem(*model), n, tol, storage, None)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    floor = reachable(problem(*model), n, storage)
    if floor < 0.5:
        engine.check_deferred(problem(*model), n, floor, storage, None)


def test_floors_grow_with_the_tail_of_the_curvatures():
    for storage in STORAGES:
        floors = [reachable(problem(1, a), 800, storage) for a in (0.001, 0.01, 0.1, 0.9, 1.5, 100.0)]
        assert floors == sorted(floors, reverse=True)
        assert floors[-3] == floors[-1]
        assert reachable(problem(1, 0.01, 5), 800, storage) <= floors[1]  # a mean of squares is rarely near zero


@pytest.mark.parametrize("storage", ["float32", "int16"])
@pytest.mark.parametrize(("p", "a"), [(1, 100.0), (1, 1.5), (1, 0.1), (2, 1.5), (2, 0.1)])
def test_floors_are_reached(p, a, storage):
    for seed in range(2):
        model = problem(p, a)
        instance = deferred_instance(model, 200, seed, storage=storage)
        assert solve_deferred(instance, tol=reachable(model, 200, storage)).eigen.converged.all()


def test_the_storage_of_a_campaign_is_what_its_tolerance_allows():
    """For p >= 2 sums are float64 with every storage: half the memory reaches the usual tolerances."""
    assert storage_for(problem(2, 1.5), 8000, 1e-6) == "float32"
    assert storage_for(problem(1, 1.5), 8000, 1e-6) == "float64"
    assert storage_for(problem(1, 1.5), 200_000, 1e-6) == "float32"
    assert storage_for(problem(1, 0.01), 200_000, 1e-6) == "float64"
    text = 'name = "x"\n[[grid]]\np = [1, 2]\na = [0.01, 1.5]\nalpha = 3.0\nn = 8000\ntol = {}\n'
    for tol in (1e-3, 1e-5, 1e-7, 1e-10):
        for point in parse_campaign(text.format(tol), "x").points():
            assert point.method == "deferred"
            engine.check_deferred(point.problem, point.n, point.tol, point.storage, None)  # never refused
            assert point.storage == storage_for(point.problem, point.n, point.tol)


def test_good_estimates_are_no_standstill():
    """No pair open: there is nothing to compare later residuals with."""
    at = Progress()
    assert not stuck(at, np.array([1e-3]), 1.0)
    for _ in range(100):
        assert not stuck(at, np.zeros(0), 1.0)
    assert at.best == 1e-3
    for _ in range(59):
        assert not stuck(at, np.array([1e-3]), 1.0)
    assert stuck(at, np.array([1e-3]), 1.0)


def test_what_is_not_asked_about_is_counted():
    """A query within rounding of old ones is left out, and its length outside them bounds what that hides."""
    c = Coordinates(50, 100, np.zeros((1, 1), dtype=np.int64), 0.0)
    rng = np.random.default_rng(0)
    R = rng.standard_normal((100, 4))
    R[:, 2] = R[:, 0] + 1e-9 * R[:, 3]  # left images of unit vectors 0 and 2, but for 1e-9
    c.extend((R.T @ R)[:, None, :], R.T @ R, np.zeros((4, 1, 0)))
    V = np.eye(4)[[0, 1, 2]][:, :, None]
    new = c.add_queries(V, np.einsum("ij,bjl->ilb", R.T @ R, V)[:, :, :])
    assert new == 2
    assert 1e-8 < c.hidden[2, 0] < 1e-6  # at least the 1e-9 |R_3| = 1e-8 that is there
    assert c.hides(np.eye(4)[[2]][:, :, None])[0] == pytest.approx(c.hidden[2, 0])
    assert c.hides(np.eye(4)[[1]][:, :, None])[0] == 0.0


def test_rounding_is_part_of_a_state(tmp_path, any_tolerance):
    """Resumed solves end with the same words and residuals where rounding ends them."""

    def made():
        return deferred_instance(problem(1, 0.1), 200, 0, storage="float32")

    class StopError(Exception):
        pass

    straight = solve_deferred(made(), tol=1e-8).eigen

    def die(step):
        if step.restart > len(straight.history) - 5:
            raise StopError

    with pytest.raises(StopError):
        solve_deferred(made(), tol=1e-8, checkpoint=Checkpoint(tmp_path / "c", 0), progress=die)
    resumed = solve_deferred(made(), tol=1e-8, checkpoint=Checkpoint(tmp_path / "c", 1e9)).eigen
    assert resumed.reason == straight.reason
    np.testing.assert_array_equal(resumed.residuals, straight.residuals)


@pytest.mark.mpi
@pytest.mark.parametrize("storage", STORAGES)
def test_what_is_told_is_the_same_on_any_number_of_ranks(group, storage, any_tolerance):
    """Where rounding is all that is left, too."""
    found = []
    for ranks in (group, None):
        instance = deferred_instance(problem(1, 0.05), 200, 3, storage=storage, group=ranks)
        found.append(solve_deferred(instance, tol=1e-4 if storage == "float64" else 1e-7).eigen)
    np.testing.assert_array_equal(found[0].residuals, found[1].residuals)
    assert found[0].reason == found[1].reason
