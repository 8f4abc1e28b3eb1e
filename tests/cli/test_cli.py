"""The command line as users meet it: other processes, with and without mpirun."""

from __future__ import annotations

import json

import numpy as np
import pytest
from commands import SMALL, answer, run, run_python

from hpcbbp import Problem, gaussian_instance
from hpcbbp.machine import petsc
from hpcbbp.theory import spectrum, transition

pytestmark = pytest.mark.launcher
needs_slepc = pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed")

THEORY_KEYS = [
    "p", "p_star", "a", "alpha_c", "alpha_bbp", "transition", "jump_overlap2", "alpha_0", "threshold_error",
    "threshold_reason", "a_c", "p_c", "points", "resonance_end", "effective",
]  # fmt: skip
SOLVE_KEYS = [
    "p", "p_star", "a", "alpha", "n", "m", "seed", "eigenvalues", "residuals", "overlap2", "student_overlap2",
    "converged", "reason", "products", "seconds",
]  # fmt: skip


def test_theory():
    found = answer("theory", "-p", 2, "--p-star", 1, "-a", 1.5, "--alpha", 1.0, "--alpha", 3)
    assert list(found) == THEORY_KEYS
    at, point = transition(2, 1, 1.5), spectrum(2, 1, 1.5, 3.0)
    assert found["alpha_bbp"] == at.alpha_bbp
    assert found["alpha_0"] == at.alpha_0
    assert found["transition"] == "discontinuous"
    assert found["points"][0]["lambda_star"] is None
    assert found["points"][0]["edge"] == "smooth"
    assert found["points"][1] == {
        "alpha": 3.0,
        "lambda_minus": point.lambda_minus,
        "edge": "sharp",
        "lambda_star": point.lambda_star,
        "overlap2": point.overlap2,
        "student_overlap2": 0.0,
        "error": 1e-8,
        "outliers": [],
        "resonance": None,
        "resonance_reason": f"alpha > alpha_BBP = {at.alpha_bbp:.6g}: the outlier itself is there",
        "effective_n": None,
        "effective_n_trusted": False,
        "effective_n_reason": f"alpha >= alpha_BBP = {at.alpha_bbp:.6g}: the outlier stays at any N",
    }
    assert answer("theory", "-p", 1, "--p-star", 1, "-a", 1)["alpha_0"] is None
    table = run("theory", "-p", 2, "-a", 1.5, "--alpha", 3).stdout
    assert "1.32293761" in table
    assert "-0.98863734" in table


@needs_slepc
@pytest.mark.parametrize("ranks", [0, 1, 2, 3])
def test_solve_is_the_same_on_any_number_of_ranks(ranks):
    found = answer(*SMALL, "--nev", 4, ranks=ranks)
    assert set(SOLVE_KEYS) <= set(found)
    assert (found["n"], found["m"], found["converged"], found["seed"]) == (100, 300, 4, 0)
    alone = gaussian_instance(Problem(p=2, p_star=1, alpha=3.0, a=1.5), 100, 0)
    D, X = alone.hessian.curvature.dense(), alone.data.local
    H = np.einsum("mkl,mi,mj->ikjl", D, X, X, optimize=True).reshape(200, 200)
    values, vectors = np.linalg.eigh(H)
    np.testing.assert_allclose(found["eigenvalues"], values[:4], atol=1e-11)
    for weights, key in ((alone.teacher, "overlap2"), (alone.student, "student_overlap2")):
        m = np.einsum("nkv,nq->vkq", vectors.reshape(100, 2, 200)[:, :, :4], weights) / 10.0
        np.testing.assert_allclose(found[key], (m**2).sum(axis=(1, 2)), atol=1e-6)
    assert max(found["residuals"]) < 1.1e-8


def test_deferred_is_the_same_to_the_last_bit_on_any_number_of_ranks():
    words = ("solve", "-n", 1500, "-p", 2, "-a", 1.5, "--alpha", 3, "--method", "deferred", "--tol", 1e-5)
    found = [answer(*words, ranks=ranks) for ranks in ((0, 1, 2, 3) if not petsc.missing_modules() else (0,))]
    assert set(SOLVE_KEYS) <= set(found[0])
    assert (found[0]["method"], found[0]["converged"], found[0]["nev"]) == ("deferred", 2, 2)
    for other in found[1:]:
        for name in ("eigenvalues", "residuals", "overlap2", "student_overlaps", "products"):
            assert other[name] == found[0][name]
    table = run(*words).stdout
    assert "(2-fold), m^2 = 0.44679" in table
    assert f"{found[0]['eigenvalues'][0]:.8f}" in table


@needs_slepc
def test_dice_are_one_instance_on_any_number_of_ranks():
    """The outliers to 1e-7 (docs/dice.md says why not closer, and why not the bulk)."""
    words = ("solve", "-n", 400, "-p", 2, "-a", 1.5, "--alpha", 4, "--nev", 2, "--data", "dice")
    alone = answer(*words)
    assert alone["data"] == "DiceData"
    assert alone["converged"] == 2
    for ranks in (2, 3):
        found = answer(*words, ranks=ranks)
        np.testing.assert_allclose(found["eigenvalues"], alone["eigenvalues"], atol=1e-7)
        np.testing.assert_allclose(found["overlap2"], alone["overlap2"], atol=1e-6)


@needs_slepc
def test_table_has_theory_beside_it():
    done = run(*SMALL, ranks=2)
    assert done.returncode == 0, done.stderr
    for words in (
        "N = 100, M = 300",
        "outlier -0.98864 (2-fold), m^2 = 0.44679",
        "left edge -0.81258 (sharp)",
        "products",
    ):
        assert words in done.stdout
    below = run("solve", "-n", 60, "-p", 2, "-a", 1.5, "--alpha", 1)
    assert "no outlier (alpha <= alpha_BBP = 1.32294, discontinuous)" in below.stdout


@needs_slepc
def test_petsc_options_act_and_unused_ones_are_named():
    done = run(*SMALL, "--json", "--", "-eps_monitor", "-eps_max_it", 1, "-not_an_option", 3, ranks=2)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)  # nothing but JSON, although the monitor writes to standard output
    assert "EPS nconv=" in done.stderr
    assert found["converged"] < 4
    assert len(found["eigenvalues"]) == 4
    assert "iteration limit" in found["reason"]
    warnings = [line for line in done.stderr.splitlines() if line.startswith("hpcbbp: warning")]
    assert len(warnings) == 2
    assert "-not_an_option was not used" in warnings[0]
    assert "pairs have not converged" in warnings[1]
    found = answer(*SMALL, PETSC_OPTIONS="-eps_tol 1e-3")
    assert found["tol"] == 1e-3
    assert 1e-8 < max(found["residuals"]) < 1.1e-3


@needs_slepc
@pytest.mark.parametrize("ranks", [1, 3])
def test_own_files(files, ranks):
    found, drawn = answer("solve", *files, "-a", 1.5, ranks=ranks), answer(*SMALL)
    assert (found["p"], found["p_star"], found["n"], found["m"], found["alpha"]) == (2, 1, 100, 300, 3.0)
    for key in ("eigenvalues", "overlap2", "student_overlap2"):
        np.testing.assert_allclose(found[key], drawn[key], atol=1e-9)


BLOCK = """
import sys
class Hide:
    def __init__(self, finder): self.finder = finder
    def find_spec(self, name, path=None, target=None):
        hidden = name.split(".")[0] in ("petsc4py", "slepc4py", "mpi4py")
        return None if hidden else self.finder.find_spec(name, path, target)
sys.meta_path[:] = [Hide(f) if hasattr(f, "find_spec") else f for f in sys.meta_path]
from hpcbbp.cli.app import main
main(sys.argv[1:])
"""


def test_without_petsc(tmp_path):
    """What a plain pip install gives: theory works, solve says what is missing, info lists it."""
    script = tmp_path / "plain.py"
    script.write_text(BLOCK)
    done = run_python(script, "theory", "-p", 2, "-a", 1.5, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["p"] == 2
    done = run_python(script, *SMALL)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "mpi4py, petsc4py, slepc4py not found" in done.stderr
    assert "make install" in done.stderr
    done = run_python(script, "info", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["missing"] == ["mpi4py", "petsc4py", "slepc4py"]


@needs_slepc
def test_json_is_alone_also_when_petsc_prints_its_help():
    done = run(*SMALL, "--json", "--", "-help")
    assert json.loads(done.stdout)["converged"] == 4
    assert "Options" in done.stderr


@needs_slepc
def test_no_escape_codes_under_mpirun():
    """Open MPI gives rank 0 a pseudo-terminal, wherever its output goes."""
    assert "\x1b" not in run(*SMALL, ranks=2).stdout


@needs_slepc
def test_results_are_shown_where_there_is_no_theory():
    done = run("solve", "-n", 50, "-p", 1, "-a", 1e8, "--alpha", 3)
    assert done.returncode == 0, done.stderr
    assert "theory: none (a = 100000000.0" in done.stdout
    assert "converged" in done.stdout


@needs_slepc
def test_no_place_for_the_cache_of_compiled_kernels(tmp_path):
    """A central installation with a read-only home: everything works, compiled anew."""
    import shutil
    from pathlib import Path

    import hpcbbp

    package = tmp_path / "site" / "hpcbbp"
    shutil.copytree(Path(hpcbbp.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "data" / "__pycache__").touch()  # a file where numba wants a folder, so that root cannot write either
    words = "'solve -n 30 -p 1 -a 1 --alpha 3'.split()"
    code = f"import hpcbbp; print(hpcbbp.__file__); from hpcbbp.cli.app import main; main({words})"
    environment = {"PYTHONPATH": str(package.parent), "HOME": "/proc/none", "XDG_CACHE_HOME": "/proc/none"}
    done = run_python("-c", code, cwd=tmp_path, PYTHONDONTWRITEBYTECODE="1", **environment)
    assert done.returncode == 0, done.stderr
    assert str(package) in done.stdout
    assert "converged" in done.stdout


def test_import_needs_nothing_heavy():
    heavy = ("mpi4py", "petsc4py", "numba", "pandas")
    code = f"import sys, hpcbbp, hpcbbp.theory; print([m for m in {heavy} if m in sys.modules])"
    assert run_python("-c", code).stdout.strip() == "[]"


@needs_slepc
def test_info():
    found = answer("info", ranks=2)
    assert found["missing"] == []
    assert found["problem"] is None
    assert found["ranks"] == 2
    assert found["petsc_scalar"] == "float64"
    assert found["petsc_index"] in ("int32", "int64")
    assert found["memory_available_gib"] > 0
    text = run("info").stdout
    assert "petsc_index" in text
    assert "missing: nothing" in text


def test_help_and_version():
    assert run("--version").stdout.startswith("hpcbbp 0.")
    for words in (("--help",), ("solve", "-h"), ("theory", "--help"), ("demo", "--help"), ("info", "--help")):
        done = run(*words)
        assert done.returncode == 0
        assert "Usage: hpcbbp" in done.stdout


@pytest.mark.launcher
def test_help_and_version_load_nothing_that_takes_time():
    """A user asks what there is, a shell what may follow: half a second for scipy alone would be felt."""
    code = (
        "import sys; from hpcbbp.cli.app import main\n"
        "try: main(['--version'])\nexcept SystemExit: pass\n"
        "heavy = {'numpy', 'scipy', 'pandas', 'numba', 'matplotlib', 'statsmodels', 'mpi4py.MPI', 'petsc4py.PETSc'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
