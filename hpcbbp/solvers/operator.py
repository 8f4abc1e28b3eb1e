"""Eigenpairs of any symmetric operator: either end of its spectrum or both, and overlaps with directions by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError, shown
from hpcbbp.machine import memory, petsc
from hpcbbp.machine.ranks import Group
from hpcbbp.machine.rng import check_seed
from hpcbbp.operators.base import Operator
from hpcbbp.operators.directions import checked_directions
from hpcbbp.operators.vectors import ordinary, orthonormal
from hpcbbp.solvers import eigen
from hpcbbp.solvers.checkpoint import SolveCheckpoint
from hpcbbp.solvers.request import DEFAULT_TOL
from hpcbbp.solvers.result import EigenResult, Step
from hpcbbp.solvers.slepc import CONVERGED

Array = NDArray[np.float64]

ENDS = ("lowest", "largest", "both")
"""Of the spectrum, as callers name them."""

PAIRS = 6
"""At an end, where nothing is said."""


@dataclass(frozen=True)
class Overlap:
    """Eigenvectors beside directions of one name, d_1 to d_q.

    Attributes
    ----------
    cosines : (k, q) array
        v . d_l / |d_l| of each pair.
    overlap2 : (k,) array
        |P v|^2, P the projection on the span of the directions.

    Examples
    --------
    >>> from hpcbbp.operators import replicated_operator
    >>> A = replicated_operator(lambda v: np.arange(1.0, 51.0) * v, 50)
    >>> found = solve_operator(A, 1, which="lowest", directions={"first": np.eye(50)[0]})
    >>> found.overlaps["first"].overlap2.round(6).tolist()
    [1.0]
    """

    cosines: Array
    overlap2: Array


@dataclass(frozen=True)
class OperatorSolution:
    """Eigenpairs of an operator.

    Attributes
    ----------
    name : str
    size : int
    seed : int
        Of the start vector.
    eigen : EigenResult
        Pairs of the low end from the lowest up, then those of the other from the largest down.
    ends : (k,) tuple of {"lowest", "largest"}
        Which end each pair was found from.
    overlaps : dict of str to Overlap

    Examples
    --------
    >>> from hpcbbp.operators import replicated_operator
    >>> A = replicated_operator(lambda v: np.arange(1.0, 51.0) * v, 50, name="diagonal")
    >>> found = solve_operator(A, 1, which="both")
    >>> found.ends, found.eigen.eigenvalues.round(6).tolist()
    (('lowest', 'largest'), [1.0, 50.0])
    """

    name: str
    size: int
    seed: int
    eigen: EigenResult
    ends: tuple[str, ...]
    overlaps: Mapping[str, Overlap]

    def __repr__(self) -> str:
        """What was solved and found, in a line; never the arrays."""
        return f"OperatorSolution({self.name}, size={self.size}: {self.eigen.brief()})"

    def to_dict(self) -> dict[str, Any]:
        """Everything but the vectors, for JSON."""
        return {
            "operator": self.name,
            "method": "krylov-schur",
            "size": self.size,
            "seed": self.seed,
            "ends": list(self.ends),
            **self.eigen.to_dict(),
            "overlaps": {
                name: {"cosines": one.cosines.tolist(), "overlap2": one.overlap2.tolist()}
                for name, one in self.overlaps.items()
            },
        }


def solve_operator(
    operator: Operator,
    nev: int | None = None,
    *,
    which: str | None = None,
    below: float | None = None,
    above: float | None = None,
    tol: float = DEFAULT_TOL,
    seed: int = 0,
    verify: bool = False,
    directions: Mapping[str, Any] | None = None,
    progress: Callable[[Step], None] | None = None,
    checkpoint: SolveCheckpoint | None = None,
) -> OperatorSolution:
    """Find eigenpairs of one end of an operator's spectrum, or of both, by SLEPc's Krylov-Schur. Collective.

    Parameters
    ----------
    operator : Operator
        Of hpcbbp.operators: a product of your own, a Hessian, sums and projections of such.
    nev : int, optional
        Pairs of each end that is asked for; 6 by default.
    which : {"lowest", "largest", "both"}, optional
        "lowest" by default; with `below` and `above` these say it.
    below, above : float, optional
        All eigenvalues below one number, above another, and the next of each end, in place of `nev`.
    tol : float
        Relative residual |A v - lambda v| / |lambda|.
    seed : int
        Of the start vector.
    verify : bool
        Search the complement of what was found until nothing comes before it.
    directions : dict of str to array, optional
        This rank's part, (local_size,) or (q, local_size), of what eigenvectors are to be compared with; the
        operator's own by default.
    progress : callable, optional
        Called with each Step, on every rank.
    checkpoint : SolveCheckpoint, optional
        Keeps the state at restarts, and goes on from one that is there.

    Raises
    ------
    InputError
        Values that make no sense, too little memory, a product that fails, or a checkpoint of something else, on all
        ranks.
    StoppedError
        If the checkpoint's `stop` says so; the state is kept.

    Examples
    --------
    >>> import numpy as np
    >>> from hpcbbp.operators import summed_operator
    >>> A = summed_operator(lambda v: np.arange(1.0, 101.0) * v, 100, name="diagonal")
    >>> found = solve_operator(A, 2, which="both", directions={"first axis": np.eye(100)[0]})
    >>> found.eigen.eigenvalues.round(6).tolist(), found.overlaps["first axis"].overlap2.round(6).tolist()
    ([1.0, 2.0, 100.0, 99.0], [1.0, 0.0, 0.0, 0.0])
    """
    if not isinstance(operator, Operator):
        raise InputError(f"solve_operator({type(operator).__name__}): give an operator, as of hpcbbp.operators")
    ends, wanted = ends_of(which, below, above, nev), min(PAIRS, operator.size) if nev is None else nev
    order = f"{operator.name} has only size"
    wanted, tol, seed = eigen.check_nev(wanted, operator.size, order), eigen.check_tol(tol), check_seed(seed)
    if len(ends) == 2 and 2 * wanted > operator.size:
        if nev is not None or operator.size == 1:
            raise InputError(f"nev = {wanted} of each end: {order} = {operator.size} eigenpairs in all")
        wanted = operator.size // 2
    named = checked_directions(operator.directions if directions is None else directions, operator)
    _require_room(operator, wanted)
    if checkpoint is not None and not isinstance(checkpoint, SolveCheckpoint):
        raise InputError(f"checkpoint = {shown(checkpoint)}: a SolveCheckpoint(folder) is wanted")
    # Of two ends each has a state, and the first one's waits for the second.
    parts = checkpoint is not None and len(ends) == 2
    if checkpoint is not None:
        _check_ends(checkpoint, operator.group, both=parts)
    states = {end: checkpoint.of(end) if checkpoint and parts else checkpoint for end in ends}
    found = {
        end: eigen.solve(
            operator,
            wanted,
            tol=tol,
            seed=seed,
            progress=progress,
            below=below if end == "lowest" else None,
            above=above if end == "largest" else None,
            largest=end == "largest",
            verify=verify,
            checkpoint=states[end],
            identity={"operator": operator.name, "size": operator.size},
        )
        for end in ends
    }
    if checkpoint is not None and len(ends) == 2:
        checkpoint.end_of_parts(operator.group)
    both = _joined(*found.values()) if len(ends) == 2 else found[ends[0]]
    vectors = both.vectors.reshape(len(both.eigenvalues), operator.local_size)
    return OperatorSolution(
        name=operator.name,
        size=operator.size,
        seed=seed,
        eigen=both,
        ends=tuple(end for end, result in found.items() for _ in result.eigenvalues),
        overlaps={name: _overlap(vectors, value, operator.group) for name, value in named.items()},
    )


def ends_of(which: str | None, below: float | None, above: float | None, nev: int | None) -> tuple[str, ...]:
    """Ends of the spectrum that are asked for; InputError for what contradicts itself."""
    eigen.check_below(below)
    eigen.check_below(above, "above")
    if which is not None and which not in ENDS:
        raise InputError(f"which = {shown(which)}: one of {', '.join(ENDS)}")
    given = {"below": below, "above": above}
    for name, value in given.items():
        if value is not None and nev is not None:
            raise InputError(f"nev = {shown(nev)} with {name} = {value:g}: {name} finds all there are; leave nev out")
    if below is not None and above is not None and below >= above:
        raise InputError(f"below = {below:g} with above = {above:g}: the first is to be less than the second")
    asked = tuple(end for end, value in zip(ENDS, given.values(), strict=False) if value is not None)
    named = {None: asked or ("lowest",), "both": ENDS[:2]}.get(which, (str(which),))
    if asked and named != asked:
        raise InputError(f"which = {shown(which)} with {' and '.join(k for k, v in given.items() if v is not None)}: "
                         "these say which end; leave which out")  # fmt: skip
    return named


def _require_room(operator: Operator, nev: int) -> None:
    """Refuse what does not fit in memory or in PETSc's indices, before it is allocated. Collective."""
    petsc.initialize()
    from petsc4py import PETSc

    ncv = eigen.default_ncv(nev, operator.size)
    petsc.check_index(PETSc.IntType, operator.size, ncv)
    vectors = ncv + 4 * nev + 8  # the basis; pairs, their images, and copies of both
    largest = int(operator.group.largest(operator.local_size))
    memory.require(8 * vectors * largest + memory.PER_RANK, operator.group, "take more nodes, or fewer pairs")


def _overlap(vectors: Array, directions: Array, group: Group) -> Overlap:
    """Collective."""
    directions = ordinary(directions, group)
    sizes = np.sqrt(group.sum((directions**2).sum(axis=1)))
    cosines = group.sum(vectors @ (directions / sizes[:, None]).T)
    basis = orthonormal(directions, group, whole=False)
    return Overlap(cosines, (group.sum(vectors @ basis.T) ** 2).sum(axis=1))


def _check_ends(checkpoint: SolveCheckpoint, group: Group, *, both: bool) -> None:
    """InputError for a folder with a state of both ends where one is asked for, or of one for both. Collective."""
    with group.agreeing():
        parts = [name for name in ENDS[:2] if (checkpoint.folder / name / "state.npz").exists()]
        if not both and parts:
            raise InputError(f"{checkpoint.folder}: has a state of both ends: name another folder, or remove it")
        if both and (checkpoint.folder / "state.npz").exists():
            raise InputError(f"{checkpoint.folder}: has a state of one end: name another folder, or remove it")


def _joined(low: EigenResult, high: EigenResult) -> EigenResult:
    """Pairs of both ends as one result."""
    first = low.history[-1] if low.history else Step(0, low.products, 0, (), ())
    reasons = [result.reason for result in (low, high) if result.reason != CONVERGED]
    joined = {
        name: np.concatenate([getattr(low, name), getattr(high, name)])
        for name in ("eigenvalues", "residuals", "converged", "vectors")
    }
    later = tuple(
        replace(step, restart=first.restart + step.restart, products=low.products + step.products)
        for step in high.history
    )
    return replace(
        low,
        **joined,
        reason=reasons[0] if reasons else CONVERGED,
        products=low.products + high.products,
        history=low.history + later,
        seconds=low.seconds + high.seconds,
        nev=(low.nev or 0) + (high.nev or 0),
        verified=None if low.verified is None else low.verified and high.verified,
        found_by_verification=low.found_by_verification + high.found_by_verification,
        lowest=False,
    )
