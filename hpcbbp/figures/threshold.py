"""Where the outlier of a discontinuous transition is lost at finite N, and the resonance that it is below that."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hpcbbp.analysis.aggregate import models, parts
from hpcbbp.analysis.analysis import Analysis
from hpcbbp.figures.campaign import bars, of_model, style
from hpcbbp.figures.canvas import canvas, overlap_limit, power, resonances, title
from hpcbbp.theory import effective_threshold, fraction_seen, spectrum, transition
from hpcbbp.theory.named import Model

_DENSE = 24
"""Points of theory's lines of alpha_BBP(N), each some tenths of a second."""


def threshold_figure(found: Analysis) -> tuple[Figure, pd.DataFrame]:
    """A row of panels a model: outliers seen against alpha, alpha_BBP(N), m^2 and lambda along the resonance.

    Returns
    -------
    figure, table
        The table has the curves, the thresholds and theory's line of alpha_BBP(N).

    Examples
    --------
    >>> figure, table = threshold_figure(found)
    >>> type(figure).__name__
    'Figure'
    """
    every = [model for model, _ in models(found.curves)]
    figure, axes = canvas(len(every), 4, (4.3, 3.7))
    lines = []
    for row, model in enumerate(every):
        seen, against_n, overlap, position = axes[4 * row : 4 * row + 4]
        curves = of_model(found.curves, model)
        _seen(seen, curves, model)
        lines.append(_against_n(against_n, found, curves, model))
        _along(overlap, position, curves, model)
    tables = {"curves": found.curves, "thresholds": found.thresholds, "theory": pd.concat(lines)}
    return figure, pd.concat([rows.assign(table=name) for name, rows in tables.items()])


def _seen(axis: Axes, curves: pd.DataFrame, model: Model) -> None:
    """Fraction of the p p* outliers seen, with standard errors, over theory's (13)."""
    for index, (n, rows) in enumerate(parts(curves, "n")):
        fraction = rows["seen"]
        # Never an error of zero: as if one outlier more and one fewer had been seen.
        error = (
            np.sqrt((fraction * rows["seeds"] + 0.5) * ((1 - fraction) * rows["seeds"] + 0.5)) / rows["seeds"] ** 1.5
        )
        axis.errorbar(rows["alpha"], fraction, yerr=error, **style(index), linestyle="none", markersize=4.5,
                      capsize=2, linewidth=1.0, label=f"$N = {power(n)}$")  # fmt: skip
        across = np.linspace(rows["alpha"].min(), rows["alpha"].max(), 30)
        line = [fraction_seen(*model[:3], float(alpha), int(n)) for alpha in across]
        dashes = "-" if effective_threshold(*model[:3], int(n)).trusted else ":"
        axis.plot(across, [math.nan if f is None else f for f in line], dashes, color=style(index)["color"],
                  linewidth=1.1)  # fmt: skip
    axis.set_xlabel(r"$\alpha = M/N$")
    axis.set_ylabel("outliers seen (of $p\\,p^*$)")
    axis.set_ylim(-0.03, 1.03)
    axis.set_title("lines: theory, no parameter; dotted: not trusted", fontsize=11)
    axis.legend(frameon=False, fontsize=8)


def _against_n(axis: Axes, found: Analysis, curves: pd.DataFrame, model: Model) -> pd.DataFrame:
    """Half points of data and of quenched predictions, beside alpha_BBP(N); returns that line."""
    halves = of_model(found.thresholds, model)
    for place, (name, label) in enumerate(
        (("half_seen", "half of the outliers seen"), ("half_quenched_seen", "quenched, same instances"))
    ):
        if name in halves:
            rows = halves.dropna(subset=[name])
            bars(axis, rows["n"] * 1.12**place, rows, name, style(place), label)
    sizes = np.geomspace(curves["n"].min(), 100 * curves["n"].max(), _DENSE)
    at = [effective_threshold(*model[:3], int(size)) for size in sizes]
    line = pd.DataFrame({"n": [one.n for one in at], "theory_alpha_bbp_n": [one.alpha for one in at],
                         "trusted": [one.trusted for one in at]}, dtype=object)  # fmt: skip
    known = line.dropna(subset=["theory_alpha_bbp_n"]).infer_objects()
    for good, dashes in ((known, ":"), (known[known["trusted"].astype(bool)], "-")):
        axis.plot(good["n"], good["theory_alpha_bbp_n"], dashes, color="firebrick", linewidth=1.5,
                  label=r"$\alpha_{BBP}(N)$, theory" if dashes == "-" else None)  # fmt: skip
    axis.axhline(
        transition(*model[:3]).alpha_bbp, color="black", linewidth=1.4, label=r"$\alpha_{BBP}$, $N = \infty$"
    )
    axis.set_xscale("log")
    axis.set_ylim(0.0, 1.1 * transition(*model[:3]).alpha_bbp)
    axis.set_xlabel("$N$")
    axis.set_ylabel(r"effective threshold $\alpha$")
    axis.set_title(title(model), fontsize=11)
    axis.legend(frameon=False, fontsize=8, loc="lower right")
    p, p_star, a = model[:3]
    return line.assign(p=p, p_star=p_star, a=a, theory_alpha_bbp=transition(*model[:3]).alpha_bbp)


def _along(overlap: Axes, position: Axes, curves: pd.DataFrame, model: Model) -> None:
    """m^2 and lambda, means over the lowest p p* pairs, on the resonance."""
    low, high = float(curves["alpha"].min()), 1.05 * transition(*model[:3]).alpha_bbp
    overlap_limit(overlap, model, low, high)
    below = resonances(model, low, high)
    position.plot(
        below["alpha"], below["distance"], color="firebrick", linewidth=1.6, label=r"resonance, $N = \infty$"
    )
    for index, (n, rows) in enumerate(parts(curves, "n")):
        how = {**style(index), "linestyle": "none", "markersize": 4.5, "capsize": 2, "linewidth": 1.0}
        edges = np.array([spectrum(*model[:3], alpha).lambda_minus for alpha in rows["alpha"]])
        overlap.errorbar(rows["alpha"], rows["overlap2"], yerr=rows["overlap2_sem"], **how)
        position.errorbar(rows["alpha"], rows["lambda_mean"] - edges, yerr=rows["lambda_mean_sem"], **how,
                          label=f"$N = {power(n)}$")  # fmt: skip
    position.axhline(0.0, color="black", linewidth=1.4)
    for axis, name in ((overlap, "overlap $m^2$"), (position, r"$\lambda - \lambda_-(\infty)$")):
        axis.set_xlabel(r"$\alpha = M/N$")
        axis.set_ylabel(name + " (mean of the lowest $p\\,p^*$)")
        axis.legend(frameon=False, fontsize=8)
