"""Arrays from files: .npy (memory-mapped) and HDF5 datasets; each rank reads only what it owns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.data.kernels import Rows
from hpcbbp.data.stored import StoredData, storage_type
from hpcbbp.errors import InputError
from hpcbbp.parallel import Group

_NPY, _HDF5 = b"\x93NUMPY", b"\x89HDF\r\n\x1a\n"


def _split(name: str) -> tuple[Path, str | None]:
    """FILE or FILE:DATASET."""
    path = Path(name)
    if not path.exists() and ":" in name:
        head, _, dataset = name.rpartition(":")
        return Path(head), dataset
    return path, None


def _dataset(file: Any, path: Path, dataset: str | None) -> Any:
    import h5py

    found: list[str] = []
    file.visititems(lambda key, item: found.append(key) if isinstance(item, h5py.Dataset) else None)
    if dataset is None and len(found) == 1:
        return file[found[0]]
    if dataset is None or dataset.strip("/") not in found:
        asked = "no dataset is named" if dataset is None else f"there is no dataset {dataset!r}"
        raise InputError(
            f"{path}: {asked}; write {path}:DATASET with one of: {', '.join(found) or '(the file has none)'}"
        )
    return file[dataset]


@contextmanager
def open_array(name: str, what: str, shape: str) -> Iterator[Any]:
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
        Missing, empty or unreadable file, pickled objects, complex or non-numeric entries, wrong dimensions.
    """
    path, dataset = _split(name)
    if not path.is_file():
        raise InputError(f"{path}: {'is not a file' if path.exists() else 'no such file'} ({what}, {shape})")
    try:
        with path.open("rb") as stream:
            magic = stream.read(8)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if not magic:
        raise InputError(f"{path}: the file is empty; {what} is a real {shape} array")
    try:
        if magic.startswith(_NPY):
            if dataset is not None:
                raise InputError(f"{path} is a .npy file, which has no datasets: leave :{dataset} out")
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            _check(array, name, what, shape)
            yield array
        elif magic == _HDF5:
            import h5py

            with h5py.File(path, "r") as file:
                array = _dataset(file, path, dataset)
                _check(array, name, what, shape)
                yield array
        else:
            raise InputError(f"{path}: neither .npy nor HDF5; save {what} with numpy.save")
    except InputError:
        raise
    except (ValueError, OverflowError) as error:
        if "object" in str(error).lower():
            raise InputError(
                f"{path}: holds pickled Python objects, which are never loaded; save {what} as a plain real array"
            ) from None
        raise InputError(f"{path}: damaged or cut short ({error})") from None
    except OSError as error:
        raise InputError(f"{path}: damaged or cut short ({error})") from None


def _check(array: Any, name: str, what: str, shape: str) -> None:
    if array.dtype.kind == "c":
        raise InputError(f"{name}: entries are complex ({array.dtype}); {what} must be real")
    if array.dtype.kind not in "fiub":
        raise InputError(f"{name}: entries are of type {array.dtype}; {what} must be real numbers")
    if array.ndim != 2:
        hint = "; one unit is reshape(1, -1)" if array.ndim == 1 else ""
        raise InputError(f"{name}: shape {tuple(array.shape)}; {what} must be a two-dimensional {shape} array{hint}")
    if 0 in array.shape:
        raise InputError(f"{name}: shape {tuple(array.shape)} holds no numbers; {what} is a {shape} array")


def read_shape(name: str, what: str, shape: str) -> tuple[int, int, np.dtype[Any]]:
    """Rows, columns and number type of an array file, checked but not read."""
    with open_array(name, what, shape) as array:
        return int(array.shape[0]), int(array.shape[1]), array.dtype


def default_storage(dtype: np.dtype[Any]) -> str:
    """float32 for data that are no better, float64 for all others."""
    return "float32" if dtype.kind == "f" and dtype.itemsize <= 4 else "float64"


def _finite(values: NDArray[Any], name: str, row: int, what: str) -> None:
    good = np.isfinite(values)
    if not good.all():
        bad = np.argwhere(~good)[0]
        raise InputError(
            f"{name}: {values[tuple(bad)]} in row {row + int(bad[0])}, column {int(bad[1])}; "
            f"{what} must be finite numbers"
        )


def load_data(name: str, storage: str | None = None, group: Group | None = None) -> StoredData:
    """Read this rank's rows of X; rows enter as x_mu, unchanged. Collective.

    Parameters
    ----------
    name : str
        See open_array; an M x N array.
    storage : {"float64", "float32"}, optional
        As in the file by default (float64 for integers).
    group : Group, optional
        One process by default.

    Raises
    ------
    InputError
        On all ranks alike, also if only one of them found something wrong.
    """
    group = group or Group()
    what = "the data X"
    with group.agreeing(), open_array(name, what, "M x N") as array:
        m, n = array.shape
        dtype = storage_type(storage or default_storage(array.dtype))
        rows = group.owned(m)
        local: Rows = np.empty((len(rows), n), dtype=dtype)
        step = max(1, 2**24 // n)
        # By pieces: a conversion of all rows at once would hold them twice.
        for start in range(rows.start, rows.stop, step):
            stop = min(rows.stop, start + step)
            piece = local[start - rows.start : stop - rows.start]
            with np.errstate(over="ignore"):  # what overflows float32 is found as infinite just below
                piece[:] = array[start:stop]
            _finite(piece, name, start, what)
    return StoredData(local, m, group)


def load_weights(name: str, what: str, shape: str, n: int, group: Group) -> NDArray[np.float64]:
    """Read this rank's coordinates of the weights: k x N in the file, (n_local, k) returned. Collective.

    Raises
    ------
    InputError
        If the file's N is not n, or an entry is not finite.
    """
    with group.agreeing(), open_array(name, what, shape) as array:
        if array.shape[1] != n:
            raise InputError(
                f"{name}: shape {tuple(array.shape)}, but X has N = {n} columns; "
                f"{what} are a {shape} array with N = {n}"
            )
        columns = group.owned(n)
        local = np.asarray(array[:, columns.start : columns.stop], dtype=np.float64)
        _finite(local, name, 0, what)
    return np.ascontiguousarray(local.T)
