"""Pictures of the theory: the phase diagram, densities of the bulk, finite N. One function a picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hpcbbp.figures.canvas import (
    CLOSED_POINTS,
    COLOURS,
    ENGINE_POINTS,
    MARKERS,
    canvas,
    overlap_limit,
    power,
    resonances,
    title,
)
from hpcbbp.figures.spectra import draw_spectrum, named
from hpcbbp.model.words import PARTS
from hpcbbp.theory import a_c, transition
from hpcbbp.theory.named import alpha_bbp_of, is_the_papers_own, known_spectrum_of
from hpcbbp.theory.phase_diagram import PhaseDiagram

if TYPE_CHECKING:
    from hpcbbp.theory import Prediction


_FINITE: tuple[Any, ...] = (":", "-.", (0, (5, 1)), (0, (1, 4)))
"""Dashes of alpha_BBP(N), by N."""


def phase_figure(made: PhaseDiagram) -> Figure:
    """alpha_BBP against a (thin where continuous, thick where discontinuous, crosses for alpha_0) and against p.

    With dashes for alpha_BBP(N), if that was computed.

    Examples
    --------
    >>> from hpcbbp.theory.phase_diagram import phase_table
    >>> type(phase_figure(phase_table([1, 2], 1, [0.5, 1.0, 1.5], [1.5]))).__name__
    'Figure'
    """
    figure, (axis, against_p) = canvas(1, 2, (5.4, 4.8))
    widths = list(dict.fromkeys(made.rows["p"]))
    shades = colormaps["viridis"](np.linspace(0.0, 0.85, max(1, sum(p < math.inf for p in widths))))
    for index, p in enumerate(widths):
        rows = made.rows[made.rows["p"] == p]
        colour = "black" if p == math.inf else shades[sum(w < math.inf for w in widths[:index])]
        label = r"$p = \infty$" if p == math.inf else f"$p = {int(p)}$"
        jumps = rows["transition"] == "discontinuous"
        dots = "." if len(rows) < 20 else ""
        if p == math.inf:
            axis.plot(rows["a"], rows["alpha_bbp"], "--", color=colour, linewidth=1.6, label=label)
        else:
            axis.plot(rows["a"], rows["alpha_bbp"], color=colour, linewidth=1.0, label=label, marker=dots)
            axis.plot(rows["a"], rows["alpha_bbp"].where(jumps), color=colour, linewidth=2.8)
        for place, (_, at) in enumerate(made.thresholds[made.thresholds["p"] == p].groupby("n")):
            axis.plot(
                at["a"], at["alpha_bbp_n"], color=colour, linewidth=1.0, linestyle=_FINITE[place % len(_FINITE)]
            )
        crosses = rows[jumps][:: max(1, len(rows) // 15)]
        axis.plot(crosses["a"], crosses["alpha_0"], "x", color=colour, markersize=5)
        turn = a_c(float(p), made.p_star)
        if turn is not None and rows["a"].min() < turn < rows["a"].max():
            height = transition(float(p), made.p_star, turn).alpha_bbp
            axis.plot([turn], [height], "o", color=colour, markersize=5, markerfacecolor="white", zorder=5)
    axis.plot([], [], "x", color="grey", label=r"$\alpha_0$")
    axis.plot([], [], "o", color="grey", markerfacecolor="white", label=r"$a_c(p)$")
    for place, size in enumerate(sorted(made.thresholds["n"].unique())):
        axis.plot([], [], color="grey", linewidth=1.0, linestyle=_FINITE[place % len(_FINITE)],
                  label=rf"$\alpha_{{BBP}}(N = {power(float(size))})$")  # fmt: skip
    axis.set_xlabel("loss constant $a$")
    axis.set_ylabel(r"$\alpha_{BBP}$")
    axis.set_ylim(0.0, 1.12 * float(made.rows["alpha_bbp"].max()))
    axis.set_title(rf"$p^* = {made.p_star}$: thin continuous, thick discontinuous", fontsize=11)
    figure.legend(frameon=False, fontsize=9, loc="outside right upper")
    _against_p(against_p, made.inset)
    return figure


def _against_p(axis: Axes, rows: pd.DataFrame) -> None:
    for index, a in enumerate(rows["a"].unique()):
        points = rows[rows["a"] == a]
        colour = COLOURS[index % len(COLOURS)]
        finite, jumps = points["p"] < math.inf, points["transition"] == "discontinuous"
        axis.plot(points["p"][finite], points["alpha_bbp"][finite], color=colour, linewidth=0.8)
        for chosen, face in ((finite & jumps, colour), (finite & ~jumps, "white")):
            axis.plot(points["p"][chosen], points["alpha_bbp"][chosen], "o", color=colour, markersize=4.5,
                      markerfacecolor=face, markeredgewidth=0.8)  # fmt: skip
        axis.plot(points["p"][finite & jumps], points["alpha_0"][finite & jumps], "x", color=colour, markersize=5)
        axis.axhline(float(points["alpha_bbp"][~finite].iloc[0]), color=colour, linestyle="--", linewidth=0.8)
        axis.plot([], [], "o", color=colour, markersize=4.5, label=f"$a = {a:g}$")
    axis.set_xscale("log")
    axis.set_ylim(0.0, None)
    axis.set_xlabel("hidden units of the student, $p$")
    axis.set_ylabel(r"$\alpha_{BBP}$, $\alpha_0$")
    axis.set_title(r"filled: discontinuous; dashed: $p = \infty$", fontsize=11)
    axis.legend(frameon=False, fontsize=9, loc="upper right")


def density_figure(answer: dict[str, Any]) -> Figure:
    """Densities of the bulk: the whole on the left, the left edge on a logarithmic scale on the right.

    Parameters
    ----------
    answer : dict
        What `hpcbbp density --json` prints.

    Examples
    --------
    >>> from dataclasses import asdict
    >>> from hpcbbp.theory import density, spectrum
    >>> curve = {**asdict(density(1, 1, 1.5, 3.0)), **asdict(spectrum(1, 1, 1.5, 3.0))}
    >>> type(density_figure({"p": 1, "p_star": 1, "a": 1.5, "curves": [curve]})).__name__
    'Figure'
    """
    figure, (whole, edge) = canvas(1, 2, (5.4, 4.2))
    reach = 0.0
    for index, curve in enumerate(answer["curves"]):
        colour = COLOURS[index % len(COLOURS)]
        x, rho = np.array(curve["x"]), np.array(curve["rho"])
        label = rf"$\alpha = {curve['alpha']:g}$, {curve['edge']} edge"
        whole.plot(x, rho, color=colour, linewidth=1.5, label=label)
        inside = rho > 0
        edge.plot((x - curve["lambda_minus"])[inside], rho[inside], color=colour, linewidth=1.5, label=label)
        weight = np.concatenate([[0.0], np.cumsum(0.5 * (rho[1:] + rho[:-1]) * np.diff(x))])
        reach = max(reach, float(x[np.searchsorted(weight, 0.985 * weight[-1])]))
        for sampled in answer.get("simulated", [])[index : index + 1]:
            draw_spectrum(whole, sampled, 0.0, colour, named(sampled))
            draw_spectrum(edge, sampled, curve["lambda_minus"], colour, named(sampled))
        if curve["lambda_star"] is not None:
            for axis, origin in ((whole, 0.0), (edge, curve["lambda_minus"])):
                axis.axvline(curve["lambda_star"] - origin, color=colour, linestyle=":", linewidth=1.3)
    left = min(min(curve["lambda_minus"], curve["lambda_star"] or 0.0) for curve in answer["curves"])
    whole.set_xlim(left - 0.04 * (reach - left), reach)
    # At alpha = 1 the density diverges at 0, close to it the peak is high: cut it.
    whole.set_ylim(
        0.0, 1.08 * max(np.quantile(c["rho"], 0.85 if c["alpha"] < 1.1 else 1.0) for c in answer["curves"])
    )
    whole.set_xlabel(r"$\lambda$")
    whole.set_ylabel(r"density $\rho(\lambda)$")
    stars = [c["lambda_star"] - c["lambda_minus"] for c in answer["curves"] if c["lambda_star"] is not None]
    edge.set_xlim(min([1.4 * star for star in stars] or [-0.02]), 0.35 * (0.0 - left))
    edge.set_yscale("log")
    edge.set_ylim(1e-8, 3.0)
    edge.set_xlabel(r"distance from the left edge, $\lambda - \lambda_-$")
    plotted = whole.get_legend_handles_labels()
    if stars:
        (line,) = edge.plot([], [], color="grey", linestyle=":")
        plotted = plotted[0] + [line], plotted[1] + [r"outlier $\lambda^*$"]
    edge.legend(*plotted, frameon=False, fontsize=9, loc="lower right")
    constant = "" if answer["a"] is None else rf", $a = {answer['a']:g}$"
    words = "".join(f", {answer[name]}" for name in PARTS if answer.get(name))
    figure.suptitle(rf"$p = {_width(answer['p'])}$, $p^* = {answer['p_star']}${constant}{words}", fontsize=11)
    return figure


def predict_figure(found: Prediction) -> Figure:
    """Overlap, phi and lowest eigenvalue over sampled projections, against N or alpha, whichever has more values.

    Examples
    --------
    >>> from hpcbbp.theory import predict
    >>> type(predict_figure(predict(1, 1, 1.5, alpha=[3.0, 6.0], n=[100, 200], samples=2))).__name__
    'Figure'
    """
    rows = found.table()
    against_n = rows["n"].nunique() >= rows["alpha"].nunique()
    across, curves = ("n", "alpha") if against_n else ("alpha", "n")
    figure, axes = canvas(1, 3, (4.4, 4.0))
    for index, value in enumerate(sorted(rows[curves].unique())):
        points = rows[rows[curves] == value]
        colour, marker = COLOURS[index % len(COLOURS)], MARKERS[index % len(MARKERS)]
        name = rf"$\alpha = {value:g}$" if against_n else f"$N = {power(float(value))}$"
        distance = points["lambda_1"] - points["limit_lambda_minus"]
        for axis, mean, spread in (
            (axes[0], points["overlap2"], points["overlap2_std"]),
            (axes[1], points["phi"], np.sqrt(points["phi"] * (1 - points["phi"]))),
            (axes[2], distance, points["lambda_1_std"]),
        ):
            error = spread / np.sqrt(points["samples"])
            axis.errorbar(points[across], mean, yerr=error, fmt=marker, color=colour, markersize=4.5, capsize=2,
                          linewidth=1.0, linestyle="-", label=name)  # fmt: skip
        if against_n:
            last = points.iloc[-1]
            axes[0].axhline(last["limit_overlap2"], color=colour, linestyle=":", linewidth=1.2)
            if not pd.isna(last["resonance_lambda"]):
                axes[0].axhline(last["resonance_overlap2"], color=colour, linestyle="--", linewidth=1.0)
                height = last["resonance_lambda"] - last["limit_lambda_minus"]
                axes[2].axhline(height, color=colour, linestyle="--", linewidth=1.0)
            if last["limit_lambda_star"] is not None and not math.isnan(last["limit_lambda_star"]):
                axes[2].axhline(
                    last["limit_lambda_star"] - last["limit_lambda_minus"], color=colour, linestyle=":", linewidth=1.2
                )
    if not against_n:
        model = found.p, found.p_star, found.a, found.parts
        low, high = float(rows["alpha"].min()), float(rows["alpha"].max())
        overlap_limit(axes[0], model, low, high)
        axes[0].set_xlim(low - 0.05 * (high - low), high + 0.05 * (high - low))
        count = CLOSED_POINTS if is_the_papers_own(model) else ENGINE_POINTS
        limits = [known_spectrum_of(model, float(alpha)) for alpha in np.linspace(low, high, count)]
        distance = [0.0 if at.lambda_star is None else at.lambda_star - at.lambda_minus for at in limits]
        axes[2].plot([at.alpha for at in limits], distance, color="black", linewidth=1.5)
        below = resonances(model, low, high)
        axes[2].plot(below["alpha"], below["distance"], color="firebrick", linewidth=1.6)
        for index, at in enumerate(found.effective):
            if at.alpha is not None and low <= at.alpha <= high:
                axes[1].axvline(at.alpha, color=COLOURS[index % len(COLOURS)], linestyle=":", linewidth=1.2)
        for axis in axes[1:]:
            axis.axvline(alpha_bbp_of(model), color="grey", linestyle="--", linewidth=1.0)
    for axis, name in zip(
        axes, (r"overlap $m^2$ (lowest $p\,p^*$)", r"$\varphi$", r"$\lambda_1 - \lambda_-(\infty)$"), strict=True
    ):
        axis.set_ylabel(name)
        axis.set_xlabel("$N$" if against_n else r"$\alpha$")
        if against_n:
            axis.set_xscale("log")
    axes[1].set_ylim(-0.03, 1.03)
    axes[2].axhline(0.0, color="black", linewidth=0.8)
    axes[0].legend(frameon=False, fontsize=9)
    limit = r"; dotted: $N = \infty$, dashed: resonance" if against_n else r"; dotted in $\varphi$: $\alpha_{BBP}(N)$"
    limits_at = found.transition
    threshold = "" if limits_at is None else rf", $\alpha_{{BBP}} = {limits_at.alpha_bbp:.4f}$"
    name = title((found.p, found.p_star, found.a, found.parts))
    figure.suptitle(f"{name}{threshold}{limit}; bars: standard errors", fontsize=11)
    return figure


def _width(p: int | str) -> str:
    return r"\infty" if p == "inf" else str(p)
