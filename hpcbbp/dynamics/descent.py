"""A step of gradient descent, and what is seen before it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hpcbbp.dynamics.schedule import Schedule
from hpcbbp.dynamics.trajectory import Moment
from hpcbbp.dynamics.walker import Walker
from hpcbbp.errors import InputError
from hpcbbp.machine.rng import uniforms

Array = NDArray[np.float64]

_FAR = 1e12  # |w|^2 / N from which on a descent has diverged


class Descent:
    """The state between two steps.

    Attributes
    ----------
    W, velocity : (coordinates, p) arrays
    step : int
        Steps made.
    """

    def __init__(self, walker: Walker, schedule: Schedule) -> None:
        self.walker, self.schedule, self.step = walker, schedule, 0
        self.W = informed(walker, schedule.overlap)
        if schedule.sphere:
            self.W = self._on_sphere(self.W)
        self.velocity = np.zeros_like(self.W)
        self.gradient = self.velocity

    def look(self) -> Moment | None:
        """Tell where the weights are, and find the gradient there; None where they have diverged. Collective.

        Raises
        ------
        InputError
            A label or a projection that the loss or the activation has no number for.
        """
        with np.errstate(all="ignore"):  # what overflows has diverged
            return self._looked()

    def _looked(self) -> Moment | None:
        walker, schedule, problem = self.walker, self.schedule, self.walker.problem
        s, u = walker.projected(self.W)
        z = problem.noise_numbers(walker.seed, walker.rows.start, walker.rows.stop)
        with walker.group.agreeing():
            losses, psi = problem.losses(s, u, z), problem.slopes(s, u, z)
        loss, slopes = walker.total(losses), walker.total(psi.sum(axis=1))
        norms2 = walker.products(self.W, self.W).diagonal()
        if not (math.isfinite(loss) and math.isfinite(slopes) and (norms2 < _FAR * walker.n).all()):
            return None
        gradient = walker.gradient(psi * self._counted()[:, None])
        self.W, self.velocity = walker.known(self.W), walker.known(self.velocity)
        self.gradient = self._tangent(gradient) if schedule.sphere else gradient
        squares = np.array([walker.total(s[:, k] ** 2) for k in range(problem.p)])
        return self._moment(loss, squares / walker.all, self.gradient)

    def advance(self) -> None:
        """Make a step along the gradient of the last look. Collective."""
        with np.errstate(all="ignore"):  # the next look tells
            self._advance()
        self.step += 1

    def _advance(self) -> None:
        schedule = self.schedule
        self.velocity = schedule.momentum * self.velocity - schedule.eta * self.gradient
        if schedule.sphere:
            self.velocity = self._tangent(self.velocity)
        self.W = self.W + self.velocity
        if schedule.sphere:
            self.W = self._on_sphere(self.W)

    def _counted(self) -> Array:
        """Weight of each sample of this rank in the next step."""
        rows, share = self.walker.rows, self.schedule.batch
        if share == 1.0:
            return np.ones(len(rows))
        m = self.walker.m
        chosen = uniforms(self.walker.seed, "batches", self.step * m + rows.start, self.step * m + rows.stop) < share
        return chosen / share

    def _moment(self, loss: float, projections2: Array, gradient: Array) -> Moment:
        walker, teacher = self.walker, self.walker.teacher
        norms2 = walker.products(self.W, self.W).diagonal()
        lengths = np.sqrt(np.outer(norms2, walker.products(teacher, teacher).diagonal()))
        overlaps = walker.products(self.W, teacher) / lengths
        size = math.sqrt(max(0.0, float(walker.products(gradient, gradient).trace())))
        return Moment(self.step, loss, overlaps, norms2 / walker.n, projections2, size)

    def _tangent(self, V: Array) -> Array:
        """V without its part along the weights, unit by unit."""
        along = self.walker.products(self.W, V).diagonal() / self.walker.products(self.W, self.W).diagonal()
        result: Array = V - self.W * along
        return result

    def _on_sphere(self, W: Array) -> Array:
        result: Array = W * np.sqrt(self.walker.n / self.walker.products(W, W).diagonal())
        return result


def informed(walker: Walker, overlap: float | None) -> Array:
    """Weights at the start: random ones, or those of the given cosine with one teacher vector each.

    Raises
    ------
    InputError
        No direction outside the teacher's vectors.
    """
    W = walker.first()
    if overlap is None:
        return W
    teacher, n = walker.known(walker.teacher), walker.n
    gram = walker.products(teacher, teacher)
    rest = W - teacher @ (np.linalg.pinv(gram, hermitian=True) @ walker.products(teacher, W))
    lengths2 = walker.products(rest, rest).diagonal()
    if not (lengths2 > 1e-20 * walker.products(W, W).diagonal()).all():
        raise InputError(f"overlap = {overlap:g}: no direction is left beside the teacher; leave it out")
    rest = rest * np.sqrt(n / lengths2)
    chosen = np.arange(W.shape[1]) % teacher.shape[1]
    along = teacher[:, chosen] * np.sqrt(n / gram.diagonal()[chosen])
    result: Array = overlap * along + math.sqrt(1.0 - overlap * overlap) * rest
    return result
