"""PETSc options that change how and what is searched: honest flags whichever, at every number of ranks; arguments."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from spectra import blocks, dense, operator

from hpcbbp import Group, InputError, Problem, gaussian_instance, solve_instance
from hpcbbp.machine import petsc
from hpcbbp.solvers.dense import solve_dense
from hpcbbp.solvers.eigen import solve

pytestmark = [
    pytest.mark.mpi,
    pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed"),
]

# Each a line of options, and how the pairs wanted are found among all eigenvalues ("" where SLEPc refuses).
ENDS = {"lowest": np.sort, "largest": lambda x: np.sort(x)[::-1], "near 0.5": lambda x: x[np.argsort(abs(x - 0.5))]}
OPTIONS = {
    "-eps_ncv 12": "lowest",
    "-eps_ncv 5": "lowest",
    "-eps_max_it 1": "lowest",
    "-eps_max_it 3 -eps_ncv 12": "lowest",
    "-eps_tol 1e-2": "lowest",
    "-eps_tol 1e-15": "lowest",
    "-eps_conv_abs": "lowest",
    "-eps_conv_abs -eps_tol 1e-3": "lowest",
    "-eps_nev 3": "lowest",
    "-eps_true_residual": "lowest",
    "-eps_krylovschur_locking 0": "lowest",
    "-eps_non_hermitian": "lowest",
    "-eps_type lanczos -eps_lanczos_reorthog local": "lowest",
    "-eps_type arnoldi": "lowest",
    "-eps_type gd": "lowest",
    "-eps_type lobpcg -eps_max_it 20": "lowest",
    "-eps_type lapack": "lowest",
    "-eps_largest_real": "largest",
    "-eps_largest_real -eps_max_it 1": "largest",
    "-eps_target 0.5": "near 0.5",
    "-eps_ncv 3": "",
    "-eps_nev 500": "",
    "-eps_tol 0": "",
    "-eps_conv_norm": "",
    "-eps_type power": "",
    "-st_type sinvert": "",
}
VALUES = np.r_[-1.0, -1.0, -1.0, np.linspace(-0.9, 1.0, 117)]


@pytest.fixture
def petsc_options():
    """Set a line of PETSc options for one test."""
    petsc.initialize()
    from petsc4py import PETSc

    names = []

    def use(line):
        for words in line[1:].split(" -"):
            name, _, value = words.partition(" ")
            PETSc.Options().setValue(name, value)
            names.append(name)

    yield use
    for name in names:
        PETSc.Options().delValue(name)


@pytest.mark.parametrize("verify", [False, True])
@pytest.mark.parametrize("line", OPTIONS)
def test_options_do_not_make_flags_lie(group, petsc_options, line, verify):
    if line == "-eps_type lapack" and group.size > 1:
        pytest.skip("one process only")
    petsc_options(line)
    hessian = operator(group, VALUES)
    if not OPTIONS[line]:
        with pytest.raises(InputError, match=line.split()[0]) as caught:
            solve(hessian, 4, verify=verify)
        assert "\n" not in str(caught.value)
        return
    found = solve(hessian, 4, verify=verify)
    X = group.gather_rows(hessian.data.local, len(VALUES))
    V = np.array([group.gather_rows(v, len(VALUES))[:, 0] for v in found.vectors])
    residuals = np.linalg.norm(V @ (X.T @ (VALUES[:, None] * X)) - found.eigenvalues[:, None] * V, axis=1)
    np.testing.assert_allclose(found.residuals, residuals, rtol=0, atol=1e-12)
    scale = 1.0 if "conv_abs" in line else np.abs(found.eigenvalues)
    assert (residuals <= 1.05 * found.tolerance * scale + 1e-12)[found.converged].all()
    assert np.abs(V @ V.T - np.eye(len(V))).max() < 1e-10
    assert (np.abs(found.eigenvalues[:, None] - VALUES).min(axis=1) <= residuals + 1e-12).all()
    assert found.nev == (3 if "nev" in line else 4)
    if "max_it" in line:
        assert not found.converged.all()
        assert found.reason.startswith("not converged")
        assert not found.verified
    if found.verified:
        expected = ENDS[OPTIONS[line]](VALUES)[: found.nev]
        np.testing.assert_allclose(found.eigenvalues, expected, rtol=0, atol=residuals.max() + 1e-12)


@pytest.mark.parametrize("tol", [1e-300, 1e-20])
def test_what_rounding_alone_accepts_is_told(group, tol):
    """Flags stay as they are: nothing smaller is to be had. The tolerance was not reached, and that is said."""
    instance = gaussian_instance(Problem(p=2, p_star=1, alpha=3.0, a=1.5), 60, group=group)
    found = solve_instance(instance, 3, tol=tol).eigen
    if found.converged.all():
        assert found.reason.startswith("converged to rounding: 3 of 3 residuals are above tol |lambda|, but within")
    whole = solve_dense(instance, tol).eigen
    assert not whole.converged.any()
    assert whole.reason.startswith("not converged: 120 of 120 residuals are above the tolerance")


def test_a_null_space_is_found_to_rounding(group):
    """M < N: no residual is small relative to 0."""
    instance = gaussian_instance(Problem(p=1, p_star=1, alpha=0.5, a=1.0), 40, group=group)
    whole = solve_dense(instance, 1e-8).eigen
    assert whole.converged.all()
    assert whole.reason.startswith("converged to rounding: the whole spectrum by LAPACK; 2")
    assert "within 1e-3 tol max |lambda|" in whole.reason
    below = int((whole.eigenvalues < -1e-6).sum())
    found = solve_instance(instance, below + 2).eigen
    assert found.converged.all()
    assert found.reason.startswith(f"converged to rounding: 2 of {below + 2} residuals")
    found = solve_instance(instance, 1).eigen
    assert found.reason == "converged: the requested pairs reached the tolerance"
    whole = solve_dense(gaussian_instance(Problem(p=1, p_star=1, alpha=3.0, a=1.0), 40, group=group), 1e-8).eigen
    assert whole.reason == "converged: the whole spectrum by LAPACK"


@pytest.mark.parametrize("line", ["-eps_largest_real", "-eps_nev 2"])
def test_a_threshold_goes_with_the_lowest_pairs(group, petsc_options, line):
    petsc_options(line)
    with pytest.raises(InputError, match="below = -0.5: leave out PETSc options"):
        solve(operator(group, VALUES), 4, below=-0.5)


def test_a_target_and_eigenvalues_far_from_one(group, petsc_options):
    petsc_options("-eps_target 0.5")
    with pytest.raises(InputError, match="a target for eigenvalues of the order of"):
        solve(operator(group, VALUES * 1e200), 4)


class Odd:
    """An object with a long and many-lined repr."""

    def __repr__(self) -> str:
        return "odd\n" * 100


ANYTHING = ("4", 2.0, 2.5, True, None, [3], np.array([3]), np.float64(3), 1j, Odd(), math.nan, 0, -1, 10**5000, b"3")
TOLERANCES = ("1e-8", True, [1e-8], np.array([1e-8]), 1j, Odd(), math.nan, math.inf, 0, 1, -1e-8, 10**5000, None)
THRESHOLDS = ("0", True, [0.0], 1j, Odd(), math.nan, math.inf, -math.inf, 10**5000)


def test_arguments_may_be_anything(group):
    """One line that names the argument, before anything collective; numpy's numbers are numbers."""
    hessian = operator(group, VALUES)
    cases = [
        *({"nev": value} for value in ANYTHING),
        *({"nev": 2, "tol": value} for value in TOLERANCES),
        *({"nev": 2, "below": value} for value in THRESHOLDS),
        *({"nev": 2, "verify": value} for value in ("yes", 1, None, Odd())),
        *({"nev": 2, "seed": value} for value in ("1", 1.5, None, -1)),
    ]
    for words in cases:
        name = list(words)[-1]
        with pytest.raises(InputError, match=rf"^{name} = ") as caught:
            solve(hessian, **words)
        assert len(str(caught.value)) < 250
        assert "\n" not in str(caught.value)
    assert hessian.products == 0
    found = solve(hessian, np.int32(2), tol=np.float32(1e-4), below=np.int64(-2), verify=np.True_, seed=np.uint8(3))
    assert found.converged.all()
    assert solve(hessian, 2, tol=Fraction(1, 1000)).converged.all()


@pytest.mark.parametrize("copies", [2, 5])
def test_data_of_equal_blocks(group, copies):
    """The pairs of one block, each that many times; what is not verified is missed (and reported as not verified)."""
    single = np.linalg.eigvalsh(dense(blocks(Group(), 1)))
    instance = blocks(group, copies)
    for nev in (2, copies + 1, 7):
        found = solve_instance(instance, nev, verify=True)
        expected = np.repeat(single, copies)[:nev]
        np.testing.assert_allclose(found.eigen.eigenvalues, expected, atol=1e-9)
        record = found.to_dict()
        assert (record["nev"], record["found"], record["verified"]) == (nev, nev, True)
        assert record["found_by_verification"] == found.eigen.found_by_verification
    below = (single[1] + single[2]) / 2
    found = solve_instance(instance, 1, below=below, verify=True).eigen
    np.testing.assert_allclose(found.eigenvalues, np.repeat(single, copies)[: 2 * copies + 1], atol=1e-9)
    plain = solve_instance(instance, 7)
    assert plain.eigen.converged.all()
    assert plain.to_dict()["verified"] is None


@pytest.mark.parametrize("data", ["stored", "dice"])
@pytest.mark.parametrize("n", [2, 3, 30])
def test_verification_adds_nothing_to_a_drawn_instance(group, data, n):
    """All eigenvalues are simple; more ranks than rows at N = 2, and nev = pN leaves no complement."""
    instance = gaussian_instance(Problem(p=2, p_star=1, alpha=3.0, a=1.5), n, 1, data=data, group=group)
    tol = 1e-5 if data == "dice" else 1e-8
    for nev in (1, 2 * n):
        plain = solve_instance(instance, nev, tol=tol).eigen
        found = solve_instance(instance, nev, tol=tol, verify=True).eigen
        assert found.verified
        assert found.found_by_verification == 0
        np.testing.assert_allclose(found.eigenvalues, plain.eigenvalues, atol=1e-7)


def test_fewer_pairs_than_asked_for_are_counted(group):
    """nev is what was asked, found what there is; the lowest ones alone have as many asked."""
    solution = solve_instance(gaussian_instance(Problem(p=1, p_star=1, alpha=3.0, a=1.0), 30, 0, group=group), 4)
    assert (solution.to_dict()["nev"], solution.to_dict()["found"]) == (4, 4)
    assert (solution.lowest(2).to_dict()["nev"], solution.lowest(2).to_dict()["found"]) == (2, 2)
    assert solution.lowest(9).to_dict()["nev"] == 4
