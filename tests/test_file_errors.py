"""Files that cannot be used are refused in one line that says why."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from hpcbbp import InputError
from hpcbbp.data.file import load_data, load_weights
from hpcbbp.parallel import Group


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
        "one column": (saved("narrow.npy", np.ones((5, 1))), "at least 2"),
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
