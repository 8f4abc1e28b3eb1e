"""What was asked of `hpcbbp descend`: checked once, before MPI is started, and shown at the end."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from hpcbbp.cli.asked import Asked, given
from hpcbbp.cli.stopping import check_wall_time
from hpcbbp.dynamics import DescentCheckpoint, Schedule, prepared
from hpcbbp.dynamics.instances import check_method
from hpcbbp.errors import InputError
from hpcbbp.machine.optional import require
from hpcbbp.machine.ranks import Group
from hpcbbp.solvers.deferred import INTERVAL
from hpcbbp.solvers.request import OPTIONS

if TYPE_CHECKING:
    from hpcbbp.cli.output import Output
    from hpcbbp.dynamics import Trajectory
    from hpcbbp.solvers.deferred.blocks import Blocks
    from hpcbbp.solvers.instance import Instance


@dataclass(frozen=True)
class AskedDescent:
    """The options of a descent as they were given, None where one was left out.

    Attributes
    ----------
    solve : Asked
        What is asked of the instance and of Hessians.
    schedule : Schedule
    hessian_every : int or None
    folder, every
        Of the checkpoint.
    out : Path or None
        The picture.

    Raises
    ------
    InputError
        When made: options that do not go together, in the words of the command line.
    """

    solve: Asked
    schedule: Schedule
    hessian_every: int | None
    folder: str | None
    every: float | None
    wall_time: float | None
    out: Path | None

    def __post_init__(self) -> None:
        """Check what needs neither MPI nor the files."""
        check_method(self.solve.method.name, self.solve.storage, OPTIONS)
        self._check_hessians()
        if self.folder == "":
            raise InputError("--checkpoint is empty: name the folder to keep the state in")
        if self.every is not None and self.folder is None:
            raise InputError("--checkpoint-every without --checkpoint: name the folder to keep the state in")
        check_wall_time(self.wall_time, self.folder)
        _ = self.checkpoint
        if self.out is not None:
            from hpcbbp.cli.theory import check_picture

            require("--out", "figures")
            check_picture(self.out)

    def _check_hessians(self) -> None:
        every = self.hessian_every
        if every is not None and every < 1:
            raise InputError(f"--hessian-every {every}: a whole number of steps >= 1")
        if every is None:
            given_words = {"--nev": self.solve.nev, "--tol": self.solve.given_tol}
            named = [name for name, value in given_words.items() if value is not None]
            if named or self.solve.petsc_options:
                what = named[0] if named else self.solve.petsc_options[0]
                raise InputError(f"{what} without --hessian-every: there is nothing to solve; say at which steps")

    @property
    def hessians(self) -> int:
        """How many there will be."""
        return 0 if self.hessian_every is None else self.schedule.steps // self.hessian_every + 1

    @cached_property
    def checkpoint(self) -> DescentCheckpoint | None:
        """Where the state is kept."""
        if self.folder is None:
            return None
        return DescentCheckpoint(self.folder, INTERVAL if self.every is None else self.every)

    def prepare(self, group: Group) -> Instance | Blocks:
        """Draw the instance, or read it. Collective."""
        from hpcbbp.cli.solve import read

        if self.solve.own is not None:
            return read(self.solve, self.solve.own, group)
        request = self.solve.request(self.solve.problem, given(self.solve.n))
        return prepared(request, self.schedule, self.hessians, group)

    def show(self, found: Trajectory, output: Output) -> None:
        """Print a descent, draw it, and warn about what did not converge."""
        from hpcbbp.cli.output import warn
        from hpcbbp.cli.tables import descent_tables
        from hpcbbp.cli.theory import files, writing
        from hpcbbp.machine.files import csv_text, write_file

        names: list[Path] = []
        if self.out is not None:
            from hpcbbp.figures.canvas import save
            from hpcbbp.figures.descent import descent_figure, descent_table

            names = [self.out, self.out.with_suffix(".csv")]
            with writing(self.out):
                save(descent_figure(found), names[0], "Gradient descent, and the Hessian on the way")
                write_file(names[1], csv_text(descent_table(found), "%.10g"))
        if not output.as_json:
            output.show(*descent_tables(found, self.solve.parts), *files(*names))
        if found.reason:
            warn(found.reason)
        for at in found.landscapes:
            if not at.converged.all():
                warn(f"Hessian at step {at.step}: {(~at.converged).sum()} of {len(at.converged)} pairs: {at.reason}")
        if output.as_json:  # last: a launcher may mix a long line with what comes after it
            output.json({**found.to_dict(), "files": [str(path) for path in names]})
