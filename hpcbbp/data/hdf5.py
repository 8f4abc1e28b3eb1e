"""Datasets of HDF5 files: found by name, and whole: HDF5 itself reads what is missing as zeros, without a word.

Imported only where such a file is met: h5py comes with an extra.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import h5py

from hpcbbp.errors import InputError

_NAMED = 10  # datasets that a message lists


def opened(path: Path) -> Any:
    """The file, for reading."""
    return h5py.File(path, "r")


def dataset_of(file: Any, path: Path, name: str | None) -> Any:
    """Dataset of that name, or the only one; InputError names those that are there."""
    found: list[str] = []
    file.visititems(lambda key, item: found.append(key) if isinstance(item, h5py.Dataset) else None)
    if name is None and len(found) == 1:
        return file[found[0]]
    if name is None or name.strip("/") not in found:
        asked = "no dataset is named" if name is None else f"there is no dataset {name!r}"
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        listed = ", ".join(found[:_NAMED]) + more or "(the file has none)"
        raise InputError(f"{path}: {asked}; write {path}:DATASET with one of: {listed}")
    return file[name]


def check_whole(dataset: Any, path: Path, name: str) -> None:
    """Raise InputError if part of a dataset was never written, or lies in a file that is not there."""
    if dataset.is_virtual:
        _check_virtual(dataset, path, name)
    elif dataset.external:
        _check_external(dataset, name)
    elif dataset.chunks is not None:
        there, all_ = dataset.id.get_num_chunks(), 1
        for length, chunk in zip(dataset.shape, dataset.chunks, strict=True):
            all_ *= -(-length // chunk)
        if there < all_:
            raise InputError(
                f"{name}: {there} of its {all_} chunks were ever written, the rest would be read as "
                f"{dataset.fillvalue}: write them all"
            )
    elif dataset.id.get_storage_size() == 0 and 0 not in dataset.shape:
        raise InputError(f"{name}: nothing was ever written to this dataset; write X to it")


def _check_virtual(dataset: Any, path: Path, name: str) -> None:
    covered = 0
    for source in dataset.virtual_sources():
        covered += int(source.vspace.get_select_npoints())
        if "%b" in source.file_name or "%b" in source.dset_name:  # a series of files; it ends where they do
            return
        if source.file_name == ".":
            continue
        file_name = source.file_name.replace("%%", "%")
        folders = [os.environ.get("HDF5_VDS_PREFIX", ""), str(path.parent), ""]
        places = [place for folder in folders if (place := Path(folder) / file_name).is_file()]
        if not places:
            raise InputError(f"{name}: a virtual dataset, of whose sources {file_name} is not there")
        try:
            with h5py.File(places[0], "r") as file:
                there = source.dset_name in file
        except OSError as error:
            raise InputError(
                f"{name}: a virtual dataset, whose source {places[0]} cannot be read ({error})"
            ) from None
        if not there:
            raise InputError(f"{name}: a virtual dataset, whose source {places[0]} has no {source.dset_name}")
    if covered < dataset.size:
        raise InputError(f"{name}: a virtual dataset, whose sources give {covered} of its {dataset.size} numbers")


def _check_external(dataset: Any, name: str) -> None:
    needed, prefix = int(dataset.nbytes), os.environ.get("HDF5_EXTFILE_PREFIX", "")
    for file_name, offset, size in dataset.external:
        place = Path(prefix) / file_name
        if not place.is_file():
            raise InputError(f"{name}: its numbers are in {place}, which is not there")
        part = min(int(size), needed)
        if place.stat().st_size < int(offset) + part:
            raise InputError(f"{name}: its numbers are in {place}, which is cut short")
        needed -= part
