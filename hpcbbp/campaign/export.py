"""Records as a table for pandas: one row an eigenpair; stores merged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from hpcbbp.campaign.store import Store
from hpcbbp.errors import InputError

POINT = ("p", "p_star", "a", "alpha", "n", "seed", "method", "storage", "tol")
WHOLE = ("m", "reason", "products", "seconds", "wall_seconds", "ranks", "hpcbbp", "host", "begin")


def pairs(records: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """One row an eigenpair of every instance that did not fail.

    Parameters
    ----------
    records : iterable of dict
        As Store.read() gives them.

    Returns
    -------
    DataFrame
        The point; pair (1: lowest), eigenvalue, residual, overlap2, student_overlap2, converged; the instance's own
        quenched prediction of this pair (quenched_eigenvalue and quenched_overlap2, empty where it predicts no such
        outlier) and of its edge (quenched_edge, quenched_edge_scale, quenched_lambda_1); then how it was computed.
    """
    rows = []
    for record in records:
        if "failed" in record or "point" not in record:
            continue
        quenched = record.get("quenched", {})
        outliers = list(zip(quenched.get("eigenvalues", ()), quenched.get("overlap2", ()), strict=True))
        for i, value in enumerate(record["eigenvalues"]):
            predicted = outliers[i] if i < len(outliers) else (None, None)
            rows.append(
                {
                    **{name: record["point"][name] for name in POINT},
                    "pair": i + 1,
                    "eigenvalue": value,
                    "residual": record["residuals"][i],
                    "overlap2": record["overlap2"][i],
                    "student_overlap2": record["student_overlap2"][i],
                    "converged": record["converged_flags"][i],
                    "quenched_eigenvalue": predicted[0],
                    "quenched_overlap2": predicted[1],
                    "quenched_edge": quenched.get("edge"),
                    "quenched_edge_scale": quenched.get("edge_scale"),
                    "quenched_lambda_1": quenched.get("lambda_1"),
                    **{name: record.get(name) for name in WHOLE},
                }
            )
    table = pd.DataFrame(rows)
    numbers = [name for name in table.columns if name.startswith("quenched_")]
    return table.astype(dict.fromkeys(numbers, float))


def _hdf5(table: pd.DataFrame, path: Path) -> None:
    """One dataset a column in the group /pairs: readable without pandas."""
    import h5py

    with h5py.File(path, "w") as file:
        group = file.create_group("pairs")
        for name in table.columns:
            column = table[name]
            plain = column.to_numpy()
            if plain.dtype.kind not in "biuf":
                group.create_dataset(name, data=column.astype(str).to_list(), dtype=h5py.string_dtype())
            else:
                group.create_dataset(name, data=plain)


WRITERS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    ".csv": lambda table, path: table.to_csv(path, index=False),
    ".parquet": lambda table, path: table.to_parquet(path, index=False),
    ".h5": _hdf5,
}


def write_pairs(records: Iterable[Mapping[str, Any]], path: Path) -> int:
    """Write the table of pairs; the ending of the file says how. Returns the number of rows.

    Raises
    ------
    InputError
        Another ending, no records, or a file that cannot be written.
    """
    if path.suffix not in WRITERS:
        raise InputError(f"{path}: the name of an exported file ends in one of {', '.join(WRITERS)}")
    table = pairs(records)
    if table.empty:
        raise InputError("no results to export: the store holds no instance that was solved")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        WRITERS[path.suffix](table, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from None
    return len(table)


def merge(others: Sequence[Store], target: Store, *, mixed: bool = False) -> tuple[int, int]:
    """Append to a store what others hold and it does not (a failure gives way to a result).

    Parameters
    ----------
    others : sequence of Store
    target : Store
    mixed : bool
        Whether results of different versions of hpcbbp may come together.

    Returns
    -------
    (int, int)
        Records appended, and records of the others that were there already.

    Raises
    ------
    InputError
        A store that is missing, foreign, of a later schema, or cannot be written; or different versions.
    """
    for other in others:
        if not other.path.exists():
            raise InputError(f"{other.path}: no store there")
    with target.claimed():
        known = target.read()
        if not mixed:
            _same_version([target, *others])
        appended = present = 0
        for other in others:
            for key, record in other.read().items():
                if key in known and ("failed" in record or "failed" not in known[key]):
                    present += 1
                    continue
                target.append(record)
                known[key] = record
                appended += 1
    return appended, present


def _same_version(stores: Sequence[Store]) -> None:
    """Raise InputError if results were computed by different versions of hpcbbp."""
    first: dict[str, Path] = {}
    for store in stores:
        for record in store.read().values():
            if "failed" not in record:
                first.setdefault(str(record.get("hpcbbp", "unknown")), store.path)
    if len(first) > 1:
        places = ", ".join(f"{version} in {path}" for version, path in first.items())
        raise InputError(
            f"results of different versions of hpcbbp ({places}): compute one anew with the other, or merge them "
            "with --mixed-versions"
        )
