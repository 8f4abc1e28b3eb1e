"""Which method, storage and tolerance of a campaign file go together, asked of the methods."""

from __future__ import annotations

from hpcbbp.errors import InputError
from hpcbbp.model.problem import Problem
from hpcbbp.solvers.deferred.floors import rounded_up
from hpcbbp.solvers.methods import METHODS


def check_means(method: str, storage: str, problem: Problem, n: int, tol: float) -> None:
    """Raise InputError, in the words of a campaign file, unless a method has a storage that reaches a tolerance."""
    asked = METHODS[method]
    if storage not in asked.storages:
        others = [f'"{name}"' for name, other in METHODS.items() if storage in other.storages]
        raise InputError(
            f'storage = "{storage}" with method = "{method}": that takes {_quoted(asked.storages)} (or "auto"); '
            f'"{storage}" goes with method = {" or ".join(others)}'
        )
    floor = asked.reachable(problem, n, storage)
    if tol >= 0.999 * floor:
        return
    better = [name for name in asked.storages if asked.reachable(problem, n, name) <= tol]
    ways = [f"tol = {rounded_up(floor)} or more"] if floor < 0.1 else []
    ways += [f'storage = "{better[-1]}"'] if better else ['method = "stored"']
    raise InputError(
        f'tol = {tol:g} with method = "{method}", storage = "{storage}": residuals are good to about '
        f"{min(floor, 1.0):.1e} of |lambda| at N = {n}, a = {problem.a:g}; take {' or '.join(ways)}"
    )


def _quoted(names: tuple[str, ...]) -> str:
    return " or ".join(f'"{name}"' for name in names)
