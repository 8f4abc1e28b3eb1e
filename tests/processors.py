"""The suite under BLAS kernels of other processors and numbers of BLAS threads: `make test-processors`.

OpenBLAS takes the kernels of OPENBLAS_CORETYPE, if the processor has their instructions. Which ones each library of
this process (numpy's, scipy's, PETSc's) really took is shown before each run; libraries without such a choice (the
reference BLAS of Debian, MKL) run as they are.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
NEEDS = {"Haswell": "avx2", "SkylakeX": "avx512f", "Sandybridge": "avx", "Prescott": "pni", "Zen": "avx2"}
NAMES = tuple(
    f"{name}{end}" for name in ("openblas_get_corename", "scipy_openblas_get_corename") for end in ("", "64_")
)


def libraries() -> list[Path]:
    """BLAS libraries that numpy, scipy and PETSc have loaded into this process."""
    import numpy.linalg
    import scipy.linalg

    from hpcbbp.machine import petsc

    assert numpy.linalg
    assert scipy.linalg
    if not petsc.missing_modules():
        petsc.initialize()
    lines = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    files = {Path(line.split(maxsplit=5)[5]) for line in lines if len(line.split(maxsplit=5)) == 6}
    return sorted(
        file for file in files if any(word in file.name for word in ("blas", "mkl_rt")) and "so" in file.name
    )


def kernels() -> dict[str, str]:
    """Name of each library -> kernels that it took, or "no choice"."""
    found = {}
    for file in libraries():
        library = ctypes.CDLL(str(file))
        found[file.name] = "no choice"
        for name in NAMES:
            if hasattr(library, name):
                function = getattr(library, name)
                function.restype = ctypes.c_char_p
                found[file.name] = function().decode()
    return {name: kernel for name, kernel in found.items() if "cpython" not in name}


def possible(kernel: str) -> bool:
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    return NEEDS.get(kernel, "fpu") in flags


def main() -> int:
    if sys.argv[1:] == ["kernels"]:
        print(", ".join(f"{name}: {kernel}" for name, kernel in kernels().items()))
        return 0
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernels", default="Haswell,SkylakeX,Sandybridge", help="OPENBLAS_CORETYPE of each run")
    parser.add_argument("--threads", default="1,2", help="OPENBLAS_NUM_THREADS of each run")
    parser.add_argument("--serial", action="store_true", help="without the collective tests on 2 and 3 ranks")
    parser.add_argument("--workers", type=int, default=3, help="processes of the serial part")
    known, words = parser.parse_known_args()
    failed, ran = [], []
    for kernel in known.kernels.split(","):
        if not possible(kernel):
            print(f"{kernel}: this processor has no {NEEDS[kernel]}, left out")
            continue
        for threads in known.threads.split(","):
            name = f"{kernel}, {threads} threads"
            environment = {**os.environ, "OPENBLAS_CORETYPE": kernel, "OPENBLAS_NUM_THREADS": threads}
            print(f"== {name}", flush=True)
            subprocess.run([sys.executable, __file__, "kernels"], env=environment, check=True)
            shared = ["-n", str(known.workers), "--dist", "worksteal"]
            runs = [[sys.executable, "-m", "pytest", "-q", "-m", "not slurm and not workflows", *shared, *words]]
            if not known.serial:
                runs.insert(0, [sys.executable, str(HERE / "collective.py"), "--ranks", "2,3", *words])
            ran.append(name)
            statuses = [subprocess.run(run, env=environment, check=False).returncode for run in runs]
            if not set(statuses) <= {0, 5}:  # 5: none of the tests asked for is one of these
                failed.append(f"{name} (exit status {', '.join(map(str, statuses))})")
    print(f"== failed under {'; '.join(failed)}" if failed else f"== passed under {'; '.join(ran)}")
    return 1 if failed or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
