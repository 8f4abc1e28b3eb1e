"""A command line for every command, with a part of what it says, in a folder that has what they ask for."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np

from hpcbbp import Problem, gaussian_instance

EARLIER = Path(__file__).parents[1] / "earlier" / "0.1.0"
Words = tuple[str, ...]

# What a command says where it does not fail is in its row: then it has come so far.
THEORY = ("theory", "-p", "2", "-a", "1.5", "--alpha", "3")
MODEL = ("-n", "40", "-p", "1", "-a", "1.5", "--alpha", "3")
DEFERRED = ("solve", *MODEL, "--method", "deferred", "--tol", "1e-3")
DESCENT = ("descend", *MODEL, "--steps", "3")
OWN = ("solve", "--data", "X.h5", "--teacher", "W.npy", "--student", "W.npy", "-a", "1.5")
WORKING: dict[Words, tuple[tuple[Words, str], ...]] = {
    (): (
        (THEORY, "alpha_BBP"),
        (DEFERRED, "converged"),
        (("solve", *MODEL), "converged"),
        (DESCENT, "steps of eta"),
        (("info",), "petsc_index"),
        (("models",), "log cosh"),
        (("cite",), "@article"),
        (("help", "methods"), "deferred"),
        (("explore", "-p", "2"), "explore.html"),
    ),
    ("figures",): (
        (("phase-diagram", "-p", "2", "-a", "1", "--inset-a", "1"), "phase-diagram.csv"),
        (("density", *THEORY[1:], "--points", "9"), "density.png"),
        (("predict", *THEORY[1:], "-n", "40", "--samples", "2"), "predict.csv"),
        ((*DESCENT, "--out", "descent.png"), "descent.csv"),
    ),
    ("campaigns",): (
        (("plan", "small.toml", "--out", "."), "13 of 13"),
        (("run", "small.toml", "--out", "."), "0 computed"),
        (("collect", "results.jsonl", "--out", "collected"), "13 records added"),
        (("export", ".", "--to", "pairs.csv"), "17 rows"),
        (("cite", "."), "lapack"),
    ),
    ("files",): ((OWN, "converged"),),
    ("export",): (
        (("export", ".", "--to", "pairs.h5"), "17 rows"),
        (("export", ".", "--to", "pairs.parquet"), "17 rows"),
    ),
    ("analysis",): ((("analyze", "."), "alpha"),),
    ("analysis", "figures"): ((("figure", "none"), "figure none: one of 1, 2"), (("demo", "--out", "."), "--out")),
    ("report",): ((("report", "few.toml", "--out", "few"), "report.html"),),
    ("slurm",): (
        (("slurm", "small.toml", "--time", "60"), "#SBATCH"),
        (("accounting", "small.toml", "1", "--sacct", "sacct.txt", "--out", "."), "instances begun"),
    ),
}
# The instances of the earlier store that need no pictures but one.
FEW = """
name = "few"
[[grid]]
p = 1
a = 0.7
alpha = 0.6
n = 20
seeds = 2
method = "dense"
"""
EXAMPLES = {words[0]: words for rows in WORKING.values() for words, _ in rows}


def furnish(folder: Path) -> None:
    """Put an earlier store, a campaign of few of its instances, figures of a Slurm and arrays into a folder."""
    shutil.copytree(EARLIER, folder, dirs_exist_ok=True)
    lines = (folder / "results.jsonl").read_text().splitlines(keepends=True)
    (folder / "few").mkdir()
    (folder / "few" / "results.jsonl").write_text("".join(line for line in lines if "method='dense'" in line))
    (folder / "few.toml").write_text(FEW)
    (folder / "sacct.txt").write_text("1|COMPLETED|1|2|1|5|00:01.000|2||1000M|\n")
    instance = gaussian_instance(Problem(p=1, p_star=1, alpha=3.0, a=1.5), 40, 0)
    np.save(folder / "W.npy", instance.teacher.T)
    with h5py.File(folder / "X.h5", "w") as file:
        file["x"] = instance.data.local
