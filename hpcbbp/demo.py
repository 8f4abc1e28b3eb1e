"""`hpcbbp demo`: run what is missing, then picture, table and files."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from hpcbbp.campaign.demo import demo_points
from hpcbbp.campaign.point import Point
from hpcbbp.campaign.store import Store
from hpcbbp.campaign.sweep import run_sweep
from hpcbbp.console import CampaignProgress, number, table, with_error
from hpcbbp.errors import InputError
from hpcbbp.figures import overlap_figure
from hpcbbp.parallel import Group
from hpcbbp.plain import plain_rows
from hpcbbp.scaling.aggregate import curves as overlap_curves
from hpcbbp.scaling.instances import instance_table
from hpcbbp.theory import transition


@dataclass(frozen=True)
class Demo:
    """What the demonstration leaves: its curves and files."""

    curves: pd.DataFrame
    files: tuple[Path, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return the curves as plain values, None where there is none."""
        return plain_rows(self.curves)


def run_demo(out: Path, quick: bool, group: Group, bar: Callable[[float, int], CampaignProgress]) -> Demo | None:
    """Compute what is missing, then write picture and table. Collective; the result is on rank 0 alone."""
    name = "demo-quick" if quick else "demo"
    with group.agreeing():
        if group.rank == 0:
            _usable(out, name)
    progress: list[CampaignProgress] = []

    def started(points: Sequence[Point]) -> None:
        if points:
            progress.append(bar(sum(point.work for point in points), len(points)).__enter__())

    def finished(point: Point) -> None:
        progress[0].advance(point.work, f"N = {point.n}, a = {point.a:g}, alpha = {point.alpha:g}")

    try:
        records = run_sweep(demo_points(quick), Store(out / f"{name}.jsonl"), group, started, finished)
    finally:
        for shown in progress:
            shown.__exit__()
    if group.rank != 0:
        return None
    curves = overlap_curves(instance_table(records))
    picture, csv = out / f"{name}.png", out / f"{name}.csv"
    curves.to_csv(csv, index=False, float_format="%.8g")
    overlap_figure(curves, picture)
    return Demo(curves, (picture, csv, out / f"{name}.jsonl"))


def _usable(folder: Path, name: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {folder}: cannot be made a folder ({error.strerror})") from None
    if not os.access(folder, os.W_OK):
        raise InputError(f"--out {folder}: not writable")
    for ending in ("png", "csv", "jsonl"):
        if (folder / f"{name}.{ending}").is_dir():
            raise InputError(f"--out {folder}: {name}.{ending} in it is a folder; a file of that name is written")


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
