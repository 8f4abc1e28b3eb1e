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

from hpcbbp.machine import provenance
from hpcbbp.machine.files import write_file
from hpcbbp.theory.named import (
    Model,
    is_the_papers_own,
    known_spectrum_of,
    known_transition_of,
    resonance_end_of,
    resonance_of,
    transition_of,
)

COLOURS = ("#3b6fb6", "#e08a1e", "#4a9a5b", "#a44a9c", "#8a6d3b", "#c23b3b", "#2ca3a3")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def canvas(rows: int, columns: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """Return a figure without a display, and its axes; size in inches of one of them.

    Examples
    --------
    >>> figure, axes = canvas(1, 2, (4.0, 3.0))
    >>> len(axes)
    2
    """
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

    Examples
    --------
    >>> figure, axes = canvas(1, 1, (4.0, 3.0))
    >>> save(figure, Path("empty.png"), about="an example")
    >>> Path("empty.png").exists()
    True
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


CLOSED_POINTS, ENGINE_POINTS = 120, 25
"""Points of a line: of closed forms, and of what takes a second each."""


def title(model: Model) -> str:
    """Name of a model for the head of a panel."""
    p, p_star, a, *parts = model
    at = known_transition_of(model)
    words = "".join(f", {word}" for part in parts for word in str(part).split())
    return rf"$p = {p}$, $p^* = {p_star}$, $a = {a:g}${words}" + ("" if at is None else f": {at.kind}")


def alpha_line(axis: Axes, alpha_bbp: float) -> None:
    """A vertical line at alpha_BBP, its value in the legend."""
    if math.isnan(alpha_bbp):
        return
    label = rf"$\alpha_{{BBP}} = {alpha_bbp:.4f}$"
    axis.axvline(alpha_bbp, color="grey", linestyle="--", linewidth=1.0, label=label)


def power(n: float) -> str:
    """N as a formula: 400, 10^3, 2 10^5."""
    exponent = math.floor(math.log10(n) + 1e-12)
    mantissa = n / 10**exponent
    if mantissa == 1:
        return f"10^{{{exponent}}}"
    return f"{n:g}" if n < 10**4 else rf"{mantissa:g}\times 10^{{{exponent}}}"


def resonances(model: Model, low: float, high: float, points: int = 60) -> pd.DataFrame:
    """The resonance of a model, (p, p_star, a), at alphas from low to high; no rows where there is none.

    Columns are alpha, distance (of Re lambda from lambda_-) and overlap2.
    """
    end = resonance_end_of(model)
    ends = (1.0, 0.0) if end is None else (max(low, end * (1 + 1e-9)), min(high, transition_of(model).alpha_bbp))
    alphas = np.linspace(*ends, points if ends[0] < ends[1] else 0)
    found = [
        (resonance_of(model, float(alpha)), known_spectrum_of(model, float(alpha)).lambda_minus) for alpha in alphas
    ]
    rows = [(at.alpha, at.lambda_r - edge, at.overlap2) for at, edge in found if at.lambda_r is not None]
    return pd.DataFrame(rows, columns=["alpha", "distance", "overlap2"], dtype=float)


def overlap_limit(axis: Axes, model: Model, low: float, high: float) -> None:
    """m^2(alpha) at N = infinity with its threshold, jump, resonance and alpha_0; model is (p, p_star, a).

    Of a model whose outliers are several the mean over the lowest p p* vectors, which campaigns measure.
    """
    at, outliers = known_transition_of(model), int(model[0]) * model[1]
    if at is None:
        return
    start = max(low, at.alpha_bbp * (1 + 1e-9))
    above = np.linspace(start, max(start, high), CLOSED_POINTS if is_the_papers_own(model) else ENGINE_POINTS)
    line = [known_spectrum_of(model, float(alpha)).mean_overlap2(outliers) for alpha in above]
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
    below = resonances(model, low, high)
    if len(below):
        axis.plot(below["alpha"], below["overlap2"], color="firebrick", linewidth=1.6,
                  label=r"resonance, $N = \infty$")  # fmt: skip
