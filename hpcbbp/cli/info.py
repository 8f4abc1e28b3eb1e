"""`hpcbbp info` and `hpcbbp --version`: what is installed, and what is wrong with it."""

from __future__ import annotations

from importlib import import_module

from hpcbbp.cli.options import Json


def info(as_json: Json = False) -> None:
    """Versions of everything that matters, cores, memory, what is missing; under mpirun or srun, its traps."""
    from hpcbbp.cli.output import Output
    from hpcbbp.cli.tables import info_tables
    from hpcbbp.machine.about import system_info
    from hpcbbp.machine.launcher import launched_rank

    output = Output(as_json)
    answer = system_info()
    if launched_rank() != 0:
        return
    if as_json:
        output.json(answer)
    else:
        output.show(*info_tables(answer))


def version_lines() -> list[str]:
    """Version and commit, then those of MPI, PETSc and SLEPc for Python; nothing of them is started."""
    from hpcbbp._commit import commit
    from hpcbbp._version import __version__
    from hpcbbp.machine.optional import MODULES, missing_modules

    missing = missing_modules()
    found = [f"{name} {import_module(name).__version__}" for name in MODULES if name not in missing]
    lost = [f"no {name}" for name in missing]
    made = commit()
    return [f"hpcbbp {__version__}" + (f", commit {made[:12]}" if made else ""), ", ".join(found + lost)]
