"""Run a command in the processes of a test, one after another: hundreds of them in the time of ten new processes."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hpcbbp.machine import petsc


@contextlib.contextmanager
def petsc_options(words: Sequence[str]) -> Iterator[None]:
    """With these options, and without those that are set meanwhile afterwards."""
    if petsc.missing_modules():
        yield
        return
    from petsc4py import PETSc

    options = PETSc.Options()
    before = set(options.getAll())
    if words:
        options.insertString(" ".join(words))
    yield
    for name in set(options.getAll()) - before:
        options.delValue(name)


def here(words: Sequence[str], folder: Path) -> tuple[Any, str, str]:
    """Exit code, standard output and standard error of a command run in this process. Collective; a folder a rank."""
    from hpcbbp.cli.app import main

    saved = os.dup(1), os.dup(2)
    sys.stdout.flush(), sys.stderr.flush()
    with contextlib.ExitStack() as stack:
        stack.enter_context(petsc_options([]))
        files = [stack.enter_context((folder / name).open("w+")) for name in ("out", "err")]
        try:
            for number, file in enumerate(files, 1):
                os.dup2(file.fileno(), number)
            stack.enter_context(contextlib.redirect_stdout(files[0]))
            stack.enter_context(contextlib.redirect_stderr(files[1]))
            try:
                main(words)
                status = None
            except SystemExit as end:
                status = end.code
        finally:
            for number, old in enumerate(saved, 1):
                os.dup2(old, number)
                os.close(old)
        for file in files:
            file.flush()
        texts = [Path(file.name).read_text() for file in files]
    return status, *texts
