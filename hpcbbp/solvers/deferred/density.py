"""Density of all eigenvalues of a deferred Hessian: a random probe is a few more Haar directions.

The part of a uniform unit vector of R^(pN) in the directions met is Gaussian; the rest lies in p directions, uniform
in what has not been met, with a triangle of the law of a QR decomposition. From there on Lanczos asks as a solve
does, so that the quadrature is that of one exactly Gaussian X.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError, shown
from hpcbbp.machine import memory, provenance
from hpcbbp.machine.ranks import Group
from hpcbbp.machine.rng import check_seed, normals, triangle
from hpcbbp.model.covariance import count_of
from hpcbbp.model.problem import Problem, check_dimension
from hpcbbp.solvers.deferred.blocks import Blocks
from hpcbbp.solvers.deferred.floors import storage_bytes
from hpcbbp.solvers.deferred.queries import query, unasked
from hpcbbp.solvers.deferred.space import Space
from hpcbbp.solvers.request import BYTES
from hpcbbp.solvers.spectral_density import SpectralDensity, check_probes, cleaned

Array = NDArray[np.float64]

_APART = 2**40  # numbers of the stream between two probes


def directions_of(problem: Problem, n: int, probes: int, steps: int) -> int:
    """Directions that the quadrature leads to."""
    each = count_of(problem.covariance, n)
    return min(n, each * (problem.p + problem.p_star + probes * problem.p * (steps + 1)))


def deferred_bytes(problem: Problem, n: int, storage: str, probes: int, steps: int, ranks: int) -> int:
    """Bytes of the largest rank."""
    size = BYTES[storage]
    fixed, each = memory.deferred_solve(problem.samples(n), problem.p, 1, size, ranks, left=True)
    return fixed + each * directions_of(problem, n, probes, steps)


def deferred_density(
    problem: Problem,
    n: int,
    seed: int = 0,
    *,
    probes: int = 2,
    steps: int = 100,
    storage: str = "float64",
    group: Group | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SpectralDensity:
    """Density of the eigenvalues of the Hessian at random weights, Gaussian data, no vector of length N. Collective.

    Parameters
    ----------
    problem : Problem
    n : int
        N.
    seed : int
        Of the instance and of the probes.
    probes, steps : int
        As of spectral_density; each step leads to p more directions (in each eigenspace of the data's covariance).
    storage : {"float64", "float32"}
    group : Group, optional
    progress : callable, optional
        Called with steps done and their number, on every rank.

    Raises
    ------
    InputError
        Values that make no sense, int16, or too little memory.

    Examples
    --------
    >>> from hpcbbp import Problem
    >>> found = deferred_density(Problem(p=1, p_star=1, alpha=3.0, a=1.5), n=500, probes=2, steps=20)
    >>> share, error = found.cumulative(np.array([-5.0, 500.0]))
    >>> share.round(3).tolist()
    [0.0, 1.0]
    """
    if not isinstance(problem, Problem):
        raise InputError(f"deferred_density({shown(problem)}): give a Problem and N")
    group, n, seed = Group.chosen(group), check_dimension(n), check_seed(seed)
    probes, steps = check_probes(probes, steps)
    storage_bytes(storage)
    if storage == "int16":
        raise InputError("storage = 'int16': a density keeps images in float64 or float32")
    steps = min(steps, problem.p * n)
    way_out = "take fewer probes or steps, storage float32, a smaller N, or more nodes"
    memory.require(deferred_bytes(problem, n, storage, probes, steps, group.size), group, way_out)
    clock = time.perf_counter()
    instance = Blocks(problem, n, seed, storage, directions_of(problem, n, probes, steps), group)
    instance.start(problem.p)
    nodes, weights, products = np.full((probes, steps), math.nan), np.zeros((probes, steps)), 0
    for i in range(probes):

        def heard(done: int, before: int = i * steps) -> None:
            if progress is not None:
                progress(before + done, probes * steps)

        found = _quadrature(instance, _probe(instance, i), steps, heard)
        products += len(found[0])
        nodes[i, : len(found[0])], weights[i, : len(found[0])] = found
    return SpectralDensity(
        "the Hessian", problem.p * n, seed, *cleaned(nodes, weights), products, time.perf_counter() - clock,
        {**provenance.versions(), "ranks": group.size, "storage": storage},
    )  # fmt: skip


def _probe(instance: Blocks, number: int) -> Array:
    """A uniform unit vector of R^(pN), (k, p), with the new directions that it needs. Collective."""
    p, k, levels = instance.problem.p, instance.k, instance.levels
    counts, room = levels.next(p), levels.room()
    first = number * _APART
    known = normals(instance.seed, "probes", first, first + k * p).reshape(k, p)
    new = [
        triangle(int(count), p, int(left), instance.seed, "probe-triangles", number * len(counts) + level)
        for level, (count, left) in enumerate(zip(counts, room, strict=True))
    ]
    instance.space = Space(p)
    instance.space.grow(k)
    unasked(instance, p)
    v = instance.group.share(np.concatenate([known, *new]))
    unit: Array = v / np.linalg.norm(v)
    return unit


def _quadrature(instance: Blocks, v: Array, steps: int, heard: Callable[[int], None]) -> tuple[Array, Array]:
    """Nodes and weights of a unit vector's measure. Collective."""
    space = instance.space
    for step in range(steps):
        query(instance, np.pad(v, ((0, space.k - len(v)), (0, 0)))[None])
        heard(step + 1)
        rest = space.outside(space.HW[-1:])[0]
        size = instance.group.share(float(np.linalg.norm(rest)))
        if size <= 1e-10 * float(np.linalg.norm(space.HW[-1])):  # the space of the probe is exhausted
            break
        v = rest / size
    values, rotation = instance.group.share(np.linalg.eigh(space.B))
    return values, rotation[0] ** 2
