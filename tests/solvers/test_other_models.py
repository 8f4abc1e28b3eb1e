"""Other activations, losses, teachers and noise: stored and deferred solves against dense eigh, dice beside them."""

from __future__ import annotations

import numpy as np
import pytest
from dense import completed, dense_hessian, images
from scipy.special import erf, expit

from hpcbbp import InputError, Problem, deferred_instance, gaussian_instance, solve_deferred, solve_instance
from hpcbbp.machine import petsc
from hpcbbp.machine.rng import normals
from hpcbbp.model import registry

needs_slepc = pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed")


def problem(p: int, p_star: int, alpha: float, a: float, **words: str) -> Problem:
    made = {name: getattr(registry, name)(text) for name, text in words.items() if name != "loss"}
    if "loss" in words:
        made["custom_loss"] = registry.loss(words["loss"], a)
    return Problem(p=p, p_star=p_star, alpha=alpha, a=a, **made)


MODELS = {
    "tanh, square": problem(2, 1, 4.0, 1.0, activation="tanh", loss="square"),
    "sigmoid": problem(2, 2, 3.0, 1.0, activation="sigmoid"),
    "uniform noise": problem(2, 1, 3.0, 1.5, noise="uniform:1.3"),
    "flipped signs": problem(2, 2, 3.0, 1.0, loss="square", link="sign-product", noise="sign-flips:0.1"),
    "erf, logistic": problem(3, 1, 3.0, 1.0, activation="erf", loss="logistic", link="sign-product"),
    "product": problem(1, 2, 5.0, 1.0, activation="polynomial:0,1,0.5", loss="log-cosh", link="product"),
}


def by_hand(name: str, s: np.ndarray, u: np.ndarray, z: np.ndarray) -> np.ndarray:
    """D of every sample, (M, p, p), written down anew: labels, then sigma', sigma'', then l', l''."""
    p = s.shape[1]
    sign = np.where(np.prod(u, axis=1) < 0, -1.0, 1.0)
    uniform = 2.6 * (0.5 * (1.0 + erf(z / np.sqrt(2)))) - 1.3
    y, yhat, first, second = {
        "tanh, square": lambda: (
            np.tanh(u).mean(axis=1), np.tanh(s).mean(axis=1), 1 / np.cosh(s) ** 2, -2 * np.tanh(s) / np.cosh(s) ** 2
        ),
        "sigmoid": lambda: (
            expit(u).mean(axis=1), expit(s).mean(axis=1), expit(s) * (1 - expit(s)),
            expit(s) * (1 - expit(s)) * (1 - 2 * expit(s)),
        ),
        "uniform noise": lambda: ((u**2).mean(axis=1) + uniform, (s**2).mean(axis=1), 2 * s, 2 + 0 * s),
        "flipped signs": lambda: (
            np.where(0.5 * (1.0 + erf(z / np.sqrt(2))) < 0.1, -sign, sign), (s**2).mean(axis=1), 2 * s, 2 + 0 * s
        ),
        "erf, logistic": lambda: (
            sign, erf(s / np.sqrt(2)).mean(axis=1), np.sqrt(2 / np.pi) * np.exp(-(s**2) / 2),
            -s * np.sqrt(2 / np.pi) * np.exp(-(s**2) / 2),
        ),
        "product": lambda: (u[:, 0] * u[:, 1], (s + 0.5 * s**2).mean(axis=1), 1 + s, 1 + 0 * s),
    }[name]()  # fmt: skip
    gap = yhat - y
    slope, bend = {
        "tanh, square": lambda: (gap, 1 + 0 * y),
        "sigmoid": lambda: (gap / (1 + y), 1 / (1 + y)),
        "uniform noise": lambda: (gap / (1.5 + y), 1 / (1.5 + y)),
        "flipped signs": lambda: (gap, 1 + 0 * y),
        "erf, logistic": lambda: (-y / (1 + np.exp(y * yhat)), 1 / (2 + 2 * np.cosh(yhat))),
        "product": lambda: (np.tanh(gap), 1 / np.cosh(gap) ** 2),
    }[name]()
    outer = bend[:, None, None] * first[:, :, None] * first[:, None, :] / p**2
    return outer + np.eye(p) * (slope[:, None] * second / p)[:, None, :]


@needs_slepc
@pytest.mark.mpi
@pytest.mark.parametrize("name", MODELS)
def test_stored_against_dense_eigh(group, name):
    """On any number of ranks, noise included: one seed is one instance."""
    model, n, seed = MODELS[name], 50, 3
    one = gaussian_instance(model, n, seed)
    z = normals(seed, "labels", 0, one.data.m)
    X = one.data.local
    scaled = [weights / np.linalg.norm(weights, axis=0) * np.sqrt(n) for weights in (one.student, one.teacher)]
    H = dense_hessian(X, by_hand(name, X @ scaled[0], X @ scaled[1], z))
    values = np.linalg.eigvalsh(H)
    found = solve_instance(gaussian_instance(model, n, seed, group=group), tol=1e-10)
    assert found.eigen.converged.all()
    np.testing.assert_allclose(found.eigen.eigenvalues, values[: len(found.eigen.eigenvalues)], atol=1e-10)
    assert found.to_dict()["activation"] == model.activation.name
    assert {name: found.to_dict().get(name) for name in model.unusual()} == model.unusual()


@pytest.mark.mpi
@pytest.mark.parametrize("name", MODELS)
def test_deferred_is_the_same_on_any_number_of_ranks(group, name):
    found = [solve_deferred(deferred_instance(MODELS[name], 80, 2, group=one), tol=1e-6) for one in (group, None)]
    np.testing.assert_array_equal(found[0].eigen.eigenvalues, found[1].eigen.eigenvalues)
    np.testing.assert_array_equal(found[0].overlap2, found[1].overlap2)
    assert found[0].eigen.converged.all()


@pytest.mark.parametrize("name", MODELS)
def test_deferred_against_a_dense_completion(name, rng):
    model, n, seed = MODELS[name], 80, 2
    instance = deferred_instance(model, n, seed)
    solution = solve_deferred(instance, tol=1e-7)
    z = normals(seed, "labels", 0, instance.m)
    projections = np.sqrt(n) * images(instance)[:, : instance.q] @ instance.weights
    D = by_hand(name, projections[:, : model.p], projections[:, model.p :], z)
    X, _ = completed(instance, rng, D)
    exact = np.linalg.eigvalsh(dense_hessian(X, D))
    found = solution.eigen.eigenvalues
    np.testing.assert_allclose(found, exact[: len(found)], atol=1e-9)


@needs_slepc
@pytest.mark.mpi
@pytest.mark.parametrize("name", ["uniform noise", "erf, logistic"])
def test_dice_is_the_same_on_any_number_of_ranks(group, name):
    """Its outliers, to 1e-6."""
    model = MODELS[name]
    found = [
        solve_instance(gaussian_instance(model, 60, 2, data="dice", group=one), nev=model.p * model.p_star, tol=1e-9)
        for one in (group, None)
    ]
    np.testing.assert_allclose(found[0].eigen.eigenvalues, found[1].eigen.eigenvalues, atol=1e-6)


@pytest.mark.mpi
def test_a_label_of_one_rank_is_refused_by_all(group):
    """With noise that takes a + y below 0 in one sample of hundreds."""
    model = problem(2, 1, 3.0, 0.3, noise="gaussian:0.2")
    with pytest.raises(InputError, match=r"label y = -0\.\d+: the normalised loss with a = 0\.3 needs a \+ y > 0"):
        _ = gaussian_instance(model, 120, 1, group=group).hessian
    with pytest.raises(InputError, match=r"label y = -0\.\d+: the normalised loss"):
        solve_deferred(deferred_instance(model, 120, 1, group=group))
