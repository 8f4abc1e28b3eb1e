"""Stochastic Lanczos quadrature: exact moments, bounds at nodes, dense spectra, theory, the law of deferred."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import integrate, stats

from hpcbbp import Group, InputError, Problem, gaussian_instance
from hpcbbp.model.words import Parts
from hpcbbp.operators import replicated_operator
from hpcbbp.solvers.deferred.density import deferred_density
from hpcbbp.solvers.dense import solve_dense
from hpcbbp.solvers.spectral_density import probe, spectral_density
from hpcbbp.theory import density

SIZE = 90
ERROR_RATE = 1e-4  # of each statistical test in this file


def matrix():
    B = np.random.default_rng(0).standard_normal((SIZE, SIZE))
    return (B + B.T) / np.sqrt(8 * SIZE)


def operator(group, A=None):
    A = matrix() if A is None else A
    return replicated_operator(lambda v: A @ v, len(A), group, name="goe")


def whole(group, part):
    return part if group.comm is None else np.concatenate(group.comm.allgather(part))


@pytest.mark.mpi
@pytest.mark.parametrize("steps", [2, 7, 20])
def test_moments_are_those_of_the_probe(group, steps):
    """v . A^k v for all k < 2 steps, from powers of the matrix: the Gauss quadrature has no other error."""
    A = operator(group)
    found = spectral_density(A, probes=3, steps=steps, seed=4)
    for number in range(3):
        v = whole(group, probe(A, 4, number))
        assert np.linalg.norm(v) == pytest.approx(1.0)
        values, vectors = np.linalg.eigh(matrix())
        measure = (vectors.T @ v) ** 2
        for order in range(2 * steps):
            moment = (found.weights[number] * found.nodes[number] ** order).sum()
            assert moment == pytest.approx((measure * values**order).sum(), abs=1e-12)


@pytest.mark.mpi
@pytest.mark.parametrize("steps", [5, 30])
def test_nodes_bound_the_cumulative_function(group, steps):
    """Chebyshev, Markov and Stieltjes: exact inequalities for the measure of each probe."""
    A, (values, vectors) = operator(group), np.linalg.eigh(matrix())
    found = spectral_density(A, probes=2, steps=steps)
    for number in range(2):
        measure = (vectors.T @ whole(group, probe(A, 0, number))) ** 2
        sums = np.cumsum(found.weights[number])
        for node, before, after in zip(found.nodes[number], sums - found.weights[number], sums, strict=True):
            assert before - 1e-12 <= measure[values <= node + 1e-10].sum()
            assert measure[values < node - 1e-10].sum() <= after + 1e-12


@pytest.mark.mpi
def test_one_seed_is_one_answer_on_any_number_of_ranks(group):
    found, alone = (
        spectral_density(operator(group), probes=2, steps=20),
        spectral_density(operator(Group()), probes=2, steps=20),
    )
    assert np.allclose(found.nodes, alone.nodes, atol=1e-10) and np.allclose(found.weights, alone.weights, atol=1e-10)
    problem = Problem(p=2, p_star=1, alpha=2.0, a=1.5)
    found = deferred_density(problem, 300, 3, probes=2, steps=15, group=group)
    alone = deferred_density(problem, 300, 3, probes=2, steps=15)
    assert np.allclose(found.nodes, alone.nodes, atol=1e-8) and np.allclose(found.weights, alone.weights, atol=1e-8)


@pytest.mark.mpi
@pytest.mark.parametrize("data", ["stored", "dice", "regenerated"])
def test_dense_spectra(group, data):
    """Moments within their errors, in units of which a t statistic is judged; the cumulative function as well."""
    problem = Problem(p=2, p_star=1, alpha=2.0, a=1.5)
    hessian = gaussian_instance(problem, 60, 1, data=data, group=group).hessian
    found = spectral_density(hessian, probes=12, steps=60, seed=2)
    if data == "stored":
        values = solve_dense(gaussian_instance(problem, 60, 1)).eigen.eigenvalues
    else:
        columns = []
        for axis in np.eye(hessian.size):
            columns.append(whole(group, hessian.apply(axis[hessian.rows.start : hessian.rows.stop])))
        values = np.linalg.eigvalsh(np.array(columns))
    quantile = stats.t.ppf(1 - ERROR_RATE / 8, 11)
    for order in range(1, 5):
        mean, error = found.moment(order)
        assert abs(mean - (values**order).mean()) < quantile * error
    x = np.quantile(values, np.linspace(0.05, 0.95, 7))
    below, error = found.cumulative(x)
    expected = np.array([(values < at).mean() for at in x])
    assert (np.abs(below - expected) < quantile * error + 2 / 60).all()


def test_density_integrates_to_one():
    found = spectral_density(operator(Group()), probes=3, steps=25)
    x = np.linspace(-2, 2, 200001)
    rho, error = found.density(x)
    assert integrate.trapezoid(rho, x) == pytest.approx(1.0, abs=1e-3)
    assert (rho >= 0).all() and (error >= 0).all()
    below, _ = found.cumulative(np.array([-5.0, 5.0]))
    assert below.tolist() == [0.0, 1.0]


@pytest.mark.parametrize(("p", "alpha"), [(1, 3.0), (1, 0.6), (2, 2.0)])
def test_theory(p, alpha):
    """Distance from the law at N = infinity: below 0.02 at N = 10^4, where probes fluctuate by about 0.005."""
    law = density(p, 1, 1.5, alpha, points=1500)
    sums = np.concatenate([[0.0], np.cumsum(0.5 * (law.rho[1:] + law.rho[:-1]) * np.diff(law.x))])

    def cumulative(x):
        return np.interp(x, law.x, sums) + max(0.0, 1 - alpha) * (x >= 0)

    problem, atoms = Problem(p=p, p_star=1, alpha=alpha, a=1.5), [0.0] if alpha < 1 else []
    found = deferred_density(problem, 10**4, probes=2, steps=50, storage="float32")
    distance, error = found.distance(cumulative, atoms)
    assert distance < 0.02 and error < 0.02
    wrong = deferred_density(problem, 10**4, 1, probes=1, steps=50).distance(lambda x: cumulative(x - 0.3))[0]
    assert wrong > 0.02  # so that the line above can fail
    stored = spectral_density(gaussian_instance(problem, 1000).hessian, probes=4, steps=50)
    assert stored.distance(cumulative, atoms)[0] < 0.05


MODELS = {
    "p = 1": (Problem(p=1, p_star=1, alpha=2.0, a=1.5), 40),
    "p = 2": (Problem(p=2, p_star=1, alpha=1.5, a=1.5), 30),
    "levels": (Parts.given(covariance="levels:0.5,0.5,1.5,0.5").problem(1, 1, 2.0, 1.5), 40),
}


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_deferred_has_the_law_of_stored(model):
    """Lowest node, first and second moments over 200 seeds: Kolmogorov-Smirnov, at a rate of 1e-3 for all."""
    problem, n = MODELS[model]
    stored, deferred = [], []
    for seed in range(200):
        hessian = gaussian_instance(problem, n, seed).hessian
        stored.append(numbers(spectral_density(hessian, probes=2, steps=6, seed=seed)))
        deferred.append(numbers(deferred_density(problem, n, 10**6 + seed, probes=2, steps=6)))
    for one, other in zip(np.array(stored).T, np.array(deferred).T, strict=True):
        assert stats.ks_2samp(one, other).pvalue > 1e-3 / (4 * len(MODELS))


def numbers(found):
    """The second probe's too: it meets what the first has revealed."""
    both = found.weights[1] @ found.nodes[1]
    return found.nodes[0, 0], found.nodes[1, 0], both, (found.weights[0] @ found.nodes[0] ** 2)


@pytest.mark.parametrize("scale", [1e-250, 1e-165, 1e-80, 1e80, 1e165, 1e250])
def test_operators_far_from_one_in_size(scale):
    d = np.linspace(0.0, 1.0, 500)
    found = spectral_density(replicated_operator(lambda v: scale * (d * v), 500), probes=3, steps=30)
    right = spectral_density(replicated_operator(lambda v: d * v, 500), probes=3, steps=30)
    assert np.allclose(found.nodes / scale, right.nodes, rtol=1e-9, atol=1e-12)
    assert np.allclose(found.weights, right.weights, rtol=1e-6, atol=1e-12)
    assert found.moment(1)[0] == pytest.approx(scale * right.moment(1)[0])
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["moments"][0] is not None


def test_spaces_that_end():
    """An operator of three eigenvalues: three nodes, and their shares."""
    values = np.repeat([-1.0, 0.0, 2.0], [10, 20, 30])
    found = spectral_density(operator(Group(), np.diag(values)), probes=6, steps=20)
    assert (np.isfinite(found.nodes).sum(axis=1) == 3).all()
    assert np.allclose(found.nodes[:, :3], [-1, 0, 2])
    means, errors = found.weights[:, :3].mean(axis=0), found.weights[:, :3].std(axis=0, ddof=1) / np.sqrt(6)
    assert (np.abs(means - [1 / 6, 2 / 6, 3 / 6]) < 8 * errors).all()
    zero = spectral_density(operator(Group(), np.zeros((5, 5))), probes=1, steps=9)
    assert zero.nodes[0, 0] == 0.0 and zero.weights[0, 0] == 1.0
    assert json.loads(json.dumps(zero.to_dict()))["moment_errors"] == [None] * 4
    small = deferred_density(Problem(p=1, p_star=1, alpha=1.0, a=1.5), 6, probes=2, steps=50)
    assert np.isfinite(small.nodes).sum(axis=1).max() <= 6
    assert np.allclose(small.weights.sum(axis=1), 1.0)


BAD = [
    ({"probes": 0}, r"probes = 0: a whole number of random vectors"),
    ({"probes": 1.5}, r"probes = 1\.5"),
    ({"steps": 1}, r"steps = 1: a whole number of Lanczos steps"),
    ({"steps": "many"}, r"steps = 'many'"),
    ({"seed": -1}, "seed"),
]


@pytest.mark.parametrize(("given", "words"), BAD)
def test_bad_input(given, words):
    with pytest.raises(InputError, match=words):
        spectral_density(operator(Group()), **given)
    with pytest.raises(InputError, match=words):
        deferred_density(MODELS["p = 1"][0], 100, **given)


def test_more_bad_input():
    with pytest.raises(InputError, match=r"spectral_density\(ndarray\): give an operator"):
        spectral_density(matrix())
    with pytest.raises(InputError, match="a density keeps images in float64 or float32"):
        deferred_density(MODELS["p = 1"][0], 100, storage="int16")
    with pytest.raises(InputError, match="give a Problem and N"):
        deferred_density(3, 100)
    with pytest.raises(InputError, match="GiB .* are free: take fewer probes or steps"):
        deferred_density(MODELS["p = 1"][0], 10**9, steps=1000)
