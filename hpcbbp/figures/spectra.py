"""Spectra by quadrature: over the curve of N = infinity, or alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hpcbbp.figures.canvas import COLOURS, canvas, power
from hpcbbp.solvers.spectral_density import SpectralDensity

Array = NDArray[np.float64]

_POINTS = 400


def spectrum_of(sampled: dict[str, Any]) -> SpectralDensity:
    """The quadrature of what `hpcbbp density --json` prints."""
    steps = sampled["steps"]
    nodes, weights = np.full((sampled["probes"], steps), np.nan), np.zeros((sampled["probes"], steps))
    for i, (at, of) in enumerate(zip(sampled["nodes"], sampled["weights"], strict=True)):
        nodes[i, : len(at)], weights[i, : len(of)] = at, of
    return SpectralDensity(
        sampled["operator"], sampled["size"], sampled["seed"], nodes, weights, sampled["products"],
        sampled["seconds"], sampled["provenance"],
    )  # fmt: skip


def spectrum_rows(sampled: dict[str, Any]) -> pd.DataFrame:
    """Density and cumulative function of a spectrum with their errors, a row a point."""
    found = spectrum_of(sampled)
    x = _grid(found)
    rho, rho_error = found.density(x)
    below, below_error = found.cumulative(x)
    rows = pd.DataFrame(
        {"x": x, "rho": rho, "rho_error": rho_error, "cumulative": below, "cumulative_error": below_error}
    )
    for name in ("alpha", "n", "method", "operator"):
        if name in sampled:
            rows[name] = sampled[name]
    return rows


def _grid(found: SpectralDensity) -> Array:
    """Points that are dense where the nodes of the probes are."""
    nodes = np.sort(found.nodes[np.isfinite(found.nodes)])
    if len(nodes) < 2 or nodes[0] == nodes[-1]:
        return nodes
    return np.interp(np.linspace(0, len(nodes) - 1, _POINTS), np.arange(len(nodes)), nodes)


def draw_spectrum(axis: Axes, sampled: dict[str, Any], origin: float, colour: str, label: str) -> None:
    """A spectrum on an axis whose zero is an eigenvalue, with the band of its standard error."""
    rows = spectrum_rows(sampled)
    x, rho = rows["x"].to_numpy() - origin, rows["rho"].to_numpy()
    axis.plot(x, rho, color=colour, linewidth=0.0, marker=".", markersize=3.5, label=label)
    error = rows["rho_error"].fillna(0.0).to_numpy()
    axis.fill_between(x, np.maximum(rho - error, 0.0), rho + error, color=colour, alpha=0.25, linewidth=0)


def named(sampled: dict[str, Any]) -> str:
    """Of a spectrum, for a legend."""
    return sampled["operator"] if "n" not in sampled else f"$N = {power(sampled['n'])}$, {sampled['method']}"


def spectra_figure(answer: dict[str, Any]) -> Figure:
    """Density, and share of eigenvalues below each, of spectra alone.

    Parameters
    ----------
    answer : dict
        What `hpcbbp density --operator ... --json` prints.
    """
    figure, (whole, below) = canvas(1, 2, (5.4, 4.2))
    for index, sampled in enumerate(answer["simulated"]):
        colour = COLOURS[index % len(COLOURS)]
        draw_spectrum(whole, sampled, 0.0, colour, named(sampled))
        rows = spectrum_rows(sampled)
        below.plot(rows["x"], rows["cumulative"], color=colour, linewidth=1.5)
        error = rows["cumulative_error"].fillna(0.0)
        low, high = rows["cumulative"] - error, rows["cumulative"] + error
        below.fill_between(rows["x"], low, high, color=colour, alpha=0.25)
    whole.set_yscale("log")
    whole.set_xlabel(r"$\lambda$")
    whole.set_ylabel(r"density $\rho(\lambda)$")
    below.set_xlabel(r"$\lambda$")
    below.set_ylabel(r"share of eigenvalues below $\lambda$")
    below.set_ylim(-0.02, 1.02)
    whole.legend(frameon=False, fontsize=9)
    return figure
