"""Theory, problems and the solver without PETSc need three packages, and give the same numbers with nothing else."""

from __future__ import annotations

import dataclasses
import inspect
import json
from typing import Any

import numpy as np
import pytest
from commands import run_python

from hpcbbp import Problem, deferred_instance, solve_deferred, theory
from hpcbbp.machine.optional import EXTRAS
from hpcbbp.theory.phase_diagram import phase_table


def numbers() -> dict[str, Any]:
    """What theory, problems and the solver without PETSc give."""
    problem = Problem(p=2, p_star=1, alpha=3.0, a=1.5)
    diagram = phase_table([1, 2], 1, [0.5, 1.0], [1.0])
    s, u = np.ones((3, 2)), np.ones((3, 1))
    return {
        "spectrum": dataclasses.asdict(theory.spectrum(2, 1, 1.5, 3.0)),
        "transition": dataclasses.asdict(theory.transition(2, 1, 1.5)),
        "density": theory.density(2, 1, 1.5, 3.0, points=9).rho.tolist(),
        "boundary": [theory.a_c(2, 1), theory.p_c(1.5, 1)],
        "curves": diagram.curves(),
        "points": diagram.points(),
        "quenched": theory.quenched_sample(problem, 40, 0).eigenvalues.tolist(),
        "predicted": theory.predict(2, 1, 1.5, [1.0], [100], samples=2).to_dict(),
        "loss": problem.total_loss(s, 2 * u),
        "solution": solve_deferred(deferred_instance(problem, 60, 1), tol=1e-4).eigen.eigenvalues.tolist(),
    }


NEEDED = {"analysis": "analysis", "campaign": "campaigns", "cli": "cli", "figures": "figures", "report": "analysis",
          "slurm": "slurm"}  # fmt: skip
ALONE = f"""
import sys
allowed = {{"hpcbbp", "numpy", "scipy", "numba", "llvmlite"}}
class Hide:
    def __init__(self, finder): self.finder = finder
    def find_spec(self, name, path=None, target=None):
        # What sysconfig knows of the build is a module whose name is not in that list.
        known = name.split(".")[0] in allowed | sys.stdlib_module_names or name.startswith("_sysconfigdata")
        return self.finder.find_spec(name, path, target) if known else None

sys.meta_path[:] = [Hide(finder) if hasattr(finder, "find_spec") else finder for finder in sys.meta_path]
import dataclasses, importlib, json
from typing import Any
import numpy as np
from hpcbbp import Problem, deferred_instance, errors, solve_deferred, theory
from hpcbbp.theory.phase_diagram import phase_table

{inspect.getsource(numbers)}
def line(refused, *given):
    try:
        return str(refused(*given))
    except errors.MissingDependencyError as error:
        return str(error)

found = [numbers()]
found.append({{room: line(importlib.import_module, f"hpcbbp.{{room}}") for room in {list(NEEDED)}}})
found.append(line(lambda: phase_table([2], 1, [1.0], []).rows))
print(json.dumps(found))
"""


@pytest.mark.launcher
def test_theory_problems_and_the_solver_need_three_packages_alone():
    """Nothing else can be imported; the numbers are those of a whole installation. Rooms say what they need."""
    done = run_python("-c", ALONE)
    assert done.returncode == 0, done.stderr
    found, rooms, table = json.loads(done.stdout)
    for name, expected in numbers().items():
        assert nearly(found[name], expected), name
    for room, extra in NEEDED.items():
        assert rooms[room].startswith(f"{', '.join(EXTRAS[extra])} not found: "), rooms[room]
        assert rooms[room].endswith(f'pip install "hpcbbp[{extra}]"')
    assert table.endswith('pip install "hpcbbp[figures]"')


def nearly(found: Any, expected: Any) -> bool:
    """Whether two answers are the same, their numbers to 1e-6."""
    if isinstance(expected, dict):
        return set(found) == set(expected) and all(nearly(found[name], expected[name]) for name in expected)
    if isinstance(expected, list | tuple):
        return len(found) == len(expected) and all(map(nearly, found, expected))
    return found == (pytest.approx(expected, rel=1e-6, abs=1e-9) if isinstance(expected, float) else expected)
