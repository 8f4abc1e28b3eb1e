"""What Python hands in: numbers of any type are taken as what they are, everything else is refused in one line."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest

from hpcbbp import (
    Group,
    InputError,
    Problem,
    deferred_instance,
    file_instance,
    gaussian_instance,
    solve_deferred,
    solve_instance,
)
from hpcbbp.data.dice import DiceData
from hpcbbp.data.drawn import gaussian
from hpcbbp.data.loading import load_data
from hpcbbp.data.stored import StoredData
from hpcbbp.errors import shown
from hpcbbp.machine import petsc
from hpcbbp.solvers.dense import solve_dense
from hpcbbp.solvers.eigen import check_arguments
from hpcbbp.theory import density, finite_size, quenched, spectrum

needs_slepc = pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed")
MODEL = {"p": 2, "p_star": 1, "alpha": 3.0, "a": 1.5}
PROBLEM = Problem(**MODEL)
S, U = np.ones((5, 2)), np.ones((5, 1))


@needs_slepc
def test_numbers_of_numpy_are_numbers():
    problem = Problem(p=np.int32(2), p_star=np.uint8(1), alpha=np.float32(2.5), a=np.int64(1))
    assert problem == Problem(p=2, p_star=1, alpha=2.5, a=1.0)
    assert [type(value) for value in (problem.p, problem.p_star, problem.alpha, problem.a)] == [
        int,
        int,
        float,
        float,
    ]
    assert Problem(p=1, p_star=1, alpha=Fraction(1, 2), a=1).alpha == 0.5
    instance = gaussian_instance(problem, np.int16(20), np.uint64(7), nev=np.int8(2))
    solution = solve_instance(instance, np.int64(2), tol=np.float32(1e-6))
    json.dumps(solution.to_dict())
    deferred = deferred_instance(Problem(p=1, p_star=1, alpha=3.0, a=1.0), np.int32(60), np.int64(3), nev=np.int8(1))
    json.dumps(solve_deferred(deferred, np.int64(1), tol=np.float64(1e-4), block=np.int64(1)).to_dict())
    json.dumps(solve_dense(instance, np.float64(1e-8)).to_dict())


HUGE = 10**400
PROBLEMS = [
    ("p", True, "p = True: .* a whole number"),
    ("p", 2.0, "p = 2.0: .* a whole number"),
    ("p", "2", "p = '2': .* a whole number"),
    ("p", None, "p = None: .* a whole number"),
    ("p", HUGE, r"p = 10\^400, about: at most"),
    ("p_star", -HUGE, r"p_star = -10\^400, about: .* at least one"),
    ("alpha", True, "alpha = True: .* a finite number > 0"),
    ("alpha", np.bool_(True), "alpha = .*: .* a finite number > 0"),
    ("alpha", "3", "alpha = '3': .* a finite number > 0"),
    ("alpha", 1 + 0j, r"alpha = \(1\+0j\): .* a finite number > 0"),
    ("alpha", np.complex128(1), "alpha = .*: .* a finite number > 0"),
    ("alpha", HUGE, "alpha = .*: .* a finite number > 0"),
    ("p", np.timedelta64(2), "p = .*timedelta64.*: .* a whole number"),
    ("p_star", np.datetime64(2, "s"), "p_star = .*: .* a whole number"),
    ("alpha", np.timedelta64(2), "alpha = .*timedelta64.*: .* a finite number > 0"),
    ("a", np.timedelta64(2), "a = .*timedelta64.*: .* a finite number > 0"),
    ("alpha", np.array([1.0]), "alpha = .*: .* a finite number > 0"),
    ("a", None, "a = None: .* a finite number > 0"),
    ("a", np.float64("nan"), "a = nan: .* a finite number > 0"),
]


@pytest.mark.parametrize(("name", "value", "words"), PROBLEMS)
def test_a_problem_of_other_things_is_refused(name, value, words):
    with pytest.raises(InputError, match=f"^{words}") as error:
        Problem(**{**MODEL, name: value})
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 200


def test_a_number_too_long_to_be_printed_is_refused():
    with pytest.raises(InputError, match=r"p = 10\^5000, about: at most"):
        Problem(**{**MODEL, "p": 10**5000})


INSTANCES = [
    ({"n": 1e300}, r"N = 1e\+300: the input dimension is a whole number"),
    ({"n": 20.0}, "N = 20.0: the input dimension is a whole number"),
    ({"n": True}, "N = True: the input dimension is a whole number"),
    ({"n": HUGE}, "about: the input dimension is at most"),
    ({"seed": 1.0}, "seed = 1.0: a seed is a whole number"),
    ({"seed": "0"}, "seed = '0': a seed is a whole number"),
    ({"seed": 2**64}, "seed = 18446744073709551616: a seed is"),
    ({"nev": -1}, "nev = -1: ask for at least one"),
    ({"nev": 0}, "nev = 0: ask for at least one"),
    ({"nev": 2.0}, "nev = 2.0: the number of eigenpairs is a whole number"),
    ({"nev": "4"}, "nev = '4': the number of eigenpairs is a whole number"),
    ({"nev": True}, "nev = True: the number of eigenpairs is a whole number"),
    ({"nev": 41}, "nev = 41: the Hessian has only pN = 40"),
    ({"storage": 32}, "storage = 32: "),
    ({"storage": ["float64"]}, r"storage = \['float64'\]: "),
    ({"storage": np.array([1, 2])}, r"storage = array\(\[1, 2\]\): "),
    ({"n": np.timedelta64(20)}, "N = .*timedelta64.*: the input dimension is a whole number"),
    ({"seed": np.timedelta64(2)}, "seed = .*timedelta64.*: a seed is a whole number"),
    ({"nev": np.timedelta64(2)}, "nev = .*timedelta64.*: the number of eigenpairs is a whole number"),
    ({"group": "world"}, r"group = 'world': give Group.world\(\)"),
    ({"group": 3}, "group = 3: give Group.world"),
]


@pytest.mark.parametrize("make", [gaussian_instance, deferred_instance])
@pytest.mark.parametrize(("given", "words"), INSTANCES)
def test_an_instance_of_other_things_is_refused(make, given, words):
    values = {"n": 20, "seed": 0, **given}
    with pytest.raises(InputError, match=words) as error:
        make(PROBLEM, values.pop("n"), values.pop("seed"), **values)
    assert "\n" not in str(error.value)


def test_more_samples_than_indices_are_refused():
    for alpha, n in ((1e308, 100), (1e300, 2), (1e15, 10**3)):
        with pytest.raises(InputError, match="gives more than .* samples"):
            gaussian_instance(Problem(**{**MODEL, "alpha": alpha}), n)


@pytest.mark.parametrize("data", ["dices", None, ["stored"], 3])
def test_other_makers_are_refused(data):
    with pytest.raises(InputError, match="^data = "):
        gaussian_instance(PROBLEM, 20, data=data)


TOLERANCES = [None, "1e-8", 0, 1, -1.0, float("nan"), True, 1 + 0j]


@needs_slepc
@pytest.mark.parametrize("tol", TOLERANCES)
def test_a_tolerance_is_a_number_between_0_and_1(tol):
    instance, deferred = gaussian_instance(PROBLEM, 20), deferred_instance(PROBLEM, 20)
    for solve in (
        lambda: solve_instance(instance, 2, tol=tol),
        lambda: solve_dense(instance, tol),
        lambda: solve_deferred(deferred, 1, tol=tol),
        lambda: check_arguments(1, tol, 5),
    ):
        with pytest.raises(InputError, match="^tol = "):
            solve()


@needs_slepc
@pytest.mark.parametrize("below", [float("nan"), float("inf"), -np.inf, "0", True, 1j, HUGE, np.timedelta64(2)])
def test_a_threshold_is_a_finite_number(below):
    with pytest.raises(InputError, match="^below = .*: the threshold is a finite number"):
        solve_instance(gaussian_instance(PROBLEM, 20), below=below)


@needs_slepc
@pytest.mark.parametrize("nev", [2.0, "4", True, 0, -3, 41, HUGE, [2]])
def test_a_number_of_pairs_is_a_whole_number(nev):
    instance, deferred = gaussian_instance(PROBLEM, 20), deferred_instance(PROBLEM, 20)
    for solve in (lambda: solve_instance(instance, nev), lambda: solve_deferred(deferred, nev)):
        with pytest.raises(InputError, match="^nev = "):
            solve()


@pytest.mark.parametrize("block", [2.0, "2", 0, -5, HUGE, [2], np.timedelta64(2)])
def test_a_block_is_a_whole_number(block):
    with pytest.raises(InputError, match="block"):
        solve_deferred(deferred_instance(PROBLEM, 20), block=block)
    with pytest.raises(InputError, match="block"):
        deferred_instance(PROBLEM, 20, block=block)


def test_each_solver_says_what_it_takes():
    stored, deferred = gaussian_instance(PROBLEM, 20), deferred_instance(PROBLEM, 20)
    for solve, other, words in (
        (solve_deferred, stored, r"solve_deferred\(Instance\): give what deferred_instance returns \(solve_instance"),
        (solve_instance, deferred, r"solve_instance\(Moments\): give an Instance.*solve_deferred"),
        (solve_dense, deferred, r"solve_dense\(Moments\): give an Instance"),
        (solve_instance, PROBLEM, r"solve_instance\(Problem\)"),
        (solve_deferred, None, r"solve_deferred\(NoneType\)"),
    ):
        with pytest.raises(InputError, match=words):
            solve(other)


def test_groups_are_groups(tmp_path):
    np.save(tmp_path / "X.npy", np.ones((3, 4)))
    for make in (
        lambda group: gaussian(4, 3, 0, group=group),
        lambda group: DiceData(4, 3, 0, group=group),
        lambda group: StoredData(np.ones((3, 4)), 3, group),
        lambda group: load_data(str(tmp_path / "X.npy"), group=group),
        lambda group: file_instance("X.npy", "T.npy", "S.npy", 1.0, group=group),
    ):
        with pytest.raises(InputError, match=r"group = 'world': give Group.world\(\)"):
            make("world")


@needs_slepc
def test_nothing_floods_a_notebook():
    instance = gaussian_instance(PROBLEM, 200)
    solution = solve_instance(instance, 2, tol=1e-4)
    shown_ = [repr(part) for part in (instance, instance.data, instance.hessian.curvature, solution, solution.eigen)]
    for text in shown_:
        assert len(text) < 200
        assert "array" not in text
    assert shown_[0] == ("Instance(p=2, p_star=1, a=1.5, alpha=3, N=200, M=600, seed=0, data=StoredData, ranks=1)")
    assert "2 pairs, 2 converged, eigenvalues -" in shown_[3]
    assert repr(solution.lowest(0).eigen).startswith("EigenResult(no pairs")


@pytest.mark.parametrize(
    "call",
    [
        lambda span: finite_size(PROBLEM, 100, samples=span),
        lambda span: finite_size(PROBLEM, span, samples=2),
        lambda span: finite_size(PROBLEM, 100, samples=2, seed=span),
        lambda span: quenched(S, U, a=span, n=100),
        lambda span: quenched(S, U, a=1.5, n=span),
        lambda span: spectrum(span, 1, 1.5, 3.0),
        lambda span: spectrum(2, span, 1.5, 3.0),
        lambda span: density(2, 1, 1.5, 3.0, points=span),
    ],
)
def test_a_span_of_time_is_no_number(call):
    with pytest.raises(InputError, match="timedelta64"):
        call(np.timedelta64(20))


def test_a_group_of_one_is_the_default():
    assert gaussian_instance(PROBLEM, 20, group=None).data.group == Group()


def test_values_are_shown_in_a_short_line():
    for value in (10**5000, -(10**5000), "x" * 500, "a\nb", np.zeros((50, 50)), [1] * 999, np.float64(2.5), object()):
        assert len(shown(value)) <= 60
        assert "\n" not in shown(value)
    assert [shown(value) for value in (np.float64(2.5), np.int8(3), True, "a", 1e-8)] == [
        "2.5",
        "3",
        "True",
        "'a'",
        "1e-08",
    ]
