"""Spectra that break eigensolvers, through the stored solver: LAPACK's test matrices and others, known beforehand.

X orthogonal and D = diag(lambda) is H = X^T diag(lambda) X. Nothing that is flagged converged may be further from an
eigenvalue than its residual says; what is not must say so; a verified solve has every copy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from spectra import operator, rotation

from hpcbbp import InputError
from hpcbbp.machine import petsc
from hpcbbp.machine.rng import normals
from hpcbbp.solvers.eigen import solve
from hpcbbp.solvers.krylov import Search

pytestmark = [
    pytest.mark.mpi,
    pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed"),
]

N, TOL, ROUNDING = 90, 1e-8, 1e-12
ULP = 2.0**-52


def signs(n: int = N) -> np.ndarray:
    return np.where(np.random.default_rng(5).random(n) < 0.5, -1.0, 1.0)


def tridiagonal(diagonal, off) -> np.ndarray:
    return np.linalg.eigvalsh(np.diag(diagonal) + np.diag(off, 1) + np.diag(off, -1))


def symmetric() -> np.ndarray:
    A = np.random.default_rng(13).uniform(-1, 1, (N, N))
    return np.linalg.eigvalsh(np.tril(A) + np.tril(A, -1).T)


EVEN = signs() * np.linspace(1.0, ULP, N)
GEOMETRIC = signs() * ULP ** (np.arange(N) / (N - 1))
CLUSTERED = signs() * np.r_[1.0, np.full(N - 1, ULP)]
WILKINSON = tridiagonal(np.abs(np.arange(-10.0, 11.0)), np.ones(20))
GLUED = tridiagonal(np.tile(np.abs(np.arange(-10.0, 11.0)), 4), np.where(np.arange(1, 84) % 21 == 0, 1e-8, 1.0))
AXIS = 2 - 2 * np.cos(np.pi * np.arange(1, 10) / 10)
DIAGONAL = np.eye(N)


@dataclass(frozen=True)
class Case:
    values: np.ndarray
    rows: np.ndarray | None = None  # X; a random rotation by default
    slow: bool = False  # the iteration limit comes first: flags must say so


CASES = {
    # LAPACK's dchkst: the types 1 to 15, of which 1 to 7 are diagonal.
    "type 1 zero": Case(np.zeros(N), DIAGONAL),
    "type 2 identity": Case(np.ones(N), DIAGONAL),
    "type 3 even": Case(EVEN, DIAGONAL),
    "type 4 geometric": Case(GEOMETRIC, DIAGONAL),
    "type 5 clustered": Case(CLUSTERED, DIAGONAL),
    "type 6 geometric 1e150": Case(GEOMETRIC * 1e150, DIAGONAL),
    "type 7 geometric 1e-150": Case(GEOMETRIC * 1e-150, DIAGONAL),
    "type 8 even": Case(EVEN),
    "type 9 geometric": Case(GEOMETRIC),
    "type 10 clustered": Case(CLUSTERED),
    "type 11 even 1e150": Case(EVEN * 1e150),
    "type 12 even 1e-150": Case(EVEN * 1e-150),
    "type 13 random": Case(symmetric()),
    "type 14 random 1e150": Case(symmetric() * 1e150),
    "type 15 random 1e-150": Case(symmetric() * 1e-150),
    "clustered 1e-150": Case(CLUSTERED * 1e-150),
    "even 1e-290": Case(EVEN * 1e-290),
    "even 1e290": Case(EVEN * 1e290),
    "positive, geometric to 1e-8": Case(1e-8 ** (np.arange(N) / (N - 1)), slow=True),
    "identity, rotated": Case(np.full(N, -2.0)),
    "2 copies": Case(np.repeat(np.arange(45.0), 2) - 3),
    "3 copies": Case(np.repeat(np.arange(30.0), 3) - 3),
    "5 copies": Case(np.repeat(np.arange(18.0), 5) - 3),
    "45 copies": Case(np.repeat([-1.0, 1.0], 45)),
    "3 copies below a bulk": Case(np.r_[np.full(3, -1.0), np.linspace(0, 1, N - 3)]),
    "5 copies to 1e-10": Case(np.r_[-1 - 1e-10 * np.arange(5), np.linspace(0, 1, N - 5)]),
    "Wilkinson W21+": Case(np.r_[WILKINSON, np.full(N - 21, 11.0)]),
    "Wilkinson, other end": Case(np.r_[-WILKINSON, np.zeros(N - 21)]),
    "Wilkinson, glued": Case(np.r_[-GLUED, np.full(N - 84, 2.0)]),
    "graded": Case(10.0 ** -np.arange(N)),
    "graded, negative": Case(-(10.0 ** -np.arange(N)), DIAGONAL),
    "Laplacian 1D": Case(2 - 2 * np.cos(np.pi * np.arange(1, N + 1) / (N + 1))),
    "Laplacian 2D": Case(np.r_[np.add.outer(AXIS, AXIS).ravel(), np.full(N - 81, 9.0)]),
    "rank 2": Case(np.r_[-1.0, 2.0, np.zeros(N - 2)]),
    "half the rank": Case(np.r_[np.linspace(0.1, 1, N // 2), np.zeros(N - N // 2)]),
    "order 2": Case(np.array([1.0, -1.0])),
    "order 3, equal": Case(np.full(3, 4.0)),
    "order 4, two pairs": Case(np.array([1.0, 1.0, -1.0, -1.0])),
}


def honest(group, hessian, values, found, tol=TOL):
    """What every answer owes: recomputed here, with H as a matrix in units of its size."""
    size = np.abs(values).max() or 1.0
    X = group.gather_rows(hessian.data.local, len(values)) if group.size > 1 else hessian.data.local
    V = np.array([group.gather_rows(v, len(values))[:, 0] for v in found.vectors])
    H, lambdas, residuals = X.T @ ((values / size)[:, None] * X), found.eigenvalues / size, found.residuals / size
    assert np.isfinite(lambdas).all()
    assert np.abs(V @ V.T - np.eye(len(V))).max() < ROUNDING
    recomputed = np.linalg.norm(V @ H - lambdas[:, None] * V, axis=1)
    np.testing.assert_allclose(residuals, recomputed, rtol=0, atol=ROUNDING)
    goal = 1.05 * tol * np.abs(lambdas) + ROUNDING
    assert (recomputed <= goal)[found.converged].all()
    exact = np.sort(values) / size
    nearest = np.abs(lambdas[:, None] - exact).min(axis=1)
    assert (nearest <= residuals + ROUNDING).all()  # converged or not: an eigenvalue is within the residual
    # From above (Cauchy), up to what pairs of a cluster do not know of each other.
    assert (lambdas >= exact[: len(lambdas)] - residuals.max() - ROUNDING).all()
    assert (np.diff(lambdas) >= -ROUNDING).all()
    assert found.reason.startswith("converged") == found.converged.all() or found.verified is False


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("pairs", [1, 4, "all"])
def test_flags_are_honest(group, name, pairs):
    case = CASES[name]
    n = len(case.values)
    nev = n if pairs == "all" else min(pairs, n)
    hessian = operator(group, case.values, case.rows)
    found = solve(hessian, nev, tol=TOL)
    honest(group, hessian, case.values, found)
    assert len(found.eigenvalues) == found.nev == nev
    assert found.verified is None
    assert found.converged.all() or (case.slow and nev < n)
    if nev == n:  # nothing can be missing
        size = np.abs(case.values).max() or 1.0
        np.testing.assert_allclose(found.eigenvalues / size, np.sort(case.values) / size, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.slow])
@pytest.mark.parametrize("pairs", [1, 5])
def test_a_verified_solve_has_every_copy(group, name, pairs):
    """Lowest pairs with their multiplicity, to the residuals: a cluster tighter than these is not told apart."""
    case = CASES[name]
    nev = min(pairs, len(case.values))
    hessian = operator(group, case.values, case.rows)
    found = solve(hessian, nev, tol=1e-11, verify=True)
    honest(group, hessian, case.values, found, 1e-11)
    size = np.abs(case.values).max() or 1.0
    assert found.verified
    assert found.converged.all()
    error = np.abs(found.eigenvalues - np.sort(case.values)[:nev]) / size
    assert (error <= np.maximum(ROUNDING, found.residuals / size)).all()


@pytest.mark.parametrize("copies", [2, 3, 5])
def test_copies_are_missed_and_then_found(group, copies):
    """Without verification converged pairs may skip copies (rounding decides, so of one seed nothing is claimed)."""
    values = np.repeat(np.arange(160.0 // copies), copies) - 3
    hessian, missed = operator(group, values), []
    for seed in range(4):
        plain = solve(hessian, 6, seed=seed)
        assert plain.converged.all()
        missed.append((np.abs(plain.eigenvalues - values[:6]) > 0.5).any())
        found = solve(hessian, 6, seed=seed, verify=True)
        np.testing.assert_allclose(found.eigenvalues, values[:6], atol=1e-9)
        assert found.verified
        assert found.found_by_verification > 0 or not missed[-1]
    assert copies < 5 or any(missed)


def test_all_copies_below_a_threshold(group):
    values = np.r_[np.full(4, -2.0), np.full(3, -1.0), np.full(5, 0.5), np.linspace(1, 2, 110)]
    for below, count in ((-1.5, 5), (-0.5, 8), (0.7, 13), (-3.0, 1), (9.0, len(values))):
        hessian = operator(group, values)
        found = solve(hessian, 2, below=below, verify=True)
        honest(group, hessian, values, found)
        np.testing.assert_allclose(found.eigenvalues, values[:count], atol=1e-9)
        assert found.verified
        assert found.nev == count


@pytest.mark.parametrize("place", [0, 30, N - 1])
@pytest.mark.parametrize("verify", [False, True])
def test_a_start_vector_that_is_an_eigenvector(group, place, verify):
    """The Krylov space is one direction: SLEPc goes on from a breakdown, and no flag is wrong."""
    values = np.linspace(-1, 1, N)
    values[[0, place]] = values[[place, 0]]
    for spectrum in (values, np.r_[values[0], -signs(N - 1)]):
        hessian = operator(group, spectrum, rotation(N, normals(0, "start", 0, N)))
        found = solve(hessian, 3, verify=verify, seed=0)
        honest(group, hessian, spectrum, found)
        assert found.converged.all()
        if verify:
            np.testing.assert_allclose(found.eigenvalues, np.sort(spectrum)[:3], atol=1e-9)


@pytest.mark.parametrize("invariant", [2, 5])
def test_a_start_vector_in_a_small_invariant_space(group, invariant):
    start = normals(3, "start", 0, N)
    X = np.random.default_rng(1).standard_normal((N, N))
    X[:, invariant - 1] = start - X[:, : invariant - 1].sum(axis=1)  # the first columns add up to the start vector
    X = np.ascontiguousarray(np.linalg.qr(X)[0].T)
    values = np.r_[np.linspace(5, 6, invariant), np.linspace(0, 4, N - invariant)]
    hessian = operator(group, values, X)
    found = solve(hessian, 4, seed=3, verify=True)
    honest(group, hessian, values, found)
    np.testing.assert_allclose(found.eigenvalues, np.sort(values)[:4], atol=1e-9)


REFUSED = {
    "underflow": (1e-310, 1.0, "underflow"),
    "X of 1e-160": (1.0, 1e-160, "underflow"),
    "product vanishes": (1e-100, 1e-160, "underflow.*0.0e"),
    "overflow": (1e305, 1.0, "overflow"),
    "overflow of X": (1.0, 1e200, "overflow"),
    "inf": (math.inf, 1.0, "overflow"),
    "nan": (math.nan, 1.0, "overflow"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_sizes_that_have_no_digits_are_refused(group, name):
    curvature, scale, words = REFUSED[name]
    with np.errstate(all="ignore"):
        hessian = operator(group, np.linspace(0.5, 1, N) * curvature, rotation(N) * scale)
        with pytest.raises(InputError, match=words) as caught:
            solve(hessian, 2)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("curvature", "scale"), [(1e100, 1e-120), (1e-250, 1e70), (1e-100, 1e190)])
def test_sizes_that_cancel(group, curvature, scale):
    """X and D far from 1, each on its own side."""
    values = np.linspace(0.5, 1, N) * curvature
    hessian = operator(group, values, rotation(N) * scale)
    found = solve(hessian, 3)
    assert found.converged.all()
    np.testing.assert_allclose(found.eigenvalues / (values[:3] * scale * scale), 1.0, atol=1e-12)


def test_a_zero_operator_is_an_operator(group):
    """Eigenvalues 0 with residual 0, converged: no curvature, or no X (a file of zeros is refused)."""
    for hessian in (operator(group, np.zeros(6)), operator(group, np.ones(6), np.zeros((6, 6)))):
        found = solve(hessian, 6, verify=True)
        assert (found.eigenvalues == 0).all()
        assert (found.residuals == 0).all()
        assert found.converged.all()
        assert found.verified


def test_samples_that_cancel_to_rounding(group):
    """H is 0 but for rounding near 1e-16, of which H itself knows nothing: what is left is in the residual."""
    rows = np.repeat(rotation(6)[:3], 2, axis=0)
    found = solve(operator(group, np.array([1.0, -1.0, 2.0, -2.0, 3.0, -3.0]), rows), 6)
    assert (np.abs(found.eigenvalues) <= found.residuals + 1e-15).all()


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_refused_before_slepc(group, name, monkeypatch):
    """An error within a product that SLEPc calls ended processes with a segmentation fault (3.22, several ranks)."""
    monkeypatch.setattr(Search, "_krylov_schur", lambda *_: pytest.fail("SLEPc was asked"))
    curvature, scale, words = REFUSED[name]
    with np.errstate(all="ignore"):
        hessian = operator(group, np.linspace(0.5, 1, N) * curvature, rotation(N) * scale)
        with pytest.raises(InputError, match=words):
            solve(hessian, 2)
