"""Descents with vectors of length N, against plain numpy written down anew."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from dense import dense_hessian
from descent import by_numpy

from hpcbbp import InputError, Problem, gaussian_instance
from hpcbbp.dynamics import Schedule, descend
from hpcbbp.machine import petsc
from hpcbbp.model.words import Parts

N, STEPS = 40, 6

needs_slepc = pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed")


def gathered(instance):
    group = instance.data.group
    X = group.gather_rows(instance.data.project(np.eye(N)[instance.data.columns]), instance.data.m)
    return X, group.gather_rows(instance.student, N), group.gather_rows(instance.teacher, N)


OPTIONS = [
    {"sphere": sphere, "momentum": momentum, "batch": batch, "overlap": overlap}
    for sphere, momentum, batch, overlap in itertools.product((False, True), (0.0, 0.7), (1.0, 0.4), (None, 0.5))
]


@pytest.mark.mpi
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize(
    ("p", "p_star", "words"),
    [(1, 1, {}), (2, 1, {}), (3, 2, {"activation": "tanh", "loss": "square", "noise": "gaussian:0.1"})],
)
def test_moments_are_numpys(options, p, p_star, words, group):
    problem = Parts.given(**words).problem(p, p_star, 3.0, 1.5)
    instance = gaussian_instance(problem, N, 7, group=group)
    schedule = Schedule(STEPS, 0.05, **options)
    found = descend(instance, schedule)
    X, student, teacher = gathered(instance)
    z = problem.noise_numbers(7, 0, len(X))
    expected = by_numpy(problem, X, student, teacher, z, schedule, 7)
    assert found.reason == ""
    assert [moment.step for moment in found.moments] == list(range(STEPS + 1))
    for moment, (loss, cosines, norms2, size) in zip(found.moments, expected, strict=True):
        np.testing.assert_allclose(moment.loss, loss, rtol=1e-10)
        np.testing.assert_allclose(moment.overlaps, cosines, atol=1e-10)
        np.testing.assert_allclose(moment.norms2, norms2, rtol=1e-10)
        np.testing.assert_allclose(moment.gradient_norm, size, rtol=1e-9)


@pytest.mark.mpi
@needs_slepc
@pytest.mark.parametrize("sphere", [False, True])
@pytest.mark.parametrize(("p", "p_star"), [(1, 1), (2, 2)])
def test_hessians_on_the_way_are_dense_ones(p, p_star, sphere, group):
    problem, every = Problem(p=p, p_star=p_star, alpha=3.0, a=1.5), 3
    instance = gaussian_instance(problem, N, 7, group=group)
    found = descend(instance, Schedule(STEPS, 0.05, sphere=sphere), hessian_every=every, nev=3, tol=1e-9)
    X, student, teacher = gathered(instance)
    weights, plain = [], descend(instance, Schedule(STEPS, 0.05, sphere=sphere))
    assert [moment.loss for moment in plain.moments] == [moment.loss for moment in found.moments]
    by_numpy(problem, X, student, teacher, None, Schedule(STEPS, 0.05, sphere=sphere), 7, weights)
    assert [landscape.step for landscape in found.landscapes] == [0, 3, 6]
    for landscape in found.landscapes:
        W, g = weights[landscape.step]
        values, vectors = np.linalg.eigh(dense_hessian(X, problem.curvature(X @ W, X @ teacher).dense()))
        assert landscape.converged.all()
        np.testing.assert_allclose(landscape.eigenvalues, values[:3], rtol=1e-9)
        V = vectors[:, :3].T.reshape(3, N, p)
        for told, at in ((landscape.overlap2, teacher), (landscape.student_overlap2, W)):
            unit = at / np.linalg.norm(at, axis=0)
            np.testing.assert_allclose(told, (np.einsum("vnk,nl->vkl", V, unit) ** 2).sum(axis=(1, 2)), atol=1e-6)
        along = np.abs(np.einsum("vnk,nk->v", V, g)) / np.linalg.norm(g)
        np.testing.assert_allclose(np.abs(landscape.gradient_overlap), along, atol=1e-6)


@pytest.mark.mpi
@pytest.mark.parametrize("data", ["stored", "dice", "regenerated"])
def test_losses_fall_with_small_steps(data, group):
    instance = gaussian_instance(Problem(p=1, p_star=1, alpha=3.0, a=1.5), N, 3, data=data, group=group)
    found = descend(instance, Schedule(20, 0.02, overlap=0.5))
    losses = [moment.loss for moment in found.moments]
    assert all(later < earlier for earlier, later in itertools.pairwise(losses))
    assert found.moments[0].overlap2 == pytest.approx(0.25, abs=1e-12)
    assert set(found.moments[0].to_dict()) >= {"step", "loss", "overlap2", "norm2", "gradient_norm"}


def test_a_divergence_keeps_what_was_before_it():
    instance = gaussian_instance(Problem(p=1, p_star=1, alpha=3.0, a=1.5), N, 3)
    found = descend(instance, Schedule(50, 1e3))
    assert found.reason.startswith("diverged at step ")
    assert 0 < len(found.moments) < 50
    assert all(np.isfinite(moment.loss) for moment in found.moments)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"steps": 0}, "steps = 0"), ({"steps": 1.5}, "steps = 1.5"), ({"eta": 0.0}, "eta = 0"),
        ({"eta": -1}, "eta = -1"), ({"eta": float("nan")}, "eta = nan"),
        ({"momentum": 1.0}, "momentum = 1"), ({"batch": 0.0}, "batch = 0"),
        ({"batch": 1.1}, "batch = 1.1"), ({"overlap": 1.5}, "overlap = 1.5"), ({"sphere": 1}, "sphere = 1"),
        ({"overlap": "x"}, "overlap = 'x'"),
    ],
)  # fmt: skip
def test_bad_schedules_are_one_line(values, words):
    with pytest.raises(InputError) as error:
        Schedule(**{"steps": 3, "eta": 0.1, **values})
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_the_smallest_dimension():
    """N = 2: an informed start has no direction left beside two teacher's vectors, and one beside one."""
    with pytest.raises(InputError, match="no direction is left beside the teacher; leave it out"):
        descend(gaussian_instance(Problem(p=1, p_star=2, alpha=3.0, a=1.5), 2), Schedule(2, 0.01, overlap=0.5))
    for overlap in (None, 0.5, 1.0):
        instance = gaussian_instance(Problem(p=1, p_star=1, alpha=3.0, a=1.5), 2)
        found = descend(instance, Schedule(2, 0.01, sphere=True, overlap=overlap))
        assert all(np.isfinite(moment.gradient_norm) for moment in found.moments)


def test_an_estimator_has_no_gradient():
    problem = Parts.given(estimator="optimal").problem(1, 1, 3.0, 1.5)
    with pytest.raises(InputError, match="estimator optimal has no loss"):
        descend(gaussian_instance(problem, N, 1), Schedule(2, 0.1))
    with pytest.raises(InputError, match="give an Instance or a deferred one"):
        descend(problem, Schedule(2, 0.1))
