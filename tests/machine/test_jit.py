"""Compiled loops: one process at a time writes into a shared cache, all load at once; without numba it works too."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest
from commands import run_python

from hpcbbp.machine import petsc

# A process with a temporary folder of its own, as on another node, and a cache that it shares. Whoever compiles says
# when it came and when it left; whoever loads waits until all the others are there.
NODE = """
import os, sys, tempfile, time
from pathlib import Path
from types import SimpleNamespace
from hpcbbp.data.kernels import compile_all
shared, others = Path(sys.argv[1]), int(sys.argv[2])
assert tempfile.gettempdir() == os.environ["TMPDIR"]

def compile(signature):
    index, start = shared / "kernel.nbi", time.time()
    if not index.exists():
        time.sleep(0.5)
        index.touch()
        print("compiled", start, time.time(), flush=True)
        return
    (shared / f"{os.getpid()}.here").touch()
    while len(list(shared.glob("*.here"))) < others and time.time() < start + 60:
        time.sleep(0.01)
    print("loaded", start, len(list(shared.glob("*.here"))), flush=True)

kernel = SimpleNamespace(compile=compile, stats=SimpleNamespace(cache_path=str(shared)))
print("ready", flush=True)
sys.stdin.readline()
compile_all("kernel", [(kernel, "()")])
"""


def on_nodes(count: int, others: int, shared: Path, tmp: Path) -> list[tuple[str, float, float]]:
    """What each of some processes did, started at once, in the order in which they began."""
    started = []
    for number in range(count):
        own = tmp / str(number)
        own.mkdir(exist_ok=True)
        words = [sys.executable, "-c", NODE, str(shared), str(others)]
        environment = {**os.environ, "TMPDIR": str(own)}
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True, env=environment))
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    found = []
    for process in started:
        out, _ = process.communicate(timeout=100)
        assert process.returncode == 0
        what, start, value = out.splitlines()[0].split()
        found.append((what, float(start), float(value)))
    return sorted(found, key=lambda line: line[1])


def test_one_node_compiles_and_the_others_load_together(tmp_path):
    shared = tmp_path / "home"
    shared.mkdir()
    first, *rest = on_nodes(4, 3, shared, tmp_path)
    assert first[0] == "compiled"
    assert [what for what, _, _ in rest] == ["loaded"] * 3
    assert all(start >= first[2] for _, start, _ in rest)  # none came before the first had left
    assert all(there == 3 for _, _, there in rest)  # and then all were there at the same time


KERNEL = """
from hpcbbp.machine.compiled import compile_all, compiled

@compiled
def twice(x):
    return 2.0 * x

compile_all("twice", [(twice, "(float64,)")])
assert twice(3.0) == 6.0
"""
USE = """
import kernel, sys
stats = kernel.twice.stats
print(stats.cache_path, sum(stats.cache_misses.values()))
"""
NO_LOCKS = """
import errno, fcntl, os
real = fcntl.flock
def flock(descriptor, how):
    if "/shared/" in os.readlink(f"/proc/self/fd/{descriptor}"):
        raise OSError(errno.ENOLCK, "No locks available")
    return real(descriptor, how)
fcntl.flock = flock
"""
HELD = "import hpcbbp.machine.compiled; hpcbbp.machine.compiled._PATIENCE = 0.1\n"


@pytest.mark.parametrize("why", ["no locks", "held for ever", "full"])
def test_a_cache_that_cannot_be_shared(why, tmp_path):
    """A folder of this node and this user takes its place, locked and used; none, if others can write into that."""
    shared, own = tmp_path / "shared", tmp_path / "tmp"
    shared.mkdir()
    own.mkdir()
    (shared / "kernel.py").write_text(KERNEL)
    (shared / "__pycache__").mkdir()
    lock = shared / "__pycache__" / "hpcbbp.lock"
    prelude = {"no locks": NO_LOCKS, "held for ever": HELD, "full": ""}[why]
    if why == "full":
        lock.symlink_to("/dev/full")  # nor is a link followed

    def used() -> tuple[Path, int]:
        path = f"{os.environ['PYTHONPATH']}:{shared}" if "PYTHONPATH" in os.environ else str(shared)
        done = run_python("-c", prelude + USE, PYTHONPATH=path, TMPDIR=str(own))
        assert done.returncode == 0, done.stderr
        where, misses = done.stdout.split()
        return Path(where), int(misses)

    with (lock if why == "held for ever" else own / "x").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        folder, misses = used()
        (private,) = own.glob("hpcbbp-numba-*")
        assert folder.is_relative_to(private)
        assert misses == 1
        assert used() == (folder, 0)
        assert private.stat().st_mode & 0o777 == 0o700
        private.chmod(0o777)
        assert used() == (Path("None"), 1)


PLAIN = """
from hpcbbp import Problem, deferred_instance, gaussian_instance, solve_deferred, solve_instance
from hpcbbp.theory import quenched_sample
problem = Problem(p=2, p_star=1, alpha=3.0, a=1.5)
found = quenched_sample(problem, 30, 1)
numbers = [found.edge, found.edge_scale, *found.eigenvalues, *found.overlap2]
if SOLVER:
    for storage in ("float64", "float32"):
        solution = solve_instance(gaussian_instance(problem, 10, 1, storage=storage), 2, tol=1e-4)
        numbers += [*solution.eigen.eigenvalues[:2], *solution.overlap2[:2]]
    solution = solve_deferred(deferred_instance(problem, 10, 1), 2, tol=1e-4)
    numbers += [*solution.eigen.eigenvalues[:2], *solution.overlap2[:2]]
print(*(f"{float(x):.5f}" for x in numbers))
"""


def test_the_same_numbers_without_a_compiler():
    """NUMBA_DISABLE_JIT=1, which users set to debug: slow, and right."""
    code = f"SOLVER = {not petsc.missing_modules()}\n{PLAIN}"
    plain, usual = (run_python("-c", code, NUMBA_DISABLE_JIT=flag) for flag in ("1", "0"))
    assert plain.returncode == 0, plain.stderr
    assert usual.returncode == 0, usual.stderr
    assert plain.stderr == ""
    numbers = [[float(word) for word in done.stdout.split()] for done in (plain, usual)]
    assert len(numbers[0]) >= 4
    assert numbers[0] == pytest.approx(numbers[1], abs=1e-4)
