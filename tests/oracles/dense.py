"""What a deferred instance claims, completed to a dense X: the basis drawn, the rest of X drawn, all in float64."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from hpcbbp import Problem
from hpcbbp.machine.rng import normals
from hpcbbp.model.words import Parts
from hpcbbp.solvers.deferred import Deferred
from hpcbbp.solvers.deferred.blocks import Blocks


def images(instance: Deferred) -> np.ndarray:
    """R, (M, k), of one process: what X makes of the directions met."""
    samples = instance.samples
    R = samples.R[: samples.count].astype(np.float64) * np.repeat(
        samples.scale[: samples.count], samples.panel, axis=1
    )
    return R[:, : instance.m].T * samples.roots[: samples.count]


def formula(s, u, a, parts: Parts | None = None, seed: int = 0) -> np.ndarray:
    """D, (M, p, p), by the model's own formula: the paper's, or with the parts that the matrix of options has."""
    parts, number, p = parts or Parts(), s.dtype.type, s.shape[1]
    assert set(parts.unusual().items()) <= set(WRITTEN), parts
    if parts.activation == "tanh":
        t = np.tanh(s)
        value, first, second, y = t, 1 - t**2, -2 * t * (1 - t**2), np.tanh(u).mean(axis=1)
    else:
        value, first, second, y = s**2, 2 * s, np.full_like(s, 2), (u**2).mean(axis=1)
    if parts.estimator == "bounded:5":
        return -np.maximum(1 - 1 / y, -5)[:, None, None] * np.ones((1, 1, 1))
    if parts.estimator == "trimmed:3":
        return -np.where(np.abs(y) < 3, y, 0)[:, None, None] * np.eye(p)
    if parts.noise == "uniform:0.1":
        y = y + 0.1 * (2 * ndtr(normals(seed, "labels", 0, len(y))) - 1)
    scale = np.ones_like(y) if parts.loss == "square" else 1 / (a + y)
    slope = (value.mean(axis=1) - y) * scale
    outer = (scale / number(p) ** 2)[:, None, None] * first[:, :, None] * first[:, None, :]
    return outer + np.eye(p) * ((slope / number(p))[:, None] * second)[:, :, None]


WRITTEN = (
    ("activation", "tanh"),
    ("loss", "square"),
    ("noise", "uniform:0.1"),
    ("link", "norm"),
    ("estimator", "bounded:5"),
    ("estimator", "trimmed:3"),
    ("covariance", "levels:0.5,0.5,1.5,0.5"),
    ("covariance", "uniform:0.5"),
)
"""Parts that the formula above has; |u|^2/p* is the mean of squares, and data enter by projections alone."""


def curvatures(instance: Deferred, number: type = np.float64, parts: Parts | None = None) -> np.ndarray:
    """D from the first images, (M, p, p), by the model's own formula."""
    p, a = instance.problem.p, instance.problem.a
    first = images(instance)[:, : instance.q].astype(number)
    projections = np.sqrt(number(instance.n)) * first @ instance.weights.astype(number)
    return formula(projections[:, :p], projections[:, p:], number(a), parts, instance.seed)


def queries(instance: Deferred, D: np.ndarray) -> np.ndarray:
    """D R w of the block vectors that were asked about, (queries, M, p), in the precision of D."""
    R = images(instance).astype(D.dtype)
    W = instance.space.W if isinstance(instance, Blocks) else instance.coordinates.W
    return np.stack([np.einsum("mab,mb->ma", D, R[:, : len(w)] @ w.astype(D.dtype)) for w in W])


def left_directions(instance: Deferred, D: np.ndarray | None = None) -> np.ndarray:
    """What spans the left directions that are known, (M, l): kept ones, or for p = 1 the kept left queries U."""
    if isinstance(instance, Blocks):
        samples = instance.samples
        return samples.P[: samples.left, : instance.m].T.astype(np.float64)
    c = instance.coordinates
    return queries(instance, curvatures(instance) if D is None else D)[c.kept[:, 0], :, c.kept[:, 1]].T


def orthonormality(instance: Deferred) -> float:
    """|P^T P - 1|_2 of the left directions; of P = U L^-T in long double from images and formulas."""
    if isinstance(instance, Blocks):
        P = left_directions(instance)
    else:
        c, wide = instance.coordinates, np.longdouble
        U = queries(instance, curvatures(instance, wide))
        P = np.stack([U[v][:, a] for v, a in c.kept], axis=1)
        for j in range(P.shape[1]):
            P[:, j] = (P[:, j] - P[:, :j] @ c.L[j, :j].astype(wide)) / c.L[j, j]
    return float(np.linalg.norm((P.T @ P).astype(float) - np.eye(P.shape[1]), 2))


def completed(
    instance: Deferred, rng: np.random.Generator, D: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """A dense X (M, N) that the state is a state of, and the basis Q (N, k); D of a model that is not the paper's."""
    n, m, R = instance.n, instance.m, images(instance)
    Q, roots, start = np.zeros((n, R.shape[1])), np.ones(n), 0
    for level, (value, dimension) in enumerate(zip(instance.levels.values, instance.levels.dimensions, strict=True)):
        here, mine = slice(start, start + dimension), instance.levels.of == level
        Q[here, mine] = np.linalg.qr(rng.standard_normal((dimension, mine.sum())))[0]
        roots[here], start = np.sqrt(value), start + dimension
    P = np.linalg.qr(left_directions(instance, D))[0]
    G = rng.standard_normal((m, n)) / np.sqrt(n)
    G -= P @ (P.T @ G)
    G -= (G @ Q) @ Q.T
    return R @ Q.T + G * roots, Q


def dense_hessian(X: np.ndarray, D: np.ndarray) -> np.ndarray:
    """H of order pN, entry (k, i) at i p + k."""
    n, p = X.shape[1], D.shape[1]
    H = np.empty((n, p, n, p))
    for a in range(p):
        for b in range(p):
            H[:, a, :, b] = X.T @ (D[:, a, b, None] * X)
    return H.reshape(p * n, p * n)


def gaussian_sample(p: int, p_star: int, a: float, alpha: float, n: int, rng: np.random.Generator):
    """One sample of the model by numpy alone: s, u, teacher weights, H of order pN."""
    X = rng.standard_normal((round(alpha * n), n)) / np.sqrt(n)
    W = rng.standard_normal((n, p + p_star))
    W *= np.sqrt(n) / np.linalg.norm(W, axis=0)
    S = X @ W
    D = Problem(p=p, p_star=p_star, alpha=alpha, a=a).curvature(S[:, :p], S[:, p:]).dense()
    return S[:, :p], S[:, p:], W[:, p:], dense_hessian(X, D)


def dense_sample(p: int, p_star: int, a: float, alpha: float, n: int, rng: np.random.Generator):
    """Projections, lowest p p* eigenvalues and their m^2 of one sample, by numpy's eigh."""
    s, u, teacher, H = gaussian_sample(p, p_star, a, alpha, n, rng)
    values, vectors = np.linalg.eigh(H)
    count = p * p_star
    overlaps = np.einsum("nav,nl->val", vectors[:, :count].reshape(n, p, count), teacher) / np.sqrt(n)
    return s, u, values[:count], (overlaps**2).sum(axis=(1, 2))


def true_residuals(instance: Deferred, values: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """|H v - lambda v| for H of a completion, from images and formulas alone, in extended precision where it counts.

    With U = D R v: R^T U - lambda v in span(Q); outside it the part of U outside the left directions, of which a
    Gaussian matrix keeps the length up to N^(-1/2).
    """
    wide = np.longdouble
    R, n, D = images(instance).astype(wide), instance.n, curvatures(instance, wide)
    padded = [np.pad(v, ((0, R.shape[1] - len(v)), (0, 0))) for v in vectors]
    U = [np.einsum("mab,mb->ma", D, R @ v.astype(wide)) for v in padded]
    kept = left_directions(instance, D)
    P = np.linalg.qr((kept / np.sqrt((kept**2).sum(axis=0))).astype(float))[0]
    found = []
    for value, v, u in zip(values, padded, U, strict=True):
        inner = np.linalg.norm((R.T @ u - wide(value) * v).astype(float))
        rest = u.astype(float)
        for _ in range(3):
            rest = rest - P @ (P.T @ rest)
        found.append(np.hypot(inner, np.linalg.norm(rest) * np.sqrt((n - instance.k) / n)))
    return np.array(found)


def rounded(X: np.ndarray, storage: str) -> np.ndarray:
    """X as a storage keeps it, in float64, by arithmetic rather than by bits."""
    if storage == "bf16":  # 8 significant binary digits, ties to even
        mantissa, exponent = np.frexp(X.astype(np.float32).astype(np.float64))
        return np.ldexp(np.rint(256 * mantissa) / 256, exponent)
    if storage != "int8":
        return X.astype(storage).astype(np.float64)
    X, out = X.astype(np.float32).astype(np.float64), np.empty(X.shape)
    for start in range(0, X.shape[1], 1024):
        piece = X[:, start : start + 1024]
        mantissa, exponent = np.frexp((np.abs(piece).max(axis=1) / 127).astype(np.float32).astype(np.float64))
        scale = np.ldexp(np.ceil(2.0**16 * mantissa) / 2.0**16, exponent)[:, None]  # 16 digits, rounded up
        out[:, start : start + 1024] = scale * np.rint(piece / scale)
    return out
