"""Stores merged: what shards and other machines have computed, taken into one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpcbbp.campaign.kept import Failed, Result
from hpcbbp.campaign.record import copied
from hpcbbp.campaign.store import Records, Store
from hpcbbp.errors import InputError


@dataclass(frozen=True)
class Merged:
    """What came of a merge.

    Attributes
    ----------
    appended, present : int
        Records appended, and records of the others that were there already.
    empty : list of Path
        Stores without a record, or folders without a store: a shard that has finished nothing.
    warnings : list of str
        A line a store whose damage took something that no other store has.
    """

    appended: int
    present: int
    empty: list[Path]
    warnings: list[str]


def merge(others: Sequence[Store], target: Store, *, mixed: bool = False) -> Merged:
    """Append to a store what others hold and it does not (a failure gives way to a result).

    Parameters
    ----------
    others : sequence of Store
    target : Store
    mixed : bool
        Whether results of different versions of hpcbbp may come together.

    Raises
    ------
    InputError
        A folder that is missing, no store in any of them, a store that is foreign, of a later schema or cannot be
        written; or different versions.

    Examples
    --------
    >>> merge([work.store], Store(Path("both.jsonl"))).appended
    12
    """
    for other in others:
        if not other.path.parent.is_dir():
            raise InputError(f"{other.path}: no store there")
    if not any(other.path.exists() for other in others):
        raise InputError(f"{others[0].path}: no store there" + (", nor in the other folders" if others[1:] else ""))
    with target.claimed():
        known = target.read()
        stores = [(other.path, other.read(lines=True)) for other in others]
        if not mixed:
            _same_version([(target.path, known), *stores])
        appended, damaged = 0, list(known.damaged)
        for _, records in stores:
            damaged += records.damaged
            for key, record in records.items():
                if key in known and (isinstance(record, Failed) or isinstance(known[key], Result)):
                    continue
                target.write(copied(records.lines[key]))
                known[key] = record
                appended += 1
    present = sum(len(records) for _, records in stores) - appended
    empty = [path for path, records in stores if not records and not records.damaged]
    return Merged(appended, present, empty, Records(known.items(), damaged).warnings())


def _same_version(stores: Iterable[tuple[Path, Records]]) -> None:
    """Raise InputError if results were computed by different versions of hpcbbp."""
    first: dict[str, Path] = {}
    for path, records in stores:
        for record in records.values():
            if isinstance(record, Result):
                first.setdefault(record.hpcbbp, path)
    if len(first) > 1:
        places = ", ".join(f"{version} in {path}" for version, path in first.items())
        raise InputError(
            f"results of different versions of hpcbbp ({places}): compute one anew with the other, or merge them "
            "with --mixed-versions"
        )
