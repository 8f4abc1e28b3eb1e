"""What a solve needs in memory, told before anything is allocated; limits.py knows what the node has."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hpcbbp.errors import InputError
from hpcbbp.machine.limits import available
from hpcbbp.machine.ranks import Group

__all__ = [
    "PER_RANK",
    "available",
    "deferred_solve",
    "dice_solve",
    "give_back",
    "giving_back",
    "quenched_prediction",
    "require",
    "stored_solve",
]

PER_RANK = 512 * 2**20
"""Bytes of Python, numpy, numba, PETSc and MPI themselves, with the compilation of kernels."""


def stored_solve(n: int, m: int, p: int, p_star: int, itemsize: int, ncv: int, ranks: int) -> int:
    """Bytes that the largest rank needs for a solve with stored X.

    Its rows of X; projections and curvatures; the Krylov basis; and the replicated vectors of a product.
    """
    rows, columns = -(-m // ranks), -(-n // ranks)
    weights = 3 * 8 * (p + p_star) * n  # replicated once, in two layouts, while the projections are computed
    vectors = 8 * max(6 * p * n, weights) + 8 * (ncv + 8) * p * columns
    samples = 8 * rows * (6 * p + 2 * p_star + 4)
    return rows * n * itemsize + samples + vectors + PER_RANK


def dice_solve(n: int, m: int, p: int, p_star: int, itemsize: int, ncv: int, products: int, ranks: int) -> int:
    """Bytes that the largest rank needs for a solve on dice: the state of so many products, and the rest.

    Every product reveals p directions on both sides, each with its image on the other: 2 (N + M) numbers a direction.
    """
    rows, columns = -(-m // ranks), -(-n // ranks)
    directions = min(p * products + p + p_star, min(n, m) + 32)
    state = 2 * (rows + columns) * directions * itemsize
    return state + 8 * rows * (12 * p + 2 * p_star + 4) + 8 * (ncv + 16) * p * columns + PER_RANK


def deferred_solve(m: int, p: int, block: int, itemsize: int, ranks: int, *, left: bool = False) -> tuple[int, int]:
    """Bytes of deferred Krylov on the largest rank: those that do not grow, and those of a direction met.

    Curvatures and the fresh numbers of the next directions, in float64 for p > 1, else float32 unless images are
    float64; then an image. With left directions kept: left queries of a step or of a check too, in float64, then a
    left direction beside an image, in float32 unless images are float64.
    """
    rows, number = -(-m // ranks) + (2048 if left else 512), max(itemsize, 4)  # whole panels
    if left:
        queries = max(8, p * block)  # 8 of a check, each beside its copy
        fixed = rows * (8 * (2 * p + 1 + 2 * queries) + number * p * block)
        return fixed + PER_RANK, rows * (itemsize + number) + 16 * p
    fixed = rows * (8 if p > 1 else number) * (p * (p + 1) // 2 + p * block)
    return fixed + PER_RANK, rows * itemsize + 16 * p


def quenched_prediction(m: int, p: int, p_star: int, ranks: int) -> int:
    """Bytes of a sample's own prediction on the largest rank: its projections as computed, and as they are summed.

    Of stored X, dice and whole spectra they fit into what the products took, which is over by then.
    """
    return 16 * -(-m // ranks) * (p + p_star)


def require(needed_per_rank: int, group: Group, way_out: str) -> None:
    """Raise InputError with both numbers if the ranks of a node do not fit in its memory. Collective."""
    here = group.ranks_on_node()
    with group.agreeing():
        free = available(here)
        if here * needed_per_rank > free:
            raise InputError(
                f"this needs about {here * needed_per_rank / 2**30:.4g} GiB on a node ({here} rank"
                f"{'s' if here > 1 else ''} of {needed_per_rank / 2**30:.4g} GiB) and "
                f"{free / 2**30:.4g} GiB are free: {way_out}"
            )


def room(fixed: int, each: int, wanted: int, most: int, group: Group, way_out: str) -> int:
    """Pieces that there is room for, at least those wanted and at most so many: of `each` bytes, beside fixed ones.

    InputError as of `require`. Collective.
    """
    require(fixed + wanted * each, group, way_out)
    beside = group.ranks_on_node()
    fits = int(group.smallest((available(beside) * 0.95 / beside - fixed) / each))
    return max(wanted, min(most, fits))


def give_back() -> None:
    """Hand what is no longer used back to the system, so that `available` counts it.

    The C library keeps freed memory below what is still in use: of a large solve gigabytes, for which the next one
    would be refused.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's; others return it at once or have no such call
    if trim is not None:
        trim(0)


@contextmanager
def giving_back() -> Iterator[Callable[[], None]]:
    """`give_back` for many instances, one after the other: quick from the second time on.

    What is in use after the first (modules, tables: some 150 000 objects) is not looked at again until the end; that
    would take longer than a small instance.
    """
    lasting = False

    def give() -> None:
        nonlocal lasting
        give_back()
        if not lasting:
            gc.freeze()
            lasting = True

    try:
        yield give
    finally:
        gc.unfreeze()
