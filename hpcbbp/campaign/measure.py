"""One point to one record: the instance solved, its own quenched prediction beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from hpcbbp.errors import InputError
from hpcbbp.machine.ranks import Group
from hpcbbp.solvers.eigenspaces import largest_overlap
from hpcbbp.solvers.methods import METHODS
from hpcbbp.solvers.methods.base import Prepared, State
from hpcbbp.solvers.point import Point
from hpcbbp.solvers.result import Step
from hpcbbp.theory import quenched_model


def solve_point(
    point: Point,
    group: Group,
    checkpoint: State | None = None,
    progress: Callable[[Step], None] | None = None,
) -> dict[str, Any]:
    """Solution.to_dict() of an instance, with the quenched prediction from its projections. Collective.

    A checkpoint is for a method that keeps its state.
    """
    prepared = METHODS[point.method].prepare(point.request, group)
    solution = prepared.solve(progress, checkpoint)
    overlap2 = solution.overlap2
    return {
        **solution.lowest(point.nev or len(overlap2)).to_dict(),
        "largest_overlap_space": asdict(largest_overlap(solution.eigen.eigenvalues, overlap2)),
        "pairs_searched": len(overlap2),
        "quenched": predicted(prepared, point, group),
    }


def predicted(prepared: Prepared, point: Point, group: Group) -> dict[str, Any]:
    """Quenched prediction as a record has it, each rank with its own rows; None with a reason where there is none."""
    try:
        gram = prepared.gram()
        s, u = prepared.projections()
        z = prepared.noise()
        found = quenched_model(point.problem, s, u, point.n, z=z, gram=gram, threads=1, group=group)
    except InputError as error:
        return {"edge": None, "reason": str(error)}
    return {
        "edge": found.edge,
        "edge_scale": found.edge_scale,
        "lambda_1": found.lowest,
        "eigenvalues": found.eigenvalues.tolist(),
        "overlap2": found.overlap2.tolist(),
        "gram": True,  # knows the cosines of the weights; records without this took them to be 0
    }
