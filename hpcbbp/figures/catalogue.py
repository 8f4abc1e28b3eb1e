"""Names of figures, their campaigns and their captions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources

import pandas as pd
from matplotlib.figure import Figure

from hpcbbp.campaign.spec import Campaign, parse_campaign
from hpcbbp.errors import InputError
from hpcbbp.figures import lowest, recovery
from hpcbbp.figures import paper as drawn

Records = Sequence[object]


@dataclass(frozen=True)
class Named:
    """A figure.

    Attributes
    ----------
    name : str
    about : str
        One line.
    draw : callable
        Records of its campaign, and whether it is the quick one, to a picture and the data in it.
    simulated : bool
        Whether it has a campaign: figures of theory alone have none.

    Examples
    --------
    >>> figure = named_figure("1")
    >>> figure.simulated, figure.campaign(quick=True).size() < figure.campaign(quick=False).size()
    (True, True)
    """

    name: str
    about: str
    draw: Callable[[Records, bool], tuple[Figure, pd.DataFrame]]
    simulated: bool = True

    def file(self, quick: bool) -> str:
        """Name of its campaign's file in this package, without its ending."""
        return f"{self.name}{'-quick' if quick else ''}"

    def text(self, quick: bool) -> str:
        """Its campaign file."""
        return packaged_text(self.file(quick))

    def campaign(self, quick: bool) -> Campaign:
        """Its campaign."""
        return packaged_campaign(self.file(quick))


def packaged_text(name: str) -> str:
    """A campaign file of this package."""
    return (resources.files("hpcbbp.figures.campaigns") / f"{name}.toml").read_text(encoding="utf-8")


def packaged_campaign(name: str) -> Campaign:
    """The campaign of such a file."""
    return parse_campaign(packaged_text(name), f"{name}.toml")


FIGURES = {
    named.name: named
    for named in (
        Named("1", "overlap against alpha: a continuous and a discontinuous transition", drawn.overlaps),
        Named("2", "alpha_BBP against a and p, one hidden unit in the teacher", drawn.phase_1, simulated=False),
        Named("3", "phi of phase retrieval: which vector knows the teacher best", drawn.phi),
        Named("4", "alpha_0 against p, below alpha_BBP", drawn.continuations),
        Named("5", "the density of the bulk at a sharp and a smooth edge", drawn.spectra),
        Named("6", "alpha_BBP against a and p, two hidden units in the teacher", drawn.phase_2, simulated=False),
        Named("7", "phase retrieval with a growing teacher", drawn.teachers),
        Named("8", "other activations: sigmoid, tanh with a large constant", lowest.activations),
        Named("9", "gradient descent where the initial Hessian's transition is continuous", recovery.recovery),
        Named("10", "gradient descent where the initial Hessian's transition is discontinuous", recovery.recovery),
        Named("edge", "how the lowest eigenvalue approaches a smooth edge", drawn.edge),
        Named(
            "threshold", "alpha_BBP(N): where the outlier is lost below a discontinuous transition", drawn.thresholds
        ),
        Named("estimators", "the loss's Hessian beside the optimal spectral estimator", lowest.estimators),
        Named("distribution", "m^2 below, at and above a discontinuous transition", drawn.distribution),
    )
}


def named_figure(name: str) -> Named:
    """Return a figure; InputError that lists them if there is none of that name.

    Examples
    --------
    >>> named_figure("5").about
    'the density of the bulk at a sharp and a smooth edge'
    """
    if name not in FIGURES:
        raise InputError(f"figure {name}: one of {', '.join(FIGURES)}")
    return FIGURES[name]
