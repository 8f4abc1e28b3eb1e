"""numpy's standard normal numbers, bit by bit, two to three times as fast: Philox and ziggurat in compiled loops.

numpy draws one number after the other (Philox4x64-10 of Salmon, Moraes, Dror and Shaw, SC 2011; ziggurat of Marsaglia
and Tsang, J. Stat. Softw. 5, 2000). Here the words of many counters are made side by side, and what every word would
be as a normal number; those that the ziggurat rejects (1 in 85) are gone through one by one.
Its tables are numpy's constants, which numba has for its own copy of numpy's generators.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from hpcbbp.machine.compiled import compile_all, compiled

try:
    from numba.np.random import _constants as tables  # of another numba they may be elsewhere
except ImportError:
    tables = None

Words = NDArray[np.uint64]
Floats = NDArray[Any]  # float64 or float32

_LANES = 256  # counters at a time
_ROUNDS = 10
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_A, _B = 0xD2E7470EE14C6C93, 0xCA5A826395121157
_A0, _A1 = np.uint64(_A & 0xFFFFFFFF), np.uint64(_A >> 32)
_B0, _B1 = np.uint64(_B & 0xFFFFFFFF), np.uint64(_B >> 32)
_WEYL0, _WEYL1 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)

_NAMES = ("wi_double", "ki_double", "fi_double", "ziggurat_nor_r", "ziggurat_nor_inv_r")
_COMPLETE = all(hasattr(tables, name) for name in _NAMES)
_WIDTH, _INSIDE, _HEIGHT = (
    np.array(getattr(tables, name, np.zeros(256)), dtype=kind)
    for name, kind in (("wi_double", np.float64), ("ki_double", np.int64), ("fi_double", np.float64))
)
_TAIL = float(getattr(tables, "ziggurat_nor_r", 0.0))
_OVER_TAIL = float(getattr(tables, "ziggurat_nor_inv_r", 0.0))
_LAYER, _SIGN, _ONE = np.uint64(0xFF), np.uint64(8), np.uint64(1)
_SIZE, _BITS = np.uint64(9), np.uint64(0x000FFFFFFFFFFFFF)
_UNIT = np.uint64(11)


@compiled
def _round(c0: Words, c1: Words, c2: Words, c3: Words, k0: np.uint64, k1: np.uint64) -> None:
    """A round of Philox; high halves of products of 64 bits from products of 32, which vectorise."""
    for i in range(c0.size):
        x0, x1 = c0[i] & _LOW, c0[i] >> _HALF
        lowest = _A0 * x0
        middle = _A1 * x0 + (lowest >> _HALF)
        other = _A0 * x1 + (middle & _LOW)
        high_a, low_a = _A1 * x1 + (middle >> _HALF) + (other >> _HALF), (other << _HALF) | (lowest & _LOW)
        y0, y1 = c2[i] & _LOW, c2[i] >> _HALF
        lowest = _B0 * y0
        middle = _B1 * y0 + (lowest >> _HALF)
        other = _B0 * y1 + (middle & _LOW)
        high_b, low_b = _B1 * y1 + (middle >> _HALF) + (other >> _HALF), (other << _HALF) | (lowest & _LOW)
        c0[i], c1[i], c2[i], c3[i] = high_b ^ c1[i] ^ k0, low_b, high_a ^ c3[i] ^ k1, low_a


@compiled
def _philox(lanes: Words, words: Words, key: Words, first: np.uint64, block: np.uint64) -> None:
    """Words, in their order, of the counters (first, 0, block, 0), (first + 1, 0, block, 0), ...; lanes is room."""
    c0, c1, c2, c3 = lanes[0], lanes[1], lanes[2], lanes[3]
    for i in range(_LANES):
        c0[i], c1[i], c2[i], c3[i] = np.uint64(first) + np.uint64(i), np.uint64(0), np.uint64(block), np.uint64(0)
    k0, k1 = key[0], key[1]
    for _ in range(_ROUNDS):
        _round(c0, c1, c2, c3, k0, k1)
        k0 += _WEYL0
        k1 += _WEYL1
    for i in range(_LANES):
        for j in range(4):
            words[4 * i + j] = lanes[j, i]


@compiled
def _candidates(words: Words, X: NDArray[np.float64], good: NDArray[np.bool_]) -> None:
    """What every word would be as a normal number, and whether it lies inside its layer."""
    for i in range(words.size):
        layer, size = words[i] & _LAYER, np.int64((words[i] >> _SIZE) & _BITS)
        X[i] = np.float64(size) * _WIDTH[layer] * np.float64(1 - 2 * np.int64((words[i] >> _SIGN) & _ONE))
        good[i] = size < _INSIDE[layer]


@compiled
def _block(out: Floats, first: int, key: Words, block: np.uint64, scale: float) -> None:
    """Numbers first, first + 1, ... of a block, times scale."""
    lanes, words = np.empty((4, _LANES), dtype=np.uint64), np.empty(4 * _LANES, dtype=np.uint64)
    X, good = np.empty(4 * _LANES), np.empty(4 * _LANES, dtype=np.bool_)
    made, counter = -first, 1
    # A rejected word decides, with the next ones, over a number of its own (1: in the layer; 2, 3: in the tail).
    left, x, layer, negative, beyond = 0, 0.0, np.uint64(0), False, 0.0
    while made < out.size:
        _philox(lanes, words, key, np.uint64(counter), block)
        counter += _LANES
        _candidates(words, X, good)
        for i in range(words.size):
            if left == 0 and not good[i]:
                x, layer = X[i], words[i] & _LAYER
                # numpy takes the sign of a number of the tail from another bit.
                left, negative = (1 if layer > 0 else 2), ((words[i] >> np.uint64(17)) & _ONE) == _ONE
                continue
            if left == 0:
                x = X[i]
            else:
                u = np.float64(np.int64(words[i] >> _UNIT)) * 2.0**-53
                if left == 1:
                    left = 0
                    if not (_HEIGHT[layer - _ONE] - _HEIGHT[layer]) * u + _HEIGHT[layer] < math.exp(-0.5 * x * x):
                        continue
                elif left == 2:
                    left, beyond = 3, -_OVER_TAIL * math.log1p(-u)
                    continue
                else:
                    left = 2
                    if not -2.0 * math.log1p(-u) > beyond * beyond:
                        continue
                    left, x = 0, -(_TAIL + beyond) if negative else _TAIL + beyond
            if made >= 0:
                out[made] = scale * x
            made += 1
            if made == out.size:
                break


def fill(out: Floats, first: int, key: Words, block: int, scale: float) -> None:
    """Fill out with numbers first, first + 1, ... of a block of numpy's Philox stream, times scale.

    Parameters
    ----------
    out : C-contiguous, one-dimensional array of float64 or float32
    first : int
        Numbers of the block before the first one wanted; they are drawn too.
    key : (2,) array of uint64
    block : int
        Third word of the counter, below 2^64.
    scale : float
    """
    prepare()
    _block(out, first, key, np.uint64(block), scale)


@lru_cache(maxsize=1)
def usable() -> bool:
    """Whether loops are compiled here, and give numpy's bits (a block is compared): if not, numpy has to draw."""
    if numba.config.DISABLE_JIT or not _COMPLETE:
        return False
    found, key = np.empty(2**14), np.array([1, 2], dtype=np.uint64)
    fill(found, 0, key, 3, 1.0)
    generator = np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 3, 0]))
    return bool((found == generator.standard_normal(found.size)).all())


def prepare() -> None:
    """Compile, or load from numba's cache."""
    rest = "int64, uint64[::1], uint64, float64"
    compile_all("ziggurat", [(_block, f"({kind}[::1], {rest})") for kind in ("float64", "float32")])
