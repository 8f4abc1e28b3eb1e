"""m^2 of the lowest eigenvector against alpha, beside theory: other models, and spectral estimators."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from hpcbbp.analysis.aggregate import models, parts
from hpcbbp.analysis.analysis import analyse
from hpcbbp.figures.canvas import COLOURS, MARKERS, canvas, power, title
from hpcbbp.model.words import Parts
from hpcbbp.theory.named import Model, known_spectrum_of, known_transition_of

Records = Sequence[object]

_BETWEEN = 8  # more points of a line of theory than there are data


def activations(records: Records, quick: bool) -> tuple[Figure, pd.DataFrame]:
    """Figure 8: a panel for each activation and its constant."""
    curves = analyse(records).curves
    every = models(curves)
    figure, axes = canvas(1, len(every), (5.2, 4.2))
    for axis, (model, some) in zip(axes, every, strict=True):
        for index, (n, points) in enumerate(parts(some, "n")):
            _data(axis, points, COLOURS[index % len(COLOURS)], index, f"$N = {power(n)}$", quenched=True)
        _theory(axis, model, some, "black", r"theory, $N = \infty$")
        axis.set_title(title(model), fontsize=10)
    _finish(axes)
    return figure, curves


def estimators(records: Records, quick: bool) -> tuple[Figure, pd.DataFrame]:
    """The loss's Hessian beside the optimal spectral estimator: a panel for each teacher."""
    curves = analyse(records).curves
    every = models(curves)
    links = sorted({_link(model) for model, _ in every}, key=lambda link: (link != "", link))
    figure, axes = canvas(1, len(links), (5.2, 4.2))
    for axis, link in zip(axes, links, strict=True):
        some = [(model, rows) for model, rows in every if _link(model) == link]
        for model, rows in some:
            words = Parts.of(str(model[3])) if len(model) > 3 else Parts()
            whose, colour = ("estimator", COLOURS[1]) if words.estimator else ("loss", COLOURS[0])
            for index, (n, points) in enumerate(parts(rows, "n")):
                _data(axis, points, colour, index, f"{whose}, $N = {power(n)}$", quenched=False)
            _theory(axis, model, rows, colour, f"{whose}, theory")
        axis.set_title(f"$p^* = {some[0][0][1]}$, {_LINKS.get(link, link)}", fontsize=11)
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_formatter(NullFormatter())
    _finish(axes)
    return figure, curves


_LINKS = {"": r"$y = u^2$", "product": r"$y = u_1 u_2$", "sign-product": r"$y = \mathrm{sign}(u_1 u_2)$"}


def _link(model: Model) -> str:
    return (Parts.of(str(model[3])).link or "") if len(model) > 3 else ""


def _data(axis: Axes, points: pd.DataFrame, colour: str, index: int, label: str, *, quenched: bool) -> None:
    axis.errorbar(points["alpha"], points["overlap2_1"], yerr=points["overlap2_1_sem"].fillna(0.0), color=colour,
                  fmt=MARKERS[index % len(MARKERS)], markersize=5, markerfacecolor="none" if index else colour,
                  capsize=2.5, linewidth=1.1, label=label)  # fmt: skip
    if quenched and points["quenched_overlap2_1"].notna().all():
        axis.plot(points["alpha"], points["quenched_overlap2_1"], color=colour, linewidth=0.9,
                  label="quenched average" if index == 0 else None)  # fmt: skip


def _theory(axis: Axes, model: Model, rows: pd.DataFrame, colour: str, label: str) -> None:
    """Where instances are, whose theory is known already, and at some alphas more; the threshold as a dashed line."""
    at = known_transition_of(model)
    if at is None:
        return
    low, high = float(rows["alpha"].min()), float(rows["alpha"].max())
    start = max(low, at.alpha_bbp * (1 + 1e-3))  # thresholds are known to 1e-4 here
    more = np.geomspace(start, max(start, high), _BETWEEN).tolist()
    alphas = sorted({*more, *(alpha for alpha in rows["alpha"].tolist() if alpha > start)})
    line = [known_spectrum_of(model, alpha).mean_overlap2(1) for alpha in alphas]
    axis.plot([min(low, at.alpha_bbp), at.alpha_bbp, at.alpha_bbp, *alphas], [0.0, 0.0, at.jump_overlap2, *line],
              color=colour, linewidth=1.5, label=label)  # fmt: skip
    axis.axvline(at.alpha_bbp, color=colour, linestyle="--", linewidth=0.9,
                 label=rf"$\alpha_{{BBP}} = {at.alpha_bbp:.4g}$")  # fmt: skip


def _finish(axes: Sequence[Axes]) -> None:
    for axis in axes:
        axis.set_xlabel(r"signal-to-noise ratio $\alpha = M/N$")
        axis.legend(loc="best", fontsize=8, frameon=False)
    axes[0].set_ylabel(r"overlap $m^2$ of the lowest eigenvector")
