"""Finite N on average: samples drawn by their law, the fluctuations of an edge, how fast N = infinity is reached."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from dense import dense_sample
from scipy import stats

from hpcbbp import InputError, Problem, deferred_instance, gaussian_instance
from hpcbbp.theory import finite_size, quenched, quenched_sample, spectrum, transition
from hpcbbp.theory.finite import kernels as sample_kernels
from hpcbbp.theory.finite.dyson import Curve
from hpcbbp.theory.finite.projections import CHUNK, Drawn, Projections
from hpcbbp.theory.finite.quenched import TRACY_WIDOM_MEAN, TRACY_WIDOM_STD
from hpcbbp.theory.finite.sums import Sums
from hpcbbp.theory.limit.bulk import averages
from hpcbbp.theory.limit.outlier import outlier_gamma
from hpcbbp.theory.sampled.average import averaged, default_samples, known_overlap2

DISCONTINUOUS = Problem(p=2, p_star=1, alpha=1.5, a=1.5)


def test_drawn_projections_have_their_law():
    """Gaussian rows (Kolmogorov-Smirnov, 1e-4 in all) with the overlaps of a few random directions in R^N."""
    problem, n = Problem(p=2, p_star=1, alpha=4000.0, a=1.0), 5
    overlaps = []
    for seed in range(60):
        drawn = Drawn(problem, n, seed)
        s, u = drawn.chunk(0)
        F = np.concatenate([s, u], axis=1).astype(float)
        assert F.shape == (20_000, 3)
        covariance = F.T @ F / len(F)
        np.testing.assert_allclose(covariance, drawn._mix.T @ drawn._mix, atol=6 * math.sqrt(2 / 20_000))
        np.testing.assert_allclose(np.diag(drawn._mix.T @ drawn._mix), 1.0, rtol=1e-12)
        assert min(stats.kstest(F[:, k], "norm").pvalue for k in range(3)) > 1e-4 / 180
        overlaps += (drawn._mix.T @ drawn._mix)[np.triu_indices(3, 1)].tolist()
    # The angle of two random directions: (1 + cos)/2 is Beta((n-1)/2, (n-1)/2).
    law = stats.beta((n - 1) / 2, (n - 1) / 2, loc=-1, scale=2)
    assert stats.kstest(overlaps, law.cdf).pvalue > 1e-4


def test_kept_and_drawn_again_are_the_same():
    kept, again = (quenched_sample(DISCONTINUOUS, 100_000, 3, keep=keep) for keep in (True, False))
    assert 100_000 * 1.5 > CHUNK  # more than one chunk
    np.testing.assert_array_equal(kept.eigenvalues, again.eigenvalues)
    assert (kept.edge, kept.g_edge, kept.edge_scale) == (again.edge, again.g_edge, again.edge_scale)
    drawn = Drawn(DISCONTINUOUS, 100_000, 3)
    pairs = [drawn.chunk(number) for number in drawn.chunks()]
    s, u = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    assert len(s) == 150_000
    np.testing.assert_array_equal(quenched(s, u, 1.5, 100_000, gram=drawn.gram).eigenvalues, kept.eigenvalues)
    # What seed 3 means may never change; the last digits belong to the processor.
    found = quenched(s, u, 1.5, 100_000)
    assert found.edge == kept.edge
    np.testing.assert_allclose(found.eigenvalues, [-0.93309362, -0.92963498], atol=2e-8)


def test_projections_out_of_proportion_are_one_line():
    """Found by `make fuzz`: squares that vanish, labels of 1e16."""
    rng = np.random.default_rng(65)
    s, u = rng.standard_normal((38, 2)), 1e8 * rng.standard_normal((38, 1))
    for words in (([[0.0]], [[2.0620416210171334e-86]], 1.0, 2), (s, u, 100.0, 5)):
        with pytest.raises(InputError, match="out of proportion"):
            quenched(*words, threads=1)


def test_projections_of_instances():
    """Those of stored and deferred instances are what their curvatures were made of."""
    problem = Problem(p=2, p_star=1, alpha=1.5, a=1.5)
    stored = gaussian_instance(problem, 400, 1)
    found = quenched(*stored.projections, 1.5, 400)
    assert found.m == 600
    deferred = deferred_instance(problem, 400, 1)
    deferred.start(0)
    s, u = deferred.projections()
    assert s.shape == (600, 2)
    assert u.shape == (600, 1)
    D = problem.curvature(s, u).dense()
    np.testing.assert_allclose(D[:, [0, 0, 1], [0, 1, 1]].T, deferred.samples.D[:, :600], rtol=1e-12)


@pytest.mark.parametrize(("p", "a", "alpha"), [(1, 0.5, 0.8), (2, 0.1, 0.7)])
def test_fluctuations_of_a_sharp_edge_are_those_of_tracy_and_widom(p, a, alpha):
    """(lambda_1 - edge) / scale of dense instances without an outlier: mean 1.2065, standard deviation 1.268."""
    rng, scaled = np.random.default_rng(5), []
    while len(scaled) < 80:
        s, u, values, _ = dense_sample(p, 1, a, alpha, 150, rng)
        found = quenched(s, u, a, 150)
        if not len(found.eigenvalues):
            scaled.append((values[0] - found.edge) / found.edge_scale)
            assert abs(found.lowest - found.edge - 1.2065335745820 * found.edge_scale) < 1e-14
    # 5 standard errors, and a finite-N bias of 0.3; a scalar transform has 1.5 times the deviation for p = 2
    assert abs(np.mean(scaled) + TRACY_WIDOM_MEAN) < 5 * TRACY_WIDOM_STD / math.sqrt(80) + 0.3
    assert 0.7 < np.std(scaled) / TRACY_WIDOM_STD < 1.35


@pytest.mark.parametrize(("p", "p_star", "n"), [(1, 1, 200), (2, 1, 100), (3, 2, 300), (5, 1, 60)])
def test_the_edge_is_the_largest_lowest_eigenvalue_of_z(p, p_star, n):
    """Lehner's principle: edge = max over G of lambda_min(Z(G)), reached where Z is x 1; by numpy alone."""
    rng = np.random.default_rng(n)
    s, u = rng.standard_normal((2 * n, p)), rng.standard_normal((2 * n, p_star))
    D = Problem(p=p, p_star=p_star, alpha=2.0, a=0.5).curvature(s, u).dense()
    one = np.eye(p)

    def lowest(G: np.ndarray) -> float:
        if np.linalg.eigvalsh(G)[-1] >= 0 or (np.linalg.eigvals(one - G @ D).real <= 0).any():
            return -np.inf
        Z = np.linalg.inv(G) + np.linalg.solve(one - D @ G, D).sum(axis=0) / n
        return float(np.linalg.eigvalsh(Z)[0])

    with ThreadPoolExecutor(1) as pool:
        curve = Curve(Sums(Projections(s, u), 0.5, pool), n)
        found = quenched(s, u, 0.5, n)
        sample_kernels.prepare()
        for g in np.linspace(0.1, 1.0, 10) * found.g_edge:
            at = curve.at(float(g))
            Z = np.linalg.inv(at.G) + np.linalg.solve(one - D @ at.G, D).sum(axis=0) / n
            np.testing.assert_allclose(Z, at.z * one, atol=1e-9 * abs(at.z))
            assert at.z <= found.edge + 1e-12
            assert abs(np.trace(at.G) - p * g) < 1e-12
            step = 1e-5 * g
            slope = (curve.at(g + step).z - curve.at(g - step).z) / (2 * step)
            assert abs(slope - at.slope) < 1e-4 * (abs(slope) + abs(at.z / g))
        for size in (1e-3, 1e-2, 0.1, 0.3):
            for _ in range(50):
                change = rng.standard_normal((p, p))
                G = at.G + size * abs(found.g_edge) * (change + change.T)
                assert lowest(G) <= found.edge + 1e-9


def test_an_edge_beyond_that_of_the_steepest_curvature():
    """One sample of large label whose steepest direction the others hardly bend: g_edge < 1/d_min."""
    rng, n, a = np.random.default_rng(1), 50, 100.0
    u = np.ones((3001, 3))
    s = np.tile([math.sqrt(2 / 3), 0.0], (3001, 1))
    u[-1] = 1e4 * rng.standard_normal(3)
    s[-1] = 0.0, math.sqrt(2 * (u[-1] ** 2).mean() / 3)
    s += 0.02 * rng.standard_normal(s.shape)
    D = Problem(p=2, p_star=3, alpha=60.0, a=a).curvature(s, u).dense()
    found = quenched(s, u, a, n)
    assert found.g_edge < 1 / np.linalg.eigvalsh(D).min()
    for change in rng.standard_normal((50, 2, 2)):  # Lehner's principle, as above
        G = found.g_edge * np.eye(2) * rng.uniform(0.5, 1.0) + 0.1 * (change + change.T)
        if np.linalg.eigvalsh(G)[-1] < 0 and (np.linalg.eigvals(np.eye(2) - G @ D).real > 0).all():
            Z = np.linalg.inv(G) + np.linalg.solve(np.eye(2) - D @ G, D).sum(axis=0) / n
            assert np.linalg.eigvalsh(Z)[0] <= found.edge + 1e-9


def test_a_sample_tells_units_apart():
    """The splitting of nearly degenerate outliers follows the sample's p x p transform, instance by instance."""
    rng, measured, predicted = np.random.default_rng(3), [], []
    while len(measured) < 25:
        s, u, values, _ = dense_sample(2, 1, 1.5, 4.0, 200, rng)
        found = quenched(s, u, 1.5, 200)
        if len(found.eigenvalues) == 2:
            measured.append(values[1] - values[0])
            predicted.append(found.eigenvalues[1] - found.eigenvalues[0])
    assert stats.pearsonr(measured, predicted).pvalue < 1e-3
    assert 0.5 < np.mean(predicted) / np.mean(measured) < 1.5


def test_scatter_of_an_outlier_around_its_prediction():
    """p = 1: variance 2 |z'| (1 - m^2)^2 / N, equation (21), within 5 standard errors of a standard deviation."""
    n, count, rng = 200, 80, np.random.default_rng(8)
    differences = []
    for _ in range(count):
        s, u, values, _ = dense_sample(1, 1, 1.0, 3.0, n, rng)
        differences.append(values[0] - quenched(s, u, 1.0, n).eigenvalues[0])
    gamma = outlier_gamma(averages(1, 1, 1.0), 3.0, 1.0)
    slope = abs(averages(1, 1, 1.0).moments(gamma).z_prime(3.0))
    expected = (1 - spectrum(1, 1, 1.0, 3.0).overlap2) * math.sqrt(2 * slope / n)
    assert abs(np.std(differences, ddof=1) / expected - 1) < 5 / math.sqrt(2 * count)


def test_averages_are_those_of_the_samples():
    found = finite_size(DISCONTINUOUS, 500, 12, seed=4)
    samples = [quenched_sample(DISCONTINUOUS, 500, 4 + i) for i in range(12)]
    assert found == averaged(samples, 2, known_overlap2(DISCONTINUOUS))
    assert (found.n, found.m, found.samples) == (500, 750, 12)
    assert abs(found.lambda_1 - np.mean([sample.lowest for sample in samples])) < 1e-14
    first = [sample.overlap2[0] if len(sample.overlap2) else 0.0 for sample in samples]
    assert abs(found.overlap2_1 - np.mean(first)) < 1e-14
    assert abs(found.overlap2_1_std - np.std(first, ddof=1)) < 1e-14
    assert 0 <= found.phi <= found.informed <= 1


def test_a_sharp_edge_is_reached_fast_and_a_smooth_one_as_good_as_never():
    """From 10^4 to 10^6 the predicted unit (20) falls as N^(-2/3), by 21.5; a smooth distance by less than 1.5."""
    distances = {}
    for alpha, a in ((0.85, 0.7), (1.0, 1.5)):
        problem = Problem(p=2, p_star=1, alpha=alpha, a=a)
        limit = spectrum(2, 1, a, alpha)
        assert limit.lambda_star is None
        found = [finite_size(problem, n, count) for n, count in ((10**4, 40), (10**6, 4))]
        distances[limit.edge] = [
            at.lambda_1 - (at.edge if limit.edge == "sharp" else limit.lambda_minus) for at in found
        ]
    assert 14 < distances["sharp"][0] / distances["sharp"][1] < 30
    assert 0.8 < distances["smooth"][0] / distances["smooth"][1] < 1.5
    assert distances["smooth"][1] > 0.02


def test_below_a_discontinuous_transition_overlaps_follow_the_tangent():
    """At N = 10^4, between alpha_0 and alpha_BBP, m^2 of the lowest vector is the tangent's; below it is 0."""
    at = transition(2, 1, 1.5)
    slope = at.jump_overlap2 / (at.alpha_bbp - at.alpha_0)
    for alpha in (1.1, 1.2, 1.3):
        found = finite_size(Problem(p=2, p_star=1, alpha=alpha, a=1.5), 10**4, 40)
        assert spectrum(2, 1, 1.5, alpha).overlap2 == 0.0
        assert abs(found.overlap2_1 - slope * (alpha - at.alpha_0)) < 0.01
        assert found.informed > 0.95
    assert finite_size(Problem(p=2, p_star=1, alpha=0.7, a=1.5), 10**4, 40).overlap2_1 < 1e-3


def test_bad_input():
    with pytest.raises(InputError, match="samples = 1"):
        finite_size(DISCONTINUOUS, 100, 1)
    with pytest.raises(InputError, match="seed = -1"):
        finite_size(DISCONTINUOUS, 100, 5, seed=-1)
    with pytest.raises(InputError, match="0 samples"):
        finite_size(Problem(p=1, p_star=1, alpha=0.001, a=1.0), 100, 5)
    ones = np.ones((10, 1))
    for words, message in (
        ((ones * 1j, ones, 1.5, 10), "complex128"),
        (([[1.0], ["x"]], ones, 1.5, 10), "real numbers are wanted"),
        ((ones * 1e200, ones, 1.5, 10), "below 1e"),
        ((ones, ones, 1.5, 0), "N = 0"),
        ((ones, ones, 1.5, 10.5), "N = 10.5"),
        ((ones, ones, 1.5, True), "N = True"),
        ((ones, ones, 1.5, 1), "N = 1"),
        ((ones, ones, 1.5, 10**30), "N = 1000000"),
        ((ones, ones, 1e-300, 10), "a = 1e-300"),
    ):
        with pytest.raises(InputError, match=message):
            quenched(*words)
    r = np.random.default_rng(0).standard_normal
    s, u = r((200, 2)), r((200, 1))
    assert quenched(s.tolist(), u.tolist(), 1.5, 100).edge == quenched(s, u, 1.5, 100).edge
    with pytest.raises(InputError, match="N = 10, alpha = 0.3, seed 0: all curvatures"):
        finite_size(Problem(p=1, p_star=1, alpha=0.3, a=1.0), 10, 400)
    with pytest.raises(InputError, match="go up to 400"):
        finite_size(Problem(p=30, p_star=1, alpha=1.0, a=1.0), 100, 5)
    assert default_samples(DISCONTINUOUS, 100) == 400
    assert default_samples(DISCONTINUOUS, 10**9) == 3
