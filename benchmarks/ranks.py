"""One stored solve on 1 and 2 ranks, in turn, and the same by scipy's eigsh on two BLAS products.

.venv/bin/python benchmarks/ranks.py [N]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from peers import scipy_seconds

MPIRUN = os.environ.get("MPIRUN", "mpirun")


def solve(n: int, ranks: int) -> dict[str, float]:
    words = f"solve -n {n} -p 2 --p-star 1 -a 1.5 --alpha 3 --seed 0 --nev 4 --tol 1e-6 --storage float32 --json"
    done = subprocess.run(
        [MPIRUN, "-n", str(ranks), sys.executable, "-m", "hpcbbp", *words.split()],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    times: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(3):
        for ranks, values in times.items():
            found = solve(n, ranks)
            values.append(found["seconds"])
    print(f"N = {n}, p = 2, alpha = 3, float32, {found['products']} products; best of 3 in turn:")
    print(", ".join(f"{ranks} ranks {min(values):.2f} s" for ranks, values in times.items()), end="; ")
    print(f"ratio {min(times[1]) / min(times[2]):.2f}")

    blas = scipy_seconds(n, 4)
    ratio = blas / min(times[1])
    print(f"scipy eigsh, two float32 BLAS calls a product, 1 process: {blas:.2f} s; ratio to 1 rank {ratio:.2f}")


if __name__ == "__main__":
    main()
