"""Products that are none of a symmetric matrix: each is refused in one line, on all ranks, and nothing hangs."""

from __future__ import annotations

import re

import numpy as np
import pytest

from hpcbbp import InputError
from hpcbbp.operators import distributed_operator, replicated_operator, summed_operator
from hpcbbp.solvers.operator import solve_operator

pytestmark = pytest.mark.mpi

SIZE = 40
A = np.diag(np.arange(1.0, SIZE + 1))


def on_one_rank(group, wrong, right=lambda v: A @ v):
    """A product that is wrong on the last rank alone."""
    return wrong if group.rank == group.size - 1 else right


def raises(v):
    raise KeyError("a batch is missing")


def leaves(v):
    raise SystemExit("enough")


BAD = [
    (raises, r"it raised KeyError: 'a batch is missing'"),
    (leaves, r"it raised SystemExit: enough"),
    (lambda v: None, r"it returned nothing"),
    (lambda v: "text", r"it returned <U4 \(str\), floating-point numbers are wanted"),
    (lambda v: A @ v * 1j, r"it returned complex128"),
    (lambda v: (1e6 * A @ v).astype(int), r"it returned int64 \(ndarray\), floating-point numbers are wanted"),
    (lambda v: (A @ v)[1:], r"it returned an array of shape \(39,\), \(40,\) is wanted"),
    (lambda v: (A @ v)[:, None], r"it returned an array of shape \(40, 1\), \(40,\) is wanted"),
    (lambda v: np.where(np.arange(SIZE) < 3, np.nan, A @ v), r"3 of the 40 numbers that it returned are not finite"),
    (lambda v: np.where(np.arange(SIZE) < 1, np.inf, A @ v), r"1 of the 40 numbers that it returned are not finite"),
]


@pytest.mark.parametrize(("wrong", "words"), BAD)
@pytest.mark.parametrize("make", [summed_operator, replicated_operator])
def test_what_is_no_vector_is_refused_on_all_ranks(group, make, wrong, words):
    with pytest.raises(InputError, match="the product of mine: " + words):
        make(on_one_rank(group, wrong), SIZE, group, name="mine")


@pytest.mark.parametrize("seed", range(3))
def test_how_far_from_symmetric(group, seed):
    B = np.random.default_rng(seed).standard_normal((SIZE, SIZE)) / group.size
    with pytest.raises(
        InputError, match=r"not symmetric: for random unit vectors y . A x = \S+ and x . A y = \S+ say that"
    ):
        summed_operator(lambda v: B @ v, SIZE, group)
    small = A + 1e-7 * B
    with pytest.raises(InputError, match=r"of \|A\|, and 1e-10 is allowed; products in float32 want accuracy=1e-5"):
        replicated_operator(lambda v: small @ v, SIZE, group)
    assert replicated_operator(lambda v: small @ v, SIZE, group, accuracy=1e-5).size == SIZE


@pytest.mark.parametrize("share", [1e-3, 0.1, 1.0])
def test_asymmetry_is_seen_at_any_size(group, share):
    """Two random unit vectors see 1/N of |A - A^T| beside 1/sqrt(N) of |A|."""
    size = 200_000
    d = np.linspace(-1.0, 1.0, size)
    for shift in range(1, 8):
        part = share * np.sqrt((d**2).mean() / 2)
        with pytest.raises(InputError, match="not symmetric"):
            replicated_operator(
                lambda v, shift=shift, part=part: d * v + part * (np.roll(v, shift) - np.roll(v, -shift)),
                size, group, accuracy=1e-4,
            )  # fmt: skip


@pytest.mark.parametrize("scale", [1e-280, 1e-165, 1e160, 1e290])
def test_sizes_whose_squares_are_no_numbers(group, scale):
    B = np.random.default_rng(0).standard_normal((SIZE, SIZE))
    with pytest.raises(InputError, match="not symmetric"):
        replicated_operator(lambda v: scale * (B @ v), SIZE, group)
    assert replicated_operator(lambda v: scale * ((B + B.T) @ v), SIZE, group).size == SIZE


def test_random_products_are_refused(group):
    draw = np.random.default_rng(0)
    with pytest.raises(InputError, match=r"is not deterministic: .* two products with one vector differ by"):
        replicated_operator(lambda v: A @ v * (1 + 1e-6 * draw.standard_normal()), SIZE, group)


def test_products_that_are_not_linear_are_refused(group):
    for wrong in (lambda v: A @ v + 1.0, lambda v: A @ v**3):
        with pytest.raises(InputError, match=r"is not linear: .* A \(x \+ 2 y\) and A x \+ 2 A y differ by"):
            replicated_operator(wrong, SIZE, group)


def test_ranks_that_compute_different_things_are_refused(group):
    if group.size == 1:
        pytest.skip("of several ranks")
    with pytest.raises(InputError, match=r"not the same on all ranks: .* products differ by"):
        replicated_operator(lambda v: (1 + 1e-6 * group.rank) * (A @ v), SIZE, group)


def test_products_in_single_precision(group):
    operator = summed_operator(lambda v: (A @ v).astype(np.float32), SIZE, group, accuracy=1e-5)
    values = solve_operator(operator, 2, tol=1e-4).eigen.eigenvalues
    assert np.allclose(values, np.array([1, 2]) * group.size, rtol=1e-4)


def test_the_zero_operator_and_one_of_order_one(group):
    zero = replicated_operator(lambda v: 0.0 * v, 20, group)
    assert np.array_equal(solve_operator(zero, 3).eigen.eigenvalues, np.zeros(3))
    one = replicated_operator(lambda v: -4.0 * v, 1, group)
    assert solve_operator(one).eigen.eigenvalues == pytest.approx([-4.0])


def test_a_product_cannot_change_the_solver_s_vectors(group):
    def product(v):
        v *= np.diag(A)
        return v

    found = solve_operator(replicated_operator(product, SIZE, group), 3).eigen
    assert np.allclose(found.eigenvalues, [1, 2, 3]) and found.converged.all()


GIVEN = [
    ({"size": 0}, r"size = 0: the order of the operator is a whole number >= 1"),
    ({"size": 2.5}, r"size = 2\.5"),
    ({"product": 3}, r"product = 3: a function from v to A v is wanted"),
    ({"accuracy": 0}, r"accuracy = 0: of products, relative, between 0 and 1"),
    ({"accuracy": "high"}, r"accuracy = 'high'"),
    ({"name": 3}, r"name = 3: a line of text"),
    ({"name": ""}, r"name = ''"),
    ({"directions": [1]}, r"directions = \[1\]: a dictionary of arrays by their names"),
    ({"directions": {"d": "x"}}, r"directions 'd' of shape \(\) \(<U1\)"),
    ({"directions": {"d": np.ones(SIZE + 1)}}, r"directions 'd' of shape \(41,\)"),
    ({"directions": {"d": np.full(SIZE, np.inf)}}, r"directions 'd' have entries that are not finite"),
    ({"directions": {"d": np.zeros(SIZE)}}, r"directions 'd': one of them is zero"),
    ({"directions": {"": np.ones(SIZE)}}, r"directions = .*: a dictionary of arrays by their names, a line of text"),
    ({"directions": {"a\nb": np.ones(SIZE)}}, r"directions = .*: a dictionary of arrays by their names, a line"),
    ({"size": 10**13}, r"this needs about .* GiB on a node .* take more nodes, or a distributed_operator"),
    ({"size": 10**30}, r"the order of the operator is a whole number >= 1 .below 2\^62"),
    ({"group": 3}, r"group = 3"),
]


@pytest.mark.parametrize(("given", "words"), GIVEN)
def test_bad_input_to_the_builders(given, words):
    wanted = {"product": lambda v: A @ v, "size": SIZE, **given}
    for make in (summed_operator, replicated_operator, distributed_operator):
        with pytest.raises(InputError, match=words):
            make(**wanted)


def test_ranks_that_disagree_about_what_is_wanted(group):
    rows = group.owned(SIZE)
    if group.size == 1:
        pytest.skip("of several ranks")
    with pytest.raises(InputError, match=re.escape("on the ranks: an operator has one size on all of them")):
        replicated_operator(lambda v: v, SIZE + (group.rank == 1), group)
    with pytest.raises(InputError, match="directions differ from rank to rank"):
        directions = {f"d{group.rank}": np.ones(len(rows))}
        replicated_operator(lambda v: v, SIZE, group, directions=directions)
    with pytest.raises(InputError, match=r"local sizes .* add up to \d+, and size = 40"):
        distributed_operator(lambda v: v, SIZE, group, local_size=len(rows) + 1)
    with pytest.raises(InputError, match=r"local sizes .* add up to"):
        distributed_operator(lambda v: v, SIZE, group, local_size=len(rows) if group.rank else None)
    with pytest.raises(InputError, match="accuracy"):
        replicated_operator(lambda v: v, SIZE, group, accuracy=0.0 if group.rank else 1e-5)


def test_a_product_that_fails_within_a_solve(group):
    calls = 0

    def product(v):
        nonlocal calls
        calls += 1
        if calls > 20 and group.rank == group.size - 1:
            raise OSError("the disk is gone")
        return A @ v

    operator = replicated_operator(product, SIZE, group, name="mine")
    with pytest.raises(InputError, match="the product of mine: it raised OSError: the disk is gone"):
        solve_operator(operator, 30)
    calls = 0
    assert solve_operator(replicated_operator(lambda v: A @ v, SIZE, group), 2).eigen.converged.all()
