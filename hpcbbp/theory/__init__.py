"""Exact predictions: at N = infinity, and sample by sample at finite N (no MPI, no PETSc).

`quenched` compiles with numba, so it is loaded only when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hpcbbp.theory.bulk_density import Density, density
from hpcbbp.theory.outlier import Spectrum, spectrum
from hpcbbp.theory.transition import Transition, transition

if TYPE_CHECKING:
    from hpcbbp.theory.sample import Quenched, quenched

__all__ = ["Density", "Quenched", "Spectrum", "Transition", "density", "quenched", "spectrum", "transition"]


def __getattr__(name: str) -> Any:
    if name in ("Quenched", "quenched"):
        from importlib import import_module

        return getattr(import_module("hpcbbp.theory.sample"), name)
    raise AttributeError(f"module 'hpcbbp.theory' has no attribute {name!r}")
