"""Checkpoints of a descent: the state between two steps, written so that any kill leaves one to go on from."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hpcbbp.dynamics.trajectory import Landscape, Moment
from hpcbbp.errors import InputError
from hpcbbp.solvers.keeping.identity import DESCENT
from hpcbbp.solvers.keeping.vectors import VectorCheckpoint

if TYPE_CHECKING:
    from hpcbbp.dynamics.descent import Descent
    from hpcbbp.dynamics.schedule import Schedule
    from hpcbbp.dynamics.walker import Solving

Told = tuple[list[Moment], list[Landscape]]


class DescentCheckpoint(VectorCheckpoint):
    """A folder, seen by all ranks, that holds the state of one descent.

    Weights, velocities and all that deferred data or dice know of X, with checksums that are verified before anything
    is gone on with; moments and Hessians so far. Another number of ranks can go on. A folder with files of somebody
    else under our names is refused and left as it is.

    Parameters
    ----------
    folder, every, stop, outlives
        As of Keeping: a state is written between two steps, never in the middle of a Hessian.

    Attributes
    ----------
    resumed : int or None
        Steps that the state in the folder had; None if there was none.

    Examples
    --------
    >>> from hpcbbp import Problem, gaussian_instance
    >>> from hpcbbp.dynamics import Schedule, descend
    >>> instance = gaussian_instance(Problem(p=1, p_star=1, alpha=6.0, a=1.5), n=100)
    >>> checkpoint = DescentCheckpoint("descent", every=60.0)
    >>> found = descend(instance, Schedule(steps=5, eta=0.02), checkpoint=checkpoint)
    >>> found.resumed is None  # there was no state to go on with
    True
    """

    words, what = DESCENT, "descent"

    def _fresh(self) -> None:
        super()._fresh()
        self.resumed: int | None = None

    def begin(self, descent: Descent, walker: Solving, identity: dict[str, Any], told: Told) -> bool:
        """Claim the folder, take the state if there is one, and return whether there was. Collective.

        Parameters
        ----------
        descent : Descent
        walker : Solving
            Its own.
        identity : dict
            What the state is the state of, as JSON has it.
        told : lists of Moment and Landscape
            Filled with those of the steps that were made.

        Raises
        ------
        InputError
            The state is that of another descent, or damaged.
        """
        group = walker.group
        if not self._claim(group, identity):
            return False
        with group.agreeing(), self._reading():
            about, arrays = self._small()
            moments = [Moment.of(values) for values in about["moments"]]
            landscapes = [Landscape.of(values) for values in about["landscapes"]]
            walker.check_kept(self.counts, arrays)
            step = int(about["step"])
            if step > descent.schedule.steps:
                raise InputError(f"has {step} steps already: ask for as many or more, or name another folder")
            if step < 0 or len(moments) != step:
                raise ValueError(f"{len(moments)} moments of {step} steps")
        self._take_long(group, walker.take_long)
        descent.W, descent.velocity = walker.take_small(arrays)
        descent.step = self.resumed = step
        told[0][:], told[1][:] = moments, landscapes
        return True

    def save_if_due(self, descent: Descent, walker: Solving, told: Told) -> None:
        """Write the state if the interval has passed or the descent is to stop. Collective.

        Raises
        ------
        StoppedError
        """
        self._save_if_due(walker.group, lambda: self.save(descent, walker, told))

    def save(self, descent: Descent, walker: Solving, told: Told) -> None:
        """Write what is new of the long vectors, then the small state. Collective."""
        about = {
            "step": descent.step,
            "moments": [moment.to_dict() for moment in told[0]],
            "landscapes": [landscape.to_dict() for landscape in told[1]],
        }
        kinds, small = walker.long(descent.W, descent.velocity), walker.small(descent.W, descent.velocity)
        self._keep(walker.group, kinds, about, small)

    @property
    def origin(self) -> str:
        """What the descent goes on from, in words."""
        return f"goes on from {self.folder}: {self.resumed} steps"


def identity_of(walker: Solving, schedule: Schedule, every: int, nev: int, tol: float) -> dict[str, Any]:
    """What a state is the state of; steps may be more when it is gone on with."""
    how = {name: value for name, value in asdict(schedule).items() if name != "steps"}
    return {**walker.identity(), **how, "hessian_every": every, "nev": nev, "tol": tol}
