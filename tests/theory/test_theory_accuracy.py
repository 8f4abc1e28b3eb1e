"""Thresholds at fifty models scattered over the whole domain, against nested adaptive quadrature."""

from __future__ import annotations

import pytest
from adaptive import Adaptive, scattered

from hpcbbp.theory import transition


@pytest.mark.parametrize(("p", "p_star", "a"), scattered(50))
def test_thresholds(p, p_star, a):
    """1e-8 absolute up to alpha = 1000, the end of the domain, and 1e-11 relative above."""
    oracle, at = Adaptive(p, p_star, a), transition(p, p_star, a)
    pairs = [(at.alpha_c, oracle.alpha_c()), (at.alpha_bbp, oracle.alpha_bbp())]
    if at.kind == "discontinuous":
        jump, alpha_0 = oracle.jump_and_alpha_0()
        pairs += [(at.jump_overlap2, jump), (at.alpha_0, alpha_0)]
    else:
        assert at.alpha_0 is None
        assert at.jump_overlap2 == 0.0
    for found, expected in pairs:
        assert abs(found - expected) < max(1e-8, 1e-11 * abs(expected))


def test_the_points_are_scattered():
    points = scattered(50)
    assert len(set(points)) == 50
    kinds = {transition(*point).kind for point in points}
    assert kinds == {"continuous", "discontinuous"}
    assert min(p for p, _, _ in points) == 1
    assert max(p for p, _, _ in points) > 900
