"""Random streams: golden values, slices by global index, independence."""

from __future__ import annotations

from unittest import mock

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hpcbbp import InputError
from hpcbbp.machine import rng, ziggurat
from hpcbbp.machine.fast_normals import BLOCK as FAST_BLOCK
from hpcbbp.machine.fast_normals import FastNormals
from hpcbbp.machine.rng import BLOCK, STREAMS, fill_normals, normals, triangle, uniforms

# Numbers 0, 1, 2 and the first of block 3 of each stream with seed 42. They may never change: they are what
# a seed in a published result means.
GOLDEN = {
    "teacher": [-1.3350778935731875, 1.115378103778035, -1.316964134698652, 0.482030056395844],
    "student": [0.4330834474089658, 1.0158705664177639, -0.0943501594703266, -0.4878153803436855],
    "data": [-0.9278712211685185, 1.9195757419618362, 0.04696669075385274, -0.43408761565522924],
    "start": [-0.5244834997604085, 0.000626238460371692, 2.305901185589022, -0.7071655528501344],
    "reveal-right": [-0.09531187678029013, -0.29556994652137347, -0.6743170974198994, -0.972631404590231],
    "reveal-left": [0.19847780020594613, 0.11353332185468817, -0.8886487496308613, -0.31428600240512605],
    "deferred-images": [0.04929278093530521, -0.21339916716283627, 0.20428954576651256, -0.11955179905599284],
    "deferred-triangles": [-0.2738967256930907, 0.28607542151858195, 0.5222172004684814, -0.3245685898913572],
    "projections": [-0.6606047912871316, -0.6479788387135492, 0.9406688650635773, -1.1588302438719795],
    "projection-angles": [1.8650782701816204, 0.32295760977575294, -1.1097316918796134, -1.2061634657987794],
    "labels": [-0.929327109312023, -0.6853599738100544, -0.6398344022323813, 0.9068152219363488],
    "regenerated": [0.9224646622427365, -0.3827975805093069, 0.2779626537320045, 1.6089055820365676],
    "batches": [1.4644146883456988, -0.35620997062198945, 0.26721411306241327, 0.9115650595623326],
    "state-evolution": [0.3355251993768325, -0.6357070422235012, -0.5238564129933251, 0.8173970086800483],
    "operator-checks": [-0.7765817504511394, 0.16325741747073055, -2.063473665509402, 0.3185115256409042],
    "probes": [-0.9423906473805936, 0.1557289930213175, 0.030436620232950844, 1.3079982935558474],
    "probe-triangles": [-1.2914870989343166, 0.7680124781329256, 2.731127604201685, 0.7648855484350526],
}

# Numbers 0, 1, 2, 1024, 2048 and the first of block 3 of the fast normals with seed 42, to rounding.
FAST = [-0.71853185, 0.1080314, 0.08448579, -0.91738188, -1.19577932, -1.25930226]


@pytest.mark.parametrize("stream", STREAMS)
def test_golden_values(stream):
    found = [*normals(42, stream, 0, 3), normals(42, stream, 3 * BLOCK, 3 * BLOCK + 1)[0]]
    np.testing.assert_array_equal(found, GOLDEN[stream])


def test_golden_uniforms():
    np.testing.assert_allclose(uniforms(42, "batches", 0, 2), [0.74800957, 0.91035185], atol=1e-8)
    whole = uniforms(42, "batches", 0, 3 * BLOCK)
    np.testing.assert_array_equal(uniforms(42, "batches", BLOCK - 3, 2 * BLOCK + 5), whole[BLOCK - 3 : 2 * BLOCK + 5])
    assert stats.kstest(whole, "uniform").pvalue > 1e-4


def test_golden_fast_normals():
    found = np.empty(3 * FAST_BLOCK + 1, dtype=np.float32)
    FastNormals(42, "regenerated").fill(found, 0)
    np.testing.assert_allclose(found[[0, 1, 2, 1024, 2048, 3 * FAST_BLOCK]], FAST, rtol=2e-6)


@given(st.lists(st.tuples(st.integers(0, 3 * FAST_BLOCK), st.integers(0, 2 * FAST_BLOCK), st.sampled_from([1, 0.5]))))
def test_fast_normals_do_not_depend_on_what_was_drawn_before(stretches):
    whole, used = np.empty(5 * FAST_BLOCK, dtype=np.float32), FastNormals(3, "regenerated")
    FastNormals(3, "regenerated").fill(whole, 0)
    for start, length, scale in stretches:
        found = np.empty(length, dtype=np.float32)
        used.fill(found, start, scale)
        np.testing.assert_array_equal(found, np.float32(scale) * whole[start : start + length])


def test_golden_triangle():
    found = triangle(2, 2, 10, 42, "deferred-triangles", 5)
    # Chi variables go through the C library's log and exp, whose last digit is the processor's.
    np.testing.assert_allclose(found, [[3.617462325053469, -0.073488583122506], [0.0, 2.49646322595672]], rtol=1e-14)


def test_triangles_are_those_of_qr_decompositions():
    """Against numpy's QR of Gaussian vectors: Kolmogorov-Smirnov on every entry, 4000 draws, error rate 1e-4."""
    rng, count = np.random.default_rng(0), 4000
    drawn = np.array([triangle(3, 4, 3, 1, "deferred-triangles", i) for i in range(count)])
    R = np.linalg.qr(rng.standard_normal((count, 3, 4)))[1]
    R *= np.sign(np.diagonal(R, axis1=1, axis2=2))[:, :, None]
    for i, j in zip(*np.triu_indices(3, 0, 4), strict=True):
        assert stats.ks_2samp(drawn[:, i, j], R[:, i, j]).pvalue > 1e-4 / 9


@given(st.integers(0, 3 * BLOCK), st.integers(0, 2 * BLOCK))
def test_any_stretch_is_a_slice_of_the_whole(start, length):
    whole = normals(7, "data", 0, 5 * BLOCK)
    np.testing.assert_array_equal(normals(7, "data", start, start + length), whole[start : start + length])


def test_float32_is_the_same_numbers_rounded():
    out = np.empty(3 * BLOCK, dtype=np.float32)
    fill_normals(out, 3, "data", 17, scale=0.125)
    expected = 0.125 * normals(3, "data", 17, 17 + out.size)
    np.testing.assert_array_equal(out, expected.astype(np.float32))


@given(st.integers(0, 3 * BLOCK), st.integers(1, 3 * BLOCK), st.sampled_from(["float64", "float32"]))
def test_compiled_numbers_are_numpys(start, length, kind):
    """Both ways of drawing, of any stretch: the same bits."""
    by_numpy, compiled = np.empty(length, dtype=kind), np.empty(length, dtype=kind)
    with mock.patch.object(rng, "MANY", length + 1):
        fill_normals(by_numpy, 11, "data", start, scale=0.3)
    with mock.patch.object(rng, "MANY", 0):
        fill_normals(compiled, 11, "data", start, scale=0.3)
    np.testing.assert_array_equal(by_numpy, compiled)


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="numpy draws where nothing is compiled")
def test_compiled_numbers_are_numpys_in_the_tail_too():
    """3 million numbers: some 800 of the tail, twice as many that their layer rejects in the end."""
    assert rng._compiled() is ziggurat.fill
    key = np.array([2**63 + 1, 3], dtype=np.uint64)
    tail = 0
    for block in [*range(180), 2**40]:
        found, expected = np.empty(BLOCK), np.empty(BLOCK)
        ziggurat.fill(found, 0, key, block, 1.0)
        rng._drawn(expected, 0, key, block, 1.0)
        np.testing.assert_array_equal(found, expected)
        tail += int((np.abs(found) > 3.6541528853610088).sum())
    assert tail > 500


@pytest.mark.parametrize(("name", "value"), [("_COMPLETE", False), ("fill", lambda out, *_: out.fill(1.0))])
def test_numpy_draws_where_compiled_numbers_would_be_others(name, value):
    """Another numba, another numpy: a block is compared before the first use."""
    ziggurat.usable.cache_clear()
    with mock.patch.object(ziggurat, name, value):
        assert rng._compiled() is rng._drawn
    ziggurat.usable.cache_clear()


def test_law_and_independence():
    """Kolmogorov-Smirnov on eight stretches and correlations of all pairs; fixed seed, 1e-4 error rate in all."""
    count = 100_000
    draws = {name: normals(11, name, 0, count) for name in STREAMS}
    draws["other seed"] = normals(12, "data", 0, count)
    draws["far"] = normals(11, "data", 10**15, 10**15 + count)
    names = list(draws)
    tests = len(names) + len(names) * (len(names) - 1) // 2
    for name in names:
        assert stats.kstest(draws[name], "norm").pvalue > 1e-4 / tests
    for i, first in enumerate(names):
        for second in names[:i]:
            assert stats.pearsonr(draws[first], draws[second]).pvalue > 1e-4 / tests


@pytest.mark.parametrize("seed", [-1, 1.5, True])
def test_bad_seed(seed):
    with pytest.raises(InputError, match="seed = "):
        normals(seed, "data", 0, 1)
