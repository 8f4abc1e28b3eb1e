"""The whole spectrum by LAPACK, beside the solver and numpy."""

from __future__ import annotations

import numpy as np
import pytest
from dense import dense_hessian

from hpcbbp import Group, Problem, gaussian_instance
from hpcbbp.campaign.measure import solve_point
from hpcbbp.errors import InputError
from hpcbbp.solvers.dense import solve_dense
from hpcbbp.solvers.point import Point


@pytest.mark.mpi
def test_all_pairs_with_their_overlaps(group):
    problem = Problem(p=2, p_star=2, alpha=3.0, a=1.0)
    found = solve_dense(gaussian_instance(problem, 40, 5, group=group))
    alone = gaussian_instance(problem, 40, 5)
    H = dense_hessian(alone.data.local, alone.hessian.curvature.dense())
    values, vectors = np.linalg.eigh(H)
    np.testing.assert_allclose(found.eigen.eigenvalues, values, atol=1e-10)
    W = alone.teacher / np.linalg.norm(alone.teacher, axis=0)
    m = np.einsum("nkv,nl->vkl", vectors.reshape(40, 2, 80), W)
    np.testing.assert_allclose(found.overlap2, (m**2).sum(axis=(1, 2)), atol=1e-9)
    # The directions (k, l) are p p* orthonormal vectors up to W^T W: all vectors together hold all of them.
    assert found.overlap2.sum() == pytest.approx(4, abs=1e-8)
    assert found.eigen.converged.all()
    assert (found.eigen.residuals < 1e-10).all()


@pytest.mark.mpi
def test_a_record_says_which_eigenspace_knows_most(group):
    point = Point(p=1, p_star=1, a=1.0, alpha=0.7, n=80, seed=3, method="dense", nev=2)
    record = solve_point(point, group)
    instance = gaussian_instance(point.problem, 80, 3)
    everything = solve_dense(instance)
    simple = everything.overlap2[np.abs(everything.eigen.eigenvalues) > 1e-8]
    assert record["pairs_searched"] == 80
    assert len(record["eigenvalues"]) == 2
    space = record["largest_overlap_space"]  # M < N: the vectors of the eigenvalue 0 are any basis of theirs
    assert (space["pair"], space["dimension"]) == (np.argmax(everything.overlap2 == simple.max()) + 1, 1)
    assert space["overlap2"] == pytest.approx(simple.max(), rel=1e-8)
    krylov = solve_point(Point(p=1, p_star=1, a=1.0, alpha=0.7, n=80, seed=3, nev=2), group)
    np.testing.assert_allclose(krylov["eigenvalues"], record["eigenvalues"], rtol=1e-7)
    assert krylov["pairs_searched"] == 2


def test_what_cannot_be_diagonalised_is_refused():
    problem = Problem(p=2, p_star=1, alpha=1.0, a=1.0)
    with pytest.raises(InputError, match="stored X"):
        solve_dense(gaussian_instance(problem, 30, data="dice", group=Group()))
