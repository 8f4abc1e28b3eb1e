"""What `hpcbbp theory`, `phase-diagram`, `density` and `predict` show to people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any

from hpcbbp.cli.output import table
from hpcbbp.machine.table import Column, Table, words
from hpcbbp.machine.wording import decimals, general, number
from hpcbbp.model.words import PARTS, Parts

if TYPE_CHECKING:
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


_ERROR = _of_key("error", "error", lambda error: "-" if error is None else f"{error:.1g}")
_LIMITS_WITH_ERROR = (
    _ALPHA,
    _of_key("left edge lambda_-", "lambda_minus", decimals(6)),
    _of_key("edge", "edge"),
    _of_key("outlier lambda*", "lambda_star", decimals(6)),
    _of_key("m^2 teacher", "overlap2", decimals(6)),
    _of_key("m^2 student", "student_overlap2", decimals(6)),
    _ERROR,
)
_OUTLIERS = (
    _ALPHA,
    _of_key("outlier", "eigenvalue", decimals(6)),
    _of_key("m^2 teacher", "overlap2", decimals(6)),
    _of_key("m^2 student", "student_overlap2", decimals(6)),
)


def _parts(answer: dict[str, Any]) -> str:
    """What of a model is not the paper's, for a title."""
    return "".join(f", {name} {answer[name]}" for name in PARTS if answer.get(name))


def _model(answer: dict[str, Any]) -> str:
    """A model for a title."""
    constant = "" if answer["a"] is None else f", a = {answer['a']:g}"
    return f"p = {answer['p']}, p* = {answer['p_star']}{constant}{_parts(answer)}"


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
    parts = _parts(answer)
    title = f"N = infinity: {_model(answer)}{scaled}"
    if answer["threshold_reason"] is not None:
        made: list[Any] = [f"{title}: {answer['threshold_reason']}"]
    else:
        made = [table(Table(title, words("", "value", "meaning"), thresholds[:3] if parts else thresholds))]
    if parts and answer["threshold_error"] is not None:
        made.append(f"error of these: {answer['threshold_error']:.1g}")
    if answer["points"] and parts:
        made.append(table(Table("", _LIMITS_WITH_ERROR, tuple(answer["points"]))))
        several = [point for point in answer["points"] if len(point["outliers"]) > 1]
        if several:
            rows = [{"alpha": point["alpha"], **one} for point in several for one in point["outliers"]]
            made.append(table(Table("all outliers", _OUTLIERS, tuple(rows))))
        return made
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
    _of_key("Im", "imaginary", "{:.2g}".format),
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
    note = "a peak of that weight m^2 as far as the imaginary part of the weight, Im, is small beside it"
    made: list[Any] = (
        [table(Table("resonance: the outlier below alpha_BBP", _RESONANCES, tuple(rows))), note] if rows else []
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
    title = f"N = infinity: {_model(answer)}"
    return [
        table(Table(title, _DENSITIES, tuple(answer["curves"]))),
        f"right edge: none ({answer['curves'][0]['lambda_plus_reason']})",
        *(f"alpha = {at['alpha']:g}: error of rho {at['error']:.1g}" for at in answer["curves"] if _parts(answer)),
    ]


def spectrum_tables(sampled: Sequence[dict[str, Any]]) -> list[Any]:
    """Tables of spectra by quadrature; of none nothing."""
    if not sampled:
        return []

    def moment(order: int) -> Callable[[dict[str, Any]], str]:
        def shown(one: dict[str, Any]) -> str:
            error = one["moment_errors"][order - 1]
            return f"{one['moments'][order - 1]:.6g}" + ("" if error is None else f" ({error:.2g})")

        return shown

    columns: tuple[Column[dict[str, Any]], ...] = (
        Column("spectrum of", lambda one: one["operator"] if "n" not in one else f"N = {one['n']}, {one['method']}"),
        *((_ALPHA,) if "alpha" in sampled[0] else ()),
        _of_key("order", "size"),
        Column("probes x steps", lambda one: f"{one['probes']} x {one['steps']}"),
        Column("tr A/n (error)", moment(1)),
        Column("tr A^2/n (error)", moment(2)),
    )
    if "distance" in sampled[0]:
        columns += (
            _of_key("distance from N = inf", "distance", decimals(5)),
            _of_key("error", "distance_error", lambda error: "-" if error is None else f"{error:.1g}"),
        )
    return [table(Table("stochastic Lanczos quadrature", columns, tuple(sampled)))]


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
    Column("N = inf", attrgetter("mean_overlap2"), number),
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
        f"p = {found.p}, p* = {found.p_star}"
        + (f", a = {found.a:g}" if Parts.of(found.parts).has_constant else "")
        + "".join(f", {name} {word}" for name, word in Parts.of(found.parts).unusual().items())
        + (
            ""
            if found.transition is None
            else f": {found.transition.kind}, alpha_BBP = {found.transition.alpha_bbp:.5f}"
        )
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
