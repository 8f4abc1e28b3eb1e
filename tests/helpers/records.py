"""Records as campaigns leave them, without computing anything."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from hpcbbp.campaign.kept import Record, checked
from hpcbbp.campaign.store import Store
from hpcbbp.solvers.point import Point


def point_at(seed: int = 0, **changes: Any) -> Point:
    """A small point."""
    return Point(**{**dataclasses.asdict(Point(2, 1, 1.5, 3.0, 50, seed, "stored", "float32", 2, 1e-6)), **changes})


def solved(point: Point, **changes: Any) -> dict[str, Any]:
    """A record of numbers that fit each other, drawn from the point's key."""
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(point.key.encode()).digest()[:8], "big"))
    pairs = point.nev or 2
    teacher = rng.uniform(-0.5, 0.5, (pairs, point.p, point.p_star))
    student = rng.uniform(-0.1, 0.1, (pairs, point.p, point.p))
    return {
        **filed(point),
        "data": "StoredData", "method": "krylov-schur", "p": point.p, "p_star": point.p_star, "a": point.a,
        "alpha": point.alpha, "n": point.n, "m": round(point.alpha * point.n), "seed": point.seed,
        "eigenvalues": sorted((-1 - rng.uniform(0, 0.2, pairs)).tolist()),
        "residuals": rng.uniform(1e-9, 1e-7, pairs).tolist(),
        "overlap2": (teacher**2).sum(axis=(1, 2)).tolist(),
        "student_overlap2": (student**2).sum(axis=(1, 2)).tolist(),
        "teacher_overlaps": teacher.tolist(), "student_overlaps": student.tolist(),
        "converged": pairs, "converged_flags": [True] * pairs, "nev": pairs, "tol": point.tol,
        "reason": "converged: the requested pairs reached the tolerance", "products": 95, "seconds": 0.2,
        "history": [{"restart": 1, "products": 38, "converged": 0}], "provenance": {"hpcbbp": "0.1.0", "ranks": 1},
        "largest_overlap_pair": 1, "pairs_searched": pairs,
        "quenched": {
            "edge": -0.84, "edge_scale": 0.02, "lambda_1": -1.01, "eigenvalues": [-1.01, -0.98],
            "overlap2": [0.44, 0.43],
        },
        **changes,
    }  # fmt: skip


def failed(point: Point, reason: str = "it did not work") -> dict[str, Any]:
    return {**filed(point), "failed": reason}


def filed(point: Point) -> dict[str, Any]:
    """What every record has."""
    return {
        "schema": 2, "key": point.key, "point": point.to_dict(), "hpcbbp": "0.1.0", "host": "node",
        "begin": 1795541026.628, "wall_seconds": 0.25, "ranks": 1,
    }  # fmt: skip


def kept(content: dict[str, Any]) -> Record:
    """As Store.read() gives it."""
    return checked(content)


def store_of(folder: Path, *records: dict[str, Any]) -> Store:
    store = Store(folder / "results.jsonl")
    for record in records:
        store.append(record)
    return store


def old_line(record: dict[str, Any]) -> bytes:
    """As hpcbbp 0.1.0 wrote it: schema 1, no checksum."""
    return json.dumps({**record, "schema": 1}).encode() + b"\n"
