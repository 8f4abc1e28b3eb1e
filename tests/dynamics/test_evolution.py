"""State evolution against simulations, and outliers on the way against dense matrices."""

from __future__ import annotations

import os

import numpy as np
import pytest
from dense import dense_hessian
from descent import by_numpy

from hpcbbp import InputError, Problem, gaussian_instance
from hpcbbp.dynamics import Schedule, deferred_walk, descend, evolution
from hpcbbp.dynamics.outliers import expected
from hpcbbp.model.words import Parts
from hpcbbp.theory import quenched_model

PAPERS = Problem(p=1, p_star=1, alpha=3.0, a=1.5)
OTHER = Parts.given(activation="tanh", loss="square", noise="gaussian:0.2").problem(2, 2, 4.0, 1.0)
CASES = {
    "paper": (PAPERS, Schedule(10, 0.05, overlap=0.5)),
    "sphere": (PAPERS, Schedule(10, 0.05, sphere=True, overlap=0.5)),
    "momentum": (PAPERS, Schedule(10, 0.03, sphere=True, momentum=0.5, overlap=0.5)),
    "batches": (PAPERS, Schedule(10, 0.03, sphere=True, batch=0.7, overlap=0.5)),
    "wide": (Problem(p=2, p_star=1, alpha=4.0, a=1.5), Schedule(10, 0.05, overlap=0.4)),
    "other": (OTHER, Schedule(10, 0.1, momentum=0.3, overlap=0.5)),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("n", [10**4, 10**5])
def test_ten_steps_of_simulations(name, n):
    """m and <s^2> to 0.5 %, beside both errors (4 standard ones)."""
    problem, schedule = CASES[name]
    told = evolution(problem, schedule, samples=50_000, replicas=8, seed=5)
    runs = [descend(deferred_walk(problem, n, schedule, seed=seed), schedule) for seed in range(400_000 // n)]
    _agree(told, runs, 0.005)


@pytest.mark.slow
def test_ten_steps_of_a_million():
    problem, schedule = CASES["sphere"]
    told = evolution(problem, schedule, samples=200_000, replicas=8, seed=6)
    walk = deferred_walk(problem, 10**6, schedule, storage="float32")
    _agree(told, [descend(walk, schedule)], 0.005, root=True)


def _agree(told, runs, share, *, root=False):
    for state in told:
        moments = [run.moments[state.step] for run in runs]
        seen = {
            "overlap2": [at.overlap2 for at in moments],
            "projections2": [at.projections2.mean() for at in moments],
            "norm2": [at.norms2.mean() for at in moments],
            "loss": [at.loss / run.m for at, run in zip(moments, runs, strict=True)],
            "gradient_norm": [at.gradient_norm / run.n**0.5 for at, run in zip(moments, runs, strict=True)],
        }
        for key, values in seen.items():
            error = np.std(values, ddof=1) / len(values) ** 0.5 if len(values) > 1 else 0.0
            slack = 4 * np.hypot(error, state.errors[key]) + share * abs(getattr(state, key))
            assert abs(np.mean(values) - getattr(state, key)) < slack, (key, state.step)


def _trajectory(problem, n, schedule, seed):
    """X, r and p of all directions met, weights and teacher in them, by QR of a dense descent."""
    instance, weights = gaussian_instance(problem, n, seed), []
    X = instance.data.project(np.eye(n))
    by_numpy(problem, X, instance.student, instance.teacher, None, schedule, seed, weights)
    W, T = weights[-1][0], instance.teacher
    psis = [problem.slopes(X @ at, X @ T, None) for at, _ in weights[:-1]]
    P = np.linalg.qr(np.concatenate(psis, axis=1))[0] if psis else np.zeros((len(X), 0))
    Q = np.linalg.qr(np.concatenate([weights[0][0], T, *(X.T @ psi for psi in psis)], axis=1))[0]
    return X, np.sqrt(n) * X @ Q, P, Q.T @ W / np.sqrt(n), Q.T @ T / np.sqrt(n)


@pytest.mark.slow
@pytest.mark.parametrize(("p", "alpha", "steps"), [(1, 6.0, 4), (2, 6.0, 3)])
def test_outliers_of_dense_instances(p, alpha, steps):
    """An instance's own prediction: good to its fluctuations; without what is known of X^T P it is wrong."""
    n, problem = 500, Problem(p=p, p_star=1, alpha=alpha, a=1.5)
    schedule = Schedule(steps, 0.05, sphere=True, overlap=0.5)
    count = max(12, int(os.environ.get("HPCBBP_LAW_SEEDS", "30")) // 10)
    differences = np.zeros((count, 4))
    for seed in range(count):
        X, R, P, W, T = _trajectory(problem, n, schedule, seed)
        H = dense_hessian(X, problem.curvature(R @ W, R @ T).dense())
        values, vectors = np.linalg.eigh(H)
        V = vectors[:, 0].reshape(n, p)
        teacher = gaussian_instance(problem, n, seed).teacher
        m2 = ((V.T @ teacher) ** 2).sum() / n
        for place, left in ((0, P), (2, P[:, :0])):
            told = expected(problem, n, R, left, W, T, None)
            differences[seed, place : place + 2] = values[0] - told.eigenvalues[0], m2 - told.overlap2[0]
    mean, error = differences.mean(axis=0), differences.std(axis=0, ddof=1) / count**0.5
    assert abs(mean[0]) < 0.03 + 4 * error[0]
    assert abs(mean[1]) < 0.01 + 4 * error[1]
    assert mean[2] - 5 * error[2] > 5 * abs(mean[0])


def test_outliers_of_the_process_are_those_of_instances():
    problem, schedule = Problem(p=1, p_star=1, alpha=6.0, a=1.5), Schedule(4, 0.05, sphere=True, overlap=0.5)
    told = evolution(problem, schedule, hessian_every=2, samples=50_000, replicas=4)
    found = [
        descend(deferred_walk(problem, 20_000, schedule, seed=seed, hessians=3), schedule, hessian_every=2, tol=1e-5)
        for seed in range(3)
    ]
    assert [state.step for state in told if state.edge is not None] == [0, 2, 4]
    for place, state in enumerate(told[::2]):
        lowest = [run.landscapes[place].eigenvalues[0] for run in found]
        m2 = [run.landscapes[place].overlap2[0] for run in found]
        student = [run.landscapes[place].student_overlap2[0] for run in found]
        for seen, expected_, error in (
            (lowest, state.eigenvalues[0], state.errors["eigenvalues"][0]),
            (m2, state.vectors2[0], state.errors["vectors2"][0]),
            (student, state.students2[0], state.errors["students2"][0]),
        ):
            assert abs(np.mean(seen) - expected_) < 0.01 + 4 * np.hypot(np.std(seen) / 3**0.5, error)
        assert state.eigenvalues[0] < state.edge


@pytest.mark.parametrize("p", [1, 2])
def test_a_start_is_the_prediction_of_random_weights(p):
    """Nothing on the left yet: the usual prediction from (s, u)."""
    problem, n = Problem(p=p, p_star=1, alpha=6.0, a=1.5), 3000
    rng = np.random.default_rng(1)
    R = rng.standard_normal((problem.samples(n), p + 1))
    eye = np.eye(p + 1)
    told = expected(problem, n, R, np.zeros((len(R), 0)), eye[:, :p], eye[:, p:], None)
    usual = quenched_model(problem, R[:, :p], R[:, p:], n)
    np.testing.assert_allclose(told.eigenvalues, usual.eigenvalues, rtol=1e-8)
    np.testing.assert_allclose(told.overlap2, usual.overlap2, rtol=1e-6)
    np.testing.assert_allclose(told.student_overlap2, usual.student_overlap2, rtol=1e-5, atol=1e-8)
    assert told.edge == pytest.approx(usual.edge, rel=1e-9)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"samples": 10}, "samples = 10: a whole number from 3000"),
        ({"replicas": 1}, "replicas = 1: a whole number from 2"),
        ({"hessian_every": 0}, "hessian_every = 0"),
        ({"samples": 10**9}, "GiB are free"),
        ({"seed": -1}, "seed = -1"),
    ],
)
def test_bad_values(options, said):
    with pytest.raises(InputError, match=said):
        evolution(PAPERS, Schedule(2, 0.05), **options)


def test_units_that_are_alike_have_one_direction():
    """psi_1 = psi_2 exactly: both start at the teacher, with noise on the labels."""
    problem = Parts.given(noise="gaussian:0.3").problem(2, 1, 3.0, 1.5)
    schedule = Schedule(3, 0.02, overlap=1.0)
    told = evolution(problem, schedule, samples=20_000, replicas=4)
    runs = [descend(deferred_walk(problem, 10**4, schedule, seed=100 + seed), schedule) for seed in range(4)]
    _agree(told, runs, 0.005)


def test_weights_of_odd_models_learn_at_once():
    """tanh, square loss: from random weights m > 0 after one step, at N = infinity too."""
    problem, schedule = Parts.given(activation="tanh", loss="square").problem(1, 1, 3.0, 1.0), Schedule(2, 0.1)
    told = evolution(problem, schedule, samples=20_000, replicas=4)
    assert told[0].overlap2 == 0.0
    assert told[1].overlap2 > 10 * told[1].errors["overlap2"] > 0.0
    runs = [descend(deferred_walk(problem, 10**5, schedule, seed=seed), schedule) for seed in range(2)]
    assert np.mean([run.moments[1].overlap2 for run in runs]) == pytest.approx(told[1].overlap2, rel=0.15)


def test_what_state_evolution_is_not_for():
    with pytest.raises(InputError, match="give a Problem and a Schedule"):
        evolution(PAPERS, None)
    with pytest.raises(InputError, match="state evolution is for white data"):
        evolution(Parts.given(covariance="uniform:0.5").problem(1, 1, 3.0, 1.5), Schedule(2, 0.05))
    with pytest.raises(InputError, match="diverges at step"):
        evolution(PAPERS, Schedule(9, 50.0), samples=3000)
