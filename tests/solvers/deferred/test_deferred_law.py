"""The matrix behind a deferred solve is Gaussian, however nearly dependent its left queries are."""

from __future__ import annotations

import numpy as np
import pytest
from dense import images, orthonormality

from hpcbbp import Problem, deferred_instance, solve_deferred
from hpcbbp.solvers.deferred import Deferred, engine
from hpcbbp.solvers.deferred.coordinates import Coordinates
from hpcbbp.solvers.deferred.finer import Passes
from hpcbbp.solvers.deferred.gram_errors import GramErrors
from hpcbbp.solvers.deferred.steps import SKEW

SUSPECTS = [  # p, alpha, a, N, seed: X was not Gaussian, and most of these pairs were called converged
    (1, 0.9, 1e-6, 100, 464),
    (1, 0.9, 1e-6, 100, 451),
    (1, 0.9, 1e-8, 100, 2),
    (1, 0.9, 1e-8, 100, 194),
    (3, 3.0, 1e-8, 100, 2),
]
MIXED = [(2, 1.0, 1e-6, 200, 11)]  # right remainders among left directions of moments, which a later query trusted


def solved(p: int, alpha: float, a: float, n: int, seed: int, storage: str = "float64", tol: float = 1e-8):
    """By moments, which p = 3 takes where p p* vectors a step are asked for."""
    problem = Problem(p=p, p_star=1, alpha=alpha, a=a)
    instance = deferred_instance(problem, n, seed, storage=storage, block=p)
    return instance, solve_deferred(instance, tol=tol).eigen


def largest_stretch(instance: Deferred) -> float:
    """|R|_2 over the edge of Marchenko and Pastur, with the margin that N leaves."""
    edge = np.sqrt(instance.m / instance.n) + 1 + 3 / np.sqrt(instance.n)
    return float(np.linalg.norm(images(instance), 2) / edge)


@pytest.fixture
def any_tolerance(monkeypatch):
    """Nothing is refused beforehand."""
    monkeypatch.setattr(engine, "check_tolerance", lambda *_: None)


@pytest.mark.parametrize(("p", "alpha", "a", "n", "seed"), SUSPECTS + MIXED)
def test_images_of_singular_losses_are_those_of_a_gaussian_matrix(p, alpha, a, n, seed, any_tolerance):
    """Moments of single images have errors of the size of the largest curvatures; left directions must not."""
    instance, _ = solved(p, alpha, a, n, seed)
    assert largest_stretch(instance) < 1
    assert orthonormality(instance) < 1e-2


@pytest.mark.parametrize(
    ("storage", "p", "alpha", "a", "n", "tol"),
    [
        ("float64", 1, 3.0, 1.5, 200, 1e-8),
        ("float64", 1, 0.6, 1e-4, 200, 1e-6),
        ("float64", 3, 3.0, 1e-6, 100, 1e-6),
        ("float32", 1, 3.0, 0.01, 200, 1e-2),
        ("float32", 1, 0.6, 0.01, 200, 1e-3),
        ("int16", 1, 0.6, 0.1, 200, 1e-3),
    ],
)
def test_left_directions_are_orthonormal_and_known_to_be(storage, p, alpha, a, n, tol, any_tolerance):
    """|P^T P - 1| is measured from the images at the end of a solve: compared with long double."""
    for seed in range(3):
        instance, _ = solved(p, alpha, a, n, seed, storage, tol)
        true, told = orthonormality(instance), instance.skewness()
        assert true < (1e-3 if storage == "float64" else SKEW)
        # Told is the Frobenius norm, of 6 random vectors; below 0.1 of one direction's error with probability 5e-6.
        assert told > 0.1 * true - 1e-13
        assert told < 3 * np.sqrt(len(instance.coordinates.L)) * true + 1e-10
        assert largest_stretch(instance) < 1


def test_moments_are_enough_at_ordinary_constants():
    """No pass more than the products take, and so the same numbers as before there was such a pass."""
    for p, alpha, a in ((1, 3.0, 1.5), (1, 3.0, 0.01), (1, 0.6, 0.01), (2, 3.0, 1.5), (2, 3.0, 0.01), (3, 3.0, 1.5)):
        instance, _ = solved(p, alpha, a, 150, 1)
        assert instance.finer.taken == 0


@pytest.mark.parametrize(("p", "alpha", "a", "n", "seed"), SUSPECTS)
def test_a_matrix_that_is_not_gaussian_has_no_converged_pairs(p, alpha, a, n, seed, any_tolerance, monkeypatch):
    """With errors of moments unknown and their sums believed, as it was before."""
    monkeypatch.setattr(GramErrors, "unsure", lambda _, terms, sizes, y, p: 8 * 2.0**-53 * sizes**2)
    monkeypatch.setattr(Passes, "agreed", lambda *_: False)
    instance, eigen = solved(p, alpha, a, n, seed)
    assert orthonormality(instance) > SKEW
    assert not eigen.converged.any()
    assert "X is no longer Gaussian; take a larger a or N or stored data" in eigen.reason
    assert "\n" not in eigen.reason


def test_errors_of_moments_are_part_of_what_is_hidden():
    """Left images near 1 of vectors whose single images are near 1e4, and a second within 1e-4 of the first."""
    rng = np.random.default_rng(0)
    for quantum in (0.0, 1e-3):
        for _ in range(20):
            g = rng.standard_normal((200, 4))
            large = 1e4 * rng.standard_normal((2, 200, 1)) if not quantum else np.zeros((2, 200, 1))
            second = g[:, 2:3] - g[:, :1] + g[:, 1:2] - 1e-5 * g[:, 3:]
            R = np.hstack([large[0] + g[:, :2], large[1] + g[:, 2:3], large[1] + second])
            B = R.T @ R
            B = np.rint(B / quantum) * quantum if quantum else B
            c = Coordinates(50, 200, np.zeros((1, 1), dtype=np.int64), 0.0)
            c.extend(B[:, None, :].copy(), B, np.zeros((4, 1, 0)))
            V = np.array([[1, -1, 0, 0], [0, 0, 1, -1]])[:, :, None] / np.sqrt(2)
            assert c.add_queries(V, np.einsum("ij,bjl->ilb", B, V), GramErrors(quantum=quantum)) == 1
            U = R.astype(np.longdouble) @ V[:, :, 0].T
            rest = U[:, 1] - U[:, 0] * (U[:, 0] @ U[:, 1]) / (U[:, 0] @ U[:, 0])
            assert c.hidden[1, 0] >= float(np.sqrt(rest @ rest)) > 1e-5


@pytest.mark.mpi
@pytest.mark.parametrize(
    ("p", "alpha", "a", "n", "storage"),
    [(1, 0.6, 1e-6, 1100, "float64"), (2, 1.0, 1e-6, 520, "float64"), (1, 0.6, 0.1, 1100, "float32")],
)
def test_remainders_have_the_same_bits_on_any_number_of_ranks(group, p, alpha, a, n, storage, any_tolerance):
    found, tol = [], 1e-6 if p == 1 and storage == "float64" else 1e-2
    for ranks in (group, None):
        problem = Problem(p=p, p_star=1, alpha=alpha, a=a)
        instance = deferred_instance(problem, n, 3, storage=storage, group=ranks)
        found.append((solve_deferred(instance, tol=tol).eigen, instance.finer.taken))
    (together, passes), (alone, taken) = found
    assert passes == taken > 0
    np.testing.assert_array_equal(together.eigenvalues, alone.eigenvalues)
    np.testing.assert_array_equal(together.vectors, alone.vectors)
    np.testing.assert_array_equal(together.residuals, alone.residuals)
    assert together.reason == alone.reason
