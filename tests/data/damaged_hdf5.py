"""Damaged HDF5 files: run by test_fuzz_files.py in a process of its own, which the C library may take down."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from damage import damaged, read_or_refused
from fuzzing import fuzzed
from hypothesis import given
from hypothesis import strategies as st

from hpcbbp import InputError
from hpcbbp.data import kernels
from hpcbbp.data.loading import load_data, load_weights
from hpcbbp.machine import memory
from hpcbbp.machine.ranks import Group

X = np.random.default_rng(0).standard_normal((9, 7))


def _chunked(file, **options):
    file.create_dataset("x", data=X, chunks=(4, 4), **options)


def _virtual(file):
    file["source"] = X
    layout = h5py.VirtualLayout((9, 7), "f8")
    layout[:] = h5py.VirtualSource(".", "source", shape=(9, 7))
    file.create_virtual_dataset("x", layout)


def _attributes(file):
    file["inner/deep/x"] = X
    file["inner"].attrs["text"] = "words" * 20
    file["inner/deep/x"].attrs["array"] = np.arange(50)


KINDS = {
    "plain": lambda file: file.create_dataset("x", data=X),
    "gzip": lambda file: _chunked(file, compression="gzip", shuffle=True),
    "checked": lambda file: _chunked(file, fletcher32=True),
    "lzf": lambda file: _chunked(file, compression="lzf", maxshape=(None, 7)),
    "virtual": _virtual,
    "attributes": _attributes,
    "big-endian": lambda file: file.create_dataset("x", data=X.astype(">f4")),
    "integers": lambda file: file.create_dataset("x", data=np.arange(63, dtype="i2").reshape(9, 7)),
    "complex": lambda file: file.create_dataset("x", data=X * 1j),
    "structured": lambda file: file.create_dataset("x", data=np.ones((3, 4), dtype=[("a", "f8"), ("b", "i4")])),
    "strings": lambda file: file.create_dataset("x", data=[["a", "b"], ["c", "d"]]),
    "lists": lambda file: file.create_dataset("x", (2, 2), dtype=h5py.vlen_dtype(np.float64)),
    "references": lambda file: file.create_dataset("x", (2, 2), dtype=h5py.ref_dtype),
    "scalar": lambda file: file.create_dataset("x", data=1.0),
    "empty": lambda file: file.create_dataset("x", data=h5py.Empty("f8")),
    "deep": lambda file: file.create_dataset("x", data=np.ones((2, 2, 2))),
    "none": lambda file: file.create_group("nothing"),
    "large": lambda file: file.create_dataset("x", (10**9, 10**9), chunks=(64, 64), dtype="f8"),
}
READABLE = ("plain", "gzip", "checked", "lzf", "virtual", "attributes", "big-endian", "integers")


@functools.cache
def whole(kind, version):
    with tempfile.TemporaryDirectory() as folder:
        with h5py.File(Path(folder) / "x.h5", "w", libver=version) as file:
            KINDS[kind](file)
        return (Path(folder) / "x.h5").read_bytes()


@pytest.fixture(scope="module", autouse=True)
def _small_memory():
    """What a damaged shape may take."""
    kernels.prepare()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "available", lambda ranks=1: 64 * 2**20)
        yield


@pytest.mark.parametrize("version", ["earliest", "latest"])
@pytest.mark.parametrize("kind", KINDS)
def test_whole_files(tmp_path, kind, version):
    path = tmp_path / "x.h5"
    path.write_bytes(whole(kind, version))
    name = f"{path}:x" if kind == "virtual" else str(path)
    found = read_or_refused(lambda: load_data(name))
    assert isinstance(found, InputError) == (kind not in READABLE)


@given(st.data())
@fuzzed(1500)
def test_damaged_files_are_read_or_refused(data):
    kind, version = data.draw(st.sampled_from(sorted(KINDS))), data.draw(st.sampled_from(("earliest", "latest")))
    content = data.draw(damaged(whole(kind, version), head=1200))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.h5"
        path.write_bytes(content)
        name = f"{path}:x" if kind == "virtual" or data.draw(st.booleans()) else str(path)
        found = read_or_refused(lambda: load_data(name))
        if not isinstance(found, InputError):
            assert np.isfinite(found.local).all()
        read_or_refused(lambda: load_weights(name, "teacher weights", "p* x N", 7, Group()))
