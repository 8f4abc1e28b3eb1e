"""Projections (s, u) of one sample, a chunk at a time: of arrays, or drawn by their law without any X."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError, shown, whole_number
from hpcbbp.machine import memory, rng
from hpcbbp.model.covariance import Covariance, binned
from hpcbbp.model.parts import refuse_masked
from hpcbbp.model.problem import Problem
from hpcbbp.theory.finite import kernels

Array = NDArray[np.float64]
Samples = NDArray[Any]  # float32 or float64
Pair = tuple[Samples, Samples]

CHUNK = 1 << 17
"""Samples a task; sums are taken in this order, whatever the number of threads. A multiple of rng.BLOCK."""


_LARGEST = 1e9
_N_MAX = 10**12
_M_MAX = 10**14  # months of one core
_SIGNALS = 400  # order p (p + p*) of Theta at most


def check_widths(p: int, p_star: int) -> None:
    """Raise InputError if the matrix over all signal directions is too large."""
    if p * (p + p_star) > _SIGNALS:
        raise InputError(
            f"p (p + p*) = {shown(p * (p + p_star))}: quenched predictions go up to {_SIGNALS}; take fewer units"
        )


def check_size(n: int, directions: int) -> int:
    """Return N, or raise InputError unless it is a whole number with room for all weights' directions."""
    size = whole_number(n)
    if size is None or not max(2, directions) <= size <= _N_MAX:
        raise InputError(
            f"N = {shown(n)}: a whole number from p + p* = {directions} (at least 2) to {_N_MAX:.0e} is wanted"
        )
    return size


def check_samples(problem: Problem, n: int) -> int:
    """Return M = round(alpha N), or raise InputError if that is no number of samples, or more than can be drawn."""
    if problem.alpha * n > _M_MAX:
        raise InputError(f"alpha = {problem.alpha:g} with N = {n:g}: predictions go up to M = {_M_MAX:.0e} samples")
    return problem.samples(n)


class Projections:
    """Projections in memory.

    Parameters
    ----------
    s : (M, p) array
        Student projections w_k . x_mu.
    u : (M, p_star) array
        Teacher projections.
    empty : bool
        Whether there may be none (of a rank among others).

    Raises
    ------
    InputError
        Shapes that do not fit, or numbers that are not finite.

    Attributes
    ----------
    kernels : module
        Sums over such samples.
    """

    kernels: ModuleType = kernels

    def __init__(self, s: Samples, u: Samples, *, empty: bool = False) -> None:
        refuse_masked(s, "projections s")
        refuse_masked(u, "projections u")
        try:
            s, u = np.asarray(s), np.asarray(u)
        except ValueError:
            raise InputError("projections are (M, p) and (M, p*) arrays of numbers") from None
        if s.dtype.kind not in "fiu" or u.dtype.kind not in "fiu":
            raise InputError(f"projections of type {s.dtype} and {u.dtype}: real numbers are wanted")
        if s.ndim != 2 or u.ndim != 2 or len(s) != len(u) or not (len(s) or empty) or 0 in (s.shape[1], u.shape[1]):
            raise InputError(
                f"projections of shapes {s.shape} and {u.shape}: (M, p) and (M, p*) are wanted; M, p and p* >= 1"
            )
        dtype = np.float32 if s.dtype == u.dtype == np.float32 else np.float64
        self.s, self.u = np.ascontiguousarray(s, dtype=dtype), np.ascontiguousarray(u, dtype=dtype)
        for part in (self.s, self.u):
            if not (np.isfinite(part).all() and np.abs(part).max(initial=0.0) < _LARGEST):
                raise InputError(
                    f"projections must be finite numbers below {_LARGEST:g} (those of the model are of order 1)"
                )
        self.m, self.p, self.p_star = len(s), s.shape[1], u.shape[1]

    def chunk(self, number: int) -> tuple[Samples, ...]:
        """s and u of samples number CHUNK, ..., (number + 1) CHUNK - 1: what kernels are called with."""
        rows = slice(number * CHUNK, (number + 1) * CHUNK)
        return self.s[rows], self.u[rows]

    def chunks(self) -> range:
        """Numbers of the chunks; at least one, which is empty where there are no rows."""
        return range(max(1, -(-self.m // CHUNK)))


def _of_levels(law: Covariance, n: int, q: int, seed: int) -> tuple[Array, Array]:
    """Triangle R of R^T R = W^T Sigma W, and W^T P_j W of each level, (L, q, q), for random unit vectors W."""
    values, counts = binned(law, n)
    each = [
        rng.triangle(min(q, int(count)), q, int(count), seed, "projection-angles", level)
        for level, count in enumerate(counts)
    ]
    lengths = np.linalg.norm(np.concatenate(each), axis=0)
    each = [T / lengths for T in each]
    scaled = np.concatenate([np.sqrt(value) * T for value, T in zip(values, each, strict=True)])
    return np.linalg.qr(scaled)[1], np.array([T.T @ T for T in each])


class Drawn(Projections):
    """Projections of a sample of the model, by their law: Gaussian, with the overlaps of random weights. In float32.

    x_mu has i.i.d. N(0, 1/N) entries, so rows (s, u)_mu are i.i.d. N(0, G) with G_ab = w_a . w_b / N, |w_a|^2 = N.
    G is drawn from the triangular factor of a Gaussian N x (p + p*) matrix: exact at every N.

    Parameters
    ----------
    problem : Problem
    n : int
    seed : int
        One seed is one sample (not the X that `solve` draws for it).
    keep : bool, optional
        Keep all M (p + p*) numbers; or draw them again each time, in no memory at all. By default they are kept if
        they take at most a third of the free memory. The numbers are the same.

    Attributes
    ----------
    gram : (p + p_star, p + p_star) array
        w_a . w_b / N, student first; (L, p + p_star, p + p_star) in the levels of the data's covariance, if any
        (hpcbbp.model.covariance.binned).
    """

    def __init__(self, problem: Problem, n: int, seed: int, *, keep: bool | None = None) -> None:
        self.p, self.p_star = problem.p, problem.p_star
        check_widths(self.p, self.p_star)
        q = self.p + self.p_star
        n = check_size(n, q)
        self.m = check_samples(problem, n)
        self.seed = rng.check_seed(seed)
        if problem.covariance is None:
            T = rng.triangle(min(q, n), q, n, self.seed, "projection-angles", 0)
            self._mix = T / np.linalg.norm(T, axis=0)
            self.gram = self._mix.T @ self._mix
        else:
            self._mix, self.gram = _of_levels(problem.covariance, n, q, self.seed)
        self._kept: dict[int, Pair] = {}
        self.keep = 4 * self.m * q <= memory.available() // 3 if keep is None else keep

    def chunk(self, number: int) -> tuple[Samples, ...]:
        """s and u of a chunk, drawn again unless they are kept."""
        return self.drawn(number)

    def drawn(self, number: int) -> Pair:
        """The same."""
        if number in self._kept:
            return self._kept[number]
        start, stop = number * CHUNK, min(self.m, (number + 1) * CHUNK)
        independent = len(self._mix)
        z = np.empty((stop - start) * independent)
        rng.fill_normals(z, self.seed, "projections", start * independent)
        both = (z.reshape(-1, independent) @ self._mix).astype(np.float32)
        pair = np.ascontiguousarray(both[:, : self.p]), np.ascontiguousarray(both[:, self.p :])
        if self.keep:
            self._kept[number] = pair
        return pair
