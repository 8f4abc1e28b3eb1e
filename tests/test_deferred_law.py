"""The matrix behind a deferred solve is Gaussian, however nearly dependent its left queries are."""

from __future__ import annotations

import numpy as np
import pytest
from dense import curvatures, images, orthonormality

from hpcbbp import InputError, Problem, deferred_instance, solve_deferred
from hpcbbp.solvers.deferred import Deferred, engine, iteration

SUSPECTS = [  # p, alpha, a, N, seed: X was not Gaussian, and most of these pairs were called converged
    (1, 0.9, 1e-6, 100, 464),
    (1, 0.9, 1e-6, 100, 451),
    (1, 0.9, 1e-8, 100, 2),
    (1, 0.9, 1e-8, 100, 194),
    (3, 3.0, 1e-8, 100, 2),
]


def solved(p: int, alpha: float, a: float, n: int, seed: int, storage: str = "float64", tol: float = 1e-6):
    problem = Problem(p=p, p_star=1, alpha=alpha, a=a)
    instance = deferred_instance(problem, n, seed, storage=storage)
    return instance, solve_deferred(instance, tol=tol).eigen


def largest_stretch(instance: Deferred) -> float:
    """|R|_2 over the edge of Marchenko and Pastur, with the margin that N leaves."""
    edge = np.sqrt(instance.m / instance.n) + 1 + 3 / np.sqrt(instance.n)
    return float(np.linalg.norm(images(instance), 2) / edge)


@pytest.fixture
def any_tolerance(monkeypatch):
    """Nothing is refused beforehand."""
    monkeypatch.setattr(engine, "check_tolerance", lambda *_: None)


@pytest.mark.parametrize(("p", "alpha", "a", "n", "seed"), SUSPECTS)
def test_images_of_singular_losses_are_those_of_a_gaussian_matrix(p, alpha, a, n, seed, any_tolerance):
    """Moments of single images have errors of the size of the largest curvatures; left directions must not."""
    instance, _ = solved(p, alpha, a, n, seed)
    assert largest_stretch(instance) < 1
    assert orthonormality(instance) < 1e-2
