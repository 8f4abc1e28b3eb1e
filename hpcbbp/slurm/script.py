"""Slurm job scripts for campaigns, from templates."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from hpcbbp._version import __version__
from hpcbbp.campaign.job import Work
from hpcbbp.errors import InputError, shown
from hpcbbp.machine.wording import duration
from hpcbbp.slurm.sizes import MARGIN, JobRequest, Sizes, sizes, sizes_given, slurm_time
from hpcbbp.solvers.methods import METHODS
from hpcbbp.solvers.point import Point


def solve_words(point: Point) -> list[str]:
    """Arguments of `hpcbbp solve` for a point; InputError for a descent."""
    if point.descent is not None:
        raise InputError("--as solve: the instance is a descent, which hpcbbp descend goes; take --as campaign")
    constant = ["-a", point.a] if point.parts.has_constant else []
    words = ["solve", "-n", point.n, "-p", point.p, "--p-star", point.p_star, *constant, "--alpha", point.alpha]
    words += ["--seed", point.seed, *(["--nev", point.nev] if point.nev else []), "--tol", point.tol]
    words += ["--storage", point.storage, "--method", point.method]
    words += [word for name, value in point.parts.unusual().items() for word in (f"--{name}", value)]
    words += [] if point.request.block is None else ["--block", point.request.block]
    return [f"{word:g}" if isinstance(word, float) and float(f"{word:g}") == word else str(word) for word in words]


def render(work: Work, request: JobRequest, file: Path, folder: Path, command: str) -> tuple[str, Sizes]:
    """Return the job script, and the sizes in it.

    Parameters
    ----------
    work : Work
    request : JobRequest
    file, folder : Path
        Campaign file and folder of results, as the job sees them from where it is submitted.
    command : str
        That renders this script again, for its first lines.

    Raises
    ------
    InputError
        What `sizes` refuses, or an option that would break the script.

    Examples
    --------
    >>> script, made = render(later, JobRequest(ntasks_per_node=2), Path("small.toml"), Path("later"), "hpcbbp slurm")
    >>> script.splitlines()[0], "srun" in script
    ('#!/bin/bash', True)
    """
    check_texts(request, command, file, folder)
    size = sizes(work, request)
    name, kind = work.campaign.name, request.kind
    path, out = _path(file), _path(folder)
    program = _programs(request)[0]
    part = f" --shard $SLURM_ARRAY_TASK_ID/{size.of}" if kind == "array" else ""
    values = {
        "title": _TITLES[kind].format(name=name),
        "command": command,
        "estimates": _estimates(work, request, size),
        "job_name": name if kind != "collect" else f"{name}-collect",
        "log": {"array": f"{name}-%a.log", "collect": f"{name}-collect.log"}.get(kind, f"{name}.log"),
        "requeues": request.requeues if kind in ("campaign", "array") or _keeps(work, kind) else 0,
        "words": _arguments(work, kind, size, path, out + part),
        "check": "" if kind == "solve" else f"{program} plan {path} --out {out}{part} --check",
        "file": path,
        "folder": out,
    }
    return _written(request, size, values), size


def render_operator(
    request: JobRequest, words: Sequence[str], memory: float, folder: Path, command: str
) -> tuple[str, Sizes]:
    """Return the job script of a solve of an operator of the user's own, and the sizes in it.

    Parameters
    ----------
    request : JobRequest
        Of kind "solve", with a time.
    words : sequence of str
        Arguments of `hpcbbp solve`, without --checkpoint and --json.
    memory : float
        Bytes of a rank.
    folder, command
        As of render.

    Raises
    ------
    InputError
        Ranks, a time or a memory that make no sense, or an option that would break the script.

    Examples
    --------
    >>> asked = JobRequest(kind="solve", ntasks_per_node=2, time=3600.0)
    >>> words = ["--operator", "mine:covariance"]
    >>> script, made = render_operator(asked, words, 1e9, Path("out"), "hpcbbp slurm")
    >>> "mine:covariance" in script
    True
    """
    check_texts(request, command, folder, folder)
    size = sizes_given(request, memory)
    out, name = _path(folder), re.sub(r"[^A-Za-z0-9_.-]+", "-", folder.name) or "solve"
    before = words[: words.index("--")] if "--" in words else words
    options = words[len(before) :]  # of PETSc
    values = {
        "title": f"Eigenpairs of an operator, {name}, by all ranks together.",
        "command": command,
        "estimates": ["Time and memory as they were asked for: of an operator there is no estimate."],
        "job_name": name,
        "log": f"{name}.log",
        "requeues": request.requeues,
        "words": " ".join(
            [
                shlex.join(before),
                f"--checkpoint {out}/state --json",
                *map(shlex.quote, options),
                f">{out}/solve.json.part",
            ]
        ),
        "check": "",
        "file": "",
        "folder": out,
    }
    return _written(request, size, values), size


def _written(request: JobRequest, size: Sizes, values: Mapping[str, Any]) -> str:
    """The script of a template, from what its kind says and what all have."""
    program, launch = _programs(request)
    environment = Environment(
        loader=PackageLoader("hpcbbp", "slurm"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
    kind = request.kind
    common = {
        "version": __version__,
        "nodes": request.nodes if kind != "collect" else 1,
        "ntasks_per_node": request.ntasks_per_node if kind != "collect" else 1,
        "memory_mib": size.memory_mib,
        "time": slurm_time(size.time),
        "lead": size.lead,
        "last": max(size.lead - 30, size.lead // 2),
        "array": _ranges(size.tasks),
        "options": [(key, shlex.quote(value)) for key, value in request.options.items() if value],
        "directives": list(request.directives),
        "modules": [shlex.quote(name) for name in request.modules],
        "job": "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}" if kind == "array" else "$SLURM_JOB_ID",
        "launch": program if kind == "collect" else f"{launch} {program}",
        "program": program,
    }
    return environment.get_template(f"slurm-{kind}.sbatch.j2").render({**common, **values})


def _arguments(work: Work, kind: str, size: Sizes, path: str, out: str) -> str:
    """What hpcbbp is called with."""
    if kind == "collect":
        return f"collect {out}/shards/*/ --out {out}"
    if kind != "solve":
        return f"run {path} --out {out} --wall-time {size.time - size.lead}"
    state = f" --checkpoint {out}/state" if _keeps(work, kind) else ""
    return f"{shlex.join(solve_words(work.points[0]))}{state} --json >{out}/solve.json.part"


def _keeps(work: Work, kind: str) -> bool:
    """Whether it is one solve that can be stopped and go on."""
    return kind == "solve" and METHODS[work.points[0].method].checkpoint is not None


_TITLES = {
    "campaign": "Campaign {name} as one MPI job.",
    "array": "Campaign {name} as a job array: several instances a task; the collect script merges their results.",
    "collect": "Campaign {name}: results of the array's tasks merged, analysed and reported.",
    "solve": "One large solve, {name}, by all ranks together.",
}


def check_texts(request: JobRequest, command: str, file: Path, folder: Path) -> None:
    """Refuse what cannot stand in a script: more than a line, nothing at all, quotes in a line for Slurm."""
    options = [(f"--{name}", value) for name, value in request.options.items() if value]
    words = [("--program", request.program), ("--mpi", request.mpi)]
    words += [("--module", name) for name in request.modules] + [("--bind", name) for name in request.binds]
    words += [("--container", request.container)] if request.container is not None else []
    lines = [("--sbatch", line) for line in request.directives]
    for option, text in [("FILE", str(file)), ("--out", str(folder)), *words, *options, *lines, ("", command)]:
        if not text.isprintable():
            raise InputError(f"{option} {shown(text)}: one line of printable text is wanted in a job script")
    for option, text in words:
        if not text.strip():
            raise InputError(f"{option} {shown(text)}: it is empty; name one, or leave it out")
    for option, text in options:
        if any(mark in text for mark in "\"'\\"):
            raise InputError(
                f"{option} {shown(text)}: without quotes and backslashes, which Slurm reads in its own way"
            )


def program_words(text: str) -> list[str]:
    """Words of --program: a file's name as it is, whatever is in it; else a command, taken apart as by a shell."""
    if os.path.exists(text):  # noqa: PTH110 (a name that is too long is no file, and no error)
        return [text]
    try:
        return shlex.split(text)
    except ValueError as error:
        raise InputError(f"--program {shown(text)}: {str(error).lower()}; quoted as in a shell") from None


def _programs(request: JobRequest) -> tuple[str, str]:
    """How hpcbbp is called on a node, and how its ranks are started."""
    program = shlex.join(program_words(request.program))
    if request.container is not None:
        binds = "".join(f" --bind {shlex.quote(bind)}" for bind in request.binds)
        program = f'apptainer exec --bind "$PWD" --pwd "$PWD"{binds} {shlex.quote(request.container)} hpcbbp'
    if request.launcher == "mpirun":
        return program, f"mpirun -n {request.ranks}"
    return program, f"srun --mpi={shlex.quote(request.mpi)} --cpus-per-task=1 --cpu-bind=cores --kill-on-bad-exit=1"


def _path(path: Path) -> str:
    """A path as a word of the script; one that begins with a dash is not taken for an option."""
    return shlex.quote(f"./{path}" if str(path).startswith("-") else str(path))


def _estimates(work: Work, request: JobRequest, size: Sizes) -> list[str]:
    done = len(work.points) - len(work.missing)
    lines = [f"{done} of {len(work.points)} instances are done."]
    if request.kind == "collect":
        return lines
    where = "a task" if size.tasks else "in all"
    return [
        f"{lines[0]} What is missing takes about {duration(size.left)} {where}, the longest instance",
        f"{duration(size.longest)}, by the model of hpcbbp plan. Memory of a rank: its estimate times {MARGIN}.",
    ]


def _ranges(tasks: Sequence[int]) -> str:
    """1-3,7 for (1, 2, 3, 7)."""
    parts: list[list[int]] = []
    for task in tasks:
        if parts and parts[-1][-1] == task - 1:
            parts[-1][1:] = [task]
        else:
            parts.append([task])
    return ",".join("-".join(map(str, part)) for part in parts)
