"""`hpcbbp explore`: a page in which the paper's model is explored."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from hpcbbp.cli.options import Json
from hpcbbp.cli.theory import parse_units, whole_number
from hpcbbp.machine.files import check_writable


def explore(
    p: Annotated[
        str, typer.Option("-p", "--p", help="Hidden units of the student; inf for the limit (of p H).")
    ] = "2",
    p_star: Annotated[int, typer.Option("--p-star", help="Hidden units of the teacher.")] = 1,
    a: Annotated[float, typer.Option("-a", "--a", help="Constant a > 0 of the normalised loss.")] = 1.5,
    alpha: Annotated[float, typer.Option("--alpha", help="M/N.")] = 1.2,
    n: Annotated[str, typer.Option("-n", "--n", help="N, as 1000 or 1e6; inf for the limit.")] = "1e6",
    out: Annotated[Path, typer.Option("--out", help="The page, one HTML file.")] = Path("explore.html"),
    as_json: Json = False,
) -> None:
    """Write a page with sliders for p, p*, a, alpha and N: phase diagram, m^2, spectrum; it needs no network.

    The values are those that it shows first.
    """
    from hpcbbp.cli.output import Output
    from hpcbbp.explore import write_explorer

    size = math.inf if n in ("inf", "infinity") else whole_number(n)
    check_writable(f"--out {out}", out.parent, (out,))
    write_explorer(out, p=parse_units(p), p_star=p_star, a=a, alpha=alpha, n=size)
    output = Output(as_json)
    if as_json:
        output.json({"file": str(out)})
    else:
        output.show(f"{'page':8} {out}")
