"""The wheel in environments that have what it asks for and nothing else, without PETSc and beside it."""

from __future__ import annotations

import json

import pytest
from environments import Environment

import hpcbbp
from hpcbbp.cli.app import COMMANDS
from hpcbbp.machine import petsc

pytestmark = pytest.mark.launcher

MODEL = ("-p", "2", "--p-star", "1", "-a", "1.5", "--alpha", "3")
OPTIONAL = (
    "mpi4py", "petsc4py", "slepc4py", "rich", "typer", "matplotlib", "pandas", "pydantic", "statsmodels", "h5py",
    "pyarrow", "jinja2", "jax", "torch", "sklearn", "lazy_loader", "pytest", "psutil", "yaml", "setuptools",
)  # fmt: skip

FOUND = f"""
import importlib.util, json, sys
print(json.dumps([[name for name in {OPTIONAL!r} if importlib.util.find_spec(name)], sys.path, sys.prefix]))
"""
THEORY = """
import json, sys
from pathlib import Path
from sysconfig import get_path
from hpcbbp import Problem, deferred_instance, solve_deferred, spectrum, theory, transition
at, limit = transition(p=2, p_star=1, a=1.5), spectrum(p=2, p_star=1, a=1.5, alpha=3.0)
rho = theory.density(2, 1, 1.5, 3.0, points=5).rho
solution = solve_deferred(deferred_instance(Problem(p=2, p_star=1, alpha=3.0, a=1.5), 60, 1), tol=1e-4)
site = Path(get_path("purelib"))
places = [Path(module.__file__) for module in sys.modules.values() if getattr(module, "__file__", None)]
rooms = {place.relative_to(site).parts[0] for place in places if place.is_relative_to(site)}
print(json.dumps([at.alpha_bbp, limit.lambda_star, list(rho), bool(solution.eigen.converged.all()), sorted(rooms)]))
"""
SCIPY = """
import numpy as np
from scipy.sparse.linalg import eigsh
from hpcbbp import Problem, gaussian_instance
instance = gaussian_instance(Problem(p=2, p_star=1, alpha=3.0, a=1.5), n=60, seed=0)
hessian = instance.hessian.linear_operator()
lowest = np.sort(eigsh(hessian, k=3, which="SA", return_eigenvectors=False))
np.testing.assert_allclose(lowest, np.linalg.eigvalsh(hessian @ np.eye(120))[:3], rtol=1e-8)
"""


@pytest.fixture(scope="module")
def bare(wheel, tmp_path_factory) -> Environment:
    """pip install hpcbbp."""
    return Environment(tmp_path_factory.mktemp("bare") / "env", wheel)


@pytest.fixture(scope="module")
def cli(wheel, tmp_path_factory) -> Environment:
    """pip install "hpcbbp[cli]"."""
    return Environment(tmp_path_factory.mktemp("cli") / "env", wheel, ["cli"])


@pytest.fixture(scope="module")
def beside_petsc(wheel, tmp_path_factory) -> Environment:
    """pip install "hpcbbp[cli]", where MPI, PETSc and SLEPc are."""
    if petsc.missing_modules():
        pytest.skip("SLEPc is not installed")
    return Environment(tmp_path_factory.mktemp("petsc") / "env", wheel, ["cli"], petsc=True)


def found(environment, folder) -> list[str]:
    """Which of OPTIONAL can be imported there; nothing comes from outside but Python itself."""
    done = environment.python("-c", FOUND, cwd=folder)
    assert done.returncode == 0, done.stderr
    names, path, prefix = json.loads(done.stdout)
    assert prefix == str(environment.folder)
    others = [place for place in path if place and not place.startswith(prefix)]
    assert not [place for place in others if "-packages" in place]
    return names


def test_theory_needs_numpy_scipy_and_numba_alone(bare, tmp_path):
    assert bare.linked == ["llvmlite", "numba", "numpy", "scipy"]
    assert "No broken requirements" in bare.pip("check")
    assert found(bare, tmp_path) == []
    done = bare.python("-c", THEORY, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    threshold, outlier, rho, converged, rooms = json.loads(done.stdout)
    limit = hpcbbp.spectrum(p=2, p_star=1, a=1.5, alpha=3.0)
    assert threshold == pytest.approx(hpcbbp.transition(p=2, p_star=1, a=1.5).alpha_bbp, rel=1e-10)
    assert outlier == pytest.approx(limit.lambda_star, rel=1e-10)
    assert max(rho) > 0
    assert converged
    assert rooms == ["hpcbbp", "llvmlite", "numba", "numpy", "scipy"]


def test_scipy_finds_the_lowest_eigenvalues(bare, tmp_path):
    done = bare.python("-c", SCIPY, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_command_says_which_extra_it_comes_with(bare, tmp_path):
    done = bare.hpcbbp("theory", *MODEL, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        'hpcbbp: error: rich, typer not found: the command line needs them; pip install "hpcbbp[cli]"\n'
    )


KNOWN = {command.__name__.replace("_", "-") for command in COMMANDS}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--version",), f"hpcbbp {hpcbbp.__version__}"),
        (("theory", *MODEL), "alpha_BBP"),
        (("models",), "log cosh"),
        (("explore", "--out", "x.html"), "x.html"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_commands_without_petsc(cli, tmp_path, words, said):
    if words[0] not in KNOWN | {"--version"}:
        pytest.skip(f"hpcbbp {words[0]} is not there")
    done = cli.hpcbbp(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout + done.stderr
    for name in words:
        if name.endswith(".html"):
            assert "<html" in (tmp_path / name).read_text(encoding="utf-8")


def test_the_command_line_brings_what_it_asks_for_alone(cli, tmp_path):
    """Typer and rich, and what these need, among which is pydantic since typer 0.29."""
    there = set(found(cli, tmp_path))
    assert {"rich", "typer"} <= there == set(cli.linked) & set(OPTIONAL)
    assert not there & {"mpi4py", "petsc4py", "slepc4py", "matplotlib", "pandas", "statsmodels", "h5py", "pyarrow"}
    assert "No broken requirements" in cli.pip("check")


def test_a_solve_says_what_is_missing(cli, tmp_path):
    done = cli.hpcbbp("solve", "-n", "200", *MODEL, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("hpcbbp: error: mpi4py, petsc4py, slepc4py not found: eigenvalues are computed by SLEPc; ")


def test_a_solve_beside_petsc(beside_petsc, tmp_path):
    done = beside_petsc.hpcbbp("solve", "-n", "200", *MODEL, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    solution = json.loads(done.stdout)
    assert solution["converged"] == solution["nev"]
    assert max(solution["residuals"]) < 1e-6
    about = json.loads(beside_petsc.hpcbbp("info", "--json", cwd=tmp_path).stdout)
    assert about["hpcbbp"] == hpcbbp.__version__
    place = beside_petsc.python("-c", "import hpcbbp; print(hpcbbp.__file__)", cwd=tmp_path).stdout
    assert place.startswith(str(beside_petsc.site))
