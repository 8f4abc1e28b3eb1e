"""What the commands show, made of what the package computes: tables, files of the demonstration, system facts."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpcbbp import memory, petsc, provenance
from hpcbbp.campaign.demo import demo_points
from hpcbbp.campaign.store import Store
from hpcbbp.campaign.sweep import Point, run_sweep
from hpcbbp.console import CampaignProgress, number, table, with_error
from hpcbbp.errors import InputError
from hpcbbp.parallel import Group
from hpcbbp.theory import spectrum, transition

if TYPE_CHECKING:
    import pandas as pd


def theory_tables(answer: dict[str, Any]) -> list[Any]:
    """Tables for `hpcbbp theory`."""
    thresholds = [
        ("alpha_c", number(answer["alpha_c"], 8), "the bulk's left edge is smooth up to here"),
        ("alpha_BBP", number(answer["alpha_bbp"], 8), f"{answer['transition']} transition: outlier above"),
        ("jump of m^2", number(answer["jump_overlap2"], 8), "overlap just above alpha_BBP"),
        ("alpha_0", number(answer["alpha_0"], 8), "where the tangent of m^2 at alpha_BBP+ reaches zero"),
    ]
    title = f"N = infinity: p = {answer['p']}, p* = {answer['p_star']}, a = {answer['a']:g}"
    made = [table(title, ("", "value", "meaning"), thresholds)]
    if answer["points"]:
        rows = [
            (
                f"{point['alpha']:g}",
                number(point["lambda_minus"], 8),
                point["edge"],
                number(point["lambda_star"], 8),
                number(point["overlap2"], 8),
            )
            for point in answer["points"]
        ]
        made.append(table("", ("alpha", "left edge lambda_-", "edge", "outlier lambda*", "overlap m^2"), rows))
    return made


def solve_tables(answer: dict[str, Any]) -> list[Any]:
    """Tables for `hpcbbp solve`, with theory beside it."""
    rows = [
        (
            str(i + 1),
            number(value, 8),
            f"{residual:.1e}",
            number(m2, 5),
            number(s2, 5),
            "yes" if good else "NO",
        )
        for i, (value, residual, m2, s2, good) in enumerate(
            zip(
                answer["eigenvalues"],
                answer["residuals"],
                answer["overlap2"],
                answer["student_overlap2"],
                answer["converged_flags"],
                strict=True,
            )
        )
    ]
    ranks = answer["provenance"]["ranks"]
    title = (
        f"N = {answer['n']}, M = {answer['m']}, p = {answer['p']}, p* = {answer['p_star']}, a = {answer['a']:g}, "
        f"alpha = {answer['alpha']:g}, seed {answer['seed']}, {ranks} rank{'s' if ranks > 1 else ''}"
    )
    columns = ("pair", "eigenvalue", "residual", "m^2 teacher", "m^2 student", "converged")
    limit = spectrum(answer["p"], answer["p_star"], answer["a"], answer["alpha"])
    at = transition(answer["p"], answer["p_star"], answer["a"])
    outlier = (
        f"no outlier (alpha <= alpha_BBP = {at.alpha_bbp:.5f}, {at.kind})"
        if limit.lambda_star is None
        else f"outlier {limit.lambda_star:.5f} ({answer['p'] * answer['p_star']}-fold), m^2 = {limit.overlap2:.5f}"
    )
    return [
        table(title, columns, rows),
        f"theory at N = infinity: left edge {limit.lambda_minus:.5f} ({limit.edge})",
        f"                        {outlier}",
        f"{answer['reason']}; {answer['products']} products, {answer['seconds']:.2f} s",
    ]


@dataclass(frozen=True)
class Demo:
    """What the demonstration leaves: its curves and files."""

    curves: pd.DataFrame
    files: tuple[Path, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return the curves as plain values, None where there is none."""
        plain = self.curves.astype(object).where(self.curves.notna(), None)
        return [{str(k): v for k, v in row.items()} for row in plain.to_dict("records")]


def run_demo(out: Path, quick: bool, group: Group, bar: Callable[[float, int], CampaignProgress]) -> Demo | None:
    """Compute what is missing, then write picture and table. Collective; the result is on rank 0 alone."""
    with group.agreeing():
        if group.rank == 0:
            _usable(out)
    progress: list[CampaignProgress] = []

    def started(points: Sequence[Point]) -> None:
        if points:
            progress.append(bar(sum(point.work for point in points), len(points)).__enter__())

    def finished(point: Point) -> None:
        progress[0].advance(point.work, f"N = {point.n}, a = {point.a:g}, alpha = {point.alpha:g}")

    name = "demo-quick" if quick else "demo"
    try:
        records = run_sweep(demo_points(quick), Store(out / f"{name}.jsonl"), group, started, finished)
    finally:
        for shown in progress:
            shown.__exit__()
    if group.rank != 0:
        return None
    from hpcbbp.figures import overlap_figure
    from hpcbbp.scaling.aggregate import overlap_curves

    curves = overlap_curves(records)
    picture, csv = out / f"{name}.png", out / f"{name}.csv"
    curves.to_csv(csv, index=False, float_format="%.8g")
    overlap_figure(curves, picture)
    return Demo(curves, (picture, csv, out / f"{name}.jsonl"))


def _usable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {folder}: cannot be made a folder ({error.strerror})") from None
    if not os.access(folder, os.W_OK):
        raise InputError(f"--out {folder}: not writable")


def demo_tables(made: Demo) -> list[Any]:
    """Tables for `hpcbbp demo`."""
    shown: list[Any] = []
    for a, curves in made.curves.groupby("a"):
        first = curves.iloc[0]
        at = transition(int(first["p"]), int(first["p_star"]), float(first["a"]))
        rows = [
            (
                str(row["n"]),
                f"{row['alpha']:.4f}",
                f"{row['alpha'] / at.alpha_bbp:.2f}",
                str(row["seeds"]),
                with_error(row["overlap2"], row["overlap2_sem"]),
                number(row["theory_overlap2"], 4),
                with_error(row["lambda_mean"], row["lambda_mean_sem"]),
                number(row["theory_lambda_star"], 4),
                number(row["theory_lambda_minus"], 4),
            )
            for row in Demo(curves, ()).rows()
        ]
        title = (
            f"p = {first['p']:.0f}, p* = {first['p_star']:.0f}, a = {a:g}: {at.kind}, "
            f"alpha_BBP = {at.alpha_bbp:.5f}" + (f", alpha_0 = {at.alpha_0:.5f}" if at.alpha_0 is not None else "")
        )
        columns = ("N", "alpha", "/BBP", "seeds", "m^2", "theory", "lambda", "lambda*", "lambda_-")
        shown.append(table(title, columns, rows))
    unconverged = int(made.curves["unconverged"].sum())
    if unconverged:
        shown.append(f"{unconverged} instances did not converge and are left out of the averages")
    shown.append(
        "m^2, lambda: mean over the lowest p p* pairs (standard error over seeds)\n"
        "theory, lambda*, lambda_-: m^2, outlier and left edge at N = infinity\n"
    )
    kinds = {".png": "picture", ".csv": "table", ".jsonl": "records"}
    return shown + [f"{kinds[path.suffix]:8} {path}" for path in made.files]


def system_info() -> dict[str, Any]:
    """Versions, index size, scalar type, cores, memory and what is missing."""
    answer: dict[str, Any] = dict(provenance.versions())
    missing = petsc.missing_modules()
    problem = None
    try:
        petsc.initialize()
        answer |= petsc.versions()
    except InputError as error:
        problem = str(error)
    answer |= {
        "cores": len(os.sched_getaffinity(0)),
        "memory_available_gib": round(memory.available() / 2**30, 2),
        "ranks": Group.world().size if problem is None else 1,
        "missing": missing,
        "problem": problem,
    }
    return answer


def info_tables(answer: dict[str, Any]) -> list[Any]:
    """Tables for `hpcbbp info`."""
    rows = [
        (name, "-" if value is None else str(value))
        for name, value in answer.items()
        if name not in ("missing", "problem")
    ]
    shown: list[Any] = [table("hpcbbp", ("", ""), rows)]
    shown.append(f"missing: {', '.join(answer['missing']) or 'nothing'}")
    if answer["problem"]:
        shown.append(answer["problem"])
    return shown
