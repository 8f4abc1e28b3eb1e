"""How each named figure is drawn: from the records of its campaign to a picture and the data in it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hpcbbp.analysis.aggregate import models, parts
from hpcbbp.analysis.analysis import Analysis, analyse
from hpcbbp.figures.campaign import (
    bars,
    distribution_figure,
    edge_figure,
    overlap_figure,
    style,
)
from hpcbbp.figures.canvas import COLOURS, canvas, power, resonances
from hpcbbp.figures.histogram import spectrum_figure
from hpcbbp.figures.phi import phi_figure
from hpcbbp.figures.theory import phase_figure
from hpcbbp.figures.threshold import threshold_figure
from hpcbbp.model.problem import Problem
from hpcbbp.theory import spectrum, transition
from hpcbbp.theory.named import Model
from hpcbbp.theory.phase_diagram import INSET, WIDTHS, even, phase_table
from hpcbbp.theory.sampled.average import finite_size

Records = Sequence[object]
Drawn = tuple[Figure, pd.DataFrame]


def overlaps(records: Records, quick: bool) -> Drawn:
    """Figure 1: m^2 against alpha at several N, with theory and the quenched average."""
    found = analyse(records)
    return overlap_figure(found.curves), found.curves


def phase_1(records: Records, quick: bool) -> Drawn:
    """Figure 2: the phase diagram for p* = 1."""
    return _phase(1, quick)


def phase_2(records: Records, quick: bool) -> Drawn:
    """Figure 6: the phase diagram for p* = 2."""
    return _phase(2, quick)


def _phase(p_star: int, quick: bool) -> Drawn:
    made = phase_table(WIDTHS, p_star, even(0.01, 3.0, 30 if quick else 120), INSET)
    panels = {"against_a": made.rows, "against_p": made.inset}
    return phase_figure(made), pd.concat([rows.assign(panel=name) for name, rows in panels.items()])


def phi(records: Records, quick: bool) -> Drawn:
    """Figure 3: phi against alpha at several N, and where its curves cross."""
    found = analyse(records)
    ((model, curves),) = models(found.curves)
    figure = phi_figure(found, model)
    tables = {"curves": curves, "thresholds": found.thresholds, "crossings": found.crossings, "limits": found.limits}
    return figure, pd.concat([rows.assign(table=name) for name, rows in tables.items() if not rows.empty])


def continuations(records: Records, quick: bool) -> Drawn:
    """Figure 4: alpha_0 of theory, of data and of quenched predictions against p; the lines behind it."""
    found = analyse(records)
    figure, (left, right) = canvas(1, 2, (5.4, 4.4))
    widths = sorted(set(found.alpha_0["p"]))
    p_star, a = int(found.alpha_0["p_star"].iloc[0]), float(found.alpha_0["a"].iloc[0])
    dense = range(1, 2 * max(widths) + 1)
    at = [transition(p, p_star, a) for p in dense]
    left.plot(dense, [t.alpha_bbp for t in at], color="black", linewidth=1.4, label=r"$\alpha_{BBP}$, $N = \infty$")
    jumps = [(p, t.alpha_0) for p, t in zip(dense, at, strict=True) if t.alpha_0 is not None]
    left.plot(*zip(*jumps, strict=True), "x-", color="firebrick", linewidth=1.0, label=r"$\alpha_0$, tangent")
    for index, (n, rows) in enumerate(parts(found.alpha_0, "n")):
        shift = 0.08 * (index + 1)
        bars(left, rows["p"] + shift, rows, "data", style(index), f"data, $N = {power(n)}$")
        if "quenched" in rows:
            left.plot(rows["p"] + shift, rows["quenched"], linestyle="none", marker="_", markersize=12,
                      color=style(index)["color"])  # fmt: skip
    smallest = found.alpha_0[found.alpha_0["n"] == found.alpha_0["n"].min()]
    left.plot(smallest["p"], smallest["theory_in_window"], "D", color="firebrick", markerfacecolor="none",
              markersize=6, label=r"$\alpha_0$, theory over the same $\alpha$")  # fmt: skip
    left.plot([], [], linestyle="none", marker="_", markersize=12, color="grey", label="quenched, same instances")
    left.set_xlabel("hidden units of the student, $p$")
    left.set_ylabel(r"$\alpha_0$, $\alpha_{BBP}$")
    left.set_title(rf"$p^* = {p_star}$, $a = {a:g}$; {100 * found.level:.6g}% intervals", fontsize=11)
    left.legend(frameon=False, fontsize=8)
    for index, (model, curves) in enumerate(models(found.curves)):
        _continued(right, curves[curves["n"] == curves["n"].max()], model, index)
    right.set_xlabel(r"$\alpha/\alpha_{BBP}$")
    right.set_ylabel(r"overlap $m^2$ (mean of the lowest $p\,p^*$)")
    right.set_title("lines: theory; dashed: resonance; dotted: tangents", fontsize=11)
    right.legend(frameon=False, fontsize=9)
    return figure, pd.concat([found.alpha_0.assign(table="alpha_0"), found.curves.assign(table="curves")])


def _continued(axis: Axes, rows: pd.DataFrame, model: Model, index: int) -> None:
    at, how = transition(*model[:3]), style(index)
    name = f"$p = {model[0]}$, $N = {power(rows['n'].max())}$"
    axis.errorbar(rows["alpha"] / at.alpha_bbp, rows["overlap2"], yerr=rows["overlap2_sem"], **how, capsize=2,
                  linestyle="none", markersize=4.5, label=name)  # fmt: skip
    across = np.linspace(at.alpha_bbp * (1 + 1e-9), float(rows["alpha"].max()), 60)
    line = [spectrum(*model[:3], float(alpha)).overlap2 for alpha in across]
    axis.plot(across / at.alpha_bbp, line, color=how["color"], linewidth=1.3)
    below = resonances(model, 0.0, at.alpha_bbp)
    axis.plot(below["alpha"] / at.alpha_bbp, below["overlap2"], color=how["color"], linewidth=1.3, linestyle="--")
    if at.alpha_0 is not None:
        ends = np.array([at.alpha_0, at.alpha_bbp]) / at.alpha_bbp
        axis.plot(ends, [0.0, at.jump_overlap2], color=how["color"], linestyle=":", linewidth=1.2)


def spectra(records: Records, quick: bool) -> Drawn:
    """Figure 5: whole spectra beside the density of the bulk."""
    return spectrum_figure(records, bins=60 if quick else 120)


def teachers(records: Records, quick: bool) -> Drawn:
    """Figure 7: m^2 of phase retrieval with a growing teacher; alpha_BBP against p*."""
    found = analyse(records)
    figure, (left, right) = canvas(1, 2, (5.4, 4.4))
    for index, ((p, p_star, a, *_), curves) in enumerate(models(found.curves)):
        top, colour = transition(p, p_star, a).alpha_bbp, COLOURS[index % len(COLOURS)]
        for count, (n, rows) in enumerate(parts(curves, "n")):
            left.errorbar(rows["alpha"] / top, rows["overlap2"], yerr=rows["overlap2_sem"], color=colour, capsize=2,
                          linestyle="none", marker=style(count)["marker"], markersize=4.5, linewidth=1.0)  # fmt: skip
            if index == 0:
                left.plot([], [], linestyle="none", marker=style(count)["marker"], color="grey",
                          label=f"$N = {power(n)}$")  # fmt: skip
        across = np.linspace(float(curves["alpha"].min()), float(curves["alpha"].max()), 150)
        line = [spectrum(p, p_star, a, float(alpha)).overlap2 for alpha in across]
        left.plot(across / top, line, color=colour, linewidth=1.3, label=rf"theory, $p^* = {p_star}$")
    left.axvline(1.0, color="grey", linestyle="--", linewidth=1.0)
    left.set_xlabel(r"$\alpha/\alpha_{BBP}$")
    left.set_ylabel(r"overlap $m^2$ (mean of the lowest $p^*$)")
    left.legend(frameon=False, fontsize=9)
    constant = float(found.curves["a"].iloc[0])
    left.set_title(rf"$p = 1$, $a = {constant:g}$", fontsize=11)
    table = _against_teacher(right)
    return figure, pd.concat([found.curves.assign(table="curves"), table.assign(table="thresholds")])


def _against_teacher(axis: Axes) -> pd.DataFrame:
    rows = []
    units = (1, 2, 3, 4, 5, 7, 10, 14, 20, 30, 50, 70, 100)
    for index, a in enumerate((0.1, 1.0, 10.0)):
        at = [transition(1, p_star, a) for p_star in units]
        jumps = np.array([t.kind == "discontinuous" for t in at])
        height = np.array([t.alpha_bbp / p_star for t, p_star in zip(at, units, strict=True)])
        colour = COLOURS[index]
        axis.plot(units, height, color=colour, linewidth=0.8)
        for chosen, face in ((jumps, colour), (~jumps, "white")):
            axis.plot(np.array(units)[chosen], height[chosen], "o", color=colour, markersize=5, markerfacecolor=face)
        axis.plot([], [], "o", color=colour, label=f"$a = {a:g}$")
        for t, p_star in zip(at, units, strict=True):
            rows.append({"p": 1, "p_star": p_star, "a": a, "alpha_bbp": t.alpha_bbp, "transition": t.kind,
                         "alpha_0": math.nan if t.alpha_0 is None else t.alpha_0})  # fmt: skip
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("hidden units of the teacher, $p^*$")
    axis.set_ylabel(r"$\alpha_{BBP}/p^*$")
    axis.set_title("$p = 1$; filled: discontinuous", fontsize=11)
    axis.legend(frameon=False, fontsize=9)
    return pd.DataFrame(rows)


def edge(records: Records, quick: bool) -> Drawn:
    """Our first: lambda_1 - lambda_- on axes where 1/log N is a line."""
    found = analyse(records)
    ((model, curves),) = models(found.curves)
    (alpha,) = set(curves["alpha"])
    quenched = quenched_distances(model, alpha, *(((2, 3, 4), 40) if quick else ((2, 3, 4, 5, 6, 7), None)))
    figure = edge_figure(found, model, alpha, quenched)
    tables = {"simulation": curves, "quenched": quenched, "fits": found.edges}
    return figure, pd.concat([rows.assign(table=name) for name, rows in tables.items()])


def quenched_distances(model: Model, alpha: float, decades: Sequence[int], samples: int | None) -> pd.DataFrame:
    """lambda_1 - lambda_- averaged over sampled projections at N = 10^decade."""
    p, p_star, a = model[:3]
    limit, rows = spectrum(*model[:3], alpha).lambda_minus, []
    for decade in decades:
        at = finite_size(Problem(p=int(p), p_star=p_star, alpha=alpha, a=a), 10**decade, samples)
        rows.append({"n": at.n, "alpha": alpha, "samples": at.samples, "distance": at.lambda_1 - limit,
                     "distance_sem": at.lambda_1_std / math.sqrt(at.samples), "informed": at.informed})  # fmt: skip
    return pd.DataFrame(rows)


def thresholds(records: Records, quick: bool) -> Drawn:
    """Our third: where the outlier of a discontinuous transition is lost at finite N."""
    return threshold_figure(analyse(records))


def distribution(records: Records, quick: bool) -> Drawn:
    """Our second: the distribution of m^2 over instances below, at and above the transition."""
    found: Analysis = analyse(records)
    ((model, _),) = models(found.curves)
    return distribution_figure(found, model), found.instances
