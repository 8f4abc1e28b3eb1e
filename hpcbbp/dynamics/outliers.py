"""Left end of a Hessian on the way, from the projections of all directions met: X^T P is known as well as X Q.

    S(G)     = (1/N) sum_mu E_mu (x) f f^T,    f = (r, N^(1/2) p),    E_mu = (D_mu^-1 - G)^-1
    Theta(G) = S_rr - S_rp [ G^-1 (x) 1 + S_pp ]^-1 S_pr

Outliers are z(g) with det(Theta - z) = 0, as of a random start, where there is no p (hpcbbp.theory.finite.sample;
docs/dynamics.md). r and p of an instance give its own prediction; those of the process that of N = infinity.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from os import sched_getaffinity

import numpy as np
from numpy.typing import NDArray

from hpcbbp.model.problem import Problem
from hpcbbp.theory.finite.curved import CurvedSample
from hpcbbp.theory.finite.dyson import Curve
from hpcbbp.theory.finite.projections import CHUNK
from hpcbbp.theory.finite.quenched import Quenched
from hpcbbp.theory.finite.sample import left_end
from hpcbbp.theory.finite.sums import Sums

Array = NDArray[np.float64]


class Known(Curve):
    """The curve of one sample whose Theta is over all directions met, given what is known of the left ones.

    Parameters
    ----------
    sums : Sums
        Of one process, over a CurvedSample.
    n : int
        N.
    R : (M, k) array
        r_j = N^(1/2) X q_j.
    P : (M, l) array
        Orthonormal left directions, X^T P in the span of Q; with no columns they are not conditioned on.
    weights : (k, p_star + p) array
        Teacher and student in directions met, at unit length.
    """

    def __init__(self, sums: Sums, n: int, R: Array, P: Array, weights: Array) -> None:
        super().__init__(sums, n)
        self.F, self.k, self.weights = np.concatenate([R / np.sqrt(n), P], axis=1), R.shape[1], weights
        self._thetas: dict[float, tuple[Array, Array]] = {}

    def metric(self, gram: Array) -> Array:
        """Of orthonormal directions."""
        return np.eye(self.sums.p * self.k)

    def seen(self, g: float, c: Array, metric: Array) -> Array:
        """Scalar products with teacher and student, (p (p_star + p),)."""
        found: Array = (c.reshape(self.sums.p, self.k) @ self.weights).ravel()
        return found

    def signal(self, g: float) -> tuple[Array, Array]:
        """Theta and dTheta/dg, (p k, p k), rows (unit, direction)."""
        if g not in self._thetas:
            at = self.at(g)
            self._thetas[g] = self._conditioned(at.G, at.direction, *self._products(at.G, at.direction))
        return self._thetas[g]

    def _products(self, G: Array, slope: Array) -> tuple[Array, Array]:
        """Sums of E (x) f f^T and of E G' E (x) f f^T, (p, p, f, f)."""
        p, q = self.sums.p, self.F.shape[1]
        found = np.zeros((2, p, p, q, q))
        rows, columns = np.triu_indices(p)
        for number in self.sums.source.chunks():
            F = self.F[number * CHUNK : (number + 1) * CHUNK]
            _, _, packed, _ = self.sums.source.chunk(number)
            D = np.empty((len(F), p, p))
            D[:, rows, columns] = D[:, columns, rows] = packed.T
            E = np.linalg.solve(np.eye(p) - D @ G, D)
            bent = E @ slope @ E
            for i, j in zip(rows, columns, strict=True):
                for which, part in enumerate((E, bent)):
                    found[which, i, j] += F.T @ (part[:, i, j, None] * F)
        found[:, columns, rows] = found[:, rows, columns]
        return found[0], found[1]

    def _conditioned(self, G: Array, slope: Array, S: Array, dS: Array) -> tuple[Array, Array]:
        k = self.k
        left = self.F.shape[1] - k

        def block(at: Array, one: slice, two: slice) -> Array:
            part = at[:, :, one, two].transpose(0, 2, 1, 3)
            return part.reshape(part.shape[0] * part.shape[1], -1)

        r, known = slice(0, k), slice(k, k + left)
        theta, theta_slope = block(S, r, r), block(dS, r, r)
        if left:
            inverse, one = np.linalg.inv(G), np.eye(left)
            Y = np.kron(inverse, one) + block(S, known, known)
            dY = np.kron(-inverse @ slope @ inverse, one) + block(dS, known, known)
            taken = np.linalg.solve(Y, block(S, known, r))
            cross = block(dS, r, known) @ taken
            theta = theta - block(S, r, known) @ taken
            theta_slope = theta_slope - cross - cross.T + taken.T @ dY @ taken
        return 0.5 * (theta + theta.T), 0.5 * (theta_slope + theta_slope.T)


def expected(problem: Problem, n: int, R: Array, P: Array, W: Array, teacher: Array, z: Array | None) -> Quenched:
    """Edge, outliers and overlaps of the Hessian at weights W, by what is known of X.

    Parameters
    ----------
    problem : Problem
        Of white data.
    n : int
        N.
    R, P : (M, k) and (M, l) arrays
        As of Known; with no columns of P the second term of Theta is left out, which is wrong after a step.
    W, teacher : (k, p) and (k, p_star) arrays
        In directions met, |w|^2 / N = |W|^2.
    z : (M,) array or None
        What noise on the labels is made of.

    Raises
    ------
    InputError
        No left edge below 0, or none found.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> R, W = rng.standard_normal((3000, 2)), np.eye(2)  # student and teacher are the directions met
    >>> at = expected(Problem(p=1, p_star=1, alpha=6.0, a=1.5), 500, R, R[:, :0], W[:, :1], W[:, 1:], None)
    >>> bool(at.eigenvalues[0] < at.edge)
    True
    """
    s, u = R @ W, R @ teacher
    source = CurvedSample(problem, s, u, z)
    source.kernels.prepare()
    both = np.concatenate([teacher, W], axis=1)
    unit = both / np.linalg.norm(both, axis=0)
    with ThreadPoolExecutor(len(sched_getaffinity(0))) as pool:
        return left_end(Known(Sums(source, None, pool), n, R, P, unit), np.eye(problem.p + problem.p_star))
