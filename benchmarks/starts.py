"""Products that the p p* outliers take, to 1e-6, by where a solve starts and by solver of SLEPc.

.venv/bin/python benchmarks/starts.py [p] [p_star] [N] [instances]
"""

from __future__ import annotations

import sys
from statistics import mean

from hpcbbp.errors import InputError
from hpcbbp.machine import petsc
from hpcbbp.model.problem import Problem
from hpcbbp.solvers import eigen
from hpcbbp.solvers.instance import gaussian_instance
from hpcbbp.solvers.starts import along

A, ALPHA, TOL = 1.5, 3.0, 1e-6
SOLVERS = (
    ("Krylov-Schur", {}),
    (
        "Krylov-Schur, restarts keep 0.8 of nev + 56 vectors",
        {"eps_krylovschur_restart": "0.8", "eps_ncv": "NEV + 56"},
    ),
    ("generalised Davidson", {"eps_type": "gd"}),
    ("LOBPCG", {"eps_type": "lobpcg", "eps_max_it": "400"}),
)


def main(p: int = 2, p_star: int = 1, n: int = 2000, instances: int = 5) -> None:
    """Print a table: means over instances, and how many of them have converged."""
    petsc.initialize()
    from petsc4py import PETSc

    options, nev = PETSc.Options(), p * p_star
    problem = Problem(p=p, p_star=p_star, a=A, alpha=ALPHA)
    print(f"p = {p}, p* = {p_star}, N = {n}, alpha = {ALPHA:g}, {nev} pairs to {TOL:g}, {instances} instances\n")
    print("| solver | random start | half along w\\* |\n|---|---|---|")
    for name, chosen in SOLVERS:
        for key, value in chosen.items():
            options.setValue(key, str(nev + 56) if value.startswith("NEV") else value)
        cells = []
        for guided in (False, True):
            products, converged = [], 0
            for seed in range(instances):
                drawn = gaussian_instance(problem, n, seed, storage="float64")
                start = along(drawn.teacher, p, seed) if guided else None
                try:
                    found = eigen.solve(drawn.hessian, nev, tol=TOL, seed=seed, start=start)
                except InputError as error:
                    raise SystemExit(f"{name}: {error}") from None
                products.append(found.products)
                converged += bool(found.converged.all())
            cells.append(f"{mean(products):.0f}" + ("" if converged == instances else f" ({converged} converged)"))
        for key in chosen:
            options.delValue(key)
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
