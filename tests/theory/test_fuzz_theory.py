"""Theory is asked for odd numbers: a finite answer or one line, without a warning, in bounded time."""

from __future__ import annotations

import math
import typing
import warnings
from dataclasses import fields, is_dataclass

import numpy as np
import pytest
from fuzzing import NUMBERS, THINGS, bounded, fuzzed
from hypothesis import given
from hypothesis import strategies as st

from hpcbbp import InputError, Problem
from hpcbbp.theory import (
    a_c,
    density,
    effective_size,
    effective_threshold,
    finite_size,
    fraction_seen,
    p_c,
    quenched,
    resonance,
    spectrum,
    transition,
)
from hpcbbp.theory.finite import kernels as sample_kernels

SCALARS = [np.int64(2), np.float32(0.5), np.float16(1), np.nan, np.uint64(2**63), np.datetime64("2020-01-01")]
ODD = st.one_of(st.sampled_from([*NUMBERS, *THINGS, *SCALARS]), st.integers(), st.floats())


def mostly(allowed: st.SearchStrategy[typing.Any]) -> st.SearchStrategy[typing.Any]:
    """Numbers that are allowed, and one odd thing in eight: with more, hardly a request would be answered."""
    return st.integers(0, 7).flatmap(lambda die: ODD if die == 7 else allowed)


def powers(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high).map(lambda x: 10.0**x)


UNITS = mostly(st.one_of(st.integers(1, 9), st.integers(1, 100_000), st.just(math.inf)))
TEACHERS = mostly(st.one_of(st.integers(1, 9), st.integers(1, 100_000)))
CONSTANTS = mostly(powers(-9, 6))
ALPHAS = mostly(st.one_of(powers(-12, 12), powers(-1, 1)))


def finite(found: object) -> bool:
    """All numbers of an answer."""
    values = [getattr(found, field.name) for field in fields(found)] if is_dataclass(found) else [found]
    return all(
        value is None or isinstance(value, str) or bool(np.isfinite(np.asarray(value, dtype=complex)).all())
        for value in typing.cast("list[typing.Any]", values)
    )


def answered(ask: typing.Callable[[], object]) -> None:
    """Either a finite answer or an InputError of one line, without a warning."""
    sample_kernels.prepare()
    with warnings.catch_warnings(), bounded(20.0):
        warnings.simplefilter("error")
        try:
            found = ask()
        except InputError as error:
            text = str(error)
        else:
            assert finite(found), found
            return
    assert len(text.splitlines()) == 1
    assert len(text) < 300


@pytest.mark.fuzz
@fuzzed(120)
@given(p=UNITS, p_star=TEACHERS, a=CONSTANTS, alpha=ALPHAS)
def test_limits_of_odd_numbers(p, p_star, a, alpha):
    answered(lambda: transition(p, p_star, a))
    answered(lambda: spectrum(p, p_star, a, alpha))


@pytest.mark.fuzz
@fuzzed(40)
@given(p=UNITS, p_star=TEACHERS, a=CONSTANTS, alpha=ALPHAS, n=mostly(st.integers(1, 10**20)))
def test_finite_n_of_odd_numbers(p, p_star, a, alpha, n):
    answered(lambda: resonance(p, p_star, a, alpha))
    answered(lambda: effective_threshold(p, p_star, a, n))
    answered(lambda: effective_size(p, p_star, a, alpha))
    answered(lambda: fraction_seen(p, p_star, a, alpha, n))


@pytest.mark.fuzz
@fuzzed(25)
@given(p=UNITS, p_star=TEACHERS, a=CONSTANTS)
def test_boundaries_of_odd_numbers(p, p_star, a):
    answered(lambda: a_c(p, p_star))
    answered(lambda: p_c(a, p_star))


@pytest.mark.fuzz
@fuzzed(40)
@given(p=UNITS, p_star=TEACHERS, a=CONSTANTS, alpha=ALPHAS, x=st.one_of(st.none(), ODD, st.lists(ODD)))
def test_densities_of_odd_numbers(p, p_star, a, alpha, x):
    answered(lambda: density(p, p_star, a, alpha, x, points=10))


@pytest.mark.fuzz
@fuzzed(120)
@given(
    s=mostly(st.lists(st.lists(mostly(st.floats(-9, 9)), min_size=1, max_size=2), min_size=1, max_size=3)),
    u=mostly(st.lists(st.lists(mostly(st.floats(-9, 9)), min_size=1, max_size=2), min_size=1, max_size=3)),
    a=CONSTANTS,
    n=mostly(st.integers(1, 10**6)),
)
def test_projections_of_odd_numbers(s, u, a, n):
    answered(lambda: quenched(s, u, a, n, threads=1))


@pytest.mark.fuzz
@fuzzed(40)
@given(
    m=st.integers(1, 40), p=st.integers(1, 3), n=st.integers(2, 60), a=st.floats(-9, 6), scale=st.floats(-12, 9),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_projections_of_any_size(m, p, n, a, scale, seed):
    rng = np.random.default_rng(seed)
    s, u = rng.standard_normal((m, p)), 10.0 ** min(scale, 8.0) * rng.standard_normal((m, 1))
    answered(lambda: quenched(s, u, 10.0**a, n, threads=1))


@pytest.mark.fuzz
@fuzzed(40)
@given(
    p=st.integers(1, 4), alpha=st.floats(-2, 2), a=st.floats(-9, 6), n=mostly(st.integers(1, 300)),
    samples=mostly(st.integers(2, 4)).filter(lambda x: not (type(x) is int and 17 < x <= 10**6)),
    seed=mostly(st.integers(0, 2**64 - 9)),
)  # fmt: skip
def test_averages_of_odd_numbers(p, alpha, a, n, samples, seed):
    if isinstance(n, int | np.integer) and not isinstance(n, bool) and 300 < n <= 10**12:
        n = 300
    problem = Problem(p=p, p_star=1, alpha=10.0**alpha, a=10.0**a)
    answered(lambda: finite_size(problem, n, 2 if samples is None else samples, seed))
