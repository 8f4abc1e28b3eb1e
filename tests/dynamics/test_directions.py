"""Descents on deferred data against plain numpy on a dense completion: X that the state is a state of."""

from __future__ import annotations

import re

import numpy as np
import pytest
from dense import completed, dense_hessian
from descent import by_numpy

from hpcbbp import InputError
from hpcbbp.dynamics import Schedule, deferred_walk, descend
from hpcbbp.machine import memory
from hpcbbp.model.words import Parts
from hpcbbp.solvers.deferred.blocks import Blocks

STEPS = 6
OTHER = {"activation": "tanh", "loss": "square", "noise": "gaussian:0.1"}


@pytest.mark.parametrize(
    ("p", "p_star", "words", "options"),
    [
        (1, 1, {}, {}),
        (1, 1, {}, {"sphere": True, "overlap": 0.5}),
        (2, 1, {}, {"momentum": 0.7, "batch": 0.5}),
        (2, 2, {}, {"sphere": True, "momentum": 0.7, "overlap": -0.4}),
        (3, 2, OTHER, {"batch": 0.4, "sphere": True}),
        (1, 2, {"covariance": "levels:0.5,0.5,1.5,0.5"}, {"overlap": 0.5}),
    ],
)
@pytest.mark.parametrize("n", [30, 100])
def test_steps_and_hessians_are_those_of_one_dense_matrix(p, p_star, words, options, n, rng):
    """Also where steps and Hessians use up all N directions (N = 30)."""
    problem, seed = Parts.given(**words).problem(p, p_star, 3.0, 1.5), 5
    instance, schedule = Blocks(problem, n, seed, "float64", n), Schedule(STEPS, 0.05, **options)
    found = descend(instance, schedule, hessian_every=3, nev=2, tol=1e-8)
    X, Q = completed(instance, rng)
    student, teacher = np.split(Q[:, : instance.q] @ instance.drawn_weights, [p], axis=1)
    weights = []
    expected = by_numpy(problem, X, student, teacher, problem.noise_numbers(seed, 0, len(X)), schedule, seed, weights)
    for moment, (loss, cosines, norms2, size) in zip(found.moments, expected, strict=True):
        np.testing.assert_allclose(moment.loss, loss, rtol=1e-9)
        np.testing.assert_allclose(moment.overlaps, cosines, atol=1e-9)
        np.testing.assert_allclose(moment.norms2, norms2, rtol=1e-9)
        np.testing.assert_allclose(moment.gradient_norm, size, rtol=1e-8)
    assert [landscape.step for landscape in found.landscapes] == [0, 3, 6]
    for landscape in found.landscapes:
        W, _ = weights[landscape.step]
        z = problem.noise_numbers(seed, 0, len(X))
        H = dense_hessian(X, problem.curvature(X @ W, X @ teacher, z).dense())
        values, vectors = np.linalg.eigh(H)
        assert landscape.converged.all(), landscape.reason
        np.testing.assert_allclose(landscape.eigenvalues, values[:2], rtol=1e-8)
        V = vectors[:, :2].T.reshape(2, n, p)
        for told, at in ((landscape.overlap2, teacher), (landscape.student_overlap2, W)):
            unit = at / np.linalg.norm(at, axis=0)
            np.testing.assert_allclose(told, (np.einsum("vnk,nl->vkl", V, unit) ** 2).sum(axis=(1, 2)), atol=1e-5)


@pytest.mark.mpi
@pytest.mark.parametrize("storage", ["float64", "float32"])
def test_hessians_are_the_same_on_any_number_of_ranks(storage, group):
    problem, found = Parts.given().problem(2, 1, 3.0, 1.5), []
    for ranks in (group, None):
        instance = Blocks(problem, 1500, 3, storage, 400, ranks)
        run = descend(instance, Schedule(4, 0.05, overlap=0.5), hessian_every=2, nev=1, tol=1e-5)
        assert all(landscape.converged.all() for landscape in run.landscapes)
        found.append([*(moment.loss for moment in run.moments), *(at.eigenvalues[0] for at in run.landscapes)])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)


def test_what_was_computed_survives_a_lack_of_room():
    """Directions for the steps and one Hessian: the second finds no room, and what came before is returned."""
    problem = Parts.given().problem(1, 1, 3.0, 1.5)
    found = descend(Blocks(problem, 3000, 3, "float64", 110), Schedule(40, 0.05), hessian_every=20, tol=1e-3)
    assert re.match(r"ended at step \d+: the memory is used up by 110 directions", found.reason)
    assert 20 < len(found.moments) < 41
    assert [at.converged.all() for at in found.landscapes] == [True, False]


def test_steps_that_do_not_fit_are_refused_beforehand(monkeypatch):
    problem = Parts.given().problem(2, 1, 3.0, 1.5)
    with pytest.raises(InputError, match=r"50 steps lead to 105 directions, and min\(N, M\) = 100: take fewer steps"):
        deferred_walk(problem, 100, Schedule(50, 0.1))
    with pytest.raises(InputError, match="a descent keeps images in float64 or float32"):
        deferred_walk(problem, 1000, Schedule(5, 0.1), storage="int16")
    monkeypatch.setattr(memory, "available", lambda _: 2**29)
    with pytest.raises(InputError, match="this needs about .* GiB on a node"):
        deferred_walk(problem, 10**6, Schedule(50, 0.1))


def test_a_walk_has_room_for_its_hessians():
    problem, schedule = Parts.given().problem(1, 1, 3.0, 1.5), Schedule(10, 0.05, sphere=True, overlap=0.5)
    instance = deferred_walk(problem, 500, schedule, 1, storage="float32", hessians=3)
    found = descend(instance, schedule, hessian_every=5, nev=1, tol=1e-4)
    assert (len(found.moments), len(found.landscapes), found.reason) == (11, 3, "")
    assert all(at.converged.all() for at in found.landscapes)
