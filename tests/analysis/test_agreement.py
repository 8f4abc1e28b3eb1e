"""Differences between simulation and theory in standard errors, by scipy's tests, and where there is none."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hpcbbp.analysis.agreement import COMPARED, agreement
from hpcbbp.theory import spectrum

ABOVE, BELOW = 3.0, 0.8  # of (2, 1, 1.5), whose transition is at 1.323


def instances(alpha, m2, predicted, *, lambdas=(-1.0, -1.02, -0.97), outliers=2.0, whole=True):
    count = len(m2)
    lambdas = np.asarray(lambdas[:count], dtype=float)
    return pd.DataFrame(
        {
            "p": 2, "p_star": 1, "a": 1.5, "parts": "", "n": 50, "alpha": alpha, "seed": range(count), "whole": whole,
            "overlap2": m2, "lambda_1": lambdas, "lambda_mean": lambdas + 0.02, "quenched_overlap2": predicted,
            "quenched_lambda_1": lambdas + np.array([0.01, -0.02, 0.03, 0.0])[:count], "quenched_outliers": outliers,
        }
    )  # fmt: skip


def only(table, level=0.9):
    (row,) = agreement(table, level).to_dict("records")
    return row


def test_differences_are_those_of_paired_tests():
    m2, predicted = [0.30, 0.40, 0.37], [0.31, 0.37, 0.30]
    row = only(instances(ABOVE, m2, predicted))
    paired = stats.ttest_rel(m2, predicted)
    assert row["overlap2_quenched_errors"] == pytest.approx(paired.statistic)
    assert row["overlap2_quenched_within"] == 1.0
    limit = spectrum(2, 1, 1.5, ABOVE)
    single = stats.ttest_1samp(m2, limit.overlap2)
    assert row["overlap2_limit_errors"] == pytest.approx(single.statistic)
    assert row["lambda_mean_limit_difference"] == pytest.approx(-0.99667 + 0.02 - limit.lambda_star, abs=1e-4)
    assert row["quenched_overlap2_sem"] == pytest.approx(stats.sem(predicted))
    assert (row["seeds"], row["theory_error"]) == (3, 1e-8)
    for level in (0.2, 0.5, 0.9, 0.99):
        judged = only(instances(ABOVE, m2, predicted), level)
        assert judged["overlap2_quenched_within"] == float(paired.pvalue >= 1 - level)
        assert judged["overlap2_limit_within"] == float(single.pvalue >= 1 - level)


def test_what_cannot_be_compared_has_no_number():
    fine = instances(ABOVE, [0.3, 0.4, 0.2], [0.3, 0.3, 0.3])
    assert not any(math.isnan(only(fine)[f"{name}_within"]) for name in COMPARED)
    below = only(instances(BELOW, [0.3, 0.4, 0.2], [0.3, 0.3, 0.3]))
    assert [math.isnan(below[f"{name}_errors"]) for name in COMPARED] == [False, False, True, True]
    bulk = only(instances(ABOVE, [0.3, 0.4, 0.2], [0.3, 0.3, 0.3], outliers=[2.0, 1.0, 2.0]))
    assert [math.isnan(bulk[f"{name}_errors"]) for name in COMPARED] == [True, False, False, False]
    for table in (
        instances(ABOVE, [0.3], [0.2]),
        instances(ABOVE, [0.3, 0.4, 0.2], [0.3, 0.3, 0.3], whole=[True, False, False]),
        instances(ABOVE, [0.3, 0.4, 0.2], [0.3, 0.3, 0.3], whole=False),
    ):
        assert all(math.isnan(only(table)[f"{name}_within"]) for name in COMPARED)
    same = only(instances(ABOVE, [0.3, 0.3], [0.2, 0.2]))  # no scatter, no error
    assert math.isnan(same["overlap2_quenched_errors"]) and math.isnan(same["overlap2_limit_within"])


@pytest.mark.slow
def test_as_many_lie_outside_as_the_level_says():
    """2000 points whose predictions are right: the share outside of 90% intervals within 4 standard deviations."""
    rng, points = np.random.default_rng(7), []
    for n in range(2000):
        m2 = 0.5 + 0.1 * rng.standard_normal(4)
        points.append(instances(ABOVE, m2, m2 + 0.05 * rng.standard_normal(4), lambdas=[-1.0] * 4)[:4].assign(n=n))
    within = agreement(pd.concat(points, ignore_index=True))["overlap2_quenched_within"]
    assert abs(1 - within.mean() - 0.1) < 4 * math.sqrt(0.09 / 2000)
