"""What the commands show to people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hpcbbp.cli.output import table
from hpcbbp.errors import InputError
from hpcbbp.machine.wording import duration, number
from hpcbbp.theory import spectrum, transition

if TYPE_CHECKING:
    from hpcbbp.campaign.plan import Plan
    from hpcbbp.theory import Prediction


def theory_tables(answer: dict[str, Any]) -> list[Any]:
    """Tables for `hpcbbp theory`."""
    thresholds = [
        ("alpha_c", number(answer["alpha_c"], 8), "the bulk's left edge is smooth up to here"),
        ("alpha_BBP", number(answer["alpha_bbp"], 8), f"{answer['transition']} transition: outlier above"),
        ("jump of m^2", number(answer["jump_overlap2"], 8), "overlap just above alpha_BBP"),
        ("alpha_0", number(answer["alpha_0"], 8), "where the tangent of m^2 at alpha_BBP+ reaches zero"),
        ("a_c", number(answer["a_c"], 8), "discontinuous for a >= a_c at these p and p*"),
        ("p_c", "-" if answer["p_c"] is None else str(answer["p_c"]), "discontinuous for p >= p_c at these p* and a"),
    ]
    scaled = " (eigenvalues of p H)" if answer["p"] == "inf" else ""
    title = f"N = infinity: p = {answer['p']}, p* = {answer['p_star']}, a = {answer['a']:g}{scaled}"
    made: list[Any] = [table(title, ("", "value", "meaning"), thresholds)]
    if answer["points"]:
        rows = [
            (
                f"{point['alpha']:g}",
                number(point["lambda_minus"], 8),
                point["edge"],
                number(point["lambda_star"], 8),
                number(point["overlap2"], 8),
            )
            for point in answer["points"]
        ]
        made.append(table("", ("alpha", "left edge lambda_-", "edge", "outlier lambda*", "overlap m^2"), rows))
        made.append("no outlier left of the bulk knows the student alone")
    return made


def phase_tables(curves: Sequence[dict[str, Any]], p_star: int, points: Sequence[dict[str, Any]]) -> list[Any]:
    """Tables for `hpcbbp phase-diagram`: one line a width, and the points given."""
    rows = [
        (str(curve["p"]), number(curve["a_c"], 6), number(curve["lowest_alpha_bbp"], 6), f"{curve['at_a']:.4g}")
        for curve in curves
    ]
    columns = ("p", "a_c: discontinuous from here", "lowest alpha_BBP shown", "at a")
    made = [table(f"N = infinity, p* = {p_star}", columns, rows)]
    if points:
        names = ("alpha_c", "alpha_bbp", "jump_overlap2", "alpha_0")
        values = [
            (str(at["p"]), f"{at['a']:g}", at["transition"], *(number(at[name], 8) for name in names))
            for at in points
        ]
        made.append(table("", ("p", "a", "transition", "alpha_c", "alpha_BBP", "jump of m^2", "alpha_0"), values))
    return made


def density_tables(answer: dict[str, Any]) -> list[Any]:
    """Tables for `hpcbbp density`."""
    rows = [
        (
            f"{curve['alpha']:g}",
            number(curve["lambda_minus"], 6),
            curve["edge"],
            number(curve["thinness"], 6),
            number(curve["weight_at_zero"], 4),
            number(curve["lambda_star"], 6),
        )
        for curve in answer["curves"]
    ]
    columns = ("alpha", "left edge lambda_-", "edge", "A: rho ~ exp(-A/(x - lambda_-))", "at 0", "outlier lambda*")
    title = f"N = infinity: p = {answer['p']}, p* = {answer['p_star']}, a = {answer['a']:g}"
    return [table(title, columns, rows), f"right edge: none ({answer['curves'][0]['lambda_plus_reason']})"]


def plan_tables(plan: Plan) -> list[Any]:
    """Tables for `hpcbbp plan`."""
    rows = [
        (
            str(row.p),
            str(row.p_star),
            f"{row.a:g}",
            str(row.n),
            row.method,
            row.storage,
            str(row.instances),
            str(row.done),
            duration(row.seconds_left),
            f"{row.gib_per_rank:.2f}",
        )
        for row in plan.grid
    ]
    columns = ("p", "p*", "a", "N", "method", "storage", "instances", "done", "left, one group", "GiB a rank")
    jobs = "" if plan.wall_time is None else f", about {plan.jobs_left} jobs of {duration(plan.wall_time)}"
    allowed = "" if plan.core_hours is None else f" of the {plan.core_hours:g} that the file allows"
    return [
        table(f"{plan.name}: {plan.done} of {plan.instances} instances done", columns, rows),
        f"left on {plan.ranks} ranks, {plan.ranks_per_instance} an instance: about "
        f"{duration(plan.seconds_left)}, longest {duration(plan.longest_instance_seconds)}{jobs}; "
        f"{plan.core_hours_left:.3g} core hours{allowed}",
        f"results: {plan.store}",
    ]


def predict_tables(found: Prediction) -> list[Any]:
    """Tables for `hpcbbp predict`."""
    rows = [
        (
            f"{row['alpha']:g}",
            str(row["n"]),
            str(row["samples"]),
            f"{number(row['lambda_1'])} ({number(row['lambda_1_std'])})",
            number(row["lambda_1"] - row["limit_lambda_minus"]),
            f"{number(row['overlap2'])} ({number(row['overlap2_std'])})",
            number(row["limit_overlap2"]),
            number(row["phi"], 3),
        )
        for row in (point.to_dict() for point in found.points)
    ]
    title = (
        f"p = {found.p}, p* = {found.p_star}, a = {found.a:g}: {found.transition.kind}, "
        f"alpha_BBP = {found.transition.alpha_bbp:.5f}"
    )
    columns = ("alpha", "N", "samples", "lambda_1 (spread)", "- lambda_-", "m^2 (spread)", "N = inf", "phi")
    return [
        table(title, columns, rows),
        "lambda_1: lowest eigenvalue; lambda_-: left edge at N = infinity; m^2: mean over the lowest p p* vectors\n"
        "phi: fraction of samples whose lowest eigenvalue is an outlier with the largest overlap\n",
    ]


def solve_tables(answer: dict[str, Any]) -> list[Any]:
    """Tables for `hpcbbp solve`, with theory beside it."""
    rows = [
        (
            str(i + 1),
            number(value, 8),
            f"{residual:.1e}",
            number(m2, 5),
            number(s2, 5),
            "yes" if good else "NO",
        )
        for i, (value, residual, m2, s2, good) in enumerate(
            zip(
                answer["eigenvalues"],
                answer["residuals"],
                answer["overlap2"],
                answer["student_overlap2"],
                answer["converged_flags"],
                strict=True,
            )
        )
    ]
    ranks = answer["provenance"]["ranks"]
    title = (
        f"N = {answer['n']}, M = {answer['m']}, p = {answer['p']}, p* = {answer['p_star']}, a = {answer['a']:g}, "
        f"alpha = {answer['alpha']:g}, seed {answer['seed']}, {ranks} rank{'s' if ranks > 1 else ''}"
    )
    columns = ("pair", "eigenvalue", "residual", "m^2 teacher", "m^2 student", "converged")
    searched = f"; verified, {answer['found_by_verification']} added by it" if answer["verified"] else ""
    work = f"{answer['products']} products, {answer['seconds']:.2f} s"
    return [
        table(title, columns, rows),
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
    rows = [
        (name, "-" if value is None else str(value))
        for name, value in answer.items()
        if name not in ("missing", "problem", "traps")
    ]
    shown: list[Any] = [table("hpcbbp", ("", ""), rows)]
    shown.append(f"missing: {', '.join(answer['missing']) or 'nothing'}")
    shown += [f"trap: {line}" for line in answer["traps"]] or ["launch: no trap found"]
    if answer["problem"]:
        shown.append(answer["problem"])
    return shown
