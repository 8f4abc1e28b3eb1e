"""The dice matrix: consistent for any history of products, and of the law of a stored Gaussian X."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from hpcbbp import InputError, Problem, gaussian_instance, solve_instance
from hpcbbp.data.dice import DiceData, independent
from hpcbbp.machine import memory


def piece(group, total):
    owned = group.owned(total)
    return slice(owned.start, owned.stop)


@pytest.mark.mpi
@pytest.mark.parametrize(("n", "m"), [(60, 100), (100, 60)])
def test_one_matrix_whatever_was_asked_before(group, n, m, rng):
    """u.(X v) = (X^T u).v for old, new and mixed directions, to rounding; the same product twice is the same."""
    data = DiceData(n, m, 3, group=group)
    rows, columns = piece(group, m), piece(group, n)
    V, U = rng.standard_normal((n, 12)), rng.standard_normal((m, 12))
    V[:, 5] = V[:, 4]  # asked twice in one block
    V[:, 7] = V[:, 0] - 2 * V[:, 3]  # known by then
    V[:, 8] = 0.0
    images, back = np.zeros((m, 12)), np.zeros((n, 12))
    for start, stop in ((0, 2), (2, 3), (3, 8), (8, 12)):
        images[:, start:stop] = group.gather_rows(data.project(V[columns, start:stop]), m)
        back[:, start:stop] = group.gather_rows(data.adjoint(U[rows, start:stop]), n)
    assert data.directions == (9, 12)
    np.testing.assert_allclose(U.T @ images, back.T @ V, atol=1e-11)
    mixed = rng.standard_normal((12, 3))
    again = group.gather_rows(data.project((V @ mixed)[columns]), m)
    np.testing.assert_allclose(again, images @ mixed, atol=1e-11)
    assert data.directions == (9, 12)


@pytest.mark.mpi
def test_revealed_to_the_end(group, rng):
    """When all of R^N has been asked for, X is an ordinary matrix: every later product is determined by it."""
    n, m = 20, 31
    data = DiceData(n, m, 0, group=group)
    rows, columns = piece(group, m), piece(group, n)
    data.adjoint(rng.standard_normal((m, 4))[rows])
    X = group.gather_rows(data.project(np.eye(n)[columns]), m)
    assert data.directions[0] == n
    U = rng.standard_normal((m, 40))
    np.testing.assert_allclose(group.gather_rows(data.adjoint(U[rows]), n), X.T @ U, atol=1e-11)
    assert data.directions[1] <= m


@pytest.mark.mpi
def test_the_same_numbers_on_any_number_of_ranks(group, rng):
    n, m = 50, 80
    V, U = rng.standard_normal((n, 3)), rng.standard_normal((m, 2))
    together, alone = DiceData(n, m, 9, group=group), DiceData(n, m, 9)
    rows, columns = piece(group, m), piece(group, n)
    for _ in range(3):
        found, expected = together.project(V[columns]), alone.project(V)
        np.testing.assert_allclose(found, expected[rows], atol=1e-12)
        found, expected = together.adjoint(U[rows]), alone.adjoint(U)
        np.testing.assert_allclose(found, expected[columns], atol=1e-12)
        V, U = group.gather_rows(expected[columns], n) @ np.ones((2, 3)) + V**2, U**2


def test_moments_of_a_revealed_matrix():
    """Entries of X after a history of products: N(0, 1/N), uncorrelated; 4000 instances, error rate 1e-4."""
    n, m, seeds = 4, 5, 4000
    X = np.empty((seeds, m * n))
    for seed in range(seeds):
        data = DiceData(n, m, seed)
        s = data.project(np.ones((n, 1)))
        data.adjoint(s**2)  # what is asked may depend on what was answered
        X[seed] = math.sqrt(n) * data.project(np.eye(n)).reshape(-1)
    for entry in X.T:
        assert stats.kstest(entry, "norm").pvalue > 1e-4 / X.shape[1] / 2
    covariance = X.T @ X / seeds - np.eye(m * n)
    variance = (1 + np.eye(m * n)) / seeds
    largest = stats.norm.isf(1e-4 / X.shape[1] ** 2 / 2)
    assert (np.abs(covariance) < largest * np.sqrt(variance)).all()


def test_a_state_that_outgrows_memory_is_stopped(monkeypatch, rng):
    data = DiceData(200, 300, 0)
    data.project(rng.standard_normal((200, 3)))
    monkeypatch.setattr(memory, "available", lambda ranks=1: 1000)
    data.project(rng.standard_normal((200, 3)))  # room that is allocated already
    with pytest.raises(InputError, match=r"GiB are free: 6 \+ 0 directions are revealed, the state cannot grow"):
        data.project(rng.standard_normal((200, 40)))


def test_gram_schmidt_from_a_gram_matrix(rng):
    B = rng.standard_normal((4, 30))
    B[2] = B[0] + B[1]
    # A Gram matrix tells distances down to |v| eps^(1/2) = 1e-7 from rounding, on any processor.
    inverse, factor = independent(B @ B.T, 1e-5)
    Q = inverse @ B
    np.testing.assert_allclose(Q @ Q.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(factor.T @ Q, B, atol=1e-12)


@pytest.mark.mpi
@pytest.mark.parametrize(("n", "alpha"), [(2, 0.5), (3, 0.4), (2, 2.0)])
def test_ranks_that_hold_neither_rows_nor_columns_take_part(group, n, alpha):
    """What is decided by counts is decided alike on all ranks: 3 ranks and N = 2, M = 1 waited for ever."""
    problem = Problem(p=1, p_star=1, alpha=alpha, a=1.0)
    found = solve_instance(gaussian_instance(problem, n, data="dice", group=group))
    alone = solve_instance(gaussian_instance(problem, n, data="dice"))
    np.testing.assert_allclose(found.eigen.eigenvalues, alone.eigen.eigenvalues, atol=1e-9)
    assert len(found.eigen.eigenvalues) == min(3, n)


def test_what_rounding_leaves_of_a_known_direction_is_none(rng):
    """Below that, as dice ask, rounding may pass for news in the first sweep; the second one finds it out."""
    for _ in range(200):
        B = rng.standard_normal((4, 30))
        B[2] = B[0] + B[1]
        Q, T = B, np.eye(4)
        for lowest in (1e-11, 0.5):
            inverse, factor = independent(Q @ Q.T, lowest)
            Q, T = inverse @ Q, factor @ T
        np.testing.assert_allclose(Q @ Q.T, np.eye(3), atol=1e-12)
        np.testing.assert_allclose(T.T @ Q, B, atol=1e-7)
