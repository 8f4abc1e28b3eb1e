"""alpha_BBP(N) of theory: against sampled projections, against its inverse, against its limits."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from hpcbbp import InputError, Problem, transition
from hpcbbp.theory import effective_size, effective_threshold, finite_size, fraction_seen, resonance, resonance_end
from hpcbbp.theory.limit.contour import continuation
from hpcbbp.theory.limit.modes import modes
from hpcbbp.theory.limit.resonance import branch

MODELS = [(1, 1, 5.0), (2, 1, 1.5), (2, 2, 3.0), (1, 2, 10.0), (100, 1, 3.0), (math.inf, 1, 1.0)]


@pytest.mark.parametrize("model", MODELS)
def test_it_rises_to_alpha_bbp_as_slowly_as_a_logarithm(model):
    top = transition(*model).alpha_bbp
    found = [effective_threshold(*model, 10**decade) for decade in (7, 10, 14, 20, 30)]
    alphas = np.array([at.alpha for at in found])
    assert all(at.trusted and at.reason == "" for at in found)
    assert (np.diff(alphas) > 0).all() and alphas[-1] < top
    # 1 - alpha/alpha_BBP, times log N, varies by less than a factor two over 23 decades.
    scaled = (1 - alphas / top) * np.log([1e7, 1e10, 1e14, 1e20, 1e30])
    assert scaled.max() < 2 * scaled.min()


@pytest.mark.parametrize("model", MODELS)
def test_the_inverse_gives_n_back(model):
    for n in (10**6, 10**9, 10**20):
        alpha = effective_threshold(*model, n).alpha
        assert effective_size(*model, alpha).n == pytest.approx(n, rel=1e-6)


def test_the_fraction_seen_is_what_is_inverted():
    at = effective_threshold(1, 1, 10.0, 10**6, 0.3).alpha
    assert fraction_seen(1, 1, 10.0, at, 10**6) == pytest.approx(0.3, rel=1e-8)
    assert fraction_seen(1, 1, 10.0, 6.5, 10**6) == 1.0  # above alpha_BBP
    assert fraction_seen(1, 1, 10.0, 0.5, 10**6) is None  # below the end of the resonance
    assert fraction_seen(2, 1, 0.5, 0.5, 10**6) is None  # continuous


def test_fractions_are_in_order():
    tenth, half, most = (effective_threshold(1, 1, 10.0, 10**6, share).alpha for share in (0.1, 0.5, 0.9))
    assert tenth < half < most
    # The log of the number of samples expected: -log P goes from 2.303 over 0.693 to 0.105.
    assert effective_threshold(1, 1, 10.0, 10**6, 0.5).alpha == half


@pytest.mark.parametrize(
    ("model", "n", "samples"), [((1, 1, 10.0), 20_000, 24), ((1, 2, 20.0), 10_000, 24), ((2, 1, 5.0), 20_000, 24)]
)
def test_half_of_the_outliers_of_samples_are_seen_near_it(model, n, samples):
    """Clearly more than half above it, clearly fewer below: 12 per cent in alpha to both sides.

    Counts on the wrong side of a half have a probability of 1e-4 at most if 15 and 85 per cent are right.
    """
    p, p_star, a = model
    at = effective_threshold(*model, n).alpha

    def seen(alpha: float) -> float:
        return finite_size(Problem(p=p, p_star=p_star, alpha=alpha, a=a), n, samples, seed=7).seen

    assert stats.binom.sf(samples // 2, samples, 0.15) < 1e-4
    assert seen(0.88 * at) <= 0.5 <= seen(1.12 * at)


def test_wide_students_have_the_threshold_of_infinite_ones():
    wide, infinite = effective_threshold(20_000, 1, 1.0, 10**8), effective_threshold(math.inf, 1, 1.0, 10**8)
    assert wide.alpha == pytest.approx(infinite.alpha, rel=2e-3)


def test_modes_of_e_on_matrices():
    """Against averages over directions on the sphere, p = 3."""
    rng = np.random.default_rng(3)
    p, E0, E1 = 3, -0.7, 1.9
    v = rng.standard_normal((200_000, p))
    v /= np.linalg.norm(v, axis=1)[:, None]
    at = modes(p, np.array([E0 * E0, E0 * E1, E1 * E1]))
    kinds = {
        "trace": np.eye(p) / math.sqrt(3),
        "traceless": np.diag([1.0, -1.0, 0.0]) / math.sqrt(2),
        "antisymmetric": np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 0]]) / math.sqrt(2),
    }
    for name, delta in kinds.items():
        Ed = E0 * delta + (E1 - E0) * np.einsum("mi,mj,jk->mik", v, v, delta)
        EdE = E0 * Ed + (E1 - E0) * np.einsum("mij,mj,mk->mik", Ed, v, v)
        values = np.einsum("mij,ij->m", EdE, delta)
        assert abs(values.mean() - getattr(at, name)) < 1e-12 + 5 * values.std() / math.sqrt(len(values)), name


def test_products_on_the_real_axis_are_those_of_the_contour():
    """Before gamma = 1 both routes are good."""
    from hpcbbp.theory.limit.bulk import averages

    for model in ((1, 1, 5.0), (2, 1, 1.5), (10, 3, 2.0), (math.inf, 1, 1.0)):
        plain = averages(*model).products(0.9)[0]
        np.testing.assert_allclose(continuation(*model).at(0.9 + 0j).products, plain, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(
    ("model", "n", "said"),
    [
        ((2, 1, 0.5), 10**6, "continuous transition"),
        ((2, 1, 1.5), 100, "too small"),
        ((1, 1, 5.0), 300, "m^2 vanishes"),
        ((10, 1, 0.5), 10**6, "lowest curvature alone"),
    ],
)
def test_reasons_where_there_is_none(model, n, said):
    found = effective_threshold(*model, n)
    assert found.alpha is None and not found.trusted
    assert said in found.reason
    assert found.to_dict() == {"n": n, "alpha_bbp_n": None, "trusted": False, "reason": found.reason}


@pytest.mark.parametrize(
    ("alpha", "said"),
    [
        (1.3229376, "N > 1e+290"),
        (1.4, "the outlier stays"),
        (0.5, "no resonance"),
        (0.94, "no N that is large enough"),
    ],
)
def test_reasons_where_no_n_is(alpha, said):
    found = effective_size(2, 1, 1.5, alpha)
    assert found.n is None and said in found.reason


BAD: Sequence[tuple[tuple[object, ...], str]] = [
    ((2, 1, 1.5, 2), "from p \\+ p\\* = 3 to 1e\\+30"),
    ((2, 1, 1.5, 10**31), "to 1e\\+30"),
    ((2, 1, 1.5, 100.5), "N = 100.5"),
    ((2, 1, 1.5, math.nan), "N = nan"),
    ((2, 1, 1.5, "x"), "N = 'x'"),
    ((2, 1, 1.5, 100, 1.0), "fraction = 1.0"),
    ((2, 1, 0.0, 100), "a = 0.0"),
]


@pytest.mark.parametrize(("words", "said"), BAD)
def test_bad_input(words, said):
    with pytest.raises(InputError, match=said):
        effective_threshold(*words)


@pytest.mark.parametrize("model", [(1, 1, 1e4), (5, 1, 1e5), (math.inf, 1, 1e4)])
@pytest.mark.parametrize("n", [300, 1000])
def test_what_was_asked_before_does_not_matter(model, n):
    """Here the resonance goes on far below alpha_BBP, and N is so small that the fraction jumps past one half."""
    branch.cache_clear()
    fresh, end = effective_threshold(*model, n), resonance_end(*model)
    branch.cache_clear()
    resonance(*model, 1e-3)
    assert resonance_end(*model) == end > 0.0
    assert effective_threshold(*model, n) == fresh
    assert fresh.alpha is None and "too small" in fresh.reason


@pytest.mark.parametrize(
    ("model", "n"),
    [
        ((309, 74, 484739.13996667915), 10**8),
        ((math.inf, 1, 1.0), 10**4),
        ((math.inf, 1, 1.0), 12000),
        ((108, 32, 42.2), 10**4),
        ((1, 1, 10.0), 10**5),
        ((2, 1, 1.5), 10**20),
    ],
)
def test_one_is_the_inverse_of_the_other(model, n):
    alpha = effective_threshold(*model, n).alpha
    assert alpha is not None
    assert effective_size(*model, alpha).n == pytest.approx(n, rel=1e-8)
    assert fraction_seen(*model, alpha, n) == pytest.approx(0.5, rel=1e-8)


def test_not_trusted_where_the_weights_are_as_many_as_n():
    found = effective_threshold(100_000, 1, 10.0, 100_001)
    assert found.alpha is not None and not found.trusted


def test_no_fraction_where_it_is_not_given_and_all_near_the_transition():
    assert [fraction_seen(1, 1, 10.0, alpha, 2) for alpha in (1.06, 1.5, 2.0)] == [None] * 3
    assert fraction_seen(1, 1, 10.0, 6.0, 10**5) == pytest.approx(1.0, abs=1e-3)
