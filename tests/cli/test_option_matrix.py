"""The whole matrix: every option of solve with every kind of X, also on more ranks than there are rows.

What works is compared with numpy's eigh of H = X^T D X, written down here; what is refused says which option and why.
All of it runs in the processes of this test, one command after another; `make test` starts them on 2, 3 and 5 ranks.
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import h5py
import numpy as np
import pytest
from dense import completed, curvatures, dense_hessian, formula, rounded
from inprocess import here, petsc_options
from option_rows import KINDS, SIZES
from option_table import TABLE

from hpcbbp import InputError, Problem, deferred_instance, gaussian_instance, solve_deferred, solve_instance
from hpcbbp.campaign.measure import solve_point
from hpcbbp.campaign.spec import parse_campaign
from hpcbbp.machine import petsc
from hpcbbp.model.words import PARTS, Parts
from hpcbbp.solvers.dense import solve_dense

pytestmark = [
    pytest.mark.mpi,
    # A command with --json keeps its copy of standard output until its process ends; this one runs hundreds of them.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed"),
]

A, ALPHA = 1.5, 2.5


@pytest.fixture(scope="module")
def folder(group, tmp_path_factory):
    """Own data for every N, seen by all ranks: {n}.npy, {n}T.npy, {n}S.npy and all three in {n}.h5."""
    path = Path(group.share(str(tmp_path_factory.mktemp("matrix"))))
    if group.rank == 0:
        for n, p in SIZES.items():
            rng = np.random.default_rng(n)
            arrays = {"": rng.standard_normal((round(ALPHA * n), n)) / np.sqrt(n)}
            arrays |= {"T": rng.standard_normal((1, n)), "S": rng.standard_normal((p, n))}
            with h5py.File(path / f"{n}.h5", "w") as file:
                for name, array in arrays.items():
                    np.save(path / f"{n}{name}.npy", array)
                    file[name or "X"] = array
            np.save(path / f"{n}zero.npy", np.zeros((1, n)))
        np.save(path / "X.npy", np.ones((3, 4)))
        np.save(path / "wide.npy", np.ones((1, 77)))
    group.barrier()
    return path


def _files(folder, n, *names):
    paths = (f"{folder}/{name.format(n=n)}" for name in names)
    return dict(zip(("--data", "--teacher", "--student"), paths, strict=True))


def base(kind, n, p, folder):
    """Option -> value, a whole instance of this kind."""
    drawn = {"-n": n, "-p": p, "--alpha": ALPHA, "-a": A}
    return {
        "npy": {**_files(folder, n, "{n}.npy", "{n}T.npy", "{n}S.npy"), "-a": A},
        "h5": {**_files(folder, n, "{n}.h5:X", "{n}.h5:T", "{n}.h5:S"), "-a": A},
        "stored": drawn,
        "dice": {**drawn, "--method": "dice"},
        "regenerated": {**drawn, "--method": "regenerated"},
        "deferred": {**drawn, "--method": "deferred"},
    }[kind]


def parsed(words):
    """Option -> value of the words of a row; PETSc options under "--"."""
    own, _, petsc_words = words.partition("-- ") if words.startswith("-- ") or " -- " in words else (words, "", "")
    made, name = {}, None
    for word in shlex.split(own):
        if word.startswith("-") and word != "-" and not word[1:2].isdigit():
            name = word
            made[name] = ""
        else:
            made[name] = word
    return {**made, **({"--": shlex.split(petsc_words)} if petsc_words else {})}


def run(kind, n, row, folder, spool):
    """The command of a row, with its words merged into those of the kind."""
    p = SIZES[n]
    words = parsed(row.words.format(n=n, p=p, size=p * n, folder=folder))
    merged = {**base(kind, n, p, folder), **words}
    merged.setdefault("--json", "")
    if merged["--json"] == "-":
        del merged["--json"]
    flat = ["solve"]
    for name, value in merged.items():
        if name != "--" and value != "-":
            flat += [name] if name in ("--json", "--verify") else [name, str(value)]
    if kind == "npy" and row.words.strip() in ("--student",):
        flat[flat.index("--student") + 1] = ""
    flat += ["--", *merged["--"]] if "--" in merged else []
    return merged, here(flat, spool)


def cases(*kinds):
    """Rows of these kinds: what works for a small and a larger N, what is refused whatever N is for one."""
    return [
        pytest.param(kind, row, n, id=f"{option} {kind} N{n} {row.words}")
        for option, columns in TABLE.items()
        for kind in kinds
        for row in columns[kind]
        for n in ((3,) if isinstance(row.refused, str) else SIZES if row.sizes else (3, 40))
    ]


@pytest.mark.parametrize(("kind", "row", "n"), cases(*KINDS[:-1]))
def test_option(group, folder, tmp_path, kind, row, n):
    merged, done = run(kind, n, row, folder, tmp_path)
    status, out, err = done
    refused = row.message(n, kind)
    told = [line for line in err.splitlines() if line.startswith("hpcbbp: error:")]
    assert "Traceback" not in err
    if refused is not None:
        assert status == 2, (out, err)
        assert out == ""
        if group.rank == 0:
            assert len(told) == 1, err
            assert re.search(refused, told[0]), told[0]
        return
    assert status == 0, err
    assert not told
    if group.rank:
        assert out == ""
        reference = None
    else:
        reference = check(kind, n, merged, out, folder)
    group.barrier()
    assert reference is not False


def numpy_hessian(X, S, T, a, parts=None, seed=0):
    """H of order pN, entry (k, i) at i p + k, by the model's formulas; X (M, N), S (N, p), T (N, p*)."""
    return dense_hessian(X, formula(X @ S, X @ T, a, parts, seed))


def instance_of(kind, n, merged, folder):
    """H, student (N, p) and teacher (N, p*), materialised, and pairs that a solve in this process alone finds."""
    words = {name: merged.get(f"--{name}") for name in PARTS}
    parts, seed = Parts.given(**words), int(merged.get("--seed", 0))
    a = float(merged["-a"]) if parts.has_constant else 1.0
    if kind in ("npy", "h5"):
        X, T, S = (np.load(folder / f"{n}{name}.npy") for name in ("", "T", "S"))
        X = rounded(X, merged.get("--storage", "float64"))
        return numpy_hessian(X, S.T, T.T, a, parts, seed), S.T, T.T, None
    problem = parts.problem(int(merged["-p"]), int(merged.get("--p-star", 1)), float(merged["--alpha"]), a)
    tol = float(merged.get("--tol", 1e-8))
    storage = merged.get("--storage")
    if kind == "deferred":
        block = int(merged["--block"]) if "--block" in merged else None
        nev = int(merged["--nev"]) if "--nev" in merged else None
        alone = deferred_instance(problem, n, seed, storage=storage or "float64", nev=nev, block=block)
        found = solve_deferred(alone, nev, tol=tol, block=block)
        D = curvatures(alone, parts=parts)
        X, Q = completed(alone, np.random.default_rng(0), D)
        W = Q[:, : alone.q] @ alone.weights
        H = dense_hessian(X, D)
        return H, W[:, : problem.p], W[:, problem.p :], found
    data = kind
    alone = gaussian_instance(problem, n, seed, storage=storage, data=data)
    if data == "stored":
        X, found = rounded(gaussian_instance(problem, n, seed).data.local, storage or "float64"), None
    else:  # what a solve has revealed stays as it is: the rest is drawn now
        nev = int(merged["--nev"]) if "--nev" in merged else None
        below = float(merged["--below"]) if "--below" in merged else None
        with petsc_options(merged.get("--", [])):
            found = solve_instance(alone, nev, tol=tol, below=below, verify="--verify" in merged)
        X = alone.data.project(np.eye(n))
    return numpy_hessian(X, alone.student, alone.teacher, a, parts, seed), alone.student, alone.teacher, found


def check(kind, n, merged, out, folder):
    """The answer beside numpy's eigh."""
    H, S, T, alone = instance_of(kind, n, merged, folder)
    p, p_star = S.shape[1], T.shape[1]
    values, vectors = np.linalg.eigh((H + H.T) / 2)
    size = max(abs(values[0]), abs(values[-1]))
    options = merged.get("--", [])
    if "-eps_largest_real" in options:
        values, vectors = values[::-1], vectors[:, ::-1]
    tol = float(merged.get("--tol", 1e-8))
    tol = float(options[1]) if "-eps_tol" in options else tol
    least = p * p_star + (0 if kind == "deferred" else 2)
    wanted = min(int(merged.get("--nev", least)), p * n)
    wanted = min(int(options[1]), p * n) if "-eps_nev" in options else wanted
    if "--below" in merged:
        wanted = min(int((values < float(merged["--below"])).sum()) + 1, p * n)
    if "--json" not in merged:
        shown = [float(line.split()[1]) for line in out.splitlines() if re.match(r" +\d+ +-?\d+\.\d{8} ", line)]
        np.testing.assert_allclose(shown, values[:wanted], atol=2e-8)
        assert "converged: the requested pairs reached the tolerance" in out
        assert "theory" in out
        return
    found = json.loads(out)
    coarse = merged.get("--storage") in ("float32", "int16") and kind in ("dice", "deferred")
    slack = (1e-3 if coarse else 1e-9) * size
    assert (found["n"], found["p"], found["p_star"]) == (n, p, p_star)
    assert found["tol"] == tol
    if not all(found["converged_flags"]):  # SLEPc's estimates are a little too good now and then; that is told
        assert "the recomputed residuals did not" in found["reason"]
        assert (np.array(found["residuals"]) <= 5 * tol * np.abs(found["eigenvalues"]) + 1e-12 * size).all()
    assert found["nev"] == len(found["eigenvalues"]) == wanted
    assert max(found["residuals"]) <= 1.1 * tol * size
    np.testing.assert_allclose(found["eigenvalues"], values[:wanted], atol=2 * tol * size + slack)
    if tol <= 1e-8 and not coarse:
        for weights, name in ((T, "overlap2"), (S, "student_overlap2")):
            m = np.einsum("nkv,nl->vkl", vectors.reshape(n, p, p * n), weights / np.linalg.norm(weights, axis=0))
            expected = (m**2).sum(axis=(1, 2))
            gaps = np.abs(np.subtract.outer(values, values)) + np.eye(p * n) * size
            alone_there = (gaps.min(axis=1) > 1e-4 * size)[:wanted]  # an eigenvector that is one
            np.testing.assert_allclose(
                np.array(found[name])[alone_there], expected[:wanted][alone_there], atol=1e-3, rtol=0
            )
    if kind == "deferred":  # the same to the last bit, on any number of ranks
        assert found["eigenvalues"] == alone.eigen.eigenvalues.tolist()
        assert found["overlap2"] == alone.overlap2.tolist()
    elif alone is not None:
        np.testing.assert_allclose(found["eigenvalues"], alone.eigen.eigenvalues, atol=2 * tol * size + slack)


@pytest.mark.parametrize(("kind", "row", "n"), cases("dense"))
def test_dense_in_campaigns(group, kind, row, n):
    keys = {"p": SIZES[n], "a": A, "alpha": ALPHA, "n": n, "seeds": '"0..0"', "method": '"dense"'}
    name, _, value = row.words.format(n=n).partition(" = ")
    keys[name] = value
    text = 'name = "x"\n[[grid]]\n' + "\n".join(f"{key} = {value}" for key, value in keys.items())
    if row.message(n, kind) is not None:
        with pytest.raises(InputError, match=row.message(n, kind)) as error:
            parse_campaign(text, "x.toml").points()
        assert "\n" not in str(error.value)
        return
    point = parse_campaign(text, "x.toml").points()[0]
    assert point.method == "dense"
    record = solve_point(point, group)
    alone = gaussian_instance(point.problem, n, point.seed, storage=point.storage)
    X = alone.data.local.astype(np.float64)
    H = numpy_hessian(X, alone.student, alone.teacher, point.a, point.parts, point.seed)
    values = np.linalg.eigvalsh(H)
    recorded = point.nev or point.p * n
    np.testing.assert_allclose(record["eigenvalues"], values[:recorded], atol=1e-12 * max(np.abs(values).max(), 1))
    assert (record["nev"], record["pairs_searched"]) == (recorded, point.p * n)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("kind", ["stored", "dice", "regenerated", "dense", "deferred"])
def test_more_ranks_than_rows_or_columns(group, kind, n, alpha):
    """All pairs of the smallest instances, with ranks that hold nothing."""
    for p, p_star in ((1, 1), (2, 1), (1, 2)):
        problem = Problem(p=p, p_star=p_star, alpha=alpha, a=1.0)
        if kind == "deferred":
            if p + p_star + p * p * p_star > min(n, problem.samples(n)):
                with pytest.raises(InputError, match=r"directions, and min\(N, M\)"):
                    deferred_instance(problem, n, group=group)
                continue
            found = solve_deferred(deferred_instance(problem, n, group=group), p * n)
            alone = deferred_instance(problem, n)
            solve_deferred(alone, p * n)
            X, _ = completed(alone, np.random.default_rng(0))
            H = dense_hessian(X, curvatures(alone))
        else:
            data = "stored" if kind == "dense" else kind
            instance, alone = (gaussian_instance(problem, n, data=data, group=ranks) for ranks in (group, None))
            if kind == "dense":
                found = solve_dense(instance)
            else:
                found, _ = (solve_instance(one, p * n) for one in (instance, alone))
            X = alone.data.project(np.eye(n))
            H = numpy_hessian(X, alone.student, alone.teacher, 1.0)
        values = np.linalg.eigvalsh(H)
        np.testing.assert_allclose(found.eigen.eigenvalues, values, atol=1e-9 * np.abs(values).max())
        assert found.eigen.converged.all(), found.eigen.reason
