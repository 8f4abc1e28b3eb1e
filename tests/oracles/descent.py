"""Gradient descent in plain numpy, sample by sample and unit by unit."""

from __future__ import annotations

import numpy as np

from hpcbbp.machine.rng import uniforms


def by_numpy(problem, X, student, teacher, z, schedule, seed, weights=None):
    """Losses, cosines, |w|^2/N and gradient norms of all steps, from X itself, unit by unit."""
    n, p, W, found = X.shape[1], problem.p, student.copy(), []
    if schedule.overlap is not None:
        Q = np.linalg.qr(teacher)[0]
        for k in range(p):
            away = W[:, k] - Q @ (Q.T @ W[:, k])
            toward = teacher[:, k % problem.p_star]
            toward = toward / np.linalg.norm(toward)
            part = np.sqrt(1 - schedule.overlap**2) * away / np.linalg.norm(away)
            W[:, k] = np.sqrt(n) * (schedule.overlap * toward + part)
    if schedule.sphere:
        W *= np.sqrt(n) / np.linalg.norm(W, axis=0)
    velocity = np.zeros_like(W)
    for step in range(schedule.steps + 1):
        s, y = X @ W, problem.labels(X @ teacher, z)
        yhat = problem.activation.value(s).mean(axis=1)
        loss = problem.loss.value(y, yhat).sum()
        chosen = uniforms(seed, "batches", step * len(X), (step + 1) * len(X)) < schedule.batch
        g = np.zeros_like(W)
        for mu in np.flatnonzero(chosen):
            for k in range(p):
                slope = problem.loss.first(y[mu : mu + 1], yhat[mu : mu + 1])[0]
                g[:, k] += slope * problem.activation.first(s[mu : mu + 1, k])[0] / p * X[mu] / schedule.batch
        unit = W / np.linalg.norm(W, axis=0)
        if schedule.sphere:
            g -= unit * (unit * g).sum(axis=0)
        cosines = unit.T @ (teacher / np.linalg.norm(teacher, axis=0))
        if weights is not None:
            weights.append((W, g))
        found.append((loss, cosines, (W**2).sum(axis=0) / n, np.linalg.norm(g)))
        velocity = schedule.momentum * velocity - schedule.eta * g
        if schedule.sphere:
            velocity -= unit * (unit * velocity).sum(axis=0)
        W = W + velocity
        if schedule.sphere:
            W *= np.sqrt(n) / np.linalg.norm(W, axis=0)
    return found
