"""Arrays that Python hands in: rows, weights, masks, and what floats cannot hold are refused in one line."""

from __future__ import annotations

import numpy as np
import pytest

from hpcbbp import (
    InputError,
    Instance,
    Problem,
    gaussian_instance,
)
from hpcbbp.data.dice import DiceData
from hpcbbp.data.stored import StoredData
from hpcbbp.theory import density, quenched

MODEL = {"p": 2, "p_star": 1, "alpha": 3.0, "a": 1.5}
PROBLEM = Problem(**MODEL)


X = np.ones((3, 4))
ROWS = [
    (np.ma.masked_less(X, 0.0), "a masked array, whose mask would be ignored"),
    (np.ma.masked_greater(X, 0.0), "a masked array"),
    (X.astype(int), "of type int64: give float64 or float32"),
    (X * 1j, "of type complex128: give float64 or float32"),
    (X.astype(">f8"), "of type >f8: give float64 or float32"),
    (X.astype(object), "of type object: give float64 or float32"),
    (X[0], r"of shape \(4,\): a two-dimensional numpy array"),
    (X.tolist(), r"\(list\): a two-dimensional numpy array"),
    (None, r"\(NoneType\): a two-dimensional numpy array"),
    (np.full((3, 4), np.nan), "entries that are not finite"),
    (np.where(np.eye(3, 4) > 0, np.inf, X), "entries that are not finite"),
    (X[:2], "2 rows given, rank 0 owns 3 of 3"),
    (np.ones((3, 1)), "N = 1"),
]


@pytest.mark.parametrize(("rows", "words"), ROWS)
def test_rows_of_other_things_are_refused(rows, words):
    with pytest.raises(InputError, match=words) as error:
        StoredData(rows, 3)
    assert "\n" not in str(error.value)


W = np.ones((4, 1))
WEIGHTS = [
    (np.ma.masked_less(W, 0.0), "student weights: a masked array"),
    (W.T, r"student weights of shape \(1, 4\): this rank has 4 coordinates of 1 unit"),
    (W[:, 0], r"student weights of shape \(4,\)"),
    (W * 0.0, "student weights: row 0 is zero, which has no direction"),
    (W * np.nan, "student weights: row 0 is of length nan"),
    (W * 1e200, "student weights: row 0 is of length inf"),
    (W * 1e-150, "student weights: row 0 is of length 2e-150"),
    (W.astype(int), "student weights of type int64"),
]


@pytest.mark.parametrize(("weights", "words"), WEIGHTS)
def test_weights_of_other_things_are_refused(weights, words):
    problem = Problem(p=1, p_star=1, alpha=0.75, a=1.0)
    with pytest.raises(InputError, match=words):
        Instance(problem, StoredData(X, 3), W, weights, 0)
    with pytest.raises(InputError, match=words.replace("student", "teacher")):
        Instance(problem, StoredData(X, 3), weights, W, 0)


def hidden(values):
    """All there, and one entry masked."""
    return np.ma.masked_array(values, mask=np.eye(*np.shape(values)) > 0)


S, U = np.ones((5, 2)), np.ones((5, 1))
TAKE_ARRAYS = {
    "quenched s": lambda: quenched(hidden(S), U, a=1.5, n=100),
    "quenched u": lambda: quenched(S, hidden(U), a=1.5, n=100),
    "density": lambda: density(2, 1, 1.5, 3.0, x=np.ma.masked_array([0.1, 0.2], mask=[True, False])),
    "StoredData": lambda: StoredData(hidden(X), 3),
    "Instance": lambda: Instance(Problem(p=1, p_star=1, alpha=0.75, a=1.0), StoredData(X, 3), W, hidden(W), 0),
    "project": lambda: StoredData(X, 3).project(hidden(W)),
    "adjoint": lambda: DiceData(4, 3, 0).adjoint(hidden(X[:, :1])),
    "curvature_product": lambda: StoredData(X, 3).curvature_product(hidden(W), PROBLEM.curvature(S[:3, :1], U[:3])),
    "Hessian.apply": lambda: gaussian_instance(PROBLEM, 20).hessian.apply(np.ma.masked_array(np.ones(40), mask=True)),
    "curvature": lambda: PROBLEM.curvature(hidden(S), U),
    "Curvature.apply": lambda: PROBLEM.curvature(S, U).apply(hidden(S)),
    "student_output": lambda: PROBLEM.student_output(hidden(S)),
    "teacher_output": lambda: PROBLEM.teacher_output(hidden(U)),
    "total_loss": lambda: PROBLEM.total_loss(S, hidden(U)),
}


@pytest.mark.parametrize("name", TAKE_ARRAYS)
def test_no_mask_is_ignored(name):
    with pytest.raises(InputError, match="a masked array, whose mask would be ignored"):
        TAKE_ARRAYS[name]()


@pytest.mark.parametrize(
    ("x", "w", "a", "words"),
    [
        (0.0, 1.0, 1.0, r"the curvatures underflow \(\|D\| <= 0, \|x\| <= 0\)"),
        (1e-200, 1.0, 1.0, "the curvatures underflow"),
        (1e-100, 1.0, 1.0, "the curvatures underflow"),
        (1e-60, 1e-60, 1.0, "the curvatures underflow"),
        (1e200, 1.0, 1.0, r"the curvatures overflow \(\|D\| is not finite"),
        (1e100, 1e-100, 1.0, "the curvatures overflow"),
        (1e-3, 1e-3, 1e-300, None),
        (1e-20, 1.0, 1.0, None),
        (1e30, 1.0, 1.0, None),
    ],
)
def test_a_hessian_that_floats_cannot_hold_is_refused(x, w, a, words, rng):
    """Zeros would be found, and told as converged."""
    problem = Problem(p=1, p_star=1, alpha=2.0, a=a)
    instance = Instance(
        problem, StoredData(x * rng.standard_normal((8, 4)), 8), w * rng.random((4, 1)), w * rng.random((4, 1)), 0
    )
    if words is None:
        assert np.abs(instance.hessian.apply(np.ones(4))).max() > 0
        return
    with pytest.raises(InputError, match=words):
        _ = instance.hessian
