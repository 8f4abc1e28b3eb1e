"""Finite N over several alpha and N: averages over sampled projections, beside their limits."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hpcbbp.errors import InputError
from hpcbbp.machine.listener import SILENT, Advance, Listener
from hpcbbp.machine.rng import check_seed
from hpcbbp.machine.wording import duration
from hpcbbp.model.problem import Problem
from hpcbbp.model.words import Parts
from hpcbbp.theory import named
from hpcbbp.theory.domain import check_count, real, whole
from hpcbbp.theory.finite.projections import check_samples, check_size, check_widths
from hpcbbp.theory.limit.outlier import Spectrum
from hpcbbp.theory.limit.resonance import Resonance
from hpcbbp.theory.sampled.average import SAMPLES_MAX, FiniteSize, default_samples, finite_size
from hpcbbp.theory.sampled.prediction import PredictedPoint, Prediction

if TYPE_CHECKING:
    pass

_SLOWER = 4.0  # another model's predictions than the paper's (benchmarks/theory.py)
_SECONDS = 6.5e-7  # of a prediction a sample mu, p = 2, p* = 1 (benchmarks/theory.py)
_LONG = 120.0  # seconds from which on an estimate is told before the work begins
_BESIDE = 1e4  # samples mu whose time a prediction takes besides those that it draws


@dataclass(frozen=True)
class _Job:
    """One alpha and N that is to be predicted from so many samples."""

    problem: Problem
    limit: Spectrum
    resonance: Resonance
    n: int
    samples: int

    @property
    def each(self) -> float:
        """Work of one sample, proportional to its time."""
        return check_samples(self.problem, self.n) + _BESIDE

    def averaged(self, seed: int, advance: Advance) -> FiniteSize:
        """The averages; `advance` hears of every sample, and of shares of those that take long."""
        label = f"N = {self.n:.3g}, alpha = {self.problem.alpha:g}"
        each, told = self.each, 0.0  # told: share of the current sample

        def within(share: float) -> None:
            nonlocal told
            advance(each * (share - told), label, 0)
            told = share

        def one(_: object) -> None:
            nonlocal told
            advance(each * (1.0 - told), label, 1)
            told = 0.0

        return finite_size(self.problem, self.n, self.samples, seed, one, within)


@dataclass(frozen=True)
class Sweep:
    """What is to be predicted, every value checked: see `sweep` and `predict`."""

    empty: Prediction
    jobs: tuple[_Job, ...]

    def run(self, listener: Listener = SILENT, finished: Callable[[Prediction], None] | None = None) -> Prediction:
        """Draw the samples and average over them, as `predict` does."""
        expected = self.seconds()
        if expected > _LONG:
            listener.note(f"about {duration(expected)} on two cores")
        total, count = sum(job.each * job.samples for job in self.jobs), sum(job.samples for job in self.jobs)
        known, outliers = self.empty, self.empty.p * self.empty.p_star
        with listener.working(total, count, "samples") as advance:
            for job in self.jobs:
                point = PredictedPoint(job.averaged(known.seed, advance), job.limit, job.resonance, outliers)
                known = replace(known, points=(*known.points, point))
                if finished is not None:
                    finished(known)
        return known

    def seconds(self) -> float:
        """Estimated time on two cores."""
        drawn = sum(job.problem.samples(job.n) * job.samples for job in self.jobs)
        each = _SECONDS * (_SLOWER if self.empty.parts else 1.0)
        return each * drawn * (self.empty.p * (self.empty.p + self.empty.p_star) / 6) ** 2


def sweep(
    p: float,
    p_star: int,
    a: float | None,
    alpha: float | Sequence[float],
    n: int | Sequence[int],
    samples: int | None = None,
    seed: int = 0,
    parts: Parts | None = None,
) -> Sweep:
    """Check what is asked of `predict`, and draw nothing yet.

    Raises
    ------
    InputError
        As `predict`.
    """
    if real(p) == math.inf and not isinstance(p, int):
        raise InputError("p = inf: predictions at finite N are for a finite number of hidden units")
    parts, units = Parts() if parts is None else parts, _plain(p)
    given = {parts.problem(units, _plain(p_star), value, a) for value in _several("alpha", alpha)}
    problems = sorted(given, key=lambda problem: problem.alpha)
    units, p_star, constant = problems[0].p, problems[0].p_star, problems[0].a
    check_widths(units, p_star)
    model = units, p_star, constant, str(parts)
    at = named.known_transition_of(model) if str(parts) else named.transition_of(model)
    limits = [named.known_spectrum_of(model, problem.alpha) for problem in problems]
    below = [named.resonance_of(model, problem.alpha) for problem in problems]
    if samples is not None:
        samples = check_count("samples", samples, 2, SAMPLES_MAX)
    sizes = sorted({check_size(value, units + p_star) for value in _several("n", n)})
    jobs = tuple(
        _Job(problem, limit, pole, size, default_samples(problem, size) if samples is None else samples)
        for size in sizes
        for problem, limit, pole in zip(problems, limits, below, strict=True)
    )
    for job in jobs:
        check_samples(job.problem, job.n)
    seed = check_seed(seed)
    check_seed(seed + max(job.samples for job in jobs))
    effective = tuple(named.effective_threshold_of(model, size) for size in sizes)
    return Sweep(Prediction(units, p_star, constant, str(parts), seed, at, (), effective), jobs)


def _plain(units: Any) -> Any:
    """A whole number of any type as Python's int; anything else as it is, for Problem to refuse."""
    plain = whole(units)
    return units if plain is None else plain


def _several(name: str, given: Any) -> list[Any]:
    """A value, or several of them, as a list."""
    try:
        values = list(given)
    except TypeError:
        return [given]
    if not values:
        raise InputError(f"{name}: at least one value is wanted")
    return values


def predict(
    p: int,
    p_star: int,
    a: float | None,
    alpha: float | Sequence[float],
    n: int | Sequence[int],
    samples: int | None = None,
    seed: int = 0,
    *,
    parts: Parts | None = None,
    listener: Listener = SILENT,
    finished: Callable[[Prediction], None] | None = None,
) -> Prediction:
    """Predict overlap, phi and lowest eigenvalue at finite N, beside N = infinity: what `hpcbbp predict` shows.

    `finite_size` at every alpha and N; no matrix is formed.

    Parameters
    ----------
    p, p_star : int
        Hidden units of student and teacher, finite.
    a : float
        Loss constant, > 0; None for a loss that has none.
    alpha : float or sequence of float
        M / N.
    n : int or sequence of int
        N; M = round(alpha N).
    samples : int, optional
        Of each point, at least 2; by default as many as take some 20 s on two cores, 3 to 400.
    seed : int
        Sample i has seed + i.
    parts : Parts, optional
        Activation, loss, noise and link by their names (hpcbbp.model.words); the paper's by default.
    listener : Listener
        Hears how far it is, and first how long it will take if that is more than two minutes.
    finished : callable, optional
        Called after each point with all that is known by then.

    Returns
    -------
    Prediction

    Raises
    ------
    InputError
        Values out of their domain, before anything is drawn; or a sample without a prediction.

    Examples
    --------
    >>> found = predict(1, 1, 1.5, alpha=[3.0, 6.0], n=500, samples=2)
    >>> [point.limit.alpha for point in found.points]
    [3.0, 6.0]
    """
    return sweep(p, p_star, a, alpha, n, samples, seed, parts).run(listener, finished)
