"""`hpcbbp descend`: every option with every kind of X, also on more ranks than there are rows.

What works is compared with plain numpy where X is known, and with the same descent in one process alone elsewhere;
what is refused says which option and why.
"""

from __future__ import annotations

import inspect
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from dense import dense_hessian
from descent import by_numpy
from inprocess import here

from hpcbbp import Problem, gaussian_instance
from hpcbbp.cli.descend import descend as command
from hpcbbp.dynamics import Schedule, deferred_walk, descend
from hpcbbp.machine import petsc
from hpcbbp.model.words import Parts

pytestmark = [
    pytest.mark.mpi,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # of --json, as in test_option_matrix.py
    pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed"),
]

N, A, ALPHA, P = 30, 1.5, 2.5, 2
KINDS = ("npy", "stored", "dice", "regenerated", "deferred")
DRAWN, SLEPC = KINDS[1:], KINDS[:-1]
TWO = r"N and alpha = M/N follow from the shape of X"

# Option -> (words, pattern of the refusal or None, kinds). {folder} is filled in; "-" leaves an option out.
ROWS: dict[str, list[tuple[str, str | None, tuple[str, ...]]]] = {
    "n": [("-n 1", "N = 1: the input", DRAWN), ("-n 30", TWO, ("npy",)),
          ("-n 8", "4 steps lead to 13 directions, and min.N, M. = 8", ("deferred",))],
    "p": [("-p 1", None, DRAWN), ("-p 3", "but .* has 2 row", ("npy",)), ("-p 0", "p = 0: the student", DRAWN)],
    "p_star": [("--p-star 2", None, DRAWN), ("--p-star 2", "p_star = 2 was given", ("npy",))],
    "a": [("-a 0.5", None, KINDS), ("-a 0", "a = 0.0: the loss constant", KINDS)],
    "alpha": [("--alpha 4", None, DRAWN), ("--alpha 4", TWO, ("npy",)), ("--alpha 0", "alpha = 0.0: samples", DRAWN)],
    "seed": [("--seed 7", None, KINDS), ("--seed -1", "seed = -1: a seed is", KINDS)],
    "steps": [("--steps 1", None, KINDS), ("--steps 0", "steps = 0: a whole number of steps", KINDS),
              ("--steps 20", "20 steps lead to 45 directions, and min.N, M. = 30", ("deferred",))],
    "eta": [("--eta 0.2", None, KINDS), ("--eta 0", "eta = 0.0: a step is eta > 0", KINDS),
            ("--eta nan", "eta = nan: a step is", KINDS)],
    "sphere": [("--sphere", None, KINDS), ("--sphere --momentum 0.5 --batch 0.5", None, KINDS)],
    "momentum": [("--momentum 0.6", None, KINDS), ("--momentum 1", "momentum = 1.0: 0 <= momentum < 1", KINDS)],
    "batch": [("--batch 0.3", None, KINDS), ("--batch 0", "batch = 0.0: the share of samples", KINDS)],
    "overlap": [("--overlap -0.4", None, KINDS), ("--overlap 1.5", "overlap = 1.5: a cosine", KINDS)],
    "hessian_every": [("--hessian-every 2", None, KINDS), ("--hessian-every 9 --sphere", None, KINDS),
                      ("--hessian-every 0", "--hessian-every 0: a whole number of steps >= 1", KINDS)],
    "nev": [("--hessian-every 2 --nev 3", None, KINDS), ("--nev 3", "--nev without --hessian-every", KINDS),
            ("--hessian-every 2 --nev 0", "nev = 0", KINDS)],
    "tol": [("--hessian-every 2 --tol 1e-4", None, KINDS), ("--tol 1e-4", "--tol without --hessian-every", KINDS),
            ("--hessian-every 1 --tol 0", "tol = 0", KINDS)],
    "storage": [("--storage float32", None, KINDS), ("--storage bf16", None, ("npy", "stored")),
                ("--storage bf16", "--storage bf16 with --method", ("dice", "regenerated", "deferred")),
                ("--storage int16", "--storage int16: a descent keeps images in", ("deferred",))],
    "data": [("--data {folder}/none.npy", "none.npy: ", ("npy",)), ("--data {folder}/X.npy", "missing", ("stored",)),
             ("--data {folder}/X.npy", "--method .*; leave it out|leave --data", DRAWN[1:])],
    "teacher": [("--teacher {folder}/S.npy", None, ("npy",)), ("--teacher -", "--teacher missing", ("npy",)),
                ("--teacher {folder}/T.npy", "missing|leave --data", DRAWN)],
    "student": [("--student {folder}/T.npy -p 1", None, ("npy",)), ("--student -", "--student missing", ("npy",)),
                ("--student {folder}/S.npy", "missing|leave --data", DRAWN)],
    "method": [("--method dense", "--method dense: a descent goes by --method stored, dice", ("stored",)),
               ("--method x", "x", ("stored",)), ("--method deferred", "leave --data", ("npy",))],
    "checkpoint": [("--checkpoint {folder}/state-{kind}", None, KINDS),
                   ("--checkpoint ''", "--checkpoint is empty", KINDS)],
    "checkpoint_every": [("--checkpoint {folder}/state-{kind} --checkpoint-every 0", None, KINDS),
                         ("--checkpoint-every 5", "--checkpoint-every without --checkpoint", KINDS),
                         ("--checkpoint {folder}/s --checkpoint-every -1", "interval = -1", KINDS)],
    "wall_time": [("--checkpoint {folder}/wall-{kind} --wall-time 1e6", None, KINDS),
                  ("--wall-time 5", "--wall-time 5 without --checkpoint", KINDS),
                  ("--checkpoint {folder}/s --wall-time 0", "--wall-time 0: seconds, more than 0", KINDS)],
    "activation": [("--activation tanh", None, KINDS), ("--activation none", "activation = .none.: one of", KINDS)],
    "loss": [("--loss log-cosh -a -", None, KINDS), ("--loss none", "loss = .none.: one of", KINDS)],
    "noise": [("--noise gaussian:0.2", None, KINDS), ("--noise none", "noise = .none.: one of", KINDS)],
    "link": [("--link norm", None, KINDS), ("--link none", "link = .none.: one of", KINDS)],
    "covariance": [("--covariance levels:0.5,0.5,1.5,0.5", None, DRAWN),
                   ("--covariance levels:0.5,0.5,1.5,0.5", "X is as it is", ("npy",))],
    "out": [("--out {folder}/{kind}.png", None, KINDS), ("--out {folder}/x.txt", "--out .*x.txt: the name", KINDS)],
    "as_json": [("--json", None, KINDS), ("--json -", None, KINDS)],
    "petsc_options": [("--hessian-every 3 -- -eps_ncv 12", None, SLEPC),
                      ("--hessian-every 3 -- -eps_ncv 12", "uses no PETSc", ("deferred",)),
                      ("-- -eps_ncv 12", "-eps_ncv without --hessian-every", SLEPC)],
}  # fmt: skip


def test_no_option_is_without_its_rows():
    assert set(ROWS) == set(inspect.signature(command).parameters)
    for option, rows in ROWS.items():
        assert {kind for _, _, kinds in rows for kind in kinds} == set(KINDS) or option in ("method",), option


@pytest.fixture(scope="module")
def folder(group, tmp_path_factory):
    path = Path(group.share(str(tmp_path_factory.mktemp("descents"))))
    if group.rank == 0:
        rng = np.random.default_rng(0)
        np.save(path / "X.npy", rng.standard_normal((round(ALPHA * N), N)) / np.sqrt(N))
        np.save(path / "T.npy", rng.standard_normal((1, N)))
        np.save(path / "S.npy", rng.standard_normal((P, N)))
    group.barrier()
    return path


def merged(kind, words, folder):
    """Option -> value of a whole command; PETSc options under "--"."""
    made = {"-a": A, "--steps": 4}
    if kind == "npy":
        made |= {"--data": folder / "X.npy", "--teacher": folder / "T.npy", "--student": folder / "S.npy"}
    else:
        made |= {"-n": N, "-p": P, "--alpha": ALPHA}
        made |= {} if kind == "stored" else {"--method": kind}
    own, _, petsc_words = words.partition("-- ") if words.startswith("-- ") or " -- " in words else (words, "", "")
    name, given = "", dict[str, object]()
    for word in shlex.split(own):
        if word.startswith("-") and word != "-" and not word[1:2].isdigit():
            name, given[word] = word, None
        else:
            given[name] = word
    made |= {"--json": None, **given}
    return {name: value for name, value in made.items() if value != "-"}, shlex.split(petsc_words)


CASES = [
    pytest.param(kind, words, refused, id=f"{option} {kind} {words}")
    for option, rows in ROWS.items()
    for words, refused, kinds in rows
    for kind in kinds
]


@pytest.mark.parametrize(("kind", "words", "refused"), CASES)
def test_option(group, folder, tmp_path, kind, words, refused):
    given, petsc_words = merged(kind, words.format(folder=folder, kind=kind), folder)
    flat = [str(word) for pair in given.items() for word in pair if word is not None]
    status, out, err = here(["descend", *flat, *(["--", *petsc_words] if petsc_words else [])], tmp_path)
    assert "Traceback" not in err
    told = [line for line in err.splitlines() if line.startswith("hpcbbp: error:")]
    if refused is not None:
        assert status == 2, (out, err)
        assert out == ""
        if group.rank == 0:
            assert len(told) == 1, err
            assert re.search(refused, told[0]), told[0]
        return
    assert status == 0, err
    if group.rank:
        assert out == ""
    else:
        check(kind, given, out, folder)
    group.barrier()


def check(kind, given, out, folder):
    """The answer beside numpy's, or that of one process alone."""
    if "--json" not in given:
        assert "step" in out
        return
    found = json.loads(out)
    schedule = Schedule(
        int(given["--steps"]), float(given.get("--eta", 0.05)), "--sphere" in given,
        float(given.get("--momentum", 0.0)), float(given.get("--batch", 1.0)),
        float(given["--overlap"]) if "--overlap" in given else None,
    )  # fmt: skip
    seed, storage = int(given.get("--seed", 0)), str(given.get("--storage", "float64"))
    names = ("activation", "loss", "noise", "link", "covariance")
    parts = Parts.given(**{name: given.get(f"--{name}") for name in names})
    every = int(given["--hessian-every"]) if "--hessian-every" in given else None
    problem = parts.problem(found["p"], found["p_star"], found["alpha"], float(given["-a"]) if "-a" in given else 1.0)
    assert [at["step"] for at in found["steps"]] == list(range(schedule.steps + 1))
    assert [at["step"] for at in found["hessians"]] == (list(range(0, schedule.steps + 1, every)) if every else [])
    assert found["reason"] == ""
    loose = 1e-9 if storage == "float64" else 1e-4 if storage == "float32" else 3e-2
    weights = []
    if kind in ("npy", "stored"):
        if kind == "npy":
            X, T, S = (np.load(folder / name) for name in ("X.npy", "T.npy", "S.npy"))
            T, S = (np.load(given[f"--{name}"]) for name in ("teacher", "student"))
        else:
            made = gaussian_instance(problem, N, seed)
            X, T, S = made.data.project(np.eye(N)), made.teacher.T, made.student.T
        z = problem.noise_numbers(seed, 0, len(X))
        expected = by_numpy(problem, X, S.T, T.T, z, schedule, seed, weights)
        losses, norms2 = [loss for loss, *_ in expected], [float(n2.mean()) for _, _, n2, _ in expected]
        overlaps2 = [float((m**2).sum(axis=1).mean()) for _, m, _, _ in expected]
    else:
        alone = (
            deferred_walk(problem, N, schedule, seed, storage=storage)
            if kind == "deferred"
            else gaussian_instance(problem, N, seed, data=kind, storage=given.get("--storage"))
        )
        tol = float(given.get("--tol", 1e-6))
        nev = int(given["--nev"]) if "--nev" in given else None
        same = descend(alone, schedule, hessian_every=every, nev=nev, tol=tol)
        losses, overlaps2 = [at.loss for at in same.moments], [at.overlap2 for at in same.moments]
        norms2 = [float(at.norms2.mean()) for at in same.moments]
        for told, at in zip(found["hessians"], same.landscapes, strict=True):
            np.testing.assert_allclose(told["eigenvalues"], at.eigenvalues, rtol=max(loose, 2 * tol**2))
    # A student that is the teacher has a loss of zero, to rounding.
    np.testing.assert_allclose([at["loss"] for at in found["steps"]], losses, rtol=loose, atol=1e-20)
    np.testing.assert_allclose([at["overlap2"] for at in found["steps"]], overlaps2, rtol=loose, atol=loose)
    np.testing.assert_allclose([at["norm2"] for at in found["steps"]], norms2, rtol=loose)
    if weights and storage == "float64":
        for told in found["hessians"]:
            W, _ = weights[told["step"]]
            H = dense_hessian(X, problem.curvature(X @ W, X @ T.T, z).dense())
            values = np.linalg.eigvalsh(H)[: len(told["eigenvalues"])]
            np.testing.assert_allclose(told["eigenvalues"], values, rtol=1e-6)
            assert all(told["converged"])
    for path in found["files"]:
        assert Path(path).stat().st_size > 100


def test_nothing_to_compute_is_one_line(group, folder, tmp_path):
    """A start that has diverged already."""
    if group.rank == 0:
        np.save(folder / "far.npy", 1e8 * np.load(folder / "S.npy"))
    group.barrier()
    words = ["--data", f"{folder}/X.npy", "--teacher", f"{folder}/T.npy", "--student", f"{folder}/far.npy", "-a", "1"]
    status, out, err = here(["descend", *words], tmp_path)
    assert status == 2
    assert out == ""
    if group.rank == 0:
        assert "nothing could be computed: diverged at step 0" in err


def test_an_overflow_is_one_warning(group, tmp_path):
    status, _, err = here(["descend", "-n", "40", "-p", "1", "-a", "1.5", "--alpha", "3", "--eta", "1e300"], tmp_path)
    assert status == 0
    assert "RuntimeWarning" not in err
    assert err.count("warning: diverged") == (group.rank == 0)


def test_a_divergence_keeps_what_was_before(group, tmp_path):
    words = ["-n", "40", "-p", "1", "-a", "1.5", "--alpha", "3", "--eta", "30", "--hessian-every", "1", "--json"]
    status, out, err = here(["descend", *words], tmp_path)
    assert status == 0
    if group.rank == 0:
        found = json.loads(out)
        assert re.fullmatch(r"diverged at step \d: take a smaller eta, or the sphere", found["reason"])
        assert 1 <= len(found["steps"]) < 51
        assert f"hpcbbp: warning: {found['reason']}" in err
        at = gaussian_instance(Problem(p=1, p_star=1, alpha=3.0, a=1.5), 40)
        values = np.linalg.eigvalsh(dense_hessian(at.data.project(np.eye(40)), _curvature(at)))
        np.testing.assert_allclose(found["hessians"][0]["eigenvalues"], values[:1], rtol=1e-6)
    group.barrier()


def _curvature(at):
    return at.problem.curvature(*at.projections).dense()
