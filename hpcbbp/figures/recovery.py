"""The largest overlap reached along gradient descent, against alpha, beside the initial Hessian's threshold."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hpcbbp.analysis.aggregate import models, parts
from hpcbbp.analysis.phi import binomial_interval
from hpcbbp.campaign.courses import RECOVERED, courses, reached
from hpcbbp.figures.canvas import COLOURS, MARKERS, alpha_line, canvas, power, title
from hpcbbp.theory import effective_threshold
from hpcbbp.theory.named import (
    Model,
    is_the_papers_own,
    known_spectrum_of,
    known_transition_of,
)

Records = Sequence[object]


def recovery(records: Records, quick: bool) -> tuple[Figure, pd.DataFrame]:
    """Largest m^2 of all steps (medians, and every descent), and the share of descents that found the teacher."""
    single = courses(records)
    found = reached(single)
    ((model, rows),) = models(found)
    figure, (largest, share) = canvas(1, 2, (5.4, 4.4))
    marks = []
    for index, (n, points) in enumerate(parts(rows, "n")):
        colour, label = COLOURS[index % len(COLOURS)], f"$N = {power(n)}$"
        every = single[(single["n"] == n) & (single["reason"] == "")]
        largest.plot(every["alpha"], every["largest_overlap2"], ".", color=colour, alpha=0.3, markersize=4)
        largest.plot(points["alpha"], points["largest_overlap2_median"], marker=MARKERS[index % len(MARKERS)],
                     color=colour, linewidth=1.2, markersize=5, label=label)  # fmt: skip
        _share(share, points, index, label)
        at = effective_threshold(*model[:3], int(n)).alpha if is_the_papers_own(model) else None
        marks.append({"n": n, "alpha_bbp_n": at})
        if at is not None:
            for axis in (largest, share):
                name = rf"$\alpha_{{BBP}}({power(n)}) = {at:.3f}$" if axis is largest else None
                axis.axvline(at, color=colour, linestyle=":", linewidth=1.2, label=name)
    _outlier(largest, model, rows)
    largest.set_yscale("log")
    largest.set_ylim(top=2.0)
    largest.set_ylabel(r"largest $m^2$ of the weights, all steps (median)")
    share.set_ylabel(rf"share of descents with $m^2 > {RECOVERED:g}$")
    share.set_ylim(-0.04, 1.04)
    threshold = known_transition_of(model)
    for axis in (largest, share):
        if threshold is not None:
            alpha_line(axis, threshold.alpha_bbp)
        axis.set_xlabel(r"signal-to-noise ratio $\alpha = M/N$")
    largest.legend(frameon=False, fontsize=8, loc="lower right")
    share.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(0.0, 0.6))
    largest.set_title(title(model), fontsize=10)
    share.set_title(_words(str(rows["descent"].iloc[0])), fontsize=10)
    thresholds = pd.DataFrame(marks).assign(alpha_bbp=math.nan if threshold is None else threshold.alpha_bbp)
    return figure, pd.concat([found.assign(table="reached"), thresholds.assign(table="thresholds")])


def _share(axis: Axes, points: pd.DataFrame, index: int, label: str) -> None:
    """With Wilson's intervals of 68 per cent."""
    share, seeds = points["recovered"], points["seeds"]
    ends = [binomial_interval(round(p * n), int(n), 0.68) for p, n in zip(share, seeds, strict=True)]
    error = np.abs(np.array(ends).T - share.to_numpy())
    axis.errorbar(points["alpha"] * (1 + 0.01 * index), share, yerr=error, color=COLOURS[index % len(COLOURS)],
                  marker=MARKERS[index % len(MARKERS)], markersize=5, capsize=2.5, linewidth=1.0,
                  label=label)  # fmt: skip


def _outlier(axis: Axes, model: Model, rows: pd.DataFrame) -> None:
    """m^2 of the initial Hessian's lowest vectors at N = infinity."""
    at = known_transition_of(model)
    if at is None:
        return
    alphas = np.linspace(at.alpha_bbp * (1 + 1e-6), max(float(rows["alpha"].max()), 1.1 * at.alpha_bbp), 80)
    outliers = int(model[0]) * model[1]
    line = [known_spectrum_of(model, float(alpha)).mean_overlap2(outliers) for alpha in alphas]
    axis.plot(alphas, line, color="black", linewidth=1.4, label=r"initial Hessian's outlier, $N = \infty$")


def _words(descent: str) -> str:
    found = dict(word.partition(":")[::2] for word in descent.split(" "))
    how = "on the sphere" if "sphere" in found else "free"
    time = float(found["eta"]) * int(found["steps"])
    return rf"{found['steps']} steps of $\eta = {found['eta']}$ (time {time:g}), {how}"
