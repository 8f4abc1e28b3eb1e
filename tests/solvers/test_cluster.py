"""Means over the outliers, and which pairs are mixtures: bounds against whole spectra."""

from __future__ import annotations

import numpy as np
import pytest
from dense import completed, curvatures, dense_hessian
from hypothesis import given, settings
from hypothesis import strategies as st

from hpcbbp import Problem, deferred_instance, gaussian_instance, solve_deferred, solve_instance
from hpcbbp.machine import petsc
from hpcbbp.solvers.cluster import Known, cluster_of, separated

needs_slepc = pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed")


@given(
    st.integers(0, 10**6), st.integers(1, 4), st.floats(1e-6, 0.3), st.sampled_from([0.0, 1e-3, 0.1]),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_bounds_hold(seed, pairs, wrong, width):
    """Ritz pairs of a span near to that of a cluster, 1 below the rest; a sixth pair tells where the rest begins."""
    rng, n, wanted = np.random.default_rng(seed), 30, 5
    values = np.concatenate([-1 - width * rng.random(pairs), rng.random(n - pairs)])
    U = np.linalg.qr(rng.standard_normal((n, n)))[0]
    H, order = U * values @ U.T, np.argsort(values)
    true, U = values[order], U[:, order]
    near = U[:, : wanted + 1] + wrong * rng.standard_normal((n, wanted + 1)) / np.sqrt(n)
    Q = np.linalg.qr(near)[0]
    ritz, turned = np.linalg.eigh(Q.T @ H @ Q)
    V = Q @ turned
    weights = np.linalg.qr(rng.standard_normal((n, pairs)))[0]
    m2 = ((weights.T @ V) ** 2).sum(axis=0)
    known = Known(ritz, np.linalg.norm(H @ V - V * ritz, axis=0), m2)
    found = cluster_of(known, pairs)
    assert found.eigenvalue >= true[:pairs].mean() - 1e-14
    if found.eigenvalue_error is not None and true[pairs] >= ritz[pairs] - known.residuals[pairs]:
        assert found.eigenvalue - true[:pairs].mean() <= found.eigenvalue_error
    if found.overlap2_error is not None and true[pairs] >= ritz[pairs] - known.residuals[pairs]:
        exact = ((weights.T @ U[:, :pairs]) ** 2).sum() / pairs
        assert abs(found.overlap2 - exact) <= found.overlap2_error + 1e-14
    alone = cluster_of(Known(*(part[:pairs] for part in (known.values, known.residuals, known.overlap2))), pairs)
    assert alone.overlap2_error is None
    assert alone.eigenvalue_error is None
    for i, apart in enumerate(separated(known, pairs)):
        if apart:
            assert (np.abs(true - ritz[i]) <= known.residuals[i] + 1e-14).sum() >= 1


def test_bounds_hold_where_an_eigenvalue_was_missed():
    """Spans of nothing in particular: Ritz values may be near to other eigenvalues than the lowest ones."""
    rng, met = np.random.default_rng(0), 0
    for _ in range(20000):
        n = int(rng.integers(3, 8))
        pairs = int(rng.integers(1, n - 1))
        true = np.sort(rng.standard_normal(n) * 3 ** rng.integers(0, 3))
        Q = np.linalg.qr(rng.standard_normal((n, pairs + 1)))[0]
        ritz, turned = np.linalg.eigh((Q.T * true) @ Q)
        V = Q @ turned
        residuals = np.linalg.norm(true[:, None] * V - V * ritz, axis=0)
        found = cluster_of(Known(ritz, residuals, np.ones(pairs + 1)), pairs)
        if found.eigenvalue_error is not None and true[pairs] >= ritz[pairs] - residuals[pairs]:
            met += 1
            assert found.eigenvalue - true[:pairs].mean() <= found.eigenvalue_error
    assert met > 300


def test_too_few_pairs_or_another_end():
    known = Known(np.array([-2.0, -1.0]), np.zeros(2), np.ones(2))
    assert cluster_of(known, 3) is None
    assert cluster_of(Known(-known.values, known.residuals, known.overlap2), 1) is None
    assert separated(known, 2) == [True, True]
    assert separated(Known(known.values, np.array([0.4, 0.7]), known.overlap2), 2) == [False, False]


@pytest.mark.mpi
@pytest.mark.parametrize(("p", "p_star"), [(2, 1), (3, 1), (2, 2), (4, 1)])
def test_one_copy_tells_of_the_others(group, p, p_star):
    """A solve for one copy with one vector a step, against eigh of its X, completed."""
    problem, n = Problem(p=p, p_star=p_star, alpha=4.0, a=1.5), 120
    instance = deferred_instance(problem, n, 3, nev=1, block=1, group=group)
    for tol in (1e-2, 1e-4, 1e-8):
        found = solve_deferred(instance, 1, tol=tol, block=1)
        assert len(found.eigen.eigenvalues) == 1
        mean = found.cluster
        assert mean.pairs == p * p_star
        assert mean == solve_deferred(instance, 1, tol=tol, block=1).cluster  # a second solve goes on with the same X
    if group.size > 1:
        alone = deferred_instance(problem, n, 3, nev=1, block=1)
        for tol in (1e-2, 1e-4, 1e-8):
            last = solve_deferred(alone, 1, tol=tol, block=1)
            solve_deferred(alone, 1, tol=tol, block=1)
        assert last.cluster == found.cluster
        return
    D = curvatures(instance)
    X, Q = completed(instance, np.random.default_rng(0), D)
    values, vectors = np.linalg.eigh(dense_hessian(X, D))
    outliers = p * p_star
    assert mean.eigenvalue >= values[:outliers].mean() - 1e-9
    if mean.eigenvalue_error is not None:
        assert mean.eigenvalue - values[:outliers].mean() <= mean.eigenvalue_error + 1e-9
    W = Q[:, : instance.q] @ instance.weights[:, p:]
    m2 = np.einsum("nkv,nl->vkl", vectors[:, :outliers].reshape(n, p, outliers), W) ** 2
    if mean.overlap2_error is not None:
        assert abs(mean.overlap2 - m2.sum() / outliers) <= mean.overlap2_error + 1e-7
    assert found.separated == [True]


@needs_slepc
def test_solves_with_slepc_tell_too():
    found = solve_instance(gaussian_instance(Problem(p=2, p_star=1, alpha=3.0, a=1.5), 200, 0), tol=1e-9)
    mean = found.cluster
    assert mean.pairs == 2
    np.testing.assert_allclose(mean.eigenvalue, found.eigen.eigenvalues[:2].mean())
    assert mean.eigenvalue_error < 1e-12
    assert mean.overlap2_error < 1e-6
    assert found.separated == [True] * 4
    assert found.to_dict()["cluster"]["pairs"] == 2
    assert found.lowest(2).cluster.overlap2_error is None
    problem = Problem(p=2, p_star=1, alpha=3.0, a=1.5)
    quick = solve_instance(gaussian_instance(problem, 200, 0, storage="float32"), tol=1e-4)
    assert abs(quick.cluster.eigenvalue - mean.eigenvalue) <= quick.cluster.eigenvalue_error + 1e-8  # X is rounded
    assert found.lowest(1).cluster is None
