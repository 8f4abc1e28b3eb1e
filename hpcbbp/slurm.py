"""Slurm job scripts for campaigns, from templates."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from hpcbbp._version import __version__
from hpcbbp.campaign.job import Work
from hpcbbp.campaign.point import Point
from hpcbbp.console import duration
from hpcbbp.errors import InputError
from hpcbbp.slurm_sizes import MARGIN, Request, Sizes, sizes, slurm_time


def solve_words(point: Point) -> list[str]:
    """Arguments of `hpcbbp solve` for a point."""
    words = ["solve", "-n", point.n, "-p", point.p, "--p-star", point.p_star, "-a", point.a, "--alpha", point.alpha]
    words += ["--seed", point.seed, "--nev", point.nev, "--tol", point.tol, "--storage", point.storage]
    words += ["--method", "deferred"] if point.method == "deferred" else ["--data", point.method]
    return [f"{word:g}" if isinstance(word, float) and float(f"{word:g}") == word else str(word) for word in words]


def render(work: Work, request: Request, file: Path, folder: Path, command: str) -> tuple[str, Sizes]:
    """Return the job script, and the sizes in it.

    Parameters
    ----------
    work : Work
    request : Request
    file, folder : Path
        Campaign file and folder of results, as the job sees them from where it is submitted.
    command : str
        That renders this script again, for its first lines.

    Raises
    ------
    InputError
        What `sizes` refuses, or an option that would break the script.
    """
    size = sizes(work, request)
    for text in [command, *request.options.values(), *request.directives, *request.modules]:
        if "\n" in text:
            raise InputError(f"{text!r}: one line is wanted")
    name, kind = work.campaign.name, request.kind
    path, out = shlex.quote(str(file)), shlex.quote(str(folder))
    program, launch = _programs(request)
    part = f" --shard $SLURM_ARRAY_TASK_ID/{size.of}" if kind == "array" else ""
    words = {
        "campaign": f"run {path} --out {out} --wall-time {size.time - size.lead}",
        "array": f"run {path} --out {out}{part} --wall-time {size.time - size.lead}",
        "collect": f"collect {out}/shards/*/ --out {out}",
        "solve": "",
    }[kind]
    requeues = request.requeues if kind in ("campaign", "array") else 0
    if kind == "solve":
        point = work.points[0]
        words = shlex.join(solve_words(point)) + f" --json >{out}/solve.json.part"
        if point.method == "deferred":
            words = words.replace(" --json", f" --checkpoint {out}/state --json")
    environment = Environment(
        loader=PackageLoader("hpcbbp"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
    values: dict[str, Any] = {
        "title": _TITLES[kind].format(name=name),
        "version": __version__,
        "command": command,
        "estimates": _estimates(work, request, size),
        "job_name": name if kind != "collect" else f"{name}-collect",
        "log": {"array": f"{name}-%a.log", "collect": f"{name}-collect.log"}.get(kind, f"{name}.log"),
        "nodes": request.nodes if kind != "collect" else 1,
        "ntasks_per_node": request.ntasks_per_node if kind != "collect" else 1,
        "memory_mib": size.memory_mib,
        "time": slurm_time(size.time),
        "lead": size.lead,
        "last": max(size.lead - 30, size.lead // 2),
        "requeues": requeues,
        "array": _ranges(size.tasks),
        "options": [(key, value) for key, value in request.options.items() if value],
        "directives": list(request.directives),
        "modules": list(request.modules),
        "launch": program if kind == "collect" else f"{launch} {program}",
        "program": program,
        "words": words,
        "check": f"{program} plan {path} --out {out}{part} --check",
        "file": path,
        "folder": out,
    }
    return environment.get_template(f"slurm-{kind}.sbatch.j2").render(values), size


_TITLES = {
    "campaign": "Campaign {name} as one MPI job.",
    "array": "Campaign {name} as a job array: several instances a task; the collect script merges their results.",
    "collect": "Campaign {name}: results of the array's tasks merged, analysed and reported.",
    "solve": "One large solve, {name}, by all ranks together.",
}


def _programs(request: Request) -> tuple[str, str]:
    """How hpcbbp is called on a node, and how its ranks are started."""
    program = request.program
    if request.container is not None:
        binds = "".join(f" --bind {shlex.quote(bind)}" for bind in request.binds)
        program = f'apptainer exec --bind "$PWD" --pwd "$PWD"{binds} {shlex.quote(request.container)} hpcbbp'
    if request.launcher == "mpirun":
        return program, f"mpirun -n {request.ranks}"
    return program, f"srun --mpi={request.mpi} --cpus-per-task=1 --cpu-bind=cores --kill-on-bad-exit=1"


def _estimates(work: Work, request: Request, size: Sizes) -> list[str]:
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


def writable(folder: Path) -> None:
    """Raise InputError unless results can be written there, or the folder be made."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        raise InputError(f"{folder}: cannot be written ({place} is no folder you may write to); take another --out")
