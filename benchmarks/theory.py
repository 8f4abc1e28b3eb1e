"""Time of the import, one threshold, a phase diagram, a density, one sample's prediction.

.venv/bin/python benchmarks/theory.py [LARGEST_N]
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from hpcbbp import Problem
from hpcbbp.theory import a_c, density, p_c, quenched_sample, spectrum, transition


def timed(label: str, call: Callable[[], object]) -> None:
    start = time.perf_counter()
    call()
    print(f"{label:58s} {time.perf_counter() - start:9.4f} s", flush=True)


def diagram() -> None:
    for p in (1, 2, 3, 5, 10, 100):
        for a in np.geomspace(0.01, 3, 60):
            transition(p, 1, float(a))


def main() -> None:
    largest = float(sys.argv[1]) if len(sys.argv) > 1 else 1e6
    for module in ("numpy", "hpcbbp.theory"):
        timed(f"a process that imports {module}", partial(subprocess.run, [sys.executable, "-c", f"import {module}"]))
    timed("first transition after import", lambda: transition(2, 1, 1.5))
    timed("spectrum at one alpha, model known", lambda: spectrum(2, 1, 1.5, 3.0))
    timed("360 transitions (6 p, 60 a)", diagram)
    timed("a_c", lambda: a_c(2, 1))
    timed("p_c", lambda: p_c(0.01, 1))
    timed("density, sharp edge, 300 points", lambda: density(2, 1, 1.5, 3.0, points=300))
    timed("density, smooth edge, 300 points", lambda: density(2, 1, 1.5, 1.0, points=300))
    problem = Problem(p=2, p_star=1, alpha=1.5, a=1.5)
    quenched_sample(problem, 1000)
    n = 10**4
    while n <= largest:
        timed(f"one sample drawn and predicted, p = 2, N = {n:.0e}", partial(quenched_sample, problem, n))
        n *= 10


if __name__ == "__main__":
    main()
