"""One point with a descent to one record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hpcbbp.dynamics import DescentCheckpoint, Landscape, Moment, Schedule, descend, prepared
from hpcbbp.errors import InputError
from hpcbbp.machine.ranks import Group
from hpcbbp.solvers.point import Point

COURSE = 100
"""Moments that a record keeps, about: a step in so many."""

Heard = Callable[[Moment, Landscape | None], None] | None


def descend_point(
    point: Point, group: Group, checkpoint: DescentCheckpoint | None = None, progress: Heard = None
) -> dict[str, Any]:
    """What a record keeps of a descent (hpcbbp.campaign.kept.Descended). Collective.

    Raises
    ------
    InputError
        Nothing could be computed.
    """
    schedule, every = schedule_of(point), point.hessian_every
    instance = prepared(point.request, schedule, hessians_of(point), group)
    found = descend(
        instance, schedule, hessian_every=every, nev=point.nev, tol=point.tol, checkpoint=checkpoint,
        progress=progress,
    )  # fmt: skip
    if not found.moments:
        raise InputError(f"nothing could be computed: {found.reason}")
    answer = found.to_dict()
    steps, stride = answer.pop("steps"), max(1, schedule.steps // COURSE)
    largest = int(np.argmax([at["overlap2"] for at in steps]))
    kept = [at for at in steps if at["step"] % stride == 0 or at is steps[-1]]
    names = ("step", "loss", "overlap2", "norm2", "gradient_norm")
    return {
        **{name: answer[name] for name in ("data", "m", "hessians", "reason", "seconds", "provenance")},
        "made": len(steps) - 1,
        "largest_overlap2": steps[largest]["overlap2"],
        "largest_step": steps[largest]["step"],
        "course": {name: [at[name] for at in kept] for name in names},
    }


def schedule_of(point: Point) -> Schedule:
    """How its weights descend."""
    return Schedule.of(point.descent or "")


def hessians_of(point: Point) -> int:
    """How many there are on the way."""
    return 0 if point.hessian_every is None else schedule_of(point).steps // point.hessian_every + 1
