"""Standard normal float32 numbers by global index, about ten times as fast as numpy's ziggurat.

Philox4x32-10 (Salmon, Moraes, Dror and Shaw, SC 2011: counter-based, passes BigCrush) and the transform of Box and
Muller, both in loops that vectorise. The radius has 31 random bits, so that no number lies beyond 6.67; the angle has
30 and two more for its quadrant. Logarithm, sine and cosine are the polynomials of the Cephes library, good to 2e-7.
Processors that fuse multiplications with additions may differ from others in the last bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hpcbbp.machine.compiled import compile_all, compiled
from hpcbbp.machine.rng import STREAMS, check_seed

Words = NDArray[np.uint32]
Single = NDArray[np.float32]

_LANES = 1024  # counters at a time
BLOCK = 4 * _LANES
"""Numbers in a block, which is drawn as a whole; part of what a seed means."""

MOST = 6.67
"""Largest number in size, from above: the root of 64 log 2."""

_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_M0, _M1, _W0, _W1 = *_MULTIPLIERS, *_WEYL
_ROUNDS = 10

_LOG = tuple(
    np.float32(c)
    for c in (
        7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
        2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
    )
)  # fmt: skip
_L0, _L1, _L2, _L3, _L4, _L5, _L6, _L7, _L8 = _LOG
_S0, _S1, _S2 = np.float32(-1.6666654611e-1), np.float32(8.3321608736e-3), np.float32(-1.9515295891e-4)
_C0, _C1, _C2 = np.float32(4.166664568298827e-2), np.float32(-1.388731625493765e-3), np.float32(2.443315711809948e-5)
_ONE, _TWO, _HALF_OF_ONE = np.float32(1), np.float32(2), np.float32(0.5)
_LN2, _TURN = np.float32(0.6931471805599453), np.float32(np.pi / 4 / 2**31)
_ROOT_HALF = np.int32(0x3F3504F3)  # bits of 1/sqrt(2)
_MANTISSA = np.int32(0x007FFFFF)
_EXPONENT, _BITS, _ONE_BIT = np.int32(23), np.int32(31), np.uint32(1)
_SIGN, _SWAP, _ANGLE = np.int32(1), np.int32(2), np.int32(-4)


@compiled
def philox(words: Words, key0: np.uint64, key1: np.uint64, first: np.uint64) -> None:
    """Four random words of each counter first, first + 1, ...: (4, lanes)."""
    for i in range(words.shape[1]):
        counter = np.uint64(first) + np.uint64(i)
        c0, c1, c2, c3 = counter & _LOW, counter >> _HALF, np.uint64(0), np.uint64(0)
        k0, k1 = key0, key1
        for _ in range(_ROUNDS):
            a, b = _M0 * c0, _M1 * c2
            c0, c1, c2, c3 = (b >> _HALF) ^ c1 ^ k0, b & _LOW, (a >> _HALF) ^ c3 ^ k1, a & _LOW
            k0, k1 = (k0 + _W0) & _LOW, (k1 + _W1) & _LOW
        words[0, i] = np.uint32(c0)
        words[1, i] = np.uint32(c1)
        words[2, i] = np.uint32(c2)
        words[3, i] = np.uint32(c3)


@compiled
def _transform(U: Words, V: Words, X: Single, Y: Single, scale: np.float32) -> None:
    """Two independent normal numbers times scale, of two random words each."""
    for i in range(U.size):
        x = np.float32(np.float32(np.int32(U[i] >> _ONE_BIT)) + _HALF_OF_ONE)  # in units of 2^-31
        bits = np.int32(x.view(np.int32) - _ROOT_HALF)
        power = np.int32(np.int32(bits >> _EXPONENT) - _BITS)
        m = np.float32(np.int32(np.int32(bits & _MANTISSA) + _ROOT_HALF).view(np.float32) - _ONE)
        log = ((((_L0 * m + _L1) * m + _L2) * m + _L3) * m + _L4) * m + _L5
        log = (((log * m + _L6) * m + _L7) * m + _L8) * m - _HALF_OF_ONE
        radius = scale * np.sqrt(-_TWO * (log * (m * m) + m + _LN2 * np.float32(power)))
        v = np.int32(V[i])
        t = np.float32(np.int32(v & _ANGLE)) * _TURN  # -pi/4 to pi/4
        z = t * t
        sine = t * (_ONE + z * (_S0 + z * (_S1 + z * _S2)))
        cosine = _ONE + z * (-_HALF_OF_ONE + z * (_C0 + z * (_C1 + z * _C2)))
        cosine = cosine * (_ONE - _TWO * np.float32(np.int32(v & _SIGN)))
        swap = np.int32(v & _SWAP) != np.int32(0)
        X[i] = radius * (sine if swap else cosine)
        Y[i] = radius * (cosine if swap else sine)


@compiled
def _blocks(out: Single, key0: np.uint64, key1: np.uint64, first: np.uint64, scale: np.float32) -> None:
    """Whole blocks, from block `first`."""
    words = np.empty((4, _LANES), dtype=np.uint32)
    for block in range(out.size // BLOCK):
        philox(words, key0, key1, (np.uint64(first) + np.uint64(block)) * np.uint64(_LANES))
        at = block * BLOCK
        for half in range(2):
            X = out[at + 2 * half * _LANES : at + (2 * half + 1) * _LANES]
            Y = out[at + (2 * half + 1) * _LANES : at + (2 * half + 2) * _LANES]
            _transform(words[2 * half], words[2 * half + 1], X, Y, scale)


class FastNormals:
    """Numbers of a stream of one seed.

    Parameters
    ----------
    seed : int
    stream : str
        A key of hpcbbp.machine.rng.STREAMS.
    """

    def __init__(self, seed: int, stream: str) -> None:
        prepare()
        sequence = np.random.SeedSequence(check_seed(seed), spawn_key=(STREAMS[stream],))
        self._key0, self._key1 = (np.uint64(word) for word in sequence.generate_state(2, np.uint32))
        self._edge, self._cut = np.empty(BLOCK, dtype=np.float32), (-1, 0.0)

    def fill(self, out: Single, start: int, scale: float = 1.0) -> None:
        """Fill a one-dimensional float32 array with numbers start, start + 1, ..., times scale."""
        stop = start + out.size
        head, tail = -(-start // BLOCK), stop // BLOCK  # whole blocks
        if head < tail:
            self._draw(out[head * BLOCK - start : tail * BLOCK - start], head, scale)
        for block in sorted({start // BLOCK, stop // BLOCK} - set(range(head, tail))):
            lo, hi = max(start, block * BLOCK), min(stop, (block + 1) * BLOCK)
            if lo < hi:
                if self._cut != (block, scale):  # where one stretch ends the next one begins
                    self._draw(self._edge, block, scale)
                    self._cut = block, scale
                out[lo - start : hi - start] = self._edge[lo - block * BLOCK : hi - block * BLOCK]

    def _draw(self, out: Single, block: int, scale: float) -> None:
        _blocks(out, self._key0, self._key1, np.uint64(block), np.float32(scale))


def prepare() -> None:
    """Compile, or load from numba's cache."""
    compile_all(
        "fast-normals",
        [
            (_blocks, "(float32[::1], uint64, uint64, uint64, float32)"),
            (philox, "(uint32[:,::1], uint64, uint64, uint64)"),
        ],
    )
