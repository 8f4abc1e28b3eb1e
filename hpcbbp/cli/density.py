"""`hpcbbp density`: the bulk at N = infinity, and spectra of finite N or of own operators, by quadrature."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hpcbbp.cli.options import (
    METHODS,
    A,
    Activation,
    Covariance,
    Estimator,
    Json,
    Link,
    Loss,
    Noise,
    OperatorName,
    Seed,
    Storage,
)  # fmt: skip
from hpcbbp.cli.theory import Out, PStar, check_picture, files, parse_units, progress_of, whole_number, writing
from hpcbbp.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hpcbbp.cli.output import Output
    from hpcbbp.machine.ranks import Group
    from hpcbbp.model.problem import Problem
    from hpcbbp.solvers.spectral_density import SpectralDensity

    Array = NDArray[np.float64]

FEW, MANY = 300, 1500
"""Points of a curve, and of one that a simulated spectrum is compared with."""


def density(
    p: Annotated[
        str | None, typer.Option("-p", "--p", help="Hidden units of the student; inf for the limit (of p H).")
    ] = None,
    alpha: Annotated[list[float] | None, typer.Option("--alpha", help="M/N, a curve each; may be repeated.")] = None,
    a: A = None,
    p_star: PStar = 1,
    activation: Activation = None,
    loss: Loss = None,
    noise: Noise = None,
    link: Link = None,
    estimator: Estimator = None,
    covariance: Covariance = None,
    points: Annotated[int | None, typer.Option("--points", help="Points of a curve (300; to compare: 1500).")] = None,
    simulate: Annotated[
        str | None, typer.Option("--simulate", help="N of an instance whose spectrum is drawn over the curve.")
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            help="Of the instance: stored, dice, regenerated, deferred. (deferred)",
            autocompletion=METHODS,
        ),
    ] = None,
    storage: Storage = None,
    seed: Seed = 0,
    probes: Annotated[
        int | None, typer.Option("--probes", help="Random vectors; 2 at least give an error (8; deferred 2).")
    ] = None,
    steps: Annotated[int | None, typer.Option("--steps", help="Lanczos steps of each (100).")] = None,
    operator: OperatorName = None,
    out: Out = Path("density.png"),
    as_json: Json = False,
) -> None:
    """Density of the bulk at N = infinity, from its left edge into its right tail, and how thin a smooth edge is.

    With --simulate N the spectrum of an instance beside it, with --operator that of an operator of your own, both by
    stochastic Lanczos quadrature; under mpirun all ranks work on it.
    """
    from hpcbbp.cli.output import Output
    from hpcbbp.machine.launcher import launched
    from hpcbbp.machine.ranks import Group, abort_on_error
    from hpcbbp.model.words import Parts

    given = {"--method": method, "--storage": storage, "--probes": probes, "--steps": steps}
    parts = Parts.given(
        activation=activation, loss=loss, noise=noise, link=link, estimator=estimator, covariance=covariance
    )
    if operator is not None:
        others = {
            "-p": p, "--alpha": alpha, "-a": a, "--simulate": simulate, "--method": method, "--storage": storage,
            "--points": points, **{f"--{name}": word for name, word in parts.unusual().items()},
        }  # fmt: skip
        for name, value in others.items():
            if value is not None:
                raise InputError(f"{name} with --operator: the function says all about its operator; leave it out")
    elif p is None or not alpha:
        missing = ", ".join(name for name, value in (("-p", p), ("--alpha", alpha)) if not value)
        raise InputError(f"{missing} missing: give -p, -a and --alpha, or an --operator of your own")
    elif simulate is None:
        for name, value in given.items():
            if value is not None:
                raise InputError(f"{name} without --simulate: there is no instance; say of which N")
    csv = check_picture(out)
    sampled = Sampled(method or "deferred", storage, seed, probes, steps)
    group = Group.world() if launched() else Group()
    with abort_on_error(group):
        if operator is not None:
            answer: dict[str, Any] = {"curves": [], "simulated": [sampled.of_operator(operator, group).to_dict()]}
        else:
            model = (parse_units(str(p)), p_star, parts.constant(a, "-a"), str(parts))
            values = list(dict.fromkeys(alpha or []))
            n = None if simulate is None else whole_number(simulate)
            problems = [] if n is None else [sampled.problem(model, at, n, parts) for at in values]
            count = points if points is not None else FEW if n is None else MANY
            answer = _curves(model, values, count, group)
            if n is not None:
                found = [sampled.of(problem, n, group) for problem in problems]
                answer["simulated"] = [_beside(one, at) for one, at in zip(found, answer["curves"], strict=True)]
        if group.rank == 0:
            _show(answer, Output(as_json), out, csv)


@dataclass(frozen=True)
class Sampled:
    """How a spectrum is sampled.

    Attributes
    ----------
    method : str
    storage : str or None
    seed : int
    probes, steps : int or None
        None: as usual.
    """

    method: str
    storage: str | None
    seed: int
    probes: int | None
    steps: int | None

    def __post_init__(self) -> None:
        """Check what can be checked before anything is computed."""
        from hpcbbp.machine.rng import check_seed
        from hpcbbp.solvers.checks import check_storage, method_named
        from hpcbbp.solvers.request import OPTIONS
        from hpcbbp.solvers.spectral_density import check_probes

        check_seed(self.seed)
        check_probes(*self.sizes)
        found = method_named(self.method, OPTIONS)
        if found.whole:
            raise InputError(f"--method {self.method}: one of stored, dice, regenerated, deferred")
        if self.storage is not None:
            check_storage(found, self.storage, OPTIONS)
            if (self.method, self.storage) == ("deferred", "int16"):
                raise InputError("--storage int16: a density keeps images in float64 or float32")

    @property
    def sizes(self) -> tuple[int, int]:
        """Probes, and steps of each."""
        from hpcbbp.solvers.spectral_density import PROBES, STEPS

        usual = 2 if self.method == "deferred" else PROBES
        return usual if self.probes is None else self.probes, STEPS if self.steps is None else self.steps

    def problem(self, model: Any, alpha: float, n: int, parts: Any) -> Problem:
        """That of one alpha, which has a finite p."""
        if model[0] == float("inf"):
            raise InputError("-p inf with --simulate: an instance has a whole number of hidden units")
        found: Problem = parts.problem(model[0], model[1], alpha, model[2])
        found.samples(n)
        return found

    def of(self, problem: Problem, n: int, group: Group) -> dict[str, Any]:
        """Of the Hessian of a drawn instance. Collective."""
        from hpcbbp.solvers.deferred.density import deferred_density
        from hpcbbp.solvers.instance import gaussian_instance

        (probes, steps), storage = self.sizes, self.storage
        where = f"N = {n}, alpha = {problem.alpha:g}"
        if self.method == "deferred":
            with _progress(group, f"Lanczos steps, {where}") as heard:
                found = deferred_density(
                    problem, n, self.seed, probes=probes, steps=steps, storage=storage or "float64", group=group,
                    progress=heard,
                )  # fmt: skip
            return {"n": n, "m": problem.samples(n), "method": self.method, "found": found}
        instance = gaussian_instance(problem, n, self.seed, storage=storage, data=self.method, group=group)
        found = self._quadrature(instance.hessian, group, where)
        return {"n": n, "m": instance.data.m, "method": self.method, "found": found}

    def of_operator(self, words: str, group: Group) -> SpectralDensity:
        """Of an operator that a function of the user's own makes. Collective."""
        from hpcbbp.cli.own import made

        operator = made(words, group)
        return self._quadrature(operator, group, operator.name)

    def _quadrature(self, operator: Any, group: Group, where: str) -> SpectralDensity:
        from hpcbbp.solvers.spectral_density import spectral_density

        probes, steps = self.sizes
        with _progress(group, f"probes, {where}") as heard:
            return spectral_density(operator, probes=probes, steps=steps, seed=self.seed, progress=heard)


@contextmanager
def _progress(group: Group, what: str) -> Iterator[Callable[[int, int], None] | None]:
    """Lines about what takes long, from the first rank."""
    from hpcbbp.cli.progress import Patience

    yield Patience(what, first=10.0) if group.rank == 0 else None


def _curves(model: Any, alphas: list[float], points: int, group: Group) -> dict[str, Any]:
    """Curves of N = infinity. Collective: what is wrong with the model is wrong on all ranks."""
    from hpcbbp.cli.answers import density_answer

    if group.rank > 0:
        return density_answer(model, alphas, points, lambda _: lambda _: None)
    with progress_of(len(alphas), "curves") as part:
        return density_answer(model, alphas, points, part)


def _beside(sampled: dict[str, Any], curve: dict[str, Any]) -> dict[str, Any]:
    """A sampled spectrum with its Kolmogorov-Smirnov distance from a curve."""
    found: SpectralDensity = sampled.pop("found")
    distance, error = found.distance(cumulative_of(curve), [0.0] if curve["weight_at_zero"] else [])
    return {
        **sampled, "alpha": curve["alpha"], **found.to_dict(), "distance": distance,
        "distance_error": error if math.isfinite(error) else None,
    }  # fmt: skip


def cumulative_of(curve: dict[str, Any]) -> Callable[[Array], Array]:
    """Cumulative function of a curve of `hpcbbp density`, with its weight at zero."""
    import numpy as np

    x, rho = np.array(curve["x"]), np.array(curve["rho"])
    sums = np.concatenate([[0.0], np.cumsum(0.5 * (rho[1:] + rho[:-1]) * np.diff(x))])

    def law(at: Array) -> Array:
        found: Array = np.interp(at, x, sums) + curve["weight_at_zero"] * (at >= 0)
        return found

    return law


def _show(answer: dict[str, Any], output: Output, out: Path, csv: Path) -> None:
    import pandas as pd

    from hpcbbp.cli.theory_tables import density_tables, spectrum_tables
    from hpcbbp.figures.canvas import save
    from hpcbbp.figures.spectra import spectra_figure, spectrum_rows
    from hpcbbp.figures.theory import density_figure

    sampled, curves = answer.get("simulated", []), answer["curves"]
    rows = [pd.DataFrame({name: curve[name] for name in ("alpha", "x", "rho")}) for curve in curves]
    rows += [spectrum_rows(one) for one in sampled]
    with writing(out):
        pd.concat(rows).to_csv(csv, index=False, float_format="%.10g")
        save(density_figure(answer) if curves else spectra_figure(answer), out)
    if output.as_json:
        output.json({**answer, "files": [str(out), str(csv)]})
    else:
        shown = density_tables(answer) if curves else []
        output.show(*shown, *spectrum_tables(sampled), *files(out, csv))
