"""Solves by SLEPc that were stopped go on as if nothing had happened; damage is noticed and named."""

from __future__ import annotations

import numpy as np
import pytest

from hpcbbp import Checkpoint, InputError, Problem, deferred_instance, gaussian_instance, solve_instance
from hpcbbp.errors import StoppedError
from hpcbbp.machine import petsc
from hpcbbp.operators import replicated_operator
from hpcbbp.solvers.checkpoint import SolveCheckpoint
from hpcbbp.solvers.operator import solve_operator

pytestmark = pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed")

PROBLEM = Problem(p=2, p_star=1, alpha=3.0, a=1.5)
N = 150


def made(kind, group=None, seed=1):
    data, _, storage = kind.partition(" ")
    return gaussian_instance(PROBLEM, N, seed, data=data, storage=storage or None, group=group)


def jobs(folder, solve, restarts, most=60):
    """A solve in jobs of so many restarts each; the result, and how many jobs were stopped."""
    for stopped in range(most):
        asked = [0]

        def stop(asked=asked):
            asked[0] += 1
            return asked[0] >= restarts

        try:
            return solve(SolveCheckpoint(folder, 1e9, stop=stop)), stopped
        except StoppedError:
            continue
    raise AssertionError("no end")


ASKED = {
    "default": {},
    "many": {"nev": 12},
    "loose": {"tol": 1e-4},
    "below": {"below": -0.6},
    "verified": {"nev": 3, "verify": True},
    "below, verified": {"below": -0.7, "verify": True},
}
KINDS = ("stored", "stored float32", "stored bf16", "regenerated", "dice", "dice float32")


@pytest.mark.mpi
@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize("kind", KINDS)
def test_a_solve_in_many_jobs(kind, asked, group, tmp_path_factory):
    """With one restart a job: the same pairs; of data that stay the same whatever is asked, for as many products."""
    folder = group.share(tmp_path_factory.mktemp("c") / "state")
    asked = {"tol": 1e-4 if "float32" in kind or "bf16" in kind else 1e-8, **asked}
    whole = solve_instance(made(kind, group), **asked).eigen
    found, stopped = jobs(folder, lambda at: solve_instance(made(kind, group), checkpoint=at, **asked).eigen, 1)
    group.barrier()
    assert not folder.exists()
    assert found.converged.all() and found.verified is whole.verified and found.reason == whole.reason
    if "dice" in kind:  # what rounding does to X grows with the products (docs/dice.md)
        assert np.allclose(found.eigenvalues[:1], whole.eigenvalues[:1], rtol=0.2)
        return
    assert np.allclose(found.eigenvalues, whole.eigenvalues, rtol=10 * asked["tol"])
    ncv = 60
    assert stopped >= 1
    assert found.provenance["resumed"] > 0
    assert found.products <= whole.products + (ncv if asked["tol"] > 1e-6 or "below" in asked else 24)


@pytest.mark.mpi
def test_the_operator_of_dice_is_kept(group, tmp_path_factory):
    """What was revealed before a stop is what the operator does after it."""
    folder = group.share(tmp_path_factory.mktemp("c") / "state")
    first = made("dice", group)
    with pytest.raises(StoppedError):
        solve_instance(first, tol=1e-8, checkpoint=SolveCheckpoint(folder, 1e9, stop=lambda: True))
    second = made("dice", group)
    found = solve_instance(second, tol=1e-8, checkpoint=SolveCheckpoint(folder, 1e9))
    assert found.eigen.converged.all()
    v = np.random.default_rng(0).standard_normal(first.data.right.basis.count)
    known = first.data.right.basis
    query = sum(factor * known[i] for i, factor in enumerate(v))[:, None]
    assert np.allclose(first.data.project(query), second.data.project(query), atol=1e-10)


@pytest.mark.parametrize("stops", [1, 3])
def test_rounding_is_told_from_residuals_as_before(tmp_path, stops):
    """What rounding leaves of a residual goes with |A|, which a job that goes on has not met itself."""
    values = np.concatenate([[0.0], np.linspace(1, 10, 290), np.linspace(5e3, 1e4, 9)])
    Q = np.linalg.qr(np.random.default_rng(0).standard_normal((300, 300)))[0]
    A = (Q * values) @ Q.T

    def solve(checkpoint=None):
        operator = replicated_operator(lambda v: 0.5 * (A @ v + A.T @ v), 300)
        return solve_operator(operator, 3, verify=True, checkpoint=checkpoint).eigen

    found, stopped = jobs(tmp_path / "state", solve, stops)
    assert stopped and found.converged.all() and found.verified and solve().verified


@pytest.mark.mpi
@pytest.mark.parametrize("which", ["lowest", "largest", "both"])
@pytest.mark.parametrize("verify", [False, True])
def test_own_operators(which, verify, group, tmp_path_factory):
    folder = group.share(tmp_path_factory.mktemp("c") / "state")
    B = np.random.default_rng(0).standard_normal((300, 300))
    A = (B + B.T) / 30

    def solve(checkpoint=None):
        operator = replicated_operator(lambda v: A @ v, 300, group, name="goe")
        return solve_operator(operator, 5, which=which, verify=verify, checkpoint=checkpoint)

    whole, (found, stopped) = solve(), jobs(folder, solve, 2)
    assert stopped and np.allclose(found.eigen.eigenvalues, whole.eigen.eigenvalues, rtol=1e-8)
    assert found.ends == whole.ends and found.eigen.verified is whole.eigen.verified
    assert found.eigen.converged.all() and found.eigen.products <= whole.eigen.products + 50
    group.barrier()
    assert not folder.exists()


def test_options_of_petsc_act_on_what_goes_on(tmp_path):
    from petsc4py import PETSc

    options = PETSc.Options()
    options["eps_ncv"] = 20
    options["eps_conv_abs"] = None
    try:
        whole = solve_instance(made("stored"), 3, tol=1e-6).eigen
        found, stopped = jobs(
            tmp_path / "c", lambda at: solve_instance(made("stored"), 3, tol=1e-6, checkpoint=at), 3
        )
        assert stopped > 3
        assert np.allclose(found.eigen.eigenvalues, whole.eigenvalues, atol=1e-5)
        assert found.eigen.converged.all() and found.eigen.products <= whole.products + 20
        with pytest.raises(StoppedError):
            solve_instance(made("stored"), 3, checkpoint=SolveCheckpoint(tmp_path / "d", stop=lambda: True))
        options["eps_largest_real"] = None
        with pytest.raises(InputError, match=r"of another solve \(-eps_largest_real = none, not "):
            solve_instance(made("stored"), 3, checkpoint=SolveCheckpoint(tmp_path / "d"))
        options["eps_type"] = "lobpcg"
        with pytest.raises(InputError, match="checkpoint with -eps_type lobpcg: the state is that of krylovschur"):
            solve_instance(made("stored"), 3, checkpoint=SolveCheckpoint(tmp_path / "e"))
    finally:
        for name in ("eps_ncv", "eps_conv_abs", "eps_largest_real", "eps_type"):
            options.delValue(name)


def test_a_limit_on_restarts_holds_in_each_job(tmp_path):
    from petsc4py import PETSc

    options = PETSc.Options()
    with pytest.raises(StoppedError):
        solve_instance(made("stored"), checkpoint=SolveCheckpoint(tmp_path / "c", stop=lambda: True))
    options["eps_max_it"] = 2
    try:
        found = solve_instance(made("stored"), checkpoint=SolveCheckpoint(tmp_path / "c")).eigen
    finally:
        options.delValue("eps_max_it")
    assert not found.converged.all() and found.reason.startswith("not converged: iteration limit reached")


def test_fewer_vectors_than_the_state_has(tmp_path):
    from petsc4py import PETSc

    folder, whole = stopped(tmp_path / "c"), solve_instance(made("stored")).eigen
    PETSc.Options()["eps_ncv"] = 14
    try:
        found = again(folder).eigen
    finally:
        PETSc.Options().delValue("eps_ncv")
    assert found.converged.all() and np.allclose(found.eigenvalues, whole.eigenvalues)


def stopped(folder, kind="stored", **asked):
    with pytest.raises(StoppedError):
        solve_instance(made(kind), checkpoint=SolveCheckpoint(folder, 1e9, stop=lambda: True), **asked)
    return folder


def again(folder, kind="stored", seed=1, **asked):
    return solve_instance(made(kind, seed=seed), checkpoint=SolveCheckpoint(folder), **asked)


def of_an_operator(folder, **given):
    operator = replicated_operator(lambda v: np.arange(300.0) * v, 300, **given)
    return solve_operator(operator, checkpoint=SolveCheckpoint(folder))


CHANGES = {
    "seed = 1, not 2": lambda folder: again(folder, seed=2),
    "storage = float64, not float32": lambda folder: again(folder, "stored float32"),
    "data = StoredData, not DiceData": lambda folder: again(folder, "dice"),
    "nev = 4, not 5": lambda folder: again(folder, nev=5),
    "tol = 1e-08, not 1e-06": lambda folder: again(folder, tol=1e-6),
    "beyond = None, not -0.5": lambda folder: again(folder, below=-0.5),
    "verify = False, not True": lambda folder: again(folder, verify=True),
    "is of another solve": lambda folder: of_an_operator(folder),
    "is of a solve by SLEPc, not of a deferred solve": lambda folder: __import__("hpcbbp").solve_deferred(
        deferred_instance(PROBLEM, N, 3), checkpoint=Checkpoint(folder)
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_state_of_another_solve(change, tmp_path):
    folder = stopped(tmp_path / "c")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(InputError, match=change):
        CHANGES[change](folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_another_operator_of_the_same_name(tmp_path):
    def operator(factor):
        return replicated_operator(lambda v: factor * np.arange(300.0) * v, 300, name="mine")

    with pytest.raises(StoppedError):
        solve_operator(operator(1.0), checkpoint=SolveCheckpoint(tmp_path, stop=lambda: True))
    with pytest.raises(InputError, match="is of a solve of another operator: name another folder, or remove it"):
        solve_operator(operator(1.01), checkpoint=SolveCheckpoint(tmp_path))
    assert solve_operator(operator(1.0), checkpoint=SolveCheckpoint(tmp_path)).eigen.converged.all()


def test_sums_of_hessians_on_dice_keep_no_state(tmp_path):
    operator = made("dice").hessian + 1.0
    with pytest.raises(InputError, match="what dice know of X is kept for a Hessian alone"):
        solve_operator(operator, 2, checkpoint=SolveCheckpoint(tmp_path / "c"))
    for wrong in (3, Checkpoint(tmp_path / "c")):
        with pytest.raises(InputError, match=r"a SolveCheckpoint\(folder\) is wanted"):
            solve_operator(operator, 2, checkpoint=wrong)
        with pytest.raises(InputError, match=r"a SolveCheckpoint\(folder\) is wanted"):
            solve_instance(made("stored"), checkpoint=wrong)


def test_the_end_is_kept_for_whoever_clears_it(tmp_path):
    first = solve_instance(
        made("stored"), verify=True, checkpoint=SolveCheckpoint(tmp_path / "c", outlives=True)
    ).eigen
    assert (tmp_path / "c" / "state.npz").exists()
    instance = made("stored")
    second = solve_instance(instance, verify=True, checkpoint=SolveCheckpoint(tmp_path / "c", outlives=True)).eigen
    assert instance.hessian.products <= len(first.eigenvalues) + 2
    assert np.allclose(first.eigenvalues, second.eigenvalues) and second.verified and second.reason == first.reason
    assert second.products == first.products


def test_a_disk_that_is_full(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hpcbbp.solvers.keeping.long.write_at", full)
    checkpoint = SolveCheckpoint(tmp_path / "c", 0)
    heard = []
    found = solve_instance(made("stored"), checkpoint=checkpoint, progress=lambda _: heard.append(checkpoint.trouble))
    assert found.eigen.converged.all() and "No space left on device" in heard[-1]


def test_folders_of_others_are_left_alone(tmp_path):
    (tmp_path / "state.npz").write_bytes(b"mine")
    with pytest.raises(InputError, match="cannot be read|not a checkpoint's"):
        again(tmp_path)
    assert (tmp_path / "state.npz").read_bytes() == b"mine"
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        again(tmp_path / "file")


@pytest.mark.mpi
@pytest.mark.parametrize(("first", "then"), [("both", "lowest"), ("both", "largest"), ("lowest", "both")])
def test_a_state_of_other_ends_is_refused_and_stays(first, then, group, tmp_path_factory):
    folder = group.share(tmp_path_factory.mktemp("c") / "state")
    d = np.linspace(-1.0, 1.0, 400)

    def solve(which, stop):
        operator = replicated_operator(lambda v: d * v, 400, group, name="diagonal")
        return solve_operator(operator, 3, which=which, checkpoint=SolveCheckpoint(folder, 1e9, stop=stop))

    with pytest.raises(StoppedError):
        solve(first, lambda: True)
    with pytest.raises(InputError, match="has a state of"):
        solve(then, lambda: False)
    group.barrier()
    assert solve(first, lambda: False).eigen.converged.all()
