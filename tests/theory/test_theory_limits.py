"""Theory in the limit of many hidden units, and sample by sample at finite N."""

from __future__ import annotations

import math

import numpy as np
import pytest
from commands import answer, run
from dense import dense_sample

from hpcbbp import InputError
from hpcbbp.theory import quenched, spectrum, transition


@pytest.mark.parametrize("p_star", [1, 2, 7])
@pytest.mark.parametrize("a", [1e-4, 0.3, 1.5, 100.0])
def test_infinitely_many_hidden_units_in_closed_form(p_star, a):
    """alpha_BBP = p*(1+a)/2, m^2 jumps to a/(a+1+4/p*), alpha_c = p*(1+a)^2/2."""
    at = transition(math.inf, p_star, a)
    assert at.kind == "discontinuous"
    np.testing.assert_allclose(
        [at.alpha_bbp, at.jump_overlap2, at.alpha_c],
        [p_star * (1 + a) / 2, a / (a + 1 + 4 / p_star), p_star * (1 + a) ** 2 / 2],
        rtol=1e-10,
    )


def test_many_hidden_units_approach_the_limit():
    """Thresholds as they are, eigenvalues times p, with an error of order 1/p."""
    limit, at = spectrum(math.inf, 1, 1.5, 3.0), transition(math.inf, 1, 1.5)
    errors = []
    for p in (1000, 10_000, 100_000):
        found = spectrum(p, 1, 1.5, 3.0)
        errors.append(max(abs(p * found.lambda_star - limit.lambda_star), abs(found.overlap2 - limit.overlap2)))
        assert abs(transition(p, 1, 1.5).alpha_c - at.alpha_c) < 10 / p
    assert errors[2] < 1e-4
    assert 8 < errors[0] / errors[1] < 12
    assert 8 < errors[1] / errors[2] < 12


def test_the_command_line_takes_inf():
    found = answer("theory", "-p", "inf", "-a", 1.5, "--alpha", 3)
    assert found["p"] == "inf"
    assert abs(found["alpha_bbp"] - 1.25) < 1e-12
    assert "eigenvalues of p H" in run("theory", "-p", "inf", "-a", 1.5).stdout


@pytest.mark.parametrize(("p", "p_star", "alpha"), [(1, 1, 3.0), (2, 1, 3.0), (3, 1, 3.0), (1, 2, 8.0)])
def test_quenched_predicts_dense_instances(p, p_star, alpha):
    """Instance by instance: mean difference within 5 standard errors and a bias 5/N, less scatter at larger N."""
    spread = []
    for n, seeds in ((100, 24), (400, 12)):
        rng = np.random.default_rng(n)
        differences, differences_m2 = [], []
        for _ in range(seeds):
            s, u, values, m2 = dense_sample(p, p_star, 1.5, alpha, n, rng)
            found = quenched(s, u, 1.5, n)
            if len(found.eigenvalues) < p * p_star:
                continue
            differences.append(values.mean() - found.eigenvalues[: p * p_star].mean())
            differences_m2.append(m2.sum() - found.overlap2[: p * p_star].sum())
        assert len(differences) > seeds / 2
        for found_differences in (differences, differences_m2):
            error = np.std(found_differences) / np.sqrt(len(found_differences))
            assert abs(np.mean(found_differences)) < 5 * error + 5 / n
        spread.append(np.std(differences))
    assert spread[1] < spread[0]


def test_quenched_tends_to_infinite_n():
    """At N = 10^6 the sample's own numbers are those of N = infinity to a few N^(-1/2)."""
    rng, n, alpha = np.random.default_rng(0), 10**6, 3.0
    s, u = rng.standard_normal((3 * n, 2), dtype=np.float32), rng.standard_normal((3 * n, 1), dtype=np.float32)
    found, limit = quenched(s, u, 1.5, n), spectrum(2, 1, 1.5, alpha)
    assert abs(found.edge - limit.lambda_minus) < 5e-3
    np.testing.assert_allclose(found.eigenvalues, limit.lambda_star, atol=5e-3)
    np.testing.assert_allclose(found.overlap2, limit.overlap2, atol=5e-3)
    np.testing.assert_allclose(found.student_overlap2, 0.0, atol=1e-4)


def test_quenched_knows_the_signal_below_the_transition():
    """At a smooth edge a sample's largest labels leave outliers below alpha_BBP."""
    rng, n = np.random.default_rng(1), 20_000
    m = round(1.2 * n)
    found = quenched(rng.standard_normal((m, 2)), rng.standard_normal((m, 1)), 1.5, n)
    assert spectrum(2, 1, 1.5, 1.2).lambda_star is None
    assert len(found.eigenvalues) >= 2
    assert (found.overlap2[:2] > 0.02).all()
    assert (found.eigenvalues < found.edge).all()


def test_quenched_refuses_what_it_cannot_predict():
    s, u = np.ones((10, 2)), np.ones((10, 1))
    for words, message in (
        ((s, np.ones((9, 1)), 1.5, 5), r"shapes \(10, 2\) and \(9, 1\)"),
        ((s, u, -1.0, 5), "a = -1"),
        ((s * np.nan, u, 1.5, 5), "finite"),
        ((3 * s, u, 1.5, 5), "no left edge"),
        ((np.ones((10, 30)), u, 1.5, 50), "go up to 400"),
    ):
        with pytest.raises(InputError, match=message):
            quenched(*words)
