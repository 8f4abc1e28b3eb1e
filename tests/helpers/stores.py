"""A store of three records, as it is written and as damage leaves it."""

from __future__ import annotations

from records import kept, old_line, point_at, solved

from hpcbbp.campaign.record import to_line

CAMPAIGN = """
name = "c"
[[grid]]
p = 2
a = 1.5
alpha = 3.0
n = 50
seeds = "0..2"
nev = 2
method = "stored"
"""
POINTS = [point_at(seed) for seed in range(3)]
WRITTEN = {point.key: solved(point) for point in POINTS}
READ = {key: kept(record) for key, record in WRITTEN.items()}
LINES = [to_line(record) for record in WRITTEN.values()]
OLD = [old_line(record) for record in WRITTEN.values()]


def flipped(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def mutated(data, rng):
    """Flips, cuts, copies, foreign bytes, and what JSON readers stumble over."""
    for _ in range(rng.randint(1, 4)):
        at, other = rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)
        kind = rng.choice(["flip", "flip", "flip", "cut", "remove", "copy", "insert", "nest", "digits", "infinite"])
        piece = {
            "copy": data[other : other + 200], "insert": rng.randbytes(rng.randint(1, 8)), "nest": b'{"key":' * 2000,
            "digits": b"9" * 5000, "infinite": rng.choice([b"NaN", b"-Infinity", b"1e999", b"null"]),
        }  # fmt: skip
        if kind == "flip":
            data = flipped(data, rng.randrange(len(data) * 8)) if data else data
        elif kind == "cut":
            data = data[:at]
        elif kind == "remove":
            data = data[: min(at, other)] + data[max(at, other) :]
        else:
            data = data[:at] + piece[kind] + data[at:]
    return data
