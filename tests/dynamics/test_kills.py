"""kill -9 of a descent under mpirun, and the same command again, on another number of ranks."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np
import pytest
from commands import ENVIRONMENT, MPIRUN, answer, kill

from hpcbbp.machine import petsc

pytestmark = [
    pytest.mark.launcher,
    pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed"),
]
PLAIN = ("descend", "-n", "400", "-p", "2", "-a", "1.5", "--alpha", "3", "--steps", "60", "--eta", "0.02", "--sphere",
         "--momentum", "0.4", "--batch", "0.7")  # fmt: skip
HESSIANS = ("--hessian-every", "20", "--tol", "1e-8")
# Of dice X depends on how many products a Hessian takes, and that on how ranks round (docs/dynamics.md).
WORDS = {
    "stored": (*PLAIN, *HESSIANS),
    "dice": (*PLAIN, "--method", "dice"),
    "deferred": (*PLAIN, *HESSIANS, "--method", "deferred"),
}


@pytest.mark.parametrize("method", WORDS)
def test_killed_and_gone_on_with(method, tmp_path):
    words = (*WORDS[method], "--checkpoint", str(tmp_path / "state"), "--checkpoint-every", "0")
    kills = 0
    for ranks in (2, 1, 3):
        launch = [MPIRUN, "-n", str(ranks), sys.executable, "-m", "hpcbbp", *words]
        with subprocess.Popen(
            launch, env={**os.environ, **ENVIRONMENT}, stdout=subprocess.PIPE, text=True
        ) as process:
            before, until = _written(tmp_path), time.monotonic() + 60
            while _written(tmp_path) == before and process.poll() is None and time.monotonic() < until:
                time.sleep(0.01)
            kills += process.poll() is None
            kill(process)
        if process.returncode == 0:
            break
        assert (tmp_path / "state" / "state.npz").exists()
    assert kills
    found = answer(*words, ranks=2)
    whole = answer(*WORDS[method], ranks=1)
    assert found["resumed"] is None or 0 < found["resumed"] <= 60
    assert not (tmp_path / "state").exists()
    for name in ("loss", "overlap2", "norm2", "gradient_norm"):
        told, expected = ([at[name] for at in each["steps"]] for each in (found, whole))
        np.testing.assert_allclose(told, expected, rtol=1e-7, atol=1e-9)
    for at, expected in zip(found["hessians"], whole["hessians"], strict=True):
        assert at["step"] == expected["step"]
        np.testing.assert_allclose(at["eigenvalues"], expected["eigenvalues"], rtol=1e-7)


def _written(folder):
    try:
        return (folder / "state" / "state.npz").stat().st_mtime_ns
    except OSError:
        return None
