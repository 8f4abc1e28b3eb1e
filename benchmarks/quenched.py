"""Quenched predictions beside eigenvalues of the same instances: docs/results/quenched.csv.xz, N = 200 to 10^6.

.venv/bin/python benchmarks/quenched.py [--largest 1e5] [--models continuous smooth] [--processes 2]

Up to N = 800 by numpy's dense eigh, beyond by deferred Krylov. One row a pair. Instances that are there
are not computed again; the tables of docs/finite-n.md are made of them by benchmarks/results.py.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
from claims.growing import Row, grow

from hpcbbp import Problem, deferred_instance, gaussian_instance, solve_deferred
from hpcbbp.solvers.overlap import cosines, overlap2
from hpcbbp.theory import quenched

MODELS = {
    "continuous": (Problem(p=1, p_star=1, alpha=3.0, a=1.0), {200: 200, 800: 60, 10**4: 40, 10**5: 16, 10**6: 4}),
    "sharp": (Problem(p=2, p_star=1, alpha=2.0, a=0.7), {200: 200, 800: 60, 10**4: 16}),
    "smooth": (Problem(p=2, p_star=1, alpha=1.5, a=1.5), {200: 200, 800: 60, 10**4: 16, 10**5: 4, 10**6: 2}),
    "wide": (Problem(p=3, p_star=1, alpha=2.0, a=1.5), {200: 200, 800: 60, 10**4: 6, 10**5: 4}),
    "wide, alpha = 3": (Problem(p=3, p_star=1, alpha=3.0, a=1.5), {250: 150, 10**6: 1}),
    "below": (Problem(p=2, p_star=1, alpha=1.2, a=1.5), {10**4: 12}),
    "smooth, alpha = 1": (Problem(p=2, p_star=1, alpha=1.0, a=1.5), {800: 16}),
    "smooth, alpha = 3": (Problem(p=2, p_star=1, alpha=3.0, a=1.5), {300: 150}),
    "two teachers, a = 1": (Problem(p=1, p_star=2, alpha=30.0, a=1.0), {300: 300}),
    "two teachers, a = 10": (Problem(p=1, p_star=2, alpha=30.0, a=10.0), {300: 300}),
}
DENSE = 800


def instance(job: Row) -> list[Row]:
    """The lowest p p* pairs: measured, then predicted (the lowest of the bulk, without overlap, where none is)."""
    problem, n, seed = MODELS[job["model"]][0], job["n"], job["seed"]
    count = problem.p * problem.p_star
    if n <= DENSE:
        drawn = gaussian_instance(problem, n, seed)
        X, D = drawn.data.local, drawn.hessian.curvature.dense()
        blocks = [[X.T @ (D[:, k, j, None] * X) for j in range(problem.p)] for k in range(problem.p)]
        H = np.array(blocks).transpose(2, 0, 3, 1).reshape(n * problem.p, n * problem.p)
        values, vectors = np.linalg.eigh(H)
        m = np.einsum("nkv,nl->vkl", vectors[:, :count].reshape(n, problem.p, count), drawn.teacher) / math.sqrt(n)
        measured, m2 = values[:count], overlap2(m)
        s, u = drawn.projections
        gram = cosines(drawn.student, drawn.teacher, drawn.data.group)
    else:
        deferred = deferred_instance(problem, n, seed, storage="float32")
        solution = solve_deferred(deferred, tol=1e-5)
        assert solution.eigen.converged.all()
        measured, m2 = solution.eigen.eigenvalues[:count], solution.overlap2[:count]
        s, u = deferred.projections()
        gram = deferred.gram()
    found = quenched(s, u, problem.a, n, gram=gram, threads=1)
    predicted = np.append(found.eigenvalues, [found.lowest] * count)
    known = np.append(found.overlap2, np.zeros(count))
    return [
        {**job, "pair": i + 1, "eigenvalue": measured[i], "overlap2": m2[i], "quenched_eigenvalue": predicted[i],
         "quenched_overlap2": known[i]}
        for i in range(count)
    ]  # fmt: skip


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--largest", type=float, default=1e5)
    words.add_argument("--models", nargs="*", default=list(MODELS))
    words.add_argument("--smallest", type=float, default=0)
    words.add_argument("--processes", type=int, default=2)
    asked = words.parse_args()
    jobs = [
        {"model": name, "n": n, "seed": seed}
        for name in asked.models
        for n, seeds in MODELS[name][1].items()
        if asked.smallest <= n <= asked.largest
        for seed in range(seeds)
    ]
    jobs.sort(key=lambda job: job["n"])
    grow("quenched", ("model", "n", "seed"), jobs, instance, asked.processes)


if __name__ == "__main__":
    main()
