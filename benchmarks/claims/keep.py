"""Folders of results to the tables of instances that the documents are computed from.

.venv/bin/python benchmarks/results.py --keep FOLDER figure-1 figure-3 ...      (after hpcbbp figure 1 --out FOLDER)

A line has what hpcbbp.analysis reads of a record and no more: neither the solver's history nor times and versions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from claims.tables import write_records
from hpcbbp.campaign.courses import courses
from hpcbbp.campaign.job import store_in
from hpcbbp.model.words import Parts
from hpcbbp.solvers.measured import measured


def short(value: float, digits: int = 9) -> float:
    return float(f"{value:.{digits}g}")


def line_of(record: Any) -> dict[str, Any]:
    """What an analysis reads, to 9 digits; whole spectra to 8 and 5."""
    whole = len(record.eigenvalues) > 100
    line = {name: getattr(record, name) for name in ("p", "p_star", "a", "alpha", "n", "seed", "m", "data", "method")}
    line["eigenvalues"] = [short(value, 8 if whole else 9) for value in record.eigenvalues]
    line["overlap2"] = [short(value, 5 if whole else 9) for value in record.overlap2]
    line |= {name: getattr(record, name) for name in ("converged_flags", "nev", "pairs_searched")}
    line |= Parts.of(record.parts).unusual()
    space, quenched = record.largest_overlap_space, record.prediction
    if space is not None:
        line["largest_overlap_space"] = {
            "pair": space.pair, "dimension": space.dimension, "overlap2": short(space.overlap2)
        }  # fmt: skip
    if quenched is not None:
        line["quenched"] = {
            "edge": short(quenched.edge), "edge_scale": short(quenched.edge_scale),
            "lambda_1": short(quenched.lambda_1), "eigenvalues": [short(value) for value in quenched.eigenvalues],
            "overlap2": [short(value) for value in quenched.overlap2],
        }  # fmt: skip
    return line


def courses_of(records: list[Any]) -> list[dict[str, Any]]:
    """Of descents the row of each, to 9 digits, without what is empty."""
    rows = courses(records).to_dict("records")
    return [
        {name: short(value) if isinstance(value, float) else value for name, value in row.items() if value == value}
        for row in rows
    ]


def keep(folder: Path, name: str) -> str:
    """Instances of FOLDER/NAME to docs/results; returns what was done, in words."""
    records = list(store_in(folder / name).read().values())
    lines = [line_of(record) for record in measured(records)] or courses_of(records)
    lines.sort(key=lambda line: [line[key] for key in ("p", "p_star", "a", "n", "alpha", "seed", "method")])
    size = write_records(name, lines)
    return f"{name}: {len(lines)} instances, {size / 1e6:.2f} MB"
