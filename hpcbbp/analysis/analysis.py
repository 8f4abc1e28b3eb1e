"""Everything that the records of a campaign say about finite N, with intervals, beside theory."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd
from scipy import stats

from hpcbbp.analysis.aggregate import curves, models, parts
from hpcbbp.analysis.agreement import agreement
from hpcbbp.analysis.edge_law import edge_laws
from hpcbbp.analysis.fieller import Zero
from hpcbbp.analysis.instances import MODEL, instance_table
from hpcbbp.analysis.overlap_laws import alpha_0, spread_law
from hpcbbp.analysis.phi import Counts, crossings, extrapolate, half_point
from hpcbbp.errors import InputError
from hpcbbp.machine.jsonable import plain_rows
from hpcbbp.theory.named import Model, alpha_bbp_of, effective_threshold_of, known_spectrum_of, known_transition_of

WINDOW = (1.05, 1.4)
"""Window of the linear continuation to alpha_0, in units of alpha_BBP."""


@dataclass(frozen=True)
class Analysis:
    """Tables; a missing table is empty.

    Constants of a law that its own data reject (p_value below hpcbbp.analysis.student.REJECTED) are not a number;
    where nothing could be fitted a column says the reason.

    Attributes
    ----------
    instances : DataFrame
        One row an instance.
    curves : DataFrame
        One row a (model, N, alpha).
    agreement : DataFrame
        The same rows: simulation minus theory in standard errors.
    thresholds : DataFrame
        One row a (model, N): where phi = 1/2, where half of the samples are predicted to be informed, where half of
        the p p* outliers are seen (half_seen), are predicted to be (half_quenched_seen), and alpha_BBP(N) of theory.
    crossings : DataFrame
        One row a pair of successive N.
    limits : DataFrame
        One row a (model, law): half points continued to N = infinity.
    alpha_0 : DataFrame
        One row a (model with a discontinuous transition, N): from data, from quenched predictions, from theory over
        the same alphas, and the tangent.
    edges : DataFrame
        One row a (model, alpha, law) where theory has no outlier.
    spreads : DataFrame
        One row a (model, alpha): exponents of the spread of m^2 and lambda, whether a power of N fits.
    window : (float, float)
        Of alpha_0.
    level : float

    Examples
    --------
    >>> analyse(records.values(), level=0.5).curves["n"].tolist()
    [100, 100, 200, 200]
    """

    instances: pd.DataFrame
    curves: pd.DataFrame
    agreement: pd.DataFrame
    thresholds: pd.DataFrame
    crossings: pd.DataFrame
    limits: pd.DataFrame
    alpha_0: pd.DataFrame
    edges: pd.DataFrame
    spreads: pd.DataFrame
    window: tuple[float, float]
    level: float

    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables by name, empty ones left out; instances, the largest, last."""
        names = (
            "curves", "agreement", "thresholds", "crossings", "limits", "alpha_0", "edges", "spreads", "instances",
        )  # fmt: skip
        found = {name: getattr(self, name) for name in names}
        return {name: table for name, table in found.items() if not table.empty}

    def to_dict(self) -> dict[str, Any]:
        """Every table but the instances as rows, None where there is no value, for JSON."""
        finite = {name: table.replace([math.inf, -math.inf], math.nan) for name, table in self.tables().items()}
        rows = {name: plain_rows(table) for name, table in finite.items() if name != "instances"}
        return {"window": list(self.window), "level": self.level, **rows}


def analyse(records: Iterable[object], *, window: tuple[float, float] = WINDOW, level: float = 0.9) -> Analysis:
    """Analyse records of a campaign.

    Parameters
    ----------
    records : iterable
        As Store.read() gives them.
    window : (float, float)
        alpha / alpha_BBP between which m^2 is continued linearly to alpha_0.
    level : float
        Of all intervals.

    Raises
    ------
    InputError
        No records of solved instances, or values out of their domain.

    Examples
    --------
    >>> len(analyse(records.values()).instances)
    12
    """
    if not 1.0 <= window[0] < window[1]:
        raise InputError(f"window = {window[0]:g} {window[1]:g}: in units of alpha_BBP, 1 <= low < high")
    if not 0.0 < level < 1.0:
        raise InputError(f"level = {level:g}: intervals have a level between 0 and 1, such as 0.9")
    instances = instance_table(records)
    whole = instances[instances["whole"]]
    thresholds = pd.DataFrame([row for model, part in models(whole) for row in _thresholds(model, part, level)])
    return Analysis(
        instances=instances,
        curves=curves(instances, level),
        agreement=agreement(instances, level),
        thresholds=thresholds,
        crossings=pd.DataFrame([row for model, part in models(whole) for row in _crossings(model, part, level)]),
        limits=_limits(thresholds, level),
        alpha_0=pd.DataFrame([row for model, part in models(whole) for row in _alpha_0(model, part, window, level)]),
        edges=pd.DataFrame([row for model, part in models(whole) for row in _edges(model, part, level)]),
        spreads=pd.DataFrame([row for model, part in models(whole) for row in _spreads(model, part, level)]),
        window=window,
        level=level,
    )


def _named(model: Model) -> dict[str, Any]:
    return dict(zip(MODEL, model, strict=True))


def _no_number(*names: str) -> dict[str, float]:
    """What a law says that its own data reject."""
    return dict.fromkeys(names, math.nan)


def _zero(name: str, at: Zero) -> dict[str, float]:
    return {name: at.value, f"{name}_low": at.low, f"{name}_high": at.high}


def _counts(part: pd.DataFrame, column: str) -> list[tuple[float, float, int]]:
    known = part.dropna(subset=[column])
    return [(alpha, float(group[column].sum()), len(group)) for alpha, group in parts(known, "alpha")]


def _turns(counts: Counts) -> bool:
    """Whether a curve passes from below to above 1/2 within its alphas, so that its half point is measured."""
    fractions = [yes / trials for _, yes, trials in counts]
    return len(fractions) >= 2 and min(fractions) < 0.5 < max(fractions)


def _thresholds(model: Model, part: pd.DataFrame, level: float) -> list[dict[str, Any]]:
    rows = []
    for n, group in parts(part, "n"):
        row: dict[str, Any] = {}
        missing: dict[str, str] = {}
        for column, name in (
            ("first", "half_phi"),
            ("quenched_informed", "half_informed"),
            ("seen", "half_seen"),
            ("quenched_seen", "half_quenched_seen"),
        ):
            counts = _counts(group, column)
            if _turns(counts):
                at, reason = Zero(math.nan, math.nan, math.nan), ""
                try:
                    at = half_point(counts, level)
                except InputError as error:
                    reason = str(error)
                row |= {**_zero(name, at), f"{name}_reason": reason}
            else:
                missing[f"{name}_reason"] = "the fraction does not pass 1/2 between these alphas"
        if row:
            theory = effective_threshold_of(model, n)
            row["theory_alpha_bbp_n"] = math.nan if theory.alpha is None else theory.alpha
            row |= {**missing, "theory_alpha_bbp_n_reason": theory.reason, "trusted": theory.trusted}
            rows.append({**_named(model), "n": n, **row, "theory_alpha_bbp": alpha_bbp_of(model)})
    return rows


def _crossings(model: Model, part: pd.DataFrame, level: float) -> list[dict[str, Any]]:
    by_n = {n: _counts(group, "first") for n, group in parts(part, "n")}
    by_n = {n: counts for n, counts in by_n.items() if _turns(counts)}
    return [
        {
            **_named(model), "n": at.n, "larger": at.larger, **_zero("alpha", at.alpha), "phi": at.phi,
            "reason": at.reason, "theory_alpha_bbp": alpha_bbp_of(model),
        }
        for at in crossings(by_n, level)
    ]  # fmt: skip


def _limits(thresholds: pd.DataFrame, level: float) -> pd.DataFrame:
    """Half points of phi whose interval is finite, continued to N = infinity."""
    rows = []
    if "half_phi" in thresholds:
        for model, part in models(thresholds.dropna(subset=["half_phi"])):
            errors = (part["half_phi_high"] - part["half_phi_low"]) / (2 * float(stats.norm.ppf(0.5 + level / 2)))
            known = part[errors < math.inf]
            if len(known) >= 3:
                fits = extrapolate(
                    known["n"].tolist(), known["half_phi"].tolist(), errors[errors < math.inf].tolist(), level
                )
                limit = alpha_bbp_of(model)
                for fit in fits:
                    row = {**_named(model), **vars(fit), "rejected": fit.rejected, "theory_alpha_bbp": limit}
                    rows.append(row | (_no_number("limit", "low", "high") if fit.rejected else {}))
    return pd.DataFrame(rows)


def _alpha_0(model: Model, part: pd.DataFrame, window: tuple[float, float], level: float) -> list[dict[str, Any]]:
    at = known_transition_of(model)
    if at is None or at.alpha_0 is None:  # of a continuous transition the line ends at alpha_BBP itself
        return []
    low, high = window[0] * at.alpha_bbp - 1e-6, window[1] * at.alpha_bbp + 1e-6  # campaigns round alpha to 1e-6
    inside = part[part["alpha"].between(low, high)].dropna(subset=["overlap2"])
    rows, outliers = [], int(model[0]) * model[1]
    for n, group in parts(inside, "n"):
        if len(group) < 3 or group["alpha"].nunique() < 2:
            continue
        alphas = group["alpha"].tolist()
        limit = {alpha: known_spectrum_of(model, alpha).mean_overlap2(outliers) for alpha in sorted(set(alphas))}
        row = {
            **_named(model), "n": n, "instances": len(group), "alphas": len(limit),
            "alpha_low": min(alphas), "alpha_high": max(alphas),
            **_zero("data", alpha_0(alphas, group["overlap2"].tolist(), level)),
        }  # fmt: skip
        predicted = group.dropna(subset=["quenched_overlap2"])
        if len(predicted) == len(group):
            row |= _zero("quenched", alpha_0(alphas, predicted["quenched_overlap2"].tolist(), level))
        row["theory_in_window"] = alpha_0(alphas, [limit[alpha] for alpha in alphas], level).value
        row["theory_alpha_0"] = at.alpha_0
        row["theory_alpha_bbp"] = at.alpha_bbp
        rows.append(row)
    return rows


def _edges(model: Model, part: pd.DataFrame, level: float) -> list[dict[str, Any]]:
    rows = []
    for alpha, group in parts(part, "alpha"):
        limit = known_spectrum_of(model, alpha)
        if limit.lambda_star is not None or math.isnan(limit.lambda_minus):
            continue
        distances = {n: (some["lambda_1"] - limit.lambda_minus).tolist() for n, some in parts(group, "n")}
        distances = {n: values for n, values in distances.items() if len(set(values)) >= 3}
        if len(distances) < 3:
            continue
        try:
            fits = edge_laws(distances, level=level)
        except InputError as error:
            rows.append({**_named(model), "alpha": alpha, "edge": limit.edge, "reason": str(error)})
            continue
        for fit in fits:
            row = {
                **_named(model),
                "alpha": alpha,
                "edge": limit.edge,
                "sizes": len(distances),
                "law": fit.law,
            }
            for name, values in (("", fit.constants), ("_low", fit.low), ("_high", fit.high)):
                row["first" + name] = math.nan if fit.rejected else values[0]
                row["B" + name] = math.nan if fit.rejected or len(values) < 2 else values[1]
            row |= {"chi2": fit.chi2, "weight": fit.weight, "p_value": fit.p_value, "rejected": fit.rejected}
            rows.append({**row, "reason": ""})
    return rows


def _spreads(model: Model, part: pd.DataFrame, level: float) -> list[dict[str, Any]]:
    rows = []
    for alpha, group in parts(part, "alpha"):
        row: dict[str, Any] = {}
        sizes = 0
        for column, name in (("overlap2", "overlap2"), ("lambda_mean", "lambda")):
            samples = {n: some[column].tolist() for n, some in parts(group, "n") if some[column].nunique() >= 3}
            if len(samples) < 2:
                continue
            sizes = max(sizes, len(samples))
            columns = [f"{name}_{what}" for what in ("exponent", "low", "high")]
            try:
                fit = spread_law(samples, level)
            except InputError as error:
                row |= {**_no_number(*columns, f"{name}_chi2", f"{name}_p_value"), f"{name}_reason": str(error)}
                continue
            exponent = (math.nan,) * 3 if fit.rejected else (fit.exponent, fit.low, fit.high)
            row |= {**dict(zip(columns, exponent, strict=True)), f"{name}_chi2": fit.chi2}
            row |= {f"{name}_p_value": fit.p_value, f"{name}_reason": ""}
        if row:
            rows.append({**_named(model), "alpha": alpha, **row, "sizes": sizes})
    return rows
