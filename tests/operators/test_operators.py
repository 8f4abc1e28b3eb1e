"""Operators of the user's own, their algebra and PETSc's view, against dense matrices on any number of ranks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse.linalg import eigsh

from hpcbbp import InputError, gaussian_instance
from hpcbbp.machine.ranks import Group
from hpcbbp.model.problem import Problem
from hpcbbp.operators import distributed_operator, replicated_operator, summed_operator, try_out
from hpcbbp.solvers.operator import solve_operator

pytestmark = pytest.mark.mpi

SIZE = 61  # no multiple of 2, 3 or 5


def matrix(seed=0, size=SIZE):
    B = np.random.default_rng(seed).standard_normal((size, size))
    return (B + B.T) / 2


def of(kind, A, group, **given):
    """The same matrix, by each of the three ways that a product meets the ranks."""
    if kind == "replicated":
        return replicated_operator(lambda v: A @ v, len(A), group, name="A", **given)
    if kind == "distributed":
        rows = group.owned(len(A))
        mine = A[rows.start : rows.stop]
        return distributed_operator(
            lambda v: mine @ group.gather_rows(v[:, None], len(A))[:, 0], len(A), group, name="A", **given
        )
    values, vectors = np.linalg.eigh(A)
    share = np.arange(len(A)) % group.size == group.rank  # of the eigenpairs that A is a sum of
    part = (vectors[:, share] * values[share]) @ vectors[:, share].T
    part = (part + part.T) / 2
    return summed_operator(lambda v: part @ v, len(A), group, name="A", **given)


KINDS = ("summed", "distributed", "replicated")


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def mine(operator, whole):
    return whole[..., operator.rows.start : operator.rows.stop]


def check(operator, A):
    """Products with some vectors, whole and in parts."""
    for v in np.random.default_rng(5).standard_normal((3, len(A))):
        assert np.allclose(operator.apply(mine(operator, v)), mine(operator, A @ v), atol=1e-12)


def test_products_are_those_of_the_matrix(group, kind):
    operator = of(kind, matrix(), group)
    before = operator.products
    check(operator, matrix())
    assert operator.products == before + 3 == 8  # five to try it out
    assert of(kind, matrix(), group, check=False).products == 0


def test_vectors_may_be_shared_out_as_the_user_likes(group):
    A = matrix()
    counts = [SIZE - group.size + 1] + [1] * (group.size - 1) if group.size > 1 else [SIZE]
    first = sum(counts[: group.rank])
    rows = slice(first, first + counts[group.rank])

    def product(v):
        return A[rows] @ np.concatenate([v] if group.comm is None else group.comm.allgather(v))

    operator = distributed_operator(product, SIZE, group, local_size=counts[group.rank])
    check(operator, A)
    found = solve_operator(operator, 3)
    assert np.allclose(found.eigen.eigenvalues, np.linalg.eigvalsh(A)[:3])
    same = solve_operator(of("replicated", A, group), 3)
    assert np.allclose(same.eigen.eigenvalues, found.eigen.eigenvalues)
    if group.size > 1:
        with pytest.raises(InputError, match="share out their vectors otherwise"):
            operator + of("replicated", A, group)


def test_algebra(group, kind):
    A, B = matrix(0), matrix(1)
    a, b = of(kind, A, group), of("replicated", B, group)
    one = np.eye(SIZE)
    check(a + b, A + B)
    check(a - b, A - B)
    check(2.0 * a - b * 0.5 + 3.0, 2 * A - B / 2 + 3 * one)
    check(1.0 - a, one - A)
    check(-a - 2, -A - 2 * one)
    check(2.0 * (a + b), 2 * (A + B))
    assert "A" in (a + b).name and "3" in (a + 3.0).name
    assert (0.5 * (a + b)).name != (0.5 * a + b).name  # a checkpoint knows an operator by its name


def test_projections(group, kind):
    A = matrix()
    operator = of(kind, A, group)
    V = np.random.default_rng(3).standard_normal((4, SIZE))
    Q = np.linalg.qr(V.T)[0]
    P = Q @ Q.T
    check(operator.outside(mine(operator, V)), (np.eye(SIZE) - P) @ A @ (np.eye(SIZE) - P))
    check(operator.inside(mine(operator, V)), P @ A @ P)
    check(operator.inside(mine(operator, V[0])), np.outer(V[0], V[0]) @ A @ np.outer(V[0], V[0]) / (V[0] @ V[0]) ** 2)
    for dependent in (V[[0, 1, 0]], 0 * V[:1]):
        with pytest.raises(InputError, match="not independent: leave out what the others span, and what is zero"):
            operator.outside(mine(operator, dependent))
    with pytest.raises(InputError, match="vectors of shape"):
        operator.outside([[1.0], [1.0, 2.0]])
    with pytest.raises(InputError, match="of shape"):
        operator.outside(np.ones(3 * SIZE))
    with pytest.raises(InputError, match="not finite"):
        operator.outside(mine(operator, V) * np.nan)


@pytest.mark.parametrize("length", [1e-250, 1e-170, 1e170, 1e250])
def test_directions_of_any_length(group, length):
    operator = replicated_operator(lambda v: np.arange(1.0, 61.0) * v, 60, group)
    along = length * np.eye(60)[0][operator.rows.start : operator.rows.stop]
    found = solve_operator(operator, 2, directions={"d": along})
    assert found.overlaps["d"].overlap2 == pytest.approx([1.0, 0.0], abs=1e-6)
    assert solve_operator(operator.outside(along), 2).eigen.eigenvalues == pytest.approx([0.0, 2.0], abs=1e-6)


def test_a_hessian_goes_with_others(group):
    hessian = gaussian_instance(Problem(2, 1, 1.5, 3.0), 20, group=group).hessian
    assert hessian.size == 40 and hessian.part == (len(group.owned(20)), 2)
    try_out(hessian)
    dense = whole(hessian, group)
    shifted = hessian + 1.0
    check(shifted, dense + np.eye(40))
    found, shown = solve_operator(shifted, 2).eigen, solve_operator(hessian, 2, which="largest").eigen
    assert np.allclose(found.eigenvalues - 1, np.linalg.eigvalsh(dense)[:2])
    assert np.allclose(shown.eigenvalues, np.linalg.eigvalsh(dense)[:-3:-1])
    assert found.vectors.shape == (2, len(group.owned(20)), 2)


def whole(operator, group):
    """The dense matrix that an operator's products are those of."""
    columns = []
    for axis in np.eye(operator.size):
        image = operator.apply(mine(operator, axis))
        columns.append(image if group.comm is None else np.concatenate(group.comm.allgather(image)))
    return np.array(columns).T


def test_petsc_and_scipy_have_the_same_operator(group, kind):
    from hpcbbp.machine import petsc

    petsc.initialize()
    A = matrix()
    operator = of(kind, A, group)
    x = np.random.default_rng(2).standard_normal(SIZE)
    with operator.petsc_matrix() as shell:
        assert shell.getSize() == (SIZE, SIZE)
        right, left = shell.createVecRight(), shell.createVecLeft()
        right.getArray()[:] = mine(operator, x)
        shell.mult(right, left)
        assert np.allclose(left.getArray(readonly=True), mine(operator, A @ x))
        petsc.destroy(right, left)
    if group.size == 1:
        values = eigsh(operator.linear_operator(), k=3, which="SA", return_eigenvectors=False)
        assert np.allclose(np.sort(values), np.linalg.eigvalsh(A)[:3])
    else:
        with pytest.raises(ValueError, match="one process"):
            operator.linear_operator()


def test_one_process_without_mpi():
    found = solve_operator(of("summed", matrix(), Group()), 2)
    assert np.allclose(found.eigen.eigenvalues, np.linalg.eigvalsh(matrix())[:2])
