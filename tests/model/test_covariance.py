"""Laws of the eigenvalues of Sigma: names, counts at every N, users' own, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcbbp import InputError, Problem, gaussian_instance
from hpcbbp.model import covariance, registry
from hpcbbp.model.words import Parts


class Wedge:
    """The user's own: a continuous law that is not this package's."""

    name = "wedge"

    def quantile(self, t):
        return np.sqrt(0.1 + t)


def test_spellings():
    made = registry.covariance_of("levels:1.50,0.5,0.5,.5")
    assert made.name == "levels:0.5,0.5,1.5,0.5"
    assert registry.covariance_of(made.name) == made
    assert Parts.given(covariance="levels:1.50,0.5,0.5,.5").unusual() == {"covariance": "levels:0.5,0.5,1.5,0.5"}
    assert registry.covariance_of("uniform:0.50").name == "uniform:0.5"


NUMBERS = st.one_of(
    st.sampled_from(["0.5", "1", "1e400", "-1", "nan", "inf", "0", "", " 2", "1_0", "x", "9" * 400]),
    st.text(max_size=4),
)


@given(st.sampled_from(["levels:", "uniform:", "levels", "", "uniform:0.5"]), st.lists(NUMBERS, max_size=6))
def test_words_that_no_one_would_write(name, numbers):
    """A law that its own name spells again, or one line."""
    words, said = name + ",".join(numbers), ""
    try:
        law = registry.covariance_of(words)
    except InputError as error:
        said = str(error)
    if said:
        assert said.startswith("covariance")
        assert "\n" not in said
    else:
        assert registry.covariance_of(law.name) == law


@given(st.integers(1, 5000), st.floats(0.01, 0.99), st.floats(0.01, 100.0))
def test_counts_of_levels_are_shares_of_every_n(n, share, ratio):
    law = covariance.Levels((1.0, share, 1.0 + ratio, 1.0 - share))
    values, counts = covariance.levels_of(law, n, 8)
    assert counts.sum() == n
    assert set(values) <= {1.0, 1.0 + ratio}
    low = counts[values == 1.0].sum()
    assert abs(low - share * n) <= 0.5 + 1e-6
    assert np.repeat(values, counts) == pytest.approx(covariance.eigenvalues_of(law, n))


@pytest.mark.parametrize("law", [covariance.Uniform(0.7), Wedge(), covariance.Levels((0.5, 0.3, 2.0, 0.7))])
def test_any_range_of_coordinates_has_its_part_of_the_whole(law):
    whole = covariance.eigenvalues_of(law, 1000)
    assert (np.diff(whole) >= 0).all()
    assert np.concatenate([covariance.eigenvalues_of(law, 1000, range(i, i + 100)) for i in range(0, 1000, 100)]) == (
        pytest.approx(whole)
    )
    values, shares = covariance.nodes_of(law)
    assert shares.sum() == pytest.approx(1.0)
    assert values @ shares == pytest.approx(whole.mean(), abs=1e-3)
    levels, counts = covariance.binned(law, 1000)
    assert len(levels) <= 200
    assert counts.sum() == 1000
    assert levels @ counts / 1000 == pytest.approx(whole.mean(), abs=1e-3)


def test_steps_of_the_users_own_are_found():
    class Steps:
        name = "steps"

        def quantile(self, t):
            return np.where(t < 1 / 3, 0.5, np.where(t < 0.9, 1.0, 2.0))

    values, shares = covariance.nodes_of(Steps())
    assert values.tolist() == [0.5, 1.0, 2.0]
    assert shares == pytest.approx([1 / 3, 0.9 - 1 / 3, 0.1], abs=1e-12)


def test_nodes_of_continuous_laws_are_dense_at_the_ends():
    """The average of 1/(sigma - b), b just below the least eigenvalue, is a logarithm."""
    values, shares = covariance.nodes_of(covariance.Uniform(0.9))
    for gap in (1e-2, 1e-4, 1e-6):
        exact = np.log((1.8 + gap) / gap) / 1.8
        assert shares @ (1.0 / (values - 0.1 + gap)) == pytest.approx(exact, rel=1e-9)
    levels, counts = covariance.binned(covariance.Uniform(0.9), 10**6)
    assert counts.sum() == 10**6
    assert shares @ values == pytest.approx(counts @ levels / 10**6, abs=1e-9)
    b = 0.1 - 1e-4
    finite = np.mean(1.0 / (0.1 + 1.8 * (np.arange(10**6) + 0.5) / 10**6 - b))
    assert counts @ (1.0 / (levels - b)) / 10**6 == pytest.approx(finite, rel=1e-3)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (lambda t: -t, "one number from 1e-06"),
        (lambda t: t * np.nan, "one number from 1e-06"),
        (lambda t: t[:-1], "one number from 1e-06"),
        (lambda t: "eigenvalues", "one number from 1e-06"),
        (lambda t: 2.0 - t, "falls"),
        (lambda t: t + 1j, "one number from 1e-06"),
        (lambda t: t[10**9], "IndexError"),
        (None, "TypeError"),
    ],
)
def test_laws_of_the_users_that_are_none(values, said):
    class Own:
        name = "own"
        quantile = staticmethod(values)

    with pytest.raises(InputError, match=f"covariance = 'own': quantile.*{said}"):
        Problem(p=1, p_star=1, alpha=2.0, a=1.0, covariance=Own())


def test_a_law_without_a_quantile():
    class Own:
        name = "own"

    with pytest.raises(InputError, match="covariance = 'own': quantile.*AttributeError"):
        Problem(p=1, p_star=1, alpha=2.0, a=1.0, covariance=Own())


def test_a_fall_between_two_pieces_is_seen():
    class Falls:
        name = "falls"

        def quantile(self, t):
            return np.where(t < 0.5, 1.0 + t, t)

    with pytest.raises(InputError, match="falls"):
        covariance.check_law(Falls(), 2**17)


def test_levels_of_any_n_take_no_time():
    """They are bisected: 10^14 eigenvalues are not looked at one by one."""
    values, counts = covariance.levels_of(covariance.Levels((0.5, 0.25, 2.0, 0.75)), 10**14, 8)
    assert values.tolist() == [0.5, 2.0]
    assert counts.sum() == 10**14
    assert abs(counts[0] - 25 * 10**12) <= 1
    assert covariance.levels_of(covariance.Uniform(0.5), 10**14, 8) is None


def test_stored_data_have_the_variances():
    """Mean squares of columns: chi^2 with M degrees of freedom, 5 standard deviations of 60 columns."""
    for law in (covariance.Levels((0.5, 0.5, 4.0, 0.5)), Wedge()):
        problem = Problem(p=1, p_star=1, alpha=100.0, a=1.0, covariance=law)
        X = gaussian_instance(problem, 60, 1).data.local
        ratio = 60 * (X**2).mean(axis=0) / covariance.eigenvalues_of(law, 60)
        assert np.abs(ratio - 1.0).max() < 5 * np.sqrt(2.0 / len(X))
