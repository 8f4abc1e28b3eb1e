"""`hpcbbp cite`: BibTeX of what a result rests on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpcbbp.cli.options import Json
from hpcbbp.errors import InputError, shown

if TYPE_CHECKING:
    from collections.abc import Iterable


def cite(
    results: Annotated[
        list[Path] | None,
        typer.Argument(metavar="RESULTS", help="Folders of results, or files that solve --json has printed."),
    ] = None,
    as_json: Json = False,
) -> None:
    """BibTeX of the paper, of hpcbbp, of PETSc and SLEPc, and of the methods that your results used."""
    from hpcbbp.cli.output import Output
    from hpcbbp.solvers.cited import bibtex, keys

    output = Output(as_json)
    methods = sorted({method for path in results for method in methods_of(path)}) if results else None
    if as_json:
        output.json({"methods": methods, "keys": keys(methods), "bibtex": bibtex(methods)})
    else:
        output.text(bibtex(methods))


def methods_of(path: Path) -> Iterable[str]:
    """Methods of the records of a folder, or of one answer of `solve --json`.

    Raises
    ------
    InputError
        Where there is neither.
    """
    from hpcbbp.machine.optional import require

    if path.suffix == ".json" or (path.is_file() and path.suffix != ".jsonl"):
        return [method_of_answer(path)]
    require(f"hpcbbp cite {path}", "campaigns")
    from hpcbbp.campaign.job import store_in
    from hpcbbp.campaign.kept import Result
    from hpcbbp.cli.output import warn

    store = store_in(path)
    records = store.read()
    for line in records.warnings():
        warn(line)
    found = {record.point.method for record in records.values() if isinstance(record, Result)}
    if not found:
        raise InputError(f"{store.path}: no results there yet")
    return found


def method_of_answer(path: Path) -> str:
    """Method of an answer, in the word of `--method`; InputError for any other file."""
    import json

    from hpcbbp.machine.text import text_of
    from hpcbbp.solvers.methods import METHODS

    text = text_of(path, "JSON answer of hpcbbp solve", "JSON")
    try:
        answer = json.loads(text)
        data, method = answer["data"], answer["method"]
    except (KeyError, RecursionError, TypeError, ValueError):
        raise InputError(f"{path}: not what hpcbbp solve --json prints: an object with data and method") from None
    if method == "krylov-schur":
        return {"DiceData": "dice", "RegeneratedData": "regenerated"}.get(str(data), "stored")
    if not isinstance(method, str) or method not in METHODS:
        raise InputError(f"{path}: method {shown(method)}: one of {', '.join(METHODS)}")
    return str(method)
