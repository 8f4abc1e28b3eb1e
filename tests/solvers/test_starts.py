"""Where a solve starts: what it finds does not depend on that, how soon does."""

from __future__ import annotations

import numpy as np
import pytest

from hpcbbp import InputError
from hpcbbp.model.problem import Problem
from hpcbbp.solvers import eigen
from hpcbbp.solvers.instance import gaussian_instance
from hpcbbp.solvers.starts import Starts, along


def drawn(seed=0, n=600, p=2, p_star=1):
    return gaussian_instance(Problem(p=p, p_star=p_star, a=1.5, alpha=3.0), n, seed)


def test_pairs_are_those_of_a_random_start_and_take_fewer_products():
    """Five instances together: the numbers of single ones come in steps of a restart."""
    totals = {True: 0, False: 0}
    for seed in range(5):
        instance = drawn(seed)
        found = {}
        for guided in totals:
            start = along(instance.teacher, 2, seed) if guided else None
            found[guided] = eigen.solve(instance.hessian, 2, tol=1e-8, seed=seed, start=start)
            assert found[guided].converged.all()
            totals[guided] += found[guided].products
        np.testing.assert_allclose(found[True].eigenvalues, found[False].eigenvalues, rtol=1e-12)
    assert totals[True] < totals[False]


def test_a_guess_without_a_part_in_the_outlier_hides_nothing():
    """An exact eigenvector of the bulk, times 1e200: the random half still finds the lowest pairs."""
    instance = drawn(n=120)
    H = instance.hessian
    values, vectors = np.linalg.eigh(np.array([H.apply(e) for e in np.eye(H.size)]))
    found = eigen.solve(H, 2, tol=1e-8, start=1e200 * vectors[:, H.size // 2])
    np.testing.assert_allclose(found.eigenvalues, values[:2], rtol=1e-10)


def test_a_guess_of_zeros_is_none():
    H = drawn(n=120).hessian
    zero, none = (eigen.solve(H, 2, tol=1e-8, start=start) for start in (np.zeros(H.size), None))
    np.testing.assert_allclose(zero.eigenvalues, none.eigenvalues, rtol=1e-12)


def test_only_the_first_start_knows_the_guess():
    H = drawn(n=120).hessian
    guess = np.ones(H.size)
    guided, random = Starts(H, 3, guess), Starts(H, 3)
    np.testing.assert_array_equal(guided(5), random(5))
    half = random(0) / np.linalg.norm(random(0)) + guess / np.linalg.norm(guess)
    np.testing.assert_allclose(guided(0), half, rtol=1e-13)


@pytest.mark.parametrize(
    "guess", [np.ones(3), np.ones((120, 2)), np.full(240, np.nan), np.full(240, np.inf), "w", [0.0] * 240, 1.0]
)
def test_bad_guesses_are_one_line(guess):
    H = drawn(n=120).hessian
    with pytest.raises(InputError, match="start") as error:
        eigen.solve(H, 2, start=guess)
    assert "\n" not in str(error.value)
