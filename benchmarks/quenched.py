"""Quenched predictions beside eigenvalues of the same instances: bias and scatter, N = 200 to 10^6.

.venv/bin/python benchmarks/quenched.py [LARGEST [MODEL [SMALLEST [SEEDS]]]]

Up to N = 800 by numpy's dense eigh, beyond by deferred Krylov, two instances at a time.
"""

from __future__ import annotations

import math
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from hpcbbp import Problem, deferred_instance, gaussian_instance, solve_deferred
from hpcbbp.solvers.overlap import cosines, overlap2
from hpcbbp.theory import quenched, spectrum, transition
from hpcbbp.theory.limit.bulk import averages
from hpcbbp.theory.limit.outlier import outlier_gamma

MODELS = {
    "continuous": Problem(p=1, p_star=1, alpha=3.0, a=1.0),
    "sharp": Problem(p=2, p_star=1, alpha=2.0, a=0.7),
    "precritical": Problem(p=2, p_star=1, alpha=1.2, a=1.5),
    "smooth": Problem(p=2, p_star=1, alpha=1.5, a=1.5),
    "wide": Problem(p=3, p_star=1, alpha=2.0, a=1.5),
}
SEEDS = {200: 200, 800: 60, 10**4: 40, 10**5: 16, 10**6: 4}


def instance(problem: Problem, n: int, seed: int) -> tuple[float, float, float, float]:
    """Mean of the lowest p p* eigenvalues and of their m^2: measured, then predicted."""
    count = problem.p * problem.p_star
    if n <= 800:
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
    found = quenched(s, u, problem.a, n, gram=gram)
    predicted = np.append(found.eigenvalues, [found.lowest] * count)[:count]
    return measured.mean(), m2.mean(), float(predicted.mean()), float(found.overlap2[:count].sum()) / count


def scatter(problem: Problem) -> float:
    """(1 - m^2) (2 |z'|)^(1/2): the scatter times N^(1/2) that X adds to an outlier, p = 1 (docs/finite-n.md)."""
    model = averages(problem.p, problem.p_star, problem.a)
    gamma = outlier_gamma(model, problem.alpha, 1.0)
    assert gamma is not None
    m2 = spectrum(problem.p, problem.p_star, problem.a, problem.alpha).overlap2
    return (1 - m2) * math.sqrt(2 * abs(model.moments(gamma).z_prime(problem.alpha)))


def main() -> None:
    largest = float(sys.argv[1]) if len(sys.argv) > 1 else 1e5
    names = sys.argv[2:3] or list(MODELS)
    smallest = float(sys.argv[3]) if len(sys.argv) > 3 else 0.0
    most = int(sys.argv[4]) if len(sys.argv) > 4 else 1000
    print(
        "        model        N  seeds   bias of lambda      scatter  * N^1/2   bias of m^2         scatter  * N^1/2"
    )
    for name in names:
        problem = MODELS[name]
        kind = transition(problem.p, problem.p_star, problem.a).kind
        for n, usual in SEEDS.items():
            if not smallest <= n <= largest:
                continue
            seeds = min(usual, most)
            with ProcessPoolExecutor(2) as pool:
                rows = list(pool.map(instance, [problem] * seeds, [n] * seeds, range(seeds)))
            found = np.array(rows)
            words = [f"{name:>13s} {n:8d}  {seeds:5d}"]
            for difference in (found[:, 0] - found[:, 2], found[:, 1] - found[:, 3]):
                std = difference.std(ddof=1)
                words.append(
                    f"{difference.mean():9.5f} +- {std / math.sqrt(seeds):.5f}  {std:.5f}  {std * n**0.5:7.3f}"
                )
            print("   ".join(words), flush=True)
        print(
            f"              ({kind}; from X alone, p = 1: {scatter(problem):.3f})"
            if problem.p == 1
            else f"  ({kind})"
        )


if __name__ == "__main__":
    main()
