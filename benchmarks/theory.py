"""Time of one threshold, one spectrum and a phase diagram.

.venv/bin/python benchmarks/theory.py
"""

from __future__ import annotations

import time

import numpy as np

from hpcbbp.theory import spectrum, transition


def main() -> None:
    start = time.perf_counter()
    transition(2, 1, 1.5)
    print(f"first transition after import: {1e3 * (time.perf_counter() - start):.1f} ms")
    start = time.perf_counter()
    spectrum(2, 1, 1.5, 3.0)
    print(f"spectrum at one alpha, model known: {1e3 * (time.perf_counter() - start):.1f} ms")
    start = time.perf_counter()
    for p in (1, 2, 3, 5, 10, 100):
        for a in np.geomspace(0.01, 3, 60):
            transition(p, 1, float(a))
    print(f"360 transitions (6 p, 60 a): {time.perf_counter() - start:.2f} s")


if __name__ == "__main__":
    main()
