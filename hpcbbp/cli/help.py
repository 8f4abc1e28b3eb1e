"""`hpcbbp help`: topics that belong to no one command."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from importlib import resources
from typing import Annotated, Any

import typer

from hpcbbp.cli.options import among
from hpcbbp.errors import InputError

TOPICS = {
    "methods": "stored, dense, dice, regenerated or deferred",
    "symbols": "what the columns of tables mean",
    "data": "your own X, teacher, student, operator",
    "ranks": "mpirun, srun, threads",
    "petsc": "options of PETSc and SLEPc",
    "files": "what is written, what survives a kill",
    "exit-codes": "0, 1, 2, 75, 130; what goes to which stream",
}


def text_of_topic(name: str, commands: Iterable[str] = ()) -> str:
    """Markdown of a topic; InputError, with the nearest topic or command, for a name that there is not."""
    if name not in TOPICS:
        near = difflib.get_close_matches(name, [*TOPICS, *commands], n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise InputError(f"no topic {name!r}: {meant}there are {', '.join(TOPICS)}, and every command")
    return resources.files("hpcbbp.cli").joinpath("topics", f"{name}.md").read_text(encoding="utf-8")


def overview() -> str:
    """Markdown of all topics, a line each."""
    rows = "\n".join(f"- `hpcbbp help {name}`: {about}" for name, about in TOPICS.items())
    return f"# Topics\n\n{rows}\n\nCommands: `hpcbbp --help`; one of them: `hpcbbp help COMMAND`.\n"


def help_(
    context: typer.Context,
    topic: Annotated[
        str | None, typer.Argument(metavar="TOPIC", help="A topic, or a command.", autocompletion=among(*TOPICS))
    ] = None,
) -> None:
    """Topics that belong to no one command: methods, symbols, data, ranks, petsc, files, exit-codes."""
    from hpcbbp.cli.output import Output

    output = Output(as_json=False)
    group = context.parent.command if context.parent is not None else None
    commands: dict[str, Any] = getattr(group, "commands", {})
    command = commands.get(topic) if topic is not None else None
    if command is not None:
        output.text(command.get_help(type(context)(command, info_name=topic, parent=context.parent)) + "\n")
    else:
        output.markdown(overview() if topic is None else text_of_topic(topic, commands))
