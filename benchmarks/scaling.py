"""Strong and weak scaling on 1, 2 and 4 ranks, volumes of communication, latency and bandwidth, the model's table.

.venv/bin/python benchmarks/scaling.py strong | weak | volumes | network | model | nodes

`nodes` starts a Slurm of two nodes in network namespaces of this machine (root, see
tests/helpers/slurm_cluster.py) and runs `network` and a solve of each kind across them.
docs/scaling.md has the results.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from hpcbbp import Group, Problem, deferred_instance, gaussian_instance, solve_deferred, solve_instance
from hpcbbp.campaign.cost import memory_needed, model_seconds
from hpcbbp.machine.network import Network
from hpcbbp.solvers.point import Point

MPIRUN = os.environ.get("MPIRUN", "mpirun")
PATHS = {
    "stored": "-p 2 --storage float32 --nev 4",
    "dice": "-p 1 --storage float32 --nev 1 --method dice",
    "deferred": "-p 1 --storage float32 --nev 1 --method deferred",
}
STRONG = {"stored": 4000, "dice": 100_000, "deferred": 200_000}
WEAK = {"stored": (2000, 0.5), "dice": (40_000, 1.0), "deferred": (200_000, 1.0)}  # N on one rank, its power of R


def words(path: str, n: int) -> list[str]:
    return f"solve -n {n} {PATHS[path]} -a 1.5 --alpha 3 --seed 0 --tol 1e-6 --json".split()


def solve(path: str, n: int, ranks: int) -> dict[str, float]:
    done = subprocess.run(
        [MPIRUN, "-n", str(ranks), sys.executable, "-m", "hpcbbp", *words(path, n)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout)
    return found


def table(sizes: dict[str, dict[int, int]], title: str) -> None:
    """Best of two in turn: seconds, and seconds a product, for each number of ranks."""
    print(title)
    print(f"{'path':>9}{'ranks':>6}{'N':>8}{'products':>9}{'seconds':>9}{'T1/TR':>7}  ms a product")
    for path, of in sizes.items():
        best: dict[int, dict[str, float]] = {}
        for _ in range(2):
            for ranks, n in of.items():
                found = solve(path, n, ranks)
                if ranks not in best or found["seconds"] < best[ranks]["seconds"]:
                    best[ranks] = found
        for ranks, n in of.items():
            t, count = best[ranks]["seconds"], int(best[ranks]["products"])
            ratio = best[1]["seconds"] / t
            print(f"{path:>9}{ranks:>6}{n:>8}{count:>9}{t:>9.2f}{ratio:>7.2f}  {1e3 * t / count:.1f}", flush=True)


def volumes() -> None:
    """Calls and bytes of our own collective calls, of one rank of two (run under mpirun)."""
    group, counts = Group.world(), Counter[str]()

    def counted(name: str) -> None:
        plain = getattr(Group, name)

        def call(self: Group, *values: object) -> object:
            result = plain(self, *values)
            size = sum(v.nbytes for v in (*values, result) if isinstance(v, np.ndarray))
            counts[f"{name} calls"] += 1
            counts[f"{name} bytes"] += size
            return result

        setattr(Group, name, call)

    for name in ("sum", "sum_integers", "gather_rows", "scatter_sum", "share", "largest"):
        counted(name)
    problem = Problem(p=1, p_star=1, alpha=3.0, a=1.5)
    for path in PATHS:
        n = 8000
        if path == "deferred":
            instance = deferred_instance(problem, n, 0, storage="float64", group=group)
            counts.clear()
            found = solve_deferred(instance, 1, tol=1e-6)
        else:
            drawn = gaussian_instance(problem, n, 0, storage="float64", data=path, nev=1, group=group)
            counts.clear()
            found = solve_instance(drawn, 1, tol=1e-6)
        if group.rank == 0:
            each = {k: round(v / found.eigen.products, 2) for k, v in sorted(counts.items()) if v > 20}
            print(f"{path}: N = {n}, {found.eigen.products} products; a product and rank: {each}", flush=True)


def network() -> None:
    """Latency and bandwidth of the calls that solves make (run under mpirun or srun)."""
    from mpi4py import MPI

    world = MPI.COMM_WORLD
    for size in (8, 10_000, 1_000_000, 100_000_000):
        values, total = np.ones(size // 8), np.empty(size // 8)
        part = np.ones(size // 8 // world.size)
        whole = np.empty(len(part) * world.size)
        repeat = max(3, min(1000, 20_000_000 // size))
        for name, call in (
            ("Allreduce", lambda v=values, t=total: world.Allreduce(v, t)),
            ("Allgather", lambda v=part, t=whole: world.Allgather(v, t)),
        ):
            call()
            world.Barrier()
            start = time.perf_counter()
            for _ in range(repeat):
                call()
            each = (time.perf_counter() - start) / repeat
            if world.rank == 0:
                speed = size / each / 1e9
                print(f"{world.size} ranks, {size:>9} bytes, {name}: {1e6 * each:10.1f} us, {speed:.2f} GB/s")


def nodes() -> None:
    """`network` and a solve of each kind on one and on two nodes of a rank each, under a Slurm of its own."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "helpers"))
    from slurm_cluster import Cluster

    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        with Cluster(where / "slurm", nodes=2) as two:
            lines = ["export OMP_NUM_THREADS=1"]
            for count in (2, 1):
                srun = f"srun --mpi=pmix --nodes={count} --ntasks={count} --cpus-per-task=1"
                lines.append(f"{srun} {sys.executable} {Path(__file__).resolve()} network")
                for path in PATHS:
                    command = " ".join(words(path, STRONG[path]))
                    lines.append(f"echo {count} nodes, {path}, N = {STRONG[path]}")
                    keys = "d['products'], d['seconds'], d['eigenvalues'][0]"
                    told = f"import json, sys; d = json.load(sys.stdin); print({keys})"
                    lines.append(f'{srun} {sys.executable} -m hpcbbp {command} | {sys.executable} -c "{told}"')
            job = where / "job.sbatch"
            job.write_text(
                "#!/bin/bash\n#SBATCH --nodes=2 --ntasks-per-node=1 --output=out.txt --time=30\n" + "\n".join(lines)
            )
            two.submit(job, cwd=where)
            two.ended(1200)
            print((where / "out.txt").read_text())


def model() -> None:
    """Seconds and memory of the three paths on up to 4096 nodes of 64 ranks."""
    print(f"{'path':>9}{'N':>7}{'nodes':>6}{'seconds':>10}{'GiB a node':>12}")
    cases = (
        ("stored", "float32", (3e4, 3e5, 3e6)), ("dice", "float32", (1e6, 1e7, 1e8)),
        ("deferred", "int16", (1e8, 1e9, 1e10)),
    )  # fmt: skip
    for method, storage, sizes in cases:
        for n in sizes:
            point = Point(1, 1, 1.5, 3.0, int(n), 0, method, storage, 1, 1e-6)
            for count in (1, 16, 256, 4096):
                ranks = 64 * count
                memory = 64 * memory_needed(point, ranks) / 2**30
                seconds = model_seconds(point, ranks, Network(nodes=count))
                fits = f"{seconds:>10.3g}" if memory < 512 else f"{'-':>10}"
                print(f"{method:>9}{n:>7.0e}{count:>6}{fits}{memory:>12.4g}")


def main() -> None:
    what = sys.argv[1] if len(sys.argv) > 1 else "strong"
    if what == "strong":
        table({path: dict.fromkeys((1, 2, 4), n) for path, n in STRONG.items()}, "strong scaling, one N")
    elif what == "weak":
        sizes = {path: {r: round(n * r**power) for r in (1, 2, 4)} for path, (n, power) in WEAK.items()}
        table(sizes, "weak scaling, the same memory a rank")
    else:
        {"volumes": volumes, "network": network, "nodes": nodes, "model": model}[what]()


if __name__ == "__main__":
    main()
