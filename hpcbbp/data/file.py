"""Arrays from files: .npy (memory-mapped) and HDF5 datasets; each rank reads only what it owns."""

from __future__ import annotations

import os
import re
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError, shown
from hpcbbp.machine.optional import require

_NPY, _HDF5 = b"\x93NUMPY", b"\x89HDF\r\n\x1a\n"
_HEADER = 10_000  # bytes of an .npy header at most, as numpy has it
_SUBARRAY = re.compile(rb"""['"]descr['"]\s*:\s*(['"]\s*)?\(""")


def _status(path: str) -> os.stat_result | OSError:
    try:
        return Path(path).stat()
    except OSError as error:
        return error
    except ValueError as error:  # a zero byte
        return OSError(0, str(error))


def _split(name: str, what: str, shape: str) -> tuple[Path, str | None]:
    """FILE or FILE:DATASET; InputError unless FILE is a file that is there."""
    if not isinstance(name, str | os.PathLike) or not isinstance(os.fspath(name), str):
        raise InputError(f"{shown(name)}: the name of a file is needed ({what}, {shape})")
    file, dataset = os.fspath(name), None
    status = _status(file)
    if isinstance(status, OSError) and ":" in file:
        file, _, dataset = file.rpartition(":")
        status = _status(file)
    if isinstance(status, FileNotFoundError):
        raise InputError(f"{file}: no such file ({what}, {shape})")
    if isinstance(status, OSError):
        raise InputError(f"{file}: cannot be read ({status.strerror}) ({what}, {shape})")
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{file}: is not a file ({what}, {shape})")
    return Path(file), dataset


@contextmanager
def _reading(path: Path, what: str) -> Iterator[None]:
    """Make whatever numpy, h5py and HDF5 raise about the contents of a file one line that names it.

    A damaged header can make them raise anything (SyntaxError, KeyError, RecursionError ... were seen); no code of
    ours runs inside but the checks, which raise InputError.
    """
    try:
        with warnings.catch_warnings(), np.errstate(over="ignore", invalid="ignore"):
            warnings.simplefilter("ignore")
            yield
    except InputError as error:
        raise InputError(" ".join(str(error).split())) from None  # names inside a file may have line ends
    except Exception as error:
        said = " ".join(f"{error}".split()) or type(error).__name__
        if "python objects" in said.lower() or "object arrays" in said.lower():
            raise InputError(
                f"{path}: holds pickled Python objects, which are never loaded; save {what} as a plain real array"
            ) from None
        raise InputError(
            f"{path}: damaged or cut short ({said if len(said) < 200 else said[:197] + '...'})"
        ) from None


class ArrayFile:
    """A real two-dimensional array in an open file, read by slices.

    Attributes
    ----------
    shape : tuple of int
    dtype : numpy.dtype
    """

    def __init__(self, array: Any, path: Path, what: str) -> None:
        self._array, self._path, self._what = array, path, what
        self.shape: tuple[int, int] = (int(array.shape[0]), int(array.shape[1]))
        self.dtype: np.dtype[Any] = array.dtype
        about = path.stat()
        self.stamp = about.st_size, about.st_mtime_ns

    def read(self, rows: slice, columns: slice, out: NDArray[Any]) -> None:
        """Read a block into an array, converted to its number type: what overflows it becomes infinite."""
        with _reading(self._path, self._what):
            out[:] = self._array[rows, columns]


def _npy(path: Path, dataset: str | None) -> Any:
    """Memory-map an .npy file that is as long as its header says."""
    if dataset is not None:
        raise InputError(f"{path} is a .npy file, which has no datasets: leave :{dataset} out")
    with path.open("rb") as stream:
        start, words = stream.read(12), stream.read(_HEADER)
    width = 2 if start[6:7] == b"\x01" else 4
    if len(start) < 12 or int.from_bytes(start[8 : 8 + width], "little") > _HEADER:
        raise InputError(f"{path}: damaged or cut short (a header of more than {_HEADER} bytes, or none)")
    with warnings.catch_warnings(action="ignore"):  # of types that numpy calls by another name by now
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    if _SUBARRAY.search((start + words)[: array.offset]):  # numpy maps those into memory, but does not load them
        raise InputError(f"{path}: entries are arrays themselves; save plain numbers")
    expected, there = array.offset + array.nbytes, path.stat().st_size
    if there != expected:
        raise InputError(
            f"{path}: damaged ({there} bytes, where its header says {array.dtype} of shape {array.shape}, which "
            f"takes {expected}); save one array in a file"
        )
    return array


@contextmanager
def open_array(name: str, what: str, shape: str) -> Iterator[ArrayFile]:
    """Open a real two-dimensional array for reading slices, without reading it.

    Parameters
    ----------
    name : str
        FILE.npy, FILE.h5 (with a single dataset) or FILE.h5:DATASET.
    what, shape : str
        What it holds and what its shape should be, for the messages ("the data X", "M x N").

    Raises
    ------
    InputError
        Missing, empty or unreadable file, pickled objects, complex or non-numeric entries, wrong dimensions, a
        dataset of which a part was never written or lies in a file that is not there.
    """
    path, dataset = _split(name, what, shape)
    try:
        with path.open("rb") as stream:
            magic = stream.read(8)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if not magic:
        raise InputError(f"{path}: the file is empty; {what} is a real {shape} array")
    if magic.startswith(_NPY):
        with _reading(path, what):
            array = _npy(path, dataset)
            _check(array, name, what, shape)
        yield ArrayFile(array, path, what)
    elif magic == _HDF5:
        require(f"{path}, an HDF5 file,", "files")
        with _reading(path, what):
            from hpcbbp.data import hdf5

            file = hdf5.opened(path)
        try:
            with _reading(path, what):
                array = hdf5.dataset_of(file, path, dataset)
                _check(array, name, what, shape)
                hdf5.check_whole(array, path, name)
            yield ArrayFile(array, path, what)
        finally:
            with _reading(path, what):
                file.close()
    else:
        raise InputError(f"{path}: neither .npy nor HDF5; save {what} with numpy.save")


def _check(array: Any, name: str, what: str, shape: str) -> None:
    if array.dtype.kind == "c":
        raise InputError(f"{name}: entries are complex ({array.dtype}); {what} must be real")
    if array.dtype.kind not in "fiub":
        raise InputError(f"{name}: entries are of type {array.dtype}; {what} must be real numbers")
    if array.shape is None or len(array.shape) != 2:  # a dataset without a shape: h5py.Empty
        hint = "; one unit is reshape(1, -1)" if array.shape is not None and len(array.shape) == 1 else ""
        raise InputError(f"{name}: shape {array.shape}; {what} must be a two-dimensional {shape} array{hint}")
    if 0 in array.shape:
        raise InputError(f"{name}: shape {tuple(array.shape)} holds no numbers; {what} is a {shape} array")


def read_shape(name: str, what: str, shape: str) -> tuple[int, int, np.dtype[Any]]:
    """Rows, columns and number type of an array file, checked but not read."""
    with open_array(name, what, shape) as array:
        return (*array.shape, array.dtype)
