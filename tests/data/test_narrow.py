"""X in fewer bytes, X drawn again, and products in float32 arithmetic."""

from __future__ import annotations

import json

import numpy as np
import pytest
from dense import dense_hessian, rounded
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hpcbbp import InputError, Problem, gaussian_instance, solve_instance
from hpcbbp.data import single
from hpcbbp.data.drawn import gaussian
from hpcbbp.data.loading import load_data
from hpcbbp.data.narrow import NarrowData, NarrowRows
from hpcbbp.data.regenerated import RegeneratedData
from hpcbbp.machine import petsc
from hpcbbp.machine.fast_normals import BLOCK, FastNormals, philox
from hpcbbp.model.curvature import Curvature

needs_slepc = pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed")
SHAPES = [(2, 1), (7, 3), (50, 123), (1024, 16), (1500, 21), (2500, 8)]


def parts_of(D, rows):
    return Curvature(D.diagonal[rows], D.vector[rows], D.weight[rows])


def curvature(rng, m, p):
    return Problem(p=p, p_star=1, alpha=1, a=1).curvature(rng.standard_normal((m, p)), rng.standard_normal((m, 1)))


def dense_of(data, n):
    """All rows of X on every rank."""
    eye = np.eye(n)[data.columns.start : data.columns.stop]
    return data.group.gather_rows(data.project(eye), data.m)


@pytest.mark.mpi
@pytest.mark.parametrize("p", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", ["float32", "bf16", "int8", "regenerated"])
@pytest.mark.parametrize(("n", "m"), SHAPES)
def test_quick_products(group, n, m, kind, p, rng):
    """Against float64, with whole groups of rows and with what is left of them, whole chunks and parts."""
    data = RegeneratedData(n, m, 3, group=group) if kind == "regenerated" else gaussian(n, m, 3, kind, group)
    assert data.quick
    X = dense_of(data, n)
    if kind != "regenerated":
        np.testing.assert_array_equal(X, rounded(gaussian(n, m, 3).local, kind))
    V, D = rng.standard_normal((n, p)), curvature(rng, m, p)
    rows, columns = (slice(part.start, part.stop) for part in (data.rows, data.columns))
    expected = X.T @ D.apply(X @ V)
    terms = np.abs(X).T @ np.abs(D.apply(np.abs(X) @ np.abs(V)))  # what rounding is relative to
    for scale in (1.0, 1e-200, 1e200):
        quick = data.quick_product(scale * V[columns], parts_of(D, rows)) / scale
        assert (np.abs(quick - expected[columns]) <= 4e-6 * terms[columns] + 1e-6 * np.abs(expected).max()).all()
        exact = data.curvature_product(scale * V[columns], parts_of(D, rows)) / scale
        np.testing.assert_allclose(exact, expected[columns], rtol=0, atol=1e-12 * max(np.abs(terms).max(), 1))
    U = rng.standard_normal((m, p))
    np.testing.assert_allclose(data.adjoint(U[rows]), (X.T @ U)[columns], atol=1e-12 * np.abs(X).sum())
    assert not data.quick_product(0 * V[columns], parts_of(D, rows)).any()


def test_rounding_of_quick_products(rng):
    """Relative to |H V| as it was measured at N = 6000, 1.6e-7, with a margin; float64 arithmetic would be 1e-15."""
    n, m, p = 3000, 3000, 2
    data, V, D = gaussian(n, m, 0, "float32"), rng.standard_normal((n, p)), curvature(rng, m, p)
    exact = data.curvature_product(V, D)
    error = np.linalg.norm(data.quick_product(V, D) - exact) / np.linalg.norm(exact)
    assert 1e-9 < error < 6e-7


@given(
    st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=40),
    st.sampled_from(["bf16", "int8"]),
    st.integers(1, 3),
)  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_any_numbers_are_rounded_to_the_nearest(values, storage, rows):
    X = np.tile(np.array(values, dtype=np.float32), (rows, 1))
    kept = NarrowRows(rows, X.shape[1], storage)
    kept.put(0, X)
    back = kept.read(0, rows).astype(np.float64)
    bad = np.isinf(back)  # beyond the largest that can be kept
    assert (np.abs(X[bad]) >= 3.389e38).all()
    if storage == "bf16":
        half = np.maximum(np.abs(X.astype(np.float64)) * 2.0**-8, 2.0**-134)  # of the spacing, at most
        assert (np.abs(back - X)[~bad] <= half[~bad]).all()
        assert kept.largest == (np.inf if bad.any() else np.abs(back).max())
    else:
        most = float(np.abs(X).max())
        step = most / 127 * (1 + 2.0**-15) if most > 1e-30 else most + 1e-44
        assert (np.abs(back - X)[~bad] <= step / 2 * 1.001 + 1e-44).all()


def test_what_is_not_finite_is_refused():
    for value in (np.nan, np.inf, 3.4e38):
        kept = NarrowRows(2, 3, "bf16")
        kept.put(0, np.array([[1, 2, value], [0, 0, 0]], dtype=np.float32))
        with pytest.raises(InputError, match="not finite, or too large"):
            NarrowData(kept, 2)


@pytest.mark.mpi
@pytest.mark.parametrize("storage", ["bf16", "int8"])
def test_files(group, tmp_path_factory, storage, rng):
    """The user's own X in fewer bytes: the same rounding, and the file stays what it is compared with."""
    path = group.share(str(tmp_path_factory.mktemp("narrow") / "X.npy"))
    X = rng.standard_normal((33, 1100))
    if group.rank == 0:
        np.save(path, X)
    group.barrier()
    data = load_data(path, storage, group)
    np.testing.assert_array_equal(dense_of(data, 1100), rounded(X, storage))
    np.testing.assert_allclose(dense_of(data.source, 1100), X, rtol=1e-15)
    group.barrier()
    for other in (X[:30], 2 * X):
        if group.rank == 0:
            np.save(path, other)
        group.barrier()
        with pytest.raises(InputError, match="has changed since it was read"):
            dense_of(data.source, 1100)
        group.barrier()


def test_too_small_for_what_it_is_kept_in(tmp_path):
    np.save(tmp_path / "X.npy", np.full((3, 4), 1e-44))
    with pytest.raises(InputError, match="every entry of the data X is zero .or too small for int8"):
        load_data(str(tmp_path / "X.npy"), "int8")


@needs_slepc
@pytest.mark.parametrize("p", [1, 2, 3])
@pytest.mark.parametrize(("data", "storage"), [
    ("stored", "float32"), ("stored", "bf16"), ("stored", "int8"), ("regenerated", "float32"),
])  # fmt: skip
def test_solves_in_float32_arithmetic(data, storage, p):
    """Against eigh, with residuals from products in float64: they are what was asked for, whatever products were."""
    problem = Problem(p=p, p_star=1, alpha=3.0, a=1.5)
    instance = gaussian_instance(problem, 300, 1, storage=storage, data=data)
    H = dense_hessian(dense_of(instance.data, 300), instance.hessian.curvature.dense())
    values = np.linalg.eigvalsh(H)
    for tol in (1e-3, 1e-6, 1e-9):
        found = solve_instance(instance, p, tol=tol).eigen
        assert found.converged.all()
        said = found.provenance["arithmetic"]
        assert said == "float64" if tol < 1e-6 else said.startswith("float32")
        v = found.vectors.reshape(p, -1)
        true = np.linalg.norm(v @ H - found.eigenvalues[:, None] * v, axis=1)
        assert (true <= 1.05 * tol * np.abs(found.eigenvalues) + 1e-12).all()
        np.testing.assert_allclose(found.residuals, true, atol=1e-11)
        if tol < 1e-3:
            np.testing.assert_allclose(found.eigenvalues, values[:p], atol=1e-6)


@needs_slepc
@pytest.mark.parametrize("storage", ["bf16", "int8"])
def test_source_residuals_bound_what_rounding_did(files, storage):
    """An eigenvalue of the Hessian of X as the file has it lies within source_residuals of each."""
    from hpcbbp import file_instance

    paths = dict(zip(files[::2], files[1::2], strict=True))
    arrays = {name: np.load(path) for name, path in paths.items()}
    instance = file_instance(*(paths[name] for name in ("--data", "--teacher", "--student")), a=1.5, storage=storage)
    found = solve_instance(instance, 4)
    S, u = arrays["--data"] @ arrays["--student"].T, arrays["--data"] @ arrays["--teacher"].T
    H = dense_hessian(arrays["--data"], Problem(p=2, p_star=1, alpha=3.0, a=1.5).curvature(S, u).dense())
    true = np.linalg.eigvalsh(H)
    v = found.eigen.vectors.reshape(4, -1)
    expected = np.linalg.norm(v @ H - found.eigen.eigenvalues[:, None] * v, axis=1)
    np.testing.assert_allclose(found.eigen.source_residuals, expected, rtol=1e-6, atol=1e-12)
    distance = np.abs(np.subtract.outer(found.eigen.eigenvalues, true)).min(axis=1)
    assert (distance <= found.eigen.source_residuals * (1 + 1e-9)).all()
    assert (found.eigen.source_residuals > 1e-5).all()
    assert len(json.loads(json.dumps(found.to_dict()))["source_residuals"]) == 4
    assert len(found.lowest(2).eigen.source_residuals) == 2


def test_sizes_beyond_float32_take_float64():
    """Curvatures of 1e-20 would vanish, and X of 1e20 overflow, within float32 sums."""
    instance = gaussian_instance(Problem(p=1, p_star=1, alpha=3.0, a=1.5), 50, 0, storage="float32")
    assert instance.hessian.may_be_quick()
    for factor in (1e-20, 1e20, 0.0, np.inf):
        hessian = gaussian_instance(Problem(p=1, p_star=1, alpha=3.0, a=1.5), 50, 0, storage="float32").hessian
        hessian.curvature = Curvature(
            hessian.curvature.diagonal * factor, hessian.curvature.vector, hessian.curvature.weight * factor
        )
        assert not hessian.may_be_quick()


def test_philox_is_the_published_one():
    """The known answers of Random123 for counters and keys of zeros, and our own use of more than one lane."""
    words = np.empty((4, 3), dtype=np.uint32)
    philox(words, np.uint64(0), np.uint64(0), np.uint64(0))
    assert [hex(word) for word in words[:, 0]] == ["0x6627e8d5", "0xe169c58d", "0xbc57ac4c", "0x9b00dbd8"]
    full = np.uint64(0xFFFFFFFF)
    later = np.empty((4, 1), dtype=np.uint32)
    philox(later, np.uint64(0), np.uint64(0), np.uint64(2))
    np.testing.assert_array_equal(later[:, 0], words[:, 2])
    philox(later, full, full, np.uint64(2**64 - 1))
    assert later.any()


def test_fast_normals_have_their_law():
    """Kolmogorov-Smirnov on 10^6 numbers, moments, and tails, at a false alarm rate of 1e-6 each."""
    x = np.empty(2**20, dtype=np.float32)
    FastNormals(5, "regenerated").fill(x, 0)
    x = x.astype(np.float64)
    assert stats.kstest(x, "norm").pvalue > 1e-6
    count = len(x)
    for power, mean, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96), (6, 15, 10395 - 225)):
        assert abs((x**power).mean() - mean) < 5 * np.sqrt(variance / count), power
    beyond = int((np.abs(x) > 4).sum())
    assert stats.binomtest(beyond, count, 2 * stats.norm.sf(4)).pvalue > 1e-6
    # Neighbours of all kinds within a block: the two numbers of a pair, of a word, of a counter.
    lags = np.array([1, 2, 1023, 1024, 2048, 3072, 4096])
    for lag in lags:
        for left, right in ((x[:-lag], x[lag:]), (x[:-lag] ** 2 - 1, x[lag:] ** 2 - 1)):
            spread = np.sqrt((left**2).mean() * (right**2).mean() / len(left))
            assert abs((left * right).mean()) < 5 * spread, lag


@given(st.integers(0, 3 * BLOCK), st.integers(0, 2 * BLOCK + 5), st.integers(0, 2**64 - 1))
@settings(max_examples=30, deadline=None)
def test_any_stretch_is_the_same(start, size, seed):
    normals = FastNormals(seed, "regenerated")
    whole, part = np.empty(start + size, dtype=np.float32), np.empty(size, dtype=np.float32)
    normals.fill(whole, 0)
    normals.fill(part, start)
    np.testing.assert_array_equal(part, whole[start:])


def test_chunks_are_cut_where_scales_are():
    assert single.CHUNK % 256 == 0
    assert single.no_scales(5, single.CHUNK + 1).shape == (5, 2)


@pytest.mark.parametrize("word", ["float16", 3, None])
def test_unknown_storages(word):
    with pytest.raises(InputError, match="X is stored as one of float64, float32, bf16, int8"):
        gaussian(4, 4, 0, word)


@needs_slepc
@pytest.mark.parametrize("tol", [1e-3, 1e-6])
def test_a_null_space_in_float32_arithmetic(tol):
    """M < N: residuals relative to 0 are those of rounding, which float32 begins and float64 ends."""
    instance = gaussian_instance(Problem(p=1, p_star=1, alpha=0.3, a=1.5), 200, 0, storage="float32")
    found = solve_instance(instance, 40, tol=tol).eigen
    assert found.converged.all(), found.reason
    assert found.provenance["arithmetic"] == "float32, then float64"
    assert found.products < 600


@needs_slepc
def test_values_are_rayleigh_quotients_in_float64():
    """Those of quick products miss them by 1e-8 to 1e-7, which bounds quadratic in the residual would not hold."""
    instance = gaussian_instance(Problem(p=2, p_star=1, alpha=3.0, a=1.5), 300, 1, storage="float32")
    H = dense_hessian(dense_of(instance.data, 300), instance.hessian.curvature.dense())
    for tol in (1e-2, 1e-3, 1e-5):
        found = solve_instance(instance, 2, tol=tol).eigen
        v = found.vectors.reshape(2, -1)
        np.testing.assert_allclose(np.einsum("ki,ij,kj->k", v, H, v), found.eigenvalues, rtol=0, atol=1e-12)


def test_bits_of_nan_that_rounding_would_make_numbers():
    for bits in (0x7FFF8000, 0x7FFFFFFF, 0xFFFFFFFF):
        for storage in ("bf16", "int8"):
            kept = NarrowRows(1, 2, storage)
            with np.errstate(invalid="ignore"):
                kept.put(0, np.array([[0x3F800000, bits]], dtype=np.uint32).view(np.float32))
            assert np.isnan(kept.largest)


@pytest.mark.mpi
@pytest.mark.parametrize("storage", ["float32", "bf16", "int8"])
def test_no_kernel_is_compiled_after_the_first_ones(group, storage):
    """With what is left of rows, scales or none, and parts of larger arrays: ranks would compile it all at once."""
    data = gaussian(30, 21, 0, storage, group)
    kernels = (single._product, single.widen, single._chunked)
    before = [len(kernel.signatures) for kernel in kernels]
    rows, columns = len(data.rows), len(data.columns)
    V, D = np.ones((columns, 4))[:, ::2], np.asfortranarray(np.ones((rows, 2)))
    data.quick_product(V, Curvature(D, D, np.ones(2 * rows)[::2]))
    data.curvature_product(V, Curvature(D, D, np.ones(rows)))
    assert [len(kernel.signatures) for kernel in kernels] == before
