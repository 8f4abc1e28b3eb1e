"""Predictions of one sample of any model: the paper's by both kernels, others beside dense spectra, on any ranks."""

from __future__ import annotations

import numpy as np
import pytest
from dense import dense_hessian

from hpcbbp import InputError, Problem, gaussian_instance
from hpcbbp.machine.rng import normals
from hpcbbp.model import registry
from hpcbbp.solvers.overlap import cosines
from hpcbbp.theory import ModelTheory, quenched, quenched_model, quenched_sample
from hpcbbp.theory.finite.curved import CurvedSample
from hpcbbp.theory.finite.sample import _predict

SQUARE = registry.loss("square", 1.0)
MODELS = {
    "tanh": Problem(p=2, p_star=1, alpha=8.0, a=2.0, activation=registry.activation("tanh")),
    "erf, square, noise": Problem(
        p=1, p_star=1, alpha=8.0, a=1.0, activation=registry.activation("erf"), custom_loss=SQUARE,
        noise=registry.noise("uniform:0.5"),
    ),
    "product": Problem(
        p=1, p_star=2, alpha=12.0, a=1.0, activation=registry.activation("polynomial:0,0,1"),
        custom_loss=registry.loss("log-cosh", 1.0), link=registry.link("product"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("p", "p_star", "alpha"), [(1, 1, 3.0), (2, 1, 3.0), (2, 2, 9.0), (3, 1, 4.0)])
def test_both_kernels_agree_on_the_papers_model(p, p_star, alpha, rng):
    s, u = rng.standard_normal((3000, p)), rng.standard_normal((3000, p_star))
    n = round(3000 / alpha)
    problem = Problem(p=p, p_star=p_star, alpha=alpha, a=1.5)
    first = quenched(s, u, 1.5, n)
    again = _predict(CurvedSample(problem, s, u, None), problem, None, n, np.eye(p + p_star))
    for name in ("edge", "edge_scale", "eigenvalues", "overlap2", "student_overlap2"):
        np.testing.assert_allclose(getattr(first, name), getattr(again, name), atol=1e-9)
    by_name = quenched_model(problem, s, u, n)
    np.testing.assert_array_equal(first.eigenvalues, by_name.eigenvalues)


@pytest.mark.parametrize("name", MODELS)
def test_beside_dense_spectra(name):
    """Measured minus predicted, 24 instances: no bias of lambda or of either m^2 beyond 4.5 standard errors."""
    problem, n, gaps = MODELS[name], 300, []
    for seed in range(24):
        one = gaussian_instance(problem, n, seed)
        z = problem.noise_numbers(seed, 0, one.data.m)
        values, vectors = np.linalg.eigh(dense_hessian(one.data.local, one.hessian.curvature.dense()))
        gram = cosines(one.student, one.teacher, one.data.group)
        found = quenched_model(problem, *one.projections, n, z=z, gram=gram, threads=1)
        if not len(found.eigenvalues):
            continue
        v = vectors[:, 0].reshape(n, problem.p)
        m2 = [((v.T @ w) ** 2).sum() / n for w in (one.teacher, one.student)]
        predicted = [found.eigenvalues[0], found.overlap2[0], found.student_overlap2[0]]
        gaps.append(np.array([values[0], *m2]) - predicted)
    assert len(gaps) > 12
    mean, error = np.mean(gaps, axis=0), np.std(gaps, axis=0, ddof=1) / len(gaps) ** 0.5
    assert (np.abs(mean) < 4.5 * error + 8.0 / n).all(), (mean, error)
    assert (np.std(gaps, axis=0) < 3.0 * n**-0.5 * np.array([2.0, 1.0, 1.0])).all()


def test_a_large_sample_is_where_the_engine_is():
    """N = 10^5: within 6 N^(-1/2)."""
    problem = MODELS["erf, square, noise"]
    found, limit = quenched_sample(problem, 100_000, 1), ModelTheory(problem, 1e-4).spectrum(problem.alpha)
    assert len(limit.eigenvalues) == 1
    for one, other in ((found.edge, limit.lambda_minus), (found.eigenvalues[0], limit.eigenvalues[0]),
                       (found.overlap2[0], limit.overlap2[0])):  # fmt: skip
        assert one == pytest.approx(other, abs=6 / 100_000**0.5)


@pytest.mark.mpi
def test_rows_on_ranks(group):
    """Each rank has its own rows, some have none; as one process has it."""
    problem = MODELS["tanh"]
    rng = np.random.default_rng(3)
    s, u = rng.standard_normal((801, 2)), rng.standard_normal((801, 1))
    cuts = np.linspace(0, 801, group.size).astype(int) if group.size > 1 else np.array([0, 801])
    edges = [0, *cuts[1:], 801] if group.size > 1 else [0, 801]
    mine = slice(edges[group.rank], edges[group.rank + 1])
    found = quenched_model(problem, s[mine], u[mine], 100, group=group)
    alone = quenched_model(problem, s, u, 100)
    for name in ("edge", "eigenvalues", "overlap2"):
        np.testing.assert_allclose(getattr(found, name), getattr(alone, name), rtol=1e-7, atol=1e-9)


def test_refusals(rng):
    problem = MODELS["erf, square, noise"]
    s, u = rng.standard_normal((100, 1)), rng.standard_normal((100, 1))
    for z in (None, 3.0, np.zeros(99), np.zeros((100, 1)), ["x"] * 100, np.full(100, np.nan), np.full(100, np.inf)):
        with pytest.raises(InputError, match=r"noise uniform:0\.5: z, one finite number .* 100 samples"):
            quenched_model(problem, s, u, 20, z=z)
    assert quenched_model(problem, s, u, 20, z=[0.5] * 100).m == 100
    with pytest.raises(InputError, match="hidden units"):
        quenched_model(MODELS["tanh"], s, u, 20)
    bad = Problem(p=1, p_star=1, alpha=5, a=0.1, noise=registry.noise("uniform:2"))
    with pytest.raises(InputError, match=r"the normalised loss with a = 0\.1 needs"):
        quenched_model(bad, s, u, 20, z=normals(0, "labels", 0, 100))
    with pytest.raises(InputError, match=r"the normalised loss with a = 0\.1 needs"):
        quenched_sample(bad, 1000)
