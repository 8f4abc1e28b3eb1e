"""phi(alpha, N) of a campaign, and the effective thresholds that it has at every N."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hpcbbp.analysis.aggregate import parts
from hpcbbp.analysis.analysis import Analysis
from hpcbbp.analysis.phi import rising_fit
from hpcbbp.analysis.student import REJECTED
from hpcbbp.figures.campaign import bars, of_model, style
from hpcbbp.figures.canvas import alpha_line, canvas, power, title
from hpcbbp.theory.named import Model, alpha_bbp_of

_PANEL = (5.2, 4.2)


def phi_figure(found: Analysis, model: Model) -> Figure:
    """phi(alpha, N) with binomial intervals and fits; half points and crossings against N beside alpha_BBP.

    Examples
    --------
    >>> type(phi_figure(found, (1, 1, 1.5, ""))).__name__
    'Figure'
    """
    figure, (left, right) = canvas(1, 2, _PANEL)
    _curves(left, found, model)
    _thresholds(right, found, model)
    return figure


def phi_alone(found: Analysis, model: Model) -> Figure:
    """The left panel of phi_figure."""
    figure, (axis,) = canvas(1, 1, _PANEL)
    _curves(axis, found, model)
    return figure


def thresholds_alone(found: Analysis, model: Model) -> Figure:
    """The right panel of phi_figure, with the model over it."""
    figure, (axis,) = canvas(1, 1, _PANEL)
    _thresholds(axis, found, model)
    axis.set_title(f"{title(model)}; {axis.get_title()}", fontsize=11)
    return figure


def _curves(axis: Axes, found: Analysis, model: Model) -> None:
    points = of_model(found.curves, model).dropna(subset=["phi"])
    for index, (n, rows) in enumerate(parts(points, "n")):
        errors = [rows["phi"] - rows["phi_low"], rows["phi_high"] - rows["phi"]]
        counts = [
            (alpha, phi * seeds, int(seeds))
            for alpha, phi, seeds in zip(rows["alpha"], rows["phi"], rows["phi_seeds"], strict=True)
        ]
        fit = rising_fit(counts) if len(rows) > 1 else None
        words = ": no curve fits" if fit is not None and fit.p_value < REJECTED else ""
        axis.errorbar(rows["alpha"], rows["phi"], yerr=errors, **style(index), linestyle="none", markersize=4.5,
                      capsize=2, linewidth=1.0, label=f"$N = {power(n)}${words}")  # fmt: skip
        if fit is not None and not words:
            across = np.linspace(rows["alpha"].min(), rows["alpha"].max(), 200)
            axis.plot(across, fit(across), color=style(index)["color"], linewidth=1.2)
    alpha_line(axis, alpha_bbp_of(model))
    axis.set_xlabel(r"$\alpha = M/N$")
    axis.set_ylabel(r"$\varphi$: lowest eigenvalue has the largest overlap")
    axis.set_ylim(-0.03, 1.03)
    axis.set_title(title(model), fontsize=11)
    axis.legend(frameon=False, fontsize=9)


def _thresholds(axis: Axes, found: Analysis, model: Model) -> None:
    halves = of_model(found.thresholds, model)
    if "half_phi" in halves:
        halves = halves.dropna(subset=["half_phi"])
        bars(axis, halves["n"], halves, "half_phi", style(0), r"$\varphi = 1/2$")
    crossings = of_model(found.crossings, model)
    if not crossings.empty:
        where = np.sqrt(crossings["n"] * crossings["larger"])
        bars(axis, where, crossings, "alpha", style(1), "crossing of successive $N$")
    axis.axhline(alpha_bbp_of(model), color="black", linewidth=1.4, label=r"$\alpha_{BBP}$, $N = \infty$")
    if (unit := alpha_bbp_of(model)) > 0.0:  # nothing where it is not a number
        axis.set_ylim(0.4 * unit, 1.6 * unit)
    sizes = of_model(found.curves, model)["n"]
    axis.set_xscale("log")
    axis.set_xlim(sizes.min() / 1.5, 1.5 * sizes.max())  # a logarithmic axis without any point finds no limits itself
    axis.set_xlabel("$N$")
    axis.set_ylabel(r"effective threshold $\alpha$")
    axis.set_title(f"{100 * found.level:.6g}% intervals", fontsize=11)
    axis.legend(frameon=False, fontsize=9)
