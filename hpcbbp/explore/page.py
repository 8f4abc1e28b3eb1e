"""The explorer as one file: template, styles, scripts and what it begins with, joined.

The page computes everything itself, from the quadrature rule and the closed forms of docs/theory.md in JavaScript;
it holds no table, so that nothing is interpolated. tests/explore/test_values.py compares it with hpcbbp.theory.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from hpcbbp._version import __version__
from hpcbbp.errors import InputError, real_number, shown, whole_number
from hpcbbp.machine.files import write_file
from hpcbbp.machine.jsonable import hidden_units
from hpcbbp.theory.domain import check_alpha, check_model

LIMITS: Mapping[str, tuple[float, float]] = {
    "p": (1, 500),
    "p_star": (1, 100),
    "a": (1e-3, 1e3),
    "alpha": (1e-3, 1e6),
    "n": (1e3, 1e30),
}
"""Of what the page takes, p and N also infinity; narrower than hpcbbp.theory, so that an answer takes no time."""

SCRIPTS = (
    "text", "rule", "limit", "contour", "resonance", "threshold", "density", "values",
    "state", "svg", "phase", "overlap", "spectrum", "reading", "words", "controls", "sharing", "main",
)  # fmt: skip
"""In the order in which they stand in the page: what is called while the page is read comes first."""

_HERE = files("hpcbbp.explore")


def write_explorer(
    path: Path | str, *, p: float = 2, p_star: int = 1, a: float = 1.5, alpha: float = 1.2, n: float = 10**6
) -> Path:
    """Write the explorer of the paper's model, one HTML file without anything beside it.

    Parameters
    ----------
    path : Path or str
        Its folder is made; a file that is there is replaced.
    p, p_star : int
        Hidden units of student and teacher that the page shows first; p may be inf.
    a, alpha : float
        Loss constant and M/N.
    n : int
        Dimension N; inf for the limit.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    InputError
        If a value is outside LIMITS, or the file cannot be written.

    Examples
    --------
    >>> write_explorer("explore.html", p=1, a=10.0, alpha=4.0, n=10**5).name
    'explore.html'
    """
    target = Path(path)
    write_file(target, page(check_initial(p, p_star, a, alpha, n)))
    return target


def check_initial(p: Any, p_star: Any, a: Any, alpha: Any, n: Any) -> dict[str, Any]:
    """Return what a page begins with as JSON has it, infinity as "inf"; InputError for a value out of LIMITS."""
    units, teacher, constant = check_model(p, p_star, a)
    if (load := real_number(alpha)) is not None:  # theory's own limits are wider
        _check_limits("alpha", load)
    size = math.inf if real_number(n) == math.inf and whole_number(n) is None else whole_number(n)
    if size is None:
        raise InputError(f"N = {shown(n)}: a whole number, or inf, is wanted")
    found: dict[str, float] = {"p": units, "p_star": teacher, "a": constant, "alpha": check_alpha(alpha), "n": size}
    for name, value in found.items():
        _check_limits(name, value)
    return {**found, "p": hidden_units(units), "n": "inf" if size == math.inf else size}


def _check_limits(name: str, value: float) -> None:
    """InputError for a number outside LIMITS; what is no number is refused by who reads it."""
    low, high = LIMITS[name]
    infinite = name in ("p", "n")
    if value < low or (value > high and not (infinite and value == math.inf)):
        what = f"{'N' if name == 'n' else name} = {shown(value)}"
        raise InputError(f"{what}: the explorer takes {low:g} to {high:g}{', and inf' if infinite else ''}")


def page(initial: Mapping[str, Any]) -> str:
    """Return the page that begins with these values, which have been checked."""
    settings = {"initial": dict(initial), "limits": dict(LIMITS), "version": __version__}
    parts = {
        "style": _text("style.css"),
        "chart_style": _text("chart.css"),
        "script": f'(() => {{\n"use strict";\n{script()}\n}})();',
        "settings": json.dumps(settings),
        "version": __version__,
    }
    return re.sub(r"@@(\w+)@@", lambda found: parts[found[1]], _text("page.html"))


def script() -> str:
    """Return the scripts of the page as one."""
    return "\n".join(_text(f"script/{name}.js") for name in SCRIPTS)


def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8").rstrip("\n")
