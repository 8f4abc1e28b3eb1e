"""The command line: parse, call, print."""

from __future__ import annotations

import difflib
import functools
import itertools
import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from hpcbbp.cli.accounting import accounting
from hpcbbp.cli.campaign import collect, export, plan, run
from hpcbbp.cli.cite import cite
from hpcbbp.cli.demo import demo
from hpcbbp.cli.density import density
from hpcbbp.cli.descend import descend
from hpcbbp.cli.examples import epilog
from hpcbbp.cli.explore import explore
from hpcbbp.cli.figure import analyze, figure, report
from hpcbbp.cli.help import help_
from hpcbbp.cli.info import info, version_lines
from hpcbbp.cli.models import models
from hpcbbp.cli.predict import predict
from hpcbbp.cli.slurm import slurm
from hpcbbp.cli.solve import solve
from hpcbbp.cli.theory import phase_diagram, theory
from hpcbbp.errors import InputError
from hpcbbp.machine import stdio as streams
from hpcbbp.machine.launcher import launched, launched_rank
from hpcbbp.machine.optional import require
from hpcbbp.machine.signals import listen

# Typer carries its own copy of click or uses the installed one, depending on its version.
_UsageError: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")

app = typer.Typer(
    help="BBP transitions of loss Hessians: matrix-free eigensolver on MPI ranks, beside exact theory.",
    epilog="hpcbbp help: topics. hpcbbp COMMAND --help: options, and two examples. Manual: make docs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _top(version: Annotated[bool, typer.Option("--version", help="Version, commit, PETSc.")] = False) -> None:
    if version:
        with streams.answering():
            sys.stdout.write("\n".join(version_lines()) + "\n" if launched_rank() == 0 else "")
        raise typer.Exit


COMMANDS: dict[Callable[..., None], tuple[str, ...]] = {
    theory: (),
    phase_diagram: ("figures",),
    density: ("figures",),
    predict: ("figures",),
    explore: (),
    models: (),
    solve: (),
    descend: (),
    demo: ("campaigns", "analysis", "figures"),
    plan: ("campaigns",),
    run: ("campaigns",),
    collect: ("campaigns",),
    export: ("campaigns",),
    analyze: ("campaigns", "analysis"),
    report: ("campaigns", "analysis", "figures", "report"),
    figure: ("campaigns", "analysis", "figures"),
    slurm: ("campaigns", "slurm"),
    accounting: ("campaigns", "slurm"),
    cite: (),
    info: (),
    help_: (),
}
"""In the order in which help lists them, with the extras that a command needs whatever it is asked."""


RANKS = {solve, density, descend, demo, run, figure, info}
"""Commands that make use of ranks; under mpirun the first alone answers to any other."""


def name_of(command: Callable[..., None]) -> str:
    """Its word on the command line."""
    return command.__name__.strip("_").replace("_", "-")


def needing(extras: Sequence[str], command: Callable[..., None]) -> Callable[..., None]:
    """The command, refused without its extras before it begins, in a line that names all of them."""

    @functools.wraps(command)
    def begun(*given: Any, **named: Any) -> None:
        if command not in RANKS and launched_rank() != 0:
            return
        require(f"hpcbbp {name_of(command)}", *extras)
        command(*given, **named)

    return begun


for _command, _extras in COMMANDS.items():
    app.command(name_of(_command), epilog=epilog(name_of(_command)))(needing(_extras, _command))


def usage_message(error: Any, words: Sequence[str]) -> str:
    """What was wrong with the command line, in one line that names the value."""
    message = str(error.format_message()).rstrip(".")
    options = getattr(getattr(error, "param", None), "opts", ())
    given = [pair for pair in itertools.pairwise(words) if pair[0] in options]
    if given and message.startswith("Invalid value"):
        # Of several the one that was not understood, as typer or pydantic says; else the one that counts.
        cause = error.__cause__
        bad = {str(at.get("input")) for at in cause.errors()} if hasattr(cause, "errors") else set()
        option, value = next((pair for pair in given if pair[1] in bad or repr(pair[1]) in message), given[-1])
        message = f"{option} {value}: {message.split(': ', 1)[-1]}"
    if message.startswith(("No such", "Missing")):
        message = with_the_way_out(error, message, words)
    return message


def with_the_way_out(error: Any, message: str, words: Sequence[str]) -> str:
    """What was typed and is not there, with what may have been meant and where all of it is told."""
    command = f"{words[0]} " if words and words[0] in map(name_of, COMMANDS) else ""
    wrong = getattr(error, "option_name", None)
    if wrong is None:
        return f"{message.rstrip('?')}{'?' if message.endswith('?') else ';'} see hpcbbp {command}--help"
    if words[0] in ("solve", "descend") and not wrong.startswith("--"):
        return f"No such option: {wrong}; PETSc options go after '--', as in -- -eps_monitor"
    there = [name for one in error.ctx.command.params for name in (*one.opts, *one.secondary_opts)]
    near = difflib.get_close_matches(wrong, ["--help", *there], n=1, cutoff=0.7) if wrong.startswith("--") else []
    meant = f"; did you mean {near[0]}?" if near else ";"
    return f"No such option: {wrong}{meant} see hpcbbp {command}--help"


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: exit code 0, or 2 with one line on standard error for bad input."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    listen(words)
    os.environ.pop("MPLBACKEND", None)  # matplotlib reads it, and refuses what it does not know; we draw on Agg
    try:
        streams.mend()
        if launched() or not sys.stdout.isatty():  # Open MPI gives a pseudo-terminal; typer trusts GITHUB_ACTIONS
            os.environ.setdefault("_TYPER_FORCE_DISABLE_TERMINAL", "1")
        status = run_app(words)
        with streams.answering():
            pass  # help texts, of which typer does not see to it that they arrive
    except _UsageError as error:
        message = usage_message(error, words)
        if message:  # empty where the help was shown instead
            _fail(message)
        raise SystemExit(2) from None
    except InputError as error:
        _fail(str(error))
    except BrokenPipeError:  # whoever reads has heard enough
        streams.drop(1)
        raise SystemExit(0) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    finally:
        streams.end()
    raise SystemExit(status if isinstance(status, int) else 0)


def _fail(message: str) -> None:
    from hpcbbp.machine.ranks import fail

    fail(message)


def run_app(words: Sequence[str]) -> Any:
    """Run a command; a path or a machine that the operating system refuses is an InputError, whoever met it."""
    try:
        return app(words, prog_name="hpcbbp", standalone_mode=False)
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.errno not in streams.CIRCUMSTANCES:
            raise
        if error.filename is None:  # of a stream then, and more of it may be waiting
            streams.drop(1)
        raise InputError(f"{error.filename or 'standard output, or a file'}: {error.strerror}") from error
