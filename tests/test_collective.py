"""A collective test that fails, hangs or crashes is named last, and all others run."""

from __future__ import annotations

import pytest
from commands import ROOT, run_python

MADE_UP = """
import os, time
import pytest
from hpcbbp.machine.ranks import Group

WORLD = Group.world()
pytestmark = pytest.mark.mpi

def test_first():
    assert WORLD.share(1) == 1

def test_fails_on_the_last_rank():
    assert WORLD.rank < WORLD.size - 1, "the last rank is wrong"
    WORLD.comm.Barrier()  # the others wait for ever

def test_skipped():
    pytest.skip("not here")

def test_hangs():
    if WORLD.rank == 1:
        time.sleep(3600)
    WORLD.comm.Barrier()

@pytest.mark.parametrize("rank", [0, 1])
def test_crashes(rank):
    if WORLD.rank == rank:
        os.kill(os.getpid(), 11)
    WORLD.comm.Barrier()

def test_fails_everywhere():
    assert WORLD.size == 0

def test_last():
    assert WORLD.share(2) == 2
"""


def collective(folder, text, *words):
    file = folder / "test_made_up.py"
    file.write_text(text)
    done = run_python(ROOT / "tests" / "collective.py", *words, file, timeout=300)
    return done.returncode, done.stdout.splitlines()


@pytest.mark.launcher
def test_failures_are_named_last_and_the_others_run(tmp_path):
    status, lines = collective(tmp_path, MADE_UP, "--ranks", "2", "--limit", "10")
    assert status == 1, lines
    named = lines[-6:]
    for line, (name, how) in zip(
        named,
        [
            ("test_fails_on_the_last_rank", "failed on 2 ranks - AssertionError: the last rank is wrong"),
            ("test_hangs", "hung on 2 ranks"),
            ("test_crashes[0]", "crashed on 2 ranks"),
            ("test_crashes[1]", "crashed on 2 ranks"),
            ("test_fails_everywhere", "failed on 2 ranks - assert 2 == 0"),
        ],
        strict=False,
    ):
        assert line.startswith("FAILED ") and line.split("::")[1].startswith(f"{name}: {how}"), line
    assert " 5 failed, 2 passed, 1 skipped on 2 ranks in " in lines[-1]
    text = "\n".join(lines)
    assert "rank 1 of 2:" in text
    assert "in test_hangs" in text  # where each rank stood still


@pytest.mark.launcher
def test_without_failures_it_is_one_line(tmp_path):
    status, lines = collective(tmp_path, MADE_UP, "--ranks", "2,3", "-k", "first or (last and not fails)")
    assert status == 0, lines
    assert "= 2 passed on 2 ranks; 2 passed on 3 ranks in " in lines[-1]
    assert not any("FAILED" in line for line in lines)


@pytest.mark.launcher
def test_what_cannot_be_collected_ends_it(tmp_path):
    status, lines = collective(tmp_path, "import nothing_of_the_kind\n", "--ranks", "2")
    assert status == 1
    assert "outside any test: mpirun ended with" in lines[-2]
    assert lines[-1].startswith("==")
