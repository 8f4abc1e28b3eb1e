"""Whole spectra of a campaign beside the density of the bulk."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hpcbbp.figures.canvas import COLOURS, canvas
from hpcbbp.solvers.measured import measured
from hpcbbp.theory import Spectrum, density, spectrum


def spectrum_figure(records: Iterable[object], *, bins: int = 120) -> tuple[Figure, pd.DataFrame]:
    """Whole spectra of the paper's model beside its density: a row of panels a point, the left edge on the right.

    Returns
    -------
    figure, table
        The table has model, alpha, n, the bin's centre x, the measured density, its standard error, rho of theory.

    Examples
    --------
    >>> changed = text.replace("deferred", "dense").replace("[100, 200]", "60").replace("tol = 1e-3", "nev = 60")
    >>> whole = parse_campaign(changed, "whole.toml")
    >>> spectra = open_campaign(whole, Path("whole"))
    >>> _ = run_campaign(spectra, Group())
    >>> figure, table = spectrum_figure(spectra.store.read().values(), bins=20)
    >>> sorted(table.panel.unique())
    ['edge', 'whole']
    """
    by_point: dict[tuple[int, int, float, float, int], list[Any]] = {}
    for record in measured(records):
        if len(record.eigenvalues) == record.p * record.n and not record.parts:
            key = (record.p, record.p_star, record.a, record.alpha, record.n)
            by_point.setdefault(key, []).append(np.array(record.eigenvalues))
    figure, axes = canvas(len(by_point), 2, (5.4, 3.8))
    tables = []
    for row, (key, spectra) in enumerate(sorted(by_point.items())):
        values, limit = np.array(spectra), spectrum(*key[:4])
        whole, edge = axes[2 * row : 2 * row + 2]
        left = min(float(values.min()), limit.lambda_minus) - 0.02
        near = limit.lambda_minus + 0.28 * abs(limit.lambda_minus)
        for axis, panel, ends in (
            (whole, "whole", np.linspace(left, float(np.quantile(values, 0.97)), bins)),
            (edge, "edge", np.linspace(left, near, bins // 3)),
        ):
            tables.append(_histogram(axis, values, ends, key, limit).assign(panel=panel))
        edge.set_yscale("log")
        edge.set_ylim(0.2 / (values.size * (near - left) / (bins // 3)), None)
        p, p_star, a, alpha, _ = key
        whole.set_title(rf"$p = {p}$, $p^* = {p_star}$, $a = {a:g}$, $\alpha = {alpha:g}$", fontsize=11)
        edge.set_title(f"{limit.edge} left edge", fontsize=11)
        edge.legend(frameon=False, fontsize=9, loc="lower right")
    return figure, pd.concat(tables)


def _histogram(
    axis: Axes, values: Any, ends: Any, key: tuple[int, int, float, float, int], limit: Spectrum
) -> pd.DataFrame:
    """Density of the spectra (instances, p N) in bins, beside theory; returns what is drawn."""
    p, p_star, a, alpha, n = key
    counts = np.array([np.histogram(one, ends)[0] for one in values]) / (values.shape[1] * np.diff(ends))
    mean, sem = counts.mean(axis=0), counts.std(axis=0, ddof=1) / np.sqrt(len(counts))
    centre = 0.5 * (ends[1:] + ends[:-1])
    axis.stairs(mean, ends, fill=True, color=COLOURS[0], alpha=0.35, label=f"{len(counts)} spectra, $N = {n}$")
    axis.errorbar(centre, mean, yerr=sem, fmt="none", color=COLOURS[0], linewidth=0.7)
    x = np.linspace(limit.lambda_minus + 1e-6, ends[-1], 400)
    axis.plot(x, density(p, p_star, a, alpha, x).rho, color="black", linewidth=1.3, label=r"theory, $N = \infty$")
    axis.axvline(limit.lambda_minus, color="grey", linestyle="--", linewidth=1.0, label=r"$\lambda_-$")
    if limit.lambda_star is not None:
        axis.axvline(limit.lambda_star, color="firebrick", linestyle=":", label=r"outlier $\lambda^*$")
    axis.set(xlabel=r"$\lambda$", ylabel=r"$\rho(\lambda)$")
    columns = {"p": p, "p_star": p_star, "a": a, "alpha": alpha, "n": n, "x": centre, "measured": mean}
    return pd.DataFrame({**columns, "measured_sem": sem, "rho": density(p, p_star, a, alpha, centre).rho})
