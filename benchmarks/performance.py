"""What products and solves take beside the limits of the machine, and beside other packages.

.venv/bin/python benchmarks/performance.py products [N]        one core: reading X, GEMM, drawing, products
.venv/bin/python benchmarks/performance.py peers [N]           one core: the two outliers of p = 2 to 1e-6
.venv/bin/python benchmarks/performance.py all [N] [--json FILE]   both, as tables and as JSON

Figures are the best of several runs in turn, so that noise of the machine hits all alike; ratios are of one run.
Peers beyond scipy are shown where they are installed (pip install primme; pip install "jax[cpu]<0.4.31").
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from peers import peer_seconds

from hpcbbp import Problem, deferred_instance, gaussian_instance, solve_deferred, solve_instance
from hpcbbp.data.regenerated import RegeneratedData
from hpcbbp.data.stored import STORED
from hpcbbp.machine import provenance
from hpcbbp.machine.compiled import compiled
from hpcbbp.machine.fast_normals import FastNormals
from hpcbbp.machine.rng import fill_normals


@compiled
def _read(X: Any) -> float:
    """Sum of all entries, as fast as a compiled loop reads them."""
    out = 0.0
    for m in range(X.shape[0]):
        row, total = X[m], np.float32(0)
        for i in range(X.shape[1]):
            total += row[i]
        out += total
    return out


def best(functions: dict[str, Callable[[], object]], repeats: int = 7) -> dict[str, float]:
    """Least seconds of each function, called in turn; the first call of each is not counted."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats + 1):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            times[name].append(time.perf_counter() - start)
    return {name: min(values[1:]) for name, values in times.items()}


def limits() -> dict[str, float]:
    """GEMM in Gflop/s, and normals a second drawn, in millions."""
    rng, size = np.random.default_rng(0), 1500
    single, double = (rng.standard_normal((size, size)).astype(kind) for kind in (np.float32, np.float64))
    draws, fast, normals = 2**20, FastNormals(0, "regenerated"), np.empty(2**18, dtype=np.float32)
    numbers = np.empty(draws)
    generator = np.random.Generator(np.random.Philox(0))
    times = best({
        "sgemm": lambda: single @ single,
        "dgemm": lambda: double @ double,
        "numpy's normals": lambda: generator.standard_normal(draws),
        "numpy's, compiled": lambda: fill_normals(numbers, 0, "data", 0),
        "fast normals": lambda: fast.fill(normals, 0),
    })  # fmt: skip
    return {
        "sgemm, Gflop/s": 2 * size**3 / times["sgemm"] / 1e9,
        "dgemm, Gflop/s": 2 * size**3 / times["dgemm"] / 1e9,
        "normals by numpy, 10^6/s": draws / times["numpy's normals"] / 1e6,
        "the same, compiled, 10^6/s": numbers.size / times["numpy's, compiled"] / 1e6,
        "fast normals, 10^6/s": normals.size / times["fast normals"] / 1e6,
    }


def products(n: int) -> list[dict[str, Any]]:
    """One product with H for every way of keeping X, beside reading a float32 X and two BLAS calls."""
    rows = []
    for p in (1, 2, 4, 8):
        problem, m = Problem(p=p, p_star=1, alpha=3.0, a=1.5), 3 * n
        kept = {name: gaussian_instance(problem, n, 0, storage=name) for name in STORED}
        D, X = kept["float32"].hessian.curvature, kept["float32"].data.local
        V = np.random.default_rng(0).standard_normal((n, p))
        again = RegeneratedData(n, m, 0)

        def blas(X: Any = X, V: Any = V, D: Any = D) -> object:
            Z = X @ V.astype(np.float32)
            return X.T @ D.apply(Z.astype(np.float64)).astype(np.float32)

        tasks: dict[str, Callable[[], object]] = {
            "read, numpy": lambda X=X: X.sum(dtype=np.float32),
            "read, compiled": lambda X=X: _read(X),
            "float32, two BLAS calls": blas,
            "regenerated": lambda V=V, D=D, again=again: again.quick_product(V, D),
            "drawing alone": lambda again=again: [None for _ in again.panels()],
        }
        for name, instance in kept.items():
            tasks[name] = lambda data=instance.data, V=V, D=D: data.curvature_product(V, D)
            if instance.data.quick:
                tasks[f"{name}, quick"] = lambda data=instance.data, V=V, D=D: data.quick_product(V, D)
        times = best(tasks)
        for name, seconds in times.items():
            rows.append({
                "p": p, "what": name, "seconds": seconds, "1e9 entries/s": m * n / seconds / 1e9,
                "of numpy's reading": times["read, numpy"] / seconds,
                "of compiled reading": times["read, compiled"] / seconds,
                "of float32 quick": times["float32, quick"] / seconds,
                "of drawing": times["drawing alone"] / seconds,
            })  # fmt: skip
    return rows


def solves(n: int) -> list[dict[str, Any]]:
    """The two outliers of p = 2 to 1e-6, by our methods and by other packages on the same float32 X."""
    problem, rows = Problem(p=2, p_star=1, alpha=3.0, a=1.5), []
    for what in ("stored float64", "stored float32", "stored int8", "deferred float64"):
        method, storage = what.split()
        if method == "deferred":
            found = solve_deferred(deferred_instance(problem, n, 0, storage=storage), tol=1e-6)
        else:
            found = solve_instance(gaussian_instance(problem, n, 0, storage=storage), 2, tol=1e-6)
        assert found.eigen.converged.all()
        rows.append({"what": what, "seconds": found.eigen.seconds, "products": found.eigen.products,
                     "eigenvalues": found.eigen.eigenvalues.tolist()})  # fmt: skip
    rows += peer_seconds(problem, n)
    deferred = next(row["seconds"] for row in rows if row["what"].startswith("deferred"))
    # One instance but for deferred Krylov's, so that lambda_1 tells who has found it.
    return [{**row, "lambda_1": row["eigenvalues"][0], "over deferred": row["seconds"] / deferred} for row in rows]


def processor() -> str:
    """Its name as the system has it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def show(title: str, rows: list[dict[str, Any]]) -> None:
    """Rows as a table that Markdown takes."""
    names = [name for name in rows[0] if name != "eigenvalues"]
    print(f"\n{title}\n\n| {' | '.join(names)} |\n|{'---|' * len(names)}")
    for row in rows:
        words = (f"{value:.4g}" if isinstance(value, float) else str(value) for value in map(row.get, names))
        print(f"| {' | '.join(words)} |")


def main(words: list[str]) -> None:
    file = words[words.index("--json") + 1] if "--json" in words else None
    task, *numbers = [word for word in words if word not in ("--json", file)] or ["all"]
    if task not in ("products", "peers", "all"):
        sys.exit(__doc__)
    about = {"processor": processor(), **provenance.versions()}
    answer: dict[str, Any] = {"about": about}
    print(
        f"{about['processor']}, one core; hpcbbp {about['hpcbbp']}, commit {about['commit']}, numpy {about['numpy']}"
    )
    if task != "peers":
        n = int(numbers[0]) if numbers else 6000
        answer |= {"n": n, "limits": limits(), "products": products(n)}
        show("Limits", [{"limit": name, "rate": value} for name, value in answer["limits"].items()])
        show(f"One product, N = {n}, M = {3 * n}", answer["products"])
    if task != "products":
        n = int(numbers[0]) if numbers else 8000
        answer |= {"n of solves": n, "solves": solves(n)}
        show(f"The outliers of p = 2 to 1e-6, N = {n}, M = {3 * n}", answer["solves"])
    if file is not None:
        Path(file).write_text(json.dumps(answer, indent=1) + "\n")


if __name__ == "__main__":
    if os.environ.get("OMP_NUM_THREADS") != "1":  # read when BLAS is loaded; all figures are of one core
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "OMP_NUM_THREADS": "1"})
    main(sys.argv[1:])
