"""Descents that were stopped or killed go on as if nothing had happened; damage is noticed and named."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
from damage import damaged
from fuzzing import bounded, fuzzed
from hypothesis import given
from hypothesis import strategies as st

from hpcbbp import Checkpoint, InputError, Problem, deferred_instance, gaussian_instance, solve_deferred
from hpcbbp.dynamics import DescentCheckpoint, Schedule, deferred_walk, descend
from hpcbbp.errors import StoppedError
from hpcbbp.machine import petsc
from hpcbbp.model.words import Parts

needs_slepc = pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed")
PROBLEM = Problem(p=2, p_star=1, alpha=3.0, a=1.5)
COVARIED = Parts.given(covariance="levels:0.5,0.5,1.5,0.5").problem(1, 1, 3.0, 1.5)
SCHEDULE = Schedule(7, 0.05, sphere=True, momentum=0.3, batch=0.6, overlap=0.4)
N, STOP = 60, 4
FILES = ["images.bin", "state.npz", "lock"]


def made(kind, group=None, seed=3, problem=PROBLEM):
    if kind.startswith("deferred"):
        storage = kind.removeprefix("deferred ") if " " in kind else "float64"
        return deferred_walk(problem, N, SCHEDULE, seed, storage=storage, group=group)
    data, _, storage = kind.partition(" ")
    return gaussian_instance(problem, N, seed, data=data, storage=storage or None, group=group)


def went(instance, checkpoint=None, schedule=SCHEDULE, **options):
    if "hessian_every" not in options and not petsc.missing_modules():
        options["hessian_every"] = 3
    return descend(instance, schedule, tol=1e-6, checkpoint=checkpoint, **options)


def stopped(folder, instance, steps=STOP, **options):
    """A descent that is stopped after some steps."""
    asked = [0]

    def stop():
        asked[0] += 1
        return asked[0] == steps

    with pytest.raises(StoppedError, match="stopped; the state is in"):
        went(instance, DescentCheckpoint(folder, 1e9, stop=stop), **options)
    return folder


def same(one, other, rtol=0.0):
    for a, b in zip(one.moments, other.moments, strict=True):
        assert a.step == b.step
        np.testing.assert_allclose(a.loss, b.loss, rtol=rtol)
        np.testing.assert_allclose(a.overlaps, b.overlaps, rtol=rtol, atol=rtol)
    for a, b in zip(one.landscapes, other.landscapes, strict=True):
        assert a.step == b.step
        np.testing.assert_allclose(a.eigenvalues, b.eigenvalues, rtol=rtol)
        np.testing.assert_allclose(a.overlap2, b.overlap2, rtol=max(rtol, 1e-6), atol=rtol)


KINDS = ["stored", "stored float32", "dice", "dice float32", "regenerated", "deferred", "deferred float32"]


@pytest.mark.mpi
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("problem", [PROBLEM, COVARIED], ids=["white", "levels"])
def test_a_stopped_descent_goes_on(kind, problem, group, tmp_path_factory):
    folder = group.share(tmp_path_factory.mktemp("c") / "state")
    whole = went(made(kind, group, problem=problem))
    stopped(folder, made(kind, group, problem=problem))
    checkpoint = DescentCheckpoint(folder, 0)  # also written at every step
    found = went(made(kind, group, problem=problem), checkpoint)
    assert checkpoint.resumed == STOP
    assert "4 steps" in checkpoint.origin
    same(found, whole, 1e-12 if "float32" not in kind else 1e-5)
    group.barrier()
    assert not folder.exists()


CHANGES = {
    "seed = 3, not 4": lambda folder: went(made("deferred", seed=4), DescentCheckpoint(folder)),
    "eta = 0.05, not 0.06": lambda folder: went(
        made("deferred"), DescentCheckpoint(folder), Schedule(7, 0.06, True, 0.3, 0.6, 0.4)
    ),
    "data = deferred, not StoredData": lambda folder: went(made("stored"), DescentCheckpoint(folder)),
    "nev = 2, not 1": lambda folder: went(made("deferred"), DescentCheckpoint(folder), nev=1),
    "a descent, not of a deferred solve": lambda folder: solve_deferred(
        deferred_instance(PROBLEM, N, 3), checkpoint=Checkpoint(folder)
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_state_of_another_descent(change, tmp_path):
    folder = stopped(tmp_path / "c", made("deferred"))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(InputError, match=change):
        CHANGES[change](folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_more_steps_go_on(tmp_path):
    """The steps are no part of what a state is of."""
    folder, longer = stopped(tmp_path / "c", made("deferred")), Schedule(9, 0.05, True, 0.3, 0.6, 0.4)
    found = went(made("deferred"), DescentCheckpoint(folder), longer)
    assert len(found.moments) == 10
    assert [moment.loss for moment in found.moments[:8]] == [m.loss for m in went(made("deferred")).moments]


def test_a_state_of_a_solve(tmp_path):
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        solve_deferred(
            deferred_instance(PROBLEM, N, 3), checkpoint=Checkpoint(tmp_path / "c", 0),
            progress=lambda step: stop() if step.products > 8 else None,
        )  # fmt: skip
    with pytest.raises(InputError, match="is of a deferred solve, not of a descent: name another folder"):
        went(made("deferred"), DescentCheckpoint(tmp_path / "c"))


def test_other_data_are_told(tmp_path):
    """Of the user's own only sums can tell."""
    folder = stopped(tmp_path / "c", made("stored"))
    other = made("stored")
    other.data.local[3] *= 1.5  # as in a file of the same name
    with pytest.raises(InputError, match="other data or weights"):
        went(other, DescentCheckpoint(folder))


@pytest.mark.mpi
def test_a_full_disk_is_no_end(group, tmp_path_factory, monkeypatch):
    """On any rank: the descent goes on, says so, and the state before is still good."""
    folder = group.share(tmp_path_factory.mktemp("c") / "state")
    whole = went(made("deferred", group))
    written = [0]

    def full(file, data, offset):
        written[0] += 1
        if written[0] > 12 and group.rank == group.size - 1:
            raise OSError(28, "No space left on device")
        os.pwrite(file, data, offset)

    monkeypatch.setattr("hpcbbp.solvers.keeping.long.write_at", full)
    checkpoint = DescentCheckpoint(folder, 0, outlives=True)
    same(went(made("deferred", group), checkpoint), whole, 1e-12)
    assert "No space left" in checkpoint.trouble
    monkeypatch.undo()
    same(went(made("deferred", group), DescentCheckpoint(folder)), whole, 1e-12)


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    found = {}
    for kind in ("stored", "dice", "deferred float32"):
        folder = stopped(tmp_path_factory.mktemp("states") / "c", made(kind), hessian_every=None)
        files = {name: (folder / name).read_bytes() for name in FILES}
        found[kind] = files, went(made(kind), hessian_every=None)
    return found


@pytest.mark.fuzz
@fuzzed(150)
@given(st.data())
def test_damage_gives_the_right_answer_or_one_line(states, tmp_path_factory, data):
    kind = data.draw(st.sampled_from(sorted(states)))
    files, whole = states[kind]
    folder = tmp_path_factory.getbasetemp() / "damaged-descent"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    hurt = data.draw(st.sampled_from(["images.bin"] * 5 + ["state.npz"] * 4 + ["lock"]))
    for name, raw in files.items():
        (folder / name).write_bytes(data.draw(damaged(raw)) if name == hurt else raw)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    refused, found = "", whole
    with bounded(20):
        try:
            found = went(made(kind), DescentCheckpoint(folder), hessian_every=None)
        except InputError as error:
            refused = str(error)
    same(found, whole, 1e-12)
    if refused:
        assert "\n" not in refused
        assert str(folder) in refused
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_damage_is_named(tmp_path):
    folder = stopped(tmp_path / "c", made("deferred"))
    raw = bytearray((folder / "images.bin").read_bytes())
    raw[64 + 8 * 4096 + 9] ^= 1
    (folder / "images.bin").write_bytes(raw)
    with pytest.raises(InputError, match=r"images.bin is damaged: the checksum of images \d of \d+ is wrong; name"):
        went(made("deferred"), DescentCheckpoint(folder))


@pytest.mark.parametrize("stop", [10, 30])
def test_small_steps_behind_a_hessian_go_on_to_the_same_bits(tmp_path, stop):
    """Nothing of an earlier Hessian decides what is revealed: directions of small steps are nearly those before."""
    problem, schedule = Problem(p=1, p_star=1, alpha=3.0, a=1.5), Schedule(60, 0.005, sphere=True, overlap=0.5)

    def go(checkpoint=None):
        walk = deferred_walk(problem, 700, schedule, seed=0, hessians=4)
        return descend(walk, schedule, hessian_every=20, tol=1e-3, checkpoint=checkpoint)

    asked = iter(range(100))
    with pytest.raises(StoppedError):
        go(DescentCheckpoint(tmp_path / "c", 1e9, stop=lambda: next(asked) == stop))
    same(go(DescentCheckpoint(tmp_path / "c")), go())


def test_fewer_steps_than_there_are(tmp_path):
    folder = stopped(tmp_path / "c", made("deferred"))
    with pytest.raises(InputError, match="has 4 steps already: ask for as many or more"):
        went(made("deferred"), DescentCheckpoint(folder), Schedule(3, 0.05, True, 0.3, 0.6, 0.4))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: descend(made("stored"), SCHEDULE, checkpoint="c"), "checkpoint = 'c': a DescentCheckpoint"),
        (lambda: descend(PROBLEM, SCHEDULE), "give an Instance or a deferred one"),
        (lambda: deferred_walk(None, 60, SCHEDULE), "give a Problem, N and a Schedule"),
        (lambda: deferred_walk(PROBLEM, 60, None), "give a Problem, N and a Schedule"),
        (lambda: deferred_walk(PROBLEM, 60, SCHEDULE, hessians=-1), "hessians = -1: a whole number from 0"),
        (lambda: deferred_walk(PROBLEM, 60, SCHEDULE, hessians="x"), "hessians = 'x': a whole number from 0"),
    ],
)
def test_what_python_may_be_given(call, said):
    with pytest.raises(InputError, match=said):
        call()
