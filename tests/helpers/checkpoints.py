"""A small deferred solve, interrupted as if its process died, and gone on with."""

from __future__ import annotations

import pytest

from hpcbbp import Checkpoint, Problem, deferred_instance, solve_deferred

PROBLEM = Problem(p=1, p_star=1, alpha=3.0, a=1.5)
N, TOL = 200, 1e-3  # two panels


class StopError(Exception):
    """As if the process died."""


def instance(storage="float64", **more):
    return deferred_instance(PROBLEM, N, 4, storage=storage, **more)


def interrupted(folder, storage="float64"):
    def die(step):
        if step.restart > 8:
            raise StopError

    with pytest.raises(StopError):
        solve_deferred(instance(storage), tol=TOL, checkpoint=Checkpoint(folder, 0), progress=die)
    return folder


def resumed(folder, storage="float64"):
    checkpoint = Checkpoint(folder, 1e9)
    eigen = solve_deferred(instance(storage), tol=TOL, checkpoint=checkpoint).eigen
    return eigen, checkpoint
