"""What state evolution says of a descent: means over independent sets of samples, with their errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.dynamics.descent import Descent
from hpcbbp.dynamics.evolution import Process
from hpcbbp.dynamics.outliers import expected
from hpcbbp.dynamics.schedule import Schedule
from hpcbbp.errors import InputError, shown, whole_number
from hpcbbp.machine import memory
from hpcbbp.machine.listener import SILENT, Listener
from hpcbbp.machine.ranks import Group
from hpcbbp.machine.rng import check_seed
from hpcbbp.model.problem import Problem
from hpcbbp.theory.finite.quenched import Quenched

Array = NDArray[np.float64]

_LEAST = 1000


@dataclass(frozen=True)
class State:
    """A descent at N = infinity after `step` steps; each number with its standard error.

    Attributes
    ----------
    step : int
    loss : float
        <l>, of a sample: L/M.
    overlap2, norm2, projections2 : float
        m^2 = mean over k of sum_l m_kl^2; |w|^2/N and <s^2>, means over hidden units.
    gradient_norm : float
        |grad L| / N^(1/2), as of Moment: of the samples that count in the next step, along the sphere.
    edge : float or None
        Left end of the bulk of the Hessian, where that was asked for.
    eigenvalues, vectors2, students2 : tuple of float
        Outliers below it, ascending, that all sets of samples have; m^2 of their vectors with teacher and student.
        Those that are equal at N = infinity are split within a set, by samples^(-1/2): their mean is what counts.
    errors : dict
        The same names; of all of them.

    Examples
    --------
    >>> from hpcbbp import Problem
    >>> from hpcbbp.dynamics import Schedule
    >>> problem, schedule = Problem(p=1, p_star=1, alpha=6.0, a=1.5), Schedule(steps=1, eta=0.02)
    >>> start = evolution(problem, schedule, samples=6000, replicas=2)[0]
    >>> round(start.norm2, 6), start.edge
    (1.0, None)
    """

    step: int
    loss: float
    overlap2: float
    norm2: float
    projections2: float
    gradient_norm: float
    edge: float | None
    eigenvalues: tuple[float, ...]
    vectors2: tuple[float, ...]
    students2: tuple[float, ...]
    errors: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def evolution(
    problem: Problem,
    schedule: Schedule,
    *,
    hessian_every: int | None = None,
    samples: int = 100_000,
    replicas: int = 8,
    seed: int = 0,
    listener: Listener = SILENT,
) -> list[State]:
    """State evolution of a descent, by Monte Carlo over the process of one sample (docs/dynamics.md).

    Parameters
    ----------
    problem : Problem
        Of white data.
    schedule : Schedule
        Where labels are even in the teacher's projections random weights keep m^2 = 0 at N = infinity; here it grows
        from the samples' own averages, of order 1/samples.
    hessian_every : int, optional
        Steps between Hessians, from step 0 on; none by default.
    samples : int
        Of each set, >= 1000 and 1000 alpha. Errors are of the order of (samples replicas)^(-1/2), beside which a
        bias of (steps p)/samples is small.
        The edge is that of a sample of N = samples/alpha.
    replicas : int
        Independent sets, 2 to 1000, from which errors are.
    seed : int
    listener : Listener
        Hears how many sets are done.

    Returns
    -------
    list of State
        Of steps 0, 1, ...

    Raises
    ------
    InputError
        Values out of their domain, a covariance, a descent that diverges, a Hessian without left edge below 0, or too
        little memory.

    Examples
    --------
    >>> from hpcbbp import Problem
    >>> from hpcbbp.dynamics import Schedule
    >>> problem, schedule = Problem(p=1, p_star=1, alpha=6.0, a=1.5), Schedule(steps=3, eta=0.02)
    >>> course = evolution(problem, schedule, samples=6000, replicas=2)
    >>> [at.step for at in course]
    [0, 1, 2, 3]
    """
    if not isinstance(problem, Problem) or not isinstance(schedule, Schedule):
        raise InputError("evolution(problem, schedule): give a Problem and a Schedule")
    least_samples = math.ceil(_LEAST * max(1.0, problem.alpha))
    counts = {"samples": (samples, least_samples), "replicas": (replicas, 2)}
    for name, (value, least) in counts.items():
        found = whole_number(value)
        most = 1000 if name == "replicas" else 10**9
        if found is None or not least <= found <= most:
            raise InputError(f"{name} = {shown(value)}: a whole number from {least} to {most}")
    every = None if hessian_every is None else whole_number(hessian_every)
    if hessian_every is not None and (every is None or every < 1):
        raise InputError(f"hessian_every = {shown(hessian_every)}: a whole number of steps >= 1")
    columns = problem.p * (2 * schedule.steps + 12) + 2 * problem.p_star
    way_out = "take fewer samples or steps"
    memory.require(3 * 8 * samples * columns + memory.PER_RANK, Group(), way_out)
    sets, told = list[list[_Look]](), listener.counting("sets of samples")
    for replica in range(replicas):
        words = np.random.SeedSequence([check_seed(seed), replica]).generate_state(1, np.uint64)
        sets.append(_descended(Process(problem, samples, int(words[0])), schedule, every))
        told(replica + 1, replicas)
    return [_mean(problem, [looks[step] for looks in sets]) for step in range(schedule.steps + 1)]


@dataclass(frozen=True)
class _Look:
    step: int
    numbers: dict[str, float]
    spectrum: Quenched | None


def _descended(process: Process, schedule: Schedule, every: int | None) -> list[_Look]:
    at, looks, problem = Descent(process, schedule), list[_Look](), process.problem
    n = round(process.m / problem.alpha)
    while True:
        met, known = process.R, process.P  # a look replaces them by longer ones
        moment = at.look()
        if moment is None:
            raise InputError(f"the descent diverges at step {at.step}: take a smaller eta, or the sphere")
        spectrum = None
        if every and at.step % every == 0:
            k = met.shape[1]
            spectrum = expected(
                problem, n, met, known / np.sqrt(process.m), at.W[:k], process.teacher[:k],
                problem.noise_numbers(process.seed, 0, process.m),
            )  # fmt: skip
        numbers = {
            "loss": moment.loss / problem.alpha, "overlap2": moment.overlap2, "norm2": float(moment.norms2.mean()),
            "projections2": float(moment.projections2.mean()), "gradient_norm": moment.gradient_norm,
        }  # fmt: skip
        looks.append(_Look(at.step, numbers, spectrum))
        if at.step == schedule.steps:
            return looks
        at.advance()


def _mean(problem: Problem, looks: Sequence[_Look]) -> State:
    def of(values: Sequence[Any]) -> tuple[Array, Array]:
        known = np.array(values, dtype=np.float64)
        return known.mean(axis=0), known.std(axis=0, ddof=1) / np.sqrt(len(known))

    means: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    for name in looks[0].numbers:
        mean, error = of([look.numbers[name] for look in looks])
        means[name], errors[name] = float(mean), float(error)
    spectra = [look.spectrum for look in looks if look.spectrum is not None]
    means |= {"edge": None, "eigenvalues": (), "vectors2": (), "students2": ()}
    if spectra:
        count = min(len(at.eigenvalues) for at in spectra)
        edge, error = of([at.edge for at in spectra])
        means["edge"], errors["edge"] = float(edge), float(error)
        for name, field in (
            ("eigenvalues", "eigenvalues"),
            ("vectors2", "overlap2"),
            ("students2", "student_overlap2"),
        ):
            mean, error = of([getattr(at, field)[:count] for at in spectra])
            means[name], errors[name] = tuple(mean.tolist()), tuple(error.tolist())
    return State(step=looks[0].step, errors=errors, **means)
