"""X of every maker: products against numpy, one instance on any number of ranks, files."""

from __future__ import annotations

import numpy as np
import pytest

from hpcbbp import InputError, Problem
from hpcbbp.data import kernels
from hpcbbp.data.base import DataMatrix
from hpcbbp.data.drawn import gaussian
from hpcbbp.data.loading import load_data, load_weights
from hpcbbp.data.stored import StoredData
from hpcbbp.machine.ranks import Group

pytestmark = pytest.mark.mpi


def slices(group, n, m):
    rows, columns = group.owned(m), group.owned(n)
    return slice(rows.start, rows.stop), slice(columns.start, columns.stop)


@pytest.mark.parametrize("storage", ["float64", "float32"])
@pytest.mark.parametrize(("n", "m"), [(2, 1), (7, 3), (50, 123), (2500, 9)])
def test_products_against_numpy(group, n, m, storage, rng):
    X = gaussian(n, m, 5, storage).local.astype(np.float64)
    data = gaussian(n, m, 5, storage, group)
    rows, columns = slices(group, n, m)
    np.testing.assert_array_equal(data.local, X[rows])  # the same numbers on any number of ranks
    V, U = rng.standard_normal((n, 3)), rng.standard_normal((m, 3))
    np.testing.assert_allclose(data.project(V[columns]), (X @ V)[rows], atol=1e-12)
    np.testing.assert_allclose(data.adjoint(U[rows]), (X.T @ U)[columns], atol=1e-12)
    D = Problem(p=3, p_star=1, alpha=1, a=1).curvature(rng.standard_normal((m, 3)), rng.standard_normal((m, 1)))
    local = type(D)(D.diagonal[rows], D.vector[rows], D.weight[rows])
    expected = X.T @ D.apply(X @ V)
    np.testing.assert_allclose(data.curvature_product(V[columns], local), expected[columns], atol=1e-11)
    # The composition that a maker without a fused product inherits gives the same.
    composed = DataMatrix._curvature_product(data, V[columns], local)
    np.testing.assert_allclose(composed, expected[columns], atol=1e-11)


def test_adjointness(group, rng):
    """u . (X v) = (X^T u) . v to rounding."""
    n, m = 300, 700
    data = gaussian(n, m, 1, "float32", group)
    rows, columns = slices(group, n, m)
    V, U = rng.standard_normal((n, 4)), rng.standard_normal((m, 4))
    left = group.sum(U[rows].T @ data.project(V[columns]))
    right = group.sum(data.adjoint(U[rows]).T @ V[columns])
    np.testing.assert_allclose(left, right, rtol=0, atol=1e-12 * np.linalg.norm(U) * np.linalg.norm(V))


def test_law_of_the_entries(group):
    """Second and fourth moments of N(0, 1/N) entries within 5 standard errors (false alarm 1e-6)."""
    n, m = 200, 3000
    x2 = n * gaussian(n, m, 0, group=group).local ** 2
    count = n * m
    mean = group.sum(np.array([x2.sum(), (x2**2).sum()])) / count
    assert abs(mean[0] - 1) < 5 * np.sqrt(2 / count)
    assert abs(mean[1] - 3) < 5 * np.sqrt(96 / count)


def test_not_a_number_stays_one():
    """Sums may be reordered by the compiler, but a NaN must not be optimised away."""
    X = np.ones((5, 9))
    X[3, 4] = np.nan
    out = kernels.project(X, np.ones((1, 9)))
    assert np.isnan(out[3, 0])
    assert np.isfinite(np.delete(out, 3)).all()


def test_no_kernel_is_compiled_after_the_first_ones(group, rng):
    """Two specialisations each, whatever the layout of what the user gives: see kernels.prepare."""
    local = np.asfortranarray(gaussian(12, 7, 0).local)[list(group.owned(7))]
    local.setflags(write=False)
    data = StoredData(local, 7, group)
    columns, rows = len(data.columns), len(data.rows)
    data.adjoint(np.asfortranarray(rng.standard_normal((rows, 6)))[:, ::2])
    data.project(np.asfortranarray(rng.standard_normal((columns, 6)))[:, ::2])
    for kernel in (kernels.project, kernels.adjoint, kernels.curvature_product):
        assert len(kernel.signatures) == 2


def test_shapes_are_checked(group):
    data = gaussian(10, 6, 0, group=group)
    rows, columns = len(data.rows), len(data.columns)
    with pytest.raises(ValueError, match="N side"):
        data.project(np.zeros((columns + 1, 2)))
    with pytest.raises(ValueError, match="M side"):
        data.adjoint(np.zeros((rows + 1, 2)))
    with pytest.raises(ValueError, match="rank"):
        StoredData(np.zeros((rows + 1, 10)), 6, group)
    with pytest.raises(InputError, match="storage = 'float16'"):
        gaussian(10, 6, 0, "float16", group)


@pytest.fixture
def shared_path(group, tmp_path):
    """A folder that all ranks see."""
    from pathlib import Path

    return Path(group.share(str(tmp_path)))


@pytest.mark.parametrize("kind", ["npy", "fortran", "hdf5", "int32", "float32"])
def test_files_give_their_rows(group, shared_path, kind, rng):
    n, m = 40, 33
    X = rng.standard_normal((m, n))
    if kind == "int32":
        X = np.round(10 * X).astype(np.int32)
    if kind == "float32":
        X = X.astype(np.float32)
    name = str(shared_path / "X.npy")
    if group.rank == 0:
        if kind == "hdf5":
            import h5py

            with h5py.File(shared_path / "X.h5", "w") as file:
                file["inner/x"] = X
                file["other"] = X[:2]
        else:
            np.save(name, np.asfortranarray(X) if kind == "fortran" else X)
    if kind == "hdf5":
        name = f"{shared_path / 'X.h5'}:inner/x"
    group.barrier()
    data = load_data(name, group=group)
    rows, columns = slices(group, n, m)
    np.testing.assert_array_equal(data.local, X[rows])
    assert data.local.dtype == (np.float32 if kind == "float32" else np.float64)
    assert load_data(name, "float32", group).local.dtype == np.float32
    W = load_weights(name, "teacher weights", "p* x N", n, group)
    np.testing.assert_array_equal(W, X[:, columns].T)
    group.barrier()


def test_a_bad_row_of_one_rank_is_everybody_s_error(group, shared_path):
    X = np.ones((9, 4))
    X[8, 2] = np.inf  # the last rank's
    if group.rank == 0:
        np.save(shared_path / "X.npy", X)
    group.barrier()
    with pytest.raises(InputError, match="inf in row 8, column 2"):
        load_data(str(shared_path / "X.npy"), group=group)
    with pytest.raises(InputError, match="no such file"):
        load_data(str(shared_path / "absent.npy"), group=group)
    group.barrier()


def test_every_rank_reads_its_own_rows_only(shared_path, monkeypatch, group):
    """What is sliced out of the file is what the rank owns."""
    import hpcbbp.data.file as module

    X = np.arange(70.0 * 5).reshape(70, 5)
    if group.rank == 0:
        np.save(shared_path / "X.npy", X)
    group.barrier()
    seen = []
    load = np.load

    class Watched:
        def __init__(self, array):
            self.array = array

        def __getattr__(self, name):
            return getattr(self.array, name)

        def __getitem__(self, key):
            seen.append(key)
            return self.array[key]

    monkeypatch.setattr(module.np, "load", lambda *a, **k: Watched(load(*a, **k)))
    ranks = Group(None, 1, 3)
    with module.open_array(str(shared_path / "X.npy"), "X", "M x N"):
        pass
    local = load_data(str(shared_path / "X.npy"), group=ranks).local
    owned = ranks.owned(70)
    np.testing.assert_array_equal(local, X[owned.start : owned.stop])
    assert seen == [(slice(owned.start, owned.stop), slice(None))]
    group.barrier()
