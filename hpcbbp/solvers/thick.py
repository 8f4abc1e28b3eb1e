"""Thick-restart Lanczos from a basis that is there already: how a solve goes on where SLEPc's was interrupted.

SLEPc's Krylov-Schur cannot be given a basis. In exact arithmetic this is the same method (K. Wu and H. Simon, SIAM J.
Matrix Anal. Appl. 22, 602 (2000), https://doi.org/10.1137/S0895479898334605), so that nothing of an interrupted solve
is lost; vectors are orthogonalised in full, twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpcbbp.machine.ranks import Group

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Basis:
    """What a restart keeps: A Q = Q diag(ritz) + q b^T, Q and q orthonormal; b comes out of the product with q.

    Attributes
    ----------
    ritz : (k,) array
    vectors : (k + 1, n_local) array
        Q, this rank's part, and q in the last row.
    """

    ritz: Array
    vectors: Array

    def first(self, count: int) -> Basis:
        """With the first Ritz vectors alone, of which the same holds: for a smaller -eps_ncv than before."""
        if count >= len(self.ritz):
            return self
        return Basis(self.ritz[:count], np.concatenate([self.vectors[:count], self.vectors[-1:]]))


@dataclass(frozen=True)
class Cycle:
    """The end of a cycle, before its restart.

    Attributes
    ----------
    ritz, estimates : (ncv,) arrays
        All Ritz values in the order that is asked for, and their residuals.
    rotation : (ncv, ncv) array
        Ritz vectors, as columns, in the basis.
    vectors : (ncv + 1, n_local) array
        The basis, and what comes next.
    """

    ritz: Array
    estimates: Array
    rotation: Array
    vectors: Array

    def pairs(self, count: int) -> tuple[Array, Array]:
        """First Ritz values and vectors."""
        return self.ritz[:count], self.rotation[:, :count].T @ self.vectors[: len(self.ritz)]

    def restarted(self, count: int) -> Basis:
        """The basis of the first Ritz vectors."""
        ritz, vectors = self.pairs(count)
        return Basis(ritz, np.concatenate([vectors, self.vectors[-1:]]))


@dataclass(frozen=True)
class Space:
    """Where the iteration lives.

    Attributes
    ----------
    apply : callable
        A v, this rank's part.
    group : Group
    order : callable
        Key of Ritz values.
    known : (c, n_local) array
        Orthonormal vectors in whose complement it is.
    fresh : callable
        A random vector, where the space is exhausted.
    """

    apply: Callable[[Array], Array]
    group: Group
    order: Callable[[Array], Array]
    known: Array
    fresh: Callable[[], Array]

    def cycle(self, basis: Basis, ncv: int) -> Cycle:
        """Extend a basis to ncv vectors, one product each, and find its Ritz pairs. Collective."""
        k = len(basis.ritz)
        V, T = np.empty((ncv + 1, basis.vectors.shape[1])), np.zeros((ncv, ncv))
        V[: k + 1] = basis.vectors
        T[range(k), range(k)] = basis.ritz
        last = 0.0
        for j in range(k, ncv):
            image = self.apply(V[j])
            w, along = self._outside(image, V[: j + 1])
            T[: j + 1, j] = T[j, : j + 1] = along
            last = self._size(w)
            if last <= 1e-14 * self._size(image):  # an invariant subspace: any other vector
                last, w = 0.0, self._outside(self.fresh(), V[: j + 1])[0]
            V[j + 1] = w / (self._size(w) or 1.0)
            if j + 1 < ncv:
                T[j + 1, j] = T[j, j + 1] = last
        values, rotation = self.group.share(np.linalg.eigh(T))
        first = np.argsort(self.order(values), kind="stable")
        rotation = rotation[:, first]
        return Cycle(values[first], np.abs(last * rotation[-1]), rotation, V)

    def _outside(self, w: Array, basis: Array) -> tuple[Array, Array]:
        """What of w is in the complement of known vectors and a basis, and its coefficients in the basis."""
        total = np.zeros(len(basis))
        for _ in range(2):  # twice is enough
            if len(self.known):
                w = w - self.group.sum(self.known @ w) @ self.known
            along = self.group.sum(basis @ w)
            w, total = w - along @ basis, total + along
        return w, total

    def _size(self, w: Array) -> float:
        return float(np.sqrt(self.group.sum(np.array([w @ w]))[0]))


@dataclass(frozen=True)
class Plan:
    """How far to go.

    Attributes
    ----------
    wanted, ncv : int
        Pairs, and vectors of the basis.
    keep : float
        Part of the vectors that have not converged which a restart keeps.
    restarts : int
        At most.
    """

    wanted: int
    ncv: int
    keep: float
    restarts: int

    def kept(self, converged: int) -> int:
        """Vectors of a restart."""
        return min(self.ncv - 1, converged + max(1, int((self.ncv - converged) * self.keep)))


def go_on(
    space: Space,
    basis: Basis,
    plan: Plan,
    converged: Callable[[Array, Array], int],
    heard: Callable[[Basis, int, Array, Array], None],
) -> tuple[Array, Array, bool]:
    """Go on until all wanted Ritz pairs have converged, or restarts are used up. Collective.

    Parameters
    ----------
    space : Space
    basis : Basis
    plan : Plan
    converged : callable
        From Ritz values and estimates to how many of the first have converged.
    heard : callable
        Called at each restart with what it keeps, how many have converged, and all Ritz values and estimates.

    Returns
    -------
    values, vectors : (wanted,) and (wanted, n_local) arrays
    whole : bool
        Whether all have converged.
    """
    for left in range(plan.restarts, 0, -1):
        at = space.cycle(basis, plan.ncv)
        done = space.group.share(converged(at.ritz, at.estimates))
        if done >= plan.wanted or left == 1:
            break
        basis = at.restarted(plan.kept(done))
        heard(basis, done, at.ritz, at.estimates)
    return *at.pairs(plan.wanted), done >= plan.wanted
