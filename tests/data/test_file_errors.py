"""Files that cannot be used are refused in one line that says why."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from fuzzing import bounded

from hpcbbp import InputError, file_instance
from hpcbbp.data.loading import load_data, load_weights
from hpcbbp.machine import memory
from hpcbbp.machine.ranks import Group


def bad_files(folder):
    """Name -> (path, words of the message)."""

    def saved(name, array, **options):
        np.save(folder / name, array, **options)
        return folder / name

    (folder / "empty.npy").touch()
    (folder / "text.npy").write_text("1 2 3\n4 5 6\n")
    np.savez(folder / "archive.npz", X=np.ones((3, 3)))
    cut = saved("cut.npy", np.ones((50, 50)))
    cut.write_bytes(cut.read_bytes()[:-100])
    head = saved("head.npy", np.ones((50, 50)))
    head.write_bytes(head.read_bytes()[:20])
    with h5py.File(folder / "two.h5", "w") as file:
        file["a"], file["b"] = np.ones((3, 3)), np.ones((3, 3))
    (folder / "cut.h5").write_bytes((folder / "two.h5").read_bytes()[:600])
    with h5py.File(folder / "none.h5", "w") as file:
        file.create_group("nothing")
    nan = np.ones((4, 5))
    nan[2, 3] = np.nan
    return {
        "missing": (folder / "missing.npy", "no such file"),
        "folder": (folder, "is not a file"),
        "empty": (folder / "empty.npy", "is empty"),
        "text": (folder / "text.npy", "neither .npy nor HDF5"),
        "archive": (folder / "archive.npz", "neither .npy nor HDF5"),
        "cut": (cut, "damaged or cut short"),
        "head": (head, "damaged or cut short"),
        "objects": (saved("objects.npy", np.array([[1, None]]), allow_pickle=True), "pickled Python objects"),
        "strings": (saved("strings.npy", np.array([["a", "b"]])), "must be real numbers"),
        "complex": (saved("complex.npy", np.ones((3, 3)) * 1j), "entries are complex"),
        "nan": (saved("nan.npy", nan), "nan in row 2, column 3"),
        "huge": (saved("huge.npy", np.full((2, 2), 1e300)), None),
        "flat": (saved("flat.npy", np.ones(5)), "two-dimensional M x N array; one unit is reshape"),
        "deep": (saved("deep.npy", np.ones((2, 2, 2))), "two-dimensional"),
        "no rows": (saved("norows.npy", np.ones((0, 5))), "holds no numbers"),
        "one column": (saved("narrow.npy", np.ones((5, 1))), "N = 1: the input dimension is a whole number >= 2"),
        "two datasets": (folder / "two.h5", "no dataset is named; write .*:DATASET with one of: a, b"),
        "wrong dataset": (f"{folder}/two.h5:c", "there is no dataset 'c'"),
        "no dataset": (folder / "none.h5", "the file has none"),
        "cut hdf5": (folder / "cut.h5", "damaged or cut short"),
    }


NAMES = [
    "missing", "folder", "empty", "text", "archive", "cut", "head", "objects", "strings", "complex", "nan", "flat",
    "deep", "no rows", "one column", "two datasets", "wrong dataset", "no dataset", "cut hdf5",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_data(tmp_path, name):
    path, words = bad_files(tmp_path)[name]
    with pytest.raises(InputError, match=words) as error:
        load_data(str(path))
    assert "\n" not in str(error.value)


def test_overflow_in_float32_is_found(tmp_path):
    path, _ = bad_files(tmp_path)["huge"]
    assert load_data(str(path)).local[0, 0] == 1e300
    with pytest.raises(InputError, match="inf in row 0"):
        load_data(str(path), "float32")


def test_weights_of_another_dimension(tmp_path):
    np.save(tmp_path / "T.npy", np.ones((2, 7)))
    with pytest.raises(InputError, match=r"shape \(2, 7\), but X has N = 5 columns"):
        load_weights(str(tmp_path / "T.npy"), "teacher weights", "p* x N", 5, Group())


def hdf5_with_holes(folder):
    """Name -> words of the message: HDF5 reads all of these as zeros, or fails with a page of its own."""
    for i in range(3):
        with h5py.File(folder / f"part{i}.h5", "w") as file:
            file["rows"] = np.full((2, 4), i + 1.0)
    layouts = {
        name: h5py.VirtualLayout((6, 4), "f8") for name in ("good", "lost", "renamed", "damaged", "gap", "series")
    }
    for name, layout in layouts.items():
        for i in range(3):
            if name == "gap" and i == 1:
                continue
            source = f"no-such-{i}.h5" if name == "lost" and i == 1 else f"part{i}.h5"
            source = "cut.h5" if name == "damaged" and i == 1 else source
            rows = "columns" if name == "renamed" and i == 1 else "rows"
            layout[2 * i : 2 * i + 2] = h5py.VirtualSource(source, rows, shape=(2, 4))
    (folder / "cut.h5").write_bytes((folder / "part1.h5").read_bytes()[:900])
    with h5py.File(folder / "virtual.h5", "w") as file:
        for name, layout in layouts.items():
            file.create_virtual_dataset(name, layout)
    with h5py.File(folder / "holes.h5", "w") as file:
        chunked = file.create_dataset("chunked", shape=(60, 40), chunks=(20, 40), dtype="f8")
        chunked[:20] = 1.0
        file.create_dataset("never", shape=(6, 4), dtype="f8")
        file["zero"] = np.zeros((6, 4))
        file["tiny"] = np.full((6, 4), 1e-200)
        file["empty"] = h5py.Empty("f8")
        file["text"] = ["a", "b"]
    os.chdir(folder)  # HDF5 looks for external files from where the process is
    for name in ("there", "gone", "short"):
        with h5py.File(f"{name}.h5", "w") as file:
            made = file.create_dataset("x", shape=(6, 4), dtype="f8", external=[(f"{name}.raw", 0, 6 * 4 * 8)])
            made[:] = 1.0
    (folder / "gone.raw").unlink()
    os.truncate(folder / "short.raw", 100)
    return {
        "virtual.h5:lost": "a virtual dataset, of whose sources no-such-1.h5 is not there",
        "virtual.h5:renamed": "whose source .*part1.h5 has no columns",
        "virtual.h5:damaged": "whose source .*cut.h5 cannot be read",
        "virtual.h5:gap": "whose sources give 16 of its 24 numbers",
        "holes.h5:chunked": "1 of its 3 chunks were ever written, the rest would be read as 0.0",
        "holes.h5:never": "nothing was ever written to this dataset",
        "holes.h5:zero": "every entry of the data X is zero",
        "holes.h5:empty": "shape None",
        "holes.h5:text": "entries are of type object",
        "gone.h5:x": "its numbers are in gone.raw, which is not there",
        "short.h5:x": "its numbers are in short.raw, which is cut short",
    }


def test_what_hdf5_would_read_as_zeros(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # and back again at the end
    cases = hdf5_with_holes(tmp_path)
    for name, words in cases.items():
        with pytest.raises(InputError, match=words) as error:
            load_data(str(tmp_path / name))
        assert "\n" not in str(error.value)
        assert name in str(error.value)
    np.testing.assert_array_equal(load_data(str(tmp_path / "virtual.h5:good")).local[:, 0], [1, 1, 2, 2, 3, 3])
    assert load_data(str(tmp_path / "there.h5:x")).local.sum() == 24
    assert load_data(str(tmp_path / "virtual.h5:good"), "float32").local.sum() == 48
    with pytest.raises(InputError, match=r"zero \(or too small for float32\)"):
        load_data(str(tmp_path / "holes.h5:tiny"), "float32")


@pytest.mark.parametrize("name", ["zero", "tiny"])
def test_an_x_of_which_nothing_is_left_is_named(tmp_path, name):
    X = {"zero": np.zeros((8, 4)), "tiny": 1e-200 * np.random.default_rng(0).standard_normal((8, 4))}[name]
    for file, array in (("X", X), ("T", np.ones((1, 4))), ("S", np.eye(2, 4))):
        np.save(tmp_path / f"{file}.npy", array)
    words = "every entry of the data X is zero" if name == "zero" else "the curvatures underflow"
    with pytest.raises(InputError, match=f"X.npy: {words}"):
        file_instance(*(str(tmp_path / f"{file}.npy") for file in "XTS"), a=1.0)


def test_trailing_bytes_are_damage(tmp_path):
    """A shape that lost rows would be read without a word otherwise."""
    with (tmp_path / "two.npy").open("wb") as stream:
        np.save(stream, np.ones((3, 4)))
        np.save(stream, np.ones((3, 4)))
    with pytest.raises(
        InputError, match=r"448 bytes, where its header says float64 of shape \(3, 4\), which takes 224"
    ):
        load_data(str(tmp_path / "two.npy"))


def test_names_that_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    os.mkfifo(tmp_path / "fifo.npy")
    (tmp_path / "loop.npy").symlink_to(tmp_path / "loop.npy")
    (tmp_path / "dangling.npy").symlink_to(tmp_path / "absent.npy")
    np.save(tmp_path / "X.npy", np.ones((3, 4)))
    server = socket.socket(socket.AF_UNIX)
    with server, bounded(20):
        server.bind(str(tmp_path / "socket"))
        for name, words in (
            (tmp_path / "fifo", "is not a file"),
            (tmp_path / "fifo.npy", "is not a file"),
            (f"{tmp_path / 'fifo'}:x", "is not a file"),
            (tmp_path / "socket", "is not a file"),
            (tmp_path, "is not a file"),
            (f"{tmp_path}:x", "is not a file"),
            ("/dev/zero", "is not a file"),
            ("/dev/null", "is not a file"),
            (tmp_path / "loop.npy", "cannot be read"),
            (tmp_path / "dangling.npy", "no such file"),
            (tmp_path / "X.npy" / "inner.npy", "cannot be read"),
            ("x" * 300 + ".npy", "cannot be read .File name too long"),
            (f"{'x' * 300}.h5:inner", "cannot be read .File name too long"),
            ("a/" * 3000, "cannot be read .File name too long"),
            ("X\0.npy", "cannot be read"),
            (":", "is not a file"),
            ("", "is not a file"),
            (None, "the name of a file is needed"),
            (3, "the name of a file is needed"),
            (b"X.npy", "the name of a file is needed"),
            (["X.npy"], "the name of a file is needed"),
        ):
            with pytest.raises(InputError, match=words) as error:
                load_data(name)
            assert "\n" not in str(error.value)
    assert load_data(tmp_path / "X.npy").m == 3  # a Path is a name, too


def test_a_file_without_permission():
    user = os.geteuid()
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to others
        Path(folder).chmod(0o755)
        path = Path(folder) / "X.npy"
        np.save(path, np.ones((3, 4)))
        path.chmod(0)
        try:
            if user == 0:  # who may read everything
                os.seteuid(65534)
            with pytest.raises(InputError, match="cannot be read .Permission denied"):
                load_data(path)
        finally:
            os.seteuid(user)


def test_a_message_lists_ten_datasets(tmp_path):
    with h5py.File(tmp_path / "many.h5", "w") as file:
        for i in range(500):
            file[f"line\n{i}"] = 1.0
    with pytest.raises(InputError, match="and 490 more") as error:
        load_data(tmp_path / "many.h5")
    assert "\n" not in str(error.value)


def test_more_than_memory_holds_is_refused_before_it_is_allocated(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda ranks=1: 2**20)
    with h5py.File(tmp_path / "X.h5", "w") as file:
        file.create_dataset("x", shape=(1000, 500), chunks=(1000, 500), compression="gzip", data=np.ones((1000, 500)))
    for load in (
        lambda: load_data(tmp_path / "X.h5"),
        lambda: load_weights(tmp_path / "X.h5", "teacher weights", "p* x N", 500, Group()),
    ):
        with pytest.raises(InputError, match=r"GiB are free: take .*X\.h5"):
            load()
