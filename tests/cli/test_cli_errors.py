"""Bad input and failures on the command line: one line, once, exit code 2; no rank is left hanging."""

from __future__ import annotations

import numpy as np
import pytest
from commands import SMALL, error_lines, run, run_python

from hpcbbp.machine import petsc

pytestmark = pytest.mark.launcher
needs_slepc = pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed")


BAD = [
    (("solve", "-n", 100, "-p", 0, "-a", 1.5, "--alpha", 3), "p = 0"),
    (("solve", "-n", 100, "-p", 2, "--p-star", 0, "-a", 1.5, "--alpha", 3), "p_star = 0"),
    (("solve", "-n", 100, "-p", 2, "-a", 0, "--alpha", 3), "a = 0.0"),
    (("solve", "-n", 100, "-p", 2, "-a", "nan", "--alpha", 3), "a = nan"),
    (("solve", "-n", 100, "-p", 2, "-a", 1, "--alpha", -1), "alpha = -1.0"),
    (("solve", "-n", 100, "-p", 2, "-a", 1, "--alpha", 1e-4), "= 0 samples"),
    (("solve", "-n", 1, "-p", 2, "-a", 1, "--alpha", 3), "N = 1"),
    ((*SMALL, "--nev", 201), "nev = 201: the Hessian has only pN = 200"),
    ((*SMALL, "--nev", 0), "nev = 0"),
    ((*SMALL, "--tol", 0), "tol = 0"),
    ((*SMALL, "--tol", 1), "0 < tol < 1"),
    ((*SMALL, "--data", ""), "--data is empty"),
    ((*SMALL, "--", "-eps_type", "foo"), "SLEPc refuses these PETSc options: -eps_type foo"),
    ((*SMALL, "--", "-eps_ncv", "x"), "SLEPc refuses these PETSc options: -eps_ncv x"),
    ((*SMALL, "-log_view"), "PETSc options go after '--'"),
    (("theory", "-p", 1, "-a", 1e-300), "a = 1e-300: theory is computed for"),
    (("theory", "-p", 1, "-a", 1, "--alpha", 1e20), "alpha = 1e+20: theory is computed for"),
    (("theory", "-p", 10**15, "-a", 1), "theory is computed for up to"),
    (("theory", "-p", 10**20, "-a", 1), "up to 100000 hidden units"),
    ((*SMALL[:-1], 1e308), "alpha = 1e+308 with N = 100 gives more than"),
    (("demo", "--out", ""), "--out"),
    ((*SMALL, "--seed", -1), "seed = -1"),
    ((*SMALL, "--nev", 3, "--nev", "x"), "error: --nev x: "),
    ((*SMALL, "--tol", 1e-4, "--tol", "none", "--json"), "error: --tol none: "),
    (("theory", "-p", 1, "-a", 1, "--alpha", 1, "--alpha", "two", "--alpha", 3), "error: --alpha two: "),
    (("solve", "-n", 100), "-p, -a, --alpha missing: give -n, -p, -a and --alpha"),
    (
        ("solve", "-n", 30, "-p", 1, "-a", 1, "--alpha", 3, "--nev", "9" * 20),
        "the Hessian has only pN = 30 eigenpairs",
    ),
    (("solve", "-n", 10**8, "-p", 2, "-a", 1, "--alpha", 3, "--data", "dice"), "GiB are free"),
    (("solve", "-p", 2, "-a", 1, "--alpha", 3, "--data", "dice"), "-n missing"),
    ((*SMALL, "--data", "dice", "--teacher", "T.npy"), "--method dice draws X and the weights itself"),
    ((*SMALL, "--storage", "float16"), "--storage float16 with --method stored"),
    ((*SMALL, "--method", "lanczos"), "--method lanczos: one of stored, dice, regenerated, deferred, dense"),
    ((*SMALL, "--block", 2), "--block belongs to --method deferred"),
    ((*SMALL, "--checkpoint-every", 5), "--checkpoint-every without --checkpoint"),
    ((*SMALL, "--method", "deferred", "--checkpoint-every", 5), "--checkpoint-every without --checkpoint"),
    ((*SMALL, "--method", "deferred", "--tol", 1e-13), "--tol 1e-12 or more"),
    ((*SMALL, "--data", "dice", "--storage", "float32"), "residuals are good to about 1.0e-07"),
    ((*SMALL, "--storage", "int16"), "int16 goes with --method deferred"),
    ((*SMALL, "--data", "dices"), "--data dices: your X as FILE.npy"),
    (
        (*SMALL, "--checkpoint", "c", "--method", "dense"),
        "--checkpoint belongs to --method stored",
    ),
    ((*SMALL, "--method", "deferred", "--block", 0), "block >= 1"),
    (
        (*SMALL, "--method", "deferred", "--block", 60),
        "asks for p + p* + block p = 123 directions, and min(N, M) = 100",
    ),
    ((*SMALL, "--method", "deferred", "--data", "dice"), "--data dice with --method deferred: two methods"),
    (("solve", "--method", "deferred", "-a", 1, "--data", "X.npy"), "exact only for a Gaussian X"),
    ((*SMALL, "--method", "deferred", "--storage", "float16"), "float64, float32, int16"),
    ((*SMALL, "--method", "deferred", "--storage", "int16"), "--tol 1e-08 with --method deferred, --storage int16"),
    ((*SMALL, "--method", "deferred", "--nev", 201), "only pN = 200"),
    ((*SMALL, "--method", "deferred", "--", "-eps_monitor"), "-eps_monitor: --method deferred uses no PETSc"),
    ((*SMALL, "--method", "deferred", "--checkpoint", "c", "--checkpoint-every", -1), "seconds >= 0"),
    (
        ("solve", "-n", 10**9, "-p", 2, "-a", 1, "--alpha", 3, "--method", "deferred"),
        "GiB are free: take storage float32",
    ),
    (("solve", "-n", 10**6, "-p", 2, "-a", 1, "--alpha", 100), "GiB are free"),
    (("solve", "-p", 2, "-a", 1), "-n, --alpha missing"),
    (("solve", "-n", 100, "-p", 2, "--alpha", 3), "-a missing: give -n, -p, -a and --alpha"),
    (("solve", "--data", "X.npy", "-a", 1), "--teacher and --student missing"),
    (("solve", "-n", "many", "-p", 2, "-a", 1, "--alpha", 3), "many"),
    ((*SMALL, "--frobnicate"), "--frobnicate"),
    ((*SMALL, "-eps_monitor"), "PETSc options go after '--'"),
    ((*SMALL, "word"), "PETSc options go after '--'"),
    (("theory", "-p", 0, "-a", 1), "p = 0"),
    (("theory", "-p", 1, "-a", 1, "--alpha", 0), "alpha = 0.0"),
    (("theory", "-p", "many", "-a", 1), "a whole number, or inf"),
    (("theory", "-p", 1), "-a"),
    (("frobnicate",), "frobnicate"),
]


@pytest.mark.parametrize(("words", "message"), BAD)
def test_bad_input_is_one_line_and_exit_code_2(words, message):
    done = run(*words)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert message in error_lines(done)[0]


ONCE = ["p = 0", "N = 1", "nev = 201: the Hessian has only pN = 200", "GiB are free", "--frobnicate", "SLEPc refuses"]


@needs_slepc
@pytest.mark.parametrize("start", ONCE)
def test_bad_input_is_told_once_not_once_a_rank(start):
    words, message = next((words, message) for words, message in BAD if message.startswith(start))
    done = run(*words, ranks=3)
    assert done.returncode == 2, done.stderr
    assert len(error_lines(done)) == 1, done.stderr
    assert message in error_lines(done)[0]
    assert "Traceback" not in done.stderr


@needs_slepc
@pytest.mark.parametrize("ranks", [0, 2])
def test_bad_files(files, tmp_path, ranks):
    words = dict(zip(files[::2], files[1::2], strict=True))
    X = np.load(words["--data"])
    X[250, 3] = np.nan  # a row of the last rank
    np.save(tmp_path / "nan.npy", X)
    np.save(tmp_path / "short.npy", np.ones((1, 50)))
    np.save(tmp_path / "huge.npy", np.full((300, 100), 1e200))
    np.save(tmp_path / "zero.npy", np.zeros((1, 100)))
    np.save(tmp_path / "objects.npy", np.array([[1, None]]), allow_pickle=True)
    cases = (
        ("--data", "nan.npy", "nan in row 250, column 3"),
        ("--data", "absent.npy", "no such file"),
        ("--data", "objects.npy", "pickled"),
        ("--teacher", "short.npy", "but X has N = 100"),
        ("--student", "zero.npy", "is zero, which has no direction"),
        ("--data", "huge.npy", "the curvatures overflow"),
        ("--data", "short.npy:X", "which has no datasets"),
    )
    # On ranks: what one of them sees, what all of them do, and what follows from sums over them.
    for option, name, message in cases if not ranks else (cases[0], cases[3], cases[5]):
        chosen = {**words, option: str(tmp_path / name)}
        flat = [word for pair in chosen.items() for word in pair]
        done = run("solve", *flat, "-a", 1.5, ranks=ranks)
        assert done.returncode == 2, done.stderr
        assert len(error_lines(done)) == 1, done.stderr
        assert message in error_lines(done)[0]
    for extra, message in (
        (("-n", 5), "-n = 5 with --data"),
        (("-p", 3), "p = 3 was given"),
        (("--nev", 999), "nev"),
    )[ranks:]:
        done = run("solve", *files, "-a", 1.5, *extra, ranks=ranks)
        assert done.returncode == 2, done.stderr
        assert message in error_lines(done)[0]


FAULT = """
import sys
from hpcbbp.data.stored import StoredData
from hpcbbp.machine.launcher import launched_rank
good, calls = StoredData._curvature_product, []
def bad(self, V, D):
    calls.append(1)
    if self.group.rank == int(sys.argv[1]) and len(calls) == 20:
        raise RuntimeError("the cosmic ray on rank " + sys.argv[1])
    return good(self, V, D)
StoredData._curvature_product = bad
from hpcbbp.cli.app import main
main("solve -n 200 -p 2 -a 1.5 --alpha 3".split())
"""


@needs_slepc
@pytest.mark.parametrize(("ranks", "failing"), [(0, 0), (1, 0), (2, 0), (2, 1), (3, 2)])
def test_an_exception_on_one_rank_ends_the_job(tmp_path, ranks, failing):
    """Inside a product, where the other ranks wait in a collective call: traceback, exit code, no hang."""
    script = tmp_path / "fault.py"
    script.write_text(FAULT)
    done = run_python(script, failing, ranks=ranks, timeout=60)
    assert done.returncode not in (0, 2)
    assert f"the cosmic ray on rank {failing}" in done.stderr
    assert "Traceback" in done.stderr


@needs_slepc
def test_a_closed_pipe_ends_quietly(tmp_path):
    script = tmp_path / "closed.py"
    script.write_text(
        "import os\nr, w = os.pipe(); os.close(r); os.dup2(w, 1)\nfrom hpcbbp.cli.app import main\n"
        "main('solve -n 50 -p 2 -a 1.5 --alpha 3'.split())\n"
    )
    done = run_python(script)
    assert done.stderr == ""
