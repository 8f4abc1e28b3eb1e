"""One page in which the paper's model is explored: sliders, phase diagram, overlap, spectrum, without a network."""

from hpcbbp.explore.page import LIMITS, write_explorer

__all__ = ["LIMITS", "write_explorer"]
