"""Exact predictions at N = infinity (numpy and scipy only: no MPI, no PETSc)."""

from hpcbbp.theory.outlier import Spectrum, spectrum
from hpcbbp.theory.transition import Transition, transition

__all__ = ["Spectrum", "Transition", "spectrum", "transition"]
