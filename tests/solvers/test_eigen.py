"""The Hessian and its eigenpairs against numpy's dense eigh, at every number of ranks."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from formula import GOLDEN, dense, pieces

from hpcbbp import Group, InputError, Problem, gaussian_instance, solve_instance
from hpcbbp.data import kernels
from hpcbbp.machine import petsc
from hpcbbp.operators.hessian import Hessian
from hpcbbp.solvers.eigen import check_arguments, default_ncv, default_nev, solve

pytestmark = [
    pytest.mark.mpi,
    pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed"),
]


CASES = [
    (1, 1, 1.5, 3.0, 60, "float64"),
    (2, 1, 1.5, 3.0, 50, "float64"),
    (2, 1, 0.7, 0.8, 50, "float32"),
    (3, 2, 0.3, 2.0, 31, "float64"),
    (1, 3, 5.0, 8.0, 40, "float32"),
    (4, 1, 1.0, 1.2, 30, "float64"),
]


@pytest.mark.parametrize(("p", "p_star", "a", "alpha", "n", "storage"), CASES)
def test_against_dense_eigh(group, p, p_star, a, alpha, n, storage):
    """Eigenvalues to 1e-11, residuals, overlaps of single vectors to 1e-6 (their gaps are above 1e-4)."""
    problem = Problem(p=p, p_star=p_star, alpha=alpha, a=a)
    H, teacher, student = dense(problem, n, 4, storage)
    values, vectors = np.linalg.eigh(H)
    found = solve_instance(gaussian_instance(problem, n, 4, storage=storage, group=group), tol=1e-10)
    result = found.eigen
    nev = default_nev(p, p_star, n)
    assert nev == p * p_star + 2
    assert result.converged.all()
    np.testing.assert_allclose(result.eigenvalues, values[:nev], atol=1e-11)
    assert np.diff(values[: nev + 1]).min() > 1e-4
    for i in range(nev):
        full = vectors[:, i].reshape(n, p)
        for weights, m in ((teacher, found.teacher_overlaps), (student, found.student_overlaps)):
            expected = full.T @ weights / np.sqrt(n)
            sign = np.sign((expected * m[i]).sum())
            np.testing.assert_allclose(m[i], sign * expected, atol=1e-6)
        v = group.gather_rows(result.vectors[i], n).reshape(-1)
        assert abs(np.linalg.norm(v) - 1) < 1e-12
        # The residual that is reported is that of the vector that is returned, with the dense matrix.
        residual = np.linalg.norm(H @ v - result.eigenvalues[i] * v)
        assert abs(residual - result.residuals[i]) < 1e-12
        assert residual <= 1e-10 * abs(values[i]) * 1.05 + 1e-13 * abs(values[:nev]).max()
    np.testing.assert_allclose(found.overlap2, (found.teacher_overlaps**2).sum(axis=(1, 2)))


def test_shell_matrix_is_the_hessian(group, rng):
    from petsc4py import PETSc

    problem = Problem(p=2, p_star=2, alpha=1.7, a=0.9)
    n = 23
    H, *_ = dense(problem, n, 1)
    hessian = gaussian_instance(problem, n, 1, group=group).hessian
    v = rng.standard_normal(2 * n)
    with hessian.petsc_matrix() as matrix:
        assert matrix.getSize() == (2 * n, 2 * n)
        x, y = matrix.createVecs()
        x.getArray()[:] = v.reshape(n, 2)[pieces(group, n)].reshape(-1)
        matrix.mult(x, y)
        np.testing.assert_allclose(y.getArray(), (H @ v).reshape(n, 2)[pieces(group, n)].reshape(-1), atol=1e-12)
        matrix.multTranspose(x, y)
        np.testing.assert_allclose(y.getArray(), (H @ v).reshape(n, 2)[pieces(group, n)].reshape(-1), atol=1e-12)
        assert isinstance(matrix, PETSc.Mat)
        x.destroy()
        y.destroy()
    assert hessian.products == 2


def test_symmetry(group, rng):
    """w . (H v) = (H w) . v to rounding."""
    problem = Problem(p=3, p_star=1, alpha=2.0, a=1.0)
    n = 400
    hessian = gaussian_instance(problem, n, 2, storage="float32", group=group).hessian
    v, w = (x.reshape(n, 3)[pieces(group, n)].reshape(-1) for x in rng.standard_normal((2, 3 * n)))
    left, right = group.sum(np.array([w @ hessian.apply(v), hessian.apply(w) @ v]))
    assert abs(left - right) < 1e-12 * 3 * n


def test_scipy_operator_finds_the_same(group):
    """An eigensolver of somebody else, on the same operator."""
    from scipy.sparse.linalg import eigsh

    problem = Problem(p=2, p_star=1, alpha=3.0, a=1.5)
    instance = gaussian_instance(problem, 200, 3, group=group)
    if group.size > 1:
        with pytest.raises(ValueError, match="one process"):
            instance.hessian.linear_operator()
        return
    values = np.sort(eigsh(instance.hessian.linear_operator(), k=4, which="SA", return_eigenvectors=False, tol=1e-12))
    np.testing.assert_allclose(solve_instance(instance, 4).eigen.eigenvalues, values, atol=1e-10)


def test_one_seed_is_one_instance(group):
    problem = Problem(p=2, p_star=1, alpha=3.0, a=1.5)
    result = solve_instance(gaussian_instance(problem, 300, 0, group=group), 4, tol=1e-10).eigen
    np.testing.assert_allclose(result.eigenvalues, GOLDEN, atol=2e-10)
    alone = solve_instance(gaussian_instance(problem, 300, 0), 4, tol=1e-10).eigen
    np.testing.assert_allclose(result.eigenvalues, alone.eigenvalues, atol=1e-11)
    # The same start vector, so the same course: rounding may decide in which restart the last pair is found.
    assert abs(result.products - alone.products) <= default_ncv(4, 600)


def test_history_and_provenance(group):
    problem = Problem(p=2, p_star=1, alpha=3.0, a=1.5)
    instance = gaussian_instance(problem, 200, 7, group=group)
    steps = []
    found = solve_instance(instance, 3, progress=steps.append)
    result = found.eigen
    assert tuple(steps) == result.history
    assert [step.restart for step in steps] == list(range(1, len(steps) + 1))
    assert steps[-1].converged >= 3
    assert steps[-1].products <= result.products
    assert instance.hessian.products == result.products + 3  # one more each for the residuals
    np.testing.assert_allclose(steps[-1].eigenvalues[:3], result.eigenvalues, atol=1e-7)
    assert result.provenance["ranks"] == group.size
    assert result.provenance["seed"] == 7
    assert result.provenance["petsc"].startswith("3.")
    assert result.reason.startswith("converged")
    assert result.seconds > 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.reason = "changed"
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert record["converged"] == 3
    assert record["m"] == 600


def test_all_eigenvalues_of_a_small_matrix_and_more_ranks_than_rows(group):
    problem = Problem(p=1, p_star=1, alpha=1.0, a=1.0)
    H, *_ = dense(problem, 2, 0)
    result = solve_instance(gaussian_instance(problem, 2, 0, group=group), 2).eigen
    np.testing.assert_allclose(result.eigenvalues, np.linalg.eigvalsh(H), atol=1e-12)
    assert result.converged.all()
    # PETSc's read-only vectors of one column did not make numba compile anything new (see kernels.prepare).
    assert all(len(k.signatures) == 2 for k in (kernels.project, kernels.adjoint, kernels.curvature_product))


def test_arguments():
    for nev, tol, words in (
        (0, 1e-8, "nev = 0"),
        (11, 1e-8, "pN = 10"),
        (2, 0.0, "tol = 0"),
        (2, float("nan"), "nan"),
    ):
        with pytest.raises(InputError, match=words):
            check_arguments(nev, tol, 10)
    hessian = gaussian_instance(Problem(p=1, p_star=1, alpha=1.0, a=1.0), 5, 0).hessian
    with pytest.raises(InputError, match="nev = 6"):
        solve(hessian, 6)
    with pytest.raises(ValueError, match="samples"):
        Hessian(hessian.data, type(hessian.curvature)(np.ones((2, 1)), np.ones((2, 1)), np.ones(2)))


def test_petsc_that_cannot_do_it():
    with pytest.raises(InputError, match="complex128.*real double-precision"):
        petsc.check_scalar(np.complex128)
    with pytest.raises(InputError, match="float32"):
        petsc.check_scalar(np.float32)
    with pytest.raises(InputError, match="32-bit indices.*64-bit-index build"):
        petsc.check_index(np.int32, 2 * 10**8, 40)
    petsc.check_index(np.int32, 10**6, 40)
    petsc.check_index(np.int64, 2 * 10**9, 40)


def test_instances_are_checked():
    problem = Problem(p=1, p_star=1, alpha=1.0, a=1.0)
    for n, seed, words in ((1, 0, "N = 1"), (2.5, 0, "N = 2.5"), (10, -1, "seed = -1")):
        with pytest.raises(InputError, match=words):
            gaussian_instance(problem, n, seed)
    with pytest.raises(InputError, match="GiB.*free"):
        gaussian_instance(Problem(p=1, p_star=1, alpha=100.0, a=1.0), 10**6, 0)


def test_weights_are_on_the_sphere(group):
    instance = gaussian_instance(Problem(p=2, p_star=3, alpha=1.0, a=1.0), 500, 0, group=group)
    for W in (instance.teacher, instance.student):
        np.testing.assert_allclose(group.sum((W**2).sum(axis=0)), 500.0)
    whole = gaussian_instance(Problem(p=2, p_star=3, alpha=1.0, a=1.0), 500, 0)
    np.testing.assert_allclose(instance.teacher, whole.teacher[pieces(group, 500)], rtol=1e-14)
    s, u = instance.projections
    rows = group.owned(500)
    np.testing.assert_allclose(s, whole.projections[0][rows.start : rows.stop], atol=1e-13)
    np.testing.assert_allclose(u, whole.projections[1][rows.start : rows.stop], atol=1e-13)
    assert Group().size == 1


def test_all_eigenvalues_below_a_threshold(group):
    """LAPACK knows how many there are."""
    problem = Problem(p=2, p_star=1, alpha=3.0, a=1.5)
    whole = np.linalg.eigvalsh(dense(problem, 60, 3)[0])
    instance = gaussian_instance(problem, 60, 3, group=group)
    for count in (0, 1, 2, 9):
        threshold = whole[0] - 0.1 if count == 0 else (whole[count - 1] + whole[count]) / 2
        found = solve(instance.hessian, 2, below=threshold, tol=1e-10)
        assert (found.eigenvalues < threshold).sum() == count
        assert len(found.eigenvalues) == count + 1
        np.testing.assert_allclose(found.eigenvalues, whole[: len(found.eigenvalues)], atol=1e-9)
        assert found.converged.all()
