"""Density of all eigenvalues of an operator, by stochastic Lanczos quadrature.

Random unit vectors v have E[v . f(A) v] = tr f(A)/n. For one of them, m steps of Lanczos give the Gauss quadrature of
its own measure: nodes theta_j (Ritz values) and weights w_j (S. Ubaru, J. Chen, Y. Saad, SIAM J. Matrix Anal. Appl.
38, 1075 (2017), https://doi.org/10.1137/16M1104974). Its moments up to 2m - 1 are exact, and at each node its
cumulative function lies between the sum of the weights before and that with w_j (Chebyshev, Markov, Stieltjes).
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError, shown, whole_number
from hpcbbp.machine import memory, provenance
from hpcbbp.machine.rng import check_seed, normals
from hpcbbp.operators.base import Operator
from hpcbbp.operators.units import InUnits
from hpcbbp.solvers.thick import Basis, Space

Array = NDArray[np.float64]

PROBES, STEPS = 8, 100
"""Where nothing is said."""

_LEAST = 1e-12  # weight of a node
_ALIKE = 1e-10  # distance of two nodes, relative to the largest


@dataclass(frozen=True)
class SpectralDensity:
    """Quadrature of the density of eigenvalues.

    Attributes
    ----------
    name : str
        Of the operator.
    size : int
        Its order.
    seed : int
        Of the probes.
    nodes, weights : (probes, steps) arrays
        Ascending nodes; the weights of a probe sum to one, and behind its last node (where fewer steps exhausted its
        space) nodes are NaN and weights 0.
    products : int
    seconds : float
    provenance : dict

    Examples
    --------
    >>> from hpcbbp.operators import replicated_operator
    >>> A = replicated_operator(lambda v: np.arange(1.0, 51.0) * v, 50)
    >>> found = spectral_density(A, probes=4, steps=10)
    >>> value, error = found.moment(1)  # tr A / 50 = 25.5
    >>> bool(abs(value - 25.5) < 5 * error)
    True
    """

    name: str
    size: int
    seed: int
    nodes: Array
    weights: Array
    products: int
    seconds: float
    provenance: dict[str, Any]

    def moment(self, order: int) -> tuple[float, float]:
        """tr A^order / n with its standard error, for order < 2 steps; NaN for the error of one probe.

        inf for what float64 cannot hold.
        """
        with np.errstate(over="ignore"):
            values = np.nansum(self.weights * self.nodes**order, axis=1)
        return float(values.mean()), _error(values)

    def cumulative(self, x: Array) -> tuple[Array, Array]:
        """Share of eigenvalues below each x, with its standard error: the integral of `density`.

        The error is that of few probes; within a cell, where the spectrum has gaps or steps, more steps tell more.
        """
        x = np.asarray(x, dtype=np.float64)
        each = np.array([_cumulative(*self._of(i), x) for i in range(len(self.nodes))])
        return each.mean(axis=0), _error(each)

    def density(self, x: Array) -> tuple[Array, Array]:
        """Density at each x, with its standard error: weights over cells that reach half-way to the next nodes."""
        x = np.asarray(x, dtype=np.float64)
        each = np.array([_density(*self._of(i), x) for i in range(len(self.nodes))])
        return each.mean(axis=0), _error(each)

    def distance(self, cumulative: Callable[[Array], Array], atoms: Sequence[float] = ()) -> tuple[float, float]:
        """Kolmogorov-Smirnov distance from a law half-way between nodes: mean over probes, with its standard error.

        Parameters
        ----------
        cumulative : callable
            Of the law.
        atoms : sequence of float
            Eigenvalues with a share of their own in the law, amid others: the nodes beside one share its weight, and
            what lies between them is left out.
        """
        each = []
        for i in range(len(self.nodes)):
            nodes, weights = self._of(i)
            edges, sums = _edges(nodes), np.concatenate([[0.0], np.cumsum(weights)])
            clear = np.ones(len(edges), dtype=bool)
            for atom in atoms:
                clear &= np.searchsorted(nodes, edges) != np.searchsorted(nodes, atom)
            each.append(float(np.abs(sums - cumulative(edges))[clear].max(initial=0.0)))
        return float(np.mean(each)), _error(np.array(each))

    def to_dict(self) -> dict[str, Any]:
        """For JSON: nodes and weights of each probe."""
        each = [self._of(i) for i in range(len(self.nodes))]
        mean = [self.moment(order) for order in (1, 2, 3, 4)]
        return {
            "operator": self.name, "size": self.size, "seed": self.seed,
            "probes": len(self.nodes), "steps": self.nodes.shape[1],
            "nodes": [nodes.tolist() for nodes, _ in each], "weights": [weights.tolist() for _, weights in each],
            "moments": [value if math.isfinite(value) else None for value, _ in mean],
            "moment_errors": [error if math.isfinite(error) else None for _, error in mean],
            "products": self.products, "seconds": self.seconds, "provenance": self.provenance,
        }  # fmt: skip

    def _of(self, probe: int) -> tuple[Array, Array]:
        there = np.isfinite(self.nodes[probe])
        return self.nodes[probe][there], self.weights[probe][there]


def _error(each: Array) -> Any:
    """Standard error of a mean over probes."""
    if len(each) < 2:
        return math.nan if each.ndim == 1 else np.full(each.shape[1:], math.nan)
    unit = float(np.abs(each).max(initial=0.0)) or 1.0
    if not math.isfinite(unit):
        return math.nan if each.ndim == 1 else np.full(each.shape[1:], math.nan)
    error = (each / unit).std(axis=0, ddof=1) * unit / math.sqrt(len(each))
    return float(error) if each.ndim == 1 else error


def _edges(nodes: Array) -> Array:
    """Half-way between nodes; the outermost cells are symmetric about theirs."""
    if len(nodes) == 1:
        return np.array([nodes[0], nodes[0]])
    middle = 0.5 * (nodes[1:] + nodes[:-1])
    return np.concatenate([[2 * nodes[0] - middle[0]], middle, [2 * nodes[-1] - middle[-1]]])


def _cumulative(nodes: Array, weights: Array, x: Array) -> Array:
    edges = _edges(nodes)
    found: Array = np.interp(x, edges, np.concatenate([[0.0], np.cumsum(weights)]))
    return np.where(x >= edges[-1], 1.0, np.where(x < edges[0], 0.0, found))


def _density(nodes: Array, weights: Array, x: Array) -> Array:
    edges = _edges(nodes)
    cell = np.searchsorted(edges, x, side="right") - 1
    inside = (cell >= 0) & (cell < len(nodes))
    widths = np.maximum(np.diff(edges), 1e-300)
    return np.where(inside, (weights / widths)[np.clip(cell, 0, len(nodes) - 1)], 0.0)


def check_probes(probes: object, steps: object) -> tuple[int, int]:
    """Probes and steps as Python's integers; InputError unless both are whole numbers, 1 and 2 at least."""
    found = whole_number(probes), whole_number(steps)
    if found[0] is None or found[0] < 1:
        raise InputError(f"probes = {shown(probes)}: a whole number of random vectors, at least 1 (2 for errors)")
    if found[1] is None or found[1] < 2:
        raise InputError(f"steps = {shown(steps)}: a whole number of Lanczos steps of each probe, at least 2")
    return found[0], found[1]


def spectral_density(
    operator: Operator,
    *,
    probes: int = PROBES,
    steps: int = STEPS,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> SpectralDensity:
    """Density of all eigenvalues of an operator, by probes random vectors of so many Lanczos steps each. Collective.

    Parameters
    ----------
    operator : Operator
    probes, steps : int
        A probe keeps steps + 1 vectors and takes as many products as steps, or as the operator has dimensions.
    seed : int
        Of the probes: the same ones on any number of ranks.
    progress : callable, optional
        Called with probes done and their number, on every rank.

    Raises
    ------
    InputError
        Values that make no sense, too little memory, or a product that fails.

    Examples
    --------
    >>> import numpy as np
    >>> from hpcbbp.operators import replicated_operator
    >>> A = replicated_operator(lambda v: np.linspace(0, 1, 2000) * v, 2000)
    >>> found = spectral_density(A, probes=4, steps=40)
    >>> bool(abs(found.moment(1)[0] - 0.5) < 0.02), bool(abs(found.cumulative([0.25])[0][0] - 0.25) < 0.03)
    (True, True)
    """
    if not isinstance(operator, Operator):
        raise InputError(f"spectral_density({type(operator).__name__}): give an operator, as of hpcbbp.operators")
    (probes, steps), seed = check_probes(probes, steps), check_seed(seed)
    group, clock, before = operator.group, time.perf_counter(), operator.products
    steps = min(steps, operator.size)
    largest = int(group.largest(operator.local_size))
    memory.require(8 * (steps + 8) * largest + memory.PER_RANK, group, "take fewer steps, or more nodes")
    nodes, weights = np.full((probes, steps), math.nan), np.zeros((probes, steps))
    fresh = itertools.count(probes)  # numbers of vectors for where a probe's space is exhausted
    nothing = np.empty((0, operator.local_size))
    scaled = InUnits(operator)
    space = Space(scaled.apply, group, np.asarray, nothing, lambda: probe(operator, seed, next(fresh)))
    for i in range(probes):
        v = probe(operator, seed, i)
        found = space.cycle(Basis(np.empty(0), v[None]), steps)
        nodes[i], weights[i] = found.ritz, found.rotation[0] ** 2
        if progress is not None:
            progress(i + 1, probes)
    return SpectralDensity(
        operator.name, operator.size, seed, *cleaned(nodes * scaled.unit, weights), operator.products - before,
        time.perf_counter() - clock, {**provenance.versions(), "ranks": group.size},
    )  # fmt: skip


def probe(operator: Operator, seed: int, number: int) -> Array:
    """Random unit vector of that number, this rank's part, the same on any number of ranks. Collective."""
    first = number * operator.size
    v = normals(seed, "probes", first + operator.rows.start, first + operator.rows.stop)
    unit: Array = v / np.sqrt(operator.group.sum(np.array([v @ v])))
    return unit


def cleaned(nodes: Array, weights: Array) -> tuple[Array, Array]:
    """Nodes in their order, those that are one taken together; behind the end of a probe's space NaN, without weight.

    Where a probe has met all that it has a part in, Lanczos goes on with rounding: copies of its nodes share their
    weight, others have none.
    """
    found, shares = np.full(nodes.shape, math.nan), np.zeros(nodes.shape)
    for i in range(len(nodes)):
        there = np.flatnonzero(weights[i] > 0)
        there = there[np.argsort(nodes[i, there], kind="stable")]
        at, of = nodes[i, there], weights[i, there]
        apart = np.diff(at) > _ALIKE * np.abs(at).max(initial=0.0)
        first = np.concatenate([[0], np.flatnonzero(apart) + 1])
        sums = np.add.reduceat(of, first)
        middle = np.add.reduceat(of * at, first) / sums
        kept = sums > _LEAST
        found[i, : kept.sum()], shares[i, : kept.sum()] = middle[kept], sums[kept] / sums[kept].sum()
    return found, shares
