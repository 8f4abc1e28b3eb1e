"""Pages whose numbers are theory's: docs/theory.md, docs/thresholds.md, docs/concepts.md, docs/first.md."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

from scipy.optimize import minimize_scalar

from claims.averages import softest, tangent
from claims.finite import samples
from claims.half import fraction_seen_in
from claims.pages import Claim
from claims.tables import SMOOTH, Model, bracket
from hpcbbp.theory import a_c, effective_size, effective_threshold, resonance, resonance_end, spectrum, transition
from hpcbbp.theory.limit.resonance import branch

THEORY, THRESHOLDS, CONCEPTS, FIRST = "docs/theory.md", "docs/thresholds.md", "docs/concepts.md", "docs/first.md"


def plain_exponent(value: float) -> str:
    """3.5e-4 in place of 3.5e-04."""
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def resonances() -> Iterator[Claim]:
    for alpha in (1.0, 1.05, 1.1, 1.2):
        yield Claim(THEORY, f"| {alpha:g} | " + " | ".join(["{}"] * 6) + " |", partial(_resonance, alpha))
    yield Claim(
        THEORY,
        "`resonance_end`, {} for $(p, p^\\ast, a) = (2, 1, 1.5)$",
        lambda: [f"{resonance_end(*SMOOTH):.5f}"],
    )
    yield Claim(
        THEORY,
        "For $(p, p^\\ast, a) = (2, 1, 1.5)$ it is {}; a secant over 0.01 in $\\alpha$ would give {}.\nFor large $a$",
        lambda: [f"{transition(*SMOOTH).alpha_0:.5f}", f"{_secant(0.01):.4f}"],
    )
    widths = (1, 2, 3, 5, 10, 100)
    rows = "\n".join(f"| {p} | {{}} |" for p in widths)
    yield Claim(THEORY, f"| $p$ | $a_c$ |\n|---|---|\n{rows}", lambda: [f"{a_c(p, 1):.6f}" for p in widths])


def _resonance(alpha: float) -> list[str]:
    at, edge = resonance(*SMOOTH, alpha), spectrum(*SMOOTH, alpha).lambda_minus
    size = effective_size(*SMOOTH, alpha).n
    assert at.lambda_r is not None
    assert at.width is not None
    assert size is not None
    return [
        f"{at.lambda_r - edge:.5f}", plain_exponent(at.width), f"{at.overlap2:.4f}", _ratio(alpha),
        f"{tangent(SMOOTH, alpha):.4f}", plain_exponent(size),
    ]  # fmt: skip


def edges_and_kinks() -> Iterator[Claim]:
    yield Claim(THEORY, "it is smaller: {} on symmetric and {} on antisymmetric ones", softest)
    yield Claim(THEORY, "($p = 100$, $p^\\ast = 1$: at $a = {}$, in the continuous part)", _lowest_threshold)
    yield Claim(
        THEORY,
        "(at $(2, 1, 1.5)$, $\\alpha = 1$, $N = 3.5 \\cdot 10^5$ it is {} instead of 0.5)",
        _seen_at_the_threshold,
    )


def _seen_at_the_threshold() -> list[str]:
    """Where (13) says 1/2."""
    seen = fraction_seen_in(SMOOTH, 1.0, samples(SMOOTH, 1.0, 350_000))
    return [bracket(seen.mean(), seen.sem(), 2)]


def _lowest_threshold() -> list[str]:
    found = minimize_scalar(lambda log_a: transition(100, 1, math.exp(log_a)).alpha_bbp, (-5, -3.3, -2), tol=1e-6)
    a = math.exp(found.x)
    assert transition(100, 1, a).kind == "continuous"
    return [f"{a:.4f}"]


def _ratio(alpha: float) -> str:
    """|Im Z|/Re Z of Z = z'/(z' - theta') on the resonance."""
    found = branch(*SMOOTH).at(alpha)
    assert found is not None
    weight = found.overlap2(alpha)
    ratio = abs(weight.imag) / weight.real
    return f"{ratio:.2f}" if ratio > 0.01 else plain_exponent(ratio)


def _secant(step: float) -> float:
    """Foot of the line through m^2 at alpha_BBP and a step above it."""
    at = transition(*SMOOTH)
    above = spectrum(*SMOOTH, at.alpha_bbp + step).overlap2
    return at.alpha_bbp - at.jump_overlap2 * step / (above - at.jump_overlap2)


def effective() -> Iterator[Claim]:
    for model in (SMOOTH, (1, 1, 10.0), (2, 2, 3.0)):
        p, p_star, a = model
        head = f"| ({p}, {p_star}, {a:g}) | "
        yield Claim(THEORY, head + " | ".join(["{}"] * 5) + " |", partial(_effective, model))
    yield Claim(
        CONCEPTS,
        "| $\\alpha_{\\rm BBP}(N)$ | {} | {} | {} | {} |",
        lambda: [*(_alpha(SMOOTH, 10**k, 3) for k in (6, 12, 20)), f"{transition(*SMOOTH).alpha_bbp:.3f}"],
    )
    yield Claim(FIRST, "lose half of their outliers at alpha_BBP(N) = {}\n(", lambda: [_alpha(SMOOTH, 10**6, 3)])
    yield Claim(
        FIRST,
        "lies below alpha_BBP = {}: the resonance has {} there.",
        lambda: [f"{transition(*SMOOTH).alpha_bbp:.4f}", f"{resonance(*SMOOTH, 1.2).overlap2:.4f}"],
    )


def _alpha(model: Model, n: int, digits: int) -> str:
    at = effective_threshold(*model, n)
    assert at.alpha is not None
    return f"{at.alpha:.{digits}f}"


def _effective(model: Model) -> list[str]:
    return [f"{transition(*model).alpha_bbp:.4f}", *(_alpha(model, 10**k, 4) for k in (6, 8, 12, 20))]


def thresholds() -> Iterator[Claim]:
    """Each half of the page is one piece: its rows are alike."""
    points = [(p, a) for p in range(1, 6) for a in (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)]
    rows = "\n".join(f"| {p} | {a:g} | {{}} | {{}} | {{}} | {{}} | {{}} |" for p, a in points)
    kinks = "| $p$ | 1 | 2 | 3 | 4 | 5 |\n|---|---|---|---|---|---|\n| $a_c$ | " + " | ".join(["{}"] * 5) + " |"
    for p_star in (1, 2):
        text = f"$p^\\ast = {p_star}$\n\n{_HEAD}\n{rows}\n\n{kinks}"
        yield Claim(THRESHOLDS, text, partial(_half_page, p_star, points))


def _half_page(p_star: int, points: list[tuple[int, float]]) -> list[str]:
    words = [word for p, a in points for word in _row(p, p_star, a)]
    return [*words, *(f"{a_c(p, p_star):.8f}" for p in range(1, 6))]


_HEAD = (
    "| $p$ | $a$ | transition | $\\alpha_c$ | $\\alpha_{\\rm BBP}$ | jump of $m^2$ | $\\alpha_0$ |\n"
    "|---|---|---|---|---|---|---|"
)


def _row(p: int, p_star: int, a: float) -> list[str]:
    at = transition(p, p_star, a)
    return [
        at.kind, f"{at.alpha_c:.8f}", f"{at.alpha_bbp:.8f}", f"{at.jump_overlap2:.8f}",
        "-" if at.alpha_0 is None else f"{at.alpha_0:.8f}",
    ]  # fmt: skip
