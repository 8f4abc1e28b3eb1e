"""Records with known answers through the whole analysis."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from hpcbbp import InputError
from hpcbbp.analysis.analysis import analyse
from hpcbbp.figures.campaign import edge_figure
from hpcbbp.figures.phi import phi_figure
from hpcbbp.report.tables import law_tables
from hpcbbp.theory import spectrum, transition

SMOOTH = (2, 1, 1.5)


def _space(first):
    return {"pair": 1 if first else 7, "dimension": 1, "overlap2": 0.5}


def record(model, n, alpha, seed, *, lambdas, m2, first=None, quenched=None, flags=None):
    p, p_star, a = model
    found = {
        "p": p, "p_star": p_star, "a": a, "n": n, "alpha": alpha, "seed": seed, "method": "dense",
        "eigenvalues": list(lambdas), "overlap2": list(m2), "converged_flags": flags or [True] * len(lambdas),
    }  # fmt: skip
    if first is not None:
        found |= {"pairs_searched": p * n, "largest_overlap_space": _space(first)}
    if quenched is not None:
        found["quenched"] = quenched
    return found


def test_one_instance_to_one_row():
    quenched = {"edge": -0.9, "edge_scale": 0.01, "lambda_1": -1.0, "eigenvalues": [-1.0], "overlap2": [0.3]}
    table = analyse(
        [
            record(SMOOTH, 50, 2.0, 0, lambdas=[-1.1, -0.9], m2=[0.2, 0.4], first=False, quenched=quenched),
            record(SMOOTH, 50, 2.0, 1, lambdas=[-1.2, -0.8], m2=[0.4, 0.4]),
            record(SMOOTH, 50, 2.0, 2, lambdas=[-1.2, -0.8], m2=[9.0, 9.0], flags=[True, False]),
            {**record(SMOOTH, 50, 2.0, 3, lambdas=[-1.3], m2=[0.5]), "nev": 1},
            {"failed": "out of memory", "key": "x"},
        ]
    ).instances
    first = table.iloc[0]
    assert (first["lambda_1"], first["lambda_mean"], first["overlap2_1"]) == (-1.1, -1.0, 0.2)
    assert first["overlap2"] == pytest.approx(0.3)
    assert (first["first"], first["quenched_informed"], first["quenched_first"]) == (0.0, 1.0, 1.0)
    assert first["quenched_overlap2"] == pytest.approx(0.15)  # the second of the pair is predicted to be in the bulk
    assert math.isnan(table.iloc[1]["first"])  # two vectors of a hundred: nobody knows
    assert list(table["whole"]) == [True, True, False, True]
    assert (table.iloc[3]["lambda_1"], table.iloc[3]["overlap2_1"]) == (-1.3, 0.5)  # one pair was asked for
    assert math.isnan(table.iloc[3]["overlap2"])
    assert math.isnan(table.iloc[2]["overlap2"])


def test_alpha_0_spreads_and_quantiles():
    """m^2 on a line with alpha_0 = 1.1, scatter 2 N^(-1/2)."""
    rng, records = np.random.default_rng(0), []
    top = transition(*SMOOTH).alpha_bbp
    for n in (100, 400, 1600, 6400):
        for alpha in (1.1 * top, 1.2 * top, 1.3 * top):
            for seed in range(60):
                m2 = 0.5 * (alpha - 1.1) + 2 * n**-0.5 * rng.standard_normal()
                lambdas = -1 - alpha + 3 * n**-0.5 * rng.standard_normal()
                records.append(record(SMOOTH, n, alpha, seed, lambdas=[lambdas] * 2, m2=[m2] * 2))
        records.append(record(SMOOTH, n, 5.0, 0, lambdas=[-9] * 2, m2=[5.0] * 2))  # outside the window
    found = analyse(records, window=(1.0, 1.5))
    assert list(found.alpha_0["n"]) == [100, 400, 1600, 6400]
    last = found.alpha_0.iloc[-1]
    assert last["data_low"] < 1.1 < last["data_high"]
    assert last["data"] == pytest.approx(1.1, abs=0.1)
    assert last["theory_alpha_0"] == pytest.approx(transition(*SMOOTH).alpha_0)
    limit = [spectrum(*SMOOTH, x * top).overlap2 for x in (1.1, 1.2, 1.3)]
    slope, offset = np.polyfit([1.1 * top, 1.2 * top, 1.3 * top], limit, 1)
    assert last["theory_in_window"] == pytest.approx(-offset / slope)
    assert "quenched" not in found.alpha_0
    for row in found.spreads.head(3).to_dict("records"):
        assert row["overlap2_low"] - 0.03 < 0.5 < row["overlap2_high"] + 0.03
        assert row["lambda_exponent"] == pytest.approx(0.5, abs=0.08)
    point = found.curves[(found.curves["n"] == 6400)].iloc[0]
    expected = 0.5 * (1.1 * top - 1.1)
    assert point["overlap2_median"] == pytest.approx(expected, abs=0.02)
    assert point["overlap2_q90"] - point["overlap2_q10"] == pytest.approx(2 * 1.2816 * 2 / 80, rel=0.3)
    json.dumps(found.to_dict(), allow_nan=False)


def test_thresholds_crossings_and_their_limit():
    """phi crosses at 1.2 for every N; half points lie N^(-1/3) below."""
    rng, model, records = np.random.default_rng(1), (1, 1, 1.0), []
    for n in (100, 1000, 10_000):
        for alpha in np.linspace(0.9, 1.3, 9):
            phi = 1 / (1 + np.exp(-(1 + 2 * n ** (1 / 3) * (alpha - 1.2))))
            for seed in range(150):
                records.append(
                    record(model, n, float(alpha), seed, lambdas=[-1.0], m2=[0.1], first=rng.random() < phi)
                )
    found = analyse(records)
    assert list(found.crossings["larger"]) == [1000, 10_000]
    for row in found.crossings.to_dict("records"):
        assert row["alpha_low"] - 0.02 < 1.2 < row["alpha_high"] + 0.02
        assert row["phi"] == pytest.approx(1 / (1 + math.exp(-1)), abs=0.12)
    halves = dict(zip(found.thresholds["n"], found.thresholds["half_phi"], strict=True))
    for n, half in halves.items():
        assert half == pytest.approx(1.2 - 0.5 * n ** (-1 / 3), abs=0.02)
    assert set(found.limits["law"]) == {"N^(-1/3)", "1/log N"}
    right = found.limits[found.limits["law"] == "N^(-1/3)"].iloc[0]
    assert right["low"] - 0.01 < 1.2 < right["high"] + 0.01
    counted = found.curves.iloc[0]
    assert counted["phi_low"] < counted["phi"] < counted["phi_high"]
    assert counted["phi_seeds"] == 150


def test_the_law_of_an_edge():
    limit, rng = spectrum(*SMOOTH, 1.0).lambda_minus, np.random.default_rng(2)
    records = []
    for n in (100, 1000, 10_000, 100_000):
        for seed in range(20):
            lowest = limit + 0.6 / (np.log(n) + 15) * (1 + 0.05 * rng.standard_normal())
            records.append(record(SMOOTH, n, 1.0, seed, lambdas=[lowest] * 2, m2=[0.0, 0.0]))
    edges = analyse(records).edges
    assert edges.iloc[0]["law"] == "shifted log"
    assert edges.iloc[0]["first_low"] < 0.6 < edges.iloc[0]["first_high"]
    assert edges["weight"].sum() == pytest.approx(1)
    one = edges[edges["law"] == "log"].iloc[0]
    assert one["rejected"]
    assert one["p_value"] < 0.01
    assert one[["first", "first_low", "first_high"]].isna().all()  # no constant of a law that does not hold
    assert analyse(records).to_dict()["edges"][1]["first"] is None
    below = [{**r, "eigenvalues": [limit - 0.1 * (1 + r["seed"])] * 2} for r in records]
    assert "mean distance is -" in analyse(below).edges.iloc[0]["reason"]


def test_what_data_reject_is_named_and_not_quoted():
    """A law of the edge, a spread, thresholds and crossings: refused with the reason, in tables and in pictures."""
    rng, records, model = np.random.default_rng(3), [], (1, 1, 1.0)
    limit, top = spectrum(*SMOOTH, 1.0).lambda_minus, transition(*SMOOTH).alpha_bbp
    for n, scatter, distance in ((100, 1.0, 0.03), (1000, 0.9, 0.032), (10_000, 0.01, 0.02)):
        for seed in range(60):
            lowest = limit + distance * (1 + 0.02 * rng.standard_normal())
            records.append(record(SMOOTH, n, 1.0, seed, lambdas=[lowest] * 2, m2=[0.0, 0.0]))
            m2 = 1 + 0.1 * scatter * rng.standard_normal()
            records.append(record(SMOOTH, n, 1.2 * top, seed, lambdas=[-3.0 - 0.1 * rng.random()] * 2, m2=[m2] * 2))
    for n in (100, 1000):
        for at, alpha in enumerate(np.linspace(0.9, 1.3, 9)):
            for seed in range(40):  # up, down and up again
                known = (seed < 4, seed < 36)[(at // 2) % 2 if at < 8 else 1]
                records.append(record(model, n, float(alpha), seed, lambdas=[-1.0], m2=[0.1], first=known))
    found = analyse(records)
    assert found.edges["rejected"].all()
    spread = found.spreads[found.spreads["alpha"] > 1.1 * top].iloc[0]
    assert spread["overlap2_p_value"] < 0.01
    assert math.isnan(spread["overlap2_exponent"])
    assert found.thresholds["half_phi"].isna().all()
    assert found.thresholds["half_phi_reason"].dropna().str.startswith("no logistic curve").sum() == 2
    assert found.crossings["alpha"].isna().all()
    shown = {
        made.title.split(" ")[0]: [column.text(row) for row in made.rows for column in made.columns]
        for made in law_tables(found)
    }
    assert sum(cell.startswith("rejected (p-value ") for cell in shown["lambda_1"]) == 3
    assert any(cell.startswith("rejected (p-value ") for cell in shown["Spread"])
    assert any(cell.startswith("none: no logistic curve") for cell in shown["Effective"])
    assert any("is not logistic" in cell for cell in shown["Crossings"])
    (axis,) = edge_figure(found, SMOOTH, 1.0).axes
    labels = axis.get_legend_handles_labels()[1]
    assert sum("rejected (p-value " in label for label in labels) == 3
    assert not any("weight" in label for label in labels)
    left = phi_figure(found, model).axes[0]
    assert sum("no curve fits" in label for label in left.get_legend_handles_labels()[1]) == 2
    json.dumps(found.to_dict(), allow_nan=False)


def test_too_few_instances_for_a_spread_say_so():
    rng, records = np.random.default_rng(4), []
    for n in (100, 1000):
        for seed in range(4):
            m2 = rng.random()
            records.append(record(SMOOTH, n, 5.0, seed, lambdas=[-9.0 - rng.random()] * 2, m2=[m2] * 2))
    (row,) = analyse(records).spreads.to_dict("records")
    assert row["overlap2_reason"] == "8 instances at 2 N: intervals hold from 17 on"
    assert math.isnan(row["overlap2_exponent"])


def test_bad_input():
    one = record(SMOOTH, 50, 2.0, 0, lambdas=[-1.1, -0.9], m2=[0.2, 0.4])
    for records, words, message in (
        ([], {}, "no instance"),
        ([{"failed": "x"}], {}, "no instance"),
        ([one], {"window": (1.5, 1.2)}, "window = 1.5 1.2"),
        ([one], {"window": (0.5, 1.2)}, "window"),
        ([one], {"level": 0.0}, "level = 0"),
    ):
        with pytest.raises(InputError, match=message):
            analyse(records, **words)
    alone = analyse([one])
    assert set(alone.tables()) == {"curves", "agreement", "instances"}
