"""Nodes (s, u) and weights of averages over all samples of a model, with the curvatures there.

The trapezoidal rule on the whole line converges geometrically for functions that are analytic in a strip, which those
of these models are with the Gaussian weight: a tensor grid of p + p* variables, cut off where the weight is lost in
rounding. Labels that jump where a projection of the teacher changes its sign (links with `jumps`) take both half
lines of it by themselves, u = +-exp(t - exp(-t)). Errors are told from the answers of two steps. Where there are too
many variables for a grid, scrambled Sobol points take its place, and several scramblings tell the error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import qmc

from hpcbbp.model.problem import Problem
from hpcbbp.theory.finite.curved import Curved, packed_curvature

Array = NDArray[np.float64]

_CUT = 38.0  # of |x|^2/2: exp(-38) is lost in rounding
_NOISE = 16.0  # nodes of the average over noise, times the step


def _noise_count(step: float) -> int:
    return round(_NOISE / step)


@dataclass(frozen=True, eq=False)
class Nodes:
    """Samples (s, u), (K, p) and (K, p_star), curvatures, (p (p + 1)/2, K), and weights, (K,), that sum to 1."""

    s: Array
    u: Array
    D: Array
    w: Array

    def __len__(self) -> int:
        """How many."""
        return len(self.w)

    def at(self, alpha: float) -> Curved:
        """As samples of N = 1: sums over them are alpha times averages."""
        return Curved(self.s, self.u, self.D, alpha * self.w)


def _with_noise(problem: Problem, x: Array, w: Array, step: float) -> Nodes:
    """Nodes of the projections times nodes of the noise."""
    z, share = problem.noise.nodes(_noise_count(step))
    projections = np.repeat(x, len(z), axis=0)
    projections *= math.sqrt(problem.variance)
    s, u = (np.ascontiguousarray(part) for part in np.split(projections, [problem.p], axis=1))
    weights = np.outer(w, share).ravel()
    D = packed_curvature(problem, s, u, np.tile(z, len(x)) if problem.noisy else None)
    return Nodes(s, u, D, weights / weights.sum())


def grid_size(problem: Problem, step: float) -> float:
    """About how many nodes a grid has: those of a ball."""
    d = problem.p_star if problem.estimator else problem.p + problem.p_star
    ball = math.pi ** (d / 2) / math.gamma(d / 2 + 1) * (2 * _CUT) ** (d / 2)
    if problem.estimator:
        ball *= 2.0**problem.p
    return float(ball / step**d * len(problem.noise.nodes(_noise_count(step))[0]))


def grid(problem: Problem, step: float) -> Nodes:
    """Nodes of the trapezoidal rule in all of s and u."""
    teacher = _half_lines(step) if problem.estimator or getattr(problem.link, "jumps", False) else _line(step)
    x, w = np.zeros((1, 0)), np.ones(1)
    for points, weights in [_student(problem, step)] * problem.p + [teacher] * problem.p_star:
        # One variable more at a time, within the ball.
        x = np.concatenate([np.repeat(x, len(points), axis=0), np.tile(points, len(x))[:, None]], axis=1)
        w = np.outer(w, weights).ravel()
        near = (x**2).sum(axis=1) <= 2 * _CUT
        x, w = x[near], w[near]
    return _with_noise(problem, x, w, step)


def _student(problem: Problem, step: float) -> tuple[Array, Array]:
    """Of one of the student's projections, of which an estimator's curvatures know nothing: their square is 1."""
    return (np.array([-1.0, 1.0]), np.full(2, 0.5)) if problem.estimator else _line(step)


def _line(step: float) -> tuple[Array, Array]:
    """Points of one variable, and weights."""
    last = math.floor(math.sqrt(2 * _CUT) / step)
    points = step * np.arange(-last, last + 1)
    return points, np.exp(-0.5 * points**2)


def _half_lines(step: float) -> tuple[Array, Array]:
    """The same, each sign by itself: no point at 0, and any number of them near it."""
    t = 0.5 * step * np.arange(-math.floor(7.0 / step), math.floor(7.0 / step) + 1)
    u = np.exp(t - np.exp(-t))
    weights = u * (1.0 + np.exp(-t)) * np.exp(-0.5 * u * u)
    good = weights > 1e-18 * weights.max()
    return np.concatenate([-u[good], u[good]]), np.concatenate([weights[good], weights[good]])


def sobol(problem: Problem, log2_count: int, seed: int) -> Nodes:
    """Scrambled Sobol points, mapped to normal variables, noise among them: 2^log2_count of them."""
    d = problem.p + problem.p_star
    uniform = qmc.Sobol(d + 1, scramble=True, rng=np.random.default_rng(seed)).random_base2(log2_count)
    x = ndtri(np.clip(uniform, 2.0**-60, 1.0 - 2.0**-53))
    x[:, :d] *= math.sqrt(problem.variance)
    s, u, z = (np.ascontiguousarray(part) for part in np.split(x, [problem.p, d], axis=1))
    D = packed_curvature(problem, s, u, z[:, 0] if problem.noisy else None)
    return Nodes(s, u, D, np.full(len(x), 1.0 / len(x)))
