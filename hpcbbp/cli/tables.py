"""What the commands show to people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any

from hpcbbp.cli.output import table
from hpcbbp.errors import InputError
from hpcbbp.machine.table import Column, Table, words
from hpcbbp.machine.wording import decimals, duration, general, number
from hpcbbp.model.columns import METHOD, MODEL, N
from hpcbbp.theory import spectrum, transition

if TYPE_CHECKING:
    from hpcbbp.campaign.plan import Plan, PlanRow
    from hpcbbp.theory import EffectiveThreshold, PredictedPoint, Prediction


def _of_key(title: str, key: str, shown: Callable[[Any], str] = str) -> Column[dict[str, Any]]:
    """Column of rows as JSON has them."""
    return Column(title, itemgetter(key), shown)


_ALPHA = _of_key("alpha", "alpha", general)
_LIMITS = (
    _ALPHA,
    _of_key("left edge lambda_-", "lambda_minus", decimals(8)),
    _of_key("edge", "edge"),
    _of_key("outlier lambda*", "lambda_star", decimals(8)),
    _of_key("overlap m^2", "overlap2", decimals(8)),
)


def theory_tables(answer: dict[str, Any]) -> list[Any]:
    """Tables for `hpcbbp theory`."""
    thresholds = (
        ("alpha_c", number(answer["alpha_c"], 8), "the bulk's left edge is smooth up to here"),
        ("alpha_BBP", number(answer["alpha_bbp"], 8), f"{answer['transition']} transition: outlier above"),
        ("jump of m^2", number(answer["jump_overlap2"], 8), "overlap just above alpha_BBP"),
        ("alpha_0", number(answer["alpha_0"], 8), "where the tangent of m^2 at alpha_BBP+ reaches zero"),
        ("a_c", number(answer["a_c"], 8), "discontinuous for a >= a_c at these p and p*"),
        ("p_c", "-" if answer["p_c"] is None else str(answer["p_c"]), "discontinuous for p >= p_c at these p* and a"),
    )
    scaled = " (eigenvalues of p H)" if answer["p"] == "inf" else ""
    title = f"N = infinity: p = {answer['p']}, p* = {answer['p_star']}, a = {answer['a']:g}{scaled}"
    made: list[Any] = [table(Table(title, words("", "value", "meaning"), thresholds))]
    if answer["points"]:
        made.append(table(Table("", _LIMITS, tuple(answer["points"]))))
        made.append("no outlier left of the bulk knows the student alone")
    made += _below(answer)
    if answer["effective"]:
        made.append(
            table(Table("half of the outliers are seen at alpha_BBP(N)", _EFFECTIVE, tuple(answer["effective"])))
        )
    return made


_RESONANCES = (
    _ALPHA,
    _of_key("Re lambda", "lambda", decimals(8)),
    _of_key("- lambda_-", "distance", number),
    _of_key("width", "width", "{:.3g}".format),
    _of_key("m^2", "overlap2", decimals(8)),
    _of_key("half are seen up to N", "n", lambda n: "-" if n is None else f"{n:.3g}"),
)
_EFFECTIVE = (
    _of_key("N", "n", "{:.6g}".format),
    _of_key("alpha_BBP(N)", "alpha_bbp_n", lambda alpha: number(alpha, 6)),
    _of_key("trusted", "trusted", lambda good: "yes" if good else "no"),
    _of_key("", "reason", lambda reason: reason or ""),
)


def _below(answer: dict[str, Any]) -> list[Any]:
    """Of points below alpha_BBP: the resonance, or why there is none."""
    rows = [
        {**point["resonance"], "alpha": point["alpha"], "n": point["effective_n"],
         "distance": point["resonance"]["lambda"] - point["lambda_minus"]}
        for point in answer["points"] if point["resonance"]
    ]  # fmt: skip
    made: list[Any] = (
        [table(Table("resonance: the outlier below alpha_BBP", _RESONANCES, tuple(rows)))] if rows else []
    )
    missing = [point for point in answer["points"] if not point["resonance"] and point["lambda_star"] is None]
    return [*made, *(f"alpha = {point['alpha']:g}: no resonance ({point['resonance_reason']})" for point in missing)]


_CURVES = (
    _of_key("p", "p"),
    _of_key("a_c: discontinuous from here", "a_c", decimals(6)),
    _of_key("lowest alpha_BBP shown", "lowest_alpha_bbp", decimals(6)),
    _of_key("at a", "at_a", "{:.4g}".format),
)
_THRESHOLDS = (
    _of_key("p", "p"),
    _of_key("a", "a", general),
    _of_key("transition", "transition"),
    _of_key("alpha_c", "alpha_c", decimals(8)),
    _of_key("alpha_BBP", "alpha_bbp", decimals(8)),
    _of_key("jump of m^2", "jump_overlap2", decimals(8)),
    _of_key("alpha_0", "alpha_0", decimals(8)),
)


_EFFECTIVE_OF = (_of_key("p", "p"), _of_key("a", "a", general), *_EFFECTIVE[:3])


def phase_tables(
    curves: Sequence[dict[str, Any]],
    p_star: int,
    points: Sequence[dict[str, Any]],
    effective: Sequence[dict[str, Any]],
) -> list[Any]:
    """Tables for `hpcbbp phase-diagram`: one line a width, and the points given."""
    made = [table(Table(f"N = infinity, p* = {p_star}", _CURVES, tuple(curves)))]
    if points:
        made.append(table(Table("", _THRESHOLDS, tuple(points))))
        if effective:
            made.append(table(Table("half of the outliers are seen", _EFFECTIVE_OF, tuple(effective))))
    return made


_DENSITIES = (
    _ALPHA,
    _of_key("left edge lambda_-", "lambda_minus", decimals(6)),
    _of_key("edge", "edge"),
    _of_key("A: rho ~ exp(-A/(x - lambda_-))", "thinness", decimals(6)),
    _of_key("at 0", "weight_at_zero", decimals(4)),
    _of_key("outlier lambda*", "lambda_star", decimals(6)),
)


def density_tables(answer: dict[str, Any]) -> list[Any]:
    """Tables for `hpcbbp density`."""
    title = f"N = infinity: p = {answer['p']}, p* = {answer['p_star']}, a = {answer['a']:g}"
    return [
        table(Table(title, _DENSITIES, tuple(answer["curves"]))),
        f"right edge: none ({answer['curves'][0]['lambda_plus_reason']})",
    ]


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


def _spread(title: str, name: str) -> Column[PredictedPoint]:
    """A mean over samples, and their standard deviation."""
    mean, std = attrgetter(f"found.{name}"), attrgetter(f"found.{name}_std")
    return Column(title, lambda point: f"{number(mean(point))} ({number(std(point))})")


_PREDICTED: tuple[Column[PredictedPoint], ...] = (
    Column("alpha", attrgetter("limit.alpha"), general),
    Column("N", attrgetter("found.n")),
    Column("samples", attrgetter("found.samples")),
    _spread("lambda_1 (spread)", "lambda_1"),
    Column("- lambda_-", lambda point: point.found.lambda_1 - point.limit.lambda_minus, number),
    _spread("m^2 (spread)", "overlap2"),
    Column("N = inf", attrgetter("limit.overlap2"), number),
    Column("resonance", attrgetter("resonance.overlap2"), number),
    Column("separation", attrgetter("found.separation"), lambda units: number(units, 2)),
    Column("visible", attrgetter("found.visible"), decimals(2)),
    Column("phi", attrgetter("found.phi"), decimals(3)),
)


def _effective(at: EffectiveThreshold) -> str:
    if at.alpha is None:
        return f"none ({at.reason})"
    return f"{at.alpha:.5f}, where half of the outliers are seen" + ("" if at.trusted else "; roughly")


def predict_tables(found: Prediction) -> list[Any]:
    """Tables for `hpcbbp predict`."""
    title = (
        f"p = {found.p}, p* = {found.p_star}, a = {found.a:g}: {found.transition.kind}, "
        f"alpha_BBP = {found.transition.alpha_bbp:.5f}"
    )
    return [
        table(Table(title, _PREDICTED, found.points)),
        *(f"alpha_BBP(N = {at.n:.3g}): {_effective(at)}" for at in found.effective),
        "lambda_1: lowest eigenvalue; lambda_-: left edge at N = infinity; m^2: mean over the lowest p p* vectors\n"
        "resonance: m^2 of the outlier below alpha_BBP, N = infinity\n"
        "separation: median distance of the lowest outlier from the edge, in units of the edge's fluctuations\n"
        "visible: fraction of samples where it exceeds 0.98, as lambda_1 beyond a sharp edge does in 5 of 100\n"
        "phi: fraction of samples whose lowest eigenvalue is an outlier with the largest overlap\n",
    ]


def solve_tables(answer: dict[str, Any]) -> list[Any]:
    """Tables for `hpcbbp solve`, with theory beside it."""

    def each(title: str, key: str, shown: Callable[[Any], str]) -> Column[int]:
        return Column(title, answer[key].__getitem__, shown)

    columns = (
        Column[int]("pair", lambda place: place + 1),
        each("eigenvalue", "eigenvalues", decimals(8)),
        each("residual", "residuals", "{:.1e}".format),
        each("m^2 teacher", "overlap2", decimals(5)),
        each("m^2 student", "student_overlap2", decimals(5)),
        each("converged", "converged_flags", lambda good: "yes" if good else "NO"),
    )
    pairs = tuple(range(len(answer["eigenvalues"])))
    ranks = answer["provenance"]["ranks"]
    title = (
        f"N = {answer['n']}, M = {answer['m']}, p = {answer['p']}, p* = {answer['p_star']}, a = {answer['a']:g}, "
        f"alpha = {answer['alpha']:g}, seed {answer['seed']}, {ranks} rank{'s' if ranks > 1 else ''}"
    )
    searched = f"; verified, {answer['found_by_verification']} added by it" if answer["verified"] else ""
    work = f"{answer['products']} products, {answer['seconds']:.2f} s"
    return [
        table(Table(title, columns, pairs)),
        *theory_lines(answer),
        f"{answer['reason']}{searched}; tolerance {answer['tol']:g}, {work}",
    ]


def theory_lines(answer: dict[str, Any]) -> list[str]:
    """The N = infinity prediction for a solve; what is known is shown, also where there is none."""
    model = answer["p"], answer["p_star"], answer["a"]
    try:
        limit, at = spectrum(*model, answer["alpha"]), transition(*model)
    except InputError as error:
        return [f"theory: none ({error})"]
    outlier = (
        f"no outlier (alpha <= alpha_BBP = {at.alpha_bbp:.5f}, {at.kind})"
        if limit.lambda_star is None
        else f"outlier {limit.lambda_star:.5f} ({answer['p'] * answer['p_star']}-fold), m^2 = {limit.overlap2:.5f}"
    )
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
