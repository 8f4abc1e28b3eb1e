"""The Hessian of a small network on handwritten digits, at the start and along training (docs/digits.md).

    mpirun -n 2 .venv/bin/python -m mpi4py examples/digits.py --out digits.png

Each rank has a share of the images. Prints a table, and draws the spectrum at the start and at the end.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from sklearn.datasets import load_digits

from hpcbbp import Group
from hpcbbp.operators import jax_operator
from hpcbbp.solvers.operator import solve_operator

jax.config.update("jax_enable_x64", True)
HIDDEN, CLASSES, RATE, MOMENTUM = 32, 10, 0.5, 0.9
STEPS = (0, 10, 30, 100, 300)
OUTLIERS, PAIRS = CLASSES - 1, 12


def weights(seed: int) -> list:
    r = np.random.default_rng(seed)
    first, second = r.standard_normal((64, HIDDEN)) / 8, r.standard_normal((HIDDEN, CLASSES)) / HIDDEN**0.5
    return [jnp.array(first), jnp.zeros(HIDDEN), jnp.array(second), jnp.zeros(CLASSES)]


def model(w, x):
    return jnp.tanh(x @ w[0] + w[1]) @ w[2] + w[3]


def loss(z, y):
    return -jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], axis=1)[:, 0]


def samples(group: Group, *, shuffled: bool, seed: int):
    """This rank's images, of mean 0 and variance 1, and their labels; shuffled: those of other images."""
    x, y = load_digits(return_X_y=True)
    x = (x - x.mean()) / x.std()
    y = np.random.default_rng(seed).permutation(y) if shuffled else y
    mine = group.owned(len(x))
    return jnp.array(x[mine.start : mine.stop]), jnp.array(y[mine.start : mine.stop]), len(x)


def trained(w, x, y, total: int, group: Group, steps=STEPS):
    """Yield steps and weights along gradient descent with momentum on the mean loss of all ranks."""
    flat, unravel = ravel_pytree(w)
    slope = jax.jit(jax.grad(lambda v: loss(model(unravel(v), x), y).sum() / total))
    velocity = np.zeros(flat.size)
    for step in range(max(steps) + 1):
        if step in steps:
            yield step, unravel(flat)
        velocity = MOMENTUM * velocity - RATE * (1 - MOMENTUM) * group.sum(np.asarray(slope(flat)))
        flat = flat + velocity


def class_means(A, y) -> np.ndarray:
    """Gradients of the loss averaged over each class, (classes, size). Collective."""
    counts = A.group.sum(np.array([(np.asarray(y) == k).sum() for k in range(CLASSES)], dtype=float))
    return np.array([A.gradient((np.asarray(y) == k) / counts[k]) for k in range(CLASSES)])


def looked_at(w, x, y, group: Group, way: np.ndarray):
    """Both ends of the Hessian, beside the class means of gradients and the way that training goes."""
    A = jax_operator(model, loss, w, x, y, group, name="digits")
    directions = {"class means": A.mine(class_means(A, y)), "way": A.mine(way)}
    found = solve_operator(A, PAIRS, which="both", tol=1e-6, directions=directions)
    low, high = slice(0, OUTLIERS), slice(PAIRS, PAIRS + OUTLIERS)
    at = {
        "loss": A.loss(), "size": A.size, "converged": bool(found.eigen.converged.all()),
        "lowest": found.eigen.eigenvalues[:PAIRS].tolist(), "largest": found.eigen.eigenvalues[PAIRS:].tolist(),
    }  # fmt: skip
    for name, one in found.overlaps.items():
        at[f"{name}, lowest"], at[f"{name}, largest"] = (
            float(one.overlap2[low].sum()),
            float(one.overlap2[high].sum()),
        )
    at["in class means"] = found.overlaps["class means"].overlap2[PAIRS:].tolist()
    return at, found.eigen.vectors


def run(group: Group, seed: int = 0, steps=STEPS) -> dict:
    """One network, trained on true and on shuffled labels from the same start. Collective."""
    found, vectors = {}, []
    for labels in ("true", "shuffled"):
        x, y, total = samples(group, shuffled=labels == "shuffled", seed=seed)
        path = list(trained(weights(seed), x, y, total, group, steps))
        start, end = (np.asarray(ravel_pytree(w)[0]) for w in (path[0][1], path[-1][1]))
        found[labels] = {}
        for step, w in path:
            found[labels][step], pairs = looked_at(w, x, y, group, end - start)
            if step == path[0][0]:
                vectors.append(pairs)
    for end, first in (("lowest", 0), ("largest", PAIRS)):
        one, other = (v[first : first + OUTLIERS] for v in vectors)
        both = np.linalg.svd(group.sum(one @ other.T), compute_uv=False)
        found[f"same {end}"] = float((both**2).mean())
    return found


def along(found: dict) -> str:
    """Table of one network along training: eigenvalues, and |P v|^2, P on the class means of gradients."""
    titles = ("labels", "step", "loss", "1st", "9th", "10th", "lowest", "9 vectors", "9th", "10th")
    lines = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    for labels in ("true", "shuffled"):
        for step, at in found[labels].items():
            high = at["largest"]
            lines.append(
                f"| {labels} | {step} | {at['loss']:.3f} | {high[0]:.2f} | {high[8]:.2f} | {high[9]:.2f} | "
                f"{at['lowest'][0]:.2f} | {at['class means, largest'] / OUTLIERS:.2f} | "
                f"{at['in class means'][8]:.2f} | {at['in class means'][9]:.2f} |"
            )
    return "\n".join(lines)


def at_the_start(networks: list[dict]) -> str:
    """Table of all networks at the start: true labels beside shuffled ones."""

    def row(name: str, values) -> str:
        each = [np.array([values(found[labels][0]) for found in networks]) for labels in ("true", "shuffled")]
        return f"| {name} | " + " | ".join(f"{one.mean():.3g} +- {one.std(ddof=1):.1g}" for one in each) + " |"

    lines = [f"| {len(networks)} networks at the start | true labels | shuffled labels |", "|---|---|---|"]
    lines.append(row("9th largest eigenvalue", lambda at: at["largest"][8]))
    lines.append(row("10th largest eigenvalue", lambda at: at["largest"][9]))
    lines.append(row("lowest eigenvalue", lambda at: at["lowest"][0]))
    for end in ("largest", "lowest"):
        lines.append(row(f"part of the way of training in the 9 {end}", lambda at, end=end: at[f"way, {end}"]))
    for end in ("largest", "lowest"):
        same = np.array([found[f"same {end}"] for found in networks])
        lines.append(
            f"| the 9 {end} of the one in those of the other | {same.mean():.2f} +- {same.std(ddof=1):.1g} | |"
        )
    return "\n".join([*lines, f"| of 9 random directions | {OUTLIERS / networks[0]['true'][0]['size']:.2g} | |"])


def draw(networks: list[dict], path: Path) -> None:
    """Eigenvalues of the first network by rank: largest along training, lowest at the start."""
    from hpcbbp.figures.canvas import COLOURS, canvas, save

    figure, (left, right) = canvas(1, 2, (4.8, 4.0))
    for index, (step, at) in enumerate(networks[0]["true"].items()):
        left.plot(np.arange(1, PAIRS + 1), at["largest"], marker="o", markersize=4, linewidth=1.0,
                  color=COLOURS[index % len(COLOURS)], label=f"step {step}, loss {at['loss']:.2g}")  # fmt: skip
    left.axvline(OUTLIERS + 0.5, color="grey", linestyle=":", linewidth=1.0)
    left.set_yscale("log")
    left.set_xlabel("rank, from the largest")
    left.set_ylabel(r"$\lambda$ of the Hessian, true labels")
    for labels, colour in (("true", COLOURS[0]), ("shuffled", COLOURS[1])):
        for number, found in enumerate(networks):
            right.plot(np.arange(1, PAIRS + 1), found[labels][0]["lowest"], marker=".", linewidth=0.8, color=colour,
                       label=f"{labels} labels" if number == 0 else None)  # fmt: skip
    right.set_xlabel("rank, from the lowest")
    right.set_ylabel(r"$\lambda$ at the start, each network")
    for axis in (left, right):
        axis.legend(frameon=False, fontsize=8)
    save(figure, path, "Hessians of networks on handwritten digits")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--out", type=Path, default=Path("digits.png"), help="picture; its numbers beside it as .json")
    words.add_argument("--networks", type=int, default=5, help="seeds 0, 1, ...")
    words.add_argument("--steps", type=int, nargs="+", default=STEPS, help="of training, 0 first")
    asked = words.parse_args()
    group = Group.world()
    networks = [run(group, seed, asked.steps) for seed in range(asked.networks)]
    if group.rank == 0:
        print(along(networks[0]), at_the_start(networks), sep="\n\n")
        asked.out.with_suffix(".json").write_text(json.dumps(networks, indent=1))
        draw(networks, asked.out)


if __name__ == "__main__":
    main()
