"""Checkpoints of a deferred solve: the state written so that any kill leaves one from which to go on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from hpcbbp.errors import InputError
from hpcbbp.machine.ranks import Group
from hpcbbp.solvers.deferred.state import Layout, pack, unpack
from hpcbbp.solvers.keeping.base import Keeping

if TYPE_CHECKING:
    from hpcbbp.solvers.deferred.instance import Deferred
    from hpcbbp.solvers.deferred.progress import Progress


class Checkpoint(Keeping):
    """A folder, seen by all ranks, that holds the state of one solve.

    Images are appended to one file, laid out by direction and global panel, each rank writing its own panels; the
    small state is then replaced atomically and says how many directions count. Another number of ranks can go on.
    Checksums in both, of every panel of every direction, are verified before anything is gone on with. A folder with
    files of somebody else under our names is refused and left as it is.

    Parameters
    ----------
    folder : path
        Made if it does not exist; emptied of the state when the solve ends.
    every : float
        Seconds between writings; 0 writes after every step.
    stop : callable, optional
        Asked after every step, on the first rank alone, whether to write the state and raise StoppedError.
    outlives : bool
        Leave the state when the solve ends, for whoever clears it once the result is safe.

    Attributes
    ----------
    resumed : int
        Directions that were taken from the folder.
    unfinished : bool
        Whether memory ended the solve before its pairs converged: more of it can go on from the state.
    unchecked : bool
        Whether the state is one of format 1, of an earlier version: it has no checksums, and gets none.
    trouble : str
        As of Keeping.

    Examples
    --------
    >>> from hpcbbp import Problem, deferred_instance, solve_deferred
    >>> def instance():
    ...     return deferred_instance(Problem(p=1, p_star=1, alpha=6.0, a=1.5), n=500)
    >>> first = solve_deferred(instance(), tol=1e-2, checkpoint=Checkpoint("state", every=0.0))
    >>> further = solve_deferred(instance(), tol=1e-4, checkpoint=Checkpoint("state"))  # goes on
    >>> further.eigen.products > first.eigen.products
    True
    """

    def _fresh(self) -> None:
        self.unfinished, self.unchecked, self.resumed = False, False, 0
        self._format, self._token = 0, ""
        self._written: list[int] = []

    def begin(self, instance: Deferred, at: Progress) -> bool:
        """Claim the folder, take the state if there is one, and return whether there was. Collective.

        Raises
        ------
        InputError
            The state is that of another instance or damaged, or the instance has been solved before.
        """
        group = instance.group
        self.prepare(group)
        if not group.share(self._files.state.exists()):
            return False
        if instance.k:
            raise InputError(
                f"checkpoint folder {self.folder} holds a state, and this instance one of its own already: "
                "give it a new instance, or name another folder"
            )
        self._load(instance, at)
        return True

    def save_if_due(self, instance: Deferred, at: Progress) -> None:
        """Write the state if the interval has passed or the solve is to stop. Collective.

        What goes wrong is left in `trouble`; a solve that is to stop does so with the state that was written before.

        Raises
        ------
        StoppedError
        """
        self._save_if_due(instance.group, lambda: self.save(instance, at))

    def try_to_save(self, instance: Deferred, at: Progress) -> None:
        """Write the state; a disk that is full is no reason to lose the solve. Collective."""
        self._try(instance.group, lambda: self.save(instance, at))

    def save(self, instance: Deferred, at: Progress) -> None:
        """Write the directions that are new, then the small state. Collective."""
        self._token, self._format = instance.group.share(
            (self._token or os.urandom(8).hex(), self._format or instance.format)
        )
        self._written = self._written or [0] * len(instance.vectors())
        layout = self._layout(instance)
        group = instance.group
        self._write(group, lambda file: layout.write(file, self._written, header=group.rank == 0))
        self._replace(group, lambda: pack(instance, at, self._format, self._token))
        self._written = [kind.count for kind in instance.vectors()]
        self._bytes = layout.size(max(self._written))

    def _layout(self, instance: Deferred) -> Layout:
        return Layout(instance, None if self._format == 1 else self._token)

    def _load(self, instance: Deferred, at: Progress) -> None:
        group, samples = instance.group, instance.samples
        with group.agreeing():
            with self._reading():
                state = unpack(self._files.state.read_bytes(), instance)
                if state.k > samples.capacity:
                    raise InputError(f"holds {state.k} directions, memory has room for {samples.capacity}")
            self._format, self._token, self.unchecked = state.format, state.token, state.format == 1
            layout = self._layout(instance)
            with self._reading_images() as file:
                layout.read(file, state.counts)
        state.restore(instance, at)
        samples.set_curvature(instance.problem, np.sqrt(instance.n) * instance.weights)
        self._written, self.resumed = state.counts, state.k
        self._bytes = layout.size(max(state.counts))

    @property
    def origin(self) -> str:
        """What the solve goes on from, in words."""
        bare = " (of an earlier version: no checksums, damage would not be told)" if self.unchecked else ""
        return f"goes on from {self.folder}: {self.resumed} directions{bare}"

    def ended(self, group: Group, *, converged: bool, short_of_memory: bool) -> None:
        """Remove the state, as the solve is over, unless it is still of use. Collective."""
        self.unfinished = short_of_memory and not converged
        if not (self.outlives or short_of_memory):
            self._remove(group)
