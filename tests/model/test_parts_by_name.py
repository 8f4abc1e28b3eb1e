"""Activations, losses, noise and links: derivatives, laws of noise, names that come back, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from hpcbbp import InputError, Problem
from hpcbbp.model import registry
from hpcbbp.model.activations import Polynomial
from hpcbbp.model.labels import SignFlips

ACTIVATIONS = ["quadratic", "tanh", "sigmoid", "erf", "softplus", "polynomial:0.5,-1,0,2,0.25"]
LOSSES = ["normalized-square", "square", "log-cosh", "logistic"]
NOISES = ["noiseless", "gaussian:0.3", "uniform:1.3", "multiplicative:0.2", "sign-flips:0.25"]
LINKS = ["product", "sign-product", "norm", "ratio"]


def slope(f, x, h=1e-5):
    """Central difference of fourth order."""
    return (8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12 * h)


def test_every_name_is_tried_here():
    for names, entries in (
        (ACTIVATIONS, registry.ACTIVATIONS), (LOSSES, registry.LOSSES), (NOISES, registry.NOISES),
        (LINKS, registry.LINKS),
    ):  # fmt: skip
        assert [name.partition(":")[0] for name in names] == list(entries)
        assert all(entry.formula for entry in entries.values())


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivatives_of_activations(name, rng):
    f, s = registry.activation(name), 2.0 * rng.standard_normal(200)
    np.testing.assert_allclose(f.first(s), slope(f.value, s), atol=1e-8, rtol=1e-8)
    np.testing.assert_allclose(f.second(s), slope(f.first, s), atol=1e-8, rtol=1e-8)
    assert f.name == name
    assert registry.activation(f.name) == f


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.filterwarnings("error")
def test_activations_far_out_are_numbers(name):
    f, s = registry.activation(name), np.array([-1e3, -50.0, 0.0, 50.0, 1e3])
    for method in (f.value, f.first, f.second):
        assert np.isfinite(method(s)).all()


@pytest.mark.parametrize("name", LOSSES)
def test_derivatives_of_losses(name, rng):
    loss, yhat = registry.loss(name, 0.7), 2.0 * rng.standard_normal(200)
    y = rng.choice([-1.0, 1.0], 200) if name == "logistic" else rng.random(200)
    np.testing.assert_allclose(loss.first(y, yhat), slope(lambda x: loss.value(y, x), yhat), atol=1e-8)
    second = np.broadcast_to(loss.second(y, yhat), 200)
    np.testing.assert_allclose(second, slope(lambda x: loss.first(y, x), yhat), atol=1e-8)
    assert registry.loss(loss.name, 0.7) == loss


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.filterwarnings("error")
def test_losses_far_out_are_numbers(name):
    loss, far = registry.loss(name, 1.0), np.array([-1e3, 1e3])
    for method in (loss.value, loss.first, loss.second):
        assert np.isfinite(method(np.ones(2), far)).all()


@pytest.mark.parametrize("name", NOISES)
def test_noise_is_what_it_says(name, rng):
    """Its law (Kolmogorov and Smirnov, p > 1e-4), and that its nodes have the same mean and variance."""
    channel, z = registry.noise(name), rng.standard_normal(4000)
    assert channel.name == name
    assert registry.noise(channel.name) == channel
    found = channel.apply(np.full(4000, 2.0), z)
    laws = {
        "gaussian:0.3": stats.norm(2.0, 0.3), "uniform:1.3": stats.uniform(0.7, 2.6),
        "multiplicative:0.2": stats.norm(2.0, 0.4),
    }  # fmt: skip
    if name in laws:
        assert stats.kstest(found, laws[name].cdf).pvalue > 1e-4
        mean, variance = laws[name].mean(), laws[name].var()
    elif name == "noiseless":
        assert (found == 2.0).all()
        mean, variance = 2.0, 0.0
    else:
        flipped = int((found == -2.0).sum())
        assert flipped + int((found == 2.0).sum()) == 4000
        assert stats.binomtest(flipped, 4000, 0.25).pvalue > 1e-4
        mean, variance = 1.0, 3.0
    points, weights = channel.nodes(20)
    values = channel.apply(np.full(len(points), 2.0), points)
    assert weights.sum() == pytest.approx(1.0, abs=1e-14)
    assert weights @ values == pytest.approx(mean, abs=1e-12)
    assert weights @ (values - mean) ** 2 == pytest.approx(variance, abs=1e-12)


def test_links():
    u = np.array([[2.0, -3.0], [-1.0, -4.0], [0.5, 0.25]])
    for name, expected in (
        ("product", [-6.0, 4.0, 0.125]), ("sign-product", [-1.0, 1.0, 1.0]), ("norm", [6.5, 8.5, 0.15625]),
        ("ratio", [-2 / 3, 0.25, 2.0]),
    ):  # fmt: skip
        link = registry.link(name)
        np.testing.assert_allclose(link.value(u), expected)
        assert registry.link(link.name) == link
        problem = Problem(p=1, p_star=2, alpha=1, a=10.0, link=link)
        np.testing.assert_allclose(problem.labels(u), expected)


@pytest.mark.parametrize(
    ("role", "words", "said"),
    [
        ("activation", "relu", "one of quadratic, tanh"),
        ("activation", "tanh:2", "one of quadratic, tanh"),
        ("activation", "polynomial", "polynomial:C0,C1,..."),
        ("activation", "polynomial:", "finite numbers"),
        ("activation", "polynomial:1", "two to 16 coefficients"),
        ("activation", "polynomial:1,0", "one beyond c_0"),
        ("activation", "polynomial:1,x", "finite numbers"),
        ("activation", "polynomial:1,1e999", "finite numbers"),
        ("activation", None, "one of"),
        ("noise", "gaussian", "gaussian:SIGMA"),
        ("noise", "gaussian:-1", "> 0"),
        ("noise", "gaussian:1,2", "one number"),
        ("noise", "sign-flips:0.6", "<= 0.5"),
        ("link", "max", "one of product"),
    ],
)
def test_refusals_name_what_there_is(role, words, said):
    with pytest.raises(InputError, match=said) as refused:
        getattr(registry, role)(words)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("given", [(1.0,), "12", None, (1.0, math.nan), (0.0, 0.0), (0.0,) * 17, (1.0, "x")])
def test_polynomials_that_are_none(given):
    with pytest.raises(InputError, match="polynomial"):
        Polynomial(given)


def test_labels_that_a_loss_has_no_value_for():
    u = np.array([[0.1], [-3.0], [-4.0]])
    tanh = registry.activation("tanh")
    with pytest.raises(InputError, match=r"label y = -0\.995055: the normalised loss with a = 0\.5 needs a \+ y > 0"):
        Problem(p=1, p_star=1, alpha=1, a=0.5, activation=tanh).labels(u)
    assert len(Problem(p=1, p_star=1, alpha=1, a=2, activation=tanh).labels(u)) == 3
    with pytest.raises(InputError, match=r"label y = 0\.01: the logistic loss needs labels \+1 and -1"):
        Problem(p=1, p_star=1, alpha=1, a=2, custom_loss=registry.loss("logistic", 2)).labels(u)


def test_noise_needs_its_numbers():
    problem = Problem(p=1, p_star=1, alpha=1, a=1, noise=SignFlips(0.1), custom_loss=registry.loss("square", 1))
    u = np.ones((3, 1))
    for z in (None, np.zeros(2)):
        with pytest.raises(InputError, match=r"noise sign-flips:0\.1"):
            problem.labels(u, z)
    np.testing.assert_array_equal(problem.labels(u, np.array([-3.0, 0.0, 3.0])), [-1.0, 1.0, 1.0])
    with pytest.raises(InputError, match=r"p_star = 1: a teacher 'product' needs p_star >= 2"):
        Problem(p=1, p_star=1, alpha=1, a=1, link=registry.link("product"))
