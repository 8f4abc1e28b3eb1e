"""The density of the bulk by the engine: against closed forms, and against the eigenvalues of dense matrices."""

from __future__ import annotations

import numpy as np
import pytest
from dense import dense_hessian
from scipy.integrate import cumulative_trapezoid, trapezoid

from hpcbbp import InputError, Problem, gaussian_instance
from hpcbbp.model import registry
from hpcbbp.theory import ModelTheory, density, model_density


def eigenvalues(problem, n, seed):
    instance = gaussian_instance(problem, n, seed)
    return np.linalg.eigvalsh(dense_hessian(instance.data.local, instance.hessian.curvature.dense()))


@pytest.mark.parametrize(("p", "a", "alpha"), [(1, 1.0, 3.0), (2, 1.5, 3.0)])
def test_it_is_the_closed_forms_of_the_papers_model(p, a, alpha):
    found = model_density(ModelTheory(Problem(p=p, p_star=1, alpha=1.0, a=a), 1e-4), alpha, 40)
    exact = density(p, 1, a, alpha, found.x).rho
    assert np.abs(found.rho - exact).max() < max(found.error, 1e-9)
    assert found.error < 5e-3 * exact.max()
    assert trapezoid(found.rho, found.x) == pytest.approx(0.985, abs=0.01)


def test_it_is_where_the_eigenvalues_are_where_teacher_and_student_mix():
    problem = Problem(
        p=2, p_star=1, alpha=6.0, a=1.0, activation=registry.activation("tanh"),
        custom_loss=registry.loss("square", 1.0),
    )  # fmt: skip
    found = model_density(ModelTheory(problem, 1e-3), 6.0, 16)
    values = np.concatenate([eigenvalues(problem, 300, seed) for seed in range(3)])
    x = found.x[0] + np.array([0.2, 0.4, 0.7]) * np.ptp(found.x)
    below = np.interp(x, found.x, cumulative_trapezoid(found.rho, found.x, initial=0.0))
    assert np.abs(below - (values[:, None] < x).mean(axis=0)).max() < 0.03


def test_too_few_points_are_refused():
    theory = ModelTheory(Problem(p=1, p_star=1, alpha=1.0, a=1.0), 1e-3)
    with pytest.raises(InputError, match="points = 3"):
        model_density(theory, 3.0, 3)
