"""Deferred Krylov from N = 10^3 to 10^7, against stored and dice solves of the same law, and on 1 and 2 ranks.

.venv/bin/python benchmarks/deferred.py table [LARGEST]    p = 1: time, memory, lambda_1, m^2 beside theory
.venv/bin/python benchmarks/deferred.py peers              p = 2: stored, dice, deferred; 1 and 2 ranks
.venv/bin/python benchmarks/deferred.py few [P [N]]        p p* vectors a step, then one for all copies, for one copy
.venv/bin/python benchmarks/deferred.py means [P [N]]      means over the outliers that one copy's solve leaves behind
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import subprocess
import sys
import time

import psutil
from peers import scipy_seconds

from hpcbbp import Problem, deferred_instance, solve_deferred
from hpcbbp.theory import spectrum

MPIRUN = os.environ.get("MPIRUN", "mpirun")


def solve(n: int, p: int, ranks: int, *words: str) -> dict[str, float]:
    """The answer, with the peak of all ranks' resident memory beside."""
    line = f"solve -n {n} -p {p} -a 1.5 --alpha 3 --tol 1e-6 --seed 0 --json".split()
    process = subprocess.Popen(
        [MPIRUN, "-n", str(ranks), sys.executable, "-m", "hpcbbp", *line, *words],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    peak = 0
    while process.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):
            peak = max(peak, sum(child.memory_info().rss for child in psutil.Process(process.pid).children()))
        time.sleep(0.1)
    assert process.stdout is not None
    found: dict[str, float] = json.loads(process.stdout.read())
    return {**found, "gib": peak / 2**30}


def table(largest: int) -> None:
    limit = spectrum(1, 1, 1.5, 3.0)
    print("p = p* = 1, a = 1.5, alpha = 3, residual 1e-6, 2 ranks")
    print("       N  storage  products  seconds     GiB   lambda_1       m^2")
    for n in (10**3, 10**4, 10**5, 10**6, 10**7):
        if n > largest:
            break
        storage = "float64" if n < 10**6 else "int16"
        found = solve(n, 1, 2, "--method", "deferred", "--storage", storage)
        print(
            f"{n:8d}  {storage:7s}  {found['products']:8d}  {found['seconds']:7.1f}  {found['gib']:6.2f}  "
            f"{found['eigenvalues'][0]:9.6f}  {found['overlap2'][0]:8.6f}",
            flush=True,
        )
    print(f"infinity (theory)                             {limit.lambda_star:9.6f}  {limit.overlap2:8.6f}")


def peers() -> None:
    print("p = 2, p* = 1, a = 1.5, alpha = 3, the 2 outliers to 1e-6, float32 (deferred at N = 8000: float64)")
    for n, kinds in ((8000, ("stored", "dice", "deferred")), (10**5, ("dice", "deferred"))):
        for ranks in (1, 2):
            seconds = {}
            for kind in kinds:
                storage = "float64" if kind == "deferred" and n < 10**5 else "float32"
                kind_words = ("--method", "deferred") if kind == "deferred" else ("--data", kind)
                words = (*kind_words, "--storage", storage, "--nev", "2")
                runs = [solve(n, 2, ranks, *words) for _ in range(2 if n < 10**5 else 1)]
                found = min(runs, key=lambda run: run["seconds"])
                seconds[kind] = found["seconds"]
                print(f"N = {n}, {ranks} rank(s), {kind}: {found['products']} products, {found['seconds']:.2f} s, "
                      f"{found['gib']:.2f} GiB", flush=True)  # fmt: skip
            if n == 8000 and ranks == 1:
                seconds = {"scipy": scipy_seconds(n, 2), **seconds}
                print(
                    f"N = {n}, scipy eigsh, stored float32 X, two BLAS products: {seconds['scipy']:.2f} s", flush=True
                )
            print(
                ", ".join(
                    f"{kind} / deferred = {seconds[kind] / seconds['deferred']:.1f}"
                    for kind in seconds
                    if kind != "deferred"
                )
            )
    times = {
        ranks: solve(10**6, 1, ranks, "--method", "deferred", "--storage", "float32")["seconds"] for ranks in (1, 2)
    }
    one, two = times[1], times[2]
    print(f"p = 1, N = 10^6, float32: 1 rank {one:.1f} s, 2 ranks {two:.1f} s; ratio {one / two:.2f}")


def few(p: int, n: int) -> None:
    print(f"p = {p}, p* = 1, a = 1.5, alpha = 3, N = {n}, residual 1e-6, float32, 2 ranks")
    for copies, block in ((p, p), (p, 1), (1, 1)):
        words = ("--method", "deferred", "--storage", "float32", "--nev", str(copies), "--block", str(block))
        found = solve(n, p, 2, *words)
        converged = f"{found['converged']} of {copies} converged"
        print(f"block {block}: {converged}, {found['products']} products, {found['seconds']:.1f} s", flush=True)


def means(p: int, n: int) -> None:
    print(f"p = {p}, p* = 1, a = 1.5, alpha = 3, N = {n}, one copy, one vector a step, float64")
    problem = Problem(p=p, p_star=1, alpha=3.0, a=1.5)
    for seed in range(3):
        instance = deferred_instance(problem, n, seed, nev=1, block=1)
        for tol in (1e-3, 1e-4, 1e-6):
            found = solve_deferred(instance, 1, tol=tol, block=1)
            mean = found.cluster
            assert mean is not None
            errors = (mean.eigenvalue_error or math.inf, mean.overlap2_error or math.inf)
            print(
                f"seed {seed}, tolerance {tol:g}: {found.eigen.provenance['directions']} directions, lambda "
                f"{mean.eigenvalue:.6f} +- {errors[0]:.1g}, m^2 {mean.overlap2:.4f} +- {errors[1]:.1g}"
            )
        all_ = solve_deferred(instance, p, tol=1e-6, block=1)
        directions, values, m2 = all_.eigen.provenance["directions"], all_.eigen.eigenvalues, all_.overlap2
        print(f"seed {seed}, all copies: {directions} directions, {values.mean():.6f}, {m2.mean():.4f}", flush=True)


if __name__ == "__main__":
    p = int(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[1] != "table" else 2
    if sys.argv[1:2] == ["peers"]:
        peers()
    elif sys.argv[1:2] == ["few"]:
        few(p, int(float(sys.argv[3])) if len(sys.argv) > 3 else 10**5)
    elif sys.argv[1:2] == ["means"]:
        means(p, int(float(sys.argv[3])) if len(sys.argv) > 3 else 10**4)
    elif sys.argv[1:2] == ["table"]:
        table(int(float(sys.argv[2])) if len(sys.argv) > 2 else 10**7)
    else:
        sys.exit(__doc__)
