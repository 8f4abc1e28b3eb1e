"""Files of a user's own, as damage leaves them: read, or refused in one line; no traceback, no hang, no growth."""

from __future__ import annotations

import io
import math
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from damage import damaged, read_or_refused
from fuzzing import FACTOR, fuzzed
from hypothesis import given
from hypothesis import strategies as st

from hpcbbp import InputError, file_instance
from hpcbbp.data import kernels
from hpcbbp.data.loading import load_data, load_weights
from hpcbbp.machine import memory
from hpcbbp.machine.ranks import Group

pytestmark = pytest.mark.fuzz

X = np.random.default_rng(0).standard_normal((9, 7))


@pytest.fixture(scope="module", autouse=True)
def _small_memory():
    kernels.prepare()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "available", lambda ranks=1: 1024 * 2**20)
        yield


def test_damaged_hdf5():
    """In a process of its own: a signal that ends it is a failure like any other."""
    script = Path(__file__).parent / "damaged_hdf5.py"
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(script)],
        capture_output=True,
        text=True,
        timeout=300 * max(1.0, FACTOR),
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[:8000]  # where it was comes first


REAL = ("<f8", ">f8", "<f4", ">f4", "<f2", "|b1", "|i1", "<i4", ">i8", "<u2", "<f16")
OTHER = (
    "|O", "<c16", "<U3", "|S2", "<M8[s]", "<m8[ns]", "|V8", "(2,)<f8", "f8,i4", "<f9", "", "x", "O8", "a3", "<i16",
    [("a", "<f8"), ("b", "<i4")], [("a", "|O")], [("a", "<f8", (2,))], [], {}, None, 8, ["<f8"],
    [("a", [("b", "<f8")])],
)  # fmt: skip
LENGTHS = st.one_of(
    st.integers(1, 12), st.sampled_from((0, -1, True, 2**31, 2**63 - 1, 2**64, 10**30, 1.5, "3", None, -(2**63)))
)
SHAPES = st.one_of(
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    st.lists(LENGTHS, max_size=4).map(tuple),
    st.sampled_from(((), [9, 7], 9, None, "9, 7", ((9, 7),), (9,) * 100)),
)


def header(version, fields, text=None):
    body = (repr(fields) if text is None else text).encode("utf-8" if version == 3 else "latin1", "replace")
    width = 2 if version == 1 else 4
    padding = -(8 + width + len(body) + 1) % 64
    body += b" " * padding + b"\n"
    return b"\x93NUMPY" + bytes((version, 0)) + len(body).to_bytes(width, "little") + body


def taken(descr, shape):
    """Bytes of an array, 0 if there is none."""
    try:  # "a3" for "S3" is deprecated in numpy 2
        with warnings.catch_warnings(action="ignore"):
            return math.prod(shape) * np.dtype(descr).itemsize if all(type(n) is int and n >= 0 for n in shape) else 0
    except (TypeError, ValueError, SyntaxError):
        return 0


@given(st.data())
@fuzzed(1500)
def test_npy_headers(data):
    """Any header before any body; what is read is what numpy reads."""
    descr = data.draw(st.one_of(st.sampled_from(REAL), st.sampled_from(REAL + OTHER)))
    shape = data.draw(SHAPES)
    fields = {
        "descr": descr,
        "fortran_order": data.draw(st.sampled_from((False, True, False, None, 0))),
        "shape": shape,
    }
    if data.draw(st.integers(0, 9)) == 0:
        fields[data.draw(st.sampled_from(("descr", "shape", "more", 3)))] = None
    text = data.draw(st.sampled_from((None,) * 8 + ("(" * 5000, "{", "", "1" * 9000, "\x00", "{'a': 1L}", "[" * 90)))
    length = min(taken(descr, shape), 4096) + data.draw(st.sampled_from((0, 0, 0, 0, -1, 1, -8, 64)))
    content = header(data.draw(st.sampled_from((1, 1, 2, 3, 0, 9))), fields, text)
    content += np.random.default_rng(length & 15).bytes(max(0, length))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "X.npy"
        path.write_bytes(content)
        found = read_or_refused(lambda: load_data(path))
        if not isinstance(found, InputError):
            with np.errstate(all="ignore"):
                expected = np.load(io.BytesIO(content), allow_pickle=False).astype(found.local.dtype)
            np.testing.assert_array_equal(found.local, expected)
        read_or_refused(lambda: load_weights(path, "teacher weights", "p* x N", 7, Group()))


@pytest.mark.parametrize("descr", ["(2,)<f8", ("<f8", (2,))])
def test_entries_that_are_arrays_are_refused(descr, tmp_path):
    """Found by `make fuzz`: numpy maps such a file into memory, and cannot load it."""
    path = tmp_path / "X.npy"
    path.write_bytes(header(1, {"descr": descr, "fortran_order": False, "shape": (3,)}) + bytes(48))
    with pytest.raises(InputError, match="arrays themselves"):
        load_data(path)


def saved(array, **options):
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


WHOLE = {
    "float64": saved(X),
    "fortran": saved(np.asfortranarray(X)),
    "float32": saved(X.astype(">f4")),
    "integers": saved(np.arange(63).reshape(9, 7)),
    "objects": saved(X.astype(object), allow_pickle=True),
    "zip": b"PK\x03\x04" + saved(X),
}


@given(st.sampled_from(sorted(WHOLE)).flatmap(lambda kind: damaged(WHOLE[kind], head=130)))
@fuzzed(1500)
def test_damaged_npy(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "X.npy"
        path.write_bytes(content)
        found = read_or_refused(lambda: load_data(path))
        if not isinstance(found, InputError):
            assert np.isfinite(found.local).all()


@given(st.data())
@fuzzed(300)
def test_three_damaged_files_make_an_instance_or_none(data):
    """Whatever is read, its Hessian is finite and not zero."""
    wholes = {"X": saved(X), "T": saved(X[:1]), "S": saved(X[1:3])}
    with tempfile.TemporaryDirectory() as folder:
        for name, whole in wholes.items():
            path = Path(folder) / f"{name}.npy"
            path.write_bytes(data.draw(damaged(whole)) if data.draw(st.booleans()) else whole)
        names = [str(Path(folder) / f"{name}.npy") for name in "XTS"]
        found = read_or_refused(lambda: file_instance(*names, a=1.0, nev=2))
        if not isinstance(found, InputError):
            image = found.hessian.apply(np.ones(found.hessian.size))
            assert np.isfinite(image).all()
            assert image.any()
