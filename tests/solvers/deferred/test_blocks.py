"""Deferred Krylov with few vectors a step, whose left directions are kept: against dense completions of its state."""

from __future__ import annotations

import numpy as np
import pytest
from dense import completed, curvatures, dense_hessian, images, left_directions, orthonormality, true_residuals
from scipy import stats

from hpcbbp import Checkpoint, InputError, Problem, deferred_instance, solve_deferred
from hpcbbp.errors import StoppedError
from hpcbbp.model.words import Parts
from hpcbbp.solvers.deferred import engine
from hpcbbp.solvers.deferred.blocks import Blocks
from hpcbbp.solvers.deferred.engine import made
from hpcbbp.solvers.deferred.queries import refine


def model(p: int, p_star: int, alpha: float, a: float = 1.5) -> Problem:
    return Problem(p=p, p_star=p_star, alpha=alpha, a=a)


def solved(problem, n, seed, nev=None, block=1, tol=1e-6, storage="float64", group=None):
    instance = deferred_instance(problem, n, seed, storage=storage, nev=nev, block=block, group=group)
    assert isinstance(instance, Blocks)
    return instance, solve_deferred(instance, nev, tol=tol, block=block)


@pytest.mark.parametrize(
    ("p", "p_star", "alpha", "n"),
    [(2, 1, 3.0, 100), (2, 2, 6.0, 90), (3, 1, 4.0, 80), (2, 1, 0.4, 120), (5, 1, 3.0, 60), (8, 1, 3.0, 70)],
)
@pytest.mark.parametrize("block", [1, 0])
@pytest.mark.parametrize("nev", [1, None])
def test_eigenpairs_of_a_dense_completion(p, p_star, alpha, n, block, nev, rng):
    """Whatever has not been asked is drawn: numpy's eigh of that H has the same pairs, residuals and overlaps."""
    block = block or p * p_star - 1
    instance, solution = solved(model(p, p_star, alpha), n, 1, nev, block)
    nev = nev or p * p_star
    assert solution.eigen.converged.all(), solution.eigen.reason
    X, Q = completed(instance, rng)
    H = dense_hessian(X, curvatures(instance))
    exact, eigenvectors = np.linalg.eigh(H)
    np.testing.assert_allclose(solution.eigen.eigenvalues, exact[:nev], atol=1e-9)
    vectors = np.einsum("ni,vik->vnk", Q, solution.eigen.vectors).reshape(nev, -1)
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(nev), atol=1e-9)
    residuals = np.linalg.norm(H @ vectors.T - vectors.T * solution.eigen.eigenvalues, axis=0)
    assert (residuals <= solution.eigen.residuals + 1e-13).all()
    np.testing.assert_allclose(residuals, solution.eigen.residuals, rtol=0.05, atol=1e-10)
    teacher = Q[:, : instance.q] @ instance.weights[:, p:]
    expected = np.einsum("nav,nl->val", eigenvectors[:, :nev].reshape(n, p, nev), teacher)
    np.testing.assert_allclose(solution.overlap2.sum(), (expected**2).sum(), atol=1e-4)


@pytest.mark.parametrize(("storage", "tol"), [("float32", 3e-5), ("int16", 1e-4)])
def test_rounded_storage_is_exact_for_the_rounded_matrix(storage, tol, rng):
    instance, solution = solved(model(2, 1, 3.0), 400, 2, storage=storage, tol=tol)
    X, Q = completed(instance, rng)
    H = dense_hessian(X, curvatures(instance))
    vectors = np.einsum("ni,vik->vnk", Q, solution.eigen.vectors).reshape(2, -1)
    residuals = np.linalg.norm(H @ vectors.T - vectors.T * solution.eigen.eigenvalues, axis=0)
    assert solution.eigen.converged.all()
    assert (residuals <= solution.eigen.residuals).all()
    assert (residuals > 0.3 * solution.eigen.residuals).all()
    np.testing.assert_allclose(solution.eigen.eigenvalues, np.linalg.eigvalsh(H)[:2], atol=residuals.max())


@pytest.mark.mpi
@pytest.mark.parametrize("storage", ["float64", "float32", "int16"])
@pytest.mark.parametrize(("p", "block", "n"), [(2, 1, 300), (3, 2, 1500)])
def test_the_same_bits_on_any_number_of_ranks(group, storage, p, block, n):
    """More panels than ranks and fewer."""
    (_, together), (_, alone) = (
        solved(model(p, 1, 3.0), n, 5, block=block, storage=storage, tol=1e-4, group=ranks) for ranks in (group, None)
    )
    np.testing.assert_array_equal(together.eigen.eigenvalues, alone.eigen.eigenvalues)
    np.testing.assert_array_equal(together.eigen.residuals, alone.eigen.residuals)
    np.testing.assert_array_equal(together.eigen.vectors, alone.eigen.vectors)
    np.testing.assert_array_equal(together.overlap2, alone.overlap2)


@pytest.mark.parametrize(("storage", "tol"), [("float32", 1e-7), ("int16", 1e-6)])
def test_tolerances_beyond_left_directions_in_float32_are_refused(storage, tol):
    """As many vectors a step as copies reach further at p = 2."""
    asked = {"storage": storage, "tol": tol}
    with pytest.raises(InputError, match="good to about"):
        solved(model(2, 1, 3.0), 20_000, 0, **asked)
    engine.check_deferred(model(2, 1, 3.0), 10**7, None, storage, 1)
    engine.check_deferred(model(2, 1, 3.0), 10**7, tol, storage, 2)


def test_one_matrix_behind_all_products():
    """u.(X v) = (X^T u).v: old left directions do not see new right ones, whose images contain the new left ones."""
    instance, _ = solved(model(2, 1, 3.0), 200, 0, tol=1e-3)
    S = left_directions(instance).T @ images(instance)  # what X^T P is in coordinates
    q, later = instance.q, np.arange(S.shape[1] - instance.q)
    assert len(later) == len(S)  # every left direction led to a new right one
    for row in range(len(S)):
        np.testing.assert_allclose(S[row, q:][later >= (row // 2 + 1) * 2], 0.0, atol=1e-11)
    diagonal = np.abs(np.diag(S[:, q:]))
    assert (np.abs(diagonal**2 - (200 - q - later) / 200) < 8 * np.sqrt(2 / 200)).all()


def test_moments_of_the_completed_matrix():
    """Entries of X, completed by a random basis: N(0, 1/N), uncorrelated; 1500 instances, error rate 1e-4."""
    n, m, seeds = 5, 6, 1500
    rng = np.random.default_rng(0)
    X = np.empty((seeds, m * n))
    for seed in range(seeds):
        instance, _ = solved(Problem(p=2, p_star=1, alpha=m / n, a=1.5), n, seed, 1, tol=0.3)
        X[seed] = np.sqrt(n) * completed(instance, rng)[0].reshape(-1)
    for entry in X.T:
        assert stats.kstest(entry, "norm").pvalue > 1e-4 / X.shape[1] / 2
    correlation = np.corrcoef(X.T) - np.eye(m * n)
    assert np.abs(correlation).max() < stats.norm.isf(1e-4 / (m * n) ** 2 / 4) / np.sqrt(seeds)


@pytest.mark.parametrize(("p", "alpha", "a", "n", "seed"), [(3, 3.0, 1e-8, 100, 2), (2, 1.0, 1e-6, 200, 11)])
@pytest.mark.parametrize("storage", ["float64", "float32"])
def test_singular_losses_leave_left_directions_orthonormal(p, alpha, a, n, seed, storage, monkeypatch):
    """Curvatures up to 1/a; what is told of residuals bounds them, in extended precision."""
    monkeypatch.setattr(engine, "check_tolerance", lambda *_: None)
    monkeypatch.setattr("hpcbbp.solvers.deferred.solve.check_deferred", lambda *_: None)
    instance, solution = solved(model(p, 1, alpha, a), n, seed, 1, tol=1e-6, storage=storage)
    assert orthonormality(instance) < (1e-6 if storage == "float64" else 1e-3)
    true = true_residuals(instance, solution.eigen.eigenvalues, solution.eigen.vectors)
    assert (true <= solution.eigen.residuals).all()


@pytest.mark.parametrize(
    "words", ["link=sign-product estimator=optimal", "estimator=trimmed:3", "link=norm loss=square"]
)
def test_other_models_and_left_queries_that_coincide(words, rng):
    """An estimator's D has one shape for all labels: one vector a step would never meet the other unit's copies."""
    problem = Parts.of(words).problem(2, 2, 5.0, None)
    instance, solution = solved(problem, 60, 3, tol=1e-6)
    assert solution.eigen.converged.all(), solution.eigen.reason
    projections = np.sqrt(60) * images(instance)[:, : instance.q] @ instance.weights
    D = problem.curvature(projections[:, :2], projections[:, 2:]).dense()
    X, _ = completed(instance, rng, D)
    exact = np.linalg.eigvalsh(dense_hessian(X, D))[:4]
    np.testing.assert_allclose(solution.eigen.eigenvalues, exact, atol=1e-7 * np.abs(exact).max())


def test_data_that_are_not_white(rng):
    problem = Parts.of("covariance=levels:0.5,0.5,1.5,0.5").problem(2, 1, 3.0, 1.5)
    instance, solution = solved(problem, 90, 3, tol=1e-6)
    assert solution.eigen.converged.all()
    X, _ = completed(instance, rng)
    exact = np.linalg.eigvalsh(dense_hessian(X, curvatures(instance)))
    np.testing.assert_allclose(solution.eigen.eigenvalues, exact[:2], atol=1e-8)


def test_a_stopped_solve_goes_on_to_the_same_bits(tmp_path):
    problem, looks = model(3, 1, 3.0), []
    checkpoint = Checkpoint(tmp_path / "c", 0, stop=lambda: looks.append(1) or len(looks) > 12)
    with pytest.raises(StoppedError):
        solve_deferred(deferred_instance(problem, 300, 4, block=1), tol=1e-6, block=1, checkpoint=checkpoint)
    more = Checkpoint(tmp_path / "c", 0)
    resumed = solve_deferred(deferred_instance(problem, 300, 4, block=1), tol=1e-6, block=1, checkpoint=more)
    assert more.resumed > 30
    _, straight = solved(problem, 300, 4)
    np.testing.assert_array_equal(resumed.eigen.eigenvalues, straight.eigen.eigenvalues)
    np.testing.assert_array_equal(resumed.eigen.vectors, straight.eigen.vectors)
    assert not (tmp_path / "c").exists()


def test_a_stopped_solve_may_go_on_with_more_vectors(tmp_path):
    """Of a step, up to those that moments take: then the line says what the state is of."""
    problem = model(3, 1, 3.0)

    def stopped(step):
        if step.restart > 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        solve_deferred(deferred_instance(problem, 300, 4), checkpoint=Checkpoint(tmp_path / "c", 0), progress=stopped)
    with pytest.raises(InputError, match="of a solve with fewer than 3 vectors a step"):
        solve_deferred(deferred_instance(problem, 300, 4, block=3), checkpoint=Checkpoint(tmp_path / "c", 0))
    more = deferred_instance(problem, 300, 4, block=2)
    found = solve_deferred(more, tol=1e-6, block=2, checkpoint=Checkpoint(tmp_path / "c", 0)).eigen
    assert found.converged.all()
    assert found.provenance["block"] == 2
    assert found.provenance["resumed_directions"] > 0


def test_damage_of_left_directions_is_named(tmp_path):
    problem, looks = model(2, 1, 3.0), []
    checkpoint = Checkpoint(tmp_path / "c", 0, stop=lambda: looks.append(1) or len(looks) > 6)
    instance = deferred_instance(problem, 300, 4, block=1)
    with pytest.raises(StoppedError):
        solve_deferred(instance, tol=1e-6, block=1, checkpoint=checkpoint)
    with (tmp_path / "c" / "images.bin").open("r+b") as file:
        raw = bytearray(file.read())
        size = 8 * 2048
        place = raw.index(instance.samples.P[3, :64].tobytes())
        assert place + size < len(raw)
        raw[place + 100] ^= 1
        file.seek(0)
        file.write(raw)
    with pytest.raises(InputError, match=r"the checksum of left direction 4 of \d+ is wrong at panel 0"):
        solve_deferred(
            deferred_instance(problem, 300, 4, block=1), tol=1e-6, block=1, checkpoint=Checkpoint(tmp_path / "c", 0)
        )
    with pytest.raises(InputError, match="is of a solve with fewer than 2 vectors a step: go on with such a block"):
        solve_deferred(deferred_instance(problem, 300, 4), tol=1e-6, checkpoint=Checkpoint(tmp_path / "c", 0))


def test_memory_that_ends_half_way_gives_what_there_is_marked():
    instance = made(model(2, 1, 3.0), 400, 0, "float64", 80, block=1)
    for _ in range(2):
        solution = solve_deferred(instance, tol=1e-8, block=1)
        assert "the memory is used up by 77 directions" in solution.eigen.reason
        assert not solution.eigen.converged.any()
    with pytest.raises(InputError, match="the memory is used up"):
        solve_deferred(made(model(2, 1, 3.0), 400, 0, "float64", 10, block=1), 30, block=1)


@pytest.mark.parametrize("seed", [0, 1])
def test_what_rounding_hides_of_a_pair_is_asked_again(seed):
    """H v of a Ritz vector, from images in float64, beside what the space says of it, before and after."""
    instance, _ = solved(model(2, 1, 3.0), 4000, seed, 1, tol=1e-4, storage="float32")
    values, V, _ = instance.space.ritz(1)

    def known() -> tuple[float, float]:
        wide = np.pad(V, ((0, 0), (0, instance.space.k - V.shape[1]), (0, 0)))
        W, HW = (part.reshape(len(part), -1) for part in (instance.space.W, instance.space.HW))
        at = instance.exact(wide)
        wrong = at.product.reshape(1, -1) - (wide.reshape(1, -1) @ W.T) @ HW
        return float(np.linalg.norm(wrong)), float(at.outside[0])

    before, instance.tolerance = known(), 1e-8
    refine(instance, V)
    after = known()
    assert after[1] < min(1e-8, 0.1 * before[1])
    assert after[0] < before[0]
    B = instance.space.B
    np.testing.assert_allclose(B, B.T, atol=1e-14)
    assert instance.space.ritz(1)[0] == pytest.approx(values, rel=1e-6)


def test_all_pairs_of_a_small_instance():
    """More vectors than directions: the whole spectrum, and the sum of its eigenvalues."""
    instance, solution = solved(model(2, 1, 3.0), 20, 0, 40, tol=1e-8)
    assert solution.eigen.converged.all()
    R, D = images(instance), curvatures(instance)
    trace = np.einsum("mkk,mi,mi->", D, R, R)
    assert solution.eigen.eigenvalues.sum() == pytest.approx(trace, rel=1e-9)
