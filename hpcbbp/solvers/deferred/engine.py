"""One Gaussian instance, revealed query by query: both sides together (docs/deferred.md)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError, shown, whole_number
from hpcbbp.machine import memory
from hpcbbp.machine.ranks import Group
from hpcbbp.machine.rng import check_seed
from hpcbbp.model.covariance import spaces
from hpcbbp.model.problem import Problem, check_dimension
from hpcbbp.solvers.deferred.coordinates import Coordinates
from hpcbbp.solvers.deferred.finer import Passes
from hpcbbp.solvers.deferred.floors import check_tolerance, storage_bytes
from hpcbbp.solvers.deferred.levels import Levels
from hpcbbp.solvers.deferred.samples import Samples
from hpcbbp.solvers.eigen import check_nev, check_tol
from hpcbbp.solvers.needs import deferred_bytes, least_directions
from hpcbbp.solvers.request import Request

Array = NDArray[np.float64]


NO_ROOM = (
    "the memory is used up by {} directions; take storage int16, a looser tol, a smaller nev or block, "
    "a smaller N, or ranks on more nodes"
)


class Deferred:
    """A Gaussian instance of which only the products asked for are ever decided.

    The realised X depends on the queries made; a second solve goes on with the same X.

    Attributes
    ----------
    problem : Problem
    n, m, seed : int
    storage : str
    group : Group
    samples : Samples
        Images of the directions met, distributed over the ranks.
    coordinates : Coordinates
        Everything small, replicated.
    levels : Levels
        Eigenspaces of the data's covariance, L of them (one for white data).
    weights : (q, p + p*) array
        Student and teacher directions, unit vectors, in the first q = L (p + p*) directions met.
    finer : Passes
        Over left queries that moments do not resolve.
    """

    def __init__(
        self, problem: Problem, n: int, seed: int, storage: str, capacity: int, group: Group | None = None
    ) -> None:
        self.problem, self.n, self.m = problem, n, problem.samples(n)
        self.seed, self.storage, self.group = check_seed(seed), storage, Group.chosen(group)
        self.ranks_on_node = self.group.ranks_on_node()
        self.levels = Levels(problem, n)
        root = self.levels.largest_root
        self.samples = Samples(n, self.m, seed, problem.p, capacity, storage, self.group, root)
        resolved = 1e-3 if self.samples.number == np.float32 else 0.0
        self.coordinates = Coordinates(n, self.m, self.samples.index, resolved)
        # The QR of Gaussian vectors in each eigenspace: weights are uniform on the sphere, only their angles matter.
        first = self.levels.next(problem.p + problem.p_star)
        triangular = self.levels.triangles(first, problem.p + problem.p_star, seed)
        self.q = len(triangular)
        self.weights: Array = triangular / np.linalg.norm(triangular, axis=0)
        self.finer = Passes(self.samples, problem, math.sqrt(n) * self.weights, self.group)

    def start(self, following: int) -> None:
        """Draw the images of the weights' directions and the curvatures that follow from them. Collective."""
        self._meet(self.levels.next(self.problem.p + self.problem.p_star))
        self.samples.draw_first(self.q)
        self.samples.set_curvature(self.problem, math.sqrt(self.n) * self.weights)
        A, B = self.samples.first_moments()
        self.coordinates.extend(A, B, np.zeros((self.q, self.samples.parts, 0)))
        self.draw_ahead(following)

    def _meet(self, counts: NDArray[np.int64]) -> None:
        """Take new directions of each eigenspace, whose images are to be revealed."""
        self.levels.append(counts)
        self.resume()

    def resume(self) -> None:
        """Tell the images which eigenvalues the directions belong to."""
        self.samples.roots[: len(self.levels.of)] = self.levels.roots()

    def gram(self) -> Array:
        """w_a . w_b / N of the weights, student first, (p + p_star, p + p_star); in each eigenspace of Sigma."""
        if self.problem.covariance is None:
            return self.weights.T @ self.weights
        parts = [self.weights[self.levels.of[: self.q] == level] for level in range(len(self.levels.values))]
        return np.array([part.T @ part for part in parts])

    @property
    def _own(self) -> int:
        """Samples of this rank, without the padding of its panels."""
        return max(0, min(self.m - self.samples.first, self.samples.rows))

    def noise(self) -> Array | None:
        """z ~ N(0, 1), (m_local,), that noise on the labels of this rank's samples is made of; None without noise."""
        first = min(self.samples.first, self.m)
        return self.problem.noise_numbers(self.seed, first, first + self._own)

    def projections(self) -> tuple[Array, Array]:
        """S = X w, (m_local, p), and u = X w*, (m_local, p_star), of this rank's samples, once there are images."""
        whole = (0, len(self.samples.panels))
        both = self.samples.projected(math.sqrt(self.n) * self.weights, whole)[: self._own]
        return both[:, : self.problem.p], both[:, self.problem.p :]

    def draw_ahead(self, count: int) -> None:
        """Have fresh numbers and their moments for that many directions. Collective."""
        c = self.coordinates
        if c.F.shape[2] < count or len(self.samples.fresh) < count:
            c.extend(*self.samples.reveal(np.zeros((c.k, self.samples.parts, 0)), 0, count))

    def query(self, V: Array, following: int) -> int:
        """Ask for H V: reveal the left images of block vectors and the new directions they lead to. Collective.

        Parameters
        ----------
        V : (b, k, p) array
            Orthonormal coordinates, orthogonal to earlier queries.
        following : int
            New directions expected at the next query (their fresh numbers are drawn in the same pass).

        Returns
        -------
        int
            New directions, b p of each eigenspace unless dimensions are used up.
        """
        c, p = self.coordinates, self.problem.p
        V = self.group.share(V)
        E = np.einsum("ij,bjl->ilb", c.B, V) if p == 1 else self.samples.query(V)
        new = c.add_queries(V, E, self.finer.sums(), self.finer)
        counts = self.levels.next(new or max(1, len(V)) * p)
        count = int(counts.sum())
        if count > self.samples.capacity - c.k:  # fewer would be another law: never truncate
            raise InputError(NO_ROOM.format(c.k))
        self.draw_ahead(count)
        T = self.levels.triangles(counts, new, self.seed) if new else np.zeros((count, 0))
        G = self.group.share(c.next_images(new, T))
        self._meet(counts)
        c.extend(*self.samples.reveal(G, count, min(following, self.n - c.k - count)))
        return count


def check_block(block: int) -> int:
    """Return the block, or raise InputError if it is not a whole number."""
    vectors = whole_number(block)
    if vectors is None:
        raise InputError(f"block = {shown(block)}: the vectors of a step are a whole number >= p p*")
    return vectors


def check_deferred(problem: Problem, n: int, tol: float | None, storage: str, block: int | None) -> None:
    """Raise InputError for a block, a storage or a tolerance that cannot work. Needs no MPI."""
    p, p_star, m = problem.p, problem.p_star, problem.samples(check_dimension(n))
    tol, block = None if tol is None else check_tol(tol), check_block(p * p_star if block is None else block)
    if block < p * p_star:
        raise InputError(
            f"block = {block}: the p p* = {p * p_star} outliers are nearly degenerate and need a block of at least "
            f"as many vectors (block >= {p * p_star})"
        )
    each = p + p_star + block * p
    first = each * len(spaces(problem.covariance, n)[0])
    if first > min(n, m):
        spaced = "" if first == each else f" in each of {first // each} eigenspaces"
        raise InputError(
            f"a block of {block} asks for p + p* + block p = {each} directions{spaced}, and min(N, M) = {min(n, m)}: "
            "take a larger N, a smaller block, or method stored, which suits small N"
        )
    storage_bytes(storage)
    if tol is not None:
        check_tolerance(problem, n, tol, storage)


def deferred_instance(
    problem: Problem,
    n: int,
    seed: int = 0,
    *,
    storage: str = "float64",
    nev: int | None = None,
    block: int | None = None,
    group: Group | None = None,
) -> Deferred:
    """Prepare a Gaussian instance for solve_deferred; nothing of size M is drawn yet. Collective.

    Parameters
    ----------
    problem : Problem
    n : int
        N.
    seed : int
        One seed is one instance on any number of ranks, to the last bit; another one than with stored data.
    storage : {"float64", "float32", "int16"}
        Numbers the M-vectors are kept in (see Samples).
    nev, block : int, optional
        As they will be given to solve_deferred: for the estimate of memory.
    group : Group, optional

    Raises
    ------
    InputError
        Values out of their domain, or too little memory.
    """
    group, n, seed = Group.chosen(group), check_dimension(n), check_seed(seed)
    block = problem.p * problem.p_star if block is None else block
    nev = check_nev(problem.p * problem.p_star if nev is None else nev, problem.p * n)
    check_deferred(problem, n, None, storage, block)
    asked = Request(problem, n, seed, "deferred", storage, nev, block=block)
    (fixed, each), wanted = deferred_bytes(asked, group.size), least_directions(asked)
    smaller = {"float64": "storage float32 or int16, ", "float32": "storage int16, "}.get(storage, "")
    memory.require(fixed + wanted * each, group, f"take {smaller}a smaller N or alpha, or ranks on more nodes")
    beside = group.ranks_on_node()
    fits = int(group.smallest((memory.available(beside) * 0.95 / beside - fixed) / each))
    return Deferred(problem, n, seed, storage, max(wanted, min(n, fits)), group)
