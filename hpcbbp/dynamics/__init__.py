"""Gradient descent of the student's weights, and what it meets on the way."""

from hpcbbp.dynamics.checkpoint import DescentCheckpoint
from hpcbbp.dynamics.instances import deferred_walk, prepared
from hpcbbp.dynamics.run import descend
from hpcbbp.dynamics.schedule import Schedule
from hpcbbp.dynamics.states import State, evolution
from hpcbbp.dynamics.trajectory import Landscape, Moment, Trajectory

__all__ = [
    "DescentCheckpoint",
    "Landscape",
    "Moment",
    "Schedule",
    "State",
    "Trajectory",
    "deferred_walk",
    "descend",
    "evolution",
    "prepared",
]
