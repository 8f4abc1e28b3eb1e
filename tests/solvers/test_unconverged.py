"""Pairs that did not converge, and PETSc options that say which are wanted, at every number of ranks."""

from __future__ import annotations

import numpy as np
import pytest
from formula import GOLDEN, dense, pieces

from hpcbbp import Problem, gaussian_instance, solve_instance
from hpcbbp.machine import petsc
from hpcbbp.solvers.ritz import rayleigh_ritz

pytestmark = [
    pytest.mark.mpi,
    pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed"),
]


@pytest.fixture
def petsc_options():
    """Set PETSc options for one test."""
    petsc.initialize()
    from petsc4py import PETSc

    options, names = PETSc.Options(), []

    def use(**values):
        for name, value in values.items():
            options.setValue(name, value)
            names.append(name)

    yield use
    for name in names:
        options.delValue(name)


def test_unconverged_pairs_are_returned_and_marked(group, petsc_options):
    """Two restarts are not enough: Ritz pairs with true residuals, none of them counted."""
    problem = Problem(p=2, p_star=1, alpha=3.0, a=1.5)
    n = 200
    H, *_ = dense(problem, n, 0)
    exact = np.linalg.eigvalsh(H)
    petsc_options(eps_max_it=2)
    result = solve_instance(gaussian_instance(problem, n, 0, group=group), 4).eigen
    assert len(result.eigenvalues) == 4
    assert not result.converged.all()
    assert "iteration limit" in result.reason
    assert (result.residuals[~result.converged] > 1e-8).any()
    for i in range(4):
        v = group.gather_rows(result.vectors[i], n).reshape(-1)
        assert abs(np.linalg.norm(H @ v - result.eigenvalues[i] * v) - result.residuals[i]) < 1e-10
        assert abs(np.linalg.norm(v) - 1) < 1e-10
        assert result.eigenvalues[i] > exact[i] - 1e-10  # Ritz values from above (Cauchy)
        assert abs(result.eigenvalues[i] - exact).min() <= result.residuals[i] + 1e-10


def test_partly_converged(group, petsc_options):
    """Between none and all: the converged ones first, the rest orthogonal to them."""
    problem = Problem(p=2, p_star=1, alpha=3.0, a=1.5)
    n = 300
    seen = set()
    for restarts in range(2, 14):
        petsc_options(eps_max_it=restarts)
        result = solve_instance(gaussian_instance(problem, n, 0, group=group), 4).eigen
        count = int(result.converged.sum())
        seen.add(count)
        assert (np.diff(result.eigenvalues) > 0).all()
        V = result.vectors.reshape(4, -1)
        np.testing.assert_allclose(group.sum(V @ V.T), np.eye(4), atol=1e-8)
        for value in result.eigenvalues[result.converged]:
            assert np.abs(value - GOLDEN).min() < 1e-8
    assert len(seen) > 2, "the limits tried should stop the solver at different stages"
    assert 0 < len(seen - {0, 4})


def test_largest_if_asked_for(group, petsc_options):
    problem = Problem(p=1, p_star=1, alpha=2.0, a=1.0)
    H, *_ = dense(problem, 80, 0)
    petsc_options(eps_largest_real=None, eps_nev=3)
    result = solve_instance(gaussian_instance(problem, 80, 0, group=group), 2).eigen
    np.testing.assert_allclose(result.eigenvalues, np.linalg.eigvalsh(H)[::-1][:3], atol=1e-9)


def test_from_the_end_that_was_asked_for_also_if_unconverged(group, petsc_options):
    """With a limit on the restarts the pairs that are filled in come from the same end of the spectrum."""
    problem = Problem(p=1, p_star=1, alpha=2.0, a=1.0)
    H, *_ = dense(problem, 200, 0)
    petsc_options(eps_largest_magnitude=None, eps_max_it=1, eps_ncv=12)
    result = solve_instance(gaussian_instance(problem, 200, 0, group=group), 4).eigen
    assert not result.converged.all()
    assert (np.diff(np.abs(result.eigenvalues)) < 0).all()
    exact = np.sort(np.linalg.eigvalsh(H))[::-1]
    assert (result.eigenvalues > 0.3 * exact[:4]).all()


def test_pairs_found_late_are_sorted_in(group, petsc_options):
    """A loose tolerance lets SLEPc lock a pair while a lower one is still on its way."""
    problem = Problem(p=2, p_star=1, alpha=3.0, a=1.5)
    petsc_options(eps_max_it=11, eps_ncv=6, eps_tol=0.042)
    for seed in range(6):
        result = solve_instance(gaussian_instance(problem, 60, seed, group=group), 2).eigen
        assert np.diff(result.eigenvalues) > 0


def test_null_vectors_count_as_converged(group):
    """M < N: zero is an eigenvalue, found to rounding, for which no relative residual can be small."""
    result = solve_instance(
        gaussian_instance(Problem(p=1, p_star=1, alpha=0.01, a=1.0), 200, 0, group=group), 3
    ).eigen
    assert abs(result.eigenvalues).max() < 1e2
    assert result.converged.all()


def test_rayleigh_ritz_in_a_bad_basis(group, rng):
    """Dependent, zero and infinite columns do no harm; deflation leaves out what is known."""
    n, k = 30, 6
    A = rng.standard_normal((n, n))
    A = A + A.T
    values, vectors = np.linalg.eigh(A)
    basis = np.zeros((k + 3, n))
    basis[:k] = rng.standard_normal((k, k)) @ vectors[:, :k].T
    basis[k] = basis[0] + basis[1]
    basis[k + 1] = np.inf
    mine = pieces(group, n)

    def apply(v):
        return (A @ group.gather_rows(v[:, None], n)[:, 0])[mine]

    found, vecs = rayleigh_ritz(basis[:, mine], apply, group, 3, deflate=vectors[:, :2].T[:, mine])
    np.testing.assert_allclose(found, values[2:5], atol=1e-9)
    np.testing.assert_allclose(abs(group.sum(vecs @ vectors[mine, 2:5])), np.eye(3), atol=1e-8)
