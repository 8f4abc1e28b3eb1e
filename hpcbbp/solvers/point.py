"""One instance, flat, as campaigns list and keep it: all that determines its result, and what it is filed under."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hpcbbp.model.problem import Problem
from hpcbbp.model.words import PARTS, Parts
from hpcbbp.solvers.fields import Positive, Text, Units, Whole
from hpcbbp.solvers.request import DEFAULT_TOL, Request

PHYSICS = 1
"""Changes when the same parameters and seed mean another instance or another result; part of every key."""


@dataclass(frozen=True)
class Point:
    """One instance to be solved.

    Attributes
    ----------
    p, p_star, a, alpha, n, seed
        As in Problem and gaussian_instance.
    method : {"stored", "dice", "regenerated", "deferred", "dense"}
        X in memory, never formed or drawn again in every product, solved by SLEPc; deferred Krylov; or the whole
        spectrum by LAPACK.
    storage : {"float64", "float32", "int16", "bf16", "int8"}
    nev : int, optional
        Pairs; by default p p* with deferred Krylov, p p* + 2 otherwise. Of a whole spectrum: pairs recorded.
    tol : float
    activation, loss, noise, link, estimator, covariance : str
        By their names (hpcbbp.model.words); the paper's by default.
    block : int, optional
        Vectors a step of deferred Krylov; None is p p*, as in records that do not have it.
    descent : str, optional
        Gradient descent in words (hpcbbp.dynamics.Schedule.words); None: the Hessian at the random start alone.
    hessian_every : int, optional
        Steps between Hessians of a descent.

    Examples
    --------
    >>> point = Point(p=1, p_star=1, a=1.5, alpha=3.0, n=1000, seed=0, method="deferred")
    >>> point.request.m
    3000
    >>> point.key[:29]
    'physics=1 p=1 p_star=1 a=1.5 '
    """

    # A plain dataclass, which pydantic checks where it is read from a line: its models take twice the memory.
    p: Units
    p_star: Units
    a: Positive
    alpha: Positive
    n: Units
    seed: Whole
    method: Text = "stored"
    storage: Text = "float64"
    nev: Units | None = None
    tol: Positive = DEFAULT_TOL
    activation: Text = Parts.activation
    loss: Text = Parts.loss
    noise: Text = Parts.noise
    link: Text | None = Parts.link
    estimator: Text | None = Parts.estimator
    covariance: Text | None = Parts.covariance
    block: Units | None = None
    descent: Text | None = None
    hessian_every: Units | None = None

    @property
    def parts(self) -> Parts:
        """The model's parts, by their names."""
        return Parts(**{name: getattr(self, name) for name in PARTS})

    @property
    def problem(self) -> Problem:
        """The model at this point; InputError for names that are none."""
        return self.parts.problem(self.p, self.p_star, self.alpha, self.a)

    def to_dict(self) -> dict[str, Any]:
        """As a record has it: what is as by default (parts, what comes behind them) is left out, as in the key."""
        names = ("p", "p_star", "a", "alpha", "n", "seed", "method", "storage", "nev", "tol")
        return {**{name: getattr(self, name) for name in names}, **self.parts.unusual(), **self._later()}

    def _later(self) -> dict[str, Any]:
        """What earlier versions did not have, where it is given."""
        names = ("block", "descent", "hessian_every")
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    @property
    def request(self) -> Request:
        """What is asked of the method."""
        block = self.p * self.p_star if self.block is None and self.method == "deferred" else self.block
        return Request(self.problem, self.n, self.seed, self.method, self.storage, self.nev, self.tol, block=block)

    @cached_property
    def key(self) -> str:
        """What is computed, in words: the same key is the same result, whatever the number of ranks."""
        # Every field in its order, written out: a campaign may have a million points.
        return (
            f"physics={PHYSICS} p={self.p!r} p_star={self.p_star!r} a={self.a!r} alpha={self.alpha!r} n={self.n!r} "
            f"seed={self.seed!r} method={self.method!r} storage={self.storage!r} nev={self.nev!r} tol={self.tol!r}"
            + "".join(f" {name}={text!r}" for name, text in self.parts.unusual().items())
            + "".join(f" {name}={value!r}" for name, value in self._later().items())
        )
