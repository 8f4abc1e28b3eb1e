"""What `hpcbbp theory`, `solve` and `info` show to people."""

from __future__ import annotations

import os
from typing import Any

from hpcbbp import memory, petsc, provenance
from hpcbbp.console import number, table
from hpcbbp.errors import InputError
from hpcbbp.parallel import Group
from hpcbbp.theory import spectrum, transition


def theory_tables(answer: dict[str, Any]) -> list[Any]:
    """Tables for `hpcbbp theory`."""
    thresholds = [
        ("alpha_c", number(answer["alpha_c"], 8), "the bulk's left edge is smooth up to here"),
        ("alpha_BBP", number(answer["alpha_bbp"], 8), f"{answer['transition']} transition: outlier above"),
        ("jump of m^2", number(answer["jump_overlap2"], 8), "overlap just above alpha_BBP"),
        ("alpha_0", number(answer["alpha_0"], 8), "where the tangent of m^2 at alpha_BBP+ reaches zero"),
    ]
    scaled = " (eigenvalues of p H)" if answer["p"] == "inf" else ""
    title = f"N = infinity: p = {answer['p']}, p* = {answer['p_star']}, a = {answer['a']:g}{scaled}"
    made = [table(title, ("", "value", "meaning"), thresholds)]
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
    return made


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
    return [
        table(title, columns, rows),
        *theory_lines(answer),
        f"{answer['reason']}; {answer['products']} products, {answer['seconds']:.2f} s",
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


def system_info() -> dict[str, Any]:
    """Versions, index size, scalar type, cores, memory and what is missing."""
    answer: dict[str, Any] = dict(provenance.versions())
    missing = petsc.missing_modules()
    problem = None
    try:
        petsc.initialize()
        answer |= petsc.versions()
    except InputError as error:
        problem = str(error)
    answer |= {
        "cores": len(os.sched_getaffinity(0)),
        "memory_available_gib": round(memory.available() / 2**30, 2),
        "ranks": Group.world().size if problem is None else 1,
        "missing": missing,
        "problem": problem,
    }
    return answer


def info_tables(answer: dict[str, Any]) -> list[Any]:
    """Tables for `hpcbbp info`."""
    rows = [
        (name, "-" if value is None else str(value))
        for name, value in answer.items()
        if name not in ("missing", "problem")
    ]
    shown: list[Any] = [table("hpcbbp", ("", ""), rows)]
    shown.append(f"missing: {', '.join(answer['missing']) or 'nothing'}")
    if answer["problem"]:
        shown.append(answer["problem"])
    return shown
