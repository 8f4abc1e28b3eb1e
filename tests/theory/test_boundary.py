"""Where the transition turns discontinuous: a_c(p) and p_c(a)."""

from __future__ import annotations

import math

import pytest

from hpcbbp import InputError
from hpcbbp.theory import a_c, p_c, transition


@pytest.mark.parametrize(("p", "p_star"), [(1, 1), (2, 1), (3, 2), (10, 1), (100, 7), (1000, 1), (2, 100)])
def test_the_kind_changes_at_a_c(p, p_star):
    turn = a_c(p, p_star)
    below, at, above = (transition(p, p_star, turn * factor) for factor in (1 - 1e-7, 1 + 1e-12, 1 + 1e-7))
    assert (below.kind, above.kind) == ("continuous", "discontinuous")
    assert abs(at.alpha_bbp / at.alpha_c - 1) < 1e-10
    assert 0 < above.jump_overlap2 < 1e-6  # the jump grows from zero there


@pytest.mark.parametrize(("p", "p_star", "there"), [(1, 1, True), (2, 1, True), (3, 2, True), (100, 1, False)])
def test_alpha_bbp_is_lowest_at_a_c_for_narrow_students_only(p, p_star, there):
    turn = a_c(p, p_star)
    sides = [transition(p, p_star, turn * factor).alpha_bbp for factor in (0.9, 1.0, 1.1)]
    assert sides[2] > sides[1]
    assert (sides[0] > sides[1]) == there


@pytest.mark.parametrize("p_star", [1, 2, 5])
def test_wide_students(p_star):
    """a_c = (11 p* + 34) / (9 p) + O(1/p^2), docs/theory.md."""
    errors = [abs(a_c(p, p_star) * 9 * p / (11 * p_star + 34) - 1) for p in (1000, 10_000)]
    assert errors[0] < 0.03
    assert errors[1] < 0.15 * errors[0]


@pytest.mark.parametrize(("a", "p_star"), [(1.2, 1), (0.9, 1), (0.7, 1), (0.5, 1), (0.2, 1), (1.0, 2), (0.6, 3)])
def test_p_c_is_the_narrowest_student_of_a_discontinuous_transition(a, p_star):
    kinds = [transition(p, p_star, a).kind for p in range(1, 41)]
    assert p_c(a, p_star) == kinds.index("discontinuous") + 1
    assert "continuous" not in kinds[p_c(a, p_star) - 1 :]


def test_ends_of_the_domain():
    assert a_c(math.inf) == 0.0
    assert p_c(1e-4) == 49_997
    assert p_c(1e-4, 1000) is None
    assert a_c(1, 50_000) is None or a_c(1, 50_000) > 1e5
    for words in ((0, 1), (1, 0), (1.5, 1)):
        with pytest.raises(InputError):
            a_c(*words)
    for words in ((0.0, 1), (1.0, 0), (math.nan, 1)):
        with pytest.raises(InputError):
            p_c(*words)
