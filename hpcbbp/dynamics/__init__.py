"""Gradient descent of the student's weights, and what it meets on the way."""

from hpcbbp.dynamics.descent import descend
from hpcbbp.dynamics.instances import deferred_walk
from hpcbbp.dynamics.schedule import Schedule
from hpcbbp.dynamics.trajectory import Landscape, Moment, Trajectory

__all__ = ["Landscape", "Moment", "Schedule", "Trajectory", "deferred_walk", "descend"]
