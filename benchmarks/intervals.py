"""How often 90% intervals hold the truth, on synthetic data, a table in docs/results behind docs/accuracy.md.

python benchmarks/intervals.py 400 [PROCESSES]
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence

import numpy as np
from claims.growing import Row, grow
from scipy import stats
from scipy.optimize import brentq
from scipy.special import expit

from hpcbbp import InputError
from hpcbbp.analysis.edge_law import edge_laws
from hpcbbp.analysis.fieller import Zero
from hpcbbp.analysis.overlap_laws import alpha_0, spread_law
from hpcbbp.analysis.phi import crossings, half_point

Rng = np.random.Generator
Scatter = Callable[[Rng, int], np.ndarray]

SCATTERS: dict[str, Scatter] = {
    "normal": lambda rng, count: rng.standard_normal(count),
    "Student, 4": lambda rng, count: rng.standard_t(4, count) / math.sqrt(2),
    "log-normal": lambda rng, count: (
        (np.exp(0.5 * rng.standard_normal(count)) - math.exp(0.125)) / math.sqrt(math.exp(0.5) - math.exp(0.25))
    ),
}
"""Mean 0, variance 1."""

SIZES = (100, 300, 1000, 3000, 10_000, 100_000, 1_000_000)
EDGE = (400, 200, 80, 30, 16, 6, 3)
LAWS: dict[str, tuple[tuple[float, ...], Callable[[float], float]]] = {
    "power": ((2.0,), lambda n: 2.0 * n ** (-2 / 3)),
    "log": ((0.4,), lambda n: 0.4 / math.log(n)),
    "shifted log": ((0.9, 20.0), lambda n: 0.9 / (math.log(n) + 20.0)),
}
CURVES: dict[str, Callable[[float], float]] = {
    "0 to 1": lambda x: float(expit(10 * (x - 1.1))),
    "0.1 to 0.9": lambda x: 0.1 + 0.8 * float(expit(15 * (x - 1.1))),
    "0.05 to 0.8": lambda x: 0.05 + 0.75 * float(expit(12 * (x - 1.1))),
    "0.4 to 1": lambda x: 0.4 + 0.6 * float(expit(12 * (x - 1.2))),
    "normal law": lambda x: float(stats.norm.cdf(6 * (x - 1.1))),
}
ALPHAS = np.linspace(0.57, 1.82, 12)

Trial = Callable[[Rng], Zero]
"""One data set: an interval of the number that is 0, or InputError."""


def edge(law: str, which: int, counts: Sequence[int], scatter: Scatter) -> Trial:
    """Scatter of 30% of the mean at N = 100, falling as N^(-0.2) relative to it."""
    constants, curve = LAWS[law]

    def trial(rng: Rng) -> Zero:
        distances = {
            n: curve(n) * (1 + 0.3 * (100 / n) ** 0.2 * scatter(rng, k)) for n, k in zip(SIZES, counts, strict=False)
        }
        seed = int(rng.integers(2**32))
        (fit,) = (fit for fit in edge_laws(distances, draws=1000, seed=seed) if fit.law == law)
        if fit.rejected:
            raise InputError("rejected")
        truth = constants[which]
        return Zero(fit.constants[which] - truth, fit.low[which] - truth, fit.high[which] - truth)

    return trial


def spread(counts: Sequence[int], scatter: Scatter) -> Trial:
    def trial(rng: Rng) -> Zero:
        fit = spread_law({n: 3 * n**-0.5 * scatter(rng, k) for n, k in zip(SIZES, counts, strict=False)})
        if fit.rejected:
            raise InputError("rejected")
        return Zero(fit.exponent - 0.5, fit.low - 0.5, fit.high - 0.5)

    return trial


def continued(count: int, scatter: Scatter) -> Trial:
    """m^2 on a line over 4 alphas, as campaigns have them in the window."""
    alpha = np.repeat(np.linspace(1.4, 1.9, 4), count)

    def trial(rng: Rng) -> Zero:
        return alpha_0(alpha - 0.9, 0.25 * (alpha - 0.9) + 0.03 * scatter(rng, len(alpha)))

    return trial


def counted(curve: Callable[[float], float], count: int, rng: Rng) -> list[tuple[float, int, int]]:
    return [(float(x), int(rng.binomial(count, curve(x))), count) for x in ALPHAS]


def half(curve: Callable[[float], float], count: int) -> Trial:
    truth = brentq(lambda x: curve(x) - 0.5, ALPHAS[0], ALPHAS[-1])

    def trial(rng: Rng) -> Zero:
        at = half_point(counted(curve, count, rng))
        return Zero(at.value - truth, at.low - truth, at.high - truth)

    return trial


def crossing(low: float, high: float, counts: tuple[int, int]) -> Trial:
    """Two curves that are equal at alpha = 1.2, where they have come 60% of the way up."""

    def curve(steepness: float) -> Callable[[float], float]:
        return lambda x: low + (high - low) * float(expit(math.log(1.5) + steepness * (x - 1.2)))

    def trial(rng: Rng) -> Zero:
        (at,) = crossings({100: counted(curve(5), counts[0], rng), 400: counted(curve(25), counts[1], rng)})
        if at.reason:
            raise InputError(at.reason)
        return Zero(at.alpha.value - 1.2, at.alpha.low - 1.2, at.alpha.high - 1.2)

    return trial


Rows = dict[tuple[str, str], dict[str, Trial]]
"""Estimator and instances (of each N, or of each alpha): its trials by the truth."""


def scattered() -> Rows:
    """What is estimated from numbers that scatter."""
    rows: Rows = {}
    names = {("power", 0): "c of c N^(-2/3)", ("log", 0): "A of A/log N"}
    names |= {("shifted log", 0): "A of A/(log N + B)", ("shifted log", 1): "B of A/(log N + B)"}
    for counts in (EDGE, (100, 60, 30, 8), (24, 10, 3)):
        for (law, which), name in names.items():
            rows[name, _words(counts)] = {truth: edge(law, which, counts, s) for truth, s in SCATTERS.items()}
    for counts in (EDGE, (400, 120, 40), (24, 10, 3)):
        rows["exponent of the spread", _words(counts)] = {truth: spread(counts, s) for truth, s in SCATTERS.items()}
    for count in (24, 3):
        rows["alpha_0", f"{count} an alpha"] = {truth: continued(count, s) for truth, s in SCATTERS.items()}
    return rows


def of_fractions() -> Rows:
    """What is estimated from phi."""
    rows: Rows = {}
    for count in (300, 80, 16):
        rows["phi = 1/2", f"{count} an alpha"] = {truth: half(curve, count) for truth, curve in CURVES.items()}
    for pair in ((300, 200), (80, 16)):
        ends = {"0 to 1": (0.0, 1.0), "0.1 to 0.9": (0.1, 0.9)}
        trials = {truth: crossing(*both, pair) for truth, both in ends.items()}
        rows["crossing", f"{_words(pair)} an alpha"] = trials
    return rows


def _words(counts: Sequence[int]) -> str:
    return ", ".join(map(str, counts))


def every(trials: int) -> list[Row]:
    """The cells of both tables; a row of a table has one seed."""
    return [
        {"estimate": name, "instances": instances, "truth": truth, "trials": trials, "seed": number}
        for rows in (scattered(), of_fractions())
        for number, ((name, instances), by_truth) in enumerate(rows.items())
        for truth in by_truth
    ]


def cell(job: Row) -> list[Row]:
    """How many data sets gave an interval, and how many of these held the truth."""
    trial = (scattered() | of_fractions())[job["estimate"], job["instances"]][job["truth"]]
    rng, found = np.random.default_rng(job["seed"]), []
    for _ in range(job["trials"]):
        try:
            found.append(trial(rng))
        except InputError:
            continue
    return [{**job, "given": len(found), "held": sum(at.low <= 0 <= at.high for at in found)}]


def main() -> None:
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    processes = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    grow("coverage", ("estimate", "instances", "truth", "trials"), every(trials), cell, processes, batch=4)


if __name__ == "__main__":
    main()
