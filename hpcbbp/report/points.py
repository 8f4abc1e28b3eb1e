"""Tables with a row for every point: simulation, theory with its error, and how far apart they are."""

from __future__ import annotations

import math
from operator import attrgetter

import pandas as pd

from hpcbbp.analysis.analysis import Analysis
from hpcbbp.machine.table import Column, Table
from hpcbbp.model.columns import MODEL, N
from hpcbbp.report.cells import Row, decimals_of, interval_of, mean, table_of

ALPHA = decimals_of("alpha", "alpha", 4)
OVERLAP2 = mean("m^2", "overlap2")
QUENCHED_OVERLAP2 = decimals_of("quenched", "quenched_overlap2", 4)
THEORY_OVERLAP2 = decimals_of("N = inf", "theory_overlap2", 4)
LAMBDA_STAR = decimals_of("lambda*", "theory_lambda_star", 4)
LAMBDA_MINUS = decimals_of("lambda_-", "theory_lambda_minus", 4)

_SEEDS: Column[Row] = Column(
    "seeds", lambda row: f"{row.seeds:.0f}" + (f" (+{row.unconverged:.0f})" if row.unconverged else "")
)
_ERROR: Column[Row] = Column("theory's error", lambda row: f"{row.theory_error:.0e}")


def _apart(title: str, name: str) -> Column[Row]:
    """A difference in standard errors; a star where its interval leaves zero out."""

    def text(row: Row) -> str:
        errors = getattr(row, f"{name}_errors")
        if math.isnan(errors):
            return "-"
        return f"{errors:+.1f}" + ("" if getattr(row, f"{name}_within") else " *")

    return Column(title, text)


_OVERLAPS = (
    *MODEL,
    ALPHA,
    N,
    _SEEDS,
    OVERLAP2,
    mean("quenched", "quenched_overlap2"),
    _apart("m^2 - quenched, s.e.", "overlap2_quenched"),
    THEORY_OVERLAP2,
    _ERROR,
    _apart("m^2 - N = inf, s.e.", "overlap2_limit"),
    mean("m^2 lowest", "overlap2_1"),
    decimals_of("its median", "overlap2_1_median", 4),
)
_EIGENVALUES = (
    *MODEL,
    ALPHA,
    N,
    _SEEDS,
    mean("lambda_1", "lambda_1"),
    mean("quenched", "quenched_lambda_1"),
    _apart("lambda_1 - quenched, s.e.", "lambda_1_quenched"),
    mean("lambda (mean)", "lambda_mean"),
    LAMBDA_STAR,
    _ERROR,
    _apart("lambda - lambda*, s.e.", "lambda_mean_limit"),
    LAMBDA_MINUS,
)
_PHI = (
    *MODEL,
    ALPHA,
    N,
    Column("seeds", lambda row: f"{row.phi_seeds:.0f}"),
    interval_of("phi", "phi", 3),
    decimals_of("quenched", "quenched_phi", 3),
)

_KEYS = ["p", "p_star", "a", "parts", "n", "alpha"]


def curve_tables(found: Analysis) -> list[Table[Row]]:
    """Averages over seeds at every point, beside theory."""
    added = [name for name in found.agreement if name in _KEYS or name not in found.curves]
    rows = found.curves.merge(found.agreement[added], on=_KEYS, how="left")
    sure = f"{100 * found.level:.0f}%"
    apart = (
        "s.e.: in standard errors of the difference over seeds; *: zero is outside of its "
        f"{sure} interval (Student's), as by chance {100 - 100 * found.level:.0f}% are"
    )
    limit = "N = inf is a limit, which a finite N need not have reached; a dash: there is nothing to compare"
    overlaps = (
        "m^2: mean over the lowest p p* vectors; lowest: of the lowest vector alone; quenched: predicted from the "
        "projections of the same instances, and compared where all outliers are predicted in all of them; (+k): k "
        f"more did not converge and are left out; {apart}; {limit}"
    )
    eigenvalues = (
        "lambda (mean): over the lowest p p* eigenvalues, which the outlier lambda* splits into at finite N; "
        f"lambda_-: edge of the bulk at N = inf; {apart}; {limit}"
    )
    phi = f"phi: share of instances whose lowest vector has the largest overlap, with its {sure} interval (Wilson's)"
    return [
        *table_of("Overlaps", _OVERLAPS, rows, overlaps),
        *table_of("Eigenvalues", _EIGENVALUES, rows, eigenvalues),
        *table_of("phi", _PHI, rows.dropna(subset=["phi"]), phi),
    ]


_DESCENTS = (
    *MODEL,
    Column("descent", attrgetter("descent")),
    ALPHA,
    N,
    Column("seeds", lambda row: f"{row.seeds:.0f}" + (f" (+{row.early:.0f})" if row.early else "")),
    mean("largest m^2", "largest_overlap2"),
    decimals_of("median", "largest_overlap2_median", 4),
    decimals_of("log10 gain", "log10_gain", 2),
    mean("last m^2", "overlap2_last"),
    decimals_of("m^2 > 1/2", "recovered", 3),
)


def descent_tables(rows: pd.DataFrame) -> list[Table[Row]]:
    """Averages over seeds of descents at every point."""
    note = (
        "largest: of all steps; gain: of that over m^2 at the start; m^2 > 1/2: share of descents; (+n): ended early"
    )
    return table_of("Gradient descent", _DESCENTS, rows, note)
