"""Deferred Krylov against dense completions of its own state, at any storage, block and number of ranks."""

from __future__ import annotations

import numpy as np
import pytest
from dense import completed, curvatures, dense_hessian, images, left_directions
from scipy import stats

from hpcbbp import InputError, Problem, deferred_instance, solve_deferred
from hpcbbp.machine import memory
from hpcbbp.solvers.deferred import steps
from hpcbbp.solvers.deferred.engine import made

MODELS = [(1, 1, 3.0, 120), (2, 1, 3.0, 100), (2, 2, 6.0, 90), (3, 1, 4.0, 80), (1, 2, 0.6, 120), (2, 1, 0.4, 120)]


def model(p: int, p_star: int, alpha: float) -> Problem:
    return Problem(p=p, p_star=p_star, alpha=alpha, a=1.5)


@pytest.mark.parametrize(("p", "p_star", "alpha", "n"), MODELS)
@pytest.mark.parametrize("more", [0, 2])
def test_eigenpairs_of_a_dense_completion(p, p_star, alpha, n, more, rng):
    """Whatever has not been asked is drawn: numpy's eigh of that H has the same pairs, residuals and overlaps."""
    instance = deferred_instance(model(p, p_star, alpha), n, 1)
    nev = p * p_star + more
    solution = solve_deferred(instance, nev, tol=1e-6)
    assert solution.eigen.converged.all()
    X, Q = completed(instance, rng)
    H = dense_hessian(X, curvatures(instance))
    exact, eigenvectors = np.linalg.eigh(H)
    np.testing.assert_allclose(solution.eigen.eigenvalues, exact[:nev], atol=1e-9)
    vectors = np.einsum("ni,vik->vnk", Q, solution.eigen.vectors).reshape(nev, -1)
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(nev), atol=1e-10)
    residuals = np.linalg.norm(H @ vectors.T - vectors.T * solution.eigen.eigenvalues, axis=0)
    np.testing.assert_allclose(residuals, solution.eigen.residuals, atol=1e-11)
    teacher = Q[:, : instance.q] @ instance.weights[:, p:]
    expected = np.einsum("nav,nl->val", eigenvectors[:, :nev].reshape(n, p, nev), teacher)
    np.testing.assert_allclose(solution.overlap2.sum(), (expected**2).sum(), atol=1e-5)


@pytest.mark.parametrize(("storage", "tol"), [("float32", 3e-5), ("int16", 1e-4)])
@pytest.mark.parametrize("p", [1, 2])
def test_rounded_storage_is_exact_for_the_rounded_matrix(storage, tol, p, rng):
    instance = deferred_instance(model(p, 1, 3.0), 400, 2, storage=storage)
    solution = solve_deferred(instance, tol=tol)
    X, Q = completed(instance, rng)
    H = dense_hessian(X, curvatures(instance))
    vectors = np.einsum("ni,vik->vnk", Q, solution.eigen.vectors).reshape(p, -1)
    residuals = np.linalg.norm(H @ vectors.T - vectors.T * solution.eigen.eigenvalues, axis=0)
    assert solution.eigen.converged.all()
    if p == 1:  # sums are float32, and the residuals told contain a bound of what they hide
        assert (residuals <= solution.eigen.residuals).all()
    np.testing.assert_allclose(residuals, solution.eigen.residuals, atol=1e-5 if p == 1 else 1e-11)
    np.testing.assert_allclose(solution.eigen.eigenvalues, np.linalg.eigvalsh(H)[:p], atol=1e-6)


@pytest.mark.mpi
@pytest.mark.parametrize("storage", ["float64", "float32", "int16"])
@pytest.mark.parametrize("p", [1, 2])
def test_the_same_bits_on_any_number_of_ranks(group, storage, p):
    """More panels than ranks and fewer; block larger than needed."""
    for n, block in ((300, None), (3000, 3)):
        found = []
        for ranks in (group, None):
            instance = deferred_instance(model(p, 1, 3.0), n, 5, storage=storage, block=block, group=ranks)
            found.append(solve_deferred(instance, tol=1e-4, block=block))
        together, alone = found
        np.testing.assert_array_equal(together.eigen.eigenvalues, alone.eigen.eigenvalues)
        np.testing.assert_array_equal(together.eigen.residuals, alone.eigen.residuals)
        np.testing.assert_array_equal(together.eigen.vectors, alone.eigen.vectors)
        np.testing.assert_array_equal(together.overlap2, alone.overlap2)


@pytest.mark.parametrize("p", [1, 2])
def test_one_matrix_behind_all_products(p):
    """u.(X v) = (X^T u).v: old left directions do not see new right ones, whose images contain the new left ones."""
    instance = deferred_instance(model(p, 1, 3.0), 200, 0)
    solve_deferred(instance, tol=1e-3)
    R = images(instance)
    P, triangle = np.linalg.qr(left_directions(instance))
    S = P.T @ R  # what X^T P is in coordinates
    q = instance.q
    assert S.shape[1] == q + len(S)  # every left direction led to a new right one
    blocks = np.arange(len(S)) // p
    for row in range(len(S)):
        later = q + np.arange(len(S)) >= q + (blocks[row] + 1) * p
        np.testing.assert_allclose(S[row, q:][later[: len(S)]], 0.0, atol=1e-11)
    # the diagonal of each triangular factor is chi with N - k degrees of freedom, over sqrt(N): far from zero
    diagonal = np.abs(np.diag(S[:, q:]))
    assert (np.abs(diagonal**2 - (200 - q - np.arange(len(S))) / 200) < 8 * np.sqrt(2 / 200)).all()
    L = instance.coordinates.L
    np.testing.assert_allclose(np.abs(np.diag(triangle)), np.diag(L), atol=1e-9 * L.max())


def test_moments_of_the_completed_matrix():
    """Entries of X, completed by a random basis: N(0, 1/N), uncorrelated; 1500 instances, error rate 1e-4."""
    n, m, seeds = 4, 5, 1500
    rng = np.random.default_rng(0)
    X = np.empty((seeds, m * n))
    for seed in range(seeds):
        instance = deferred_instance(Problem(p=1, p_star=1, alpha=m / n, a=1.5), n, seed)
        solve_deferred(instance, tol=0.5)
        X[seed] = np.sqrt(n) * completed(instance, rng)[0].reshape(-1)
    for entry in X.T:
        assert stats.kstest(entry, "norm").pvalue > 1e-4 / X.shape[1] / 2
    rows = np.einsum("sma,sna->smn", X.reshape(seeds, m, n), X.reshape(seeds, m, n)).reshape(seeds, -1) / n
    expected = np.eye(m).reshape(-1)
    spread = np.sqrt((1 + expected) / n / seeds)
    largest = stats.norm.isf(1e-4 / len(expected) / 4)
    assert (np.abs(rows.mean(axis=0) - expected) < largest * spread).all()
    np.testing.assert_allclose(rows.var(axis=0), (1 + expected) / n, rtol=0.5)


def test_a_second_solve_goes_on_with_the_same_matrix():
    instance = deferred_instance(model(2, 1, 3.0), 400, 3)
    first = solve_deferred(instance, tol=1e-3)
    second = solve_deferred(instance, 4, tol=1e-9)
    assert second.eigen.vectors.shape[1] > first.eigen.vectors.shape[1]
    assert np.all(np.abs(second.eigen.eigenvalues[:2] - first.eigen.eigenvalues) <= first.eigen.residuals.max())
    assert np.all(np.diff(second.eigen.eigenvalues) >= 0)


@pytest.mark.parametrize("storage", ["float64", "float32", "int16"])
@pytest.mark.parametrize(
    ("p", "alpha", "n", "nev", "block"),
    [(3, 3.0, 300, 3, 12), (3, 3.0, 300, 3, 9), (2, 0.3, 200, 30, None), (1, 0.3, 200, 20, None)],
)
def test_nearly_dependent_left_queries_are_never_noise(storage, p, alpha, n, nev, block):
    """Float32 sums that cannot tell them apart say so; what comes back respects |H|'s bound on the left."""
    for seed in (1, 2):
        instance = deferred_instance(model(p, 1, alpha), n, seed, storage=storage, block=block)
        try:
            solution = solve_deferred(instance, nev, tol=1e-4, block=block)
        except InputError as error:
            refused = str(error)
        else:
            refused = ""
        if refused:
            assert storage != "float64"
            assert p == 1  # float64 sums with every storage otherwise
            assert "left queries are nearly dependent" in refused
            continue
        bound = (2 / p) * (np.sqrt(alpha) + 1 + 8 / np.sqrt(n)) ** 2
        assert solution.eigen.eigenvalues[0] > -bound
        norms2 = (images(instance) ** 2).sum(axis=0)
        assert norms2.max() < (np.sqrt(alpha) + 1 + 8 / np.sqrt(n)) ** 2
        assert len(instance.coordinates.L) <= instance.m


def test_tiny_and_singular_problems_come_to_an_end():
    for seed in range(8):
        solution = solve_deferred(deferred_instance(model(1, 1, 0.3), 10, seed))
        assert solution.eigen.converged.all()
    for p, n in ((1, 100), (2, 60)):
        problem = Problem(p=p, p_star=1, alpha=3.0, a=1e-3)
        assert solve_deferred(deferred_instance(problem, n, 0), tol=1e-10).eigen.converged.all()
    hard = deferred_instance(Problem(p=1, p_star=1, alpha=3.0, a=1e-5), 300, 0)
    with pytest.raises(
        InputError, match="take tol=9e-10 or more or a stored X"
    ):  # |H| >> |lambda|: rounding is reached first
        solve_deferred(hard, tol=1e-12)
    assert solve_deferred(hard, tol=1e-8).eigen.converged.all()
    problem = model(2, 1, 3.0)
    assert len(solve_deferred(deferred_instance(problem, 20, 0), 40).eigen.eigenvalues) == 40


def test_a_full_state_is_never_truncated():
    """Three solves in a state with room for 80 directions: the last would have to reveal less than it asked for."""
    instance = made(model(2, 1, 3.0), 400, 0, "float64", capacity=80)
    assert not solve_deferred(instance, tol=1e-8).eigen.converged.any()
    with pytest.raises(InputError, match="the memory is used up"):
        solve_deferred(instance, tol=1e-8)
    assert len(instance.coordinates.L) + instance.q == instance.coordinates.k
    with pytest.raises(InputError, match="the memory is used up"):
        solve_deferred(made(model(1, 1, 3.0), 400, 0, "float64", capacity=10), 30)


def test_memory_that_ends_half_way_gives_what_there_is_marked(rng):
    instance = made(model(2, 1, 3.0), 400, 0, "float64", capacity=80)
    solution = solve_deferred(instance, tol=1e-8)
    assert "the memory is used up by 79 directions" in solution.eigen.reason
    assert not solution.eigen.converged.any()
    assert solution.to_dict()["converged"] == 0
    X, Q = completed(instance, rng)
    H = dense_hessian(X, curvatures(instance))
    vectors = np.einsum("ni,vik->vnk", Q, solution.eigen.vectors).reshape(2, -1)
    residuals = np.linalg.norm(H @ vectors.T - vectors.T * solution.eigen.eigenvalues, axis=0)
    np.testing.assert_allclose(residuals, solution.eigen.residuals, rtol=1e-6)


def test_memory_that_others_take_stops_it_too(monkeypatch):
    instance = deferred_instance(model(1, 1, 3.0), 3000, 0)
    calls = []

    def available(ranks: int = 1) -> int:
        calls.append(1)
        return 10**12 if len(calls) < 10 else 1000

    monkeypatch.setattr(memory, "available", available)
    monkeypatch.setattr(steps, "_UNCHECKED", 0)
    solution = solve_deferred(instance, tol=1e-8)
    assert solution.eigen.reason.startswith("not converged: the memory is used up")
    assert not solution.eigen.converged.any()


def test_bad_input():
    problem = model(2, 1, 3.0)
    for words, message in (
        ({"block": 0}, "block >= 1"),
        ({"block": 40}, r"83 directions, and min\(N, M\) = 60"),
        ({"storage": "float16"}, "storage = 'float16'"),
        ({"seed": -1}, "seed = -1"),
        ({"seed": 2**64}, "below 2"),
    ):
        with pytest.raises(InputError, match=message):
            deferred_instance(problem, 60, **{"seed": 0, **words})
    instance = deferred_instance(problem, 60, 0, storage="float32")
    with pytest.raises(InputError, match="give deferred_instance block=1 too"):
        solve_deferred(instance, tol=1e-3, block=1)
    with pytest.raises(InputError, match='storage="float64"'):
        solve_deferred(instance, tol=1e-8)
    with pytest.raises(InputError, match="tol=1e-12 or more"):
        solve_deferred(deferred_instance(problem, 60, 0), tol=1e-13)
    with pytest.raises(InputError, match="only pN = 120"):
        solve_deferred(instance, 121, tol=1e-4)
    with pytest.raises(InputError, match="GiB are free"):
        deferred_instance(problem, 10**9, 0)
