"""Folders of checkpoints that hold what somebody else made, or that another job has: left as they are."""

from __future__ import annotations

import os
import stat
import threading

import pytest
from checkpoints import TOL, StopError, instance, interrupted, resumed
from fuzzing import bounded

from hpcbbp import Checkpoint, InputError, solve_deferred
from hpcbbp.solvers.keeping.folder import LOCK


def everything(folder):
    """What is in a folder, without opening anything but plain files."""
    found = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        found[path.name] = path.read_bytes() if stat.S_ISREG(mode) else stat.S_IFMT(mode)
        if stat.S_ISLNK(mode):
            found[path.name] = path.readlink()
    return found


@pytest.mark.parametrize("content", [b"", b"my own file\n", b"PK\x03\x04 my own archive", LOCK[:7] + b"s"])
@pytest.mark.parametrize("name", ["lock", "images.bin", "state.npz", "state.tmp"])
def test_a_users_own_file_is_left_as_it_is(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    (tmp_path / "notes.txt").write_text("mine")
    before = everything(tmp_path)
    with pytest.raises(InputError, match=rf"{name}.* not touched"):
        resumed(tmp_path)
    Checkpoint(tmp_path).clear()
    assert everything(tmp_path) == before


@pytest.mark.parametrize("name", ["lock", "images.bin", "state.npz", "state.tmp"])
@pytest.mark.parametrize("kind", ["link", "link to nothing", "pipe", "folder", "device"])
def test_what_is_no_plain_file_is_left_alone(tmp_path, name, kind):
    """A link is not followed, a pipe is not waited for; the same in a folder that has a state already."""
    for folder in (tmp_path / "new", interrupted(tmp_path / "old")):
        folder.mkdir(exist_ok=True)
        path, target = folder / name, tmp_path / "target"
        path.unlink(missing_ok=True)
        target.write_text("precious")
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "folder":
            path.mkdir()
        elif kind == "device":
            try:
                os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
            except OSError:
                pytest.skip("only root makes devices")
        else:
            path.symlink_to(target if kind == "link" else tmp_path / "nothing")
        before = everything(tmp_path)
        with bounded(20), pytest.raises(InputError, match=f"{name} is .* was not touched"):
            resumed(folder)
        Checkpoint(folder).clear()
        assert everything(tmp_path) == before


def test_a_link_made_meanwhile_is_not_followed(tmp_path):
    """Between claim and writing; the solve goes on without its state."""
    target = tmp_path / "target"
    target.write_text("precious")
    told = []

    def plant(step):
        told.append(checkpoint.trouble)
        for name in ("images.bin", "state.tmp"):
            path = tmp_path / "c" / name
            path.unlink(missing_ok=True)
            path.symlink_to(target)

    checkpoint = Checkpoint(tmp_path / "c", 0)
    eigen = solve_deferred(instance(), tol=TOL, checkpoint=checkpoint, progress=plant).eigen
    assert eigen.converged.all()
    assert target.read_text() == "precious"
    assert "images.bin" in told[-1]


def test_files_under_other_names_stay(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    eigen, _ = resumed(tmp_path)
    assert eigen.converged.all()
    assert everything(tmp_path) == {"notes.txt": b"mine"}
    (tmp_path / "empty").mkdir()
    resumed(tmp_path / "empty")
    assert not (tmp_path / "empty").exists()


def test_a_lock_that_is_being_made_is_waited_for(tmp_path):
    """Another job has made the file, and writes its words a moment later: it is that job's, not somebody else's."""
    (tmp_path / "lock").write_bytes(b"")
    timer = threading.Timer(0.3, (tmp_path / "lock").write_bytes, [LOCK])
    timer.start()
    eigen, _ = resumed(tmp_path)
    timer.join()
    assert eigen.converged.all()


def test_two_jobs_never_have_the_same_folder(tmp_path):
    one, two = Checkpoint(tmp_path / "c"), Checkpoint(tmp_path / "c")
    group = instance().group
    one.prepare(group)
    with pytest.raises(InputError, match="in use by another job"):
        two.prepare(group)
    one.clear()  # its solve ended: whoever waited must not hold a lock that is no longer there
    one.release()
    two.prepare(group)
    assert (tmp_path / "c" / "lock").exists()
    two.release()


def test_a_solved_instance_keeps_its_state_too(tmp_path):
    """A second solve of an instance makes its folder, and refuses one that holds the state of another history."""
    made = instance()
    solve_deferred(made, tol=TOL)
    folder, troubles = tmp_path / "c", []
    checkpoint = Checkpoint(folder, 0)

    def die(step):
        troubles.append(checkpoint.trouble)
        if len(troubles) > 4:
            raise StopError

    with pytest.raises(StopError):
        solve_deferred(made, tol=1e-9, checkpoint=checkpoint, progress=die)
    assert not any(troubles)
    assert (folder / "state.npz").exists()
    with pytest.raises(InputError, match="one of its own already"):
        solve_deferred(made, tol=1e-9, checkpoint=Checkpoint(folder, 0))
    more = Checkpoint(folder, 1e9)
    assert solve_deferred(instance(), tol=1e-9, checkpoint=more).eigen.converged.all()
    assert more.resumed > 0
