"""Three sentences in every situation: what was run, what agrees, what does not; nothing claimed, nothing hidden."""

from __future__ import annotations

import dataclasses
import math
import re

import pandas as pd
import pytest
from records import failed, kept, point_at, solved

from hpcbbp.analysis.agreement import COMPARED
from hpcbbp.analysis.analysis import analyse
from hpcbbp.report.instances import run_table, troubles
from hpcbbp.report.summary import counted, listed, summarise

POINTS = [point_at(seed) for seed in range(4)]


def told(records, points=POINTS, **tables):
    """The summary of records; tables take the place of those of their analysis."""
    records = [kept(record) for record in records]
    solved_ones = [record for record in records if hasattr(record, "eigenvalues")]
    found = analyse(records) if solved_ones else None
    found = dataclasses.replace(found, **tables) if found is not None else None
    made = summarise(points, run_table(records, points).rows, troubles(records).rows, found)
    for sentence in made.sentences:
        assert re.fullmatch(r"[A-Z].*[^.]\.", sentence) and not re.search(r"[.!?]\s", sentence), sentence
        assert not re.search(r"\b(1|one) ([a-z]{2,}[a-rt-z]s|are)\b", sentence), (
            sentence
        )  # one of a thing is singular
    return made


def agreement(*within, errors=1.0):
    """One row a point at N = 50, 51, ...; within: of m^2 and its quenched prediction, the rest is not compared."""
    rows = []
    for index, inside in enumerate(within):
        row = {f"{name}_{what}": math.nan for name in COMPARED for what in ("errors", "within")}
        row |= {"overlap2_quenched_errors": errors * (index + 1), "overlap2_quenched_within": inside}
        rows.append({"p": 2, "p_star": 1, "a": 1.5, "parts": "", "n": 50 + index, "alpha": 3.0, "seeds": 5} | row)
    return pd.DataFrame(rows)


def edges(*rejected):
    return pd.DataFrame(
        [{"law": "log", "reason": "", "rejected": one, "p": 2, "p_star": 1, "a": 1.5, "parts": "", "alpha": 1.0,
          "edge": "smooth", "first": math.nan, "B": math.nan, "chi2": 1.0, "p_value": 0.001 if one else 0.5,
          "weight": 0.5} for one in rejected]
    ).assign(first=0.5, first_low=0.4, first_high=0.6)  # fmt: skip


ALL = [solved(point) for point in POINTS]


def test_nothing_done():
    made = told([])
    assert made.run == (
        "Of one model (p = 2, p* = 1, a = 1.5, quadratic activation, normalized-square loss), at N = 50 and alpha = 3"
        ", none of 4 instances is done and 4 are still to be run."
    )
    assert made.agrees == "Nothing could be compared with theory: no instance is done."
    assert made.differs == "Nothing failed, but nothing was run either."
    assert "the one instance wanted is not done and 1 is still to be run." in told([], POINTS[:1]).run


def test_failures_alone_are_not_hidden():
    one = told([failed(POINTS[0])])
    assert "none of 4 instances is done, 1 failed and 3 are still to be run (0 s of core time)." in one.run
    assert one.differs == "What failed or does not agree: 1 instance failed."
    assert told([failed(point) for point in POINTS]).differs == "What failed or does not agree: 4 instances failed."


def test_one_instance_compares_nothing():
    made = told(ALL[:1], POINTS[:1])
    assert made.run.endswith("at N = 50 and alpha = 3, the one instance wanted is done (0 s of core time).")
    assert "two instances of one point" in made.agrees
    assert made.differs == (
        "Nothing failed and everything that was run converged, but no point could be compared and no law could be "
        "tested."
    )


def test_everything_agrees():
    made = told(ALL, agreement=agreement(1.0, 1.0), edges=edges(False, False))
    assert "all 4 instances are done (1 s of core time)." in made.run
    assert made.agrees == "Within 90% intervals m^2 agrees with its quenched prediction at both points."
    assert made.differs == (
        "Nothing failed, everything that was run converged, no law that could be tested was rejected and nothing "
        "that could be compared lies outside its interval."
    )
    assert "at the one point compared" in told(ALL, agreement=agreement(1.0)).agrees
    untested = told(ALL, agreement=agreement(1.0)).differs
    assert "no law could be tested" in untested and "lies outside" in untested


def test_points_outside_are_counted_and_named():
    made = told(ALL, agreement=agreement(1.0, 0.0, 0.0))
    assert "at 1 of 3 points" in made.agrees
    where = "about 0.3 expected by chance alone; N = 52, alpha = 3; N = 51, alpha = 3"  # the farthest first
    assert f"beyond 90% intervals m^2 misses its quenched prediction at 2 of 3 points ({where})" in made.differs
    many = told(ALL, agreement=agreement(*[0.0] * 5))
    assert many.agrees == "Nothing that could be compared with theory lies within its 90% interval."
    assert "at all 5 points (about 0.5 expected by chance alone; farthest: N = 54, alpha = 3)" in many.differs
    assert "at the one point compared (about 0.1" in told(ALL, agreement=agreement(0.0)).differs


def test_far_is_measured_in_intervals():
    """Ten standard errors of two instances are nearer than six of a hundred."""
    table = agreement(0.0, 0.0, 0.0, 0.0).assign(seeds=[100, 2, 100, 100])
    table["overlap2_quenched_errors"] = [-6.0, 10.0, 3.0, 2.5]
    assert "farthest: N = 50, alpha" in told(ALL, agreement=table).differs


def test_limits_of_n_may_be_missed():
    table = agreement(1.0, 1.0)
    table[["overlap2_limit_within", "overlap2_limit_errors"]] = [[0.0, 9.0], [1.0, 0.2]]
    made = told(ALL, agreement=table)
    assert "and m^2 with its value at N = infinity at 1 of 2 points." in made.agrees
    assert "m^2 misses its value at N = infinity at 1 of 2 points (as it may at finite N)" in made.differs


def test_what_did_not_converge_is_told():
    unsure = solved(POINTS[2], converged_flags=[False, True], converged=1, reason="stopped")
    made = told([*ALL[:2], unsure])
    assert "1 instance did not converge and is left out of every average" in made.differs
    assert "3 of 4 instances are done and 1 is still to be run" in made.run
    both = [solved(point, converged_flags=[False, True], converged=1, reason="stopped") for point in POINTS[:2]]
    made = told([*both, failed(POINTS[3])])
    assert "1 instance failed; 2 instances did not converge and are left out" in made.differs
    assert made.agrees == "Nothing could be compared with theory: no instance has all pairs that were asked for."


@pytest.mark.parametrize(("flags", "words"), [((True, False, True), "(2 of 3)"), ((True,), "(1 of 1)")])
def test_rejected_laws_are_named(flags, words):
    made = told(ALL, edges=edges(*flags))
    assert f"rejected by data (p-value < 0.01) is the law A/log N of the edge {words}" in made.differs


def test_estimates_without_a_bound_are_counted():
    one = edges(False).assign(first_low=-math.inf, first_high=math.inf)
    assert told(ALL, edges=one).differs.endswith("1 estimate lacks a bound.")
    two = edges(False, False).assign(first_high=math.inf)
    assert told(ALL, edges=two).differs.endswith("2 estimates lack a bound.")


def test_models_and_values_in_words():
    points = [
        *(point_at(0, a=a) for a in (0.7, 1.5)),
        *(point_at(0, p=3, n=n, alpha=float(n)) for n in (30, 40, 60, 70)),
    ]
    made = told([], points)
    assert "Of 3 models (p = 2, p* = 1, a = 0.7 and 1.5, quadratic" in made.run
    assert "; p = 3, p* = 1, a = 1.5, quadratic" in made.run
    assert "at N = 30 to 70 (5 values) and alpha = 3 to 70 (5 values)" in made.run
    many = told([], [point_at(0, p=p) for p in range(1, 7)])
    assert "Of 6 models" in many.run and "; and 3 more)" in many.run


def test_lists_and_counts():
    assert [listed(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
    assert [counted(count, "point") for count in (0, 1, 2)] == ["0 points", "1 point", "2 points"]
