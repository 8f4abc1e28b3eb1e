"""Theory of any model: the paper's by quadrature beside its closed forms, others beside dense spectra."""

from __future__ import annotations

import math

import numpy as np
import pytest
from dense import dense_hessian

from hpcbbp import InputError, Problem, gaussian_instance
from hpcbbp.machine.rng import normals
from hpcbbp.model import registry
from hpcbbp.theory import ModelTheory, spectrum, transition
from hpcbbp.theory.engine.support import Support

SQUARE = registry.loss("square", 1.0)
TANH, SIGMOID = registry.activation("tanh"), registry.activation("sigmoid")


def paper(p: int, p_star: int, a: float) -> Problem:
    return Problem(p=p, p_star=p_star, alpha=1.0, a=a)


@pytest.mark.parametrize(("p_star", "a", "alpha"), [(1, 10.0, 7.0), (1, 1.0, 3.0), (2, 5.0, 9.0)])
def test_the_papers_model_of_one_unit(p_star, a, alpha):
    """To 1e-8, as the closed forms are right to; the error says how far two grids are apart."""
    engine, exact, at = (
        ModelTheory(paper(1, p_star, a), 1e-9),
        spectrum(1, p_star, a, alpha),
        transition(1, p_star, a),
    )
    found = engine.spectrum(alpha)
    assert found.error < 1e-9
    assert found.edge == exact.edge
    assert found.lambda_minus == pytest.approx(exact.lambda_minus, abs=1e-8)
    assert found.eigenvalues == pytest.approx([exact.lambda_star] * p_star, abs=1e-8)
    assert found.overlap2 == pytest.approx([exact.overlap2] * p_star, abs=1e-8)
    assert found.student_overlap2 == pytest.approx([0.0] * p_star, abs=1e-12)
    threshold = engine.transition()
    assert threshold.kind == at.kind
    assert threshold.alpha_bbp == pytest.approx(at.alpha_bbp, rel=1e-8)
    assert threshold.alpha_c == pytest.approx(at.alpha_c, rel=1e-7)
    assert threshold.jump_overlap2 == pytest.approx(at.jump_overlap2, abs=1e-7)


def test_the_papers_model_of_two_units():
    engine, exact = ModelTheory(paper(2, 1, 1.5)), spectrum(2, 1, 1.5, 3.0)
    found, threshold = engine.spectrum(3.0), engine.transition()
    assert found.error < 1e-6
    assert found.lambda_minus == pytest.approx(exact.lambda_minus, abs=1e-7)
    assert found.eigenvalues == pytest.approx([exact.lambda_star] * 2, abs=1e-7)
    assert found.overlap2 == pytest.approx([exact.overlap2] * 2, abs=1e-7)
    at = transition(2, 1, 1.5)
    assert (threshold.alpha_bbp, threshold.alpha_c) == pytest.approx((at.alpha_bbp, at.alpha_c), rel=1e-7)
    assert threshold.kind == "discontinuous"


def test_many_variables_by_sobol_points():
    """p + p* = 5: to 1e-3, and the error is told."""
    found, exact = ModelTheory(paper(3, 2, 1.5)).spectrum(6.0), spectrum(3, 2, 1.5, 6.0)
    assert len(found.eigenvalues) == 6
    assert found.error < 1e-3
    assert found.lambda_minus == pytest.approx(exact.lambda_minus, abs=4 * found.error)
    assert found.eigenvalues == pytest.approx([exact.lambda_star] * 6, abs=1e-3)
    assert found.overlap2 == pytest.approx([exact.overlap2] * 6, abs=1e-3)


DENSE = {
    "tanh, square": (Problem(p=2, p_star=1, alpha=6.0, a=1.0, activation=TANH, custom_loss=SQUARE), 300),
    "tanh": (Problem(p=2, p_star=1, alpha=6.0, a=2.0, activation=TANH), 300),
    "sigmoid": (Problem(p=1, p_star=1, alpha=6.0, a=1.0, activation=SIGMOID), 400),
    "uniform noise": (Problem(p=1, p_star=1, alpha=4.0, a=2.0, noise=registry.noise("uniform:1.3")), 400),
    "log-cosh": (
        Problem(p=1, p_star=2, alpha=8.0, a=1.0, activation=registry.activation("polynomial:0,0.5,1"),
                custom_loss=registry.loss("log-cosh", 1.0)), 400,
    ),
    "flipped signs": (
        Problem(p=1, p_star=2, alpha=20.0, a=1.0, activation=registry.activation("erf"), custom_loss=SQUARE,
                link=registry.link("sign-product"), noise=registry.noise("sign-flips:0.1")), 400,
    ),
}  # fmt: skip
SEEDS = 12


@pytest.mark.parametrize("name", DENSE)
def test_against_dense_spectra(name):
    """lambda and both m^2 of the lowest outliers: within 4.5 standard errors of 12 instances, and 6/N of bias."""
    problem, n = DENSE[name]
    found = ModelTheory(problem, 1e-4).spectrum(problem.alpha)
    count = len(found.eigenvalues)
    measured = []
    for seed in range(SEEDS):
        one = gaussian_instance(problem, n, seed)
        weights = [w / np.linalg.norm(w, axis=0) for w in (one.teacher, one.student)]
        z = normals(seed, "labels", 0, one.data.m) if problem.noisy else None
        H = dense_hessian(one.data.local, problem.curvature(*one.projections, z).dense())
        values, vectors = np.linalg.eigh(H)
        if not count:
            measured.append([values[0]])
            continue
        overlaps = [
            (np.einsum("nkv,nl->vkl", vectors[:, :count].reshape(n, problem.p, count), w) ** 2).sum() / count
            for w in weights
        ]
        measured.append([values[:count].mean(), *overlaps])
    mean, error = np.mean(measured, axis=0), np.std(measured, axis=0, ddof=1) / math.sqrt(SEEDS)
    expected = (
        [found.lambda_minus]
        if not count
        else [found.eigenvalues.mean(), found.overlap2.mean(), found.student_overlap2.mean()]
    )
    scale = max(1.0, abs(found.lambda_minus))
    bias = 6.0 * scale / n if count else 3.0 * scale / n ** (2 / 3)
    assert np.abs(mean - expected) == pytest.approx(np.zeros(len(mean)), abs=float((4.5 * error + bias).max()))
    for value, told, off in zip(mean, expected, 4.5 * error + bias, strict=True):
        assert abs(value - told) < off


def test_copies_of_an_outlier_do_not_split_on_sobol_points():
    """p* = 3 and 8: thresholds within a few times the error; the lowest copy alone was low by ten errors."""
    for p_star in (4, 8):
        found, at = ModelTheory(paper(1, p_star, 1.0), 1e-4).transition(), transition(1, p_star, 1.0)
        assert found.kind == at.kind
        assert abs(found.alpha_bbp / at.alpha_bbp - 1.0) < 2.0 * found.error < 0.01


def test_noise_is_refined_with_the_grid():
    """Strong noise: 32 nodes for it were wrong by 0.001, whatever the grid of the rest."""
    strong = Problem(p=1, p_star=1, alpha=8.0, a=1.0, custom_loss=registry.loss("log-cosh", 1.0),
                     noise=registry.noise("gaussian:2"))  # fmt: skip
    found = ModelTheory(strong, 1e-4).spectrum(30.0)
    assert found.lambda_minus == pytest.approx(0.119056, abs=2e-4 + found.error)


def test_an_outlier_that_knows_the_student_alone_is_no_transition():
    """Labels that are even in u and an odd activation: parity keeps teacher and student apart."""
    problem = Problem(p=1, p_star=2, alpha=20.0, a=1.0, activation=registry.activation("erf"), custom_loss=SQUARE,
                      link=registry.link("sign-product"))  # fmt: skip
    theory = ModelTheory(problem, 1e-3)
    found = theory.spectrum(20.0)
    assert found.overlap2 == pytest.approx([0.0], abs=1e-12)
    assert found.student_overlap2[0] > 0.8
    with pytest.raises(InputError, match="no outlier that knows the teacher appears up to alpha = 1000"):
        theory.transition(highest=1000.0)
    with pytest.raises(InputError, match="at alpha = 5 already"):
        ModelTheory(paper(1, 1, 1.0)).transition(lowest=5.0)


def test_an_edge_that_is_sharp_at_every_alpha_has_no_alpha_c():
    problem = Problem(p=1, p_star=1, alpha=5.0, a=1.0, activation=registry.activation("erf"), custom_loss=SQUARE,
                      link=registry.link("sign-product"))  # fmt: skip
    assert ModelTheory(problem, 1e-3).transition().alpha_c is None


@pytest.mark.parametrize("window", [(0.0, 1.0), (10, 1), (1, math.inf), ("a", 3)])
def test_windows_that_are_none(window):
    with pytest.raises(InputError):
        ModelTheory(paper(1, 1, 1.0)).transition(*window)


@pytest.mark.parametrize("tolerance", ["x", None, math.nan, -1, 0.0, 2.0])
def test_tolerances_that_are_none(tolerance):
    with pytest.raises(InputError, match="tolerance = "):
        ModelTheory(paper(1, 1, 1.0), tolerance)


def test_curvatures_far_out_are_found():
    """Against closed forms: -2/p for the paper's model; a saturated label for tanh; none for the square loss."""
    assert Support(paper(1, 1, 0.3)).lowest == pytest.approx(-2.0, rel=1e-12)
    assert Support(paper(3, 2, 1.5)).lowest == pytest.approx(-2.0 / 3.0, rel=1e-12)
    s = np.linspace(0.0, 3.0, 30_001)
    t = np.tanh(s)
    least = ((1 - t * t) ** 2 + (t + 1) * -2 * t * (1 - t * t)).min()  # y -> -1, l' = tanh(s) + 1, l'' = 1
    tanh = Problem(p=1, p_star=1, alpha=1, a=1.0, activation=TANH, custom_loss=SQUARE)
    assert Support(tanh).lowest == pytest.approx(least, abs=1e-7)
    for unbounded in (
        Problem(p=1, p_star=2, alpha=1, a=1.0, custom_loss=SQUARE),
        Problem(p=1, p_star=1, alpha=1, a=1.0, activation=TANH, custom_loss=SQUARE,
                noise=registry.noise("gaussian:1e-9")),
    ):  # fmt: skip
        with pytest.raises(InputError, match="no lower bound"):
            ModelTheory(unbounded)


def test_labels_that_the_loss_has_no_value_for_are_refused():
    with pytest.raises(InputError, match=r"label y = -.*: the normalised loss with a = 1 needs a \+ y > 0"):
        ModelTheory(Problem(p=1, p_star=1, alpha=1, a=1.0, noise=registry.noise("gaussian:0.5")))
    with pytest.raises(InputError, match="a hpcbbp.Problem is wanted"):
        ModelTheory("tanh")
    with pytest.raises(InputError, match="p \\(p \\+ p\\*\\)"):
        ModelTheory(paper(20, 1, 1.0))
    with pytest.raises(InputError, match="alpha"):
        ModelTheory(paper(1, 1, 1.0)).spectrum(-1.0)
