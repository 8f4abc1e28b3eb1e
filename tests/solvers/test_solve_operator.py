"""Either end of any operator's spectrum, all beyond a number, overlaps with directions: against LAPACK."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hpcbbp import InputError
from hpcbbp.operators import replicated_operator, summed_operator
from hpcbbp.solvers.operator import solve_operator

pytestmark = pytest.mark.mpi

SIZE = 150


def matrix():
    B = np.random.default_rng(0).standard_normal((SIZE, SIZE))
    return (B + B.T) / np.sqrt(8 * SIZE)


VALUES, VECTORS = np.linalg.eigh(matrix())


def operator(group, **given):
    A = matrix()
    return replicated_operator(lambda v: A @ v, SIZE, group, name="goe", **given)


ASKED = [
    ({}, VALUES[:6]),
    ({"nev": 2}, VALUES[:2]),
    ({"nev": 3, "which": "lowest"}, VALUES[:3]),
    ({"nev": 3, "which": "largest"}, VALUES[:-4:-1]),
    ({"nev": 2, "which": "both"}, np.append(VALUES[:2], VALUES[:-3:-1])),
    ({"below": -0.6}, VALUES[: (VALUES < -0.6).sum() + 1]),
    ({"above": 0.6}, VALUES[::-1][: (VALUES > 0.6).sum() + 1]),
    ({"below": -0.8, "above": 0.7}, np.append(VALUES[: (VALUES < -0.8).sum() + 1],
                                               VALUES[::-1][: (VALUES > 0.7).sum() + 1])),
    ({"below": -5.0}, VALUES[:1]),
    ({"above": 5.0}, VALUES[-1:]),
    ({"nev": SIZE}, VALUES),
    ({"nev": SIZE // 2, "which": "both"}, np.append(VALUES[: SIZE // 2], VALUES[: SIZE // 2 - 1 : -1])),
]  # fmt: skip


@pytest.mark.parametrize("verify", [False, True])
@pytest.mark.parametrize(("asked", "expected"), ASKED, ids=lambda value: str(value)[:40])
def test_ends(group, asked, expected, verify):
    found = solve_operator(operator(group), **asked, verify=verify, seed=3)
    assert np.allclose(found.eigen.eigenvalues, expected, rtol=1e-9, atol=1e-10)
    assert found.eigen.converged.all() and found.eigen.reason.startswith("converged")
    assert found.eigen.verified is (True if verify else None)
    assert len(found.ends) == len(expected) and found.eigen.nev == len(expected)
    answer = json.loads(json.dumps(found.to_dict()))
    assert answer["operator"] == "goe" and answer["eigenvalues"] == found.eigen.eigenvalues.tolist()
    steps = [step.products for step in found.eigen.history]
    assert steps == sorted(steps) and found.eigen.products >= max(steps, default=0)


def test_overlaps(group):
    d, span = VECTORS[:, 0] + VECTORS[:, 5], np.array([VECTORS[:, 1], VECTORS[:, 1], 2 * VECTORS[:, 2]])
    A = operator(group)
    rows = slice(A.rows.start, A.rows.stop)
    found = solve_operator(A, 3, directions={"d": d[rows], "span": span[:, rows]})
    one, two = found.overlaps["d"], found.overlaps["span"]
    assert one.cosines.shape == (3, 1) and two.cosines.shape == (3, 3)
    assert np.allclose(np.abs(one.cosines[:, 0]), [np.sqrt(0.5), 0, 0], atol=1e-6)
    assert np.allclose(one.overlap2, [0.5, 0, 0], atol=1e-10)
    assert np.allclose(two.overlap2, [0, 1, 1], atol=1e-10)
    own = operator(group, directions={"own": d[rows]})
    assert np.allclose(solve_operator(own, 1).overlaps["own"].overlap2, [0.5])
    assert list(solve_operator(own, 1, directions={}).overlaps) == []
    assert list(solve_operator(own + 1.0, 1).overlaps) == ["own"]


def test_one_seed_is_one_start_on_any_number_of_ranks(group):
    found = solve_operator(operator(group), 4, seed=7)
    assert found.eigen.products == solve_operator(operator(group), 4, seed=7).eigen.products
    other = solve_operator(operator(group), 4, seed=8)
    assert np.allclose(found.eigen.eigenvalues, other.eigen.eigenvalues)


def test_copies_of_a_multiple_eigenvalue(group):
    """Two equal blocks: each eigenvalue is double, and with verify both copies are found."""
    block = matrix()[:60, :60]
    A = np.kron(np.eye(2), block)
    pair = summed_operator(lambda v: A @ v / group.size, 120, group)
    values = np.linalg.eigvalsh(block)
    for which, expected in (("lowest", values[:2].repeat(2)), ("largest", values[:-3:-1].repeat(2))):
        found = solve_operator(pair, 4, which=which, verify=True)
        assert found.eigen.verified and np.allclose(found.eigen.eigenvalues, expected)
    found = solve_operator(pair, above=values[-4:-2].mean(), verify=True)
    assert np.allclose(found.eigen.eigenvalues, values[:-5:-1].repeat(2)[:7])


BAD = [
    ({"which": "top"}, r"which = 'top': one of lowest, largest, both"),
    ({"which": "lowest", "above": 1.0}, r"which = 'lowest' with above: these say which end; leave which out"),
    ({"which": "both", "above": 1.0}, r"which = 'both' with above"),
    ({"nev": 2, "below": 1.0}, r"nev = 2 with below = 1: below finds all there are; leave nev out"),
    ({"below": 2.0, "above": 1.0}, r"below = 2 with above = 1: the first is to be less than the second"),
    ({"below": float("nan")}, r"below = nan: the threshold is a finite number"),
    ({"above": "x"}, r"above = 'x': the threshold is a finite number"),
    ({"nev": 0}, r"nev = 0: ask for at least one eigenpair"),
    ({"nev": 151}, r"nev = 151: goe has only size = 150 eigenpairs \(nev <= 150\)"),
    ({"nev": 76, "which": "both"}, r"nev = 76 of each end: goe has only size = 150 eigenpairs in all"),
    ({"tol": 0.0}, r"tol = 0"),
    ({"seed": -1}, r"seed"),
    ({"verify": 2}, r"verify = 2: True or False"),
    ({"directions": {"d": np.ones(3)}}, r"directions 'd' of shape \(3,\)"),
]


@pytest.mark.parametrize(("given", "words"), BAD, ids=lambda value: str(value)[:40])
def test_bad_input(group, given, words):
    with pytest.raises(InputError, match=words):
        solve_operator(operator(group), **given)


def test_what_is_no_operator(group):
    with pytest.raises(InputError, match=r"solve_operator\(ndarray\): give an operator, as of hpcbbp\.operators"):
        solve_operator(matrix())


def test_options_that_choose_another_end(group):
    from petsc4py import PETSc

    options = PETSc.Options()
    options["eps_largest_real"] = None
    try:
        with pytest.raises(InputError, match=r"leave out PETSc options that choose pairs"):
            solve_operator(operator(group), below=-0.5)
        found = solve_operator(operator(group), 2)
        assert np.allclose(found.eigen.eigenvalues, VALUES[:-3:-1])
    finally:
        options.delValue("eps_largest_real")
