"""The pictures of a report: one panel each, so that they fit a column, as lines where these take little room."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import matplotlib as mpl

from hpcbbp.analysis.aggregate import models, parts
from hpcbbp.analysis.analysis import Analysis
from hpcbbp.figures.campaign import distribution_figure, edge_figure, of_model, overlap_figure
from hpcbbp.figures.canvas import title
from hpcbbp.figures.phi import phi_alone, thresholds_alone
from hpcbbp.theory.named import Model

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_ENOUGH = 30
"""Instances of one point from which on their distribution is drawn."""

_DPI = 160
_LIGHT = 150_000
"""Bytes up to which a page holds a picture as lines, sharp at any size; of more it holds pixels."""


@dataclass(frozen=True)
class Picture:
    """A picture of the report.

    Attributes
    ----------
    kind : str
        overlap, phi, thresholds, edge or distribution.
    file : str
        Name of the PNG.
    caption : str
    png : bytes
    svg : bytes
        The same as lines.
    width, height : int
        CSS pixels.
    """

    kind: str
    file: str
    caption: str
    png: bytes
    svg: bytes
    width: int
    height: int

    @property
    def source(self) -> str:
        """The picture itself as an address."""
        kind, content = ("svg+xml", self.svg) if len(self.svg) <= _LIGHT else ("png", self.png)
        return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def pictures(found: Analysis) -> list[Picture]:
    """Every picture for which a campaign has data.

    Examples
    --------
    >>> [picture.file for picture in pictures(found)][:1]
    ['report-overlap-1-1-1.5.png']
    """
    return [
        _picture(kind, f"report-{kind}-{_file_name(model)}{more}.png", caption, figure)
        for model, curves in models(found.curves)
        for kind, more, caption, figure in _of(found, model, curves)
    ]


def _of(found: Analysis, model: Model, curves: pd.DataFrame) -> Iterator[tuple[str, str, str, Figure]]:
    """Kind, what else is in the name, caption and figure of each picture of a model."""
    words = title(model).replace("$", "").replace("^", "").replace(": ", ", ")
    known = curves.dropna(subset=["overlap2"])
    if not known.empty:
        caption = f"Overlap against alpha, {words}: simulation, quenched average, N = infinity"
        yield "overlap", "", caption, overlap_figure(known)
    if (curves.dropna(subset=["phi"]).groupby("n").size() > 1).any():
        yield "phi", "", f"phi against alpha, {words}", phi_alone(found, model)
        yield "thresholds", "", f"Effective thresholds of phi against N, {words}", thresholds_alone(found, model)
    edges = of_model(found.edges, model)
    for alpha, fits in parts(edges[edges["reason"] == ""] if not edges.empty else edges, "alpha"):
        standing = int((~fits["rejected"].astype(bool)).sum())
        caption = f"Distance from the edge, {words}, alpha = {alpha:g} ({standing} of {len(fits)} laws fit)"
        yield "edge", f"-{alpha:g}", caption, edge_figure(found, model, alpha)
    for alpha in sorted(set(curves.loc[curves["seeds"] >= _ENOUGH, "alpha"].tolist())):
        caption = f"Distribution of m^2 of the lowest vector, {words}, alpha = {alpha:g}"
        yield "distribution", f"-{alpha:g}", caption, distribution_figure(found, model, alpha=alpha)


def _file_name(model: Model) -> str:
    """A model as far as names of files have letters for it."""
    numbers = "-".join(f"{value:g}" for value in model[:3])
    words = [word for part in model[3:] for word in str(part).split()]
    return numbers + "".join("-" + re.sub(r"[^A-Za-z0-9.=-]+", "_", word) for word in words)


def _picture(kind: str, file: str, caption: str, figure: Figure) -> Picture:
    png, svg = io.BytesIO(), io.BytesIO()
    figure.savefig(png, format="png", dpi=_DPI)
    figure.set_layout_engine("none")  # what the first has found is kept
    with mpl.rc_context({"svg.hashsalt": file}):  # the same names within, whenever it is drawn
        figure.savefig(svg, format="svg", metadata={"Date": None})
    width, height = (round(96 * inches) for inches in figure.get_size_inches())
    return Picture(kind, file, caption, png.getvalue(), svg.getvalue(), width, height)
