"""jobs/reframe_hpcbbp.py by a real ReFrame: it passes, and fails where numbers or ranks are not right."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from commands import ENVIRONMENT, PATIENCE, ROOT, kill
from job_scripts import JOBS

REFRAME = ROOT / ".venv" / "workflows" / "bin" / "reframe"
pytestmark = [
    pytest.mark.workflows,
    pytest.mark.skipif(not REFRAME.exists(), reason="no ReFrame (make test-workflows installs it)"),
]

SETTINGS = """
site_configuration = {
    "systems": [{
        "name": "here", "hostnames": [".*"], "modules_system": "nomod",
        "partitions": [{"name": "p", "scheduler": "local", "launcher": "mpirun", "environs": ["builtin"]}],
    }],
    "environments": [{"name": "builtin"}],
}
"""
ANOTHER = """#!/bin/bash
{program} "$@" | sed 's/{old}/{new}/'
"""


def reframe(folder: Path, *options: str, old: str = "no such", new: str = "") -> tuple[int, str]:
    """Status, and what it says."""
    (folder / "settings.py").write_text(SETTINGS)
    program = folder / "program"
    program.write_text(ANOTHER.format(program=f"{sys.executable} -m hpcbbp", old=old, new=new))
    program.chmod(0o755)
    words = ["-C", "settings.py", "-c", JOBS / "reframe_hpcbbp.py", "-r", "--performance-report", "--nocolor"]
    words += ["-S", f"program={program}", "-S", "n=1500", *options]
    process = subprocess.Popen(
        [str(word) for word in (REFRAME, *words)], cwd=folder, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env={**os.environ, **ENVIRONMENT, "HOME": str(folder)},
    )  # fmt: skip
    try:
        said, _ = process.communicate(timeout=240 * PATIENCE)
    except BaseException:
        kill(process)
        raise
    return process.returncode, said


def test_all_methods_pass(tmp_path):
    status, said = reframe(tmp_path)
    assert status == 0 and "Ran 3/3 test case(s) from 3 check(s) (0 failure(s)" in said, said
    assert len(re.findall(r"P: products_per_second: [1-9]", said)) == 3, said


WRONG = [
    ((), '"overlap2": .0\\.[0-9]*', '"overlap2": [0.9', "overlap2 0.9"),
    ((), '"eigenvalues": .-1', '"eigenvalues": [-2', "eigenvalue -2"),
    ((), '"converged": 1', '"converged": 0', "the pair has not converged"),
    ((), '"ranks": 2', '"ranks": 1', "1 ranks computed, 2 were asked for"),
    (("-S", "n=1"), "no such", "", "no match"),
]


@pytest.mark.parametrize(("options", "old", "new", "words"), WRONG, ids=lambda value: str(value)[:12])
def test_what_is_wrong_fails(tmp_path, options, old, new, words):
    status, said = reframe(tmp_path, "-n", "OutlierCheck.*deferred", *options, old=old, new=new)
    assert status != 0 and "1 failure(s)" in said, said
    if words != "no match":
        assert words in said, said
