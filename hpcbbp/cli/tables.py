"""What `hpcbbp plan`, `solve` and `info` show to people."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from hpcbbp.cli.output import table
from hpcbbp.errors import InputError
from hpcbbp.machine.table import Column, Table, words
from hpcbbp.machine.wording import decimals, duration
from hpcbbp.model.columns import METHOD, MODEL, N
from hpcbbp.model.words import Parts
from hpcbbp.theory.named import known_transition_of, spectrum_of

if TYPE_CHECKING:
    from hpcbbp.campaign.plan import Plan, PlanRow
    from hpcbbp.dynamics import Landscape, Moment, Trajectory


_PLAN: tuple[Column[PlanRow], ...] = (
    *MODEL,
    N,
    METHOD,
    Column("storage", attrgetter("storage")),
    Column("instances", attrgetter("instances")),
    Column("done", attrgetter("done")),
    Column("left, one group", attrgetter("seconds_left"), duration),
    Column("GiB a rank", attrgetter("gib_per_rank"), "{:.2f}".format),
)


def plan_tables(plan: Plan) -> list[Any]:
    """Tables for `hpcbbp plan`."""
    jobs = "" if plan.wall_time is None else f", about {plan.jobs_left} jobs of {duration(plan.wall_time)}"
    allowed = "" if plan.core_hours is None else f" of the {plan.core_hours:g} that the file allows"
    return [
        table(Table(f"{plan.name}: {plan.done} of {plan.instances} instances done", _PLAN, tuple(plan.grid))),
        f"left on {plan.ranks} ranks, {plan.ranks_per_instance} an instance: about "
        f"{duration(plan.seconds_left)}, longest {duration(plan.longest_instance_seconds)}{jobs}; "
        f"{plan.core_hours_left:.3g} core hours{allowed}",
        f"results: {plan.store}",
    ]


def solve_tables(answer: dict[str, Any], parts: Parts) -> list[Any]:
    """Tables for `hpcbbp solve`, with theory beside it; `parts` are those of the model that was asked for."""

    def each(title: str, key: str, shown: Callable[[Any], str]) -> Column[int]:
        return Column(title, answer[key].__getitem__, shown)

    columns: tuple[Column[int], ...] = (
        Column[int]("pair", lambda place: place + 1),
        each("eigenvalue", "eigenvalues", decimals(8)),
        each("residual", "residuals", "{:.1e}".format),
        each("m^2 teacher", "overlap2", decimals(5)),
        each("m^2 student", "student_overlap2", decimals(5)),
        each("converged", "converged_flags", lambda good: "yes" if good else "NO"),
    )
    if answer["source_residuals"] is not None:
        columns += (each("of the file", "source_residuals", "{:.1e}".format),)
    pairs = tuple(range(len(answer["eigenvalues"])))
    title = _instance_title(answer, parts)
    searched = f"; verified, {answer['found_by_verification']} added by it" if answer["verified"] else ""
    work = f"{answer['products']} products, {answer['seconds']:.2f} s"
    if "float32" in (arithmetic := answer["provenance"].get("arithmetic", "")):
        work += f", sums in {arithmetic}"
    return [
        table(Table(title, columns, pairs)),
        *cluster_lines(answer),
        *theory_lines(answer, parts),
        f"{answer['reason']}{searched}; tolerance {answer['tol']:g} of |lambda|, {work}",
    ]


def _instance_title(answer: dict[str, Any], parts: Parts) -> str:
    ranks = answer["provenance"]["ranks"]
    return (
        f"N = {answer['n']}, M = {answer['m']}, p = {answer['p']}, p* = {answer['p_star']}, "
        + (f"a = {answer['a']:g}, " if parts.has_constant else "")
        + "".join(f"{name} {word}, " for name, word in parts.unusual().items())
        + f"alpha = {answer['alpha']:g}, seed {answer['seed']}, {ranks} rank{'s' if ranks > 1 else ''}"
    )


_MOMENTS: tuple[Column[Moment], ...] = (
    Column("step", attrgetter("step")),
    Column("loss", attrgetter("loss"), "{:.8g}".format),
    Column("m^2", attrgetter("overlap2"), decimals(5)),
    Column("|w|^2/N", lambda at: float(at.norms2.mean()), decimals(5)),
    Column("|grad L|", attrgetter("gradient_norm"), "{:.5g}".format),
)
_SHOWN = 26  # rows of moments: all of 25 steps, or every so many


def descent_tables(found: Trajectory, parts: Parts) -> list[Any]:
    """Tables for `hpcbbp descend`."""
    every = -(-(len(found.moments) - 1) // (_SHOWN - 1)) or 1
    hessians = {at.step for at in found.landscapes}
    moments = tuple(
        at for at in found.moments if at.step % every == 0 or at.step in hessians or at is found.moments[-1]
    )
    pairs = tuple((at, i) for at in found.landscapes for i in range(len(at.eigenvalues)))

    def each(title: str, name: str, shown: Callable[[Any], str]) -> Column[tuple[Landscape, int]]:
        return Column(title, lambda pair: getattr(pair[0], name)[pair[1]], shown)

    columns: tuple[Column[tuple[Landscape, int]], ...] = (
        Column("step", lambda pair: pair[0].step),
        Column("pair", lambda pair: pair[1] + 1),
        each("eigenvalue", "eigenvalues", decimals(8)),
        each("residual", "residuals", "{:.1e}".format),
        each("m^2 teacher", "overlap2", decimals(5)),
        each("m^2 student", "student_overlap2", decimals(5)),
        each("cosine gradient", "gradient_overlap", decimals(5)),
        each("converged", "converged", lambda good: "yes" if good else "NO"),
    )
    how, resumed = found.schedule, f", {found.resumed} of them before" if found.resumed is not None else ""
    return [
        table(Table(_instance_title(found.to_dict(), parts), _MOMENTS, moments)),
        *([table(Table("lowest pairs of the Hessian", columns, pairs))] if pairs else []),
        f"{len(found.moments) - 1} of {how.steps} steps of eta = {how.eta:g}{resumed}, {found.seconds:.2f} s",
    ]


_ERRORS = ("eigenvalue_error", "overlap2_error")


def cluster_lines(answer: dict[str, Any]) -> list[str]:
    """Which pairs may be mixtures, and means over the outliers where there are several."""
    shown, mean = [], answer["cluster"]
    outliers = answer["separated"][: answer["p"] * answer["p_star"]]
    if mixed := [str(place + 1) for place, alone in enumerate(outliers) if not alone]:
        shown.append(f"not separated from others by the residuals, perhaps mixtures: {', '.join(mixed)}")
    if mean is not None and mean["pairs"] > 1:
        errors = ["" if mean[name] is None else f" +- {mean[name]:.1g}" for name in _ERRORS]
        shown.append(
            f"mean of the {mean['pairs']} lowest that are known: lambda = {mean['eigenvalue']:.6f}{errors[0]}, "
            f"m^2 = {mean['overlap2']:.5f}{errors[1]}"
        )
    return shown


def theory_lines(answer: dict[str, Any], parts: Parts) -> list[str]:
    """The N = infinity prediction for a solve; what is known is shown, also where there is none."""
    model = answer["p"], answer["p_star"], answer["a"], str(parts)
    try:
        limit, at = spectrum_of(model, answer["alpha"]), known_transition_of(model) if not str(parts) else None
    except InputError as error:
        return [f"theory: none ({error})"]
    if limit.lambda_star is None:
        why = "" if at is None else f" (alpha <= alpha_BBP = {at.alpha_bbp:.5f}, {at.kind})"
        outlier = f"no outlier{' that knows the teacher' if str(parts) else why}"
    else:
        copies = "" if str(parts) else f" ({answer['p'] * answer['p_star']}-fold)"
        outlier = f"outlier {limit.lambda_star:.5f}{copies}, m^2 = {limit.overlap2:.5f}"
        outlier += f", student {limit.student_overlap2:.5f}" if limit.student_overlap2 > 1e-9 else ""
    return [
        f"theory for Gaussian data, N = infinity: left edge {limit.lambda_minus:.5f} ({limit.edge})",
        f"                                        {outlier}",
    ]


def info_tables(answer: dict[str, Any]) -> list[Any]:
    """Tables for `hpcbbp info`."""
    rows = tuple(
        (name, "-" if value is None else str(value))
        for name, value in answer.items()
        if name not in ("missing", "problem", "traps")
    )
    shown: list[Any] = [table(Table("hpcbbp", words("", ""), rows))]
    shown.append(f"missing: {', '.join(answer['missing']) or 'nothing'}")
    shown += [f"trap: {line}" for line in answer["traps"]] or ["launch: no trap found"]
    if answer["problem"]:
        shown.append(answer["problem"])
    return shown
