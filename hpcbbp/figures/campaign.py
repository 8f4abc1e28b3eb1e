"""Pictures of a campaign at finite N beside theory. One function a picture; all take analyses or records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hpcbbp.analysis.aggregate import models, parts
from hpcbbp.analysis.analysis import Analysis
from hpcbbp.analysis.instances import MODEL
from hpcbbp.figures.canvas import COLOURS, MARKERS, canvas, overlap_limit, power, title
from hpcbbp.theory.limit.density import thinness
from hpcbbp.theory.named import (
    Model,
    alpha_bbp_of,
    effective_size_of,
    is_the_papers_own,
    known_spectrum_of,
    resonance_of,
)


def overlap_figure(curves: pd.DataFrame) -> Figure:
    """Overlap m^2 against alpha, a panel for each model, as for each loss constant a of figure 1 of arXiv:2510.18435.

    Parameters
    ----------
    curves : DataFrame
        Of one p and p*, as hpcbbp.analysis.aggregate.curves gives it.

    Examples
    --------
    >>> len(overlap_figure(found.curves).axes)
    1
    """
    every = models(curves)
    figure, axes = canvas(1, len(every), (5.2, 4.2))
    for axis, (model, some) in zip(axes, every, strict=True):
        _overlap_panel(axis, some, model)
    top = float((curves["overlap2"] + curves["overlap2_sem"].fillna(0.0)).max())
    for axis in axes:
        axis.set_ylim(-0.03 * top, 1.15 * top)
    axes[0].set_ylabel(r"overlap $m^2$ (mean of the lowest $p\,p^*$ eigenvectors)")
    return figure


def _overlap_panel(axis: Axes, curves: pd.DataFrame, model: Model) -> None:
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
    overlap_limit(axis, model, low * 0.9, high * 1.03)
    axis.set_xlim(low * 0.9, high * 1.03)
    axis.set_xlabel(r"signal-to-noise ratio $\alpha = M/N$")
    axis.set_title(title(model), fontsize=11)
    axis.legend(loc="best", fontsize=9, frameon=False)


def of_model(table: pd.DataFrame, model: Model) -> pd.DataFrame:
    """Rows of one (p, p_star, a, parts); without parts of the paper's."""
    if table.empty:
        return table
    for name, value in zip(MODEL, (*model, ""), strict=False):
        table = table[table[name] == value]
    return table


def style(index: int) -> dict[str, Any]:
    """Colour and marker of the index-th curve."""
    return {"color": COLOURS[index % len(COLOURS)], "marker": MARKERS[index % len(MARKERS)]}


def bars(axis: Axes, across: Any, rows: pd.DataFrame, name: str, how: dict[str, Any], label: str) -> None:
    """Values with asymmetric intervals; a side without a bound has no bar, without any there is no point."""
    bounded = np.isfinite(rows[f"{name}_low"]) | np.isfinite(rows[f"{name}_high"])
    across, rows = across[bounded], rows[bounded]
    bars = [(rows[name] - rows[f"{name}_low"]), (rows[f"{name}_high"] - rows[name])]
    finite = [side.where(np.isfinite(side), 0.0).clip(lower=0.0) for side in bars]
    axis.errorbar(across, rows[name], yerr=finite, **how, linestyle="none", markersize=5, capsize=2.5,
                  linewidth=1.2, label=label)  # fmt: skip


def edge_figure(found: Analysis, model: Model, alpha: float, quenched: pd.DataFrame | None = None) -> Figure:
    """lambda_1 - lambda_- against N, on an axis where A/log N is a straight line through the corner.

    Parameters
    ----------
    found : Analysis
    model, alpha
        Where there is no outlier at N = infinity.
    quenched : DataFrame, optional
        Averages over sampled projections: n, distance, distance_sem.

    Examples
    --------
    >>> type(edge_figure(found, (1, 1, 1.5, ""), found.instances.alpha.min())).__name__
    'Figure'
    """
    figure, (axis,) = canvas(1, 1, (7.0, 5.0))
    rows = of_model(found.curves, model)
    rows = rows[np.isclose(rows["alpha"], alpha)]
    limit = known_spectrum_of(model, alpha)
    axis.errorbar(1 / np.log(rows["n"]), rows["lambda_1"] - limit.lambda_minus, yerr=rows["lambda_1_sem"], **style(0),
                  linestyle="none", markersize=6, capsize=3, label="simulation", zorder=4)  # fmt: skip
    axis.plot(1 / np.log(rows["n"]), rows["quenched_lambda_1"] - limit.lambda_minus, linestyle="none", marker="s",
              markersize=9, markerfacecolor="none", color=COLOURS[1], label="quenched, same instances")  # fmt: skip
    smallest = rows["n"].min()
    largest = max(float(rows["n"].max()), 0.0 if quenched is None else float(quenched["n"].max()))
    if quenched is not None:
        axis.errorbar(1 / np.log(quenched["n"]), quenched["distance"], yerr=quenched["distance_sem"], **style(2),
                      markersize=5, capsize=2, linewidth=1.2, label="quenched average, no parameter")  # fmt: skip
    size = np.exp(np.linspace(np.log(smallest) * 0.97, np.log(largest) * 1.15, 300))
    fits = of_model(found.edges, model)
    fits = fits[np.isclose(fits["alpha"], alpha) & (fits["reason"] == "")] if not fits.empty else fits
    for index, fit in enumerate(fits.to_dict("records")):
        if fit["rejected"]:  # its constants are no result: it is named, and not drawn
            axis.plot(
                [], [], linestyle="none", label=f"{_FORMULAS[fit['law']]}: rejected (p-value {fit['p_value']:.1g})"
            )
            continue
        curve, words = _law(fit, size)
        axis.plot(1 / np.log(size), curve, color=COLOURS[(index + 3) % len(COLOURS)], linewidth=1.2, linestyle="--",
                  label=f"{words} (weight {fit['weight']:.2f}, p-value {fit['p_value']:.1g})")  # fmt: skip
    at = resonance_of(model, alpha)
    if at.lambda_r is not None:
        axis.axhline(at.lambda_r - limit.lambda_minus, color="firebrick", linewidth=1.4,
                     label="resonance, no parameter" + _up_to(model, alpha))  # fmt: skip
    thin = thinness(*model[:3], alpha) if is_the_papers_own(model) else None
    if thin is not None:
        axis.plot(1 / np.log(size), thin / np.log(size), color="black", linestyle=":", linewidth=1.2,
                  label=rf"$A/\log N$, $A = {thin:.4f}$ from theory")  # fmt: skip
    top = float((rows["lambda_1"] - limit.lambda_minus + rows["lambda_1_sem"].fillna(0)).max())
    axis.set_ylim(min(0.0, float((rows["lambda_1"] - limit.lambda_minus).min())), 1.35 * top)
    axis.set_xlim(0.0, 1.03 / np.log(smallest))
    axis.set_xlabel(r"$1/\log N$")
    axis.set_ylabel(r"$\lambda_1 - \lambda_-(\infty)$")
    above = axis.secondary_xaxis("top")
    decades = np.arange(int(np.log10(smallest)), int(np.ceil(np.log10(largest))) + 1, dtype=float)
    above.set_xticks((1 / np.log(10**decades)).tolist(), [f"$10^{{{d:.0f}}}$" for d in decades])
    above.set_xlabel("$N$")
    figure.suptitle(rf"{title(model)}; $\alpha = {alpha:g}$, {limit.edge} edge", fontsize=11)
    axis.legend(frameon=False, fontsize=9)
    return figure


_FORMULAS = {"power": r"$c\,N^{-2/3}$", "log": r"$A/\log N$", "shifted log": r"$A/(\log N + B)$"}


def _up_to(model: Model, alpha: float) -> str:
    size = effective_size_of(model, alpha).n
    return "" if size is None else rf" (half of them seen up to $N = {power(float(f'{size:.1g}'))}$)"


def _law(fit: Mapping[Any, Any], n: Any) -> tuple[Any, str]:
    first, shift = fit["first"], fit["B"]
    if fit["law"] == "power":
        return first * n ** (-2 / 3), rf"${first:.3g}\,N^{{-2/3}}$"
    if fit["law"] == "log":
        return first / np.log(n), rf"${first:.3f}/\log N$"
    if not np.isfinite(first):
        return np.full_like(n, np.nan), f"{_FORMULAS[fit['law']]}: no decay seen"
    return first / (np.log(n) + shift), rf"${first:.3g}/(\log N {'+' if shift >= 0 else '-'} {abs(shift):.3g})$"


def distribution_figure(found: Analysis, model: Model, bins: int = 30, alpha: float | None = None) -> Figure:
    """Distribution of m^2 of the lowest vector over instances, beside quenched and limit.

    A panel for each alpha, or that of one alone.

    Examples
    --------
    >>> len(distribution_figure(found, (1, 1, 1.5, "")).axes)
    2
    """
    instances = of_model(found.instances, model)
    instances = instances[instances["whole"] & (True if alpha is None else instances["alpha"] == alpha)]
    alphas = parts(instances, "alpha")
    figure, axes = canvas(1, len(alphas), (4.2, 4.0) if len(alphas) > 1 else (5.2, 4.2))
    unit = alpha_bbp_of(model)
    for axis, (alpha, rows) in zip(axes, alphas, strict=True):
        edges = np.linspace(0.0, float(rows[["overlap2_1", "quenched_overlap2_1"]].max().max()) * 1.02, bins).tolist()
        for index, (n, some) in enumerate(parts(rows, "n")):
            colour = style(index)["color"]
            axis.hist(some["overlap2_1"], edges, density=True, histtype="stepfilled", alpha=0.25, color=colour)
            axis.hist(some["overlap2_1"], edges, density=True, histtype="step", linewidth=1.4, color=colour,
                      label=f"$N = {power(n)}$ ({len(some)})")  # fmt: skip
            predicted = some["quenched_overlap2_1"].dropna()
            axis.hist(predicted, edges, density=True, histtype="step", linewidth=1.0, linestyle="--", color=colour)
        limit = known_spectrum_of(model, alpha).mean_overlap2(1)
        axis.axvline(limit, color="black", linewidth=1.4, label=rf"$N = \infty$: {limit:.3f}")
        axis.set_xlim(-0.02 * edges[-1], edges[-1])
        axis.set_title(rf"$\alpha = {alpha:.4g} = {alpha / unit:.2f}\,\alpha_{{BBP}}$", fontsize=11)
        axis.set_xlabel("$m^2$ of the lowest eigenvector")
        axis.legend(frameon=False, fontsize=9)
    axes[0].set_ylabel("density over instances")
    about = "; " if len(axes) > 1 else "\n"  # two lines over a single panel
    figure.suptitle(f"{title(model)}{about}dashed: quenched prediction of the same instances", fontsize=11)
    return figure
