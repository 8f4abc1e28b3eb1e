"""Damaged checkpoints never give another answer, and folders of somebody else are left as they are."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from checkpoints import TOL, StopError, instance, interrupted, resumed
from fuzzing import bounded, fuzzed
from hypothesis import given
from hypothesis import strategies as st

from hpcbbp import Checkpoint, InputError, Problem, deferred_instance, solve_deferred
from hpcbbp.solvers.deferred.state import Layout

STORAGES = ["float64", "float32", "int16"]
FILES = ["images.bin", "state.npz", "lock"]


def bare(folder, storage="float64"):
    """The same state as format 1 wrote it: no words, no checksums."""
    made = instance(storage)
    layout = Layout(made, json.loads(contents(folder)["about"].item())["run"])
    raw = (folder / "images.bin").read_bytes()[len(layout.header) :]
    blocks = np.frombuffer(raw, dtype=np.uint8).reshape(-1, layout.each[0])
    (folder / "images.bin").write_bytes(blocks[:, :-4].tobytes())
    arrays = contents(folder)
    about = json.loads(arrays["about"].item())
    about["identity"]["format"] = 1
    del about["run"]
    np.savez(folder / "state.npz", **{**arrays, "about": np.array(json.dumps(about))})
    (folder / "lock").write_bytes(b"")
    return folder


def outcome(folder, storage):
    """Eigenvalues of a resumed solve, or what was refused."""
    with bounded(20):
        try:
            eigen, checkpoint = resumed(folder, storage)
        except InputError as error:
            return None, str(error)
    assert checkpoint.resumed > 0
    return eigen.eigenvalues, ""


def contents(folder):
    raw = (folder / "state.npz").read_bytes()
    with np.load(io.BytesIO(raw[raw.index(b"PK") :])) as stored:
        return dict(stored)


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    """An interrupted solve for every storage, and the answer of an undisturbed one."""
    made = {}
    for storage in STORAGES:
        folder = interrupted(tmp_path_factory.mktemp("states") / "c", storage)
        files = {name: (folder / name).read_bytes() for name in FILES}
        made[storage] = files, solve_deferred(instance(storage), tol=TOL).eigen.eigenvalues
    return made


def damaged(raw, draw):
    kind = draw(st.sampled_from(["bit", "bit", "bit", "short", "zeros", "swap", "long"]))
    at = draw(st.integers(0, len(raw) - 1))
    size = draw(st.integers(1, 3000))
    if kind == "bit":
        return raw[:at] + bytes([raw[at] ^ (1 << draw(st.integers(0, 7)))]) + raw[at + 1 :]
    if kind == "short":
        return raw[:at]
    if kind == "long":
        return raw + raw[at : at + size]
    if kind == "zeros":
        return raw[:at] + bytes(len(raw[at : at + size])) + raw[at + size :]
    other = draw(st.integers(0, len(raw) - 1))
    new = bytearray(raw)
    one, two = raw[at : at + size], raw[other : other + size]
    new[at : at + len(two)], new[other : other + len(one)] = two, one
    return bytes(new[: len(raw)])


@pytest.mark.fuzz
@fuzzed(400)
@given(st.data())
def test_damage_gives_the_right_answer_or_one_line(states, tmp_path_factory, data):
    """Flipped bits, missing ends, zeroed and exchanged stretches of any file, with every storage."""
    storage = data.draw(st.sampled_from(STORAGES))
    files, expected = states[storage]
    folder = tmp_path_factory.getbasetemp() / "damaged"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    name = data.draw(st.sampled_from(["images.bin"] * 5 + ["state.npz"] * 4 + ["lock"]))
    for other in FILES:
        (folder / other).write_bytes(files[other] if other != name else damaged(files[other], data.draw))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    values, refused = outcome(folder, storage)
    if refused:
        assert "\n" not in refused
        assert name in refused or str(folder) in refused
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    else:
        np.testing.assert_array_equal(values, expected)


@pytest.mark.fuzz
@fuzzed(100)
@given(st.data())
def test_a_damaged_state_of_format_1_is_one_line(states, tmp_path_factory, data):
    """It has no checksum but the archive's own: whatever its small state holds, only InputError comes of it."""
    folder = tmp_path_factory.getbasetemp() / "damaged"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, raw in states["float32"][0].items():
        (folder / name).write_bytes(raw)
    bare(folder, "float32")
    (folder / "state.npz").write_bytes(damaged((folder / "state.npz").read_bytes(), data.draw))
    values, refused = outcome(folder, "float32")
    assert "\n" not in refused
    if not refused:
        np.testing.assert_array_equal(values, states["float32"][1])


def test_damage_is_named(tmp_path):
    folder = interrupted(tmp_path / "c")
    layout = Layout(instance(), "0" * 16)
    raw = bytearray((folder / "images.bin").read_bytes())
    raw[layout.size(5) + layout.each[0] + 100] ^= 1
    (folder / "images.bin").write_bytes(raw)
    with pytest.raises(
        InputError, match=r"images.bin is damaged: the checksum of direction 6 of \d+ is wrong at panel 1;"
    ):
        resumed(folder)


def test_images_of_another_run_are_told(tmp_path):
    """The same instance, the same panel: only the run differs."""
    one, two = interrupted(tmp_path / "one"), interrupted(tmp_path / "two")
    shutil.copy(two / "images.bin", one / "images.bin")
    with pytest.raises(InputError, match="not that of the run"):
        resumed(one)


def test_a_state_of_format_1_goes_on(tmp_path):
    for storage in STORAGES:
        folder = bare(interrupted(tmp_path / storage, storage), storage)

        def die(step):
            if step.restart > 14:
                raise StopError

        checkpoint = Checkpoint(folder, 0)
        with pytest.raises(StopError):
            solve_deferred(instance(storage), tol=TOL, checkpoint=checkpoint, progress=die)
        first = checkpoint.resumed
        eigen, checkpoint = resumed(folder, storage)
        assert checkpoint.resumed > first > 0
        assert checkpoint.unchecked  # written on as it was
        np.testing.assert_array_equal(eigen.eigenvalues, solve_deferred(instance(storage), tol=TOL).eigen.eigenvalues)
        assert not folder.exists()


def test_a_state_of_a_later_format(tmp_path, monkeypatch):
    monkeypatch.setattr("hpcbbp.solvers.deferred.moments.Moments.format", 4)
    folder = interrupted(tmp_path / "c")
    monkeypatch.undo()
    with pytest.raises(InputError, match="is of format 4, not 2"):
        resumed(folder)


@pytest.mark.mpi
def test_damage_is_told_on_all_ranks_by_whoever_reads_it(group, tmp_path_factory):
    """Written by one rank; the panel that is damaged is another one's."""
    folder = group.share(str(tmp_path_factory.mktemp("ranks") / "c"))
    problem = Problem(p=1, p_star=1, alpha=3.0, a=1.5)

    def many(ranks=None):
        return deferred_instance(problem, 2000, 0, group=ranks)  # 12 panels

    def die(step):
        if step.restart > 8:
            raise StopError

    if group.rank == 0:
        with pytest.raises(StopError):
            solve_deferred(many(), tol=1e-3, checkpoint=Checkpoint(folder, 0), progress=die)
        layout = Layout(many(), "0" * 16)
        with (Path(folder) / "images.bin").open("r+b") as file:
            file.seek(layout.size(3) + 11 * layout.each[0])
            file.write(b"damage")
    group.barrier()
    with pytest.raises(InputError, match=r"direction 4 of \d+ is wrong at panel 11"):
        solve_deferred(many(group), tol=1e-3, checkpoint=Checkpoint(folder, 1e9))
