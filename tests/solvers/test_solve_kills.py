"""kill -9 of a solve by SLEPc under mpirun, and the same command again, on another number of ranks."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from commands import ENVIRONMENT, MPIRUN, answer, error_lines, kill, run
from fuzzing import FACTOR

from hpcbbp.machine import petsc

pytestmark = [
    pytest.mark.launcher,
    pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed"),
]
WORDS = ("solve", "-n", "1200", "-p", "1", "-a", "1.5", "--alpha", "3", "--nev", "60", "--tol", "1e-10")
CYCLE = 64  # products of one restart, of a basis of 120


def launched(words, ranks):
    launch = [MPIRUN, "-n", str(ranks)] if ranks else []
    return subprocess.Popen(
        [*launch, sys.executable, "-m", "hpcbbp", *map(str, words)], env={**os.environ, **ENVIRONMENT},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_kills_at_random_moments(tmp_path):
    """Each costs what was computed since the last restart, and nothing else."""
    words = (*WORDS, "--checkpoint", tmp_path / "state", "--checkpoint-every", "0")
    kills, random = 0, np.random.default_rng(0)
    for attempt in range(20 if FACTOR > 1 else 8):
        process = launched(words, (0, 2, 0, 1, 0, 3)[attempt % 6])
        with process:
            before, until = written(tmp_path), time.monotonic() + 60
            while written(tmp_path) == before and process.poll() is None and time.monotonic() < until:
                time.sleep(0.01)
            time.sleep(random.uniform(0.0, 0.1))
            kills += process.poll() is None
            kill(process)
        if process.returncode == 0:
            break
        assert (tmp_path / "state" / "state.npz").exists()
    assert kills > 2
    found, whole = answer(*words, ranks=2), answer(*WORDS)
    assert not (tmp_path / "state").exists()
    np.testing.assert_allclose(found["eigenvalues"], whole["eigenvalues"], rtol=1e-9)
    assert found["converged"] == found["nev"] == 60
    assert found["products"] <= whole["products"] + CYCLE
    assert 0 < found["provenance"]["resumed"] < found["products"]


def written(folder):
    try:
        return (folder / "state" / "state.npz").stat().st_mtime_ns
    except OSError:
        return None


MODEL = "-p 1 -a 1.5 --alpha 3"
KINDS = {
    "stored": f"solve -n 1200 {MODEL} --nev 200 --tol 1e-12".split(),
    "dice": f"solve -n 4000 {MODEL} --nev 20 --method dice".split(),
    "deferred": f"solve -n 100000 {MODEL} --nev 4 --method deferred".split(),
    "descent": f"descend -n 3000 {MODEL} --steps 100000 --eta 1e-4".split(),
}


@pytest.mark.parametrize("ranks", [0, 2])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1], ids=lambda number: number.name)
def test_a_signal_stops_at_the_next_restart(kind, ranks, number, tmp_path):
    if ranks and number == signal.SIGTERM:
        pytest.skip("mpirun itself ends its ranks at a SIGTERM")
    words = (*KINDS[kind], "--checkpoint", tmp_path / "state", "--checkpoint-every", "0", "--json")
    with launched(words, ranks) as process:
        until = time.monotonic() + 60
        while written(tmp_path) is None and time.monotonic() < until and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(number)
        out, said = process.communicate(timeout=100)
    assert process.returncode == 75, said
    assert out == "" and f"hpcbbp: {number.name}: stopped; the state is in {tmp_path}/state; the same command" in said
    assert (tmp_path / "state" / "state.npz").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_so_does_the_wall_time(kind, tmp_path):
    done = run(*KINDS[kind], "--checkpoint", tmp_path / "state", "--wall-time", 0.01)
    assert done.returncode == 75 and not error_lines(done)
    assert "hpcbbp: wall time: stopped; the state is in" in done.stderr
    again = run(*KINDS[kind], "--checkpoint", tmp_path / "state", "--wall-time", 0.01)
    assert again.returncode == 75 and "hpcbbp: goes on from" in again.stderr


def test_an_end_of_both_ends(tmp_path):
    """What was found at one end waits for the other."""
    (tmp_path / "mine.py").write_text(
        "import numpy as np\nfrom hpcbbp.operators import replicated_operator\n\n\n"
        "def wide(group):\n    values = np.sort(np.random.default_rng(0).standard_normal(4000))\n"
        "    return replicated_operator(lambda v: values * v, 4000, group, name='wide')\n"
    )
    words = ("solve", "--operator", "mine:wide", "--which", "both", "--nev", 8, "--json")
    state = ("--checkpoint", tmp_path / "state", "--wall-time", 0.02)
    for _ in range(100):
        done = run(*words, *state, cwd=tmp_path)
        if done.returncode != 75:
            break
        assert "hpcbbp: wall time: stopped" in done.stderr
    assert done.returncode == 0, done.stderr
    whole = run(*words, cwd=tmp_path)
    assert not (tmp_path / "state").exists()
    import json

    np.testing.assert_allclose(
        json.loads(done.stdout)["eigenvalues"], json.loads(whole.stdout)["eigenvalues"], rtol=1e-7
    )


@pytest.mark.parametrize("ranks", [0, 2])
def test_a_signal_at_any_moment(ranks, tmp_path):
    """Exit code 75, or 0 with the whole answer: also while the interpreter ends."""
    words = (*f"solve -n 300 {MODEL} --json --checkpoint".split(), tmp_path / "state")
    begin = time.monotonic()
    with launched(words, ranks) as process:
        process.communicate()
    whole = time.monotonic() - begin
    for share in np.linspace(0.0, 0.8, 9):
        with launched(words, ranks) as process:
            until = time.monotonic() + 60
            while not (tmp_path / "state" / "lock").exists() and process.poll() is None and time.monotonic() < until:
                time.sleep(0.005)
            time.sleep(share * whole)
            process.send_signal(signal.SIGUSR1)
            out, said = process.communicate()
        assert process.returncode in (0, 75) or (ranks and out), (share, said)  # mpirun itself, as it ends
        assert (process.returncode != 75) == bool(out)
        assert (process.returncode == 75) == (tmp_path / "state").exists()
        shutil.rmtree(tmp_path / "state", ignore_errors=True)
