"""The nets of processes.py catch what they are for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from processes import left_running

SLEEP = "import time; time.sleep(600)"


def test_a_program_that_nothing_installs_is_refused():
    with pytest.raises(AssertionError, match="pkill: nothing installs it"):
        subprocess.run(["pkill", "-9", "-f", "no such process"], check=False)
    with pytest.raises(AssertionError, match="gcc: nothing installs it"):
        subprocess.run(["/usr/bin/gcc", "--version"], check=False)
    assert subprocess.run([sys.executable, "-c", ""], check=False).returncode == 0


def test_a_process_left_is_seen_even_without_its_parent():
    """As ranks are whose mpirun was killed."""
    parent = (
        "import subprocess, sys\n"
        "silent = dict.fromkeys(('stdout', 'stderr'), subprocess.DEVNULL)\n"
        f"child = subprocess.Popen([sys.executable, '-c', {SLEEP!r}], start_new_session=True, **silent)\n"
        "print(child.pid)\n"
    )
    done = subprocess.run([sys.executable, "-c", parent], capture_output=True, text=True, check=True, timeout=60)
    try:
        assert [SLEEP in line for line in left_running(patience=0.1)] == [True]
    finally:
        os.kill(int(done.stdout), signal.SIGKILL)
    assert left_running() == []
