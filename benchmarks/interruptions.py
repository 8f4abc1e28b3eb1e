"""What interruptions cost a solve by SLEPc: products without any, and with one at every restart."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hpcbbp import Problem, gaussian_instance, solve_instance
from hpcbbp.errors import StoppedError
from hpcbbp.solvers.checkpoint import SolveCheckpoint

CASES = (
    ("p = 1, 3 pairs to 1e-8", 1, {"nev": 3, "tol": 1e-8}, "float64"),
    ("p = 2, 4 pairs to 1e-8", 2, {"nev": 4, "tol": 1e-8}, "float64"),
    ("p = 1, 30 pairs to 1e-8", 1, {"nev": 30, "tol": 1e-8}, "float64"),
    ("p = 1, 3 pairs, verified", 1, {"nev": 3, "tol": 1e-8, "verify": True}, "float64"),
    ("p = 1, float32, 3 pairs to 1e-4", 1, {"nev": 3, "tol": 1e-4}, "float32"),
)
N, ALPHA, A = 1000, 3.0, 1.5


def interrupted(instance, folder: Path, asked: dict) -> tuple[int, int]:
    """Products, and how many jobs were stopped."""
    jobs = 0
    while True:
        try:
            found = solve_instance(instance(), checkpoint=SolveCheckpoint(folder, 1e9, stop=lambda: True), **asked)
        except StoppedError:
            jobs += 1
        else:
            return found.eigen.products, jobs


def main() -> None:
    print(f"N = {N}, alpha = {ALPHA:g}, a = {A:g}\n")
    print("| solve | products | with interruptions | these |\n|---|---|---|---|")
    for name, p, asked, storage in CASES:
        problem = Problem(p=p, p_star=1, alpha=ALPHA, a=A)

        def instance(problem: Problem = problem, storage: str = storage):
            return gaussian_instance(problem, N, 1, storage=storage)

        whole = solve_instance(instance(), **asked).eigen.products
        with tempfile.TemporaryDirectory() as folder:
            products, jobs = interrupted(instance, Path(folder) / "state", asked)
        print(f"| {name} | {whole} | {products} | {jobs} |", flush=True)


if __name__ == "__main__":
    main()
