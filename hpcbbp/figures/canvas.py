"""Pictures. Drawn without a display; one function a picture."""

from __future__ import annotations

import io
import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hpcbbp.analysis.aggregate import parts
from hpcbbp.machine import provenance
from hpcbbp.machine.files import write_file
from hpcbbp.theory import spectrum, transition

COLOURS = ("#3b6fb6", "#e08a1e", "#4a9a5b", "#a44a9c", "#8a6d3b", "#c23b3b", "#2ca3a3")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def canvas(rows: int, columns: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """Return a figure without a display, and its axes; size in inches of one of them."""
    figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(rows, columns, squeeze=False).ravel())


def save(figure: Figure, path: Path, about: str = "") -> None:
    """Write a picture; its metadata say what made it: the command line, version and commit.

    Parameters
    ----------
    figure : Figure
    path : Path
        The ending says which kind.
    about : str
        Title for the metadata.
    """
    made = provenance.versions()
    creator = f"hpcbbp {made['hpcbbp']}" + (f" (commit {made['commit']})" if made["commit"] else "")
    command = " ".join(["hpcbbp", *sys.argv[1:]])
    words = {
        ".png": {"Title": about, "Software": creator, "Description": command},
        ".pdf": {"Title": about, "Creator": creator, "Subject": command},
        ".svg": {"Title": about, "Creator": creator, "Description": command},
    }
    stream = io.BytesIO()
    figure.savefig(stream, format=path.suffix.removeprefix(".") or "png", dpi=150, metadata=words.get(path.suffix))
    write_file(path, stream.getvalue())


def overlap_figure(curves: pd.DataFrame) -> Figure:
    """Overlap m^2 against alpha, a panel for each loss constant a (figure 1 of arXiv:2510.18435).

    Parameters
    ----------
    curves : DataFrame
        Of one p and p*, as hpcbbp.analysis.aggregate.curves gives it.
    """
    constants = sorted(curves["a"].unique())
    figure, axes = canvas(1, len(constants), (5.2, 4.2))
    for axis, a in zip(axes, constants, strict=True):
        _overlap_panel(axis, curves[curves["a"] == a], float(a))
    top = float((curves["overlap2"] + curves["overlap2_sem"].fillna(0.0)).max())
    for axis in axes:
        axis.set_ylim(-0.03 * top, 1.15 * top)
    axes[0].set_ylabel(r"overlap $m^2$ (mean of the lowest $p\,p^*$ eigenvectors)")
    return figure


def _overlap_panel(axis: Axes, curves: pd.DataFrame, a: float) -> None:
    p, p_star = int(curves["p"].iloc[0]), int(curves["p_star"].iloc[0])
    for index, (n, points) in enumerate(parts(curves, "n")):
        axis.errorbar(
            points["alpha"],
            points["overlap2"],
            yerr=points["overlap2_sem"].fillna(0.0),
            fmt=MARKERS[index % len(MARKERS)],
            color=COLOURS[index % len(COLOURS)],
            markersize=5,
            capsize=2.5,
            linewidth=1.2,
            label=f"$N = {power(n)}$",
        )
        if points["quenched_overlap2"].notna().all():
            axis.plot(points["alpha"], points["quenched_overlap2"], color=COLOURS[index % len(COLOURS)],
                      linewidth=0.9, label="quenched average" if index == 0 else None)  # fmt: skip
    low, high = float(curves["alpha"].min()), float(curves["alpha"].max())
    overlap_limit(axis, (p, p_star, a), low * 0.9, high * 1.03)
    axis.set_xlim(low * 0.9, high * 1.03)
    axis.set_xlabel(r"signal-to-noise ratio $\alpha = M/N$")
    axis.set_title(rf"$p = {p}$, $p^* = {p_star}$, $a = {a:g}$: {transition(p, p_star, a).kind}", fontsize=11)
    axis.legend(loc="best", fontsize=9, frameon=False)


def alpha_line(axis: Axes, alpha_bbp: float) -> None:
    """A vertical line at alpha_BBP, its value in the legend."""
    label = rf"$\alpha_{{BBP}} = {alpha_bbp:.4f}$"
    axis.axvline(alpha_bbp, color="grey", linestyle="--", linewidth=1.0, label=label)


def power(n: float) -> str:
    """N as a formula: 400, 10^3, 2 10^5."""
    exponent = math.floor(math.log10(n) + 1e-12)
    mantissa = n / 10**exponent
    if mantissa == 1:
        return f"10^{{{exponent}}}"
    return f"{n:g}" if n < 10**4 else rf"{mantissa:g}\times 10^{{{exponent}}}"


def overlap_limit(axis: Axes, model: tuple[float, int, float], low: float, high: float) -> None:
    """m^2(alpha) at N = infinity with its threshold, jump and alpha_0; model is (p, p_star, a)."""
    at = transition(*model)
    start = max(low, at.alpha_bbp * (1 + 1e-9))
    above = np.linspace(start, max(start, high), 120)
    line = [spectrum(*model, float(alpha)).overlap2 for alpha in above]
    axis.plot([min(low, at.alpha_bbp), at.alpha_bbp], [0.0, 0.0], color="black", linewidth=1.6)
    axis.plot(above, line, color="black", linewidth=1.6, label=r"theory, $N = \infty$")
    alpha_line(axis, at.alpha_bbp)
    if at.alpha_0 is not None and low <= at.alpha_0 and at.alpha_bbp <= high:
        axis.plot([at.alpha_bbp] * 2, [0.0, at.jump_overlap2], color="black", linewidth=1.0, linestyle=":")
        axis.plot(
            [at.alpha_0, at.alpha_bbp], [0.0, at.jump_overlap2], color="firebrick", linewidth=1.2, linestyle=":",
        )  # fmt: skip
        axis.plot(
            [at.alpha_0], [0.0], "x", color="firebrick", markersize=9, markeredgewidth=2, clip_on=False, zorder=5,
            label=rf"$\alpha_0 = {at.alpha_0:.4f}$",
        )  # fmt: skip
