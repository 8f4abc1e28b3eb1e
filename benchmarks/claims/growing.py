"""Tables that grow: instances that are there already are not computed again, and each batch is kept at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pandas as pd

from claims.tables import FOLDER, table, write_table

Row = dict[str, Any]


def grow(
    name: str,
    key: Sequence[str],
    jobs: Iterable[Row],
    compute: Callable[[Row], list[Row]],
    processes: int,
    batch: int = 50,
) -> None:
    """Compute the jobs whose `key` no row of a table in docs/results has; `compute` gives a job's rows."""
    known = table(name) if (FOLDER / f"{name}.csv.xz").exists() else pd.DataFrame(columns=list(key))
    have = set(known[list(key)].itertuples(index=False, name=None))
    missing = [job for job in jobs if tuple(job[column] for column in key) not in have]
    print(f"{name}: {len(have)} there, {len(missing)} to compute", flush=True)
    with ProcessPoolExecutor(processes) as pool:
        for some in (missing[i : i + batch] for i in range(0, len(missing), batch)):
            rows = [row for found in pool.map(compute, some) for row in found]
            known = pd.concat([known, pd.DataFrame(rows)]) if len(known) else pd.DataFrame(rows)
            write_table(name, known.sort_values(list(key), kind="stable"))
            print(f"{name}: up to {some[-1]}", flush=True)
