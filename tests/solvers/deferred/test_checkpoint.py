"""Checkpoints of deferred solves: any kill leaves a state that goes on to the same bits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from commands import ENVIRONMENT, MPIRUN, answer, error_lines, kill, run

from hpcbbp import Checkpoint, InputError, Problem, deferred_instance, solve_deferred
from hpcbbp.machine import petsc
from hpcbbp.model.labels import UniformNoise
from hpcbbp.model.words import Parts
from hpcbbp.solvers.deferred.engine import made

PROBLEM = Problem(p=2, p_star=1, alpha=3.0, a=1.5)
NOISY = Problem(p=PROBLEM.p, p_star=1, alpha=PROBLEM.alpha, a=PROBLEM.a, noise=UniformNoise(0.5))
needs_mpi = pytest.mark.skipif(bool(petsc.missing_modules()), reason="mpi4py is not installed")


class StopError(Exception):
    """As if the process died."""


def stop_after(steps):
    def progress(step):
        if step.restart > steps:
            raise StopError

    return progress


@pytest.mark.parametrize("storage", ["float64", "float32", "int16"])
@pytest.mark.parametrize(("p", "covariance"), [(1, None), (2, None), (1, "levels:0.5,0.5,1.5,0.5")])
def test_goes_on_to_the_same_bits(tmp_path, storage, p, covariance):
    problem = Parts.given(covariance=covariance).problem(p, 1, 3.0, 1.5)

    def instance():
        return deferred_instance(problem, 1000, 4, storage=storage)

    straight = solve_deferred(instance(), tol=1e-4)
    for steps in (5, 14):  # twice interrupted
        with pytest.raises(StopError):
            solve_deferred(
                instance(), tol=1e-4, checkpoint=Checkpoint(tmp_path / "c", every=0), progress=stop_after(steps)
            )
    assert {path.name for path in (tmp_path / "c").iterdir()} == {"images.bin", "state.npz", "lock"}
    begun = []
    resumed = solve_deferred(
        instance(),
        tol=1e-4,
        checkpoint=Checkpoint(tmp_path / "c", every=0),
        progress=lambda s: begun.append(s.products),
    )
    assert begun[0] > 8
    np.testing.assert_array_equal(resumed.eigen.eigenvalues, straight.eigen.eigenvalues)
    np.testing.assert_array_equal(resumed.eigen.vectors, straight.eigen.vectors)
    assert resumed.eigen.products == straight.eigen.products
    assert [s.eigenvalues for s in resumed.eigen.history] == [s.eigenvalues for s in straight.eigen.history]
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("before", [15, 1])
def test_goes_on_between_two_rayleigh_ritz_steps(tmp_path, before):
    """Late in the solve they are many steps apart; the number of all steps belongs to the processor."""
    problem = Problem(p=1, p_star=1, alpha=3.0, a=1.5)
    straight = solve_deferred(deferred_instance(problem, 400, 0), 5)
    steps = straight.eigen.history[-1].restart - before
    with pytest.raises(StopError):
        solve_deferred(
            deferred_instance(problem, 400, 0),
            5,
            checkpoint=Checkpoint(tmp_path / "c", 0),
            progress=stop_after(steps),
        )
    resumed = solve_deferred(deferred_instance(problem, 400, 0), 5, checkpoint=Checkpoint(tmp_path / "c", 0))
    np.testing.assert_array_equal(resumed.eigen.eigenvalues, straight.eigen.eigenvalues)
    assert resumed.eigen.products == straight.eigen.products


def test_what_memory_ended_can_go_on_with_more(tmp_path):
    checkpoint = Checkpoint(tmp_path / "c", 1e9)
    small = solve_deferred(made(PROBLEM, 400, 0, "float64", capacity=80), tol=1e-8, checkpoint=checkpoint)
    assert not small.eigen.converged.any()
    more = Checkpoint(tmp_path / "c", 1e9)
    resumed = solve_deferred(deferred_instance(PROBLEM, 400, 0), tol=1e-8, checkpoint=more)
    assert more.resumed > 60
    assert resumed.eigen.converged.all()
    straight = solve_deferred(deferred_instance(PROBLEM, 400, 0), tol=1e-8)
    np.testing.assert_allclose(resumed.eigen.eigenvalues, straight.eigen.eigenvalues, rtol=1e-7)


@pytest.mark.mpi
def test_another_number_of_ranks_can_go_on(group, tmp_path_factory):
    folder = group.share(str(tmp_path_factory.mktemp("ranks") / "c"))
    alone = None
    if group.rank == 0:
        with pytest.raises(StopError):
            solve_deferred(
                deferred_instance(PROBLEM, 2000, 0),
                tol=1e-3,
                checkpoint=Checkpoint(folder, 0),
                progress=stop_after(8),
            )
        alone = solve_deferred(deferred_instance(PROBLEM, 2000, 0), tol=1e-3).eigen.eigenvalues
    alone = group.share(alone)
    group.barrier()
    together = solve_deferred(
        deferred_instance(PROBLEM, 2000, 0, group=group), tol=1e-3, checkpoint=Checkpoint(folder, 1e9)
    )
    np.testing.assert_array_equal(together.eigen.eigenvalues, alone)


def test_a_torn_state_and_a_state_of_something_else_are_refused(tmp_path):
    folder = tmp_path / "c"
    instance = deferred_instance(PROBLEM, 300, 0)
    with pytest.raises(StopError):
        solve_deferred(instance, tol=1e-8, checkpoint=Checkpoint(folder, 0), progress=stop_after(5))
    for other, message in (
        (deferred_instance(PROBLEM, 300, 1), r"another instance \(seed = 0, not 1\)"),
        (deferred_instance(PROBLEM, 400, 0), r"another instance \(n = 300, not 400\)"),
        (deferred_instance(PROBLEM, 300, 0, storage="float32"), r"\(storage = float64, not float32\)"),
        (deferred_instance(NOISY, 300, 0), r"\(noise = none, not uniform:0\.5\)"),
    ):
        with pytest.raises(InputError, match=message):
            solve_deferred(other, tol=1e-3, checkpoint=Checkpoint(folder, 0))
    noisy = tmp_path / "noisy"
    with pytest.raises(StopError):
        solve_deferred(
            deferred_instance(NOISY, 300, 0), tol=1e-8, checkpoint=Checkpoint(noisy, 0), progress=stop_after(5)
        )
    with pytest.raises(InputError, match=r"\(noise = uniform:0\.5, not none\)"):
        solve_deferred(deferred_instance(PROBLEM, 300, 0), tol=1e-3, checkpoint=Checkpoint(noisy, 0))
    images = (folder / "images.bin").read_bytes()
    (folder / "images.bin").write_bytes(images[: len(images) // 2])
    with pytest.raises(InputError, match="too short"):
        solve_deferred(deferred_instance(PROBLEM, 300, 0), tol=1e-3, checkpoint=Checkpoint(folder, 0))
    for torn in (b"torn", (folder / "state.npz").read_bytes()[:1000]):
        (folder / "state.npz").write_bytes(torn)
        with pytest.raises(InputError, match="cannot be read"):
            solve_deferred(deferred_instance(PROBLEM, 300, 0), tol=1e-3, checkpoint=Checkpoint(folder, 0))
    (folder / "state.npz").write_bytes(b"")
    with pytest.raises(InputError, match="cannot be read"):
        solve_deferred(deferred_instance(PROBLEM, 300, 0), tol=1e-3, checkpoint=Checkpoint(folder, 0))


def test_a_kill_while_writing_leaves_the_state_before(tmp_path, monkeypatch):
    """Images of later directions and a half-written draft do not count."""
    folder = tmp_path / "c"
    instance = deferred_instance(PROBLEM, 300, 0)
    with pytest.raises(StopError):
        solve_deferred(instance, tol=1e-8, checkpoint=Checkpoint(folder, 0), progress=stop_after(5))
    with (folder / "images.bin").open("ab") as stream:
        stream.write(b"half a direction")
    (folder / "state.tmp").write_bytes((folder / "state.npz").read_bytes()[:700])
    resumed = solve_deferred(deferred_instance(PROBLEM, 300, 0), tol=1e-5, checkpoint=Checkpoint(folder, 0))
    straight = solve_deferred(deferred_instance(PROBLEM, 300, 0), tol=1e-5)
    np.testing.assert_array_equal(resumed.eigen.eigenvalues, straight.eigen.eigenvalues)
    assert not folder.exists()


def test_a_disk_that_fills_up_does_not_end_the_solve(tmp_path, monkeypatch):
    checkpoint = Checkpoint(tmp_path / "c", 0)
    told, left = [], []

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    solution = solve_deferred(
        deferred_instance(PROBLEM, 300, 0),
        tol=1e-3,
        checkpoint=checkpoint,
        progress=lambda _: (
            told.append(checkpoint.trouble),
            left.extend(path.stat().st_size for path in checkpoint.folder.iterdir() if path.name != "lock"),
        ),
    )
    assert solution.eigen.converged.all()
    assert len(left) > 5
    assert not any(left)  # what does not count takes no room
    assert "No space left on device" in told[-1]


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    instance = deferred_instance(PROBLEM, 100, 0)
    with pytest.raises(InputError, match="checkpoint folder"):
        solve_deferred(instance, tol=1e-3, checkpoint=Checkpoint(tmp_path / "file" / "c"))
    for wrong in (float("nan"), -1, "600", None, True):
        with pytest.raises(InputError, match="seconds >= 0"):
            Checkpoint(tmp_path, every=wrong)
    for wrong in ("", "a\0b", 3, None):
        with pytest.raises(InputError, match="the path of a folder"):
            Checkpoint(wrong)
    for wrong in ("x" * 300, "/proc/nothing/here"):
        with pytest.raises(InputError, match="checkpoint folder"):
            solve_deferred(instance, tol=1e-3, checkpoint=Checkpoint(wrong))
    with pytest.raises(InputError, match=r"a Checkpoint\(folder\), or None"):
        solve_deferred(instance, tol=1e-3, checkpoint=str(tmp_path))
    with pytest.raises(InputError, match=r"solve_deferred\(Problem\): give what deferred_instance returns"):
        solve_deferred(PROBLEM)


@pytest.mark.launcher
@needs_mpi
def test_kill_minus_9_again_and_again(tmp_path):
    """Killed at arbitrary moments on 1 or 2 ranks, the last run ends with the bits of an undisturbed one."""
    words = ("solve", "-n", 20000, "-p", 2, "-a", 1.5, "--alpha", 3, "--method", "deferred", "--storage", "float32")
    words = (*words, "--tol", 1e-5)
    expected = answer(*words)
    resumable = [*map(str, words), "--checkpoint", str(tmp_path / "c"), "--checkpoint-every", "0", "--json"]
    rng = np.random.default_rng(1)
    interrupted = 0
    for attempt in range(6):
        launcher = [MPIRUN, "-n", "2"] if attempt % 2 else []
        process = subprocess.Popen(
            [*launcher, sys.executable, "-m", "hpcbbp", *resumable],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, **ENVIRONMENT}, start_new_session=True,
        )  # fmt: skip
        begun = time.monotonic()
        while (
            process.poll() is None and not (tmp_path / "c" / "state.npz").exists() and time.monotonic() < begun + 60
        ):
            time.sleep(0.02)
        time.sleep(rng.uniform(0.1, 0.9))
        if process.poll() is None:
            interrupted += 1
            kill(process)
        process.communicate()
        if not interrupted:
            break
    assert interrupted
    done = run(*resumable)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for name in ("eigenvalues", "residuals", "overlap2", "products"):
        assert found[name] == expected[name]
    assert not (tmp_path / "c").exists()


@pytest.mark.launcher
@needs_mpi
def test_a_checkpoint_of_another_instance_is_one_line(tmp_path):
    words = (
        "solve",
        "-n",
        300,
        "-p",
        1,
        "-a",
        1.5,
        "--alpha",
        3,
        "--method",
        "deferred",
        "--checkpoint",
        tmp_path / "c",
    )
    with pytest.raises(StopError):
        solve_deferred(
            deferred_instance(PROBLEM, 300, 0),
            tol=1e-8,
            checkpoint=Checkpoint(tmp_path / "c", 0),
            progress=stop_after(5),
        )
    done = run(*words, ranks=2)
    assert done.returncode == 2
    assert len(error_lines(done)) == 1
    assert "another instance (p = 2, not 1)" in error_lines(done)[0]
