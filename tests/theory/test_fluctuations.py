"""What a sample's prediction says about seeing its outlier, and how far instances scatter around it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from dense import dense_hessian
from scipy import stats
from scipy.linalg import eigvalsh_tridiagonal

from hpcbbp import InputError, Instance, Problem, gaussian_instance, spectrum
from hpcbbp.solvers.overlap import cosines
from hpcbbp.theory import finite_size, outlier_std, quenched, quenched_sample
from hpcbbp.theory.finite.quenched import TRACY_WIDOM_95
from hpcbbp.theory.limit.bulk import averages
from hpcbbp.theory.limit.outlier import outlier_gamma


def test_it_is_the_formula_for_one_unit():
    """(21): 2 |z'| (1 - m^2)^2 / N."""
    model, alpha = averages(1, 1, 1.0), 3.0
    at = model.moments(outlier_gamma(model, alpha, 1.0))
    m2 = spectrum(1, 1, 1.0, alpha).overlap2
    expected = math.sqrt(2 * abs(at.z_prime(alpha)) / 500) * (1 - m2)
    assert outlier_std(1, 1, 1.0, alpha, 500) == pytest.approx(expected, rel=1e-10)


def test_none_without_outlier_and_refusals():
    assert outlier_std(2, 1, 1.5, 1.0, 1000) is None
    with pytest.raises(InputError, match="p = inf"):
        outlier_std(math.inf, 1, 1.5, 3.0, 1000)
    with pytest.raises(InputError, match="N = 2"):
        outlier_std(2, 1, 1.5, 3.0, 2)


@pytest.mark.parametrize(
    ("p", "p_star", "a", "alpha", "n"), [(1, 2, 10.0, 30.0, 150), (2, 1, 10.0, 15.0, 100), (3, 1, 10.0, 15.0, 70)]
)
def test_instances_scatter_as_it_says(p, p_star, a, alpha, n):
    """Means of the p p* lowest eigenvalues around their predictions: variance within chi^2 bounds and 25 per cent."""
    problem, count, seeds = Problem(p=p, p_star=p_star, alpha=alpha, a=a), p * p_star, 50
    found = []
    for seed in range(seeds):
        one = gaussian_instance(problem, n, seed)
        H = dense_hessian(one.data.local, one.hessian.curvature.dense())
        gram = cosines(one.student, one.teacher, one.data.group)
        predicted = quenched(*one.projections, a, n, gram=gram).eigenvalues[:count]
        assert len(predicted) == count
        found.append(np.linalg.eigvalsh(H)[:count].mean() - predicted.mean())
    ratio = float(np.var(found, ddof=1)) / outlier_std(p, p_star, a, alpha, n) ** 2
    low, high = stats.chi2.ppf([1e-4, 1 - 1e-4], seeds - 1) / (seeds - 1)
    assert 0.75 * low < ratio < 1.25 * high


def test_weights_that_are_not_orthogonal():
    """Two teachers at 73 degrees: Gram moves the outliers by more than they scatter, to where they are."""
    problem, n, rng = Problem(p=1, p_star=2, alpha=30.0, a=10.0), 400, np.random.default_rng(5)
    drawn = gaussian_instance(problem, n, 1)
    first, other = rng.standard_normal((2, n))
    teacher = np.array([first, 0.3 * first + 0.95 * other]).T
    teacher *= math.sqrt(n) / np.linalg.norm(teacher, axis=0)
    one = Instance(problem, drawn.data, teacher, drawn.student, 1)
    values, vectors = np.linalg.eigh(dense_hessian(one.data.local, one.hessian.curvature.dense()))
    m2 = ((vectors[:, :2].T @ teacher) ** 2).sum(axis=1) / n
    exact = quenched(*one.projections, 10.0, n, gram=cosines(one.student, teacher, one.data.group))
    plain = quenched(*one.projections, 10.0, n)
    scatter = math.sqrt(2) * outlier_std(1, 2, 10.0, 30.0, n)  # of each of the two
    assert abs(exact.eigenvalues[:2] - values[:2]).max() < 3 * scatter
    assert abs(plain.eigenvalues[:2] - values[:2]).max() > 4 * scatter
    assert abs(exact.overlap2[:2] - m2).max() < 0.05
    assert abs(plain.overlap2[:2] - m2).max() > 0.2


@pytest.mark.parametrize(
    ("gram", "said"),
    [
        (np.eye(3), "shape"),
        ([[1.0, 0.5], [0.2, 1.0]], "symmetric"),
        ([[1.0, math.nan], [math.nan, 1.0]], "finite"),
        ([[1.0, 1.0], [1.0, 1.0]], "independent"),
        ([[9.0, 0.0], [0.0, 9.0]], "about 1"),
        ("x", "matrix of numbers"),
        (np.ma.array(np.eye(2), mask=[[0, 0], [0, 1]]), "masked"),
    ],
)
def test_gram_is_checked(gram, said):
    s = u = np.ones((10, 1))
    with pytest.raises(InputError, match=said):
        quenched(s, u, 1.0, 10, gram=gram)


def test_an_outlier_is_visible_where_it_leaves_the_edges_fluctuations():
    far = quenched_sample(Problem(p=2, p_star=1, alpha=3.0, a=1.5), 10_000, 1)
    assert far.visible and far.separation[0] > 5.0
    np.testing.assert_allclose(far.separation, (far.edge - far.eigenvalues) / far.edge_scale)
    none = quenched_sample(Problem(p=2, p_star=1, alpha=0.5, a=1.5), 10_000, 1)
    assert not none.visible and len(none.separation) == 0


def test_averages_say_what_can_be_seen():
    """Nearly every sample of N = 10^4 at alpha = 1 has an outlier, and few of them can be told from the bulk."""
    problem = Problem(p=2, p_star=1, alpha=1.0, a=1.5)
    found = finite_size(problem, 10_000, 30)
    one = [quenched_sample(problem, 10_000, seed) for seed in range(30)]
    separations = [q.separation[0] for q in one if len(q.eigenvalues)]
    assert found.separation == pytest.approx(np.median(separations))
    assert found.visible == np.mean([q.visible for q in one]) < 0.3 < 0.8 < found.informed
    assert finite_size(Problem(p=2, p_star=1, alpha=0.5, a=1.5), 10_000, 3).separation is None


def test_the_percentile_of_tracy_and_widom():
    """Of the Gaussian orthogonal ensemble, in its tridiagonal form (Dumitriu, Edelman): a binomial, 5 deviations."""
    rng, n, seen, size = np.random.default_rng(2), 60, 0, 4000
    for _ in range(size):
        diagonal = rng.standard_normal(n) * math.sqrt(2.0)
        beside = np.sqrt(rng.chisquare(np.arange(n - 1, 0, -1)))
        top = eigvalsh_tridiagonal(diagonal, beside, select="i", select_range=(n - 1, n - 1))[0]
        seen += (top - 2 * math.sqrt(n)) * n ** (1 / 6) > TRACY_WIDOM_95
    assert abs(seen / size - 0.05) < 5 * math.sqrt(0.05 * 0.95 / size) + 0.012
